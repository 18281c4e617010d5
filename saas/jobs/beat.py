"""The clock: Celery beat on schedules that stand in the database, so any number of beats fire each of them once.

`app.conf.beat_schedule` declares the entries. Each has a `Schedule` row with the time of its next run; the beat that
moves that time on, by one conditional update, is the one that fires.
"""

import os
import socket
from datetime import datetime, timedelta
from typing import Any

import structlog
from celery.beat import ScheduleEntry
from celery.beat import Scheduler as CeleryScheduler
from celery.schedules import crontab, maybe_schedule
from kombu.exceptions import OperationalError
from mongoengine import NotUniqueError
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from saas.celery import app
from saas.jobs.models import Schedule, schedules
from saas.jobs.watching import SCHEDULE_HEADER, seen
from saas.tenancy import now

log = structlog.get_logger(__name__)

LONGEST_SLEEP = 2.0  # seconds
#: A run that begins later than this, and later than one period, was missed.
GRACE = timedelta(seconds=60)
#: A message that no worker has taken for so long is sent again; a quick schedule just waits for its next run.
LOST_AFTER = timedelta(seconds=120)


class Scheduler(CeleryScheduler):
    """celery's `beat_scheduler`."""

    max_interval = LONGEST_SLEEP

    def setup_schedule(self) -> None:
        self.merge_inplace(self.app.conf.beat_schedule)

    def tick(self, **_: Any) -> float:
        """Fire what is due; answers for how many seconds the clock may sleep."""
        try:
            seen(f"beat@{socket.gethostname()}:{os.getpid()}", queues=["beat"], concurrency=1)
            waits = [self.visit(entry) for entry in self.schedule.values()]
        except PyMongoError as problem:
            log.warning("clock_waits_for_database", problem=str(problem))
            return LONGEST_SLEEP
        return max(0.05, min([LONGEST_SLEEP, *waits]))

    def visit(self, entry: ScheduleEntry) -> float:
        moment = now()
        row = row_of(entry, moment)
        if row.next_run_at <= moment:
            row = self.fire(entry, row, moment) or row
        elif is_lost(row, moment):
            self.fire_again(entry, row, moment)
        return float((row.next_run_at - now()).total_seconds())

    def fire(self, entry: ScheduleEntry, row: Schedule, moment: datetime) -> Schedule | None:
        """Move the next run on and send the task, if no other beat was faster."""
        following = next_run(entry, row.next_run_at, moment)
        changes: dict[str, Any] = {"set__next_run_at": following, "set__sent_at": moment}
        if moment - row.next_run_at > max(GRACE, following - moment):
            changes |= {"inc__missed": 1, "set__missed_at": row.next_run_at}
            log.warning("schedule_missed", schedule=entry.name, was_due_at=row.next_run_at.isoformat())
        mine: Schedule | None = schedules().filter(id=row.id, next_run_at=row.next_run_at).modify(new=True, **changes)
        if mine:
            send(entry.name, entry.task, entry.options)
        return mine

    def fire_again(self, entry: ScheduleEntry, row: Schedule, moment: datetime) -> None:
        if schedules().filter(id=row.id, sent_at=row.sent_at).modify(set__sent_at=moment):
            send(entry.name, entry.task, entry.options)


def send(name: str, task: str, options: dict[str, Any]) -> None:
    """Hand a scheduled task to the broker; one that is away is logged, and the run is sent again later."""
    try:
        app.send_task(task, retry=False, **{**options, "headers": {SCHEDULE_HEADER: name}})
    except (OperationalError, RedisError, OSError) as problem:
        log.warning("schedule_waits_for_broker", schedule=name, problem=str(problem))


def row_of(entry: ScheduleEntry, moment: datetime) -> Schedule:
    """The schedule's row, made when the clock sees it for the first time."""
    found: Schedule | None = schedules().filter(name=entry.name).first()
    description = words(entry.schedule)
    if found is None:
        values = {"task": entry.task, "queue": queue_of(entry.options), "words": description}
        try:
            found = schedules().create(name=entry.name, next_run_at=next_run(entry, moment, moment), **values)
        except NotUniqueError:
            found = schedules().get(name=entry.name)
    elif found.words != description or found.task != entry.task:
        changes = {"set__words": description, "set__task": entry.task, "set__queue": queue_of(entry.options)}
        found = (
            schedules()
            .filter(id=found.id)
            .modify(new=True, set__next_run_at=next_run(entry, moment, moment), **changes)
        )
    assert found is not None
    return found


def is_lost(row: Schedule, moment: datetime) -> bool:
    if row.sent_at is None or moment - row.sent_at < LOST_AFTER or row.next_run_at - moment < LOST_AFTER:
        return False
    return row.started_at is None or row.started_at < row.sent_at - timedelta(seconds=5)


def next_run(entry: ScheduleEntry, after: datetime, moment: datetime) -> datetime:
    """The first regular run after `moment`, in step with the one that was due at `after`."""
    plan = maybe_schedule(entry.schedule)
    if isinstance(plan, crontab):
        return moment + max(timedelta(seconds=1), plan.remaining_estimate(moment))
    period = plan.run_every
    skipped = max(0, int((moment - after) / period))
    return after + period * (skipped + 1)


def words(plan: Any) -> str:
    plan = maybe_schedule(plan)
    if isinstance(plan, crontab):
        return f"cron {plan._orig_minute} {plan._orig_hour} {plan._orig_day_of_month} {plan._orig_month_of_year} {plan._orig_day_of_week}"  # noqa: E501, SLF001
    seconds = plan.run_every.total_seconds()
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= size and seconds % size == 0:
            count = int(seconds // size)
            return f"every {unit}" if count == 1 else f"every {count} {unit}s"
    return f"every {seconds:g} seconds"


def queue_of(options: dict[str, Any]) -> str:
    return str(options.get("queue") or app.conf.task_default_queue)


def entry_of(schedule: Schedule) -> dict[str, Any] | None:
    """What the code declares under this name: `task`, `schedule`, `options`; None when that is no more."""
    found: dict[str, Any] | None = app.conf.beat_schedule.get(schedule.name)
    return found
