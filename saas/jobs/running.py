"""Doing the work, and finding what was lost on the way to it."""

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

import structlog

from saas.celery import app
from saas.jobs.models import FAILED, QUEUED, RUNNING, SUCCEEDED, Job, jobs
from saas.jobs.queueing import publish
from saas.tenancy import now

log = structlog.get_logger(__name__)

FIRST_PAUSE = 2.0  # seconds
LONGEST_PAUSE = 3600.0
#: A pause longer than this waits for the sweeper, for Celery keeps delayed messages in the worker's memory.
LONGEST_COUNTDOWN = 30.0
SWEEP_EVERY = 30.0  # seconds
RESEND_AFTER = timedelta(seconds=60)
SWEEP_AT_ONCE = 500
Work = Callable[[Job], None]


class PermanentFailure(Exception):
    """Trying again cannot help; the text says why."""


def job_task(
    *, name: str, lease: timedelta = timedelta(minutes=6), forget: Sequence[str] = ()
) -> Callable[[Work], Any]:
    """Make a function of a Job the Celery task `name(job_id)`.

    The function returns when the work is done.  Anything that it raises is a failed try; PermanentFailure ends the job.
    `lease` is how long a try may take before another worker may take the job over; `forget` names the parts of the
    payload that are dropped once the work is done, for example because they hold a link that lets somebody in.
    """

    def decorate(work: Work) -> Any:
        @app.task(name=name)
        @wraps(work)
        def task(job_id: str) -> None:
            perform(job_id, work, lease=lease, forget=forget)

        return task

    return decorate


def perform(job_id: str, work: Work, *, lease: timedelta, forget: Sequence[str] = ()) -> None:
    job = claim(job_id, lease)
    if job is None:
        return  # done, being done, not due yet, or gone
    try:
        work(job)
    except PermanentFailure as problem:
        give_up(job, problem)
    except Exception as problem:  # noqa: BLE001 - whatever went wrong is kept on the job and tried again
        try_later(job, problem)
    else:
        forgotten = {f"unset__payload__{part}": 1 for part in forget}
        settle(job, state=SUCCEEDED, finished_at=now(), error=None, **forgotten)


def claim(job_id: str, lease: timedelta) -> Job | None:
    """Take the job if it is waiting and due, or if its worker seems dead: one conditional update, so one worker."""
    moment = now()
    free = [{"state": QUEUED, "due_at": {"$lte": moment}}, {"state": RUNNING, "leased_until": {"$lt": moment}}]
    taken: Job | None = (
        jobs()
        .filter(id=job_id, __raw__={"$or": free})
        .modify(new=True, set__state=RUNNING, set__leased_until=moment + lease, inc__attempts=1)
    )
    return taken


def settle(job: Job, **values: Any) -> None:
    """Write the outcome of this try; a worker whose lease was taken over writes nothing."""
    jobs().filter(id=job.id, state=RUNNING, attempts=job.attempts).update(**values)


def give_up(job: Job, problem: Exception) -> None:
    settle(job, state=FAILED, finished_at=now(), error=words(problem))
    log.error("job_failed", job_id=job.id, task=job.task, attempts=job.attempts, problem=words(problem))


def try_later(job: Job, problem: Exception) -> None:
    pause = pause_after(job.attempts)
    due_at = now() + timedelta(seconds=pause)
    if due_at > job.give_up_at:
        give_up(job, problem)
        return
    settle(job, state=QUEUED, due_at=due_at, error=words(problem))
    log.warning("job_repeats", job_id=job.id, task=job.task, attempts=job.attempts, problem=words(problem))
    if pause <= LONGEST_COUNTDOWN:
        publish(job, countdown=pause)


def pause_after(attempts: int) -> float:
    """Seconds until the next try: 2, 8, 32 … up to an hour, a fifth more or less so that jobs do not come in step."""
    pause = min(FIRST_PAUSE * 4 ** (attempts - 1), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:500]


def sweep(moment: datetime | None = None) -> int:
    """Hand jobs that nobody works on to the broker again; how many.  Safe at any time: `claim` decides."""
    moment = moment or now()
    waited = {"state": QUEUED, "due_at": {"$lte": moment - timedelta(seconds=SWEEP_EVERY)}}
    later = {"state": QUEUED, "attempts": {"$gt": 0}, "due_at": {"$lte": moment}}
    abandoned = {"state": RUNNING, "leased_until": {"$lt": moment}}
    not_just_sent = {"$or": [{"sent_at": None}, {"sent_at": {"$lt": moment - RESEND_AFTER}}]}
    lost = jobs().filter(__raw__={"$and": [{"$or": [waited, later, abandoned]}, not_just_sent]})
    sent = 0
    for job in lost.order_by("due_at").limit(SWEEP_AT_ONCE).only("task", "queue"):
        if not publish(job):
            break
        jobs().filter(id=job.id).update(sent_at=moment)
        sent += 1
    return sent
