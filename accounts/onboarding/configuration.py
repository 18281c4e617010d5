"""`config/onboarding.yaml`: which steps there are, in which order, for whom, and their words."""

from dataclasses import dataclass
from typing import Any

from django.core import checks

from accounts.onboarding import kinds
from saas.config_files import ConfigData, ConfigError, ReloadingFile, load_yaml

FILE = "config/onboarding.yaml"
LAST = "complete"
TEXT = {"type": "string", "minLength": 1}
CONDITIONS = {"type": "array", "items": {"type": "string", "pattern": "^[a-z][a-z_]*$"}}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["steps"],
    "additionalProperties": False,
    "properties": {
        "steps": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["step", "label", "title", "lead", "button"],
                "additionalProperties": False,
                "properties": {
                    "step": {"type": "string", "pattern": "^[a-z][a-z_]*$"},
                    "label": TEXT,
                    "title": TEXT,
                    "lead": TEXT,
                    "button": TEXT,
                    "unless": CONDITIONS,
                    "skippable": {"oneOf": [{"type": "boolean"}, CONDITIONS]},
                },
            },
        }
    },
}


@dataclass(frozen=True, slots=True)
class Step:
    """One entry.  Any condition of `unless` leaves it out; `skippable` is always, never, or when a condition holds."""

    key: str
    label: str
    title: str
    lead: str
    button: str
    unless: tuple[str, ...] = ()
    skippable: bool | tuple[str, ...] = False

    @property
    def kind(self) -> "kinds.StepKind":
        return kinds.by_name()[self.key]


def load() -> tuple[Step, ...]:
    """Read and check the file.  Raises ConfigError with file and line."""
    data = load_yaml(FILE, SCHEMA)
    names = [entry["step"] for entry in data["steps"]]
    for index, name in enumerate(names):
        if name in names[:index]:
            raise data.error(
                f"the step {name!r} stands here a second time; remove one of the two.", "steps", index, "step"
            )
    if names[-1] != LAST:
        raise data.error(f"the last step must be {LAST!r}, for it lets the person in.", "steps", len(names) - 1, "step")
    return tuple(make_step(entry) for entry in data["steps"])


def make_step(entry: dict[str, Any]) -> Step:
    skippable = entry.get("skippable", False)
    return Step(
        key=entry["step"],
        label=entry["label"],
        title=entry["title"],
        lead=entry["lead"],
        button=entry["button"],
        unless=tuple(entry.get("unless", ())),
        skippable=skippable if isinstance(skippable, bool) else tuple(skippable),
    )


_file: ReloadingFile[tuple[Step, ...]] = ReloadingFile(FILE, load)


def steps() -> tuple[Step, ...]:
    """All steps, in order; a changed file is taken up within a second."""
    return _file.get()


def check_names(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Refuse a start with a step or a condition that no room provides."""
    try:
        load()
        data = load_yaml(FILE, SCHEMA)
    except ConfigError as problem:
        return [checks.Error(str(problem), id="accounts.E001")]
    return [checks.Error(str(problem), id="accounts.E002") for problem in unknown_names(data)]


def unknown_names(data: ConfigData) -> list[ConfigError]:
    kinds_here, conditions = sorted(kinds.by_name()), sorted(kinds.conditions())
    problems = []
    for index, entry in enumerate(data["steps"]):
        if entry["step"] not in kinds_here:
            words = f"no room provides the step {entry['step']!r}. There are: {', '.join(kinds_here)}."
            problems.append(data.error(words, "steps", index, "step"))
        for key in ("unless", "skippable"):
            named = entry.get(key, ())
            for name in () if isinstance(named, bool) else named:
                if name not in conditions:
                    words = f"no room provides the condition {name!r}. There are: {', '.join(conditions)}."
                    problems.append(data.error(words, "steps", index, key))
    return problems
