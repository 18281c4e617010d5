"""Who belongs where: the two reads on which every organization page stands."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.utils import timezone

from organizations.models import Membership, Organization

#: How exact `last_active_at` is: one write in this time for each member.
ACTIVE_EVERY = timedelta(hours=1)


class AccessSuspended(PermissionDenied):
    """The person is a member whose access an admin has taken away."""

    title = "Your access is suspended"


def find_membership(slug: str, user: Any) -> tuple[Organization, Membership] | None:
    """The organization at `/o/<slug>/` and the user's membership of it, or None for an outsider.  Two indexed finds.

    The membership is remembered on the user object, so that `can()` asks no more during the request.  Raises
    AccessSuspended.
    """
    org = Organization.objects.filter(slug=slug, is_active=True).first()
    membership = org and Membership.objects.filter(user_id=user.pk, organization_id=org.pk).first()
    if not org or not membership:
        return None
    if membership.suspended_at:
        raise AccessSuspended(
            f"You still belong to {org.name}, but an admin has suspended your access. Ask an admin of the organization."
        )
    note_activity(membership)
    remembered(user)[org.pk] = membership
    return org, membership


def note_activity(membership: Membership) -> None:
    """Write when the member was here, once an hour."""
    moment = timezone.now()
    if membership.last_active_at is None or moment - membership.last_active_at > ACTIVE_EVERY:
        Membership.objects.filter(pk=membership.pk).update(last_active_at=moment)
        membership.last_active_at = moment


def membership_of(user: Any, org: Organization) -> Membership | None:
    """The user's membership of `org`; no read when `find_membership` has found it in this request."""
    found = remembered(user).get(org.pk)
    return found or Membership.objects.filter(user_id=user.pk, organization_id=org.pk, suspended_at=None).first()


def remembered(user: Any) -> dict[str, Membership]:
    return user.__dict__.setdefault("_memberships", {})


def memberships_of(user: Any) -> list[tuple[Organization, Membership]]:
    """The person's organizations by name, with the memberships.  Two reads."""
    memberships = {m.organization_id: m for m in Membership.objects.filter(user_id=user.pk, suspended_at=None)}
    organizations = Organization.objects.filter(pk__in=list(memberships), is_active=True)
    return [(org, memberships[org.pk]) for org in sorted(organizations, key=lambda org: org.name.casefold())]
