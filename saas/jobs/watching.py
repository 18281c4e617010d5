"""Notes for the staff's page: which workers live, and how the scheduled tasks went.

Nothing here may stop the work: a database that is away is logged.
"""

import os
import time
from datetime import datetime
from typing import Any

import structlog
from celery import signals
from pymongo.errors import PyMongoError

from saas.jobs.models import schedules, workers
from saas.tenancy import now

log = structlog.get_logger(__name__)

SCHEDULE_HEADER = "gw_schedule"
NOTED_EVERY = 5.0  # seconds
ALIVE_FOR = 30.0  # seconds after its last note
_noted_at: dict[str, float] = {}
_born_at: dict[int, datetime] = {}


def connect() -> None:
    """Listen to Celery's signals, in a worker."""
    signals.worker_ready.connect(note_worker, dispatch_uid="saas.jobs.ready")
    signals.heartbeat_sent.connect(note_heartbeat, dispatch_uid="saas.jobs.heartbeat")
    signals.worker_shutdown.connect(forget_worker, dispatch_uid="saas.jobs.shutdown")
    signals.task_prerun.connect(note_start, dispatch_uid="saas.jobs.prerun")
    signals.task_postrun.connect(note_end, dispatch_uid="saas.jobs.postrun")


def note_worker(sender: Any = None, **_: Any) -> None:
    """`sender` is the consumer of a worker that is ready."""
    queues = [queue.name for queue in sender.task_consumer.queues]
    seen(sender.hostname, queues=queues, concurrency=sender.pool.num_processes if sender.pool else 1)


def note_heartbeat(sender: Any = None, **_: Any) -> None:
    from celery.worker.state import active_requests

    name = sender.eventer.hostname
    if name in _noted_at:  # it was ready once
        seen(name, running=len(active_requests))


def seen(name: str, **values: Any) -> None:
    """Note that this process lives, every few seconds."""
    if "queues" not in values or name in _noted_at:
        if time.monotonic() - _noted_at.get(name, 0) < NOTED_EVERY:
            return
        _noted_at[name] = time.monotonic()
    _noted_at.setdefault(name, time.monotonic())
    moment = now()
    born = _born_at.setdefault(os.getpid(), moment)
    changes = {f"set__{key}": value for key, value in values.items()}
    try:
        workers().filter(name=name).upsert_one(
            set__seen_at=moment, set__pid=os.getpid(), set__started_at=born, **changes
        )
    except PyMongoError as problem:
        log.warning("worker_not_noted", worker=name, problem=str(problem))


def forget_worker(sender: Any = None, **_: Any) -> None:
    try:
        workers().filter(name=sender.hostname).delete()
    except PyMongoError as problem:
        log.warning("worker_not_noted", worker=sender.hostname, problem=str(problem))


def schedule_of(task: Any) -> str | None:
    request = task.request
    headers = getattr(request, "headers", None) or {}
    name = getattr(request, SCHEDULE_HEADER, None) or headers.get(SCHEDULE_HEADER)
    return str(name) if name else None


def note_start(task: Any = None, **_: Any) -> None:
    if name := schedule_of(task):
        vars(task.request)["gw_began"] = time.monotonic()
        note_run(name, set__started_at=now(), inc__runs=1)


def note_end(task: Any = None, state: str = "", retval: Any = None, **_: Any) -> None:
    if name := schedule_of(task):
        began = vars(task.request).get("gw_began")
        spent = (time.monotonic() - began) * 1000 if began else None
        error = None if state == "SUCCESS" else f"{type(retval).__name__}: {retval}"[:500]
        note_run(name, set__finished_at=now(), set__duration_ms=spent, set__error=error)


def note_run(name: str, **changes: Any) -> None:
    try:
        schedules().filter(name=name).update(**changes)
    except PyMongoError as problem:
        log.warning("schedule_not_noted", schedule=name, problem=str(problem))
