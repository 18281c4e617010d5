"""The digest: what came together for a person in an hour, a day or a week, in one mail.

Rows wait with `waits_for_digest`. The clock asks every few minutes whose period is over. Mail and rows are written in
one transaction, and the mail's job has a key made of person and period: so a run that dies, or two at once, send one.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.contrib.auth import get_user_model

from saas import emails, hooks
from saas.db import atomic
from saas.events import catalogue
from saas.jobs.models import jobs
from saas.notifications import mails
from saas.notifications.choices import DIGEST, kinds
from saas.notifications.models import Notification, NotificationPreference, notifications, preferences
from saas.notifications.telling import NEVER
from saas.notifications.times import after_quiet, end_of_period, read_clock, zone_of
from saas.notifications.wishes import Wishes
from saas.tenancy import now

log = structlog.get_logger(__name__)

EVERY = 300.0  # seconds
PEOPLE_AT_ONCE = 500
LONGEST = 1000  # rows in one mail; what is beyond comes with the next
SHOWN = 5  # titles of one kind of event, before they are counted


def send_digests(moment: datetime | None = None) -> int:
    """Send what is due; answers how many mails that were.  One person's trouble is logged and holds up nobody."""
    moment, sent, after = moment or now(), 0, ""
    while waiting := oldest_by_person(after=after):
        after = max(waiting)
        for user_id in people_who_are_due(waiting, moment):
            try:
                sent += send_digest(user_id, moment)
            except Exception:
                log.exception("digest_failed", user_id=user_id)
    return sent


def oldest_by_person(*, after: str) -> dict[str, datetime]:
    """The next people for whom something waits, and since when.  One read of index keys."""
    pipeline: list[dict[str, Any]] = [
        {"$match": {"waits_for_digest": True, **({"user_id": {"$gt": key_of(after)}} if after else {})}},
        {"$sort": {"waits_for_digest": 1, "user_id": 1, "created_at": 1}},
        {"$group": {"_id": "$user_id", "since": {"$first": "$created_at"}}},
        {"$sort": {"_id": 1}},
        {"$limit": PEOPLE_AT_ONCE},
    ]
    return {str(row["_id"]): row["since"] for row in notifications().aggregate(pipeline)}


def key_of(user_id: str) -> Any:
    return Notification.user_id.to_mongo(user_id)


def people_who_are_due(waiting: dict[str, datetime], moment: datetime) -> Iterator[str]:
    """Those whose period is over, or who want no digest any more.  Two reads for all of them."""
    people: Any = get_user_model()
    found = {person.pk: person for person in people.objects.filter(pk__in=list(waiting))}
    own = {each.user_id: each for each in preferences().filter(user_id__in=list(waiting))}
    for user_id, since in waiting.items():
        person = found.get(user_id)
        if wants_none(person) or due_at(person, own.get(user_id), first_period(person, since)) <= moment:
            yield user_id


def wants_none(person: Any) -> bool:
    return person is None or not person.is_active or person.email_digest == NEVER


def first_period(person: Any, since: datetime) -> datetime:
    return end_of_period(since, frequency=person.email_digest, zone=zone_of(person.time_zone))


def due_at(person: Any, own: NotificationPreference | None, period: datetime) -> datetime:
    """When the digest of the period that ends then may come: quiet hours are waited for."""
    if own is None:
        return period
    start, end = read_clock(own.quiet_from), read_clock(own.quiet_until)
    return after_quiet(period, start=start, end=end, zone=zone_of(person.time_zone))


@atomic
def send_digest(user_id: str, moment: datetime) -> bool:
    """One person's digest, if a period is over for which none was sent.  Nothing is mailed when nothing is left."""
    mine = Notification.objects.for_user(user_id).filter(waits_for_digest=True)
    rows = list(mine.order_by("created_at", "id").limit(LONGEST))
    people: Any = get_user_model()
    person = people.objects.filter(pk=user_id).first()
    if not rows or wants_none(person):
        mine.update(unset__waits_for_digest=True)
        return False
    wishes = Wishes(person)
    key = free_key(person, wishes.own, rows[0].created_at, moment)
    if key is None:
        return False
    mine.filter(pk__in=[row.id for row in rows]).update(unset__waits_for_digest=True)
    groups = groups_of(still_wanted(rows, wishes))
    if not groups:
        return False
    unsubscribe_url = mails.url_to_stop(user_id, mails.WHOLE_DIGEST)
    emails.send(
        to=person.email,
        template="notification_digest",
        context={
            "user": person,
            "groups": groups,
            "count": sum(group.count for group in groups),
            "frequency": person.email_digest,
            "url": mails.absolute("notifications:list"),
            "unsubscribe_url": unsubscribe_url,
            "preferences_url": mails.absolute("notifications:preferences"),
        },
        user=person,
        idempotency_key=key,
        headers=mails.one_click(unsubscribe_url),
    )
    return True


def free_key(person: Any, own: NotificationPreference | None, since: datetime, moment: datetime) -> str | None:
    """The key of the first period that is over and has no mail yet; None when there is none.

    A row that is written after its period's mail has gone out comes with the next one.
    """
    period = first_period(person, since)
    while due_at(person, own, period) <= moment:
        key = f"digest:{person.pk}:{period.isoformat()}"
        if not jobs().filter(idempotency_key=key).first():
            return key
        period = first_period(person, period)
    return None


def still_wanted(rows: list[Notification], wishes: Wishes) -> list[Notification]:
    """Without what has been read meanwhile, is not wanted in a digest any more, or may not be seen any more."""
    return [row for row in rows if not wishes.obstacle(row) and wishes.choice(row).email == DIGEST]


# -- what the mail says ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KindGroup:
    name: str
    lines: list[str]


@dataclass(frozen=True, slots=True)
class OrganizationGroup:
    name: str  # "" for what belongs to no organization
    kinds: list[KindGroup]
    count: int


def groups_of(rows: list[Notification]) -> list[OrganizationGroup]:
    """By organization, then kind, then event.  One read."""
    by_organization = defaultdict(list)
    for row in rows:
        by_organization[row.organization_id].append(row)
    named = hooks.organizations(key for key in by_organization if key)
    groups = []
    for key, mine in by_organization.items():
        if key is None or key in named:
            groups.append(OrganizationGroup(named[key].name if key else "", list(kind_groups(mine)), len(mine)))
    return sorted(groups, key=lambda group: group.name.casefold())


def kind_groups(rows: list[Notification]) -> Iterator[KindGroup]:
    """In the catalogue's order."""
    for kind in kinds():
        by_event = defaultdict(list)
        for row in rows:
            if row.kind == kind.key:
                by_event[row.event].append(row.title)
        if by_event:
            yield KindGroup(kind.name, [line for name, titles in by_event.items() for line in lines_of(name, titles)])


def lines_of(event: str | None, titles: list[str]) -> Iterable[str]:
    """Some titles as they are; many of one event as a number, such as "5 people joined"."""
    declaration = catalogue.find(event) if event else None
    many = declaration.notify.many if declaration and declaration.notify else ""
    if len(titles) > 1 and many:
        return [many.format(count=len(titles))]
    rest = len(titles) - SHOWN
    return [*titles[:SHOWN], f"and {rest} more"] if rest > 0 else titles
