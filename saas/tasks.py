"""Tasks of the platform services."""

from datetime import timedelta

from saas import emails
from saas.celery import app
from saas.jobs import Job, job_task
from saas.jobs.running import SWEEP_EVERY, sweep


@job_task(name="saas.tasks.send_email", lease=timedelta(seconds=90), forget=("body", "html"))
def send_email(job: Job) -> None:
    emails.deliver(job)


@app.task(name="saas.tasks.sweep_jobs")
def sweep_jobs() -> None:
    sweep()


app.conf.beat_schedule = {
    **(app.conf.beat_schedule or {}),
    # An old tick is worth nothing once the next has come.
    "sweep_jobs": {
        "task": "saas.tasks.sweep_jobs",
        "schedule": SWEEP_EVERY,
        "options": {"queue": "default", "expires": SWEEP_EVERY},
    },
}
