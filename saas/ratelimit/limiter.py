"""Hitting a limit: counting, refusing, and what happens while the store is away."""

from functools import cache
from typing import Literal

import structlog
from limits import RateLimitItem, parse

from saas.db import in_transaction
from saas.errors import Problem
from saas.ratelimit.stores import store
from saas.ratelimit.windows import Window

log = structlog.get_logger(__name__)

#: While the store is away: "open" lets everybody through and logs it, "closed" answers 503.
StoreDown = Literal["open", "closed"]


class RateLimited(Problem):
    """Somebody did this too often.  Uncaught in a view it becomes the 429 answer."""

    status = 429

    def __init__(self, window: Window, name: str) -> None:
        super().__init__(f"That was too often. Please try again in {in_words(window.retry_after)}.")
        self.window = window
        self.name = name


class LimiterAway(Exception):
    """The store of a limit that is closed without it cannot be reached.  Uncaught in a view it becomes the 503 page."""

    def __init__(self, part: str) -> None:
        super().__init__(f"{part} is away, and this limit is closed without it.")
        self.part = part


class HitInTransaction(RuntimeError):
    """A limit was hit inside a transaction: a rollback would take the hit back, a repetition would count it twice."""


def hit(limit: str, *, name: str, key: object, cost: int = 1, on_store_down: StoreDown = "open") -> Window | None:
    """Count one act of `key` (an id) under `name`.  Calls with the same limit, name and key share a counter.

    `limit` is "<number>/<unit>" or "<number>/<number> <unit>" with second, minute, hour, day, month (30 days), year.
    `cost` counts as so many at once.  Answers how the counter stands, None when the store is away and the limit open.
    Raises RateLimited when it is too often, and then counts nothing; LimiterAway; HitInTransaction inside of
    `saas.db.atomic`; ValueError for a limit that cannot be read or a cost above it.
    """
    window = take(limit, name=name, key=key, cost=cost, on_store_down=on_store_down)
    if window and not window.allowed:
        raise RateLimited(window, name)
    return window


def take(limit: str, *, name: str, key: object, cost: int = 1, on_store_down: StoreDown = "open") -> Window | None:
    """As `hit`, but answers a refusal as a window that is not `allowed`."""
    item = parsed(limit)
    if not 1 <= cost <= item.amount:
        raise ValueError(f"A hit of {cost} cannot be within {limit}.")
    if in_transaction():
        raise HitInTransaction(f"{name} is hit inside a transaction. Hit it before the @atomic function begins.")
    place = store()
    try:
        window = place.take(item.key_for(name, str(key)), item.amount, item.get_expiry(), cost)
    except place.failures as failure:
        log.error("rate_limit_store_away", limit_name=name, decision=on_store_down, problem=str(failure))
        if on_store_down == "closed":
            raise LimiterAway(place.part) from failure
        return None
    if not window.allowed:
        log.info("rate_limited", limit_name=name, limit=limit, retry_after=window.retry_after)
    return window


def clear(limit: str, *, name: str, key: object) -> None:
    """Set a counter back, as after a correct password.  A store that is away is logged and nothing else."""
    item, place = parsed(limit), store()
    try:
        place.forget(item.key_for(name, str(key)), item.get_expiry())
    except place.failures as failure:
        log.error("rate_limit_store_away", limit_name=name, decision="not cleared", problem=str(failure))


@cache
def parsed(limit: str) -> RateLimitItem:
    """Raises ValueError for what is not a limit."""
    return parse(limit)


def in_words(seconds: int) -> str:
    """A wait in the largest fitting unit, rounded up: "1 second", "5 minutes", "2 hours"."""
    for unit, size in (("hour", 3600), ("minute", 60)):
        if seconds > size:
            return f"{-(-seconds // size)} {unit}s"
    return f"{seconds} second{'' if seconds == 1 else 's'}"
