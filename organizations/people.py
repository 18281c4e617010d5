"""Names beside things: whoever stands in a list, by one read."""

from collections.abc import Iterable
from typing import Any

from accounts.models import User
from organizations.models import Membership, Organization


def people_by_id(ids: Iterable[str | None], *, known: Any = None) -> dict[str, User]:
    """The people with these ids, by id; somebody who is gone is missing.

    One read, and none when all of them are `known`: mostly the person who asks.
    """
    found: dict[str, User] = {known.pk: known} if known is not None else {}
    wanted = {key for key in ids if key} - found.keys()
    if wanted:
        found |= {user.pk: user for user in User.objects.filter(pk__in=wanted).only("name", "email")}
    return found


def members_of(org: Organization) -> list[User]:
    """The people of the organization by name, without the suspended ones.  Two reads."""
    ids = list(Membership.objects.filter(organization_id=org.pk, suspended_at=None).values_list("user_id", flat=True))
    people = User.objects.filter(pk__in=ids, is_active=True).only("name", "email")
    return sorted(people, key=lambda user: user.display_name.casefold())
