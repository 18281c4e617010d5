"""What may be typed about endpoints.  A form's `cleaned_data` are the arguments of its service."""

from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django import forms
from django.utils import timezone

from saas.webhooks.models import (
    DESCRIPTION_LENGTH,
    EVERYTHING,
    KEPT_FOR,
    NAME_LENGTH,
    STATUSES,
    URL_LENGTH,
    Webhook,
)
from saas.webhooks.payloads import PublicEvent

SCOPES = {"all": "All events, also those that come later", "chosen": "Only these"}
STATES = {"": "All states", "pending": "Pending", "succeeded": "Arrived", "failed": "Failed"}


class EndpointForm(forms.Form):
    """An endpoint, new or not.  `known` are the events that it may choose."""

    name = forms.CharField(
        max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": "Billing system"})
    )
    url = forms.CharField(
        label="Address",
        max_length=URL_LENGTH,
        widget=forms.URLInput(
            attrs={"autocomplete": "off", "spellcheck": "false", "placeholder": "https://example.com/hooks"}
        ),
        help_text="Where we POST to. It starts with https:// and is open to the internet.",
    )
    description = forms.CharField(
        required=False, max_length=DESCRIPTION_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    scope = forms.ChoiceField(
        label="What it hears", choices=list(SCOPES.items()), initial="all", widget=forms.RadioSelect
    )
    events = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, known: list[PublicEvent], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.known = known
        events: Any = self.fields["events"]
        events.choices = [(event.name, event.name) for event in known]
        events.template_name = "webhooks/events_field.html"

    @staticmethod
    def initial_of(webhook: Webhook) -> dict[str, Any]:
        is_all = EVERYTHING in webhook.events
        return {
            "name": webhook.name,
            "url": webhook.url,
            "description": webhook.description,
            "scope": "all" if is_all else "chosen",
            "events": [] if is_all else list(webhook.events),
        }

    @property
    def groups(self) -> list[tuple[str, list[tuple[Any, PublicEvent]]]]:
        """The events' boxes by noun: [("Project", [(box, event), …]), …]."""
        boxes = list(zip(self["events"], self.known, strict=True))
        return [
            (noun.replace("_", " ").capitalize(), list(each))
            for noun, each in groupby(boxes, key=lambda pair: pair[1].name.partition(".")[0])
        ]

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean(self) -> dict[str, Any]:
        """`events` as the service wants them; `scope` is the form's own."""
        values: dict[str, Any] = {**self.cleaned_data}
        if values.pop("scope", "") == "all":
            values["events"] = [EVERYTHING]
        elif not values.get("events"):
            self.add_error("events", "Choose at least one event, or all.")
        return values


class TestForm(forms.Form):
    """Which event's sample to send."""

    event = forms.ChoiceField(label="Sample of")

    def __init__(self, *args: Any, known: list[PublicEvent], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        event: Any = self.fields["event"]
        event.choices = [(each.name, each.name) for each in known]


class ReplayForm(forms.Form):
    """Since when to replay what has failed, in the person's time zone."""

    since = forms.DateTimeField(
        label="Failed since",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("initial", {"since": timezone.localtime() - timedelta(days=1)})
        super().__init__(*args, **kwargs)

    def clean_since(self) -> datetime:
        since: datetime = self.cleaned_data["since"]
        if since > timezone.now():
            raise forms.ValidationError("This is in the future.")
        if since < timezone.now() - KEPT_FOR:
            raise forms.ValidationError(f"Deliveries are kept for {KEPT_FOR.days} days.")
        return since


class FilterForm(forms.Form):
    """Which deliveries the log shows.  What makes no sense is left out."""

    state = forms.ChoiceField(label="State", choices=list(STATES.items()), required=False)
    event = forms.ChoiceField(label="Event", required=False)

    def __init__(self, *args: Any, known: list[PublicEvent], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        event: Any = self.fields["event"]
        event.choices = [("", "All events"), *((each.name, each.name) for each in known)]

    def values(self) -> dict[str, str]:
        self.is_valid()
        state, event = (self.cleaned_data.get(name, "") for name in ("state", "event"))
        return {"state": state if state in STATUSES else "", "event": event}
