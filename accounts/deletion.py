"""The end of an account: asked for, taken back within 14 days, or carried out.

From the request on the account is closed: no session, no membership, no key works.  Until `deletes_at` the person has
it back by signing in.  Then the clock says goodbye by mail and, when that has gone out, lets the data map
(config/personal_data.yaml) erase or anonymize whatever is about the person.  It may die at any point and is begun
again: the person's own row goes last.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format

from accounts import security, sessions
from accounts.middleware import known_zone
from accounts.models import User
from saas import data_map, emails, events, hooks
from saas.db import atomic, lock
from saas.errors import Problem
from saas.jobs import Job
from saas.jobs.models import QUEUED, RUNNING, jobs
from saas.tenancy import now

KEPT_FOR = timedelta(days=14)
WARNED_BEFORE = timedelta(days=3)
#: How long the erasure waits for the last mail, which is erased too.
GOODBYE_WITHIN = timedelta(days=1)
DELETED = "Deleted person"


class DeletionBlocked(Problem):
    """There are organizations that would be left without an owner."""


class TooLate(Problem):
    """The account is not closed, or its time is over."""


@dataclass(frozen=True, slots=True)
class Blocker:
    """What a person must settle first: its name, why, and the ways to do it (label, address)."""

    title: str
    words: str
    ways: tuple[tuple[str, str], ...]


def blockers(user: Any) -> list[Blocker]:
    return [blocker for of_room in hooks.deletion_blocker for blocker in of_room(user)]


@atomic
def request_deletion(*, user: Any, request: HttpRequest | None = None) -> User:
    """Close the account now and erase it after 14 days; a second request changes nothing.

    All sessions end, the one of this request too: sign it out after the commit.  Mails the person.  Raises
    DeletionBlocked.
    """
    lock(user)
    found = User.objects.get(pk=user.pk)
    if found.deletes_at:
        return found
    if waiting := blockers(found):
        raise DeletionBlocked(f"First settle what becomes of {', '.join(blocker.title for blocker in waiting)}.")
    found.deletes_at, found.is_active = now() + KEPT_FOR, False
    found.save(update_fields=["deletes_at", "is_active"])
    sessions.end_others(user=found, request=None)
    events.record(
        "user.deletion_requested",
        actor=found,
        target=found,
        before={"deletes_at": None},
        after={"deletes_at": found.deletes_at.isoformat()},
        request=request,
    )
    tell(found, "account_deletion_requested")
    return found


@atomic
def cancel_deletion(*, user: Any, request: HttpRequest | None = None) -> User:
    """Open a closed account again, as it was.  Mails the person.  Raises TooLate."""
    lock(user)
    found = User.objects.get(pk=user.pk)
    if not may_return(found):
        raise TooLate("This account cannot be kept any more.")
    before = {"deletes_at": found.deletes_at and found.deletes_at.isoformat()}
    found.deletes_at, found.is_active = None, True
    found.save(update_fields=["deletes_at", "is_active"])
    after = {"deletes_at": None}
    events.record("user.deletion_cancelled", actor=found, target=found, before=before, after=after, request=request)
    tell(found, "account_restored")
    return found


def may_return(user: Any) -> bool:
    """Whether the account is closed and can still be had back.  No read."""
    return user.deletes_at is not None and user.erasure_started_at is None and user.deletes_at > timezone.now()


def closed_person(email: str) -> User | None:
    """Who may have the account of this address back.  At most two reads."""
    user = User.objects.filter(email=email.strip().lower(), is_active=False).first()
    if user is None or not may_return(user):
        return None
    return user if EmailAddress.objects.filter(user_id=user.pk, email=user.email, verified=True).exists() else None


def tell(user: User, template: str) -> Job:
    """Mail the person, once for each mail and date."""
    context = {
        "user": user,
        "deletes_at": user.deletes_at and in_words(user.deletes_at, known_zone(user.time_zone)),
        "time_zone": user.time_zone,
        "days": KEPT_FOR.days,
        "sign_in_url": settings.SITE_URL + reverse("account_login"),
        "export_url": settings.SITE_URL + reverse("accounts:export"),
        "not_me_url": security.not_me_url(user, mail=template, address=user.email),
    }
    return emails.send(
        to=user.email, template=template, context=context, user=user, idempotency_key=key_of(user, template)
    )


def key_of(user: User, template: str) -> str | None:
    return f"{template}:{user.pk}:{user.deletes_at.isoformat()}" if user.deletes_at else None


def in_words(moment: datetime, zone: ZoneInfo) -> str:
    return date_format(moment.astimezone(zone), "j F Y, H:i")


# -- carried out by the clock ------------------------------------------------------------------------------------------


def about_to_go() -> QuerySet[User]:
    """People whose account is erased within three days."""
    moment = timezone.now()
    return User.objects.filter(deletes_at__gt=moment, deletes_at__lte=moment + WARNED_BEFORE)


def due() -> QuerySet[User]:
    """People whose time is over, and those whose erasure was interrupted."""
    return User.objects.filter(deletes_at__lte=timezone.now())


@atomic
def warn(*, user: User) -> None:
    """Mail the person that the end is near; once, however often it is called."""
    found = User.objects.get(pk=user.pk)
    if may_return(found):
        tell(found, "account_deletion_soon")


def erase_account(*, user: User) -> dict[str, int] | None:
    """Say goodbye to somebody whose time is over and, once that mail has gone out, erase all of the person's data.

    Answers how many rows of each collection were erased or anonymized; None while the mail is on its way, and when
    there is nothing to do.  Outside of a transaction, for there is no limit to what it changes; safe to repeat, and to
    run twice at once.  Raises PersonLeft.
    """
    found = begin_erasure(user=user)
    if found is None or is_goodbye_under_way(found):
        return None
    return data_map.erase(person(found))


@atomic
def begin_erasure(*, user: User) -> User | None:
    """From here on there is no way back; writes the last mail.  None for somebody whose time is not over."""
    found = User.objects.filter(pk=user.pk, deletes_at__lte=timezone.now()).first()
    if found and found.erasure_started_at is None:
        lock(found)
        found.erasure_started_at = now()
        found.save(update_fields=["erasure_started_at"])
        tell(found, "account_deleted")
    return found


def is_goodbye_under_way(user: User) -> bool:
    """Whether the last mail, which is erased with the rest, has still to go out.  One read."""
    if user.erasure_started_at is None or now() - user.erasure_started_at > GOODBYE_WITHIN:
        return False
    unsent = jobs().filter(idempotency_key=key_of(user, "account_deleted"), state__in=[QUEUED, RUNNING])
    return unsent.first() is not None


def person(user: User) -> data_map.Person:
    """Who it is, for the data map.  One read.

    An address counts as the person's once it is confirmed.  Anybody can write down anybody's, so one that is not is
    looked for beside the person alone, like a name.
    """
    mine = EmailAddress.objects.filter(user_id=user.pk).values_list("email", "verified")
    confirmed = tuple(dict.fromkeys(address.lower() for address, verified in mine if verified))
    claimed = dict.fromkeys([user.email, *(address.lower() for address, _ in mine)])
    names = [user.name, *(address for address in claimed if address not in confirmed)]
    return data_map.Person(id=str(user.pk), addresses=confirmed, names=tuple(name for name in names if name))


@atomic
def remove_person(person: data_map.Person) -> int:
    """The last rule of the data map: remove the person's row, which frees the address, and record the report.

    Only one of several at once does.
    """
    user = User.objects.filter(pk=person.id).first()
    if user is None:
        return 0
    user.delete()
    changed = [{"collection": name, "rows": count} for name, count in person.done.items()]
    events.record("user.deleted", target=User(pk=person.id, name=DELETED), metadata={"changed": changed})
    return 1
