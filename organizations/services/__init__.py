"""Every write on organizations, memberships and invitations.  Each records its event in the same transaction."""

from organizations.services.creation import (
    RESERVED_SLUGS,
    SLUG_LENGTH,
    CreationNotAllowed,
    OrganizationLimitReached,
    SlugTaken,
    create_organization,
)
from organizations.services.invitations import (
    InvitationUnusable,
    MemberLimitReached,
    RoleNotManageable,
    accept_invitation,
    decline_invitation,
    invite_member,
    pending_invitations,
)

__all__ = [
    "RESERVED_SLUGS",
    "SLUG_LENGTH",
    "CreationNotAllowed",
    "InvitationUnusable",
    "MemberLimitReached",
    "OrganizationLimitReached",
    "RoleNotManageable",
    "SlugTaken",
    "accept_invitation",
    "create_organization",
    "decline_invitation",
    "invite_member",
    "pending_invitations",
]
