"""What somebody who wants to close the account must settle here first."""

from collections.abc import Iterator
from typing import Any

from django.urls import reverse

from accounts.deletion import Blocker
from organizations.models import Membership, Organization
from organizations.services.rights import other_owners, owner_role
from saas.db import in_transaction, lock


def organizations_owned_alone(user: Any) -> Iterator[Blocker]:
    """The organizations, by name, that would be left without an owner; not those that are being deleted.

    Inside a transaction no owner leaves one of them until the commit.  Two reads, and two for each one owned.
    """
    mine = {m.organization_id: m for m in Membership.objects.filter(user_id=user.pk, role=owner_role())}
    found = Organization.objects.filter(pk__in=list(mine), deletes_at=None) if mine else []
    for org in sorted(found, key=lambda org: org.name.casefold()):
        if in_transaction():
            lock(org)
        if not mine[org.pk].suspended_at and not other_owners(org, mine[org.pk]):
            yield as_blocker(org)


def as_blocker(org: Organization) -> Blocker:
    has_others = Membership.objects.filter(organization_id=org.pk, suspended_at=None)[:2].count() > 1
    hand_over = ("Hand it over", reverse("organizations:ownership", args=[org.slug]))
    delete = ("Delete it", reverse("organizations:organization_delete", args=[org.slug]))
    if has_others:
        words = "You are its only owner. Hand it over, make another member an owner, or delete it."
        return Blocker(org.name, words, (hand_over, delete))
    invite = ("Invite somebody", reverse("organizations:member_list", args=[org.slug]))
    return Blocker(
        org.name, "You are its only member. Delete it, or invite somebody to take it over.", (delete, invite)
    )
