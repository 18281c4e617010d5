from datetime import timedelta
from typing import Any

from mongoengine import (
    BinaryField,
    BooleanField,
    DateTimeField,
    DictField,
    FloatField,
    IntField,
    ListField,
    StringField,
)

from saas.tenancy import IdField, PlatformDocument, UserDocument, now

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED, DISCARDED = (
    "queued", "running", "succeeded", "failed", "cancelled", "discarded",
)  # fmt: skip
STATES = (QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED, DISCARDED)
KEPT_FOR = timedelta(days=30)


class Job(PlatformDocument):
    """One piece of work: what to do, for whom, how far it is.  `payload` is JSON with what the task needs.

    A job with a `title` is one that a person has started and sees; the others are the platform's own errands.
    """

    queue = StringField(required=True)
    task = StringField(required=True)  # name of the Celery task
    title = StringField()
    payload = DictField()
    state = StringField(required=True, default=QUEUED, choices=STATES)
    priority = IntField(required=True, default=3)  # one of saas.celery.PRIORITIES; 0 comes first
    lane = StringField(required=True, default="platform")  # who stands in line: see saas.jobs.lanes
    attempts = IntField(default=0)
    max_attempts = IntField()  # empty: until give_up_at
    error = StringField()  # for the staff: what was raised last
    problem = StringField()  # for the person who waits: the words of a saas.errors.Problem
    result = DictField()
    progress = IntField()  # per cent; empty while unknown
    note = StringField()  # what it is doing, in the person's words
    is_cancel_requested = BooleanField()
    organization_id = IdField()
    user_id = IdField()
    idempotency_key = StringField()
    due_at = DateTimeField(required=True, default=now)
    give_up_at = DateTimeField(required=True)
    handed_at = DateTimeField()  # while the broker or a worker has it
    sent_at = DateTimeField()  # last time that the sweeper told the broker again
    started_at = DateTimeField()  # the current try
    leased_until = DateTimeField()  # while running: after this, its worker is taken for dead
    finished_at = DateTimeField()
    forget_at = DateTimeField()  # a failed job stays until somebody decides

    meta = {
        "collection": "jobs",
        "indexes": [
            {"fields": ["state", "due_at"]},
            {"fields": ["state", "-finished_at", "-id"]},
            {"fields": ["queue", "state", "due_at"]},
            {"fields": ["organization_id", "-created_at", "-id"]},
            {"fields": ["user_id", "-created_at", "-id"]},
            {
                "fields": ["queue", "lane", "priority", "due_at"],
                "partialFilterExpression": {"state": QUEUED},
                "name": "line",
            },
            {
                "fields": ["queue", "lane", "handed_at"],
                "partialFilterExpression": {"handed_at": {"$exists": True}},
                "name": "in_flight",
            },
            {
                "fields": ["idempotency_key"],
                "unique": True,
                "partialFilterExpression": {"idempotency_key": {"$exists": True}},
            },
            {"fields": ["forget_at"], "expireAfterSeconds": 0},
        ],
    }

    @property
    def is_over(self) -> bool:
        return self.state not in (QUEUED, RUNNING)

    @property
    def name(self) -> str:
        return self.title or self.task.rpartition(".")[2]


class StoredFile(UserDocument):
    """What a job made for a person to download, until `expires_at`.  Its bytes are FileChunks."""

    job_id = IdField()
    name = StringField(required=True)
    content_type = StringField(required=True)
    size = IntField(required=True)  # bytes
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "stored_files",
        "indexes": [["user_id", "job_id"], {"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }


class FileChunk(UserDocument):
    """A part of a StoredFile.  It expires by itself, like its file."""

    file_id = IdField(required=True)
    number = IntField(required=True)
    data = BinaryField(required=True)
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "stored_file_chunks",
        "indexes": [
            {"fields": ["user_id", "file_id", "number"], "unique": True},
            {"fields": ["expires_at"], "expireAfterSeconds": 0},
        ],
    }


class Schedule(PlatformDocument):
    """One entry of the clock: when it runs next, and how the last run went."""

    name = StringField(required=True, unique=True)
    task = StringField(required=True)
    queue = StringField(required=True)
    words = StringField()  # "every 10 seconds"
    next_run_at = DateTimeField(required=True)
    sent_at = DateTimeField()
    started_at = DateTimeField()
    finished_at = DateTimeField()
    duration_ms = FloatField()
    error = StringField()
    runs = IntField(default=0)
    missed = IntField(default=0)
    missed_at = DateTimeField()

    meta = {"collection": "schedules"}


class Worker(PlatformDocument):
    """A worker, or the clock, that was seen lately."""

    name = StringField(required=True, unique=True)
    queues = ListField(StringField())
    concurrency = IntField()
    running = IntField(default=0)
    pid = IntField()
    started_at = DateTimeField()
    seen_at = DateTimeField(required=True)

    meta = {"collection": "workers", "indexes": [{"fields": ["seen_at"], "expireAfterSeconds": 24 * 60 * 60}]}


def jobs() -> Any:
    return Job.objects.everything(reason="workers serve every organization's jobs")


def schedules() -> Any:
    return Schedule.objects.everything(reason="the clock is the platform's")


def workers() -> Any:
    return Worker.objects.everything(reason="workers are the platform's")
