"""Why somebody may or may not do something, in words: the steps of the decision, and who can change it.

The answer itself is `roles.can`'s; the steps are taken from the same data, and a test holds the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rules.rulesets import test_rule

from accounts.models import User
from organizations import roles
from organizations.models import Membership
from organizations.role_file import ALWAYS, Role, Roles

MANAGE = "organization.manage_members"
#: So many of those who can change it are named.
NAMED = 3


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the decision.  `name` is role, inheritance, deny, condition or plan."""

    name: str
    is_passed: bool
    words: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its reasons.

    `title` is the permission in words; `roles` are those that have it; `granters` are people of the organization who
    can give one of these roles, for a refusal.
    """

    permission: str
    title: str
    is_allowed: bool
    steps: list[Step]
    roles: list[Role] = field(default_factory=list)
    granters: list[User] = field(default_factory=list)

    @property
    def reason(self) -> str:
        """The step that decided."""
        return next((step.words for step in self.steps if not step.is_passed), self.steps[-1].words)

    @property
    def summary(self) -> str:
        """The reason and the way out, for a line of text."""
        names = " or ".join(user.display_name for user in self.granters)
        return f"{self.reason} {names} can give you a role that does." if names else self.reason


def explain(actor: Any, permission: str, *, org: Any = None, obj: Any = None) -> Explanation:
    known = roles.current()
    is_allowed = roles.can(actor, permission, org=org, obj=obj)
    able = [role for role in known.values() if permission in role.grants and is_in_scope(role, org)]
    return Explanation(
        permission=permission,
        title=known.permission_words(permission),
        is_allowed=is_allowed,
        steps=list(steps_of(known, actor, permission, org, obj)),
        roles=able,
        granters=[] if is_allowed or org is None else who_can_grant(org, able, besides=actor),
    )


def is_in_scope(role: Role, org: Any) -> bool:
    return role.scope == ("platform" if org is None else "organization")


def steps_of(known: Roles, actor: Any, permission: str, org: Any, obj: Any) -> Iterator[Step]:
    """The steps in their order; none follows a missing grant or a denial, for nothing more would count."""
    name = roles.role_of(actor, org)
    role = known.get(name or "")
    place = org.name if org is not None else "the platform"
    if name is None:
        yield Step("role", False, f"You have no role in {place}.")
        return
    if role is None or not is_in_scope(role, org):
        yield Step("role", False, f"Your role, “{name}”, does not exist in {place}.")
        return
    yield Step("role", True, f"Your role in {place} is {role.title}.")
    grant = step_of_grant(known, role, permission)
    yield grant
    if not grant.is_passed:
        return
    denial = step_of_denial(known, role, permission)
    if denial:
        yield denial
        return
    yield from filter(None, [step_of_conditions(known, role, permission, actor, obj), step_of_plan(role, org)])


def step_of_grant(known: Roles, role: Role, permission: str) -> Step:
    title = known.permission_words(permission)
    source = first_with(known, role, permission, "own_grants")
    if source is role:
        return Step("inheritance", True, f"{role.title} includes “{title}”.")
    if source:
        return Step("inheritance", True, f"{role.title} inherits “{title}” from {source.title}.")
    parents = [known[name].title for name in role.inherits]
    nor = f", and inherits nothing from {' and '.join(parents)} that does" if parents else ""
    return Step("inheritance", False, f"{role.title} does not include “{title}”{nor}.")


def step_of_denial(known: Roles, role: Role, permission: str) -> Step | None:
    source = first_with(known, role, permission, "own_denials")
    if source is None:
        return None
    whose = "" if source is role else f", from which {role.title} inherits,"
    title = known.permission_words(permission)
    return Step("deny", False, f"{source.title}{whose} denies “{title}”, whatever else is granted.")


def step_of_conditions(known: Roles, role: Role, permission: str, actor: Any, obj: Any) -> Step | None:
    """The conditions of the grant; on a certain object they are asked, else they are named."""
    conditions = role.grants[permission]
    if conditions == ALWAYS:
        return None
    words = " or ".join(sorted(known.condition_words(name) for name in conditions if name))
    is_passed = obj is None or any(test_rule(name, actor, obj) for name in conditions)
    if is_passed:
        return Step("condition", True, f"With a condition: {words}.")
    return Step("condition", False, f"{role.title} includes it only with a condition that is not met here: {words}.")


def step_of_plan(role: Role, org: Any) -> Step | None:
    if role.plan_required is None:
        return None
    if roles.is_covered(role, org):
        return Step("plan", True, f"The plan includes the role {role.title}.")
    return Step(
        "plan", False, f"The role {role.title} needs the plan {role.plan_required.capitalize()} or a higher one."
    )


def first_with(known: Roles, role: Role, permission: str, entry: str) -> Role | None:
    """The role whose own entry names the permission: this one, else the nearest that it inherits from."""
    waiting = [role]
    for each in waiting:
        if permission in getattr(each, entry):
            return each
        waiting += [known[name] for name in each.inherits]
    return None


def who_can_grant(org: Any, able: list[Role], *, besides: Any) -> list[User]:
    """Members who manage members and may give one of these roles, those who joined first at the front.  Two reads."""
    names = {role.name for role in able}
    granting = [
        role.name
        for role in roles.organization_roles()
        if MANAGE in role.grants and role.manageable_roles & names and roles.is_covered(role, org)
    ]
    if not granting:
        return []
    found = Membership.objects.filter(organization_id=org.pk, role__in=granting, suspended_at=None)
    order = {m.user_id: (m.created_at, m.pk) for m in found if m.user_id != besides.pk}
    people = User.objects.filter(pk__in=list(order), is_active=True).only("name", "email") if order else []
    return sorted(people, key=lambda user: order[user.pk])[:NAMED]
