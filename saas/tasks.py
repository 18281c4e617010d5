"""Tasks of the platform services."""

from typing import Any

from celery.schedules import crontab

from saas import emails
from saas.celery import app
from saas.events import dispatching
from saas.jobs import Job, job_task, processing_task
from saas.jobs.sweeping import SWEEP_EVERY, sweep
from saas.notifications import digests, holding
from saas.notifications.telling import HELD_MAIL
from saas.webhooks import endpoints, lanes, sending, settling


# Above the timeout of the mail server's answers, far below the queue's.
@job_task(
    name="saas.tasks.send_email",
    queue="email",
    max_attempts=None,
    time_limit=75,
    forget=("body", "html", "headers"),
    priority=0,
)
def send_email(job: Job) -> dict[str, Any]:
    return emails.deliver(job)


@job_task(name=HELD_MAIL, queue="email", priority=0)
def mail_notification(job: Job) -> dict[str, Any]:
    return holding.send_held(job)


@job_task(name="saas.tasks.call_webhook", queue="webhooks", max_attempts=None, time_limit=75, forget=("headers",))
def call_webhook(job: Job) -> dict[str, Any]:
    from saas.jobs import outside

    return outside.call(job)


@processing_task("saas.tasks.export_audit_log", title="Export of the audit log")
def export_audit_log(job: Job) -> dict[str, Any]:
    from saas.audit import exporting

    return exporting.export(job)


@processing_task("saas.tasks.verify_audit_log", title="Verification of the audit log")
def verify_audit_log(job: Job) -> dict[str, Any]:
    from saas.audit import work

    return work.verify(job)


@app.task(name="saas.tasks.expire_audit_logs")
def expire_audit_logs() -> None:
    from saas.audit import retention

    retention.expire_all()


@app.task(name="saas.tasks.sweep_jobs")
def sweep_jobs() -> None:
    sweep()


@app.task(name=dispatching.TASK)
def dispatch_events(key: str) -> None:
    dispatching.dispatch(key)


@app.task(name="saas.tasks.sweep_events")
def sweep_events() -> None:
    dispatching.sweep()


@app.task(name=lanes.TASK)
def send_webhooks() -> None:
    sending.send_due()


@job_task(name=settling.TASK, queue="webhooks", priority=0)
def settle_webhook(job: Job) -> dict[str, Any]:
    return settling.settle(job.payload["webhook_id"])


@job_task(name=endpoints.REPLAY, queue="webhooks", priority=0)
def replay_webhook(job: Job) -> dict[str, Any]:
    return {"count": endpoints.finish_replay(**job.payload)}


@app.task(name="saas.tasks.poll_webhooks")
def poll_webhooks() -> None:
    lanes.poll()


@app.task(name="saas.tasks.sweep_webhooks")
def sweep_webhooks() -> None:
    lanes.sweep()


@job_task(name="saas.tasks.test_webhook", queue="webhooks", max_attempts=1, time_limit=75, priority=0)
def test_webhook(job: Job) -> None:
    endpoints.finish_test(job.payload["delivery_id"])


@app.task(name="saas.tasks.send_digests")
def send_digests() -> None:
    digests.send_digests()


app.conf.beat_schedule = {
    **(app.conf.beat_schedule or {}),
    "expire_audit_logs": {
        "task": "saas.tasks.expire_audit_logs",
        "schedule": crontab(hour=3, minute=20),
        "options": {"queue": "default", "expires": 60 * 60},
    },
    "send_digests": {
        "task": "saas.tasks.send_digests",
        "schedule": digests.EVERY,
        "options": {"queue": "default", "expires": digests.EVERY},
    },
    "sweep_events": {
        "task": "saas.tasks.sweep_events",
        "schedule": dispatching.SWEEP_EVERY,
        "options": {"queue": "default", "expires": dispatching.SWEEP_EVERY, "priority": 0},
    },
    "poll_webhooks": {
        "task": "saas.tasks.poll_webhooks",
        "schedule": lanes.POLL_EVERY,
        "options": {"queue": "default", "expires": lanes.POLL_EVERY, "priority": 0},
    },
    "sweep_webhooks": {
        "task": "saas.tasks.sweep_webhooks",
        "schedule": lanes.SWEEP_EVERY,
        "options": {"queue": "default", "expires": lanes.SWEEP_EVERY, "priority": 0},
    },
    # An old tick is worth nothing once the next has come.
    "sweep_jobs": {
        "task": "saas.tasks.sweep_jobs",
        "schedule": SWEEP_EVERY,
        "options": {"queue": "default", "expires": SWEEP_EVERY, "priority": 0},
    },
}
