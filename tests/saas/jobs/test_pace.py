"""How fast a queue may go, and a clock that was asleep."""

from datetime import timedelta

import pytest

from organizations.tasks import end_organizations
from saas.celery import app
from saas.jobs import enqueue
from saas.jobs.beat import Scheduler
from saas.jobs.models import QUEUED, SUCCEEDED, jobs, schedules
from saas.tenancy import now
from tests.factories import make_world
from tests.saas.jobs.work import effect

SCHEDULE = end_organizations.__name__


def state_of(job):
    return jobs().get(id=job.id).state


def test_a_queues_rate_holds_for_all_its_workers_together(settings):
    settings.QUEUE_RATES = {"processing": "2/minute"}
    made = [enqueue("tests.effect", payload={}) for _ in range(3)]
    for job in made:
        effect(job.id)
    assert [state_of(job) for job in made] == [SUCCEEDED, SUCCEEDED, QUEUED]
    settings.QUEUE_RATES = {}
    effect(made[2].id)
    assert state_of(made[2]) == SUCCEEDED


def test_one_queues_rate_is_not_anothers(settings):
    settings.QUEUE_RATES = {"email": "1/minute"}
    made = [enqueue("tests.effect", payload={}) for _ in range(3)]
    for job in made:
        effect(job.id)
    assert {state_of(job) for job in made} == {SUCCEEDED}


@pytest.fixture
def clock():
    """A clock that knows the product's schedules and has written them down."""
    clock = Scheduler(app, lazy=True)
    clock.setup_schedule()
    clock.tick()
    return clock


@pytest.mark.parametrize(("late", "missed"), [(timedelta(hours=3), 1), (timedelta(seconds=1), 0)])
def test_a_run_that_nobody_made_in_time_is_counted_and_shown(clock, late, missed):
    row = schedules().get(name=SCHEDULE)
    due_at = now().replace(microsecond=0) - late
    schedules().filter(id=row.id).update(set__next_run_at=due_at)
    clock.visit(clock.schedule[SCHEDULE])
    row.reload()
    assert row.missed == missed
    assert row.missed_at == (due_at if missed else None)
    assert row.next_run_at > now(), "and the next one comes in step"
    page = make_world().client("staff").get("/admin/jobs/").content.decode()
    assert ('<small class="muted">last' in page) is bool(missed)
