"""The end of an organization: asked for, taken back within 14 days, or carried out.

From the request on the organization is closed to everybody.  Until `deletes_at` an owner restores it; the purge begins
after that and has no way back.  It may die at any point and is begun again: the organization's own row goes last, with
the report.
"""

from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts.models import User
from organizations.models import Membership, Organization
from organizations.services.limits import require_room_to_own
from organizations.services.permission import require_permission, roles_with
from saas import emails, erasure, events
from saas.db import atomic, lock
from saas.errors import Problem

DELETE = "organization.delete"
RESTORABLE_FOR = timedelta(days=14)
WARNED_BEFORE = timedelta(days=3)
PASSES = 3  # over all collections: something may have been written while the first one was under way


class NotRestorable(Problem):
    """The organization is not being deleted, or its time is over."""


class RowsLeft(Exception):
    """The purge found rows that it could not remove.  It will be tried again."""


@atomic
def delete_organization(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> Organization:
    """Close the organization now, and delete it for good after 14 days; a second request changes nothing.

    Mails all owners.  Raises NotAllowed.
    """
    lock(org)
    require_permission(org, actor, DELETE)
    found = Organization.objects.get(pk=org.pk)
    if found.deletes_at:
        return found
    found.deletes_at, found.is_active = milliseconds(timezone.now() + RESTORABLE_FOR), False
    found.deletion_requested_by_id = actor.pk
    found.save(update_fields=["deletes_at", "is_active", "deletion_requested_by", "modified"])
    events.record(
        "organization.deletion_requested",
        org=found,
        actor=actor,
        target=found,
        before={"deletes_at": None},
        after={"deletes_at": found.deletes_at.isoformat()},
        request=request,
    )
    tell_owners(found, "organization_deletion_requested", actor=actor)
    return found


@atomic
def restore_organization(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> Organization:
    """Open an organization again that is being deleted.  Raises NotAllowed, NotRestorable, OrganizationLimitReached."""
    require_room_to_own(actor, actor=actor)
    lock(org)
    require_permission(org, actor, DELETE)
    found = Organization.objects.get(pk=org.pk)
    if not is_restorable(found):
        raise NotRestorable(f"{found.name} cannot be restored any more.")
    before = {"deletes_at": found.deletes_at and found.deletes_at.isoformat()}
    found.deletes_at, found.is_active, found.deletion_requested_by_id = None, True, None
    found.save(update_fields=["deletes_at", "is_active", "deletion_requested_by", "modified"])
    events.record(
        "organization.restored",
        org=found,
        actor=actor,
        target=found,
        before=before,
        after={"deletes_at": None},
        request=request,
    )
    tell_owners(found, "organization_restored", actor=actor)
    return found


def is_restorable(org: Organization) -> bool:
    return org.deletes_at is not None and org.purge_started_at is None and org.deletes_at > timezone.now()


def owners_of(org: Organization) -> list[User]:
    """The active members who may delete it.  Two reads."""
    mine = Membership.objects.filter(organization_id=org.pk, role__in=roles_with(DELETE), suspended_at=None)
    return list(User.objects.filter(pk__in=list(mine.values_list("user_id", flat=True)), is_active=True))


def tell_owners(org: Organization, template: str, *, actor: Any = None) -> None:
    """Mail each owner, once for each date of deletion."""
    zone = ZoneInfo(org.time_zone)
    context = {
        "organization": org,
        "actor": actor,
        "deletes_at": org.deletes_at and date_format(org.deletes_at.astimezone(zone), "j F Y, H:i"),
        "time_zone": org.time_zone,
        "url": settings.SITE_URL + reverse("organizations:organization_restore", args=[org.pk]),
        "organization_url": settings.SITE_URL + org.get_absolute_url(),
    }
    for owner in owners_of(org):
        key = f"{template}:{org.pk}:{org.deletes_at.isoformat()}:{owner.pk}" if org.deletes_at else None
        emails.send(
            to=owner.email,
            template=template,
            context={**context, "user": owner},
            org=org,
            user=owner,
            idempotency_key=key,
        )


# -- carried out by the clock -----------------------------------------------------------------------------------------


def about_to_go() -> QuerySet[Organization]:
    """Organizations that are deleted within three days."""
    moment = timezone.now()
    return Organization.objects.filter(deletes_at__gt=moment, deletes_at__lte=moment + WARNED_BEFORE)


def due() -> QuerySet[Organization]:
    """Organizations whose time is over, and those whose purge was interrupted."""
    return Organization.objects.filter(deletes_at__lte=timezone.now())


@atomic
def warn_owners(*, org: Organization) -> None:
    """Mail the owners that the end is near; once, however often it is called."""
    found = Organization.objects.get(pk=org.pk)
    if is_restorable(found):
        tell_owners(found, "organization_deletion_soon")


def purge_organization(*, org: Organization) -> dict[str, Any] | None:
    """Delete everything of an organization whose time is over, and report what was left of it: nothing.

    Answers the report, which is an event of the platform's log too; None when there was nothing to do.  Outside of a
    transaction, for there is no limit to what it deletes; safe to repeat, and to run twice at once.  Raises RowsLeft.
    """
    overdue = Organization.objects.filter(pk=org.pk, deletes_at__lte=timezone.now())
    if not overdue.update(purge_started_at=timezone.now()):
        return None
    deleted: dict[str, int] = {}
    for _ in range(PASSES):
        for name, count in erasure.erase(org).items():
            deleted[name] = deleted.get(name, 0) + count
        left = erasure.count(org)
        if not any(left.values()):
            return close_purge(org=org, deleted=deleted, left=left)
    raise RowsLeft(f"{org.pk}: { ({name: count for name, count in left.items() if count}) }")


@atomic
def close_purge(*, org: Organization, deleted: dict[str, int], left: dict[str, int]) -> dict[str, Any] | None:
    """Remove the organization's row, which frees its address, and record the report; only one of several does."""
    found = Organization.objects.filter(pk=org.pk).first()
    if found is None:
        return None
    report = {
        "organization_id": found.pk,
        "name": found.name,
        "slug": found.slug,
        "requested_by": found.deletion_requested_by_id,
        "deleted": deleted,
        "left": left,
    }
    found.delete()
    events.record("organization.purged", metadata=report)
    return report


def milliseconds(moment: Any) -> Any:
    """As the database keeps it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
