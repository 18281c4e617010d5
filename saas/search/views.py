"""The page of search, and the palette that opens over every page."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from saas import hooks, navigation, resources
from saas.access import org_view, signed_in
from saas.htmx import page_or_part
from saas.http import OrgRequest, SignedInRequest
from saas.paging import address
from saas.ratelimit import with_rate_limit
from saas.search import actions
from saas.search.actions import Line
from saas.search.finding import COUNTED, QUERY_LENGTH, search
from saas.search.results import Hit

PAGE = "search/results.html"
OPTIONS = "search/palette_options.html"
HITS, ORGANIZATIONS = 6, 5  # lines of the palette
#: Somebody who types quickly asks three times a second.
PALETTE_LIMIT = "600/minute"


# -- the page ----------------------------------------------------------------------------------------------------------


@org_view("organization.read")
@with_rate_limit("120/minute")
@require_safe
def results(request: OrgRequest) -> HttpResponse:
    query = query_of(request)
    resource, tag = request.GET.get("resource", "")[:60], request.GET.get("tag", "")[:60]
    found = search(
        query,
        organization=request.org,
        actor=request.user,
        resource=resource,
        tags=[tag] if tag else None,
        cursor=request.GET.get("cursor", ""),
        facets=True,
    )
    known = resources.get(resource)
    context = {
        "query": query,
        "results": found,
        "resource": resource,
        "resource_label": known.plural if known else resource,
        "tag": tag,
        "total": sum(each.count for each in found.resources),
        "counted": COUNTED,
        "all_url": page_of_results(request.org, query),
        "next_url": address(request, found.next),
        "previous_url": address(request, found.previous),
    }
    return page_or_part(request, PAGE, context, partial="results")


# -- the palette -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Lines of the palette under one heading."""

    label: str
    lines: list[Line] | list[Hit]


@org_view("organization.read")
@with_rate_limit(PALETTE_LIMIT)
@require_safe
@never_cache
def palette(request: OrgRequest) -> HttpResponse:
    """The options for what is typed, as a part of a page."""
    query, org, person = query_of(request), request.org, request.user
    found = search(query, organization=org, actor=person, limit=HITS)
    pages = [Line(each["label"], each["icon"], each["url"]) for each in navigation.for_request(request)]
    groups = [
        Group("Go to", actions.matching(pages, query)),
        Group("Actions", actions.matching(actions.of_organization(person, org), query)),
        Group("Similar" if found.is_similar else "Found", found.hits),
        *groups_of_person(person, query, here=org.pk),
    ]
    return options(request, groups, query, page_of_results(org, query) if query else "")


@signed_in
@with_rate_limit(PALETTE_LIMIT)
@require_safe
@never_cache
def palette_anywhere(request: SignedInRequest) -> HttpResponse:
    """The same outside of an organization: there is nothing to search, but much to go to."""
    query = query_of(request)
    return options(request, groups_of_person(request.user, query), query)


def groups_of_person(person: Any, query: str, here: str = "") -> list[Group]:
    """The person's organizations but the one `here`, and the pages about oneself.  Two reads."""
    known = hooks.organizations(hooks.organizations_of(str(person.pk)))
    others = sorted((org for key, org in known.items() if key != here), key=lambda org: org.name.casefold())
    switch = [Line(org.name, "building-2", f"/o/{org.slug}/", words="switch to organization") for org in others]
    return [
        Group("Switch to", actions.matching(switch, query)[:ORGANIZATIONS]),
        Group("Your account", actions.matching(actions.of_person(person), query)),
    ]


def options(request: SignedInRequest, groups: list[Group], query: str, more: str = "") -> HttpResponse:
    """`more`: the address of the page with all that is found."""
    numbered = [group for group in groups if group.lines]
    return render(request, OPTIONS, {"groups": numbered, "query": query, "more": more})


def page_of_results(org: Any, query: str) -> str:
    return f"{reverse('search:results', args=[org.slug])}?{urlencode({'q': query})}"


def query_of(request: SignedInRequest) -> str:
    return " ".join(request.GET.get("q", "")[:QUERY_LENGTH].split())
