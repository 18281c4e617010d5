"""While a job runs its lease is renewed from a thread, so a dead worker's job is free again in half a minute."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import structlog
from pymongo.errors import PyMongoError

from saas.jobs.models import RUNNING, Job, jobs
from saas.tenancy import now

log = structlog.get_logger(__name__)

LEASE = timedelta(seconds=30)
RENEWED_EVERY = 8.0  # seconds


@contextmanager
def kept_alive(job: Job) -> Iterator[None]:
    """Renew the job's lease until the block ends."""
    over = threading.Event()

    def renew() -> None:
        while not over.wait(RENEWED_EVERY):
            try:
                mine = jobs().filter(id=job.id, state=RUNNING, attempts=job.attempts)
                mine.update(set__leased_until=now() + LEASE)
            except PyMongoError as problem:
                log.warning("job_lease_not_renewed", job_id=job.id, problem=str(problem))

    thread = threading.Thread(target=renew, name=f"lease-{job.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
