"""Background work that is not lost: a `Job` is written in the caller's transaction, then handed to the broker.

    queue_email(to=user.email, subject="Hello", body="…")
    queue_processing(user=user, task="account_export")
    queue_webhook(url="https://example.com/hook", body={"event": "project.created"})

The document is the promise, the broker only the messenger. A worker claims the job by one conditional update, so a
message that comes twice does its work once; a message that never comes (the broker was down, was emptied, the web
process died between commit and enqueue) is sent again by `sweep`. A failed try is repeated with growing pauses; then
the job is `failed`, a dead letter that keeps the reason. docs/jobs.md shows how to add a task and a queue.
"""

from saas.jobs.models import Job
from saas.jobs.progress import Cancelled, report
from saas.jobs.queueing import enqueue, enqueue_many, queue_email, queue_processing, queue_webhook
from saas.jobs.registry import UnknownTask
from saas.jobs.running import PermanentFailure, job_task, processing_task

__all__ = [
    "Cancelled",
    "Job",
    "PermanentFailure",
    "UnknownTask",
    "enqueue",
    "enqueue_many",
    "job_task",
    "processing_task",
    "queue_email",
    "queue_processing",
    "queue_webhook",
    "report",
]
