"""What a project is."""

import unicodedata
from typing import Any

from django.db.models import TextChoices
from mongoengine import DateTimeField, IntField, ListField, StringField

from saas.tenancy import IdField, OrgDocument, now

NAME_LENGTH = 80
DESCRIPTION_LENGTH = 4000
TAG_LENGTH = 24
TAG_LIMIT = 8


class Status(TextChoices):
    PLANNED = "planned", "Planned"
    ACTIVE = "active", "Active"
    PAUSED = "paused", "Paused"
    DONE = "done", "Done"


class Visibility(TextChoices):
    ORGANIZATION = "organization", "Everyone in the organization"
    PRIVATE = "private", "Only some people"


class Project(OrgDocument):
    """A piece of work of an organization.  Written by services.py alone."""

    name = StringField(required=True, max_length=NAME_LENGTH)
    name_key = StringField(required=True)  # the name as it is sorted and searched by
    description = StringField(default="", max_length=DESCRIPTION_LENGTH)
    status = StringField(default=Status.PLANNED.value, choices=Status.values)
    tags = ListField(StringField(max_length=TAG_LENGTH), max_length=TAG_LIMIT)
    visibility = StringField(default=Visibility.ORGANIZATION.value, choices=Visibility.values)
    shared_with = ListField(IdField())  # people who see it while it is private, beside its creator
    created_by = IdField(required=True)
    updated_by = IdField(required=True)
    updated_at = DateTimeField(required=True, default=now)
    archived_at = DateTimeField()
    version = IntField(required=True, default=1)  # counts the changes: a form of an older one is refused

    meta = {
        "collection": "projects",
        "indexes": [
            # one for each order, then one for each filter in the usual order
            ["organization_id", "archived_at", "-created_at", "-id"],
            ["organization_id", "archived_at", "-updated_at", "-id"],
            ["organization_id", "archived_at", "name_key", "id"],
            ["organization_id", "status", "-created_at", "-id"],
            ["organization_id", "tags", "-created_at", "-id"],
            ["organization_id", "created_by", "-created_at", "-id"],
        ],
    }

    def public_data(self) -> dict[str, Any]:
        """What webhooks tell of a project: `payloads.project` of config/events.yaml."""
        kept = {name: self[name] for name in ("id", "name", "description", "status", "visibility")}
        return {**kept, "tags": list(self.tags), "archived": self.archived_at is not None}


def name_key(name: str) -> str:
    """The name without case and with one way to write each letter, so that "ÉTÉ" is found by "été"."""
    return unicodedata.normalize("NFKC", name).casefold()
