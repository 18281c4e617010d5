"""What the person who waits sees: how far a job is, live."""

import time

from saas import live
from saas.jobs.models import RUNNING, Job, jobs

#: Seconds between two reports that are written; the first and the last one always are.
REPORT_EVERY = 0.3


class Cancelled(Exception):
    """The person has cancelled the job that is running.  Let it pass: it ends the try."""


def report(job: Job, done: int, total: int, note: str | None = None) -> None:
    """Say how far the work is.  Raises Cancelled when the person wants it to end: call it wherever that is safe."""
    percent = min(100, round(100 * done / total)) if total else None
    last = vars(job).get("reported_at", 0.0)
    if time.monotonic() - last < REPORT_EVERY and note in (None, job.note) and done < total:
        return
    job.__dict__["reported_at"] = time.monotonic()
    mine = jobs().filter(id=job.id, state=RUNNING, attempts=job.attempts)
    changes = {"set__progress": percent, **({"set__note": note} if note is not None else {})}
    known: Job | None = mine.modify(new=True, **changes)
    if known is None or known.is_cancel_requested:
        raise Cancelled
    job.progress, job.note = known.progress, known.note
    announce(job)


def announce(job: Job) -> None:
    """Tell the open pages of the person that the job has changed.  They ask for what they show."""
    if job.user_id and job.title:
        live.publish(live.user_channel(job.user_id), "job", {"id": job.id, "state": job.state})
