"""`config/events.yaml`: every event that the product knows, declared once."""

from dataclasses import dataclass
from functools import cache

from saas.config_files import ConfigError, load_yaml

ACTIONS = (
    "create", "read", "update", "delete", "login", "login_failed", "logout", "denied", "invite", "export",
    "impersonate",
)  # fmt: skip
FILE = "config/events.yaml"
SCHEMA = {
    "type": "object",
    "required": ["events"],
    "additionalProperties": False,
    "properties": {
        "events": {
            "type": "object",
            "propertyNames": {"pattern": r"^[a-z_]+(\.[a-z_]+)+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["action", "resource", "sentence"],
                "additionalProperties": False,
                "properties": {
                    "action": {"enum": list(ACTIONS)},
                    "resource": {"type": "string", "minLength": 1},
                    "sentence": {"type": "string", "minLength": 1},
                },
            },
        }
    },
}


class UnknownEvent(ConfigError):
    """The code records an event that config/events.yaml does not declare."""


@dataclass(frozen=True, slots=True)
class Declaration:
    """One entry: what is done (`action`) to what (`resource`), and the feed's `sentence` after the actor's name."""

    name: str
    action: str
    resource: str
    sentence: str


@cache
def load() -> dict[str, Declaration]:
    """Read and check the catalogue.  Raises ConfigError with file and line."""
    data = load_yaml(FILE, SCHEMA)
    return {name: Declaration(name=name, **entry) for name, entry in data["events"].items()}


def get(name: str) -> Declaration:
    """Raises UnknownEvent, which says where to add it."""
    try:
        return load()[name]
    except KeyError:
        raise UnknownEvent(f"{FILE} does not declare the event {name!r}. Add it there first.") from None
