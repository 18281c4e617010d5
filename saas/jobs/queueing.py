"""Asking for work."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from kombu.exceptions import OperationalError
from mongoengine import NotUniqueError
from redis.exceptions import RedisError

from saas.celery import app
from saas.db import in_transaction, on_commit
from saas.jobs.models import Job, jobs
from saas.tenancy import now

log = structlog.get_logger(__name__)


def enqueue(
    task: str,
    *,
    queue: str,
    payload: dict[str, Any],
    org: Any = None,
    user: Any = None,
    idempotency_key: str | None = None,
    try_for: timedelta = timedelta(hours=1),
) -> Job:
    """Write a job in the caller's transaction and hand it to the broker after the commit.

    With an `idempotency_key` that is known already the earlier job is answered and nothing is added.  A broker that
    does not answer is no error: the job waits for it.
    """
    earlier = jobs().filter(idempotency_key=idempotency_key).first() if idempotency_key else None
    if earlier:
        return earlier  # type: ignore[no-any-return]
    values = {
        "task": task,
        "queue": queue,
        "payload": payload,
        "organization_id": str(org.pk) if org else None,
        "user_id": str(user.pk) if user else None,
        "idempotency_key": idempotency_key,
        "give_up_at": now() + try_for,
    }
    try:
        job: Job = jobs().create(**values)
    except NotUniqueError:
        if in_transaction():
            raise  # the unit is repeated, and then finds the earlier job
        return jobs().get(idempotency_key=idempotency_key)  # type: ignore[no-any-return]
    on_commit(lambda: publish(job))
    return job


def queue_email(
    *,
    to: str | Sequence[str],
    subject: str,
    body: str,
    html: str = "",
    reply_to: str | None = None,
    org: Any = None,
    user: Any = None,
    idempotency_key: str | None = None,
) -> Job:
    """Send a mail in the background, trying for a day.  `saas.emails.send` is the door for a mail with a template."""
    payload = {
        "to": [to] if isinstance(to, str) else list(to),
        "subject": subject,
        "body": body,
        "html": html,
        "reply_to": reply_to,
    }
    return enqueue(
        "saas.tasks.send_email",
        queue="email",
        payload=payload,
        org=org,
        user=user,
        idempotency_key=idempotency_key,
        try_for=timedelta(hours=24),
    )


def publish(job: Job, *, countdown: float = 0) -> bool:
    """Tell a worker about the job; False when the broker does not answer, which is logged."""
    try:
        app.send_task(job.task, args=[job.id], queue=job.queue, countdown=countdown or None, retry=False)
    except (OperationalError, RedisError, OSError) as problem:
        log.warning("job_waits_for_broker", job_id=job.id, task=job.task, problem=str(problem))
        return False
    return True
