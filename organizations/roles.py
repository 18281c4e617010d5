"""Roles and permissions: `config/roles.yaml`, read, checked and resolved into plain sets.

A permission is written `resource.action`.  `can(actor, "project.update", org=org, obj=project)` is the only gate.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import rules

from organizations.access import membership_of
from saas.config_files import ConfigData, ConfigError, ReloadingFile, load_yaml

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
SCHEMA = {
    "type": "object",
    "required": ["resources", "roles"],
    "additionalProperties": False,
    "properties": {
        "resources": RESOURCES,
        "platform_resources": RESOURCES,
        "roles": {
            "type": "object",
            "required": ["owner"],
            "propertyNames": NAME,
            "additionalProperties": {
                "type": "object",
                "required": ["name", "permissions"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string", "minLength": 1},
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


class UnknownRole(LookupError):
    """No role of this name stands in config/roles.yaml."""


@dataclass(frozen=True, slots=True)
class Role:
    """One role, resolved: what it may do after inheritance and denial.

    `grants` maps each permission to the names of its conditions; None among them means "on every object".
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

    @property
    def permissions(self) -> frozenset[str]:
        return frozenset(self.grants)

    def may_manage(self, role: str) -> bool:
        return role in self.manageable_roles


@dataclass(slots=True)
class Resolver:
    """Turns the file's data into roles; every mistake is a ConfigError that names its line."""

    data: ConfigData
    resolved: dict[str, Role] = field(default_factory=dict)

    def resolve(self) -> dict[str, Role]:
        for name in self.data["roles"]:
            self.role(name, path=())
        return {name: self.resolved[name] for name in self.data["roles"]}

    def role(self, name: str, *, path: tuple[str, ...]) -> Role:
        if name in self.resolved:
            return self.resolved[name]
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            raise self.problem(("roles", path[-1], "inherits"), f"inheritance runs in a circle: {circle}")
        entry = self.data["roles"][name]
        scope = entry.get("scope", "organization")
        parents = [self.parent(name, parent, path) for parent in entry.get("inherits", [])]
        grants: dict[str, frozenset[str | None]] = {}
        for permission, conditions in (
            *((p, c) for parent in parents for p, c in parent.grants.items()),
            *self.expand(name, "permissions", scope),
        ):
            grants[permission] = grants.get(permission, frozenset()) | conditions
        denied = frozenset(p for p, _ in self.expand(name, "deny", scope)).union(*(p.denied for p in parents))
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
            if when is not None and not rules.rule_exists(when):
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

    def problem(self, path: tuple[Any, ...], message: str) -> ConfigError:
        return self.data.error(message, *path)


def read(path: str = FILE) -> dict[str, Role]:
    """Read and resolve a file of roles.  Raises ConfigError with file and line."""
    return Resolver(load_yaml(path, SCHEMA)).resolve()


_file: ReloadingFile[dict[str, Role]] = ReloadingFile(FILE, read)


def load() -> None:
    """Read the roles now, so that a mistake stops the boot.  Raises ConfigError."""
    _file.get()


def get_role(name: str) -> Role:
    """Raises UnknownRole."""
    try:
        return _file.get()[name]
    except KeyError:
        raise UnknownRole(f"{FILE} has no role {name!r}.") from None


def organization_roles() -> list[Role]:
    """The roles that a member can have, in the order of the file."""
    return [role for role in _file.get().values() if role.scope == "organization"]


def title_of(name: str) -> str:
    """What people call the role; the name itself of one that config/roles.yaml has no more."""
    role = _file.get().get(name)
    return role.title if role else name


def manageable_by(name: str) -> list[Role]:
    """The roles that somebody with this one may give and take, in the order of the file."""
    mine = _file.get().get(name)
    return [role for role in organization_roles() if mine and mine.may_manage(role.name)]


def has_permission(role: str, resource: str, action: str) -> bool:
    """Whether the role may do this, on at least some objects.  An unknown role may do nothing."""
    found = _file.get().get(role)
    return found is not None and f"{resource}.{action}" in found.grants


def can(actor: Any, permission: str, *, org: Any = None, obj: Any = None) -> bool:
    """Whether `actor` (a user) may do `permission` ("project.update") in `org`, or on the platform when org is None.

    With `obj`, conditions of the grant are asked too; without, "on some objects" is enough.  One read when the actor's
    membership is not known yet.
    """
    role = _file.get().get(role_of(actor, org) or "")
    if role is None or role.scope != ("platform" if org is None else "organization"):
        return False
    conditions = role.grants.get(permission)
    if conditions is None:
        return False
    return obj is None or None in conditions or any(rules.test_rule(name, actor, obj) for name in conditions)


def can_everywhere(actor: Any, permission: str, *, org: Any) -> bool:
    """Whether the actor may do this on every object of `org`: a list then needs no condition.  Reads as `can` does."""
    role = _file.get().get(role_of(actor, org) or "")
    return role is not None and None in role.grants.get(permission, ())


def has_permissions(actor: Any, wanted: dict[str, Iterable[str]], *, org: Any = None) -> bool:
    """Whether the actor may do all of {resource: [actions]}."""
    return all(
        can(actor, f"{resource}.{action}", org=org) for resource, actions in wanted.items() for action in actions
    )


def role_of(actor: Any, org: Any) -> str | None:
    """The name of the role that counts: of the membership in `org`, or of the platform."""
    if not getattr(actor, "is_active", False):
        return None
    if org is None:
        return actor.platform_role or None
    membership = membership_of(actor, org)
    return membership.role if membership else None
