"""The event spine: `record(...)` writes one event with the change that it tells of."""

from saas.events.recording import record

__all__ = ["record"]
