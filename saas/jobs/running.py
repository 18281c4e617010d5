"""Doing the work."""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import wraps
from typing import Any

import structlog
from django.conf import settings

from saas.celery import TASK_SOFT_TIME_LIMIT, TASK_TIME_LIMIT, app
from saas.errors import Problem
from saas.jobs.lanes import hand_over, publish
from saas.jobs.leases import LEASE, kept_alive
from saas.jobs.models import CANCELLED, FAILED, KEPT_FOR, QUEUED, RUNNING, SUCCEEDED, Job, jobs
from saas.jobs.progress import Cancelled, announce
from saas.jobs.registry import A_DAY, TASKS, USUAL_ATTEMPTS, TaskRules
from saas.queues import QUEUES
from saas.ratelimit.limiter import take
from saas.tenancy import now

log = structlog.get_logger(__name__)

FIRST_PAUSE = 2.0  # seconds
LONGEST_PAUSE = 3600.0
#: A pause longer than this waits for the sweeper, for Celery keeps delayed messages in the worker's memory.
LONGEST_COUNTDOWN = 30.0
Work = Callable[[Job], dict[str, Any] | None]


class PermanentFailure(Exception):
    """Trying again cannot help; the text says why."""


def job_task(
    *,
    name: str,
    queue: str,
    title: str = "",
    max_attempts: int | None = USUAL_ATTEMPTS,
    try_for: timedelta = A_DAY,
    time_limit: int = TASK_TIME_LIMIT,
    forget: Sequence[str] = (),
    priority: int = 3,
) -> Callable[[Work], Any]:
    """Make a function of a Job the Celery task `name(job_id)`.

    The function returns when the work is done, perhaps with a result (JSON).  Anything that it raises is a failed try;
    PermanentFailure ends the job, and the words of a `saas.errors.Problem` are shown to the person who waits.
    `max_attempts` None means: until `try_for` is over, with pauses up to an hour.  After `time_limit` seconds, at most
    saas.celery.TASK_TIME_LIMIT, the try is killed; 15 seconds before it hears SoftTimeLimitExceeded.
    """
    if queue not in QUEUES:
        raise LookupError(f"There is no queue {queue!r}; saas/queues.py names them.")
    if time_limit > TASK_TIME_LIMIT:
        raise ValueError(
            f"{name}: the broker takes a task for lost after {TASK_TIME_LIMIT} seconds. Cut it into parts."
        )

    def decorate(work: Work) -> Any:
        TASKS[name] = TaskRules(
            name=name, queue=queue, work=work, title=title, max_attempts=max_attempts, try_for=try_for,
            forget=tuple(forget), priority=priority,
        )  # fmt: skip
        soft = max(1, time_limit - (TASK_TIME_LIMIT - TASK_SOFT_TIME_LIMIT))

        @app.task(name=name, time_limit=time_limit, soft_time_limit=soft)
        @wraps(work)
        def task(job_id: str) -> None:
            perform(job_id, TASKS[name])

        return task

    return decorate


def processing_task(name: str, *, title: str, **more: Any) -> Callable[[Work], Any]:
    """`job_task` on the queue `processing`: work that a person starts with `queue_processing` and sees by `title`."""
    return job_task(name=name, queue="processing", title=title, **more)


def perform(job_id: str, rules: TaskRules) -> None:
    """Do one try of the job, if it is free and due, and then hand its lane's next job over."""
    if is_too_fast(job_id, rules):
        return
    job = claim(job_id)
    if job is None:
        return  # done, being done, not due yet, or gone
    announce(job)
    try:
        with kept_alive(job):
            if job.is_cancel_requested:
                raise Cancelled
            result = rules.work(job)
    except Cancelled:
        finish(job, CANCELLED)
    except PermanentFailure as problem:
        give_up(job, problem)
    except Exception as problem:  # noqa: BLE001 - whatever went wrong is kept on the job and tried again
        try_later(job, problem)
    else:
        finish(job, SUCCEEDED, rules, error=None, problem=None, result=result or {})
    announce(job)
    hand_over(job.queue, job.lane)


def is_too_fast(job_id: str, rules: TaskRules) -> bool:
    """Whether the queue's rate is used up; the job then comes again when there is room."""
    rate = settings.QUEUE_RATES.get(rules.queue) or QUEUES[rules.queue].rate
    window = take(rate, name="queue", key=rules.queue) if rate else None
    if window is None or window.allowed:
        return False
    job = jobs().filter(id=job_id, state=QUEUED).first()
    if job:
        publish(job, countdown=min(window.retry_after, LONGEST_COUNTDOWN) + random.uniform(0, 0.5))  # noqa: S311
    return True


def claim(job_id: str) -> Job | None:
    """Take the job if it is waiting and due, or if its worker seems dead: one conditional update, so one worker."""
    moment = now()
    free = [{"state": QUEUED, "due_at": {"$lte": moment}}, {"state": RUNNING, "leased_until": {"$lt": moment}}]
    taken: Job | None = (
        jobs()
        .filter(id=job_id, __raw__={"$or": free})
        .modify(
            new=True,
            set__state=RUNNING,
            set__leased_until=moment + LEASE,
            set__started_at=moment,
            set__handed_at=moment,
            inc__attempts=1,
        )
    )
    return taken


def settle(job: Job, **values: Any) -> bool:
    """Write the outcome of this try; a worker whose lease was taken over writes nothing, and hears False."""
    mine = jobs().filter(id=job.id, state=RUNNING, attempts=job.attempts)
    written: Job | None = mine.modify(new=True, unset__handed_at=1, unset__leased_until=1, unset__sent_at=1, **values)
    if written:
        job.state, job.error = written.state, written.error
    return bool(written)


def finish(job: Job, state: str, rules: TaskRules | None = None, **values: Any) -> None:
    """The end: `state` says which one.  What the task wants forgotten is gone now."""
    moment = now()
    forgotten = {f"unset__payload__{part}": 1 for part in (rules.forget if rules else ())}
    changes = {f"set__{name}": value for name, value in values.items()}
    settle(job, set__state=state, set__finished_at=moment, set__forget_at=moment + KEPT_FOR, **changes, **forgotten)


def give_up(job: Job, problem: Exception) -> None:
    settle(
        job, set__state=FAILED, set__finished_at=now(), set__error=words(problem), set__problem=customer_words(problem)
    )
    log.error("job_failed", job_id=job.id, task=job.task, attempts=job.attempts, problem=words(problem))


def try_later(job: Job, problem: Exception) -> None:
    pause = pause_after(job.attempts)
    due_at = now() + timedelta(seconds=pause)
    if due_at > job.give_up_at or (job.max_attempts and job.attempts >= job.max_attempts):
        give_up(job, problem)
        return
    is_soon = pause <= LONGEST_COUNTDOWN
    written = settle(job, set__state=QUEUED, set__due_at=due_at, set__error=words(problem))
    log.warning("job_repeats", job_id=job.id, task=job.task, attempts=job.attempts, problem=words(problem))
    if written and is_soon:
        jobs().filter(id=job.id, state=QUEUED).update(set__handed_at=now())
        publish(job, countdown=pause)


def pause_after(attempts: int) -> float:
    """Seconds until the next try: 2, 8, 32 … up to an hour, a fifth more or less so that jobs do not come in step."""
    pause = min(FIRST_PAUSE * 4 ** (min(attempts, 20) - 1), LONGEST_PAUSE)
    return pause * random.uniform(0.8, 1.2)  # noqa: S311 - no secret


def words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:500]


def customer_words(problem: Exception) -> str | None:
    return str(problem)[:500] if isinstance(problem, Problem) else None
