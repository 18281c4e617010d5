"""docs/jobs.md, followed to the letter."""

import re
from pathlib import Path

import pytest

from saas import queues
from saas.celery import app
from saas.jobs import enqueue, job_task, report
from saas.jobs.models import SUCCEEDED, jobs
from saas.jobs.registry import TASKS
from tests.factories import make_world

ROOT = Path(__file__).resolve().parents[3]
EXAMPLE = re.search(r"```python\n(# saas/queues.py.*?)```", (ROOT / "docs" / "jobs.md").read_text(), re.DOTALL)
NAME = "organizations.tasks.build_report"


@pytest.fixture
def clean_registries():
    yield
    queues.QUEUES.pop("reports", None)
    TASKS.pop(NAME, None)
    app.tasks.pop(NAME, None)


def test_a_queue_and_a_task_are_added_as_the_page_shows(clean_registries):
    world = make_world()
    names = {
        "QUEUES": queues.QUEUES, "QueueRules": queues.QueueRules, "job_task": job_task, "report": report,
        "enqueue": enqueue, "org": world.tenant.org, "user": world.member,
    }  # fmt: skip
    assert EXAMPLE
    lines = [line for line in EXAMPLE[1].splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) <= 10
    exec(EXAMPLE[1], names)
    names["build_report"](jobs().get(task=NAME).id)
    job = jobs().get(task=NAME)
    assert (job.state, job.queue, job.title, job.result) == (
        SUCCEEDED, "reports", "Monthly report", {"summary": "12 months"},
    )  # fmt: skip
    assert job.organization_id == world.tenant.org.pk


def test_each_queue_has_its_worker_in_the_procfile():
    lines = (ROOT / "Procfile").read_text()
    found = {name: int(count) for name, count in re.findall(r"worker --queues (\w+) --concurrency (\d+)", lines)}
    assert found == {name: rules.concurrency for name, rules in queues.QUEUES.items()}
