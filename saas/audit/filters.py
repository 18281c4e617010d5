"""What a reader of the log asks for: by a form, kept with an export, and noted in the log itself."""

from dataclasses import asdict, dataclass
from datetime import date, datetime, time
from typing import Any

from bson import ObjectId
from django import forms
from django.http import QueryDict
from django.utils import timezone

from saas import hooks
from saas.audit.log import day_after, people, select
from saas.events import catalogue

NOBODY = "0" * 24  # an id that nobody has


@dataclass(frozen=True, slots=True)
class Filters:
    """`users`: ids of the people; days in the reader's zone, both included."""

    users: tuple[str, ...] = ()
    action: str = ""
    event: str = ""
    resource: str = ""
    resource_id: str = ""
    start: str = ""  # ISO moments
    end: str = ""

    def select(self, org: Any) -> Any:
        """The entries that fit, of an organization, of the platform's own log (None), or EVERYWHERE."""
        found = select(
            organization=org,
            action=self.action,
            event=self.event,
            resource=self.resource,
            resource_id=self.resource_id,
            start_date=datetime.fromisoformat(self.start) if self.start else None,
            end_date=datetime.fromisoformat(self.end) if self.end else None,
        )
        if not self.users:
            return found
        return found.filter(user_id=self.users[0]) if len(self.users) == 1 else found.filter(user_id__in=self.users)

    def stored(self) -> dict[str, Any]:
        """What of it was asked for."""
        return {key: list(value) if key == "users" else value for key, value in asdict(self).items() if value}

    @classmethod
    def restored(cls, values: dict[str, Any]) -> "Filters":
        return cls(**{**values, "users": tuple(values.get("users", ()))})


def action_choices() -> list[tuple[str, str]]:
    words = {"login_failed": "Failed sign-in", "login": "Sign-in", "logout": "Sign-out", "denied": "Denied"}
    return [("", "Every action"), *((name, words.get(name, name.capitalize())) for name in catalogue.ACTIONS)]


def resource_choices() -> list[tuple[str, str]]:
    names = sorted({each.resource for each in catalogue.load().events.values()})
    return [("", "Everything"), *((name, name.replace("_", " ").capitalize()) for name in names)]


class FilterForm(forms.Form):
    """All fields may be empty; a nonsense in one of them is a mistake of that field, and asks for nothing."""

    person = forms.CharField(
        label="Person", required=False, max_length=254, widget=forms.TextInput(attrs={"placeholder": "Name or email"})
    )
    action = forms.ChoiceField(label="Action", required=False, choices=action_choices)
    resource = forms.ChoiceField(label="Object", required=False, choices=resource_choices)
    event = forms.CharField(label="Event", required=False, max_length=100, widget=forms.TextInput(attrs={
        "placeholder": "project.deleted", "list": "audit-events", "autocomplete": "off"}))  # fmt: skip
    start = forms.DateField(label="From", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    end = forms.DateField(label="To", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    resource_id = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def __init__(self, data: QueryDict | None, *, org: Any) -> None:
        """`org`: whose log is asked; None for the staff's, which may be the platform's own or everybody's."""
        super().__init__(data)
        self.org = org
        if org is None:
            self.fields["person"].widget.attrs["placeholder"] = "Email or id"

    @property
    def is_filtered(self) -> bool:
        return any(self.data.get(name) for name in self.fields)

    def filters(self) -> Filters:
        """At most two reads, to find the person."""
        if not self.is_valid():
            return Filters(users=(NOBODY,))
        asked = self.cleaned_data
        return Filters(
            users=tuple(self.people(asked["person"].strip())) if asked["person"].strip() else (),
            action=asked["action"],
            event=asked["event"].strip(),
            resource=asked["resource"],
            resource_id=asked["resource_id"],
            start=beginning(asked["start"]),
            end=beginning(asked["end"] and day_after(asked["end"])),
        )

    def people(self, text: str) -> list[str]:
        """Ids of the people who are meant by an id, an address, or a part of a member's name.

        What is asked stands in the log for its readers. So that an organization's admin cannot find out there who has
        an account, an address means nobody unless the person stands in that log.
        """
        if ObjectId.is_valid(text):
            return [text]
        found: list[str] = []
        if "@" in text:
            found = list(people().filter(email=text.lower()).values_list("pk", flat=True))
            if self.org is not None:
                found = [key for key in found if select(organization=self.org, user=key).only("id").first()]
        elif self.org is not None:
            found = hooks.members_named(self.org, text)
        return found or [NOBODY]


def beginning(day: date | None) -> str:
    """Of a day in the reader's zone."""
    return timezone.make_aware(datetime.combine(day, time.min)).isoformat() if day else ""
