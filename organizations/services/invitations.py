"""Asking people to join, and their answers."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from organizations import links, roles
from organizations.models import Invitation, Membership, Organization
from organizations.services.limits import require_room_to_own
from organizations.services.rights import MANAGE, manager_of, owner_role, require_known, require_manageable
from saas import emails, events, ratelimit
from saas.db import atomic, lock
from saas.errors import Problem

AT_ONCE = 50  # addresses in one go
MAILS = "100/day"  # by organization: invitations, and invitations sent again
PENDING = Invitation.Status.PENDING


class InvitationUnusable(Problem):
    """Expired, revoked, used, or for somebody else; the words say which."""


class AlreadyInvited(Problem):
    """A pending invitation waits at this address."""


class AlreadyMember(Problem):
    """The person belongs to the organization."""


class MemberLimitReached(Problem):
    """The organization is full."""


class NotAnAddress(Problem):
    """What was typed is no e-mail address."""


class Standing(StrEnum):
    """Whether an invitation can be accepted now, and if not, why."""

    OPEN = "open"
    EXPIRED = "expired"
    REVOKED = "revoked"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    FULL = "full"
    ROLE_GONE = "role_gone"
    ORGANIZATION_GONE = "organization_gone"


WORDS = {
    Standing.EXPIRED: "This invitation has expired. Ask for a new one.",
    Standing.REVOKED: "This invitation was withdrawn.",
    Standing.ACCEPTED: "This invitation has been used already.",
    Standing.DECLINED: "This invitation was declined. Ask for a new one.",
    Standing.ROLE_GONE: "The role of this invitation does not exist any more. Ask for a new one.",
    Standing.ORGANIZATION_GONE: "This organization does not exist any more.",
    Standing.OPEN: "This invitation cannot be used any more. Ask for a new one.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one line of many: an invitation, or words that say why there is none."""

    line: str
    invitation: Invitation | None = None
    problem: str = ""


# -- inviting ----------------------------------------------------------------------------------------------------------


def invite_members(
    *,
    org: Organization,
    actor: Any,
    addresses: Iterable[str],
    role: str,
    note: str = "",
    request: HttpRequest | None = None,
) -> list[Outcome]:
    """Invite each address by itself and say what became of it: one that fails stops no other."""
    outcomes = []
    for line in addresses:
        try:
            invitation = invite_member(org=org, actor=actor, email=line, role=role, note=note, request=request)
            outcomes.append(Outcome(line, invitation=invitation))
        except Problem as problem:
            outcomes.append(Outcome(line, problem=str(problem)))
    return outcomes


def invite_member(
    *, org: Organization, actor: Any, email: str, role: str, note: str = "", request: HttpRequest | None = None
) -> Invitation:
    """Invite an address with a role, and mail it the link.

    Raises NotAnAddress, NotAllowed, RoleNotManageable, AlreadyInvited, AlreadyMember, MemberLimitReached, RateLimited.
    """
    address = clean_address(email)
    count_mail(org)
    return write_invitation(org=org, actor=actor, address=address, role=role, note=note, request=request)


def count_mail(org: Organization) -> None:
    """Raises RateLimited."""
    try:
        ratelimit.hit(MAILS, name="invitations", key=org.pk)
    except ratelimit.RateLimited as problem:
        limit = MAILS.partition("/")[0]
        problem.args = (f"{org.name} has sent {limit} invitations within a day, which is the limit. Go on tomorrow.",)
        raise


@atomic
def write_invitation(
    *, org: Organization, actor: Any, address: str, role: str, note: str, request: HttpRequest | None
) -> Invitation:
    """The transaction of `invite_member`."""
    require_known(role)
    require_manageable(manager_of(org, actor), role)
    lock(org)
    refuse_member(org, address)
    refuse_when_full(org)
    token, token_hash = links.new_token()
    invitation = pending_row(org, address)
    invitation.invited_by_id = actor.pk
    invitation.role = role
    invitation.note = note
    invitation.token_hash = token_hash
    invitation.sent_at = timezone.now()
    invitation.expires_at = Invitation.default_expiry()
    invitation.save()
    events.record(
        "member.invited",
        org=org,
        actor=actor,
        target=invitation,
        after={"email": address, "role": role},
        request=request,
    )
    send_invitation(invitation, org=org, inviter=actor, token=token)
    return invitation


def clean_address(text: str) -> str:
    """The lower-cased address.  Raises NotAnAddress."""
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        raise NotAnAddress(f"“{text.strip()[:60]}” is not an e-mail address.") from None
    if len(address) > 254:
        raise NotAnAddress("This e-mail address is too long.")
    return address


def pending_row(org: Organization, address: str) -> Invitation:
    """The row to write: a new one, or the one whose time is over.  Raises AlreadyInvited."""
    waiting = Invitation.objects.filter(organization_id=org.pk, invitee_identifier=address, status=PENDING).first()
    if waiting and not waiting.is_expired:
        raise AlreadyInvited(f"{address} has an invitation already. You can send it again.")
    return waiting or Invitation(organization=org, invitee_identifier=address)


def refuse_member(org: Organization, address: str) -> None:
    """Raises AlreadyMember when a member has this address, as the main one or as another confirmed one."""
    people = set(User.objects.filter(email=address).values_list("pk", flat=True))
    people |= set(EmailAddress.objects.filter(email=address, verified=True).values_list("user_id", flat=True))
    membership = Membership.objects.filter(user_id__in=people, organization_id=org.pk).first() if people else None
    if membership:
        words = "is suspended here. Lift that on the members page" if membership.suspended_at else "is a member already"
        raise AlreadyMember(f"{address} {words}.")


def refuse_when_full(org: Organization) -> None:
    if Membership.objects.filter(organization_id=org.pk).count() >= settings.MEMBERSHIP_LIMIT:
        raise MemberLimitReached(f"{org.name} has reached its limit of {settings.MEMBERSHIP_LIMIT} members.")


def send_invitation(invitation: Invitation, *, org: Organization, inviter: Any, token: str) -> None:
    context = {
        "invitation": invitation,
        "organization": org,
        "inviter": inviter,
        "role": roles.get_role(invitation.role),
        "url": links.mailed_link(token),
    }
    emails.send(to=invitation.email, template="member_invited", context=context, org=org)


def resend_invitation(
    *, org: Organization, actor: Any, invitation: Invitation, request: HttpRequest | None = None
) -> Invitation:
    """Mail a pending invitation again with a new link and a new week; the links before it end.

    The one who sends it stands behind it from now on.  Raises InvitationUnusable, NotAllowed, RoleNotManageable,
    RateLimited.
    """
    count_mail(org)
    return renew_invitation(org=org, actor=actor, invitation=invitation, request=request)


@atomic
def renew_invitation(
    *, org: Organization, actor: Any, invitation: Invitation, request: HttpRequest | None
) -> Invitation:
    """The transaction of `resend_invitation`."""
    manager = manager_of(org, actor)
    lock(org)
    found = Invitation.objects.filter(organization_id=org.pk, pk=invitation.pk).first()
    if found is None or found.status != PENDING:
        raise InvitationUnusable("This invitation does not wait any more, so it was not sent again.")
    require_manageable(manager, found.role)
    token, found.token_hash = links.new_token()
    before = {"expires_at": found.expires_at.isoformat()}
    found.expires_at, found.sent_at, found.invited_by_id = Invitation.default_expiry(), timezone.now(), actor.pk
    found.save()
    after = {"expires_at": found.expires_at.isoformat()}
    events.record(
        "member.invitation_resent", org=org, actor=actor, target=found, before=before, after=after, request=request
    )
    send_invitation(found, org=org, inviter=actor, token=token)
    return found


@atomic
def revoke_invitation(
    *, org: Organization, actor: Any, invitation: Invitation, request: HttpRequest | None = None
) -> None:
    """Withdraw a pending invitation.  Whoever may manage members may.  Raises InvitationUnusable."""
    manager_of(org, actor)
    mine = Invitation.objects.filter(organization_id=org.pk, pk=invitation.pk, status=PENDING)
    if not mine.update(status=Invitation.Status.REVOKED):
        raise InvitationUnusable("This invitation does not wait any more.")
    record_revoked(org, actor, invitation, request)


def withdraw_invitations_of(
    org: Organization, user: Any, *, role: str | None, actor: Any, request: HttpRequest | None
) -> None:
    """Withdraw the invitations of somebody whose new role may not send them; None for one who has no access now."""
    may_invite = role is not None and roles.has_permission(role, *MANAGE.split("."))
    keep = roles.get_role(role).manageable_roles if role and may_invite else frozenset()
    sent = Invitation.objects.filter(organization_id=org.pk, status=PENDING, invited_by_id=user.pk)
    for invitation in [each for each in sent if each.role not in keep]:
        if Invitation.objects.filter(pk=invitation.pk, status=PENDING).update(status=Invitation.Status.REVOKED):
            record_revoked(org, actor, invitation, request, reason="The person who sent it may not invite any more.")


def record_revoked(
    org: Organization, actor: Any, invitation: Invitation, request: HttpRequest | None, reason: str | None = None
) -> None:
    events.record(
        "member.invitation_revoked",
        org=org,
        actor=actor,
        target=invitation,
        before={"status": PENDING.value},
        after={"status": Invitation.Status.REVOKED.value},
        metadata={"email": invitation.email, "role": invitation.role},
        reason=reason,
        request=request,
    )


# -- answering -----------------------------------------------------------------------------------------------------


def standing(invitation: Invitation) -> Standing:
    """Whether it can be accepted.  Reads the organization, and counts its members while all else is well."""
    if invitation.status != PENDING:
        return Standing(invitation.status)
    if not invitation.organization.is_active:
        return Standing.ORGANIZATION_GONE
    if invitation.is_expired:
        return Standing.EXPIRED
    if invitation.role not in {role.name for role in roles.organization_roles()}:
        return Standing.ROLE_GONE
    if Membership.objects.filter(organization_id=invitation.organization_id).count() >= settings.MEMBERSHIP_LIMIT:
        return Standing.FULL
    return Standing.OPEN


@atomic
def accept_invitation(
    *, invitation: Invitation, actor: Any, is_mailed: bool = False, request: HttpRequest | None = None
) -> Membership:
    """Make `actor` a member.

    An invitation is for its address. With `is_mailed`, for somebody who has opened it by the mailed link, another
    account may take it.  Raises InvitationUnusable, AlreadyMember, MemberLimitReached, OrganizationLimitReached.
    """
    org = Organization.objects.get(pk=invitation.organization_id)
    is_other_address = invitation.email not in links.addresses_of(actor)
    if is_other_address and not is_mailed:
        raise InvitationUnusable(f"This invitation is for {invitation.email}.")
    take_invitation(invitation, actor, Invitation.Status.ACCEPTED)
    lock(org)
    if Membership.objects.filter(organization_id=org.pk, user_id=actor.pk).exists():
        raise AlreadyMember(f"You belong to {org.name} already.")
    refuse_when_full(org)
    if invitation.role == owner_role():
        require_room_to_own(actor, actor=actor)
    membership = Membership.objects.create(organization=org, user_id=actor.pk, role=invitation.role)
    events.record(
        "member.joined",
        org=org,
        actor=actor,
        target=actor,
        after={"role": membership.role},
        metadata={
            "invited_address": invitation.email,
            "by_another_address": is_other_address,
            "object": membership.public_data(actor),
        },
        request=request,
    )
    return membership


@atomic
def decline_invitation(*, invitation: Invitation, actor: Any = None, request: HttpRequest | None = None) -> None:
    """Raises InvitationUnusable.  Without `actor` it is somebody who has opened the mailed link."""
    take_invitation(invitation, actor, Invitation.Status.DECLINED)
    events.record(
        "member.invitation_declined",
        org=invitation.organization,
        actor=actor,
        target=invitation,
        before={"status": PENDING.value},
        after={"status": Invitation.Status.DECLINED.value},
        request=request,
    )


def take_invitation(invitation: Invitation, actor: Any, status: str) -> None:
    """Use the invitation up: one conditional update, so only one of many at once succeeds."""
    is_accepting = status == Invitation.Status.ACCEPTED
    if is_accepting and (why := standing(invitation)) not in (Standing.OPEN, Standing.FULL):
        raise InvitationUnusable(WORDS[why])
    same = Invitation.objects.filter(pk=invitation.pk, token_hash=invitation.token_hash, status=PENDING)
    alive = same.filter(expires_at__gt=timezone.now()) if is_accepting else same
    if not alive.update(status=status, invitee_id=actor.pk if actor else None):
        now = Invitation.objects.filter(pk=invitation.pk).first()
        raise InvitationUnusable(WORDS[Standing(now.status) if now and now.status != PENDING else Standing.OPEN])


def pending_invitations(user: Any) -> list[Invitation]:
    """Invitations that wait for this person, the newest first, with their organizations.  Three reads."""
    waiting = list(
        Invitation.objects.filter(
            invitee_identifier__in=links.addresses_of(user), status=PENDING, expires_at__gt=timezone.now()
        )
    )
    keys = [invitation.organization_id for invitation in waiting]
    names = {org.pk: org for org in Organization.objects.filter(pk__in=keys, is_active=True)} if waiting else {}
    found = [invitation for invitation in waiting if invitation.organization_id in names]
    for invitation in found:
        invitation.organization = names[invitation.organization_id]
    return sorted(found, key=lambda invitation: invitation.created_at, reverse=True)
