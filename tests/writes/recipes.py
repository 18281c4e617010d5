"""How a write is told to the walk of test_writes.py: who sends what where, and which events that must leave.

    @write("organizations:project_edit")
    def project_edit(world):
        project = world.project                                        # what there must be before
        return Visit(
            {"name": "Garden", "status": "active", "version": 1},      # a valid request
            [Recorded("project.updated", project, changed="name status")],
            wrong={"name": ""},                                        # makes it invalid
        )

The function may ask for pytest's fixtures besides `world` (tests/factories.py). A URL that does several things has
several recipes, each with a `way`. One that changes nothing anybody has to account for is marked with `quiet` and the
reason; its recipe is a valid request all the same, so that the day on which it does record something is noticed.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.test import Client

from saas.access import Route, routes

CHANGES = frozenset({"POST", "PUT", "PATCH", "DELETE"})
USUAL: Any = object()
EMPTY = {"csrfmiddlewaretoken": "what a browser sends with every form"}


@dataclass
class Recorded:
    """One event as it must stand in the log.

    `target` is the object, a list of them, or a function that finds it after the request; None for none.  `changed`
    names the fields of both `before` and `after`, whose values must differ.  `actor` is a person, by default the one
    who sends; None is a visitor.  `org` is by default the URL's.
    """

    name: str
    target: Any = None
    changed: str = ""
    before: str = ""
    after: str = ""
    actor: Any = USUAL
    actor_type: str = ""
    org: Any = USUAL


@dataclass
class Visit:
    """A valid request and what it must leave.

    `by` is a person of the world, or `nobody`.  `wrong` are fields that make the request invalid; None where there is
    nothing to get wrong.  `attempt` is the event that tells of a failed attempt to get in.  `refused` are people who
    may not, besides those whom the view's mark turns away.  `arguments` are those of the URL that tests/factories.py
    does not fit.  `client` is a browser that was prepared.
    """

    data: Any = field(default_factory=lambda: dict(EMPTY))
    recorded: Sequence[Recorded] = ()
    by: str = "owner"
    wrong: dict[str, Any] | None = None
    attempt: str = ""
    refused: tuple[str, ...] = ()
    arguments: dict[str, Any] = field(default_factory=dict)
    client: Client | None = None
    method: str = "post"
    query: str = ""
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recipe:
    url: str
    way: str
    prepare: Callable[..., Visit]
    quiet: str = ""  # the reason
    apart: str = ""  # why the later events are not of one transaction with the change, which the first one tells of
    leaves: str = ""  # a collection in which the attempt alone leaves a trace

    @property
    def id(self) -> str:
        return f"{self.url}[{self.way}]" if self.way else self.url

    @property
    def place(self) -> str:
        """`file:line` of the recipe, relative to the repository."""
        code = inspect.unwrap(self.prepare).__code__
        return f"tests/writes/{Path(code.co_filename).name}:{code.co_firstlineno}"


RECIPES: list[Recipe] = []


def write(
    url: str, way: str = "", *, apart: str = "", leaves: str = ""
) -> Callable[[Callable[..., Visit]], Callable[..., Visit]]:
    """This URL (its name) changes something; the recipe names the events."""
    return lambda prepare: add(Recipe(url, way, prepare, apart=apart, leaves=leaves))


def quiet(url: str, reason: str, way: str = "") -> Callable[[Callable[..., Visit]], Callable[..., Visit]]:
    """This URL takes a request that changes something, and records nothing, for this reason."""
    return lambda prepare: add(Recipe(url, way, prepare, quiet=reason))


def add(recipe: Recipe) -> Callable[..., Visit]:
    RECIPES.append(recipe)
    return recipe.prepare


# -- Which URLs take a change ------------------------------------------------------------------------------------------

#: Views that take any method, for they never ask; what they do with a POST is what they do with a GET.
ONLY_SHOWS = {"account_email_verification_sent"}


def writing_routes() -> list[Route]:
    """The URLs whose view takes a POST, PUT, PATCH or DELETE, or does not say what it takes."""
    found = [route for route in routes("saas.urls") if route.name not in ONLY_SHOWS]
    return [route for route in found if (methods := methods_of(route.view)) is None or methods & CHANGES]


def methods_of(view: Callable[..., Any]) -> set[str] | None:
    """What a view takes, by `require_http_methods` and its kin, or by the methods of its class; None: unknown."""
    if (made_of := getattr(view, "view_class", None)) is not None:
        return {name.upper() for name in made_of.http_method_names if hasattr(made_of, name)}
    found, layer = None, view
    while layer is not None:
        if inspect.isfunction(layer):
            found = inspect.getclosurevars(layer).nonlocals.get("request_method_list", found)
        layer = getattr(layer, "__wrapped__", None)
    return None if found is None else set(found)
