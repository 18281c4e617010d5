"""`kill -9` at every point between a change and its last effect: afterwards each effect is there exactly once.

The points are found by themselves: a process is killed right before its first command to the database, then before its
second one, and so on, until it comes to its end; and right after each commit, before it has sent a message to anybody.
Between two commands nobody else could see a difference. The process is a fork of this one, prepared up to that moment.
"""

import os
import signal
import traceback
from datetime import timedelta
from itertools import count, pairwise

import bson
import pytest
from bson import ObjectId
from django.db import connections
from pymongo import monitoring

from organizations import services
from organizations.activity.models import Activity
from organizations.projects.models import Project
from organizations.projects.services import create_project
from saas.events import dispatching, sinks
from saas.events.models import DONE, events, runs, streams
from saas.jobs.models import jobs
from saas.mongo.documents import get_collection
from saas.mongo.fields import new_key
from saas.tenancy import now
from saas.webhooks import endpoints
from saas.webhooks.models import EVERYTHING
from tests.factories import make_world
from tests.plugins.database import HOUSEKEEPING

LIMIT_SECONDS = 30
MOST_POINTS = 400


class Killer(monitoring.CommandListener):
    """Kills its process at one point: before a command is sent, or after a commit.

    Writes the ids of the process's sessions to `pipe`.
    """

    def __init__(self, point, pipe):
        self.left, self.pipe = point, pipe

    def pass_by(self, event):
        if event.command_name not in HOUSEKEEPING:
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            self.left -= 1

    def started(self, event):
        os.write(self.pipe, bson.encode({"lsid": event.command.get("lsid")}))
        self.pass_by(event)

    def succeeded(self, event):
        if event.command_name == "commitTransaction":
            self.pass_by(event)

    def failed(self, event):
        pass


def survives(work, *, point):
    """Run `work` in a process that is killed at this point; True when it came to its end before."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(LIMIT_SECONDS)
        try:
            monitoring.register(Killer(point, writing))
            connections["default"].close_pool()
            work()
        except BaseException:  # noqa: BLE001 - the parent fails by the code
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        sessions = {row["lsid"]["id"]: row["lsid"] for row in bson.decode_all(pipe.read()) if row["lsid"]}
    _, status = os.waitpid(child, 0)
    # MongoDB ends the open transaction of a client that is gone by itself, after a minute.
    connections["default"].connection.admin.command("killSessions", list(sessions.values()))
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return False
    assert os.WEXITSTATUS(status) == 0, f"It failed by itself at point {point}."
    return True


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def endpoint(world):
    values = {"name": "Elsewhere", "url": "https://hooks.example.com/here", "events": [EVERYTHING]}
    return endpoints.add_endpoint(org=world.org, actor=world.owner, values={**values, "description": ""}, request=None)


@pytest.fixture
def recover(world, monkeypatch):
    """What runs by itself after a crash: the dead process's lease is over, the sweeper finds what it has left."""
    monkeypatch.setattr(dispatching, "LOST_AFTER", timedelta(0))
    sent = []
    monkeypatch.setattr(dispatching, "send", lambda key, **_more: sent.append(key) or True)  # and the message is lost

    def run():
        sent.clear()
        streams().filter(leased_until__ne=None).update(set__leased_until=now() - timedelta(seconds=1))
        dispatching.sweep()
        for key in set(sent):
            dispatching.dispatch(key)

    return run


def newest(world, name):
    return events().filter(organization_id=world.org.pk, event=name).order_by("-created_at", "-id").first()


def effects(world, event):
    """What each sink has made of the event, so that twice is seen as twice."""
    mine = {"event_id": event.id}
    entries = get_collection("search_entries").find({"resource_id": event.resource_id})
    return {
        "lines": Activity.objects.for_org(world.org).filter(**mine).count(),
        "told": sorted(str(row["user_id"]) for row in rows_of("notifications", event)),
        "entries": len(list(entries)),
        "deliveries": sorted((str(row["webhook_id"]), row["event"]) for row in rows_of("webhook_deliveries", event)),
        "runs": sorted((run.sink, run.state) for run in runs().filter(**mine)),
    }


def rows_of(collection, event):
    return get_collection(collection).find({"event_id": ObjectId(event.id)})


def assert_settled(world):
    """Nothing waits, and the chain has neither a gap nor a fork."""
    assert events().filter(is_pending=True).first() is None
    sealed = list(events().filter(organization_id=world.org.pk).order_by("sequence"))
    assert [event.sequence for event in sealed] == list(range(1, len(sealed) + 1))
    assert all(b.previous_hash == a.hash for a, b in pairwise(sealed))


def walk_points(change, work, *, after):
    """Kill `work` at each of its points, each time after a new `change`; how many there were."""
    for point in count():
        assert point < MOST_POINTS
        made = change(point)
        is_done = survives(lambda: work(made), point=point)  # noqa: B023 - called at once
        after(made)
        if is_done:
            return point
    return 0


CHANGES = {
    "project.created": lambda world, n: create_project(org=world.org, actor=world.member, name=f"Project {n}"),
    "member.role_changed": lambda world, n: services.change_role(
        org=world.org, actor=world.owner, membership=world.memberships["viewer"], role=("member", "viewer")[n % 2]
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_worker_that_is_killed_anywhere_leaves_each_effect_once(world, endpoint, recover, name):
    """The worker dies between the commit of the change and its last sink."""

    def change(number):
        CHANGES[name](world, number)
        return newest(world, name)

    usual = change(0)
    dispatching.dispatch(world.org.pk)
    expected = shape_of(effects(world, usual))
    assert {sink for sink, _ in expected["runs"]} == {each for each in usual.sinks if sinks.get(each)}
    assert {state for _, state in expected["runs"]} == {DONE}
    assert expected["lines"] == 1
    assert expected["told"] > 0
    assert len(expected["deliveries"]) >= 1
    mails = mails_now()
    per_change = {}

    def after(event):
        recover()
        assert shape_of(effects(world, event)) == expected
        nonlocal mails
        per_change[mails_now() - mails] = True
        mails = mails_now()
        assert_settled(world)

    points = walk_points(lambda n: change(n + 1), lambda _: dispatching.dispatch(world.org.pk), after=after)
    assert points > 20, "a dispatch has many points"
    assert len(per_change) == 1, "each change sends the same number of mails, wherever the worker died"


def shape_of(found):
    return {**found, "told": len(found["told"]), "told_once": len(set(found["told"])) == len(found["told"])}


def mails_now():
    return jobs().filter(task="saas.tasks.send_email").count()


def test_a_web_process_that_is_killed_anywhere_leaves_all_or_nothing(world, endpoint, recover):
    """The web process dies in the request that creates a project; the person sends the form again."""
    client = world.client("member")
    address = f"/o/{world.org.slug}/projects/new/"
    client.get(address)

    def form(number):
        return {"name": f"Project {number}", "description": "", "status": "planned", "tags": "", "key": new_key()}

    def after(data):
        recover()
        made = Project.objects.for_org(world.org).filter(name=data["name"])
        told = [event for event in events().filter(event="project.created") if event.after["name"] == data["name"]]
        assert (made.count(), len(told)) in ((0, 0), (1, 1)), "the change without its event, or the other way round"
        assert client.post(address, data).status_code == 303
        recover()
        assert made.count() == 1
        (event,) = [event for event in events().filter(event="project.created") if event.resource_id == data["key"]]
        found = effects(world, event)
        assert found["lines"] == found["entries"] == 1
        assert len(found["told"]) == len(set(found["told"])) == 3
        assert {sink for sink, state in found["runs"] if state == DONE} == {s for s in event.sinks if sinks.get(s)}
        assert_settled(world)

    points = walk_points(form, lambda data: client.post(address, data), after=after)
    assert points > 6, "a request has many points"
