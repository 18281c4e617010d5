"""The spine's documents: the event itself, how far each organization's events have come, and what each sink did."""

from datetime import timedelta
from typing import Any

from mongoengine import (
    BooleanField,
    DateTimeField,
    DictField,
    DynamicField,
    FloatField,
    IntField,
    ListField,
    StringField,
)

from saas.tenancy import IdField, PlatformDocument

DONE, PARKED = "done", "parked"
#: Fields of few events, which may hold a person's id or address.
RARE_PLACES = (
    "actor.on_behalf_of.id",
    "metadata.email",
    "metadata.invited_address",
    *(f"{side}.{name}" for side in ("before", "after") for name in ("email", "to", "primary_owner")),
)
RUNS_KEPT_FOR = timedelta(days=30)


class Event(PlatformDocument):
    """Append-only: one row per thing that happened, written with the change.  It is the audit entry.

    Rows with an organization are read by `.for_org(org)`; the others form the platform's own log.  The dispatcher seals
    a row once (`sequence`, `hash`, `previous_hash` and the digests); saas/audit/chain.py says over what.
    """

    event = StringField(required=True)
    action = StringField(required=True)
    resource = StringField(required=True)
    resource_id = StringField()
    user_id = StringField()
    organization_id = StringField()
    actor = DictField()  # {type, id, name, on_behalf_of?}: see saas/events/actors.py
    targets = ListField(DictField())  # [{type, id, name}]
    before = DynamicField()
    after = DynamicField()
    metadata = DictField()
    reason = StringField()
    ip_address = StringField()
    user_agent = StringField()
    request_id = StringField()
    session_id = StringField()
    auth_method = StringField()
    sinks = ListField(StringField())  # besides the audit log, which every event belongs to
    is_pending = BooleanField()  # True until every sink has had it, then absent
    sequence = IntField()
    hash = StringField()
    previous_hash = StringField()
    seal = DictField()  # salts and digests of what may be erased: see saas/audit/chain.py
    dispatched_at = DateTimeField()

    meta = {
        "collection": "events",
        "indexes": [
            {"fields": ["organization_id", "-created_at", "-id"]},
            # the audit log's filters: within an organization, and for the staff across all
            {"fields": ["organization_id", "event", "-created_at", "-id"]},
            {"fields": ["organization_id", "action", "-created_at", "-id"]},
            {"fields": ["organization_id", "resource", "-created_at", "-id"]},
            {"fields": ["organization_id", "resource_id", "-created_at", "-id"]},
            {"fields": ["organization_id", "user_id", "-created_at", "-id"]},
            {"fields": ["event", "-created_at", "-id"]},
            {"fields": ["action", "-created_at", "-id"]},
            {"fields": ["resource", "-created_at", "-id"]},
            {"fields": ["resource_id", "-created_at", "-id"]},
            {"fields": ["user_id", "-created_at", "-id"]},
            {"fields": ["-created_at", "-id"]},
            # where a person who is to be erased may stand besides: see saas/events/erasure.py
            {"fields": ["actor.id"]},
            {"fields": ["targets.id"]},
            {"fields": ["targets.name"]},
            *({"fields": [place], "sparse": True} for place in RARE_PLACES),
            {
                "fields": ["is_pending", "organization_id", "created_at", "id"],
                "partialFilterExpression": {"is_pending": True},
                "name": "pending",
            },
            {
                "fields": ["organization_id", "sequence"],
                "unique": True,
                "partialFilterExpression": {"sequence": {"$exists": True}},
                "name": "chain",
            },
        ],
    }

    @property
    def name(self) -> str:
        return str(self.event)


class EventStream(PlatformDocument):
    """How far one organization's events have come, or the platform's own.  One worker at a time holds its lease."""

    key = StringField(required=True, unique=True)  # the organization's id, or PLATFORM
    organization_id = IdField()
    sequence = IntField(required=True, default=0)  # of the last event that was sealed
    hash = StringField(default="")  # of the same
    anchor = DictField()  # {sequence, hash} of the last entry that was removed when its time was over
    positions = DictField()  # {sink: sequence of the last event that it has had}
    troubles = DictField()  # {sink: {sequence, attempts, error, due_at}} while the sink fails
    lease = StringField()
    leased_until = DateTimeField()
    turn = IntField()  # counted by a transaction that must not overlap with a sink's, so that one of them begins anew

    meta = {"collection": "event_streams"}


class SinkRun(PlatformDocument):
    """What one sink did with one event: the proof that it has, written in the same transaction."""

    event_id = IdField(required=True)
    sink = StringField(required=True)
    organization_id = IdField()
    state = StringField(required=True, choices=(DONE, PARKED))
    attempts = IntField(required=True, default=1)
    outcome = DictField()
    error = StringField()
    milliseconds = FloatField()
    finished_at = DateTimeField(required=True)
    replayed_at = DateTimeField()
    replayed_by = StringField()

    meta = {
        "collection": "event_sink_runs",
        "indexes": [
            {"fields": ["event_id", "sink"], "unique": True},
            {"fields": ["state", "-created_at", "-id"]},
            {"fields": ["organization_id"]},
            {"fields": ["created_at"], "expireAfterSeconds": int(RUNS_KEPT_FOR.total_seconds())},
        ],
    }


REASON = "the spine serves every organization's events"


def events() -> Any:
    return Event.objects.everything(reason=REASON)


def streams() -> Any:
    return EventStream.objects.everything(reason=REASON)


def runs() -> Any:
    return SinkRun.objects.everything(reason=REASON)
