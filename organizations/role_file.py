"""`config/roles.yaml`, read, checked and resolved into plain sets.  organizations.roles decides by it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rules.rulesets import rule_exists

from saas.config_files import ConfigData, ConfigError, load_yaml

FILE = "config/roles.yaml"
NAME = {"type": "string", "pattern": "^[a-z][a-z0-9_]*$"}
ACTION = {
    "oneOf": [
        {"type": "string"},
        {
            "type": "object",
            "required": ["action", "when"],
            "additionalProperties": False,
            "properties": {"action": {"type": "string"}, "when": {"type": "string"}},
        },
    ]
}
PERMISSIONS = {
    "oneOf": [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "additionalProperties": {"type": "array", "items": ACTION}},
    ]
}
RESOURCES = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True},
}
TEXT = {"type": "string", "minLength": 1}
SCHEMA = {
    "type": "object",
    "required": ["resources", "roles"],
    "additionalProperties": False,
    "properties": {
        "resources": RESOURCES,
        "platform_resources": RESOURCES,
        "words": {"type": "object", "additionalProperties": {"type": "object", "additionalProperties": TEXT}},
        "conditions": {"type": "object", "additionalProperties": TEXT},
        "roles": {
            "type": "object",
            "required": ["owner"],
            "propertyNames": NAME,
            "additionalProperties": {
                "type": "object",
                "required": ["name", "permissions"],
                "additionalProperties": False,
                "properties": {
                    "name": TEXT,
                    "description": {"type": "string"},
                    "scope": {"enum": ["organization", "platform"]},
                    "permissions": PERMISSIONS,
                    "deny": PERMISSIONS,
                    "inherits": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
                    "manageable_roles": {"type": "array", "items": {"type": "string"}},
                    "plan_required": {"type": "string"},
                },
            },
        },
    },
}
ALWAYS = frozenset({None})  # a grant without a condition


@dataclass(frozen=True, slots=True)
class Role:
    """One role, resolved: what it may do after inheritance and denial.

    `grants` maps each permission to the names of its conditions; None among them means "on every object".
    `own_grants` and `own_denials` are what the role's entry itself names, for those who ask why.
    """

    name: str
    title: str
    scope: str
    inherits: tuple[str, ...]
    grants: dict[str, frozenset[str | None]]
    denied: frozenset[str]
    manageable_roles: frozenset[str]
    plan_required: str | None = None
    description: str = ""
    own_grants: frozenset[str] = frozenset()
    own_denials: frozenset[str] = frozenset()

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(self.grants)

    def may_manage(self, role: str) -> bool:
        return role in self.manageable_roles


class Roles(dict[str, Role]):
    """The roles by name, in the order of the file, and how pages speak of what they may do."""

    def __init__(self, roles: dict[str, Role], data: ConfigData) -> None:
        super().__init__(roles)
        self.resources: dict[str, list[str]] = data["resources"]
        self.words: dict[str, dict[str, str]] = data.get("words", {})
        self.conditions: dict[str, str] = data.get("conditions", {})

    def resource_title(self, resource: str) -> str:
        """ "aiAgent" as the file calls it, else "Ai agent"."""
        plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", resource).replace("_", " ")
        return self.words.get(resource, {}).get("title") or plain.capitalize()

    def permission_words(self, permission: str) -> str:
        """ "project.delete" as the file says it, else "Delete: project"."""
        resource, _, action = permission.partition(".")
        plain = f"{action.replace('_', ' ').capitalize()}: {self.resource_title(resource).lower()}"
        return self.words.get(resource, {}).get(action) or plain

    def condition_words(self, name: str) -> str:
        return self.conditions.get(name) or name.replace("_", " ")


@dataclass(slots=True)
class Resolver:
    """Turns the file's data into roles; every mistake is a ConfigError that names its line."""

    data: ConfigData
    resolved: dict[str, Role] = field(default_factory=dict)

    def resolve(self) -> Roles:
        for name in self.data["roles"]:
            self.role(name, path=())
        self.check_words()
        return Roles({name: self.resolved[name] for name in self.data["roles"]}, self.data)

    def role(self, name: str, *, path: tuple[str, ...]) -> Role:
        if name in self.resolved:
            return self.resolved[name]
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise self.problem(("roles", path[-1], "inherits"), f"inheritance runs in a circle: {circle}")
        entry = self.data["roles"][name]
        scope = entry.get("scope", "organization")
        parents = [self.parent(name, parent, path) for parent in entry.get("inherits", [])]
        own = list(self.expand(name, "permissions", scope))
        grants: dict[str, frozenset[str | None]] = {}
        for permission, conditions in (*((p, c) for parent in parents for p, c in parent.grants.items()), *own):
            grants[permission] = grants.get(permission, frozenset()) | conditions
        own_denials = frozenset(p for p, _ in self.expand(name, "deny", scope))
        denied = own_denials.union(*(p.denied for p in parents))
        role = Role(
            name=name,
            title=entry["name"],
            description=entry.get("description", ""),
            scope=scope,
            inherits=tuple(entry.get("inherits", [])),
            grants={p: ALWAYS if None in c else c for p, c in grants.items() if p not in denied},
            denied=denied,
            manageable_roles=self.manageable(name, scope).union(*(p.manageable_roles for p in parents)),
            plan_required=entry.get("plan_required"),
            own_grants=frozenset(p for p, _ in own),
            own_denials=own_denials,
        )
        self.resolved[name] = role
        return role

    def parent(self, name: str, parent: str, path: tuple[str, ...]) -> Role:
        if parent not in self.data["roles"]:
            raise self.problem(("roles", name, "inherits"), f"role {name!r} inherits an unknown role {parent!r}")
        role = self.role(parent, path=(*path, name))
        if role.scope != self.data["roles"][name].get("scope", "organization"):
            raise self.problem(("roles", name, "inherits"), f"role {name!r} inherits {parent!r} of another scope")
        return role

    def expand(self, name: str, key: str, scope: str) -> Iterator[tuple[str, frozenset[str | None]]]:
        """Each permission that the entry names, wildcards written out, with its condition."""
        entry = self.data["roles"][name].get(key, [])
        for index, (resource, item, path) in enumerate(self.items(name, key, entry)):
            action, when = (item["action"], item["when"]) if isinstance(item, dict) else (item, None)
            if when is not None and not rule_exists(when):
                raise self.problem(path, f"role {name!r} names an unknown condition {when!r}")
            matches = [
                f"{known}.{act}"
                for known, actions in self.resources(scope).items()
                if resource in ("*", known)
                for act in actions
                if action in ("*", act)
            ]
            if not matches:
                raise self.problem(
                    path, f"role {name!r} names an unknown permission '{resource}.{action}' (#{index + 1})"
                )
            yield from ((permission, frozenset({when})) for permission in matches)

    def items(self, name: str, key: str, entry: Any) -> Iterator[tuple[str, Any, tuple[Any, ...]]]:
        if isinstance(entry, dict):
            for resource, actions in entry.items():
                for index, action in enumerate(actions):
                    yield resource, action, ("roles", name, key, resource, index)
            return
        for index, permission in enumerate(entry):
            resource, dot, action = permission.partition(".")
            yield resource, action if dot else "*", ("roles", name, key, index)

    def resources(self, scope: str) -> dict[str, list[str]]:
        platform = self.data.get("platform_resources", {}) if scope == "platform" else {}
        return {**self.data["resources"], **platform}

    def manageable(self, name: str, scope: str) -> frozenset[str]:
        same_scope = {n for n, entry in self.data["roles"].items() if entry.get("scope", "organization") == scope}
        found: set[str] = set()
        for index, role in enumerate(self.data["roles"][name].get("manageable_roles", [])):
            if role != "*" and role not in same_scope:
                path = ("roles", name, "manageable_roles", index)
                raise self.problem(path, f"role {name!r} manages an unknown role {role!r}")
            found |= same_scope if role == "*" else {role}
        return frozenset(found)

    def check_words(self) -> None:
        """Refuse words for what does not exist: they would never be shown."""
        known = self.resources("platform")
        for resource, entry in self.data.get("words", {}).items():
            for key in entry:
                if resource not in known or (key != "title" and key not in known[resource]):
                    raise self.problem(("words", resource, key), f"there is no permission '{resource}.{key}'")
        for name in self.data.get("conditions", {}):
            if not rule_exists(name):
                raise self.problem(("conditions", name), f"there is no condition {name!r}")

    def problem(self, path: tuple[Any, ...], message: str) -> ConfigError:
        return self.data.error(message, *path)


def read(path: str = FILE) -> Roles:
    """Read and resolve a file of roles.  Raises ConfigError with file and line."""
    return Resolver(load_yaml(path, SCHEMA)).resolve()
