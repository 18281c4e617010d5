"""Roles and permissions: who may do what, and why.

A permission is written `resource.action`.  `can(actor, "project.update", org=org, obj=project)` is the only gate.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rules.rulesets import test_rule

from organizations.access import membership_of
from organizations.role_file import FILE, Role, Roles, read
from saas import hooks
from saas.config_files import ReloadingFile

if TYPE_CHECKING:
    from organizations.explanations import Explanation

__all__ = [
    "FILE",
    "Role",
    "Roles",
    "UnknownRole",
    "can",
    "can_everywhere",
    "current",
    "explain",
    "get_role",
    "has_permission",
    "has_permissions",
    "load",
    "manageable_by",
    "organization_roles",
    "read",
    "role_of",
    "title_of",
]


class UnknownRole(LookupError):
    """No role of this name stands in config/roles.yaml."""


_file: ReloadingFile[Roles] = ReloadingFile(FILE, read)


def load() -> None:
    """Read the roles now, so that a mistake stops the boot.  Raises ConfigError."""
    _file.get()


def current() -> Roles:
    """All roles as the file says now; one value for as long as it is held."""
    return _file.get()


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
    role = role_now(actor, org)
    conditions = role.grants.get(permission) if role else None
    if conditions is None:
        return False
    return obj is None or None in conditions or any(test_rule(name, actor, obj) for name in conditions)


def can_everywhere(actor: Any, permission: str, *, org: Any) -> bool:
    """Whether the actor may do this on every object of `org`: a list then needs no condition.  Reads as `can` does."""
    role = role_now(actor, org)
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


def role_now(actor: Any, org: Any) -> Role | None:
    """The role that counts, if config/roles.yaml has it for this place and the organization's plan covers it."""
    role = _file.get().get(role_of(actor, org) or "")
    if role is None or role.scope != ("platform" if org is None else "organization"):
        return None
    return role if is_covered(role, org) else None


def is_covered(role: Role, org: Any) -> bool:
    """Whether the organization's plan includes the role.  Where nobody sells plans, nothing is missing."""
    return role.plan_required is None or all(covers(org, role.plan_required) for covers in hooks.plan_covers)


def explain(actor: Any, permission: str, *, org: Any = None, obj: Any = None) -> "Explanation":
    """Why `can` says what it says: the steps in words, the roles that have it, and who can give one of them.

    Reads as `can` does, and two reads more for a refusal, which names people.
    """
    from organizations import explanations

    return explanations.explain(actor, permission, org=org, obj=obj)
