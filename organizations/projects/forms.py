"""What may be typed about a project.  A form's `cleaned_data` are the arguments of its service."""

from typing import Any

from bson import ObjectId
from django import forms
from django.utils.html import format_html

from organizations.projects.models import (
    DESCRIPTION_LENGTH,
    NAME_LENGTH,
    TAG_LENGTH,
    TAG_LIMIT,
    Project,
    Status,
    Visibility,
)

VIEWS = {"all": "All", "mine": "Created by me", "archived": "Archived"}
SORTS = {"newest": "Newest first", "changed": "Recently changed", "name": "Name"}


class ProjectForm(forms.Form):
    """What is typed about a project, new or not."""

    name = forms.CharField(max_length=NAME_LENGTH, widget=forms.TextInput(attrs={"autocomplete": "off"}))
    description = forms.CharField(
        required=False,
        max_length=DESCRIPTION_LENGTH,
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What it is about, and how one sees that it is done.",
    )
    status = forms.ChoiceField(choices=Status.choices, initial=Status.PLANNED)
    tags = forms.CharField(
        required=False,
        max_length=(TAG_LENGTH + 2) * TAG_LIMIT,
        help_text=f"Up to {TAG_LIMIT}, with commas between them: website, spring launch",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean_name(self) -> str:
        return " ".join(self.cleaned_data["name"].split())

    def clean_description(self) -> str:
        text: str = self.cleaned_data["description"].replace("\r\n", "\n")  # browsers send both
        return text

    def clean_tags(self) -> list[str]:
        parts = (" ".join(part.split()).lower() for part in self.cleaned_data["tags"].split(","))
        tags = list(dict.fromkeys(part for part in parts if part))
        if len(tags) > TAG_LIMIT:
            raise forms.ValidationError(f"These are {len(tags)} tags. Keep the {TAG_LIMIT} that help most.")
        for tag in tags:
            if len(tag) > TAG_LENGTH:
                raise forms.ValidationError(f"“{tag}” is too long. A tag has at most {TAG_LENGTH} letters.")
        return tags


class NewProjectForm(ProjectForm):
    """`key` is the id that the project will have, so that the form sent twice makes one."""

    key = forms.CharField(required=False, widget=forms.HiddenInput)

    def clean_key(self) -> str:
        key: str = self.cleaned_data["key"]
        return key if ObjectId.is_valid(key) else ""


class EditProjectForm(ProjectForm):
    """`version` is what the person saw when the form was opened."""

    version = forms.IntegerField(widget=forms.HiddenInput)

    @staticmethod
    def initial_of(project: Project) -> dict[str, Any]:
        return {
            "name": project.name,
            "description": project.description,
            "status": project.status,
            "tags": ", ".join(project.tags),
            "version": project.version,
        }

    def show_conflict(self, current: Project, who: str) -> None:
        """Say what is saved now, beside what was typed; sent again, the form writes over it."""
        self.add_error(
            None,
            f"{who} changed this project while you were editing it. Nothing of yours is saved yet: compare the fields "
            "below, then save again to keep what you typed.",
        )
        saved = {**self.initial_of(current), "status": Status(current.status).label}
        for name in ("name", "description", "status", "tags"):
            if self.cleaned_data[name] != current[name]:
                self.add_error(name, f"Saved now: {saved[name] or 'nothing'}")
        self.data = {**dict(self.data.items()), "version": str(current.version)}


class ShareForm(forms.Form):
    """Who sees a project."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    visibility = forms.ChoiceField(label="Who can see it", choices=Visibility.choices, widget=forms.RadioSelect)
    shared_with = forms.MultipleChoiceField(label="Shared with", required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, people: list[Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        names = [(user.pk, format_html("{} <small>{}</small>", user.display_name, user.email)) for user in people]
        self.fields["shared_with"].choices = names  # type: ignore[attr-defined]


class DeleteForm(forms.Form):
    """The name, typed by hand: a deleted project does not come back."""

    confirmation = forms.CharField(widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        field = self.fields["confirmation"]
        field.label = f"Type “{name}” to confirm"
        field.error_messages["required"] = self.refusal

    @property
    def refusal(self) -> str:
        return f"This is not the name of the project. Type “{self.name}”."

    def clean_confirmation(self) -> str:
        typed: str = " ".join(self.cleaned_data["confirmation"].split())
        if typed != self.name:
            raise forms.ValidationError(self.refusal)
        return typed


class ProjectFilterForm(forms.Form):
    """The list's filters, as they stand in its address.  A filter that makes no sense is left out."""

    view = forms.ChoiceField(required=False, choices=list(VIEWS.items()), widget=forms.HiddenInput)
    tag = forms.CharField(required=False, max_length=TAG_LENGTH, widget=forms.HiddenInput)
    q = forms.CharField(
        label="Name begins with",
        required=False,
        max_length=NAME_LENGTH,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": "Find by name", "autocomplete": "off"}),
    )
    status = forms.ChoiceField(required=False, choices=[("", "Any status"), *Status.choices])
    sort = forms.ChoiceField(label="Order", required=False, choices=list(SORTS.items()))

    def values(self) -> dict[str, Any]:
        """The arguments of `list_projects`."""
        self.is_valid()
        given = {name: value for name, value in self.cleaned_data.items() if value}
        return {"view": "all", "status": "", "tag": "", "q": "", "sort": "newest", **given}
