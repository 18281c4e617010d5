"""Changing who belongs to an organization, and as what.

Every decision locks the organization, so "is there another owner?" holds until the commit.
"""

from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from accounts.models import User
from organizations.models import Membership, Organization
from organizations.services.invitations import withdraw_invitations_of
from organizations.services.limits import require_room_to_own
from organizations.services.ownership import cancel_transfers_of, give_role, pass_on_ownership
from organizations.services.rights import (
    MemberGone,
    NotAllowed,
    manager_of,
    owner_role,
    require_known,
    require_manageable,
    require_other_owner,
)
from saas import events
from saas.data_map import Person
from saas.db import atomic, lock


@atomic
def change_role(
    *, org: Organization, actor: Any, membership: Membership, role: str, request: HttpRequest | None = None
) -> Membership:
    """Give a member another role; the same one changes nothing.

    Raises NotAllowed, RoleNotManageable for the old or the new role, LastOwner, OrganizationLimitReached, MemberGone.
    """
    require_known(role)
    found, user = decide_about(org, actor, membership)
    require_manageable(manager_of(org, actor), role)
    if found.role == role:
        return found
    require_other_owner(org, found)
    if role == owner_role():
        require_room_to_own(user, actor=actor)
    give_role(org, found, user, role, actor=actor, request=request)
    cancel_transfers_of(org, user, is_member=True, actor=actor, request=request)
    pass_on_ownership(org, found, is_member=True, actor=actor, request=request)
    return found


@atomic
def remove_member(*, org: Organization, actor: Any, membership: Membership, request: HttpRequest | None = None) -> None:
    """End a membership.  Raises NotAllowed (also for oneself), RoleNotManageable, LastOwner, MemberGone."""
    found, user = decide_about(org, actor, membership)
    refuse_oneself(actor, user, "To leave the organization yourself, use “Leave”.")
    require_other_owner(org, found)
    end(org, found, user, event="member.removed", actor=actor, request=request)


@atomic
def leave_organization(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> None:
    """End one's own membership.  Raises LastOwner, MemberGone."""
    lock(org)
    found, user = member_of(org, user_id=actor.pk)
    require_other_owner(org, found)
    end(org, found, user, event="member.left", actor=actor, request=request)


def leave_all(person: Person) -> int:
    """End every membership of somebody whose account ends for good; how many those were.  For the data map.

    Nobody is asked whether another owner is left: that was settled when the account was closed.
    """
    mine = list(Membership.objects.filter(user_id=person.id))
    return sum(leave_for_good(membership_id=each.pk, organization_id=each.organization_id) for each in mine)


@atomic
def leave_for_good(*, membership_id: str, organization_id: str) -> int:
    org = Organization.objects.get(pk=organization_id)
    lock(org)
    found = Membership.objects.filter(pk=membership_id).first()
    if found is None:
        return 0
    user = User.objects.get(pk=found.user_id)
    end(org, found, user, event="member.left", actor=user, request=None, reason="The account was deleted.")
    return 1


@atomic
def suspend_member(
    *, org: Organization, actor: Any, membership: Membership, request: HttpRequest | None = None
) -> Membership:
    """Take somebody's access away, from the next request on, and keep the membership.

    Raises NotAllowed (also for oneself), RoleNotManageable, LastOwner, MemberGone.
    """
    found, user = decide_about(org, actor, membership)
    refuse_oneself(actor, user, "You cannot suspend yourself.")
    if found.suspended_at:
        return found
    require_other_owner(org, found)
    set_suspended(org, found, user, event="member.suspended", at=timezone.now(), actor=actor, request=request)
    settle(org, found, user, actor=actor, request=request)
    return found


@atomic
def unsuspend_member(
    *, org: Organization, actor: Any, membership: Membership, request: HttpRequest | None = None
) -> Membership:
    """Give a suspended member the access back.  Raises NotAllowed, RoleNotManageable, MemberGone."""
    found, user = decide_about(org, actor, membership)
    if found.suspended_at:
        set_suspended(org, found, user, event="member.unsuspended", at=None, actor=actor, request=request)
    return found


# -- the parts ---------------------------------------------------------------------------------------------------------


def decide_about(org: Organization, actor: Any, membership: Membership) -> tuple[Membership, User]:
    """Lock, and read the member anew.  Raises NotAllowed, RoleNotManageable, MemberGone."""
    lock(org)
    manager = manager_of(org, actor)
    found, user = member_of(org, pk=membership.pk)
    require_manageable(manager, found.role)
    return found, user


def member_of(org: Organization, **lookup: Any) -> tuple[Membership, User]:
    """Raises MemberGone."""
    found = Membership.objects.filter(organization_id=org.pk, **lookup).first()
    if found is None:
        raise MemberGone(f"This person does not belong to {org.name} any more.")
    return found, User.objects.get(pk=found.user_id)


def refuse_oneself(actor: Any, user: User, words: str) -> None:
    if actor.pk == user.pk:
        raise NotAllowed(words)


def set_suspended(
    org: Organization, membership: Membership, user: User, *, event: str, at: Any, actor: Any, request: Any
) -> None:
    before, membership.suspended_at = membership.suspended_at, at
    membership.save(update_fields=["suspended_at", "modified"])
    events.record(
        event,
        org=org,
        actor=actor,
        target=user,
        before={"suspended_at": before and before.isoformat()},
        after={"suspended_at": at and at.isoformat()},
        metadata={"object": membership.public_data(user)},
        request=request,
    )


def end(
    org: Organization,
    membership: Membership,
    user: User,
    *,
    event: str,
    actor: Any,
    request: Any,
    reason: str | None = None,
) -> None:
    settle(org, membership, user, actor=actor, request=request)
    membership.delete()
    before = {"role": membership.role, "joined_at": membership.created_at.isoformat()}
    metadata = {"object": membership.public_data(user, status="removed")}
    events.record(
        event, org=org, actor=actor, target=user, before=before, reason=reason, request=request, metadata=metadata
    )


def settle(org: Organization, membership: Membership, user: User, *, actor: Any, request: Any) -> None:
    """What hangs on a membership that gives no access any more ends or moves on.

    That is the primary ownership, offers of it, and invitations that were sent.
    """
    withdraw_invitations_of(org, user, role=None, actor=actor, request=request)
    cancel_transfers_of(org, user, is_member=False, actor=actor, request=request)
    pass_on_ownership(org, membership, is_member=False, actor=actor, request=request)
