"""Who may decide about whom: asked by the services themselves, of the database, inside their transaction."""

from typing import Any

from django.conf import settings

from accounts.models import User
from organizations import roles
from organizations.models import Membership, Organization
from saas.errors import Problem

MANAGE = "organization.manage_members"


class NotAllowed(Problem):
    """The acting person's role does not include this."""

    status = 403


class RoleNotManageable(Problem):
    """The acting person may not give this role, or decide about somebody who has it."""


class LastOwner(Problem):
    """The organization would be left without an owner."""


class MemberGone(Problem):
    """The person is no member of the organization, perhaps since a moment ago."""


def manager_of(org: Organization, actor: Any) -> roles.Role:
    """The role by which `actor` manages members, as it is now.  Raises NotAllowed."""
    membership = Membership.objects.filter(user_id=actor.pk, organization_id=org.pk, suspended_at=None).first()
    if membership is None or not roles.has_permission(membership.role, *MANAGE.split(".")):
        raise NotAllowed("Your role does not include managing members. Ask an admin or owner.")
    return roles.get_role(membership.role)


def require_manageable(manager: roles.Role, role: str) -> None:
    """Raises RoleNotManageable.  A role that does not exist any more may be taken from anybody."""
    known = {each.name: each for each in roles.organization_roles()}
    if role not in manager.manageable_roles and role in known:
        raise RoleNotManageable(f"As {manager.title} you cannot decide about the role {known[role].title}.")


def require_known(role: str) -> None:
    if role not in {each.name for each in roles.organization_roles()}:
        raise RoleNotManageable(f"There is no role “{role}”.")


def owner_role() -> str:
    return settings.CREATOR_ROLE


def other_owners(org: Organization, membership: Membership) -> list[Membership]:
    """The active owners besides this one, the one who joined first at the front.  Two reads.

    Somebody who has closed the account is none.
    """
    owners = Membership.objects.filter(organization_id=org.pk, role=owner_role(), suspended_at=None)
    others = [each for each in owners if each.pk != membership.pk]
    open_accounts = User.objects.filter(pk__in=[each.user_id for each in others], is_active=True) if others else []
    here = {user.pk for user in open_accounts}
    return sorted((each for each in others if each.user_id in here), key=lambda each: (each.created_at, each.pk))


def require_other_owner(org: Organization, membership: Membership) -> None:
    """Raises LastOwner when this is the last active owner.  Holds for whoever has locked the organization."""
    if membership.role == owner_role() and not membership.suspended_at and not other_owners(org, membership):
        raise LastOwner(f"{org.name} needs an owner. Make somebody else an owner first, or hand the organization over.")
