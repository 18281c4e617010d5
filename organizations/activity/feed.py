"""Reading the feed."""

from typing import Any

from organizations.activity.models import Activity
from saas import hooks
from saas.paging import Page, page_of

#: What a line needs.
LISTED = (
    "sequence", "user_id", "actor_name", "type", "action", "resource", "resource_id", "target_name", "is_gone",
    "metadata", "created_at",
)  # fmt: skip
LONGEST = 200  # lines of one page


def get_activity_feed(
    org: Any,
    *,
    viewer: Any,
    limit: int = 50,
    cursor: str | None = None,
    actor: Any = None,
    type: str | None = None,  # noqa: A002 - the field's name
    resource: str | None = None,
    resource_id: str | None = None,
    about: str | None = None,
) -> Page[dict[str, Any]]:
    """One page of the feed, the newest first, as dictionaries.  One read beside the viewer's role.

    `viewer` is the person who reads: what his role, or an object's circle of readers, keeps from him is left out.
    `actor` is a user or its id; `about` is the id of a user, for what the person did and what was done to the person.
    At most 200 lines; `page.next` is the cursor of the older ones, "" at the end.  Raises nothing for a cursor that
    makes no sense: it leads to the first page.
    """
    found = visible(org, viewer)
    if actor:
        found = found.filter(user_id=str(getattr(actor, "pk", actor)))
    if type:
        found = found.filter(type=type)
    if resource:
        found = found.filter(resource=resource)
    if resource_id:
        found = found.filter(resource_id=str(resource_id))
    if about:
        found = found.filter(__raw__=about_person(str(about)))
    return page_of(found, cursor=cursor or "", size=max(1, min(limit, LONGEST)), only=LISTED)


def visible(org: Any, viewer: Any) -> Any:
    """The activities that this person may know of, as a queryset.  No read beside the role's."""
    return Activity.objects.for_org(org).filter(__raw__=hooks.search_filter(viewer, org))


def about_person(user_id: str) -> dict[str, Any]:
    key = Activity.user_id.prepare_query_value("exact", user_id)
    return {"$or": [{"user_id": key}, {"resource_id": user_id}]}


def count_newer(org: Any, *, viewer: Any, than: int, filters: dict[str, Any], limit: int = 100) -> int:
    """How many lines have come since the line with the sequence `than`; `limit` where there are more.  One read.

    A line that comes late stands further down, so it counts by its place in the log and not by its time.
    """
    page = get_activity_feed(org, viewer=viewer, limit=limit, **filters)
    return sum(row.get("sequence", 0) > than for row in page.rows)
