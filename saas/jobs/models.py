from datetime import timedelta
from typing import Any

from mongoengine import DateTimeField, DictField, IntField, StringField

from saas.tenancy import IdField, PlatformDocument, now

QUEUED, RUNNING, SUCCEEDED, FAILED = "queued", "running", "succeeded", "failed"
KEPT_FOR = timedelta(days=30)


class Job(PlatformDocument):
    """One piece of work: what to do, for whom, how far it is.  `payload` is JSON with what the task needs."""

    queue = StringField(required=True)
    task = StringField(required=True)  # name of the Celery task
    payload = DictField()
    state = StringField(required=True, default=QUEUED, choices=(QUEUED, RUNNING, SUCCEEDED, FAILED))
    attempts = IntField(default=0)
    error = StringField()
    organization_id = IdField()
    user_id = IdField()
    idempotency_key = StringField()
    due_at = DateTimeField(required=True, default=now)
    give_up_at = DateTimeField(required=True)
    sent_at = DateTimeField()  # last time that the sweeper handed it to the broker
    leased_until = DateTimeField()  # while running: after this, its worker is taken for dead
    finished_at = DateTimeField()

    meta = {
        "collection": "jobs",
        "indexes": [
            {"fields": ["state", "due_at"]},
            {"fields": ["organization_id", "-created_at"]},
            {
                "fields": ["idempotency_key"],
                "unique": True,
                "partialFilterExpression": {"idempotency_key": {"$exists": True}},
            },
            {
                "fields": ["finished_at"],
                "expireAfterSeconds": int(KEPT_FOR.total_seconds()),
                "partialFilterExpression": {"state": SUCCEEDED},
            },
        ],
    }


def jobs() -> Any:
    return Job.objects.everything(reason="workers serve every organization's jobs")
