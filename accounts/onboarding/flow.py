"""One person's way through the steps. It is kept in the database, so it goes on where it was, on any device."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.http import HttpRequest
from mongoengine import NotUniqueError

from accounts.models import Onboarding
from accounts.onboarding import kinds
from accounts.onboarding.configuration import Step, steps
from saas.errors import Problem
from saas.tenancy import now

BUSY_FOR = timedelta(seconds=20)
LONGEST_DRAFT = 500  # characters of one field


class UnknownStep(Problem):
    """There is no such step on this person's way."""

    status = 404


class StepNotReached(Problem):
    """A step before it is still open."""


class StepNotSkippable(Problem):
    """The configuration does not let this person skip the step."""


class StepBusy(Problem):
    """The same step is being applied already, by a second click or in another window."""


class StepInvalid(Problem):
    """The answers have mistakes; `form` says which."""

    def __init__(self, form: forms.Form) -> None:
        super().__init__("Please check what you have entered.")
        self.form = form


class Flow:
    """The steps of one person, as they are now.  Conditions are asked once."""

    def __init__(self, user: Any) -> None:
        self.user = user
        self.onboarding = get_onboarding(user)
        self._conditions = kinds.conditions()
        self._answers: dict[str, bool] = {}

    def holds(self, condition: str) -> bool:
        if condition not in self._answers:
            self._answers[condition] = self._conditions[condition](self.user)
        return self._answers[condition]

    @cached_property
    def steps(self) -> list[Step]:
        """What is done, and what is asked of this person."""
        return [step for step in steps() if self.is_done(step) or not any(map(self.holds, step.unless))]

    def is_done(self, step: Step) -> bool:
        return step.key in self.onboarding.completed_steps or step.key in self.onboarding.skipped_steps

    @property
    def current(self) -> Step:
        """The first step that is not done; the last one when all are."""
        return next((step for step in self.steps if not self.is_done(step)), self.steps[-1])

    def step(self, key: str) -> Step:
        """Raises UnknownStep, and StepNotReached for one that comes after the current one."""
        keys = [step.key for step in self.steps]
        if key not in keys:
            raise UnknownStep("This step is not part of your way.")
        if keys.index(key) > keys.index(self.current.key):
            raise StepNotReached("Finish the steps before it first.")
        return self.steps[keys.index(key)]

    def before(self, step: Step) -> Step | None:
        index = self.steps.index(step)
        return self.steps[index - 1] if index else None

    def after(self, step: Step) -> Step | None:
        return next(iter(self.steps[self.steps.index(step) + 1 :]), None)

    def may_skip(self, step: Step) -> bool:
        return step.skippable if isinstance(step.skippable, bool) else any(map(self.holds, step.skippable))

    def form(self, step: Step, data: Mapping[str, Any] | None = None) -> Any:
        """The step's form: with `data` bound, else with what was typed before."""
        return step.kind.form(data, user=self.user, initial=self.onboarding.data.get(step.key, {}))

    def progress(self, shown: Step) -> list[dict[str, str]]:
        """For the indicator: `{label, state}` of each step."""
        states = {True: "done", False: "next"}
        return [
            {"label": step.label, "state": "current" if step is shown else states[self.is_done(step)]}
            for step in self.steps
        ]


def get_onboarding(user: Any) -> Onboarding:
    """How far the person is; begun at the first call."""
    mine = Onboarding.objects.for_user(user)
    try:
        found: Onboarding = mine.first() or mine.upsert_one(
            set_on_insert__current_step=steps()[0].key, set_on_insert__created_at=now()
        )
    except NotUniqueError:  # begun in another window at this moment
        found = mine.get()
    return found


def update_onboarding_step(
    user: Any, step: str, data: Mapping[str, Any], *, request: HttpRequest | None = None
) -> Onboarding:
    """Apply the answers of a step and go on to the next.

    `data` is what the step's form takes.  Doing a step again changes the answers and keeps the place.  Raises
    UnknownStep, StepNotReached, StepInvalid with the form, StepBusy, and the Problems of what the step does.
    """
    get_onboarding(user)
    with busy(user):  # around the questions too: the answer to "is there an organization?" must not grow old
        flow = Flow(user)
        found = flow.step(step)
        form = flow.form(found, data)
        if not form.is_valid():
            raise StepInvalid(form)
        found.kind.apply(user=user, form=form, request=request)
        return leave(flow, found, add_to_set__completed_steps=step, pull__skipped_steps=step)


def skip_onboarding_step(user: Any, step: str) -> Onboarding:
    """Go on without the answers of a step.  Raises UnknownStep, StepNotReached, StepNotSkippable."""
    flow = Flow(user)
    found = flow.step(step)
    if not flow.may_skip(found):
        raise StepNotSkippable("This step cannot be skipped.")
    return leave(flow, found, add_to_set__skipped_steps=step)


def leave(flow: Flow, step: Step, **changes: Any) -> Onboarding:
    """Mark the step and drop its draft."""
    following = flow.after(step)
    left: Onboarding = Onboarding.objects.for_user(flow.user).modify(
        new=True,
        set__current_step=(following or step).key,
        **{f"unset__data__{step.key}": 1, **({} if following else {"set__completed_at": now()}), **changes},
    )
    return left


def save_draft(user: Any, step: str, data: Mapping[str, Any]) -> None:
    """Keep what was typed so far, so that it is there again after a reload or on another device.

    Only fields of the step's form are kept, as text of a sensible length.  Raises UnknownStep, StepNotReached.
    """
    flow = Flow(user)
    found = flow.step(step)
    typed = {name: each.widget.value_from_datadict(data, {}, name) for name, each in flow.form(found).fields.items()}
    draft = {
        name: value if value is False else str(value)[:LONGEST_DRAFT]
        for name, value in typed.items()
        if value is not None
    }
    Onboarding.objects.for_user(user).update(**{f"set__data__{step}": draft})


@contextmanager
def busy(user: Any) -> Iterator[None]:
    """One step at a time for one person.  Raises StepBusy."""
    moment = now()
    mine = Onboarding.objects.for_user(user)
    free = {"$or": [{"busy_until": None}, {"busy_until": {"$lt": moment}}]}
    if not mine.filter(__raw__=free).update(set__busy_until=moment + BUSY_FOR):
        raise StepBusy("This was sent a moment ago.")
    try:
        yield
    finally:
        mine.update(unset__busy_until=1)
