"""The sinks: what an event becomes after its transaction.

    register(Sink("search", deliver=indexing.follow, label="Search"))

The dispatcher calls `deliver(event)` in a transaction of its own, in the order of the organization's events, and writes
a SinkRun with it; so an effect that stands in the database happens exactly once, however often a process dies.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ImproperlyConfigured


@dataclass(frozen=True, slots=True)
class Sink:
    """One projection of the events.

    `deliver`: does the work for one Event and answers a few words or numbers of what it did, as JSON, for the staff's
    page; None for nothing.  It writes to the database and enqueues, and never speaks to the outside.  It may be called
    again for the same event (a replay by the staff), and must then have no second effect.
    """

    name: str
    label: str
    deliver: Callable[[Any], dict[str, Any] | None]


_sinks: dict[str, Sink] = {}


def register(sink: Sink) -> Sink:
    """Add a sink.  Raises ImproperlyConfigured when there is another one of its name."""
    if _sinks.get(sink.name, sink) != sink:
        raise ImproperlyConfigured(f"There is a sink {sink.name!r} already.")
    _sinks[sink.name] = sink
    return sink


def every() -> list[Sink]:
    return list(_sinks.values())


def get(name: str) -> Sink | None:
    return _sinks.get(name)
