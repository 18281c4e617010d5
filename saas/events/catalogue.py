"""`config/events.yaml`: every event that the product knows, declared once, with all that becomes of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from saas.config_files import ConfigError, load_yaml

ACTIONS = (
    "create", "read", "update", "delete", "login", "login_failed", "logout", "denied", "invite", "export",
    "impersonate",
)  # fmt: skip
FILE = "config/events.yaml"
NO_LINK = "none"
NOTICE_TYPES = ("info", "success", "warning", "error", "invitation", "mention")
#: Who hears of an event: fixed groups, or everybody who may do something ("may:organization.manage_members").
BY_PERMISSION = "may:"
AUDIENCE = rf"^(self|target|members|readers|owners|staff|{BY_PERMISSION}[A-Za-z]+\.[a-z_]+)$"
NAME = r"^[a-z_]+(\.[a-z_]+)+$"
PUBLIC_NAME = r"^[a-zA-Z0-9_.]+$"
#: Whose endpoints hear an event: the event's organization, the platform, each organization of the person.
RECEIVERS = ("organization", "platform", "memberships")
TEXT = {"type": "string", "minLength": 1}
CHANNEL = {"enum": [True, False, "digest"]}

SCHEMA = {
    "type": "object",
    "required": ["events", "notifications", "webhooks", "payloads"],
    "additionalProperties": False,
    "properties": {
        "notifications": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z_]+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["name", "description", "in_app", "email"],
                "additionalProperties": False,
                "properties": {
                    "name": TEXT,
                    "description": TEXT,
                    "in_app": {"type": "boolean"},
                    "email": CHANNEL,
                    "mandatory": {"type": "boolean"},
                },
            },
        },
        "webhooks": {
            "type": "object",
            "propertyNames": {"pattern": PUBLIC_NAME},
            "additionalProperties": {
                "oneOf": [
                    TEXT,
                    {
                        "type": "object",
                        "required": ["description", "payload"],
                        "additionalProperties": False,
                        "properties": {"description": TEXT, "payload": TEXT, "example": {"type": "object"}},
                    },
                ]
            },
        },
        "payloads": {"type": "object", "additionalProperties": {"type": "object"}},
        "events": {
            "type": "object",
            "propertyNames": {"pattern": NAME},
            "additionalProperties": {
                "type": "object",
                "required": ["action", "resource", "sentence"],
                "additionalProperties": False,
                "properties": {
                    "action": {"enum": list(ACTIONS)},
                    "resource": TEXT,
                    "sentence": TEXT,
                    "feed": {"type": "boolean"},
                    "permission": {"type": "string", "pattern": r"^[A-Za-z]+\.[a-z_]+$"},
                    "search": {"type": "boolean"},
                    "notify": {
                        "type": "object",
                        "required": ["kind", "audience"],
                        "additionalProperties": False,
                        "properties": {
                            "kind": TEXT,
                            "audience": {"type": "string", "pattern": AUDIENCE},
                            "type": {"enum": list(NOTICE_TYPES)},
                            "title": TEXT,
                            "link": {"type": "string", "pattern": r"^(none|[a-z_]+(:[a-z_]+)?)$"},
                            "many": {"type": "string", "pattern": r"\{count\}"},
                        },
                    },
                    "webhook": {
                        "type": "object",
                        "required": ["name", "payload"],
                        "additionalProperties": False,
                        "properties": {
                            "name": {"type": "string", "pattern": PUBLIC_NAME},
                            "payload": TEXT,
                            "to": {"type": "array", "minItems": 1, "items": {"enum": list(RECEIVERS)}},
                        },
                    },
                    "analytics": {"type": "string", "pattern": "^[a-z_]+$"},
                },
            },
        },
    },
}


class UnknownEvent(ConfigError):
    """The code records an event that config/events.yaml does not declare."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of notification, as people choose by it.  `email`: True at once, "digest" collected, False never."""

    key: str
    name: str
    description: str
    in_app: bool
    email: bool | str
    mandatory: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """Who is told of an event, and as what.

    `title` is a sentence with {actor}, {target} and {organization}; empty: made from the event's own.  `link` is the
    URL name of the page that it opens, or NO_LINK; empty: the page of what was acted on.  `many` says several of them
    at once, with {count}, in a digest.
    """

    kind: str
    audience: str
    type: str = "info"
    title: str = ""
    link: str = ""
    many: str = ""


@dataclass(frozen=True, slots=True)
class Publication:
    """The public name of an event, the name of its payload's schema, and whose endpoints hear it (RECEIVERS)."""

    name: str
    payload: str
    to: list[str] = field(default_factory=lambda: ["organization"])


@dataclass(frozen=True, slots=True)
class Declaration:
    """One entry: what is done (`action`) to what (`resource`), and what becomes of it.

    `sentence` follows the actor's name; {target} in it is the name of what was acted on.
    """

    name: str
    action: str
    resource: str
    sentence: str
    feed: bool = False
    permission: str = ""
    search: bool = False
    notify: Notice | None = None
    webhook: Publication | None = None
    analytics: str = ""

    @property
    def sinks(self) -> tuple[str, ...]:
        """The names of the sinks that hear of it, besides the audit log, which hears of everything."""
        wanted = {
            "activity": self.feed,
            "notifications": self.notify,
            "search": self.search,
            "webhooks": self.webhook,
            "analytics": self.analytics,
        }
        return tuple(name for name, value in wanted.items() if value)


@dataclass(frozen=True, slots=True)
class Triggered:
    """What a public name that no event tells of says: its schema under payloads, and where its sample differs."""

    payload: str
    example: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The whole file."""

    events: dict[str, Declaration]
    kinds: dict[str, Kind]
    webhooks: dict[str, str] = field(default_factory=dict)  # public names, in words
    triggered: dict[str, Triggered] = field(default_factory=dict)  # those that `trigger_webhook` sends
    payloads: dict[str, dict[str, Any]] = field(default_factory=dict)


@cache
def load() -> Catalogue:
    """Read and check the catalogue.  Raises ConfigError with file and line."""
    data = load_yaml(FILE, SCHEMA)
    kinds = {key: Kind(key=key, **entry) for key, entry in data["notifications"].items()}
    events = {}
    for name, entry in data["events"].items():
        notify, webhook = entry.get("notify"), entry.get("webhook")
        if notify and notify["kind"] not in kinds:
            raise data.error(
                f"There is no kind {notify['kind']!r} under notifications.", "events", name, "notify", "kind"
            )
        if webhook and webhook["payload"] not in data["payloads"]:
            raise data.error(
                f"There is no schema {webhook['payload']!r} under payloads.", "events", name, "webhook", "payload"
            )
        if webhook and webhook["name"] not in data["webhooks"]:
            raise data.error(f"{webhook['name']!r} has no words under webhooks.", "events", name, "webhook", "name")
        more = {
            "notify": Notice(**notify) if notify else None,
            "webhook": Publication(**webhook) if webhook else None,
        }
        events[name] = Declaration(**{"name": name, **entry, **more})
    words, triggered = read_public_names(data, {each.webhook.name for each in events.values() if each.webhook})
    return Catalogue(events=events, kinds=kinds, webhooks=words, triggered=triggered, payloads=data["payloads"])


def read_public_names(data: Any, told: set[str]) -> tuple[dict[str, str], dict[str, Triggered]]:
    """The words of each public name, and what those say that no event tells of.  Raises ConfigError."""
    words, triggered = {}, {}
    for name, entry in data["webhooks"].items():
        if isinstance(entry, str):
            if name not in told:
                raise data.error(
                    f"No event tells of {name!r}. Give it a payload when trigger_webhook sends it.", "webhooks", name
                )
            words[name] = entry
            continue
        if name in told:
            raise data.error(f"An event tells of {name!r}, and says its payload.", "webhooks", name, "payload")
        if entry["payload"] not in data["payloads"]:
            raise data.error(f"There is no schema {entry['payload']!r} under payloads.", "webhooks", name, "payload")
        words[name] = entry["description"]
        triggered[name] = Triggered(entry["payload"], entry.get("example", {}))
    return words, triggered


def permission_of(audience: str) -> str:
    """What everybody may do who belongs to this audience; "" for one of the fixed groups."""
    return audience.removeprefix(BY_PERMISSION) if audience.startswith(BY_PERMISSION) else ""


def get(name: str) -> Declaration:
    """Raises UnknownEvent, which says where to add it."""
    try:
        return load().events[name]
    except KeyError:
        raise UnknownEvent(f"{FILE} does not declare the event {name!r}. Add it there first.") from None


def find(name: str) -> Declaration | None:
    """The declaration, or None for an event that a founder's own code has written under a name of its own."""
    return load().events.get(name)


# -- code and catalogue say the same ----------------------------------------------------------------------------------

#: The name in `events.record("member.joined", …)`, and one handed on to what records it (`event="member.left"`).
RECORDED = re.compile(r"""(?:\brecord\w*\(\s*|\bevent(?::\s*str)?\s*=\s*)["']([a-z_]+(?:\.[a-z_]+)+)["']""")
NAMED = re.compile(r"""["']([a-z_]+(?:\.[a-z_]+)+)["']""")


def check_against_code() -> None:
    """Compare the names in the code with those of the file.  Raises ConfigError for one that only one of them has.

    Reads the source files of our own apps: some milliseconds.
    """
    declared, named = set(load().events), set()
    for path, text in sources():
        named |= declared.intersection(NAMED.findall(text))
        for name in RECORDED.findall(text):
            if name not in declared:
                raise UnknownEvent(f"{path} records the event {name!r}, which {FILE} does not declare. Add it there.")
    for name in sorted(declared - named):
        raise ConfigError(f"{FILE} declares the event {name!r}, which no code records. Remove it, or record it.")


def sources() -> Iterator[tuple[str, str]]:
    """(path, text) of every source file of ours that may record an event."""
    for app in settings.OUR_APPS:
        for path in sorted(Path(settings.BASE_DIR, app).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            if "event" in text:
                yield str(path.relative_to(settings.BASE_DIR)), text
