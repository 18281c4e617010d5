"""What a change looks like: before and after side by side, field by field."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from saas.events.values import REDACTED

ADDED, REMOVED, CHANGED, SAME = "added", "removed", "changed", "same"
NOTHING = object()


@dataclass(frozen=True, slots=True)
class Line:
    """One field, by its path ("settings.limits.seats"), as text."""

    field: str
    kind: str
    before: str
    after: str
    is_redacted: bool


def diff(before: Any, after: Any) -> list[Line]:
    """The fields of both, in the order of the alphabet; those that did not change come last."""
    old, new = dict(leaves(before)), dict(leaves(after))
    found = [line(name, old.get(name, NOTHING), new.get(name, NOTHING)) for name in sorted({*old, *new})]
    return sorted(found, key=lambda each: each.kind == SAME)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each single value with its path; a list of plain values is one."""
    if isinstance(value, dict) and value:
        for key, each in value.items():
            yield from leaves(each, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(each, (dict, list)) for each in value):
        for number, each in enumerate(value):
            yield from leaves(each, f"{path}[{number}]")
    elif path or value not in (None, {}, []):
        yield path or "value", value


def line(name: str, old: Any, new: Any) -> Line:
    before, after = words(old), words(new)
    if old is NOTHING:
        kind = ADDED
    elif new is NOTHING:
        kind = REMOVED
    else:
        # What was redacted on both sides was recorded because it changed.
        kind = SAME if old == new and REDACTED not in before else CHANGED
    return Line(name, kind, before, after, REDACTED in before or REDACTED in after)


def words(value: Any) -> str:
    if value is NOTHING:
        return ""
    if value is None or value in ("", [], {}):
        return "empty"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(each, (str, int, float)) for each in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
