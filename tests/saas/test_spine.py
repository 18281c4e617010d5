"""What becomes of an event after its transaction: sealed, handed to each sink once, retried, parked, replayed."""

from datetime import timedelta
from itertools import pairwise

import pytest
from mongoengine import StringField
from pymongo.errors import OperationFailure

from saas import events
from saas.events import dispatching, sinks
from saas.events.models import DONE, PARKED, runs, streams
from saas.events.models import events as all_events
from saas.tenancy import PlatformDocument, now
from tests.factories import make_world

CONFLICT = {"errorLabels": ["TransientTransactionError"]}


class Heard(PlatformDocument):
    """What the probes have done: it is undone with their transaction, as a real sink's work is."""

    sink = StringField(required=True)
    resource_id = StringField(required=True)

    meta = {"collection": "test_spine_heard"}


class Probe:
    """A sink that notes what it hears and fails when told."""

    def __init__(self, name):
        self.fails_on = set()
        self.sink = sinks.Sink(name, name.title(), self.deliver)

    def deliver(self, event):
        if event.resource_id in self.fails_on:
            raise ValueError("The probe was told to fail.")
        Heard.objects.everything(reason="a test").create(sink=self.sink.name, resource_id=event.resource_id)
        return {"resource": event.resource_id}

    @property
    def heard(self):
        rows = Heard.objects.everything(reason="a test").filter(sink=self.sink.name).order_by("id")
        return [row.resource_id for row in rows]


@pytest.fixture
def probe(monkeypatch):
    """Our own sinks make room for two probes, under names that the catalogue gives to a project."""
    first, second = Probe("activity"), Probe("search")
    monkeypatch.setattr(sinks, "_sinks", {each.sink.name: each.sink for each in (first, second)})
    first.other = second
    return first


@pytest.fixture
def world():
    return make_world()


def create(world, name="Website", org=None):
    from organizations.projects.services import create_project

    return create_project(org=org or world.org, actor=world.owner, name=name)


def waiting():
    return all_events().filter(is_pending=True).count()


def due_now():
    """The pauses after a failure are over."""
    for stream in streams():
        for name, trouble in stream.troubles.items():
            streams().filter(key=stream.key).update(
                **{f"set__troubles__{name}": {**trouble, "due_at": now() - timedelta(seconds=1)}}
            )


def test_each_sink_hears_of_an_event_once_and_in_order(world, probe, dispatch_events):
    made = [create(world, f"Project {n}").id for n in range(5)]
    dispatch_events()
    dispatch_events()
    assert probe.heard == made
    assert probe.other.heard == made
    assert waiting() == 0
    assert runs().filter(state=DONE).count() == 2 * len(made)


def test_a_run_tells_what_the_sink_did(world, probe, dispatch_events):
    project = create(world)
    dispatch_events()
    event = all_events().filter(resource_id=project.id).first()
    run = runs().filter(event_id=event.id, sink="activity").first()
    assert run.outcome == {"resource": project.id}
    assert run.milliseconds >= 0
    assert event.dispatched_at


def test_a_failing_sink_holds_up_no_other_sink_and_no_other_organization(world, probe, dispatch_events):
    bad = create(world)
    probe.fails_on = {bad.id}
    good = create(world)
    elsewhere = create(world, org=world.other.org)
    dispatch_events()
    assert set(probe.other.heard) == {bad.id, good.id, elsewhere.id}
    assert elsewhere.id in probe.heard
    assert good.id not in probe.heard, "the order of one organization's events holds"


def test_a_sink_that_recovers_goes_on_where_it_stopped(world, probe, dispatch_events, monkeypatch):
    monkeypatch.setattr(dispatching, "PAUSES", (3600, 3600))  # longer than the test takes on any machine
    made = [create(world, f"Project {n}").id for n in range(3)]
    probe.fails_on = {made[1]}
    dispatch_events()
    assert probe.heard == made[:1]
    probe.fails_on = set()
    dispatch_events()
    assert probe.heard == made[:1], "the pause is not over"
    due_now()
    dispatch_events()
    assert probe.heard == made


def test_an_event_that_fails_again_and_again_is_parked_and_replayed(world, probe, dispatch_events):
    bad, good = create(world), create(world)
    probe.fails_on = {bad.id}
    for _ in range(len(dispatching.PAUSES) + 1):
        dispatch_events()
        due_now()
    dispatch_events()
    assert probe.heard == [good.id]
    parked = runs().filter(state=PARKED).first()
    assert parked.error == "ValueError: The probe was told to fail."
    assert parked.attempts == len(dispatching.PAUSES) + 1
    assert waiting() == 0
    probe.fails_on = set()
    dispatching.replay(all_events().filter(pk=parked.event_id).first(), probe.sink, actor=world.staff)
    assert probe.heard == [good.id, bad.id]
    again = runs().filter(event_id=parked.event_id, sink="activity").first()
    assert (again.state, again.error, again.replayed_by) == (DONE, None, world.staff.pk)


def test_an_event_without_sinks_is_sealed_and_done(world, dispatch_events):
    events.record("user.logged_out", actor=world.owner, target=world.owner)
    dispatch_events()
    event = all_events().filter(event="user.logged_out").first()
    assert (event.sequence, waiting()) == (1, 0)
    assert event.hash


def test_each_organization_and_the_platform_count_by_themselves(world, probe, dispatch_events):
    create(world)
    create(world, org=world.other.org)
    events.record("user.logged_out", actor=world.owner, target=world.owner)
    dispatch_events()
    assert {stream.key: stream.sequence for stream in streams()} == {
        world.org.pk: 1,
        world.other.org.pk: 1,
        dispatching.PLATFORM: 1,
    }


def test_a_stream_that_somebody_works_on_is_left_to_him(world, probe):
    create(world)
    stream = dispatching.take(world.org.pk)
    dispatching.dispatch(world.org.pk)
    assert probe.heard == []
    dispatching.release(stream)
    dispatching.dispatch(world.org.pk)
    assert len(probe.heard) == 1


def test_a_worker_whose_lease_is_gone_writes_nothing(world, probe):
    create(world)
    stale = dispatching.take(world.org.pk)
    streams().filter(key=world.org.pk).update(set__leased_until=now() - timedelta(seconds=1))
    dispatching.dispatch(world.org.pk)
    create(world)
    with pytest.raises(dispatching.LeaseLost):
        dispatching.seal(stale)
    assert all_events().filter(sequence=None).count() == 1


def test_parallel_dispatchers_do_everything_once(world, probe, in_parallel):
    made = [create(world, f"Project {n}").id for n in range(60)]
    in_parallel(lambda: dispatching.dispatch(world.org.pk), times=8)
    assert sorted(probe.heard) == sorted(made)
    sealed = list(all_events().filter(organization_id=world.org.pk).order_by("sequence"))
    assert [event.sequence for event in sealed] == list(range(1, 61))
    assert all(b.previous_hash == a.hash for a, b in pairwise(sealed))


def test_the_sweeper_sends_for_what_was_forgotten(world, probe, monkeypatch):
    sent = []
    create(world)
    monkeypatch.setattr(dispatching, "send", lambda key, **_more: sent.append(key) or True)
    assert dispatching.sweep() == 0, "it is too young to be lost"
    monkeypatch.setattr(dispatching, "LOST_AFTER", timedelta(0))
    assert dispatching.sweep() == 1
    assert sent == [world.org.pk]


def test_a_sink_that_comes_later_begins_with_what_is_new(world, probe, dispatch_events, monkeypatch):
    create(world)
    dispatch_events()
    late = Probe("notifications")
    monkeypatch.setitem(sinks._sinks, "notifications", late.sink)
    project = create(world)
    dispatch_events()
    assert late.heard == [project.id]


def test_reading_what_waits_uses_an_index(world, probe, dispatch_events, no_scans):
    create(world)
    with no_scans():
        dispatching.sweep()
        dispatch_events()


def test_a_seal_that_is_repeated_begins_where_the_stream_stands(world, probe, dispatch_events, monkeypatch):
    """A conflict inside of the transaction: the places that it had given out are given out again."""
    create(world)
    real, conflicts = dispatching.get_collection, [OperationFailure("conflict", 112, CONFLICT)]

    def collection_with_a_conflict(name):
        if conflicts:
            raise conflicts.pop()
        return real(name)

    monkeypatch.setattr(dispatching, "get_collection", collection_with_a_conflict)
    dispatch_events()
    assert not conflicts, "the conflict came"
    event = all_events().filter(organization_id=world.org.pk).first()
    assert (event.sequence, event.previous_hash) == (1, "")
    assert streams().filter(key=world.org.pk).first().hash == event.hash


def test_work_whose_confirmation_was_lost_is_not_done_again(world, probe, dispatch_events):
    """The commit had happened although the worker heard an error: the stream goes on."""
    first, second = create(world), create(world)
    event = all_events().filter(resource_id=first.id).first()
    runs().create(event_id=event.id, sink="activity", organization_id=world.org.pk, state=DONE, finished_at=now())
    dispatch_events()
    assert probe.heard == [second.id]
    assert probe.other.heard == [first.id, second.id]
    assert waiting() == 0
