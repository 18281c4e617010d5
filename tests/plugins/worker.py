"""A real Celery worker for the tests whose point is what it does.

    def test_a_mail_arrives(worker):
        emails.send(…)
        worker.wait()                  # until no job is waiting that is due, and every event has been handed out

    def test_the_feed_shows_it(dispatch_events):
        create_project(…)
        dispatch_events()              # what the worker does with events, here and now

It runs in a thread of the test's process, so it works on the test's database. The broker is the tests' Valkey; the keys
of each process of a run have a prefix, so that no worker takes another one's messages.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import pytest
import redis
from celery.contrib.testing.worker import start_worker
from django.conf import settings
from kombu.transport.redis import Channel

from saas.celery import PRIORITIES, QUEUES, app

LIMIT = 60.0  # seconds; only a failing test waits this long

PREFIX = f"test:{os.getpid()}:"
app.conf.broker_transport_options["global_keyprefix"] = PREFIX
#: Where the broker keeps a queue's messages of each priority.
QUEUE_KEYS = [
    PREFIX + queue + (f"{Channel.sep}{priority}" if priority else "") for queue in QUEUES for priority in PRIORITIES
]


@dataclass
class Worker:
    def wait(self) -> None:
        """Until nothing is running or waiting for a worker now."""
        from saas.events.models import events
        from saas.jobs.models import QUEUED, RUNNING, jobs
        from saas.tenancy import now

        deadline = time.monotonic() + LIMIT
        while (
            events().filter(is_pending=True).first()
            or jobs()
            .filter(__raw__={"$or": [{"state": RUNNING}, {"state": QUEUED, "due_at": {"$lte": now()}}]})
            .first()
        ):
            assert time.monotonic() < deadline, "the worker does not come to an end"
            time.sleep(0.02)


@pytest.fixture(autouse=True)
def _no_messages_left() -> Iterator[None]:
    """What a test has sent and no worker has taken does not wait for the worker of a later test.  One round trip."""
    yield
    broker().delete(*QUEUE_KEYS)


@cache
def broker() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL)


@pytest.fixture
def dispatch_events() -> Callable[[], None]:
    """Hands every event that waits to its sinks; again for what those have recorded."""
    from saas.events.dispatching import PLATFORM, dispatch
    from saas.events.models import events

    def dispatch_all() -> None:
        for _ in range(5):
            waiting = {event.organization_id for event in events().filter(is_pending=True)}
            for key in waiting:
                dispatch(key or PLATFORM)
            if not waiting:
                return

    return dispatch_all


@pytest.fixture
def worker() -> Iterator[Worker]:
    # Threads: the pool "solo" would take this process for a forked one and close its database connections.
    with start_worker(
        app,
        pool="threads",
        perform_ping_check=False,
        loglevel="WARNING",
        queues=list(QUEUES),
        shutdown_timeout=LIMIT,
    ):
        yield Worker()
