"""The feed's filters, as they stand in its address."""

from typing import Any

from django import forms

from organizations.activity.words import kinds_of, types_of


class FeedFilterForm(forms.Form):
    """A filter that makes no sense is left out."""

    person = forms.CharField(label="Person", required=False, max_length=24, widget=forms.Select)
    type = forms.ChoiceField(label="What happened", required=False)
    resource = forms.ChoiceField(label="To what", required=False)
    about = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)

    def __init__(self, data: Any, *, org: Any, viewer: Any) -> None:
        super().__init__(data)
        self.fields["type"].choices = [("", "Everything"), *types_of(org, viewer)]  # type: ignore[attr-defined]
        self.fields["resource"].choices = [("", "Anything"), *kinds_of()]  # type: ignore[attr-defined]

    def filters(self) -> dict[str, str]:
        """The arguments of `get_activity_feed`, those that are chosen."""
        self.is_valid()
        names = {"person": "actor", "type": "type", "resource": "resource", "about": "resource_id"}
        return {names[key]: value for key, value in self.cleaned_data.items() if value}
