"""The event document: one row per thing that happened, written with the change.  It is the audit entry."""

from mongoengine import DateTimeField, DictField, DynamicField, IntField, ListField, StringField

from saas.tenancy import PlatformDocument


class Event(PlatformDocument):
    """Append-only.  Rows with an organization are read by `.for_org(org)`; the others form the platform's own log."""

    event = StringField(required=True)
    action = StringField(required=True)
    resource = StringField(required=True)
    resource_id = StringField()
    user_id = StringField()
    organization_id = StringField()
    actor = DictField()  # {type: user|system, id, name}
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
    sequence = IntField()
    hash = StringField()
    previous_hash = StringField()
    dispatched_at = DateTimeField()

    meta = {
        "collection": "events",
        "indexes": [
            {"fields": ["organization_id", "-created_at", "-id"]},
            {"fields": ["organization_id", "event", "-created_at"]},
            {"fields": ["user_id", "-created_at"]},
        ],
    }
