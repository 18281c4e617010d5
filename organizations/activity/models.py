"""What the feed keeps of one event."""

from mongoengine import BooleanField, DictField, IntField, ListField, StringField

from saas.tenancy import IdField, OrgDocument


class Activity(OrgDocument):
    """One line of the feed, made from one event, whose id and time it has.  Written by sink.py alone.

    Names stand beside the ids, so that a page of lines is one read; the sink follows a change of them.
    """

    event_id = IdField(required=True, unique=True)
    sequence = IntField(required=True, default=0)  # the event's place in the organization's log
    user_id = IdField()  # who did it; missing for the system
    actor_name = StringField()
    type = StringField(required=True)  # "project.created"
    action = StringField(required=True)  # what follows the actor's name: "created the project {target}"
    resource = StringField(required=True)
    resource_id = StringField()
    target_name = StringField()
    is_gone = BooleanField()  # the object was deleted: nothing to link to
    metadata = DictField()
    permission = StringField(required=True)  # what a reader needs
    # Those who see the object although their role does not see all of its kind; missing where everybody does.
    readers = ListField(StringField(), default=None)
    has_own_readers = BooleanField()  # said by who wrote the line: they stay when the object is opened to more

    meta = {
        "collection": "activities",
        "indexes": [
            # the feed, then one for each of its filters
            ["organization_id", "-created_at", "-id"],
            ["organization_id", "user_id", "-created_at", "-id"],
            ["organization_id", "type", "-created_at", "-id"],
            ["organization_id", "resource", "-created_at", "-id"],
            ["organization_id", "resource_id", "-created_at", "-id"],
        ],
    }
