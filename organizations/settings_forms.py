"""The forms of an organization's settings."""

from typing import Any

from django import forms
from django.conf import settings

from accounts.forms import time_zones
from organizations.forms import Choices, OrganizationForm
from organizations.models import Organization
from organizations.services.settings import FIELDS


class SettingsForm(OrganizationForm):
    """`roles` are those that this person may give; the present default stays possible."""

    locale = forms.ChoiceField(
        label="Language", choices=settings.LANGUAGES, help_text="Of what we write to the organization as a whole."
    )
    time_zone = forms.ChoiceField(
        label="Time zone", choices=time_zones, help_text="Of dates that count for everybody, such as a deadline."
    )
    default_role = forms.ChoiceField(
        label="Role of new members", help_text="An invitation proposes it; who invites may choose another one."
    )

    field_order = FIELDS

    def __init__(self, *args: Any, org: Organization, roles: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **{**kwargs, "initial": {name: getattr(org, name) for name in FIELDS}})
        self.org = org
        for field in self.fields.values():
            field.widget.attrs.pop("autofocus", None)
        self.fields["name"].help_text = ""
        self.fields["slug"].required = True
        self.fields[
            "slug"
        ].help_text = (
            "Lower-case letters, digits and hyphens. Links with the old address lead to the new one for 90 days."
        )
        default_role: Any = self.fields["default_role"]
        default_role.choices = roles

    def clean_slug(self) -> str:
        slug: str = self.cleaned_data["slug"].lower()
        return slug if slug == self.org.slug else super().clean_slug()


class LogoForm(forms.Form):
    logo = forms.FileField(
        label="Picture",
        help_text="PNG, JPEG or WebP, at most 1 MB. A square one looks best.",
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg,image/webp"}),
    )


class DeleteForm(forms.Form):
    """The organization's name, typed by hand."""

    confirmation = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}))

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        field = self.fields["confirmation"]
        field.label = f"Type “{name}” to confirm"
        field.error_messages["required"] = f"Type “{name}”, so that nothing is deleted by mistake."

    def clean_confirmation(self) -> str:
        typed: str = " ".join(self.cleaned_data["confirmation"].split())
        if typed != " ".join(self.name.split()):
            raise forms.ValidationError(f"This is not the name of the organization. Type “{self.name}”.")
        return typed
