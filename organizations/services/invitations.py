"""Asking people to join, and their answers."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.utils import timezone

from organizations import roles
from organizations.models import Invitation, Membership, Organization
from saas import events
from saas.db import atomic, lock
from saas.errors import Problem


class InvitationUnusable(Problem):
    """Expired, revoked, used, or for somebody else; the words say which."""


class MemberLimitReached(Problem):
    """The organization is full."""


class RoleNotManageable(Problem):
    """The inviting person may not give this role."""


@atomic
def invite_member(
    *, org: Organization, actor: Any, email: str, role: str, request: HttpRequest | None = None
) -> Invitation:
    """Invite an address with a role.  Raises RoleNotManageable, InvitationUnusable for one who is invited."""
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
