"""What the palette offers beside search: pages and actions.  Each room registers its own in `AppConfig.ready()`.

    actions.register(Action("New project", "plus", "organizations:project_create", "project.create", words="add"))
    actions.register(Action("Profile", "user", "accounts:profile", scope=PERSON))

The lines of the sidebar (saas/navigation.py) and the person's organizations are there by themselves.
"""

from dataclasses import dataclass
from typing import Any

from django.urls import reverse

from saas import hooks
from saas.navigation import address
from saas.search import words

ORGANIZATION, PERSON, STAFF = "organization", "person", "staff"


@dataclass(frozen=True, slots=True)
class Action:
    """One line of the palette.

    `url_name`: of a page; in the scope ORGANIZATION it takes the organization's slug.  `permission`: what one needs to
    see the line, of the organization or, in the scope STAFF, of the platform; PERSON is for everybody and needs none.
    `words`: what else it is found by.
    """

    label: str
    icon: str
    url_name: str
    permission: str = ""
    scope: str = ORGANIZATION
    words: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """An action as a person sees it."""

    label: str
    icon: str
    url: str
    words: str = ""


_actions: list[Action] = []


def register(action: Action) -> None:
    """Add an action; the same one twice is one."""
    if action not in _actions:
        _actions.append(action)


def of_organization(actor: Any, org: Any) -> list[Line]:
    """What this member may do in the organization.  No read beside the member's role."""
    mine = [each for each in _actions if each.scope == ORGANIZATION and hooks.can(actor, each.permission, org=org)]
    return [Line(each.label, each.icon, address(each.url_name, org.slug), each.words) for each in mine]


def of_person(actor: Any) -> list[Line]:
    """The pages about oneself, and the staff's for the staff."""
    mine = [each for each in _actions if each.scope == PERSON or (each.scope == STAFF and may_as_staff(actor, each))]
    return [Line(each.label, each.icon, reverse(each.url_name), each.words) for each in mine]


def may_as_staff(actor: Any, action: Action) -> bool:
    return bool(getattr(actor, "platform_role", "")) and hooks.can(actor, action.permission, org=None)


def matching(lines: list[Line], query: str) -> list[Line]:
    """The lines that have, for each word of the query, a word that begins with it; all of them without a query.

    Those whose label begins with the query come first.
    """
    asked = words.runs_of(query)
    found = [line for line in lines if fits(words.runs_of(f"{line.label} {line.words}"), asked)]
    return sorted(found, key=lambda line: not fits(words.runs_of(line.label), asked))


def fits(there: list[str], asked: list[str]) -> bool:
    return all(any(word.startswith(each) for word in there) for each in asked)
