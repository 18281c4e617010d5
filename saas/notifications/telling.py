"""One message to some people: who wants it where, the rows, the mails.  For any number the same round trips."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model

from saas import emails, hooks, live
from saas.db import atomic
from saas.emails import Mail
from saas.jobs import Job, enqueue_many
from saas.notifications import mails
from saas.notifications.choices import AT_ONCE, DIGEST, Choice, kind_of, resolve
from saas.notifications.models import (
    INBOX,
    MAIL,
    Notification,
    NotificationPreference,
    defaults,
    notifications,
    preferences,
)
from saas.notifications.times import after_quiet, read_clock, zone_of
from saas.tenancy import now

LIVE_EVENT = "notification"
HELD_MAIL = "saas.tasks.mail_notification"
LONGEST_TITLE = 300  # letters
NEVER = "off"  # of User.email_digest


@dataclass(frozen=True, slots=True)
class Message:
    """What is told, before it is known to whom.  The fields are those of Notification."""

    kind: str
    title: str
    type: str = "info"
    message: str = ""
    link: str | None = None
    organization_id: str | None = None
    event: str | None = None
    event_id: str | None = None
    resource: str | None = None
    resource_id: str | None = None
    dedupe_key: str | None = None
    about: list[str] | None = None
    wording: dict[str, Any] | None = None

    def to(self, user_id: str, choice: Choice, *, has_digest: bool) -> Notification:
        """The row of one person, not saved."""
        values = {name: getattr(self, name) for name in self.__slots__ if getattr(self, name) is not None}
        waits = True if choice.email == DIGEST and has_digest else None
        place = INBOX if choice.in_app else MAIL
        return Notification(**values, user_id=user_id, place=place, waits_for_digest=waits)


@dataclass(slots=True)
class Told:
    """What became of a message: the new rows, and how many people each channel reaches."""

    rows: list[Notification] = field(default_factory=list)
    in_app: int = 0
    mailed: int = 0
    digest: int = 0


@dataclass(frozen=True, slots=True)
class Recipient:
    person: Any
    choice: Choice
    mail_at: datetime | None  # when a mail may come; None: at once

    @property
    def has_digest(self) -> bool:
        return bool(self.person.email_digest != NEVER)


@atomic
def tell(user_ids: Iterable[str], message: Message, *, organization: Any = None, send_email: bool = True) -> Told:
    """Write the message for each of the people who want it, and mail it as they want it.

    `organization` is the message's, where the caller has it at hand.  Somebody who has a row of the same event gets no
    second one.
    """
    told, at_once = Told(), list[Mail]()
    held = defaultdict[datetime, list[Notification]](list)
    organization = organization or hooks.organizations([message.organization_id]).get(message.organization_id or "")
    for recipient in recipients(user_ids, message, send_email=send_email):
        row = message.to(recipient.person.pk, recipient.choice, has_digest=recipient.has_digest)
        if row.place == MAIL and recipient.choice.email != AT_ONCE and not row.waits_for_digest:
            continue  # no channel is left
        told.rows.append(row)
        told.in_app += row.place == INBOX
        told.digest += bool(row.waits_for_digest)
        if recipient.choice.email == AT_ONCE and recipient.mail_at:
            held[recipient.mail_at].append(row)
        elif recipient.choice.email == AT_ONCE:
            at_once.append(mails.of_notification(row, recipient.person, organization))
    if told.rows:
        notifications().insert(told.rows)
        live.publish_many([live.user_channel(row.user_id) for row in told.rows if row.place == INBOX], LIVE_EVENT)
    told.mailed += len(emails.send_many(template="notification", mails=at_once, org=organization))
    for until, rows in held.items():
        told.mailed += len(hold(rows, until=until, organization=organization))
    return told


def hold(rows: Iterable[Notification], *, until: datetime, organization: Any = None) -> list[Job]:
    """Have the mails of these rows made at that time, if they are still wanted then (holding.py).  One round trip."""
    return enqueue_many(HELD_MAIL, [{"notification_id": row.id} for row in rows], org=organization, due_at=until)


def recipients(user_ids: Iterable[str], message: Message, *, send_email: bool = True) -> list[Recipient]:
    """The active people among them whom some channel reaches, without those who have been told of the event.

    At most four reads.
    """
    wanted = set(user_ids)
    if message.event_id and wanted:
        wanted -= set(notifications().filter(event_id=message.event_id).scalar("user_id"))
    if not wanted:
        return []
    people: Any = get_user_model()
    found = people.objects.filter(pk__in=wanted, is_active=True).only("name", "email", "time_zone", "email_digest")
    own = {each.user_id: each for each in preferences().filter(user_id__in=list(wanted))}
    usual = defaults().filter(organization_id=message.organization_id).first() if message.organization_id else None
    reached = []
    for person in found:
        choice = choice_of(message, own.get(person.pk), usual, send_email=send_email)
        if not choice.is_silent:
            reached.append(Recipient(person, choice, mail_time(message.kind, person, own.get(person.pk))))
    return reached


def choice_of(message: Message, own: Any, usual: Any, *, send_email: bool) -> Choice:
    choice = resolve(
        kind_of(message.kind),
        own=own.choices if own else None,
        organization=usual.choices if usual else None,
        is_muted=bool(own and message.organization_id in own.muted),
    )
    return choice if send_email else Choice(choice.in_app, NEVER)


def mail_time(kind: str, person: Any, own: NotificationPreference | None) -> datetime | None:
    """The end of the person's quiet hours, if it is one now.  What nobody can switch off is not held back either."""
    if own is None or kind_of(kind).mandatory:
        return None
    moment = now()
    start, end = read_clock(own.quiet_from), read_clock(own.quiet_until)
    due_at = after_quiet(moment, start=start, end=end, zone=zone_of(person.time_zone))
    return due_at if due_at > moment else None
