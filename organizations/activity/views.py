"""The feed's page, and the parts of it that other pages show."""

from typing import Any

from django.http import HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from organizations.activity.feed import count_newer, get_activity_feed
from organizations.activity.forms import FeedFilterForm
from organizations.activity.words import by_day, lines_of
from organizations.people import members_of
from saas.access import org_view
from saas.htmx import page_or_part
from saas.http import OrgRequest

LIST_PAGE = "organizations/activity_list.html"
PAGE_SIZE = 20
RECENT = 5
#: Filters of a panel on another page's side: the page of an object, or of a person.
PANEL = ("resource_id", "about")


@org_view("organization.read")
@require_safe
def activity_list(request: OrgRequest) -> HttpResponse:
    form = FeedFilterForm(request.GET, org=request.org, viewer=request.user)
    filters = form.filters()
    cursor = request.GET.get("cursor", "")
    page = get_activity_feed(request.org, viewer=request.user, limit=PAGE_SIZE, cursor=cursor, **filters)
    lines = lines_of(page.rows, org=request.org, viewer=request.user)
    seen = number(request.GET.get("seen"))
    for line in lines:
        line["is_new"] = seen is not None and line.get("sequence", 0) > seen
    context = {
        "days": by_day(lines),
        "form": form,
        "people": people_on(lines, request, chosen=filters.get("actor", "")),
        "chosen": filters,
        "object_name": next((line["target_name"] for line in lines if line.get("target_name")), "this object"),
        "is_first": not page.previous,
        "query": without_place(request.GET),
        "latest": max((line.get("sequence", 0) for line in lines), default=0),
        **page.links(request),
    }
    return page_or_part(request, LIST_PAGE, context, partial="feed")


@org_view("organization.read")
@require_safe
def activity_new(request: OrgRequest) -> HttpResponse:
    """The bar above the feed: how many lines have come since it was read."""
    filters = FeedFilterForm(request.GET, org=request.org, viewer=request.user).filters()
    latest = number(request.GET.get("seen")) or 0
    count = count_newer(request.org, viewer=request.user, than=latest, filters=filters)
    context = {"count": count, "query": without_place(request.GET), "latest": latest}
    return render(request, f"{LIST_PAGE}#new", context)


@org_view("organization.read")
@require_safe
def activity_people(request: OrgRequest) -> HttpResponse:
    """The people to choose from, fetched after the page."""
    people = [(user.pk, user.display_name) for user in members_of(request.org)]
    return render(
        request, f"{LIST_PAGE}#people", {"people": people, "chosen": {"actor": request.GET.get("person", "")}}
    )


@org_view("organization.read")
@require_safe
def activity_recent(request: OrgRequest) -> HttpResponse:
    """The panel of the dashboard, of an object's page (`resource_id`) or of a person's (`about`)."""
    filters = {name: value for name in PANEL if (value := request.GET.get(name, "")[:100])}
    page = get_activity_feed(request.org, viewer=request.user, limit=RECENT, **filters)
    feed = reverse("organizations:activity_list", args=[request.org.slug])
    if "resource_id" in filters:
        feed += f"?about={filters['resource_id']}"
    elif "about" in filters:
        feed += f"?person={filters['about']}"
    context = {
        "lines": lines_of(page.rows, org=request.org, viewer=request.user),
        "has_more": bool(page.next),
        "list_url": feed.partition("?")[0],
        "feed_url": feed,
        "is_part": bool(filters),
    }
    return render(request, "organizations/activity_recent.html", context)


# -- the parts ---------------------------------------------------------------------------------------------------------


def people_on(lines: list[dict[str, Any]], request: OrgRequest, *, chosen: str) -> list[tuple[str, str]]:
    """The people of this page of the feed, and who asks: known without a read.  activity_people has them all."""
    found = {request.user.pk: request.user.display_name}
    found |= {line["user_id"]: line["actor_name"] for line in lines if line.get("user_id")}
    if chosen and chosen not in found:
        found[chosen] = "Somebody else"
    return sorted(found.items(), key=lambda pair: pair[1].casefold())


def without_place(query: QueryDict) -> str:
    """The filters alone, as they stand in an address."""
    kept = query.copy()
    for name in ("cursor", "seen"):
        kept.pop(name, None)
    return kept.urlencode()


def number(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) < 15 else None
