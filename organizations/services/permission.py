"""The permission of a service's actor, asked of the database inside its transaction."""

from typing import Any

from organizations import roles
from organizations.models import Membership, Organization
from organizations.services.rights import NotAllowed


def require_permission(org: Organization, actor: Any, permission: str) -> Membership:
    """The actor's membership as it is now.  Raises NotAllowed."""
    membership = Membership.objects.filter(user_id=actor.pk, organization_id=org.pk, suspended_at=None).first()
    if membership is None or not roles.has_permission(membership.role, *permission.split(".")):
        raise NotAllowed(f"Your role does not include “{roles.current().permission_words(permission)}”.")
    return membership


def roles_with(permission: str) -> list[str]:
    """The names of the organization's roles that have it."""
    return [role.name for role in roles.organization_roles() if permission in role.permissions]
