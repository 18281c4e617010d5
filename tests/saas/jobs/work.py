"""The product's Celery application with some tasks of the tests, for workers that run as processes of their own."""

import os
import time

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saas.settings")

import django
from django.apps import apps

if not apps.ready:
    django.setup()

from saas.celery import app
from saas.jobs import Job, job_task, report
from saas.mongo.documents import database

__all__ = ["app"]
EFFECTS = "test_effects"


@job_task(name="tests.no_op", queue="default")
def no_op(job: Job) -> None:
    """Nothing."""


@job_task(name="tests.effect", queue="processing")
def effect(job: Job) -> None:
    """Leave a mark, half way through the work."""
    seconds = job.payload.get("seconds", 0.01)
    time.sleep(seconds / 2)
    database()[EFFECTS].insert_one({"job": job.id, "attempt": job.attempts})
    time.sleep(seconds / 2)


@job_task(name="tests.steps", queue="processing", title="Steps")
def steps(job: Job) -> dict[str, int]:
    total = job.payload["steps"]
    for number in range(total):
        report(job, number, total, f"Step {number}")
        time.sleep(job.payload.get("seconds", 0.01))
    return {"steps": total}


@job_task(name="tests.fails", queue="processing", title="Fails", forget=("secret",))
def fails(job: Job) -> None:
    if job.payload.get("wrong", True):
        raise ValueError("it is wrong")


@job_task(name="tests.deadly", queue="processing")
def deadly(job: Job) -> None:
    """Kill the worker's process."""
    os.kill(os.getpid(), 9)


@app.task(name="tests.tick")
def tick() -> None:
    database()[EFFECTS].insert_one({"tick": time.time()})


if os.environ.get("TEST_TICKS"):
    app.conf.beat_schedule = {
        "tick": {"task": "tests.tick", "schedule": float(os.environ["TEST_TICKS"]), "options": {"queue": "default"}}
    }
