"""The primary owner, and how an organization gets another one: offered, accepted within 72 hours, or not.

Any number of members may have the role of an owner; one of them is the primary one, whom billing and legal mail
reaches.
"""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from accounts.models import User
from organizations import roles
from organizations.models import Membership, Organization, OrganizationOwner, OwnershipTransfer
from organizations.services.invitations import withdraw_invitations_of
from organizations.services.limits import require_room_to_own
from organizations.services.rights import MemberGone, NotAllowed, other_owners, owner_role, require_known
from saas import emails, events
from saas.db import atomic, lock
from saas.errors import Problem
from saas.tenancy import now

OPEN_FOR = timedelta(hours=72)
HANDED_OVER = "The organization was handed over."
PENDING, ACCEPTED, DECLINED, CANCELLED = "pending", "accepted", "declined", "cancelled"


class NotPrimaryOwner(Problem):
    """Only the primary owner hands an organization over."""

    status = 403


class TransferWaits(Problem):
    """An earlier offer has no answer yet."""


class TransferUnusable(Problem):
    """The offer was answered, cancelled, has expired, or is for somebody else."""


@atomic
def request_transfer(
    *, org: Organization, actor: Any, membership: Membership, role_after: str, request: HttpRequest | None = None
) -> OwnershipTransfer:
    """Offer the organization to another active member, who has 72 hours to accept.

    `role_after` is what `actor` is after that.  Raises NotPrimaryOwner, NotAllowed, MemberGone, TransferWaits.
    """
    lock(org)
    require_known(role_after)
    require_primary_owner(org, actor)
    found = active_member(org, pk=membership.pk)
    if found.user_id == actor.pk:
        raise NotAllowed("You are the primary owner already.")
    expire_transfers(org, request=request)
    if pending_transfer(org):
        raise TransferWaits("An offer waits for its answer. Cancel it before you make another one.")
    receiver = User.objects.get(pk=found.user_id)
    transfer: OwnershipTransfer = OwnershipTransfer.objects.for_org(org).create(
        from_user_id=actor.pk, to_user_id=receiver.pk, role_after=role_after, expires_at=now() + OPEN_FOR
    )
    after = {"to": receiver.email, "role_after": role_after, "expires_at": transfer.expires_at.isoformat()}
    events.record("ownership.requested", org=org, actor=actor, target=receiver, after=after, request=request)
    tell(receiver, "ownership_requested", org=org, actor=actor, transfer=transfer)
    return transfer


@atomic
def accept_transfer(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> None:
    """Become the primary owner.  Raises TransferUnusable, MemberGone, OrganizationLimitReached."""
    lock(org)
    transfer = settle_transfer(org, ACCEPTED, to_user_id=actor.pk)
    giver = User.objects.get(pk=transfer.from_user_id)
    require_primary_owner(org, giver)
    receiving, giving = active_member(org, user_id=actor.pk), active_member(org, user_id=giver.pk)
    if receiving.role != owner_role():
        require_room_to_own(actor, actor=actor)
    OrganizationOwner.objects.filter(organization_id=org.pk).update(organization_user_id=receiving.pk)
    events.record(
        "ownership.accepted",
        org=org,
        actor=actor,
        target=[actor, giver],
        before={"primary_owner": giver.email},
        after={"primary_owner": actor.email},
        request=request,
    )
    give_role(org, receiving, actor, owner_role(), actor=actor, request=request, reason=HANDED_OVER)
    give_role(org, giving, giver, transfer.role_after, actor=actor, request=request, reason=HANDED_OVER)
    tell(giver, "ownership_accepted", org=org, actor=actor, transfer=transfer)


@atomic
def decline_transfer(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> None:
    """Raises TransferUnusable."""
    lock(org)
    transfer = settle_transfer(org, DECLINED, to_user_id=actor.pk)
    giver = User.objects.get(pk=transfer.from_user_id)
    record_end("ownership.declined", org, giver, DECLINED, actor=actor, request=request)
    tell(giver, "ownership_declined", org=org, actor=actor, transfer=transfer)


@atomic
def cancel_transfer(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> None:
    """Take an offer back.  Raises TransferUnusable."""
    lock(org)
    transfer = settle_transfer(org, CANCELLED, from_user_id=actor.pk)
    receiver = User.objects.get(pk=transfer.to_user_id)
    record_end("ownership.cancelled", org, receiver, CANCELLED, actor=actor, request=request)
    tell(receiver, "ownership_cancelled", org=org, actor=actor, transfer=transfer)


def pending_transfer(org: Organization) -> OwnershipTransfer | None:
    """The offer that waits for an answer and is in time.  One read."""
    found: OwnershipTransfer | None = (
        OwnershipTransfer.objects.for_org(org).filter(status=PENDING, expires_at__gt=now()).first()
    )
    return found


def primary_owner(org: Organization) -> Membership | None:
    """The primary owner's membership.  Two reads."""
    owner = OrganizationOwner.objects.filter(organization_id=org.pk).first()
    return Membership.objects.filter(pk=owner.organization_user_id).first() if owner else None


# -- the parts ---------------------------------------------------------------------------------------------------------


def require_primary_owner(org: Organization, user: Any) -> None:
    """Raises NotPrimaryOwner."""
    membership = primary_owner(org)
    if membership is None or membership.user_id != user.pk or membership.suspended_at:
        raise NotPrimaryOwner("Only the primary owner can hand the organization over.")


def active_member(org: Organization, **lookup: Any) -> Membership:
    """Raises MemberGone."""
    found = Membership.objects.filter(organization_id=org.pk, suspended_at=None, **lookup).first()
    if found is None:
        raise MemberGone(f"This person has no access to {org.name} any more.")
    return found


def settle_transfer(org: Organization, status: str, **whose: Any) -> OwnershipTransfer:
    """Answer the pending offer: one conditional update, so one answer counts.  Raises TransferUnusable."""
    waiting = OwnershipTransfer.objects.for_org(org).filter(status=PENDING, expires_at__gt=now(), **whose)
    found: OwnershipTransfer | None = waiting.modify(new=True, set__status=status, set__answered_at=now())
    if found is None:
        raise TransferUnusable("This offer does not wait any more: it was answered, taken back, or its time is over.")
    return found


def give_role(
    org: Organization,
    membership: Membership,
    user: Any,
    role: str,
    *,
    actor: Any,
    request: HttpRequest | None,
    reason: str | None = None,
) -> None:
    """Write another role, record it, and withdraw invitations that it may not send; the same role changes nothing."""
    if membership.role == role:
        return
    before, membership.role = membership.role, role
    membership.save(update_fields=["role", "modified"])
    events.record(
        "member.role_changed",
        org=org,
        actor=actor,
        target=user,
        before={"role": before},
        after={"role": role},
        metadata={"object": membership.public_data(user)},
        reason=reason,
        request=request,
    )
    withdraw_invitations_of(org, user, role=role, actor=actor, request=request)


def record_end(
    name: str, org: Organization, target: Any, status: str, *, actor: Any, request: Any, reason: str | None = None
) -> None:
    events.record(
        name,
        org=org,
        actor=actor,
        target=target,
        before={"status": PENDING},
        after={"status": status},
        reason=reason,
        request=request,
    )


def expire_transfers(org: Organization, *, request: HttpRequest | None) -> None:
    """Close an offer whose time is over, so that there is room for the next one."""
    late = OwnershipTransfer.objects.for_org(org).filter(status=PENDING, expires_at__lte=now())
    transfer = late.modify(new=True, set__status=CANCELLED, set__answered_at=now(), set__reason="expired")
    if transfer:
        receiver = User.objects.filter(pk=transfer.to_user_id).first()
        words = "Nobody answered within 72 hours."
        record_end("ownership.cancelled", org, receiver, CANCELLED, actor=None, request=request, reason=words)


def cancel_transfers_of(
    org: Organization, user: Any, *, is_member: bool, actor: Any, request: HttpRequest | None
) -> None:
    """Close the offer that somebody made who is no owner any more, or that waits for somebody who has no access."""
    transfer = OwnershipTransfer.objects.for_org(org).filter(status=PENDING).first()
    if transfer is None or not (user.pk == transfer.from_user_id or (user.pk == transfer.to_user_id and not is_member)):
        return
    words = "Somebody of the two does not have the role for it any more."
    transfer.update(set__status=CANCELLED, set__answered_at=now(), set__reason=words)
    record_end("ownership.cancelled", org, user, CANCELLED, actor=actor, request=request, reason=words)


def pass_on_ownership(
    org: Organization, membership: Membership, *, is_member: bool, actor: Any, request: HttpRequest | None
) -> None:
    """When the primary owner stops being an owner, the owner who joined first becomes it."""
    if is_member and membership.role == owner_role():
        return
    mine = OrganizationOwner.objects.filter(organization_id=org.pk, organization_user_id=membership.pk)
    heirs = other_owners(org, membership) if mine.exists() else []
    if not heirs:
        return
    mine.update(organization_user_id=heirs[0].pk)
    old, new = User.objects.get(pk=membership.user_id), User.objects.get(pk=heirs[0].user_id)
    events.record(
        "ownership.passed_on",
        org=org,
        actor=actor,
        target=[new, old],
        before={"primary_owner": old.email},
        after={"primary_owner": new.email},
        request=request,
    )


def tell(user: User, template: str, *, org: Organization, actor: Any, transfer: OwnershipTransfer) -> None:
    """Mail one of the two."""
    context = {
        "user": user,
        "actor": actor,
        "organization": org,
        "transfer": transfer,
        "role_after": roles.get_role(transfer.role_after),
        "url": f"{settings.SITE_URL}{reverse('organizations:ownership', args=[org.slug])}",
    }
    emails.send(to=user.email, template=template, context=context, org=org, user=user)
