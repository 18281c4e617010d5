"""Every write records what it did, once, with who, where and what; a refused or mistaken one records nothing of it.

The walk sends one valid request to each URL that takes a POST, PUT, PATCH or DELETE, as the recipes beside this file
say (recipes.py explains them), after a refused and an invalid one from the same beginning. To add a URL add its recipe.
"""

import importlib
import inspect
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from organizations import roles
from organizations.models import Membership
from saas.events import catalogue
from saas.events import models as spine
from saas.events.actors import name_of
from saas.events.recording import describe
from saas.mongo.documents import get_collection
from saas.request_id import HEADER
from tests.factories import ARGUMENTS, ROLES, make_world
from tests.plugins.worker import QUEUE_KEYS, broker
from tests.writes.recipes import RECIPES, USUAL, writing_routes

for path in sorted(Path(__file__).parent.glob("*.py")):
    importlib.import_module(f"tests.writes.{path.stem}") if not path.stem.startswith(("test_", "_", "conf")) else None

ROUTES = {route.name: route for route in writing_routes()}
BY_URL = {recipe.url for recipe in RECIPES}
KNOWN = [recipe for recipe in RECIPES if recipe.url in ROUTES]
WRITES = [recipe for recipe in KNOWN if not recipe.quiet]
#: An event of these actions says what was, what is now, or both.
COMPARED = {"create", "update", "delete"}
NOTHING_TO_COMPARE = {
    **dict.fromkeys(("user.password_changed", "user.password_reset", "webhook.secret_rotated"), "a secret"),
    **dict.fromkeys(("user.authenticator_added", "user.authenticator_removed"), "there is one or none"),
    **dict.fromkeys(
        ("user.recovery_codes_created", "user.recovery_code_used"), "secrets; metadata say how many are left"
    ),
    **dict.fromkeys(("sink.replayed", "sink.retried", "schedule.started"), "it is done again; metadata say what"),
    "webhook.replayed": "deliveries that are sent again; metadata say which",
}
SUCCESS = {200, 204, 302, 303}
REFUSALS = {302, 303, 400, 403, 404}

HOW_TO_ADD = """
{name} takes a change and has no recipe. Say in a file of tests/writes/ what it records:

    @write("{name}")
    def {function}(world):
        changed = Recorded("noun.happened", world.project, changed="field")
        return Visit({{"field": "value"}}, [changed], wrong={{"field": ""}})

or, when it deliberately records nothing, mark it with @quiet("{name}", "why") instead.
"""

WHAT = {
    False: "What was recorded is not what the recipe at {place} says.",
    True: "The recipe at {place} says that nothing is recorded, with a reason. Is it a @write now?",
}


# -- The table is whole ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(ROUTES))
def test_a_url_that_takes_a_change_has_a_recipe(name):
    assert name in BY_URL, HOW_TO_ADD.format(name=name, function=name.rpartition(":")[2])


def test_a_recipe_has_a_url():
    gone = [f"{recipe.place} {recipe.id}" for recipe in RECIPES if recipe.url not in ROUTES]
    assert gone == [], "There is no such URL that takes a change. Remove the recipe, or mend its name."
    assert len({recipe.id for recipe in RECIPES}) == len(RECIPES), "Two recipes of one URL need a `way` each."


def test_a_quiet_recipe_gives_its_reason():
    assert [recipe.id for recipe in RECIPES if recipe.quiet and len(recipe.quiet.split()) < 3] == []


# -- The walk ----------------------------------------------------------------------------------------------------------


class Stage:
    """A world with what the recipe has prepared in it, and a browser for everybody who is about to try."""

    def __init__(self, recipe, request):
        self.recipe, self.world = recipe, make_world()
        names = inspect.signature(recipe.prepare, follow_wrapped=False).parameters
        fixtures = {name: self.world if name == "world" else request.getfixturevalue(name) for name in names}
        self.visit = recipe.prepare(**fixtures)
        self.route = ROUTES[recipe.url]
        given = {"org_slug": self.world.org.slug, **self.visit.arguments}
        values = {
            name: given[name] if name in given else ARGUMENTS[name](self.world.tenant) for name in self.route.arguments
        }
        self.address = reverse(recipe.url, kwargs=values) + self.visit.query
        self.client = self.visit.client or self.world.client(self.visit.by)

    @property
    def refused(self):
        """The browsers of those who may not: by the view's mark, and by the recipe."""
        mark, by_mark = self.route.mark, {"staff": ["owner"], "signed_in": ["nobody"]}
        if mark.kind == "org":
            lacking = [
                role for role in ROLES if not roles.can(self.world.person(role), mark.permission, org=self.world.org)
            ]
            by_mark["org"] = lacking[:1] or ["outsider"]
        return [self.world.client(who) for who in [*by_mark.get(mark.kind, []), *self.visit.refused]]

    def send(self, client, **changes):
        """The answer, and the events of the request in their order."""
        known = spine.events().distinct("id")
        data = {**self.visit.data, **changes} if isinstance(self.visit.data, dict) else self.visit.data
        for value in self.visit.data.values() if isinstance(self.visit.data, dict) else ():
            if hasattr(value, "seek"):
                value.seek(0)  # a file that was sent before
        answer = getattr(client, self.visit.method)(self.address, data, **self.visit.options)
        return answer, list(spine.events().filter(id__nin=known).order_by("id"))

    def check(self, event, expected, answer):
        """The event is what the recipe says."""
        where = f"{event.event}, expected at {self.recipe.place}"
        actor = self.usual_actor() if expected.actor is USUAL else found(expected.actor)
        kind = expected.actor_type or ("user" if actor is not None else "visitor")
        assert event.actor["type"] == kind, where
        assert (event.user_id, event.actor["id"]) == ((actor.pk,) * 2 if actor is not None else (None, None)), where
        assert actor is None or event.actor["name"] == name_of(actor), where
        assert event.organization_id == self.org_of(expected), where
        assert event.request_id == answer.headers[HEADER], f"{where}: does the service get `request`?"
        self.check_target(event, expected, where)
        self.check_changes(event, expected, where)

    def org_of(self, expected):
        """The id of the organization in whose log the event belongs."""
        org = found(expected.org)
        if org is USUAL:
            org = self.world.org if self.route.mark.kind == "org" else None
        return org and org.pk

    def usual_actor(self):
        return None if self.visit.by == "nobody" else self.world.person(self.visit.by)

    def check_target(self, event, expected, where):
        target = found(expected.target)
        targets = target if isinstance(target, list) else [target] if target is not None else []
        named = [{key: describe(each)[key] for key in ("type", "id")} for each in targets]
        assert [{key: each[key] for key in ("type", "id")} for each in event.targets] == named, where
        assert event.resource_id == (named[0]["id"] if named else None), where
        assert all(each["name"] for each in event.targets), where

    @staticmethod
    def check_changes(event, expected, where):
        before = {*expected.changed.split(), *expected.before.split()}
        after = {*expected.changed.split(), *expected.after.split()}
        assert ((event.before or {}).keys(), (event.after or {}).keys()) == (before, after), where
        assert [name for name in expected.changed.split() if event.before[name] == event.after[name]] == [], where
        says_what = bool(before or after) or event.event in NOTHING_TO_COMPARE
        assert says_what or catalogue.get(event.event).action not in COMPARED, f"{where}, says neither before nor after"


def found(thing):
    """What a recipe names: it, or what its function finds after the request."""
    return thing() if callable(thing) else thing


def mistakes_in(answer):
    """The errors of the forms that the page shows."""
    contexts = answer.context or []
    forms = [context[name] for context in contexts for name in ("form", "email_form") if name in context]
    return [form.errors for form in forms if getattr(form, "errors", None)]


@pytest.mark.parametrize("recipe", KNOWN, ids=lambda recipe: recipe.id)
def test_a_write_records_exactly_what_it_did(recipe, request):
    stage = Stage(recipe, request)
    visit = stage.visit
    for client in stage.refused:
        answer, recorded = stage.send(client)
        assert answer.status_code in REFUSALS, f"{recipe.place}: somebody who may not was let through."
        assert {event.event for event in recorded} <= {"access.denied"}, f"{recipe.place}: what a refusal recorded."
    if visit.wrong is not None:
        answer, recorded = stage.send(stage.client, **visit.wrong)
        assert [event.event for event in recorded] == visit.attempt.split(), f"{recipe.place}: what `wrong` recorded."
    answer, recorded = stage.send(stage.client)
    names = [each.name for each in visit.recorded]
    assert answer.status_code in SUCCESS, answer.content.decode()[-2000:]
    assert mistakes_in(answer) == []
    assert [event.event for event in recorded] == names, WHAT[bool(recipe.quiet)].format(place=recipe.place)
    for event, expected in zip(recorded, visit.recorded, strict=True):
        stage.check(event, expected, answer)


# -- No write without its event ----------------------------------------------------------------------------------------


class Lost(Exception):
    """The event could not be written."""


class LosingEvents:
    """The collection of events on the day on which one of them cannot be written."""

    def __init__(self, name):
        self.name, self.is_lost, self.real = name, False, spine.events

    def __call__(self):
        return self

    def create(self, **values):
        if values["event"] != self.name:
            return self.real().create(**values)
        self.is_lost = True
        raise Lost(self.name)

    def __getattr__(self, name):
        return getattr(self.real(), name)


#: What an attempt leaves, whatever comes of it: sessions, counters, and secrets that are used up.
LEFT_OF_AN_ATTEMPT = {
    "django_session",
    "usersessions_usersession",
    "rate_limit_windows",
    "used_secrets",
}


def contents(left_out):
    """What the database and the queues hold: a digest of each collection, and the messages of each queue."""
    here = get_collection("events").database.command("dbHash")["collections"]
    digests = {name: digest for name, digest in here.items() if name not in LEFT_OF_AN_ATTEMPT | {left_out}}
    return digests | {key: broker().llen(key) for key in QUEUE_KEYS}


@pytest.mark.parametrize("recipe", WRITES, ids=lambda recipe: recipe.id)
def test_a_write_whose_event_is_lost_has_not_happened(recipe, request, monkeypatch):
    stage = Stage(recipe, request)
    stage.client.get("/terms/")  # the first request of a session notes its browser
    Membership.objects.update(last_active_at=timezone.now())  # the first one of an hour notes that somebody was here
    losing = LosingEvents(stage.visit.recorded[0 if recipe.apart else -1].name)
    monkeypatch.setattr(spine, "events", losing)
    stage.client.raise_request_exception = False
    before = contents(recipe.leaves)
    stage.send(stage.client)
    after = contents(recipe.leaves)
    assert losing.is_lost, f"{recipe.place}: the request did not come to its event."
    changed = sorted(name for name in before | after if before.get(name) != after.get(name))
    assert changed == [], f"{recipe.place}: these changed without the event. It belongs in one @atomic with the change."
