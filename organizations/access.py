"""Who belongs where: the two reads on which every organization page stands."""

from datetime import timedelta
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from organizations.models import Membership, Organization
from saas.access import Elsewhere, Moved
from saas.mongo.rows import find_row

#: How exact `last_active_at` is: one write in this time for each member.
ACTIVE_EVERY = timedelta(hours=1)


class AccessSuspended(PermissionDenied):
    """The person is a member whose access an admin has taken away."""

    title = "Your access is suspended"


class OrganizationGone(Http404):
    """An owner has deleted the organization.  For its other members."""

    title = "This organization is gone"


def find_membership(slug: str, user: Any) -> tuple[Organization, Membership] | None:
    """The organization at `/o/<slug>/` and the user's membership of it, or None for an outsider.  Two indexed finds.

    The membership is remembered on the user object, so that `can()` asks no more during the request.  Raises
    AccessSuspended; Moved for an address that the organization has left; for one that is being deleted Elsewhere, for
    those who may restore it, and OrganizationGone.
    """
    from organizations.services.addresses import formerly_at  # which imports organizations.roles, and that this

    org = find_row(Organization, slug=slug) or formerly_at(slug)
    membership = org and find_row(Membership, user_id=user.pk, organization_id=org.pk)
    if not org or not membership:
        return None
    if membership.suspended_at:
        raise AccessSuspended(
            f"You still belong to {org.name}, but an admin has suspended your access. Ask an admin of the organization."
        )
    if org.deletes_at:
        raise closed(org, membership)
    if not org.is_active:
        return None
    if org.slug != slug:
        raise Moved(org.slug)
    note_activity(membership)
    remembered(user)[org.pk] = membership
    return org, membership


def closed(org: Organization, membership: Membership) -> Exception:
    """What a member meets at an organization that is being deleted."""
    from organizations import roles

    if roles.has_permission(membership.role, "organization", "delete"):
        return Elsewhere(reverse("organizations:organization_restore", args=[org.pk]))
    return OrganizationGone(f"{org.name} was deleted by one of its owners, who may still bring it back. Ask them.")


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


def suspended_in(user: Any) -> list[Organization]:
    """The organizations that the person belongs to and has no access to, by name.  At most two reads."""
    mine = Membership.objects.filter(user_id=user.pk).exclude(suspended_at=None)
    ids = list(mine.values_list("organization_id", flat=True))
    found = Organization.objects.filter(pk__in=ids, is_active=True) if ids else []
    return sorted(found, key=lambda org: org.name.casefold())


def being_deleted(user: Any) -> list[Organization]:
    """The person's organizations that he may still restore, the next to go first.  Two reads."""
    from organizations import roles

    names = [role.name for role in roles.organization_roles() if "organization.delete" in role.permissions]
    mine = Membership.objects.filter(user_id=user.pk, role__in=names, suspended_at=None)
    ids = list(mine.values_list("organization_id", flat=True))
    found = Organization.objects.filter(pk__in=ids, deletes_at__gt=timezone.now()) if ids else []
    return sorted(found, key=lambda org: org.deletes_at)


def last_open(user: Any, slug: str) -> Organization | None:
    """The organization to lead somebody to: the one at `slug` if it is one of his, else where he was last.  Two reads.

    `slug` is what the session remembers; a new session remembers nothing, but the memberships know to the hour.
    """
    mine = memberships_of(user)
    here = next((org for org, _ in mine if org.slug == slug), None)
    if here or not mine:
        return here
    return max(mine, key=lambda pair: pair[1].last_active_at or pair[1].created_at)[0]
