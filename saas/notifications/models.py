"""A notification of one person, what the person wants to hear of and where, and what an organization sets as usual."""

from datetime import timedelta
from typing import Any

from mongoengine import BooleanField, DateTimeField, DictField, ListField, StringField

from saas.events.catalogue import NOTICE_TYPES
from saas.tenancy import IdField, OrgDocument, UserDocument

KEPT_FOR = timedelta(days=90)
#: Where the person finds it: in the inbox, in the archive, or nowhere because it is told by mail alone.
INBOX, ARCHIVE, MAIL = "inbox", "archive", "mail"


class Notification(UserDocument):
    """One message to one person.  Title and message are plain text; `link` is a path on this site.

    One that tells of an event has `event_id`, and `resource` with `resource_id` when it is about an object: who may
    see that is asked again when the notification is opened.
    """

    type = StringField(required=True, default="info", choices=NOTICE_TYPES)
    kind = StringField(required=True)
    title = StringField(required=True)
    message = StringField(default="")
    link = StringField()
    event = StringField()  # name of the event
    event_id = IdField()
    resource = StringField()
    resource_id = StringField()
    place = StringField(required=True, default=INBOX, choices=(INBOX, ARCHIVE, MAIL))
    read = BooleanField(required=True, default=False)
    seen_at = DateTimeField()  # shown in the bell or the inbox; the badge counts what was not
    read_at = DateTimeField()
    archived_at = DateTimeField()
    dedupe_key = StringField()
    waits_for_digest = BooleanField()  # True until a digest has taken it up, then absent
    # Whom the title names, other than the reader: ids, and addresses in small letters.  See erasing.py.
    about = ListField(StringField(), default=None)
    wording = DictField(default=None)  # what such a title is made of: see sink.py

    meta = {
        "collection": "notifications",
        "indexes": [
            {"fields": ["user_id", "place", "-created_at", "-id"]},
            {"fields": ["user_id", "place", "read", "-created_at", "-id"]},
            {"fields": ["user_id", "place", "organization_id", "-created_at", "-id"]},
            {"fields": ["user_id", "place", "seen_at", "created_at"]},
            {
                "fields": ["user_id", "event_id"],
                "unique": True,
                "partialFilterExpression": {"event_id": {"$exists": True}},
                "name": "once_for_each_event",
            },
            {"fields": ["event_id"], "partialFilterExpression": {"event_id": {"$exists": True}}, "name": "of_event"},
            {
                "fields": ["user_id", "dedupe_key"],
                "unique": True,
                "partialFilterExpression": {"dedupe_key": {"$exists": True}, "read": False},
                "name": "once_while_unread",
            },
            {
                "fields": ["waits_for_digest", "user_id", "created_at"],
                "partialFilterExpression": {"waits_for_digest": True},
                "name": "digest",
            },
            {"fields": ["organization_id"]},
            {"fields": ["about"], "sparse": True},
            {"fields": ["created_at"], "expireAfterSeconds": int(KEPT_FOR.total_seconds())},
        ],
    }


class NotificationPreference(UserDocument):
    """What one person has chosen; what is absent is left to the organization and the catalogue.

    `choices`: {kind: {"in_app": bool, "email": "off" | "at_once" | "digest"}}.  Quiet hours are "HH:MM" in the
    person's zone.  How often the digest comes is `User.email_digest`.
    """

    choices = DictField()
    muted = ListField(IdField())  # organizations
    quiet_from = StringField()
    quiet_until = StringField()

    meta = {"collection": "notification_preferences", "indexes": [{"fields": ["user_id"], "unique": True}]}


class NotificationDefault(OrgDocument):
    """What is usual in one organization; `choices` as of a person."""

    choices = DictField()

    meta = {"collection": "notification_defaults", "indexes": [{"fields": ["organization_id"], "unique": True}]}


REASON = "an event is told to people, whoever they are"


def notifications() -> Any:
    return Notification.objects.everything(reason=REASON)


def preferences() -> Any:
    return NotificationPreference.objects.everything(reason=REASON)


def defaults() -> Any:
    return NotificationDefault.objects.everything(reason=REASON)
