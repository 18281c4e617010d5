"""`kill -9` of a worker that sends digests: afterwards everybody got exactly one, with everything in it."""

from collections import Counter
from contextlib import contextmanager
from datetime import timedelta

import pytest
import redis
from bson import ObjectId
from django.db import connections

from accounts.models import User
from saas.celery import app
from saas.jobs.models import SUCCEEDED, jobs
from saas.jobs.sweeping import sweep
from saas.mongo.documents import get_collection
from saas.notifications.models import Notification, notifications
from saas.tenancy import now
from tests.factories import UserFactory
from tests.saas.jobs.conftest import broker, inbox, processes, until  # noqa: F401 - fixtures

PEOPLE, ROWS = 30, 3
MIDDLE = 12


@pytest.fixture
def people():
    """Some for whom a digest is due, each with rows of the own name."""
    users = [UserFactory(email=f"person{n}@example.com") for n in range(PEOPLE)]
    User.objects.update(email_digest="hourly")
    then = now() - timedelta(hours=3)
    rows = [
        Notification(user_id=user.pk, kind="projects", title=f"Number {n}", created_at=then, waits_for_digest=True)
        for user in users
        for n in range(ROWS)
    ]
    notifications().insert(rows)
    notifications().update(set__created_at=then)
    return users


def mails():
    return jobs().filter(task="saas.tasks.send_email")


def waiting():
    return notifications().filter(waits_for_digest=True).count()


def ask():
    """What the clock does every five minutes."""
    app.send_task("saas.tasks.send_digests", queue="default")


@contextmanager
def held_rows_of(user):
    """Nobody else can change the person's rows: who tries is told of a conflict."""
    client = connections["default"].connection
    with client.start_session() as session, session.start_transaction():
        mine = {"user_id": ObjectId(user.pk)}
        get_collection("notifications").update_many(mine, {"$set": {"message": "held"}}, session=session)
        yield
        session.abort_transaction()


def test_a_worker_that_is_killed_while_it_sends_digests(broker, processes, inbox, until, people):  # noqa: F811 - fixtures
    worker = processes.worker("default", concurrency=1)  # no mail goes out yet: the texts can be looked at
    with held_rows_of(people[MIDDLE]):
        ask()
        until(lambda: mails().count() == MIDDLE, seconds=150)  # from here on it tries that person again and again
        processes.kill(worker)
    assert waiting() == (PEOPLE - MIDDLE) * ROWS
    processes.worker("default", concurrency=1)

    def is_done():
        if waiting() and not redis.Redis.from_url(broker.url).llen("default"):
            ask()  # the clock comes again; a transaction of the dead process holds its rows for up to a minute
        return not waiting()

    until(is_done, seconds=150)
    bodies = {mail.payload["to"][0]: mail.payload["body"] for mail in mails()}
    assert mails().count() == len(bodies) == PEOPLE
    assert all(f"- Number {n}\n" in body for body in bodies.values() for n in range(ROWS))
    processes.worker("email")
    until(lambda: (sweep(), mails().filter(state=SUCCEEDED).count())[1] == PEOPLE, seconds=150)
    assert set(Counter(inbox.ids).values()) == {1}
    assert len(inbox.ids) == PEOPLE
