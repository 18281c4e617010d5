"""What the clock does to organizations."""

import structlog

from organizations.models import Organization
from organizations.services import addresses, deletion
from saas.celery import app

log = structlog.get_logger(__name__)

EVERY = 60 * 60.0  # seconds


@app.task(name="organizations.tasks.end_organizations")
def end_organizations() -> None:
    """Warn the owners of what is about to go, purge what is due, free addresses whose time is over.

    One organization that fails holds up no other: it is tried again at the next run.
    """
    for org in deletion.about_to_go():
        attempt(org, deletion.warn_owners)
    for org in deletion.due():
        attempt(org, deletion.purge_organization)
    addresses.forget_expired()


def attempt(org: Organization, service: object) -> None:
    try:
        service(org=org)  # type: ignore[operator]
    except Exception:
        log.exception("organization_end_failed", organization_id=org.pk, step=getattr(service, "__name__", ""))


app.conf.beat_schedule = {
    **(app.conf.beat_schedule or {}),
    "end_organizations": {
        "task": "organizations.tasks.end_organizations",
        "schedule": EVERY,
        "options": {"queue": "default", "expires": EVERY},
    },
}
