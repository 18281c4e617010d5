"""The inbox, the bell, and what is done with one notification."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from saas import hooks
from saas.access import is_navigation, signed_in
from saas.htmx import is_htmx, page_or_part, redirect, toast
from saas.http import SignedInRequest, get_or_404, safe_next
from saas.notifications import opening, services
from saas.notifications.models import ARCHIVE, Notification
from saas.tenancy import now

INBOX_PAGE = "notifications/list.html"
BELL = "notifications/bell.html"
SHOWN_IN_BELL = 8
SHOW = (("all", "All"), ("unread", "Unread"), ("archived", "Archived"))
ICONS = {
    "info": "info",
    "success": "circle-check",
    "warning": "triangle-alert",
    "error": "circle-x",
    "invitation": "mail-plus",
    "mention": "at-sign",
}


@signed_in
@require_safe
def inbox(request: SignedInRequest) -> HttpResponse:
    """Four reads: the person, the rows, and the organizations' ids and names."""
    opened_at = now()  # before the rows are read: what comes later was not on the page
    show = request.GET.get("show", "")
    show = show if show in dict(SHOW) else "all"
    member_of = hooks.organizations_of(request.user.pk)
    chosen = request.GET.get("organization", "")
    chosen = chosen if chosen in member_of else ""
    page = services.get_notifications(
        request.user,
        unread_only=show == "unread",
        archived=show == "archived",
        organization=chosen or None,
        cursor=request.GET.get("cursor", ""),
    )
    named = hooks.organizations({*member_of, *(row.get("organization_id") for row in page.rows)})
    context = {
        "rows": [shown(row, named) for row in page.rows],
        "show": show,
        "tabs": tabs(show, chosen),
        "organizations": sorted((named[key] for key in member_of if key in named), key=lambda org: org.name.casefold()),
        "chosen": chosen,
        "until": opened_at.isoformat(),
        "here": request.get_full_path(),
        **page.links(request),
    }
    return page_or_part(request, INBOX_PAGE, context, partial="inbox")


def tabs(show: str, chosen: str) -> list[dict[str, Any]]:
    base, more = reverse("notifications:list"), f"&organization={chosen}" if chosen else ""
    return [{"label": label, "url": f"{base}?show={key}{more}", "active": key == show} for key, label in SHOW]


def shown(row: dict[str, Any], named: dict[str, Any]) -> dict[str, Any]:
    """What a line of the inbox needs."""
    organization = named.get(row.get("organization_id") or "")
    return {
        **row,
        "icon": ICONS.get(row["type"], "bell"),
        "organization": organization.name if organization else "",
        "is_archived": row["place"] == ARCHIVE,
    }


# -- the bell ----------------------------------------------------------------------------------------------------------


@signed_in
@require_safe
def count(request: SignedInRequest) -> HttpResponse:
    """The badge: how many the person has not seen."""
    return render(request, f"{BELL}#count", {"unseen": services.count_unseen(request.user)})


@signed_in
@require_safe
def recent(request: SignedInRequest) -> HttpResponse:
    """What the bell shows when it is opened."""
    opened_at = now()
    page = services.get_notifications(request.user, limit=SHOWN_IN_BELL)
    named = hooks.organizations({row.get("organization_id") for row in page.rows})
    context = {"rows": [shown(row, named) for row in page.rows], "until": opened_at.isoformat()}
    return render(request, "notifications/recent.html", context)


@signed_in
@require_POST
def seen(request: SignedInRequest) -> HttpResponse:
    services.mark_seen(request.user, until=read_until(request))
    return HttpResponse(status=204)


@signed_in
@require_POST
def read_all(request: SignedInRequest) -> HttpResponse:
    """Everything up to the moment at which the page was opened, which comes with the form."""
    organization = request.POST.get("organization", "")
    chosen = organization if organization in hooks.organizations_of(request.user.pk) else None
    if organization and chosen is None:
        raise BadRequest("There is no such organization.")
    changed = services.mark_all_read(request.user, until=read_until(request), organization=chosen)
    if is_htmx(request):  # the list hears of it by the event and asks again
        response = HttpResponse(status=204)
        response["HX-Trigger"] = "notifications-changed"
        return response
    words = f"{changed} marked as read." if changed else "There was nothing unread."
    return toast(redirect(request, safe_next(request, reverse("notifications:list"))), words, request=request)


def read_until(request: HttpRequest) -> datetime:
    """The form's `until`, not later than now.  Raises BadRequest."""
    try:
        until = parse_datetime(request.POST.get("until", ""))
    except ValueError:
        until = None
    if until is None or until.tzinfo is None:
        raise BadRequest("The form does not say until when.")
    return min(until, now())


# -- one of them -------------------------------------------------------------------------------------------------------


@signed_in
@require_safe
def open_one(request: SignedInRequest, notification_id: str) -> HttpResponse:
    """Lead to what it tells of, and mark it as read.

    A link, so that it opens in a new tab and without JavaScript. Following it changes nothing but this mark in the
    person's own inbox; a browser that fetches ahead is led on all the same, and marks nothing.
    """
    found = find(request, notification_id)
    if is_click(request):
        services.mark_read(found)
    try:
        path = opening.destination(found, request.user)
    except opening.NothingThere:
        return render(request, "notifications/gone.html", {"notification": found}, status=404)
    return redirect(request, path or "notifications:list")


def is_click(request: HttpRequest) -> bool:
    """Whether the person goes there now, and no browser or mail client looks ahead."""
    purpose = request.headers.get("Sec-Purpose", "") + request.headers.get("Purpose", "")
    return request.method == "GET" and "prefetch" not in purpose and is_navigation(request)


@signed_in
@require_POST
def read(request: SignedInRequest, notification_id: str) -> HttpResponse:
    return mark(request, notification_id, services.mark_read)


@signed_in
@require_POST
def unread(request: SignedInRequest, notification_id: str) -> HttpResponse:
    return mark(request, notification_id, services.mark_unread)


@signed_in
@require_POST
def put_away(request: SignedInRequest, notification_id: str) -> HttpResponse:
    return mark(request, notification_id, services.archive)


@signed_in
@require_POST
def put_back(request: SignedInRequest, notification_id: str) -> HttpResponse:
    return mark(request, notification_id, services.unarchive)


def mark(request: SignedInRequest, notification_id: str, change: Callable[[Notification], bool]) -> HttpResponse:
    """Change one and go back to the list; with htmx the list asks again, which fits every filter."""
    change(find(request, notification_id))
    if is_htmx(request):
        response = HttpResponse(status=204)
        response["HX-Trigger"] = "notifications-changed"
        return response
    return redirect(request, safe_next(request, reverse("notifications:list")))


def find(request: SignedInRequest, notification_id: str) -> Notification:
    """Raises Http404, also for somebody else's."""
    found: Notification = get_or_404(services.mine(request.user), pk=notification_id)
    return found
