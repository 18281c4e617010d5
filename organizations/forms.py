from typing import Any

from django import forms

from organizations.services import RESERVED_SLUGS, SLUG_LENGTH


class OrganizationForm(forms.Form):
    name = forms.CharField(
        label="Organization name",
        max_length=80,
        help_text="Your company, team or project. You can change it later.",
        widget=forms.TextInput(attrs={"autocomplete": "organization", "autofocus": True}),
    )
    slug = forms.SlugField(
        label="Address",
        max_length=SLUG_LENGTH,
        required=False,
        help_text="Lower-case letters, digits and hyphens. Left empty, it is made from the name.",
    )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_slug(self) -> str:
        slug: Any = self.cleaned_data["slug"].lower()
        if slug in RESERVED_SLUGS:
            raise forms.ValidationError("This address is reserved. Choose another one.")
        return slug
