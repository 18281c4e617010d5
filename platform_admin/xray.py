"""What the staff sees of the spine: events on their way through the sinks, what waits, what is parked."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest

from saas import events as spine
from saas import hooks
from saas.db import atomic
from saas.errors import Problem
from saas.events import catalogue, dispatching, sinks
from saas.events.dispatching import PLATFORM
from saas.events.models import DONE, PARKED, Event, SinkRun, events, runs, streams
from saas.paging import Page, page_of
from saas.tenancy import now

WAITING, RETRYING, UNKNOWN, OFF = "waiting", "retrying", "unknown", "off"
WORDS = {
    DONE: "Done",
    PARKED: "Parked",
    WAITING: "Waiting",
    RETRYING: "Trying again",
    UNKNOWN: "No record kept",
    OFF: "Not running",
}
BADGES = {DONE: "badge-success", PARKED: "badge-danger", WAITING: "badge-info", RETRYING: "badge-warning"}
LISTED = (
    "event", "action", "resource", "resource_id", "organization_id", "actor", "targets", "sinks", "sequence",
    "is_pending", "created_at",
)  # fmt: skip
STREAMS_SHOWN = 20
#: Longer than this nothing should wait while a worker runs.
LATE = timedelta(seconds=10)


class NotYet(Problem):
    """The sink has not had the event yet: there is nothing to do again."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event at one sink."""

    sink: str
    label: str
    state: str
    lag: float | None = None  # milliseconds from the change to the sink's commit
    run: SinkRun | None = None
    trouble: dict[str, Any] = field(default_factory=dict)
    is_registered: bool = True

    @property
    def words(self) -> str:
        return WORDS[self.state]

    @property
    def badge(self) -> str:
        return BADGES.get(self.state, "")

    @property
    def attempts(self) -> int:
        return self.run.attempts if self.run else self.trouble.get("attempts", 0)

    @property
    def is_open(self) -> bool:
        return self.state in (WAITING, RETRYING)


# -- what goes where ---------------------------------------------------------------------------------------------------


def columns() -> list[dict[str, Any]]:
    """`{name, label, is_registered}` of every sink that the catalogue names or a room registers."""
    named = dict.fromkeys(sink.name for sink in sinks.every())
    named |= dict.fromkeys(name for each in catalogue.load().events.values() for name in each.sinks)
    return [{"name": name, "label": label_of(name), "is_registered": sinks.get(name) is not None} for name in named]


def label_of(name: str) -> str:
    sink = sinks.get(name)
    return sink.label if sink else name.capitalize()


def matrix() -> list[dict[str, Any]]:
    """A line for each event of the catalogue: what it becomes in each of `columns()`."""
    shown = columns()
    return [
        {"event": each, "cells": [{**column, "is_on": column["name"] in each.sinks} for column in shown]}
        for each in catalogue.load().events.values()
    ]


# -- events on their way -----------------------------------------------------------------------------------------------


def recent(cursor: str = "", organization: str = "") -> Page[dict[str, Any]]:
    """The events of all organizations, the newest first, each with `steps` and `organization`.  Four reads."""
    found = events().filter(organization_id=organization) if organization else events()
    page = page_of(found, cursor=cursor, size=25, only=LISTED)
    known = {key: {} for key in (row["id"] for row in page.rows)}  # type: dict[str, dict[str, SinkRun]]
    for run in runs().filter(event_id__in=list(known)):
        known[run.event_id][run.sink] = run
    keys = {row.get("organization_id") or PLATFORM for row in page.rows}
    ways = {stream.key: stream for stream in streams().filter(key__in=list(keys))}
    orgs = hooks.organizations({row.get("organization_id") for row in page.rows})
    for row in page.rows:
        stream = ways.get(row.get("organization_id") or PLATFORM)
        row["steps"] = [step_of(row, name, known[row["id"]].get(name), stream) for name in row.get("sinks", ())]
        row["organization"] = orgs.get(row.get("organization_id") or "")
        row["is_open"] = row.get("sequence") is None or any(step.is_open for step in row["steps"])
    return page


def way_of(event: Event) -> list[Step]:
    """The steps of one event.  Two reads."""
    known = {run.sink: run for run in runs().filter(event_id=event.id)}
    stream = streams().filter(key=event.organization_id or PLATFORM).first()
    row = {"id": event.id, "sequence": event.sequence, "created_at": event.created_at}
    return [step_of(row, name, known.get(name), stream) for name in event.sinks]


def step_of(row: dict[str, Any], name: str, run: SinkRun | None, stream: Any) -> Step:
    label, is_registered = label_of(name), sinks.get(name) is not None
    if run is not None:
        lag = (run.finished_at - row["created_at"]).total_seconds() * 1000
        return Step(name, label, run.state, lag=max(lag, 0), run=run, is_registered=is_registered)
    trouble = (stream.troubles.get(name) if stream else None) or {}
    if trouble.get("event_id") == row["id"]:
        return Step(name, label, RETRYING, trouble=trouble, is_registered=is_registered)
    position = stream.positions.get(name) if stream else None
    has_passed = row.get("sequence") is not None and position is not None and position >= row["sequence"]
    if not is_registered:
        return Step(name, label, OFF, is_registered=False)
    return Step(name, label, UNKNOWN if has_passed else WAITING)


def lags() -> list[dict[str, Any]]:
    """`{key, organization, waiting, oldest, is_late}` where events wait, the longest first.  Two reads."""
    pipeline = [
        {"$match": {"is_pending": True}},
        {"$group": {"_id": "$organization_id", "waiting": {"$sum": 1}, "oldest": {"$min": "$created_at"}}},
        {"$sort": {"oldest": 1}},
        {"$limit": STREAMS_SHOWN},
    ]
    found = list(events().aggregate(pipeline))
    orgs = hooks.organizations({row["_id"] for row in found})
    return [
        {
            "key": row["_id"] or PLATFORM,
            "organization": orgs.get(row["_id"] or ""),
            "waiting": row["waiting"],
            "oldest": row["oldest"],
            "is_late": is_late(row["oldest"]),
        }
        for row in found
    ]


def is_late(moment: datetime) -> bool:
    return now() - moment > LATE


def parked(cursor: str = "", sink: str = "") -> Page[dict[str, Any]]:
    """What sinks have given up, the last first, each with `event` and `organization`.  Three reads."""
    found = runs().filter(state=PARKED, sink=sink) if sink else runs().filter(state=PARKED)
    page = page_of(found, cursor=cursor)
    known = {event.id: event for event in events().filter(pk__in=[row["event_id"] for row in page.rows]).only("event")}
    orgs = hooks.organizations({row.get("organization_id") for row in page.rows})
    for row in page.rows:
        row["event"] = known.get(row["event_id"])
        row["organization"] = orgs.get(row.get("organization_id") or "")
        row["label"] = label_of(row["sink"])
    return page


# -- what the staff does -----------------------------------------------------------------------------------------------


@atomic
def replay(*, event: Event, sink: sinks.Sink, actor: Any, request: HttpRequest | None = None) -> SinkRun:
    """Let a sink do an event again.  Raises NotYet, and what the sink raises."""
    step = next((each for each in way_of(event) if each.sink == sink.name), None)
    if step is None or step.is_open:
        raise NotYet(f"{sink.label} has not had this event yet. It is on its way.")
    again = dispatching.replay(event, sink, actor=actor)
    spine.record("sink.replayed", actor=actor, target=event, metadata=about(event, sink), request=request)
    return again


@atomic
def retry_now(*, event: Event, sink: sinks.Sink, actor: Any, request: HttpRequest | None = None) -> None:
    """End the pause of a sink that has failed on this event.  Raises NotYet where it has not."""
    key = event.organization_id or PLATFORM
    waiting = streams().filter(key=key, **{f"troubles__{sink.name}__event_id": event.id})
    if not waiting.update(**{f"set__troubles__{sink.name}__due_at": now()}):
        raise NotYet(f"{sink.label} does not wait for this event any more.")
    spine.record("sink.retried", actor=actor, target=event, metadata=about(event, sink), request=request)
    dispatching.dispatch_soon(event.organization_id)


def about(event: Event, sink: sinks.Sink) -> dict[str, Any]:
    return {"sink": sink.name, "event": event.event, "organization_id": event.organization_id}
