"""What people do with jobs and schedules: cancel, retry, edit, discard, start.  Each records its event."""

from typing import Any

from django.http import HttpRequest

from saas import events
from saas.db import atomic, on_commit
from saas.errors import Problem
from saas.jobs import beat
from saas.jobs.lanes import hand_over, lane_of
from saas.jobs.models import CANCELLED, DISCARDED, FAILED, KEPT_FOR, QUEUED, RUNNING, Job, Schedule, jobs
from saas.jobs.progress import announce
from saas.jobs.registry import A_DAY, TASKS, rules_of
from saas.tenancy import now


class JobIsOver(Problem):
    """It ended before it could be cancelled."""


class NotADeadLetter(Problem):
    """Only a failed job is retried, edited or discarded."""


class ScheduleGone(Problem):
    """The code does not declare this schedule any more."""


@atomic
def cancel_job(*, job: Job, actor: Any, request: HttpRequest | None = None) -> Job:
    """End a waiting job now, and a running one at its next report of progress.  Raises JobIsOver."""
    moment = now()
    over = {"set__state": CANCELLED, "set__finished_at": moment, "set__forget_at": moment + KEPT_FOR}
    before: dict[str, Any] = {"state": QUEUED}
    after: dict[str, Any] = {"state": CANCELLED}
    found: Job | None = jobs().filter(id=job.id, state=QUEUED).modify(new=True, unset__handed_at=1, **over)
    if found is None:
        found = jobs().filter(id=job.id, state=RUNNING).modify(new=True, set__is_cancel_requested=True)
        before, after = {"is_cancel_requested": False}, {"is_cancel_requested": True}
    if found is None:
        raise JobIsOver("This is over already: there is nothing left to cancel.")
    events.record(
        "job.cancelled",
        org=found.organization_id,
        actor=actor,
        target=found,
        before=before,
        after=after,
        request=request,
        metadata=about(found),
    )
    announce(found)
    on_commit(lambda: hand_over(found.queue, found.lane))
    return found


class PersonalMail(Problem):
    """Its words, perhaps a link that lets somebody in, are for one person's eyes."""


@atomic
def retry_job(*, job: Job, actor: Any, request: HttpRequest | None = None) -> Job:
    """Start a dead letter anew, with all its tries.  Raises NotADeadLetter."""
    moment = now()
    rules = TASKS.get(job.task) or rules_of(job.task)
    found = change_dead_letter(
        job,
        set__state=QUEUED,
        set__attempts=0,
        set__max_attempts=rules.max_attempts,
        set__due_at=moment,
        set__give_up_at=moment + (rules.try_for or A_DAY),
        unset__finished_at=1,
        unset__progress=1,
        unset__problem=1,
    )
    events.record("job.retried", actor=actor, target=found, request=request, metadata=about(found), **became(QUEUED))
    announce(found)
    lane = lane_of(org_id=found.organization_id, user_id=found.user_id)
    on_commit(lambda: hand_over(found.queue, lane))
    return found


@atomic
def edit_job(*, job: Job, actor: Any, payload: dict[str, Any], request: HttpRequest | None = None) -> Job:
    """Replace the open part of a dead letter's payload; what the task keeps secret stays.

    Raises NotADeadLetter, and PersonalMail when a mail to a person's account would go to somebody else.
    """
    if job.user_id and "to" in job.payload and payload.get("to") != job.payload["to"]:
        raise PersonalMail("This mail was written for one person, and may let its reader in: its address stays.")
    secret = {name: value for name, value in job.payload.items() if name in secret_parts(job)}
    before = open_payload(job)
    found = change_dead_letter(job, set__payload={**payload, **secret})
    events.record("job.edited", actor=actor, target=found, before=before, after=payload, request=request)
    return found


@atomic
def discard_job(*, job: Job, actor: Any, request: HttpRequest | None = None) -> Job:
    """Give a dead letter up for good.  It is kept for a month.  Raises NotADeadLetter."""
    found = change_dead_letter(job, set__state=DISCARDED, set__forget_at=now() + KEPT_FOR)
    events.record(
        "job.discarded", actor=actor, target=found, request=request, metadata=about(found), **became(DISCARDED)
    )
    announce(found)
    return found


def change_dead_letter(job: Job, **changes: Any) -> Job:
    found: Job | None = jobs().filter(id=job.id, state=FAILED).modify(new=True, **changes)
    if found is None:
        raise NotADeadLetter("This job is not among the failed ones any more. Somebody may have been faster.")
    return found


def secret_parts(job: Job) -> tuple[str, ...]:
    return rules_of(job.task).forget


def open_payload(job: Job) -> dict[str, Any]:
    """The payload without what the task keeps secret."""
    hidden = secret_parts(job)
    return {name: value for name, value in job.payload.items() if name not in hidden}


def became(state: str) -> dict[str, Any]:
    """What a dead letter is now, as its event tells it."""
    return {"before": {"state": FAILED}, "after": {"state": state}}


def about(job: Job) -> dict[str, Any]:
    known = {"task": job.task, "queue": job.queue, "attempts": job.attempts}
    return {**known, "organization_id": job.organization_id} if job.organization_id else known


@atomic
def start_schedule(*, schedule: Schedule, actor: Any, request: HttpRequest | None = None) -> None:
    """Let a scheduled task run at once, beside its regular runs.  Raises ScheduleGone."""
    entry = beat.entry_of(schedule)
    if entry is None:
        raise ScheduleGone("This schedule is not declared any more.")
    events.record("schedule.started", actor=actor, target=schedule, request=request)
    on_commit(lambda: beat.send(schedule.name, entry["task"], entry.get("options", {})))
