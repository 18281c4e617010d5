"""The matrix of kinds and channels, for a person and for an organization."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib.auth import get_user_model

from saas.events.catalogue import Kind
from saas.notifications.choices import EMAIL_CHANNEL, Choice, kinds, resolve, usual

IN_APP = {"on": True, "off": False}
WORDS: dict[bool | str, str] = {
    True: "shown",
    False: "not shown",
    **{key: label.lower() for key, label in EMAIL_CHANNEL},
}


@dataclass(frozen=True, slots=True)
class Row:
    """A kind with its two fields; without fields when it is mandatory."""

    kind: Kind
    usual: Choice
    in_app: Any = None
    email: Any = None


class MatrixForm(forms.Form):
    """For each kind that is not mandatory `<kind>-in_app` and `<kind>-email`; empty leaves it open.

    `standards` are the choices that count when one is left open: one, or several that differ.
    """

    def __init__(self, data: Any = None, *, choices: Mapping[str, Any], standards: list[Any], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        for kind in kinds():
            if kind.mandatory:
                continue
            open_ones = [resolve(kind, organization=each) for each in standards] or [usual(kind)]
            chosen = choices.get(kind.key) or {}
            in_app = {True: "on", False: "off"}.get(chosen.get("in_app"), "")  # type: ignore[arg-type]
            self.fields[f"{kind.key}-in_app"] = forms.ChoiceField(
                label=f"{kind.name}: in the app",
                choices=[("", left_open({c.in_app for c in open_ones})), ("on", "Shown"), ("off", "Not shown")],
                required=False,
                initial=in_app,
                widget=forms.Select(attrs={"aria-label": f"{kind.name}: in the app"}),
            )
            self.fields[f"{kind.key}-email"] = forms.ChoiceField(
                label=f"{kind.name}: by e-mail",
                choices=[("", left_open({c.email for c in open_ones})), *EMAIL_CHANNEL],
                required=False,
                initial=chosen.get("email", ""),
                widget=forms.Select(attrs={"aria-label": f"{kind.name}: by e-mail"}),
            )

    def rows(self) -> Iterator[Row]:
        for kind in kinds():
            if kind.mandatory:
                yield Row(kind, usual(kind))
            else:
                yield Row(kind, usual(kind), self[f"{kind.key}-in_app"], self[f"{kind.key}-email"])

    @property
    def choices(self) -> dict[str, dict[str, Any]]:
        """What was chosen, as it is stored."""
        return {
            kind.key: {
                "in_app": IN_APP.get(self.cleaned_data[f"{kind.key}-in_app"]),
                "email": self.cleaned_data[f"{kind.key}-email"],
            }
            for kind in kinds()
            if not kind.mandatory
        }


def left_open(values: set[Any]) -> str:
    return f"As usual ({WORDS[values.pop()]})" if len(values) == 1 else "As usual (each organization's)"


class PreferencesForm(MatrixForm):
    """The matrix with what counts for all kinds: digest, quiet hours, muted organizations."""

    email_digest = forms.ChoiceField(label="How often the digest comes")
    quiet_from = forms.TimeField(
        label="No mail from", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    quiet_until = forms.TimeField(
        label="Until", required=False, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    muted = forms.MultipleChoiceField(
        label="Organizations that keep quiet", required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, data: Any = None, *, organizations: list[Any], **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        people: Any = get_user_model()
        self.fields["email_digest"].choices = people.Digest.choices  # type: ignore[attr-defined]
        self.fields["muted"].choices = [(org.pk, org.name) for org in organizations]  # type: ignore[attr-defined]
        self.has_organizations = bool(organizations)

    def clean(self) -> dict[str, Any]:
        values = super().clean() or self.cleaned_data
        start, end = values.get("quiet_from"), values.get("quiet_until")
        if not self.errors and (start is None) != (end is None):
            self.add_error("quiet_until" if start else "quiet_from", "Quiet hours need a beginning and an end.")
        if start is not None and start == end:
            self.add_error("quiet_until", "These quiet hours have no length. Choose another end, or leave both empty.")
        return values

    @property
    def quiet(self) -> tuple[str | None, str | None]:
        start, end = self.cleaned_data["quiet_from"], self.cleaned_data["quiet_until"]
        return (f"{start:%H:%M}", f"{end:%H:%M}") if start is not None and end is not None else (None, None)
