"""What the steps do. A higher room adds its own: `hooks.onboarding_step.register(function that answers a StepKind)`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django import forms
from django.http import HttpRequest

from accounts import services
from accounts.forms import PersonForm, PreferencesForm
from saas import hooks

Condition = Callable[[Any], bool]


class NothingToAsk(forms.Form):
    """The form of a step that only informs."""

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:  # noqa: ARG002 - as every step's form
        super().__init__(*args, **kwargs)


def nothing(*, user: Any, form: forms.Form, request: HttpRequest | None) -> None:
    """A step that changes nothing."""


@dataclass(frozen=True, slots=True)
class StepKind:
    """What the step `name` of config/onboarding.yaml asks and does.

    `form(data=None, user=…, initial=…)` is a form.  `apply(user=…, form=…, request=…)` does what the form says; it
    may run again for a step that is done, and raises `Problem` for what the person should read.  `template` is the
    body of the step, with what `context(user)` adds.  `conditions` may be named in the file; they get the user.
    `destination(user)` says where the person goes in the end ("" for no opinion).
    """

    name: str
    form: Callable[..., forms.Form] = NothingToAsk
    apply: Callable[..., None] = nothing
    template: str = "accounts/onboarding/form.html"
    context: Callable[[Any], dict[str, Any]] = field(default=lambda _user: {})
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    destination: Callable[[Any], str] = field(default=lambda _user: "")


def save_person(*, user: Any, form: forms.Form, request: HttpRequest | None) -> None:
    services.update_profile(user=user, values=form.cleaned_data, request=request)


def finish(*, user: Any, form: forms.Form, request: HttpRequest | None) -> None:
    services.finish_onboarding(user=user, request=request)


OWN = (
    StepKind("welcome", template="accounts/onboarding/welcome.html"),
    StepKind("profile", form=PersonForm, apply=save_person),
    StepKind("preferences", form=PreferencesForm, apply=save_person),
    StepKind("complete", apply=finish, template="accounts/onboarding/complete.html"),
)


def all_kinds() -> list[StepKind]:
    return [*OWN, *(provide() for provide in hooks.onboarding_step)]


def by_name() -> dict[str, StepKind]:
    return {kind.name: kind for kind in all_kinds()}


def conditions() -> dict[str, Condition]:
    return {name: condition for kind in all_kinds() for name, condition in kind.conditions.items()}


def destination(user: Any) -> str:
    """Where a step wants the person to go in the end; "" when none has an opinion."""
    return next((url for kind in all_kinds() if (url := kind.destination(user))), "")
