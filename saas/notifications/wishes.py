"""What waits for a mail is asked again when its time has come: is it still wanted, and still this person's to read?"""

from functools import cached_property
from typing import Any

from saas import hooks, resources
from saas.events import catalogue
from saas.notifications import opening
from saas.notifications.choices import SILENT, Choice, resolve
from saas.notifications.models import ARCHIVE, Notification, defaults, preferences

READERS = "readers"  # an audience of config/events.yaml


class Wishes:
    """One person as of now.  What several rows share is read once."""

    def __init__(self, person: Any) -> None:
        self.person = person
        self._allowed: dict[tuple[str | None, ...], bool] = {}

    def obstacle(self, row: Notification) -> str:
        """Why there is to be no mail of this row any more, in a few words for the staff; "" for none.

        At most three reads for all rows, and three for each object that they are about.
        """
        if row.read or row.place == ARCHIVE:
            return "read meanwhile"
        if not self.person.is_active:
            return "account closed"
        if row.organization_id and row.organization_id not in self.organizations:
            return "no member any more"
        if self.choice(row).is_silent:
            return "not wanted any more"
        return "" if self.is_allowed(row) else "may not be seen any more"

    def choice(self, row: Notification) -> Choice:
        """How the person wants it now; silent for a kind that the catalogue does not have any more."""
        kind = catalogue.load().kinds.get(row.kind)
        if kind is None:
            return SILENT
        return resolve(
            kind,
            own=self.own.choices if self.own else None,
            organization=self.usual.get(row.organization_id),
            is_muted=bool(self.own and row.organization_id in self.own.muted),
        )

    def is_allowed(self, row: Notification) -> bool:
        """Whether the person may still know of it: by its object, or as one of its event's audience."""
        if not row.organization_id:
            return True
        permission = permission_of(row)
        if permission and not self.remember(("may", permission, row.organization_id), self.may, permission, row):
            return False
        if not row.resource:
            return True
        about = ("see", row.resource, row.resource_id, row.organization_id)
        return self.remember(about, opening.may_see, row, self.person)

    def remember(self, key: tuple[str | None, ...], ask: Any, *values: Any) -> bool:
        if key not in self._allowed:
            self._allowed[key] = bool(ask(*values))
        return self._allowed[key]

    def may(self, permission: str, row: Notification) -> bool:
        org = self.organizations.get(row.organization_id)
        return org is not None and hooks.can(self.person, permission, org=org)

    @cached_property
    def own(self) -> Any:
        return preferences().filter(user_id=self.person.pk).first()

    @cached_property
    def organizations(self) -> dict[str, Any]:
        """Those that the person is an active member of, by id."""
        return hooks.organizations(hooks.organizations_of(self.person.pk))

    @cached_property
    def usual(self) -> dict[str, Any]:
        found = defaults().filter(organization_id__in=list(self.organizations))
        return {each.organization_id: each.choices for each in found}


def permission_of(row: Notification) -> str:
    """What a person needs for being told of it: that of the object's kind, or the one that its event's audience has."""
    declared = catalogue.find(row.event) if row.event else None
    audience = declared.notify.audience if declared and declared.notify else ""
    if permission := catalogue.permission_of(audience):
        return permission
    kind = row.resource or (declared.resource if declared and audience == READERS else "")
    resource = resources.get(kind or "")
    return resource.permission if resource else ""
