"""Where the counters live: MongoDB, or Valkey with RATELIMIT_STORAGE=valkey.  Both count by the server's clock.

The algorithm is the sliding window counter of the library `limits`. Its other one, the moving window, refuses hits that
are within the limit when parallel requests meet a new counter on MongoDB (down to 2 of 20), and goes by our clock.
"""

from functools import cache
from typing import Any, Protocol

from django.conf import settings
from limits.storage import RedisStorage
from limits.storage.mongodb import MongoDBStorageBase
from pymongo import MongoClient, ReturnDocument, WriteConcern
from pymongo.collection import Collection
from pymongo.database import Database
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from saas.mongo.documents import database
from saas.ratelimit.windows import Window

COLLECTION = "rate_limit_windows"
TIMEOUT = 1.0  # seconds; the limiter must not be what a page waits for
#: The first acknowledgement will do: after a failover some hits may be forgotten.
QUICK: WriteConcern = WriteConcern(w=1)


class Store(Protocol):
    """A place for counters.  Both methods raise one of `failures` when it cannot be reached."""

    @property
    def part(self) -> str:
        """What to call it when it is away."""

    @property
    def failures(self) -> type[Exception]: ...

    def take(self, key: str, limit: int, period: int, cost: int) -> Window:
        """Count `cost` hits if they stay within the limit, as one atomic step; else count nothing."""

    def forget(self, key: str, period: int) -> None:
        """Set the counter back."""


class MongoStore(MongoDBStorageBase):
    """Counters on Django's own client; MongoDB removes them by a TTL index.

    The library would open a client of its own and close it when collected.  And it takes a counter that has expired,
    but that MongoDB has not yet removed (it looks once a minute), for a live one: twice the limit got through.
    """

    part = "the database"
    failures = PyMongoError

    def __init__(self) -> None:
        super().__init__("", window_collection_name=COLLECTION)

    def __del__(self) -> None:
        """The client is Django's to close."""

    def _init_mongo_client(self, uri: str | None, **options: int | str | bool) -> MongoClient[dict[str, Any]]:  # noqa: ARG002
        return database().client

    @property
    def windows(self) -> Collection[dict[str, Any]]:
        """The collection of the client that Django uses now: it changes after a fork and for the tests' database."""
        return database().get_collection(COLLECTION, write_concern=QUICK)

    def take(self, key: str, limit: int, period: int, cost: int) -> Window:
        found = self.windows.find_one_and_update(
            {"_id": key}, _count(limit, period * 1000, cost), upsert=True, return_document=ReturnDocument.AFTER
        )
        assert found is not None  # an upsert answers what it wrote
        left = (found["expireAt"] - found["hitAt"]).total_seconds() - period
        previous, current = int(found["previousCount"]), int(found["currentCount"])
        return Window(limit, period, cost, found["accepted"], previous, current, left)

    def forget(self, key: str, period: int) -> None:  # noqa: ARG002 - Valkey needs it
        self.windows.delete_one({"_id": key})

    def acquire_sliding_window_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        return self.take(key, limit, expiry, amount).allowed


def _count(limit: int, period: int, cost: int) -> list[dict[str, Any]]:
    """The hit as an update of MongoDB; period in milliseconds.  A counter lives for its window and the one after it."""
    left = {"$subtract": ["$expireAt", "$$NOW"]}  # null for a new counter, and null is less than any number
    fresh = {"expireAt": {"$add": ["$$NOW", 2 * period]}, "previousCount": 0, "currentCount": 0}
    moved = {"expireAt": {"$add": ["$expireAt", period]}, "previousCount": "$currentCount", "currentCount": 0}
    still = {"expireAt": "$expireAt", "previousCount": "$previousCount", "currentCount": "$currentCount"}
    share = {"$divide": [{"$subtract": [left, period]}, period]}
    used = {"$add": [{"$floor": {"$multiply": ["$previousCount", share]}}, "$currentCount"]}
    branches = [{"case": {"$gt": [left, period]}, "then": still}, {"case": {"$gt": [left, 0]}, "then": moved}]
    return [
        {"$replaceWith": {"$mergeObjects": [{"_id": "$_id"}, {"$switch": {"branches": branches, "default": fresh}}]}},
        {"$set": {"hitAt": "$$NOW", "accepted": {"$lte": [{"$add": [used, cost]}, limit]}}},
        {"$set": {"currentCount": {"$add": ["$currentCount", {"$cond": ["$accepted", cost, 0]}]}}},
    ]


class ValkeyStore(RedisStorage):
    """Counters in Valkey by the scripts of the library."""

    part = "the cache"
    failures = RedisError

    def __init__(self, url: str) -> None:
        super().__init__(url, key_prefix="ratelimit", socket_timeout=TIMEOUT, socket_connect_timeout=TIMEOUT)

    def take(self, key: str, limit: int, period: int, cost: int) -> Window:
        before = self.prefixed_key(self._previous_window_key(key))
        now = self.prefixed_key(self._current_window_key(key))
        with self.storage.pipeline() as both:  # one transaction: the answer is the state right after the hit
            self.lua_acquire_sliding_window(keys=[before, now], args=[limit, period, cost], client=both)
            self.lua_sliding_window(keys=[before, now], args=[period], client=both)
            accepted, (previous, _, current, milliseconds) = both.execute()
        left = max(0.0, milliseconds / 1000 - period)
        return Window(limit, period, cost, bool(accepted), int(previous or 0), int(current or 0), left)

    def forget(self, key: str, period: int) -> None:
        self.clear_sliding_window(key, period)


def store() -> Store:
    """The store that RATELIMIT_STORAGE names; connects at its first hit."""
    return _store(settings.RATELIMIT_STORAGE, settings.REDIS_URL)


@cache
def _store(kind: str, url: str) -> Store:
    return ValkeyStore(url) if kind == "valkey" else MongoStore()


def ensure_ttl_index(here: Database[dict[str, Any]]) -> None:
    """Let MongoDB remove a counter when it says nothing any more.  A step of `saas.mongo.indexes`."""
    here[COLLECTION].create_index("expireAt", expireAfterSeconds=0)
