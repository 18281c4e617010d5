"""An endpoint, and each delivery to it.  A message holds what a founder's own code had to say.

endpoint                 enabled, or off: paused by somebody, or disabled by us (`disabled_reason`)
delivery                 pending until an attempt succeeds or the last one fails
  held                   pending without `next_attempt_at`: its endpoint is off; resuming makes it due
"""

from datetime import datetime, timedelta
from typing import Any

from mongoengine import BooleanField, DateTimeField, DictField, IntField, ListField, StringField

from saas.tenancy import IdField, PlatformDocument

PENDING, SUCCEEDED, FAILED = "pending", "succeeded", "failed"
STATUSES = (PENDING, SUCCEEDED, FAILED)
#: Why an attempt was made: by the plan, by somebody who replayed it, or as a test.
SCHEDULED, MANUAL, TEST = "scheduled", "manual", "test"
#: Why an endpoint is off: somebody paused it, it answered 410, or it has failed for days.
PAUSED, GONE, FAILING = "paused", "gone", "failing"

ENDPOINT_LIMIT = 10  # of one organization; the index `place` holds it
EVERYTHING = "*"
NAME_LENGTH = 80
DESCRIPTION_LENGTH = 300
URL_LENGTH = 1000
KEPT_ATTEMPTS = 30  # of one delivery
KEPT_FOR = timedelta(days=30)


class Webhook(PlatformDocument):
    """An endpoint: an organization's, or with no organization the platform's own.  Written by endpoints, health, lanes.

    Secrets are encrypted at rest (signing.py).  After a rotation the old one signs too until `previous_expires_at`.
    """

    organization_id = IdField()
    place = IntField(required=True)  # 0 to ENDPOINT_LIMIT - 1, one for each of the organization's endpoints
    name = StringField(required=True, max_length=NAME_LENGTH)
    description = StringField(default="", max_length=DESCRIPTION_LENGTH)
    url = StringField(required=True, max_length=URL_LENGTH)
    events = ListField(StringField())  # public names, or ["*"]
    secret = StringField(required=True)
    previous_secret = StringField()
    previous_expires_at = DateTimeField()
    created_by = IdField()

    enabled = BooleanField(required=True, default=True)
    disabled_reason = StringField(choices=(PAUSED, GONE, FAILING))
    disabled_at = DateTimeField()

    # Health: all empty after a success.
    failing_since = DateTimeField()  # first of the failures since the last success
    failed_at = DateTimeField()  # the latest of them
    failure_count = IntField(default=0)
    warned_at = DateTimeField()
    exhausted_told_at = DateTimeField()  # when we last told that deliveries are given up

    # The lane: see lanes.py.
    due_at = DateTimeField()  # when something is due at the earliest; empty: nothing is
    wakes = IntField(default=0)  # counts the times that something was added
    throttled_until = DateTimeField()  # the endpoint asked for a pause, or hangs
    lease = StringField()
    leased_until = DateTimeField()

    meta = {
        "collection": "webhooks",
        "indexes": [
            {"fields": ["organization_id", "place"], "unique": True, "name": "place"},
            ["organization_id", "-created_at", "-id"],
            {"fields": ["due_at"], "partialFilterExpression": {"due_at": {"$exists": True}}, "name": "due"},
        ],
    }

    @property
    def state(self) -> str:
        """enabled, paused, gone or failing (the last two: disabled by us)."""
        return "enabled" if self.enabled else (self.disabled_reason or PAUSED)

    @property
    def is_failing(self) -> bool:
        """Whether nothing has arrived since at least one failure."""
        return self.failing_since is not None

    def hears(self, event: str) -> bool:
        return EVERYTHING in self.events or event in self.events

    def is_rotating(self, moment: datetime) -> bool:
        """Whether two secrets sign."""
        return bool(self.previous_secret and self.previous_expires_at and self.previous_expires_at > moment)


class WebhookDelivery(PlatformDocument):
    """One event for one endpoint, with every attempt.  Gone after KEPT_FOR.

    An attempt is `{at, trigger, status_code?, latency_ms, request: {url, headers}, headers, answer, error?}`: `answer`
    is the beginning of the answer's body (at most 64 KB), `headers` some of its headers, `error` words for what went
    wrong, empty after a success.
    """

    webhook_id = IdField(required=True)
    organization_id = IdField()
    event_id = IdField()  # of the spine; none for a test
    message_id = StringField(required=True)  # the header webhook-id: the same in all attempts
    event = StringField(required=True)  # its public name
    payload = StringField(required=True)  # the body, exactly as it is sent and signed
    status = StringField(required=True, default=PENDING, choices=STATUSES)
    trigger = StringField(required=True, default=SCHEDULED, choices=(SCHEDULED, MANUAL, TEST))  # of the next attempt
    tries = IntField(default=0)  # attempts of the present plan; a replay begins a new one
    attempt_count = IntField(default=0)  # of all attempts
    attempts = ListField(DictField())  # the latest KEPT_ATTEMPTS, the oldest first
    next_attempt_at = DateTimeField()
    last_attempt_at = DateTimeField()
    finished_at = DateTimeField()
    status_code = IntField()  # of the latest attempt, as the next two
    latency_ms = IntField()
    error = StringField()

    meta = {
        "collection": "webhook_deliveries",
        "indexes": [
            {"fields": ["webhook_id", "message_id"], "unique": True},
            ["webhook_id", "-created_at", "-id"],
            ["webhook_id", "status", "-created_at", "-id"],
            ["webhook_id", "event", "-created_at", "-id"],
            {
                "fields": ["webhook_id", "next_attempt_at"],
                "partialFilterExpression": {"next_attempt_at": {"$exists": True}},
                "name": "due",
            },
            ["organization_id"],
            {"fields": ["created_at"], "expireAfterSeconds": int(KEPT_FOR.total_seconds())},
        ],
    }

    @property
    def is_test(self) -> bool:
        return self.event_id is None

    @property
    def is_held(self) -> bool:
        """Waits for its endpoint to be resumed."""
        return self.status == PENDING and self.next_attempt_at is None


class WebhookMessage(PlatformDocument):
    """What `trigger_webhook` was given, exactly; the event log keeps it without secrets.  Gone after KEPT_FOR."""

    organization_id = IdField()
    event_id = IdField(required=True)
    data = StringField(required=True)  # JSON

    meta = {
        "collection": "webhook_messages",
        "indexes": [
            {"fields": ["event_id"], "unique": True},
            ["organization_id"],
            {"fields": ["created_at"], "expireAfterSeconds": int(KEPT_FOR.total_seconds())},
        ],
    }


REASON = "webhooks are sent for every organization"


def webhooks() -> Any:
    return Webhook.objects.everything(reason=REASON)


def deliveries() -> Any:
    return WebhookDelivery.objects.everything(reason=REASON)


def messages() -> Any:
    return WebhookMessage.objects.everything(reason=REASON)
