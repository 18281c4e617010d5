"""Every write on organizations, memberships and invitations.  Each records its event in the same transaction."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import slugify

from organizations import roles
from organizations.models import Invitation, Membership, Organization, OrganizationOwner
from saas import events
from saas.db import atomic, lock
from saas.errors import Problem

RESERVED_SLUGS = frozenset(
    {"new", "switcher", "invitations", "settings", "admin", "api", "static", "billing", "help", "support"}
)
SLUG_LENGTH = 40


class CreationNotAllowed(Problem):
    """This installation lets people join organizations, not create them."""


class OrganizationLimitReached(Problem):
    """The person owns as many organizations as one may."""


class SlugTaken(Problem):
    """Another organization has this address."""


class InvitationUnusable(Problem):
    """Expired, revoked, used, or for somebody else; the words say which."""


class MemberLimitReached(Problem):
    """The organization is full."""


class RoleNotManageable(Problem):
    """The inviting person may not give this role."""


def create_organization(
    *, name: str, actor: Any, slug: str | None = None, request: HttpRequest | None = None
) -> Organization:
    """Create an organization with `actor` as its owner.

    Without `slug` a free one is made from the name.  Raises CreationNotAllowed, OrganizationLimitReached, SlugTaken.
    """
    if not settings.ALLOW_USER_TO_CREATE_ORGANIZATION:
        raise CreationNotAllowed("New organizations are created by your administrator. Ask to be invited to one.")
    wanted = slug or slugify(name)[:SLUG_LENGTH].strip("-") or "organization"
    candidates = [wanted] if slug else [wanted, *(f"{wanted}-{number}" for number in range(2, 10))]
    for candidate in candidates:
        if candidate in RESERVED_SLUGS or Organization.objects.filter(slug=candidate).exists():
            continue
        try:
            return found_organization(name=name, slug=candidate, actor=actor, request=request)
        except IntegrityError:  # somebody was faster; the index decides
            continue
    raise SlugTaken(f"The address “{wanted}” is taken. Choose another one.")


@atomic
def found_organization(*, name: str, slug: str, actor: Any, request: HttpRequest | None) -> Organization:
    """The transaction of `create_organization`.  Raises IntegrityError when the slug is taken."""
    lock(actor)
    owned = Membership.objects.filter(user_id=actor.pk, role=settings.CREATOR_ROLE).count()
    if owned >= settings.ORGANIZATION_LIMIT:
        raise OrganizationLimitReached(
            f"You own {owned} organizations, which is the limit. Delete or hand over one to create another."
        )
    org = Organization.objects.create(name=name, slug=slug, created_by_id=actor.pk)
    membership = Membership.objects.create(organization=org, user_id=actor.pk, role=settings.CREATOR_ROLE)
    OrganizationOwner.objects.create(organization=org, organization_user=membership)
    events.record(
        "organization.created", org=org, actor=actor, target=org, after={"name": name, "slug": slug}, request=request
    )
    return org


@atomic
def invite_member(
    *, org: Organization, actor: Any, email: str, role: str, request: HttpRequest | None = None
) -> Invitation:
    """Invite an address with a role.  Raises RoleNotManageable, InvitationUnusable for one who is invited or a member."""
    inviter = roles.get_role(roles.role_of(actor, org) or "")
    if not inviter.may_manage(role):
        raise RoleNotManageable(f"As {inviter.title} you cannot invite somebody as {roles.get_role(role).title}.")
    address = email.strip().lower()
    lock(org)
    if Invitation.objects.filter(organization_id=org.pk, invitee_identifier=address, status="pending").exists():
        raise InvitationUnusable(f"{address} has an invitation already.")
    invitation = Invitation.objects.create(
        organization=org,
        invited_by_id=actor.pk,
        invitee_identifier=address,
        role=role,
        expires_at=Invitation.default_expiry(),
    )
    events.record(
        "member.invited",
        org=org,
        actor=actor,
        target=invitation,
        after={"email": address, "role": role},
        request=request,
    )
    return invitation


@atomic
def accept_invitation(*, invitation: Invitation, actor: Any, request: HttpRequest | None = None) -> Membership:
    """Make `actor` a member.  Raises InvitationUnusable, MemberLimitReached."""
    take_invitation(invitation, actor, Invitation.Status.ACCEPTED)
    org = invitation.organization
    lock(org)
    if Membership.objects.filter(organization_id=org.pk).count() >= settings.MEMBERSHIP_LIMIT:
        raise MemberLimitReached(f"{org.name} has reached its limit of {settings.MEMBERSHIP_LIMIT} members.")
    membership, is_new = Membership.objects.get_or_create(
        organization_id=org.pk, user_id=actor.pk, defaults={"role": invitation.role}
    )
    if is_new:
        events.record(
            "member.joined", org=org, actor=actor, target=actor, after={"role": membership.role}, request=request
        )
    return membership


@atomic
def decline_invitation(*, invitation: Invitation, actor: Any, request: HttpRequest | None = None) -> None:
    """Raises InvitationUnusable."""
    take_invitation(invitation, actor, Invitation.Status.DECLINED)
    events.record(
        "member.invitation_declined", org=invitation.organization, actor=actor, target=invitation, request=request
    )


def take_invitation(invitation: Invitation, actor: Any, status: str) -> None:
    """Use the invitation up: one conditional update, so only one of many at once succeeds."""
    mine = Invitation.objects.filter(pk=invitation.pk, invitee_identifier=actor.email, status=Invitation.Status.PENDING)
    if not mine.filter(expires_at__gt=timezone.now()).update(status=status, invitee_id=actor.pk):
        raise InvitationUnusable("This invitation cannot be used any more. Ask for a new one.")


def pending_invitations(user: Any) -> list[Invitation]:
    """Invitations that wait for this person, the newest first, with their organizations.  Two reads."""
    waiting = list(
        Invitation.objects.filter(
            invitee_identifier=user.email, status=Invitation.Status.PENDING, expires_at__gt=timezone.now()
        )
    )
    names = (
        {org.pk: org for org in Organization.objects.filter(pk__in=[i.organization_id for i in waiting])}
        if waiting
        else {}
    )
    for invitation in waiting:
        invitation.organization = names[invitation.organization_id]
    return sorted(waiting, key=lambda invitation: invitation.created_at, reverse=True)
