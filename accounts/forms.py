"""What a person may say about herself. The forms of sign-in and sign-up are in auth_forms.py."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.conf import settings

from accounts.models import User

PERSON_FIELDS = ("name",)
PREFERENCE_FIELDS = ("theme", "locale", "time_zone", "email_digest", "analytics_consent")


@cache
def time_zones() -> list[tuple[str, str]]:
    """Every zone with a place in its name, and UTC."""
    zones = sorted(zone for zone in available_timezones() if "/" in zone and not zone.startswith(("Etc/", "SystemV/")))
    return [("UTC", "UTC"), *((zone, zone.replace("_", " ")) for zone in zones)]


class UserForm(forms.Form):
    """A form about the signed-in person: without other `initial` it shows what is stored."""

    def __init__(self, data: Any = None, *, user: User, initial: dict[str, Any] | None = None, **kwargs: Any) -> None:
        stored = {name: getattr(user, name) for name in self.base_fields}
        super().__init__(data, initial={**stored, **(initial or {})}, **kwargs)


class PersonForm(UserForm):
    name = forms.CharField(
        label="Your name",
        max_length=120,
        help_text="As your colleagues know you. It stands beside everything that you do here.",
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())


class PreferencesForm(UserForm):
    theme = forms.ChoiceField(label="Theme", choices=User.Theme.choices, widget=forms.RadioSelect)
    locale = forms.ChoiceField(label="Language", choices=settings.LANGUAGES)
    time_zone = forms.ChoiceField(
        label="Time zone",
        choices=time_zones,
        help_text="All times are shown in it.",
        widget=forms.Select(attrs={"data-time-zone": True}),
    )
    email_digest = forms.ChoiceField(
        label="Digest of what happened, by e-mail",
        choices=User.Digest.choices,
        help_text="Collects the notifications that need no mail of their own. What it holds is chosen with them.",
        widget=forms.RadioSelect,
    )
    analytics_consent = forms.BooleanField(
        label="Share how I use the product, to help to improve it",
        required=False,
        help_text="You can change your mind at any time, here or under Cookies at the foot of the public pages.",
    )


class ProfileForm(PreferencesForm, PersonForm):
    field_order = [*PERSON_FIELDS, *PREFERENCE_FIELDS]


class ThemeForm(forms.Form):
    theme = forms.ChoiceField(choices=User.Theme.choices)
