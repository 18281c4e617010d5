"""Asking for work."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from mongoengine import NotUniqueError

from saas.db import in_transaction, on_commit
from saas.jobs.lanes import hand_over, lane_of, publish, room_in
from saas.jobs.models import Job, jobs
from saas.jobs.registry import TaskRules, rules_of
from saas.tenancy import now

SEND_EMAIL = "saas.tasks.send_email"
CALL_WEBHOOK = "saas.tasks.call_webhook"


def enqueue(
    task: str,
    *,
    payload: dict[str, Any],
    org: Any = None,
    user: Any = None,
    title: str | None = None,
    priority: int | None = None,
    due_at: datetime | None = None,
    idempotency_key: str | None = None,
) -> Job:
    """Write a job in the caller's transaction and hand it to the broker after the commit.

    `task` is the name of a `job_task`; `payload` is JSON; `priority` is 0, 3, 6 or 9, and 0 comes first.  A job with a
    `title` is shown to `user` on the page of background jobs.  With an `idempotency_key` that is known already the
    earlier job is answered and nothing is added.  A broker that does not answer is no error: the job waits for it.
    Raises UnknownTask.
    """
    earlier = jobs().filter(idempotency_key=idempotency_key).first() if idempotency_key else None
    if earlier:
        return earlier
    rules = rules_of(task)
    values = values_of(rules, payload=payload, org=org, user=user, title=title, priority=priority, due_at=due_at)
    is_due = due_at is None or due_at <= now()
    if is_due and room_in(rules.queue, values["lane"]):
        values["handed_at"] = now()
    try:
        job: Job = jobs().create(**values, idempotency_key=idempotency_key)
    except NotUniqueError:
        if in_transaction():
            raise  # the unit is repeated, and then finds the earlier job
        return jobs().get(idempotency_key=idempotency_key)
    if job.handed_at:
        on_commit(lambda: publish(job))
    return job


def enqueue_many(
    task: str,
    payloads: Iterable[dict[str, Any]],
    *,
    org: Any = None,
    user: Any = None,
    priority: int | None = None,
    due_at: datetime | None = None,
) -> list[Job]:
    """As `enqueue` for many jobs of one kind, written in one round trip for a thousand or so."""
    rules = rules_of(task)
    values = [
        values_of(rules, payload=payload, org=org, user=user, priority=priority, due_at=due_at) for payload in payloads
    ]
    if not values:
        return []
    made: list[Job] = jobs().insert([Job(**each) for each in values])
    on_commit(lambda: hand_over(rules.queue, values[0]["lane"]))
    return made


def values_of(
    rules: TaskRules,
    *,
    payload: dict[str, Any],
    org: Any,
    user: Any,
    title: str | None = None,
    priority: int | None = None,
    due_at: datetime | None = None,
) -> dict[str, Any]:
    org_id, user_id = (str(each.pk) if each else None for each in (org, user))
    moment = now()
    return {
        "task": rules.name,
        "queue": rules.queue,
        "title": (rules.title if title is None else title) or None,
        "payload": payload,
        "priority": rules.priority if priority is None else priority,
        "organization_id": org_id,
        "user_id": user_id,
        "lane": lane_of(org_id=org_id, user_id=user_id),
        "max_attempts": rules.max_attempts,
        "due_at": due_at or moment,
        "give_up_at": (due_at or moment) + rules.try_for,
    }


def queue_email(
    *,
    to: str | Sequence[str],
    subject: str,
    body: str,
    html: str = "",
    reply_to: str | None = None,
    org: Any = None,
    user: Any = None,
    priority: int | None = None,
    idempotency_key: str | None = None,
    headers: dict[str, str] | None = None,
) -> Job:
    """Send a mail in the background, trying for a day.  `saas.emails.send` is the door for a mail with a template."""
    payload = mail_payload(to=to, subject=subject, body=body, html=html, reply_to=reply_to, headers=headers)
    return enqueue(SEND_EMAIL, payload=payload, org=org, user=user, priority=priority, idempotency_key=idempotency_key)


def mail_payload(
    *,
    to: str | Sequence[str],
    subject: str,
    body: str,
    html: str = "",
    reply_to: str | None = None,
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    """What the task that sends mail needs.  `headers` stand in the mail beside those that every mail has."""
    return {
        "to": [to] if isinstance(to, str) else list(to),
        "subject": subject,
        "body": body,
        "html": html,
        "reply_to": reply_to,
        "headers": headers or {},
    }


def queue_processing(
    *,
    user: Any,
    task: str,
    payload: dict[str, Any] | None = None,
    org: Any = None,
    title: str | None = None,
    idempotency_key: str | None = None,
) -> Job:
    """Start work for a person, who follows it on the page of background jobs, may cancel it, and gets its result.

    `task` is the name of a `processing_task`.  Raises UnknownTask.
    """
    return enqueue(task, payload=payload or {}, org=org, user=user, title=title, idempotency_key=idempotency_key)


def queue_webhook(
    *,
    url: str,
    method: str = "POST",
    body: Any = None,
    headers: dict[str, str] | None = None,
    org: Any = None,
    user: Any = None,
    idempotency_key: str | None = None,
) -> Job:
    """Call an address outside, trying for a day.  `body` is JSON, or text that is sent as it is.

    Raises saas.jobs.outside.AddressRefused at once for an address that is never called.
    """
    from saas.jobs.outside import check_address

    check_address(url)
    payload = {"url": url, "method": method.upper(), "body": body, "headers": headers or {}}
    return enqueue(CALL_WEBHOOK, payload=payload, org=org, user=user, idempotency_key=idempotency_key)
