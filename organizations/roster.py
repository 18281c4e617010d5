"""The lists of the members page: who belongs to the organization, and who is invited.  Ordered by an index."""

from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from django.db.models import Q

from accounts.models import User
from organizations.models import Invitation, Membership, Organization
from saas.paging import Page, read_page

SIZE = 50
#: Searching looks at the names of so many members, the ones who joined first.
SEARCHED = 5000


@dataclass(frozen=True, slots=True)
class Entry:
    """One line: a membership and its person."""

    membership: Membership
    user: User


def members_page(org: Organization, *, query: str = "", cursor: str = "") -> Page[Entry]:
    """Members in the order in which they joined; `query` is a part of a name or address, in any case.  Two reads."""
    people: dict[str, User] = {}

    def fetch(conditions: dict[str, Any], descending: bool, limit: int) -> list[Membership]:
        found = list(memberships(org, conditions, descending, SEARCHED if query else limit))
        people.update(people_of(found, query))
        return [each for each in found if each.user_id in people][:limit]

    page = read_page(fetch, order="created_at", cursor=cursor, size=SIZE, key=lambda row: (row.created_at, row.pk))
    entries = [Entry(each, people[each.user_id]) for each in page.rows]
    return Page(entries, next=page.next, previous=page.previous)


def memberships(org: Organization, conditions: dict[str, Any], descending: bool, limit: int) -> Any:
    way = -1 if descending else 1
    match = {"organization_id": ObjectId(org.pk), **conditions}
    return Membership.objects.raw_aggregate(
        [{"$match": match}, {"$sort": {"created_at": way, "_id": way}}, {"$limit": limit}]
    )


def people_of(found: list[Membership], query: str) -> dict[str, User]:
    people = User.objects.filter(pk__in=[each.user_id for each in found])
    if query:
        people = people.filter(Q(name__icontains=query) | Q(email__icontains=query))
    return {user.pk: user for user in people.only("name", "email", "is_active")} if found else {}


def invitations_page(org: Organization, *, cursor: str = "") -> Page[Invitation]:
    """Pending invitations, the newest first, with who sent them.  Two reads."""

    def fetch(conditions: dict[str, Any], descending: bool, limit: int) -> list[Invitation]:
        way = -1 if descending else 1
        match = {"organization_id": ObjectId(org.pk), "status": Invitation.Status.PENDING.value, **conditions}
        pipeline: list[dict[str, Any]] = [
            {"$match": match},
            {"$sort": {"created_at": way, "_id": way}},
            {"$limit": limit},
        ]
        return list(Invitation.objects.raw_aggregate(pipeline))

    page = read_page(fetch, order="-created_at", cursor=cursor, size=SIZE, key=lambda row: (row.created_at, row.pk))
    senders = {
        user.pk: user for user in User.objects.filter(pk__in={i.invited_by_id for i in page.rows}).only("name", "email")
    }
    for invitation in page.rows:
        invitation.invited_by = senders.get(invitation.invited_by_id)
        invitation.organization = org
    return page
