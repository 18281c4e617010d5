"""Background work about a person."""

from typing import Any

import structlog

from accounts import deletion, export
from accounts.models import User
from saas.celery import app
from saas.jobs import Job, processing_task

log = structlog.get_logger(__name__)

EVERY = 10 * 60.0  # seconds


@processing_task(export.TASK, title="Export of your account")
def export_account(job: Job) -> dict[str, Any]:
    return export.export_account(job)


@app.task(name="accounts.tasks.end_accounts")
def end_accounts() -> None:
    """Warn the people whose account is about to go, and erase the accounts whose time is over.

    One account that fails holds up no other: it is tried again at the next run.
    """
    for user in deletion.about_to_go():
        attempt(user, deletion.warn)
    for user in deletion.due():
        attempt(user, deletion.erase_account)


def attempt(user: User, service: Any) -> None:
    try:
        service(user=user)
    except Exception:
        log.exception("account_end_failed", user_id=user.pk, step=service.__name__)


app.conf.beat_schedule = {
    **(app.conf.beat_schedule or {}),
    "end_accounts": {
        "task": "accounts.tasks.end_accounts",
        "schedule": EVERY,
        "options": {"queue": "default", "expires": EVERY},
    },
}
