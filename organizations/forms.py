import re
from email.utils import parseaddr
from typing import Any

from django import forms

from organizations.services import AT_ONCE, RESERVED_SLUGS, SLUG_LENGTH

Choices = list[tuple[str, str]]
#: What mail clients make a link of.
LINK = re.compile(r"https?:|www\.|\w\.\w+/", re.IGNORECASE)


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


class RoleForm(forms.Form):
    """`choices`: the roles that this person may give."""

    role = forms.ChoiceField()

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["role"]
        field.choices = choices


class InviteForm(RoleForm):
    """Addresses in any shape in which people have them: lines, commas, semicolons, `Ada Lovelace <ada@example.com>`."""

    addresses = forms.CharField(
        label="E-mail addresses",
        max_length=AT_ONCE * 300,
        help_text=f"Up to {AT_ONCE} at once: one on each line, or with commas between.",
        widget=forms.Textarea(
            attrs={"rows": 4, "placeholder": "ada@example.com", "autofocus": True, "spellcheck": "false"}
        ),
    )
    role = forms.ChoiceField(label="Role")
    note = forms.CharField(
        label="Note",
        max_length=500,
        required=False,
        help_text="Stands in the mail.",
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    field_order = ["addresses", "role", "note"]

    def __init__(self, *args: Any, choices: Choices, **kwargs: Any) -> None:
        super().__init__(*args, choices=choices, **kwargs)
        self.initial.setdefault("role", next((name for name, _ in choices if name == "member"), None))

    def clean_addresses(self) -> list[str]:
        found = list(dict.fromkeys(addresses_in(self.cleaned_data["addresses"])))
        if not found:
            raise forms.ValidationError("Enter at least one e-mail address.")
        if len(found) > AT_ONCE:
            raise forms.ValidationError(f"These are {len(found)} addresses. Invite up to {AT_ONCE} at once.")
        return found

    def clean_note(self) -> str:
        note = str(self.cleaned_data["note"]).strip()
        if LINK.search(note):
            raise forms.ValidationError("A note cannot contain links, for mails that ask to click look like fraud.")
        return note


def addresses_in(text: str) -> list[str]:
    """Each piece between line ends, commas and semicolons, without the name before it."""
    pieces = (piece.strip() for piece in re.split(r"[\n\r,;]+", text))
    return [parseaddr(piece)[1] if piece.endswith(">") else piece for piece in pieces if piece]


class TransferForm(forms.Form):
    """`people`: who may get the organization; `roles`: what the giver may be afterwards."""

    person = forms.ChoiceField(label="New primary owner")
    role_after = forms.ChoiceField(
        label="Your role afterwards", help_text="An owner can change it, also to take your access away."
    )

    def __init__(self, *args: Any, people: Choices, roles: Choices, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        person: Any = self.fields["person"]
        role_after: Any = self.fields["role_after"]
        person.choices = [("", "Choose a member"), *people]
        role_after.choices = roles
        self.initial.setdefault("role_after", "admin")
