"""From the transaction to the sinks: seals an organization's events in their order and hands them to each sink.

One worker at a time holds the lease of an organization's EventStream. What it does is a row of short transactions, and
each of them moves the stream under that lease: sealing some events, or one sink's work on some events together with
its SinkRuns and its new position. A process that dies loses its last transaction, and the next one begins there.

A sink that fails is tried again with growing pauses; its later events of the same organization wait, so that their
order holds, and then the event is parked: visible to the staff, who replay it. Other sinks and organizations go on.
"""

import time
from collections.abc import Iterable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import structlog
from kombu.exceptions import OperationalError
from mongoengine import NotUniqueError
from pymongo import UpdateOne
from redis.exceptions import RedisError

from saas.celery import app
from saas.db import atomic, on_commit
from saas.events import sinks
from saas.events.models import DONE, PARKED, Event, EventStream, SinkRun, events, runs, streams
from saas.mongo.documents import get_collection
from saas.mongo.fields import new_key
from saas.tenancy import now

log = structlog.get_logger(__name__)

TASK = "saas.tasks.dispatch_events"
PLATFORM = "platform"
LEASE = timedelta(seconds=30)
AT_ONCE = 50  # events in one transaction
PAUSES = (1, 4, 15, 60)  # seconds after each failure; then the event is parked
#: Events that are older have been forgotten by whoever should have dispatched them.
LOST_AFTER = timedelta(seconds=3)
SWEEP_EVERY = 5.0  # seconds
SWEPT_AT_ONCE = 500  # streams


class LeaseLost(Exception):
    """Another worker has taken the stream over: what this one was about to write is undone."""


# -- asking for it -----------------------------------------------------------------------------------------------------


def dispatch_soon(organization_id: str | None) -> None:
    """After the commit, tell a worker that this organization has new events.  No answer from the broker is no error."""
    on_commit(lambda: send(organization_id or PLATFORM))


def send(key: str, *, countdown: float | None = None) -> bool:
    try:
        app.send_task(TASK, args=[key], queue="events", countdown=countdown, expires=60, retry=False)
    except (OperationalError, RedisError, OSError) as problem:
        log.warning("events_wait_for_broker", stream=key, problem=str(problem))
        return False
    return True


def sweep() -> int:
    """Send for every stream whose events wait too long: a message was lost, or a sink is in trouble."""
    pipeline = [
        {"$match": {"is_pending": True, "created_at": {"$lt": now() - LOST_AFTER}}},
        {"$group": {"_id": "$organization_id"}},
        {"$limit": SWEPT_AT_ONCE},
    ]
    return sum(send(row["_id"] or PLATFORM) for row in events().aggregate(pipeline))


# -- doing it ----------------------------------------------------------------------------------------------------------


def dispatch(key: str) -> None:
    """Bring a stream up to date.  Does nothing while another worker is at it: that one looks again before it ends."""
    while True:
        stream = take(key)
        if stream is None:
            return
        try:
            start_new_sinks(stream)
            while seal(stream) or hand_out(stream):
                pass
        except LeaseLost:
            return
        finally:
            release(stream)
        if not is_waiting(stream):
            return


def take(key: str) -> EventStream | None:
    """The stream under a new lease, or None while somebody else has one."""
    moment = now()
    free = {"$or": [{"leased_until": None}, {"leased_until": {"$lt": moment}}]}
    change = {"set__lease": new_key(), "set__leased_until": moment + LEASE}
    taken: EventStream | None = streams().filter(key=key, __raw__=free).modify(new=True, **change)
    if taken is not None or streams().filter(key=key).first():
        return taken
    with suppress(NotUniqueError):
        streams().create(key=key, organization_id=None if key == PLATFORM else key)
    return take(key)


def release(stream: EventStream) -> None:
    streams().filter(key=stream.key, lease=stream.lease).update(unset__lease=1, unset__leased_until=1)


def move(stream: EventStream, **change: Any) -> None:
    """Write the stream's progress inside of a transaction, and renew the lease.  Raises LeaseLost."""
    mine = streams().filter(key=stream.key, lease=stream.lease)
    moved = mine.modify(new=True, set__leased_until=now() + LEASE, **change)
    if moved is None:
        raise LeaseLost(stream.key)
    on_commit(lambda: adopt(stream, moved))  # a unit that is repeated begins where the stream really stands


def adopt(stream: EventStream, moved: EventStream) -> None:
    stream.sequence, stream.hash = moved.sequence, moved.hash
    stream.positions, stream.troubles = moved.positions, moved.troubles


def mine(stream: EventStream) -> Any:
    """The stream's events that not every sink has had."""
    return events().filter(organization_id=stream.organization_id, is_pending=True)


def start_new_sinks(stream: EventStream) -> None:
    """A sink that is new to the stream begins with what is pending: what came before is no news to it."""
    unknown = [sink.name for sink in sinks.every() if sink.name not in stream.positions]
    if unknown:
        first = mine(stream).filter(sequence__ne=None).order_by("sequence").first()
        start = first.sequence - 1 if first else stream.sequence
        move(stream, **{f"set__positions__{name}": start for name in unknown})


def is_waiting(stream: EventStream) -> bool:
    """Whether an event came in while the lease was being given back."""
    return mine(stream).filter(sequence=None).first() is not None


# -- sealing -----------------------------------------------------------------------------------------------------------


@atomic
def seal(stream: EventStream) -> int:
    """Give the next events their places in the organization's chain; answers how many.  Raises LeaseLost."""
    from saas.audit import chain

    # As MongoDB gives them, for that is what is verified.
    found = list(mine(stream).filter(sequence=None).order_by("created_at", "id").limit(AT_ONCE).as_pymongo())
    sequence, link, changes = stream.sequence, stream.hash, []
    for event in found:
        sequence += 1
        fields = chain.seal(event, sequence=sequence, previous_hash=link)
        link = fields["hash"]
        changes.append(UpdateOne({"_id": event["_id"], "sequence": None}, {"$set": fields}))
    if changes:
        move(stream, set__sequence=sequence, set__hash=link)  # first: only who holds the lease gives out places
        get_collection("events").bulk_write(changes)
    return len(found)


# -- handing out -------------------------------------------------------------------------------------------------------


def hand_out(stream: EventStream) -> bool:
    """Let every sink do its next events; whether there may be more to do now."""
    has_moved = False
    for sink in sinks.every():
        has_moved |= advance(stream, sink)
    close(stream)
    return has_moved


def advance(stream: EventStream, sink: sinks.Sink) -> bool:
    """One transaction of one sink.  Whether it has moved on."""
    position = stream.positions.get(sink.name, 0)
    trouble = stream.troubles.get(sink.name)
    if position >= stream.sequence or (trouble and trouble["due_at"] > now()):
        return False
    # Everything up to the head is pending or has been had by this sink: close() sees to that.
    waiting = events().filter(organization_id=stream.organization_id, sequence__gt=position, sinks=sink.name)
    found = list(waiting.order_by("sequence").limit(1 if trouble else AT_ONCE))
    if not found:
        move(stream, **{f"set__positions__{sink.name}": stream.sequence})
        return True
    try:
        deliver(stream, sink, found)
    except LeaseLost:
        raise
    except Exception as problem:  # noqa: BLE001 - whatever a sink raises is kept, tried again, and then parked
        if len(found) > 1:
            return deliver_one_by_one(stream, sink, found)
        fail(stream, sink, found[0], problem)
    return True


def deliver_one_by_one(stream: EventStream, sink: sinks.Sink, found: list[Event]) -> bool:
    """Do what can be done of some events of which one is bad."""
    for event in found:
        try:
            deliver(stream, sink, [event])
        except LeaseLost:
            raise
        except Exception as problem:  # noqa: BLE001 - as above
            fail(stream, sink, event, problem)
            return True
    return True


@atomic
def deliver(stream: EventStream, sink: sinks.Sink, found: Iterable[Event]) -> None:
    """The sink's work on some events, its SinkRuns, and its new position: all of it or nothing."""
    attempts = stream.troubles.get(sink.name, {}).get("attempts", 0) + 1
    done, last = [], 0
    for event in found:
        done.append(run(sink, event, attempts=attempts))
        last = event.sequence
    runs().insert(done)
    move(stream, **{f"set__positions__{sink.name}": last, f"unset__troubles__{sink.name}": 1})


def run(sink: sinks.Sink, event: Event, *, attempts: int = 1) -> SinkRun:
    """Let the sink do one event; answers the proof, not saved."""
    started = time.perf_counter()
    outcome = sink.deliver(event)
    return SinkRun(
        event_id=event.id,
        sink=sink.name,
        organization_id=event.organization_id,
        state=DONE,
        attempts=attempts,
        outcome=outcome or {},
        milliseconds=round((time.perf_counter() - started) * 1000, 2),
        finished_at=now(),
    )


@atomic
def fail(stream: EventStream, sink: sinks.Sink, event: Event, problem: Exception) -> None:
    """Note a failure: the sink waits, or, after the last try, leaves the event parked and goes on."""
    if runs().filter(event_id=event.id, sink=sink.name).first():  # it had happened: only the answer was lost
        move(stream, **{f"set__positions__{sink.name}": event.sequence, f"unset__troubles__{sink.name}": 1})
        return
    attempts = stream.troubles.get(sink.name, {}).get("attempts", 0) + 1
    error = f"{type(problem).__name__}: {problem}"[:500]
    log.warning("sink_failed", sink=sink.name, event_id=event.id, attempts=attempts, error=error)
    if attempts <= len(PAUSES):
        pause = PAUSES[attempts - 1]
        trouble = {
            "sequence": event.sequence,
            "event_id": event.id,
            "attempts": attempts,
            "error": error,
            "due_at": now() + timedelta(seconds=pause),
        }
        move(stream, **{f"set__troubles__{sink.name}": trouble, f"set__positions__{sink.name}": event.sequence - 1})
        on_commit(lambda: send(stream.key, countdown=pause))
        return
    runs().create(
        event_id=event.id,
        sink=sink.name,
        organization_id=event.organization_id,
        state=PARKED,
        attempts=attempts,
        error=error,
        finished_at=now(),
    )
    move(stream, **{f"set__positions__{sink.name}": event.sequence, f"unset__troubles__{sink.name}": 1})


def close(stream: EventStream) -> None:
    """Take the mark off the events that every sink has had."""
    had = min((stream.positions.get(sink.name, 0) for sink in sinks.every()), default=stream.sequence)
    mine(stream).filter(sequence__lte=had).update(unset__is_pending=1, set__dispatched_at=now())


# -- again -------------------------------------------------------------------------------------------------------------


@atomic
def replay(event: Event, sink: sinks.Sink, *, actor: Any = None) -> SinkRun:
    """Let one sink do an event again that it has had, or that was parked.  Raises what the sink raises.

    Sinks have no second effect for an event that they have done.
    """
    again = run(sink, event)
    change = {
        "set__state": DONE,
        "set__outcome": again.outcome,
        "set__milliseconds": again.milliseconds,
        "set__replayed_at": now(),
        "set__replayed_by": str(actor.pk) if actor is not None else None,
        "unset__error": 1,
        "inc__attempts": 1,
    }
    known: SinkRun | None = runs().filter(event_id=event.id, sink=sink.name).modify(new=True, **change)
    return known or again.save()
