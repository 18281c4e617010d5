"""What stands in a message: `{type, timestamp, data}`, its data built from the event and checked against its schema.

The data is the object as it was when the event happened: what `public_data()` of the target said then, which `record`
keeps as `metadata.object`, with what the event says beside it. Only what the schema names gets out.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from saas.events import catalogue
from saas.webhooks.models import messages

LARGEST_BODY = 20_000  # bytes
TRIGGERED = "webhook_data"  # in the metadata of such an event: its data as the log may keep it
LONGEST_TEXT = 1000  # characters of one text, where the body would be too large otherwise


class BadPayload(Exception):
    """The data does not fit its schema, or is too large.  A mistake in the code, never a customer's."""


@dataclass(frozen=True, slots=True)
class PublicEvent:
    """An event that endpoints may hear: its public name, in words, the JSON Schema of its data, and sample data."""

    name: str
    description: str
    schema: dict[str, Any]
    receivers: tuple[str, ...]
    example: dict[str, Any] = field(default_factory=dict)

    @property
    def sample(self) -> dict[str, Any]:
        """Data that such an event could have; what was before only where something changed."""
        parts = {name: part["examples"][0] for name, part in self.schema["properties"].items() if "examples" in part}
        if not self.name.endswith(".updated"):
            parts.pop("previous", None)
        return {**parts, **self.example}


def public_events(*, is_platform: bool | None = None) -> list[PublicEvent]:
    """All that endpoints may choose; with `is_platform` what the platform's own, or an organization's, hear."""
    found = list(_by_name().values())
    if is_platform is None:
        return found
    wanted = {"platform"} if is_platform else {"organization", "memberships"}
    return [event for event in found if wanted & set(event.receivers)]


def find(name: str) -> PublicEvent | None:
    return _by_name().get(name)


#: An event that tells an organization of something else too: who joins is a new person there.
ALSO = {"member.joined": "user.created"}


@cache
def _by_name() -> dict[str, PublicEvent]:
    known = catalogue.load()
    receivers: dict[str, set[str]] = {}
    schemas: dict[str, str] = {}
    examples: dict[str, dict[str, Any]] = {}
    for declaration in known.events.values():
        if declaration.webhook:
            receivers.setdefault(declaration.webhook.name, set()).update(declaration.webhook.to)
            schemas[declaration.webhook.name] = declaration.webhook.payload
    for name, triggered in known.triggered.items():
        receivers[name], schemas[name], examples[name] = {"organization"}, triggered.payload, triggered.example
    for name in ALSO.values():
        receivers[name].add("organization")
    return {
        name: PublicEvent(
            name,
            words,
            known.payloads[schemas[name]],
            tuple(sorted(receivers[name])),
            examples.get(name, {}),
        )
        for name, words in known.webhooks.items()
    }


# -- from an event -----------------------------------------------------------------------------------------------------


def messages_of(event: Any) -> Iterator[tuple[str, str]]:
    """(public name, data as JSON) of what an event tells.  Raises BadPayload."""
    if is_triggered(event):  # the catalogue need not know its name
        for row in messages().filter(event_id=event.id).only("data").as_pymongo():
            yield event.event, row["data"]
        return
    published = publication_of(event)
    if published is None:
        return
    yield published.name, encode(data_of(event, published.name))
    also = ALSO.get(event.event)
    if also:
        yield also, encode(data_of(event, also))


def is_triggered(event: Any) -> bool:
    """Whether it comes from `trigger_webhook`, and not from the catalogue."""
    return TRIGGERED in event.metadata


def publication_of(event: Any) -> catalogue.Publication | None:
    """How the catalogue publishes it; None for what is triggered, or not public."""
    declaration = None if is_triggered(event) else catalogue.find(event.event)
    return declaration.webhook if declaration else None


def data_of(event: Any, name: str) -> dict[str, Any]:
    """The public data of an event.  Raises BadPayload."""
    public = _by_name()[name]
    wanted = public.schema["properties"].keys() - {"previous"}
    before, after = (value if isinstance(value, dict) else {} for value in (event.before, event.after))
    known = {"organization_id": event.organization_id, "id": event.resource_id}
    known |= {**event.metadata.get("object", {}), **after}
    data = {key: known[key] for key in public.schema["properties"] if key in known}
    previous = {key: value for key, value in before.items() if key in wanted and value != data.get(key)}
    if previous:
        data["previous"] = previous
    check(data, public)
    return data


def check(data: dict[str, Any], public: PublicEvent) -> None:
    """Raises BadPayload."""
    problem = next(validator(public.name).iter_errors(data), None)
    if problem is not None:
        raise BadPayload(f"{public.name}: {problem.json_path}: {problem.message}")


@cache
def validator(name: str) -> Draft202012Validator:
    return Draft202012Validator(_by_name()[name].schema)


# -- the body ----------------------------------------------------------------------------------------------------------


def encode(data: Any) -> str:
    return json.dumps(data, separators=(",", ":"), ensure_ascii=False, default=str)


def body(name: str, at: datetime, data: Any) -> str:
    """The message's body.  Raises BadPayload when it is too large although long texts were cut."""
    text = data if isinstance(data, str) else encode(data)
    for each in (text, None):
        found = compose(name, at, each if each is not None else encode(shortened(json.loads(text))))
        if len(found.encode()) < LARGEST_BODY:
            return found
    raise too_large(name)


def check_size(name: str, at: datetime, data: str) -> None:
    """For data that must not be cut.  Raises BadPayload."""
    if len(compose(name, at, data).encode()) >= LARGEST_BODY:
        raise too_large(name)


def too_large(name: str) -> BadPayload:
    return BadPayload(f"The data of {name} is larger than {LARGEST_BODY:,} bytes. Send an id, and let it be asked for.")


def compose(name: str, at: datetime, data: str) -> str:
    moment = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return f'{{"type":"{name}","timestamp":"{moment}","data":{data}}}'


def shortened(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: shortened(value) for key, value in data.items()}
    if isinstance(data, list):
        return [shortened(value) for value in data]
    if isinstance(data, str) and len(data) > LONGEST_TEXT:
        return data[: LONGEST_TEXT - 1] + "…"
    return data
