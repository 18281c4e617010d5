"""Background work that is not lost: a `Job` is written in the caller's transaction, then handed to the broker.

    queue_email(to=user.email, subject="Hello", body="…")

The document is the promise, the broker only the messenger. A worker claims the job by one conditional update, so a
message that comes twice does its work once; a message that never comes (the broker was down, was emptied, the web
process died between commit and enqueue) is sent again by `sweep`. A failed try is repeated with growing pauses until
`give_up_at`; then the job is `failed` and keeps the reason.
"""

from saas.jobs.models import Job
from saas.jobs.queueing import enqueue, queue_email
from saas.jobs.running import PermanentFailure, job_task

__all__ = ["Job", "PermanentFailure", "enqueue", "job_task", "queue_email"]
