"""The tests' MongoDB: every test may use it and finds it empty.

Each worker of pytest-xdist has a database of its own, made from the models and documents, without migrations. After
a test only the collections that it wrote to are emptied: a listener hears every command of this process, so models,
documents, pymongo and threads are all covered, and transactions are real.

    def test_a_page_is_cheap(client, count_queries, no_scans):
        with count_queries(at_most=4), no_scans():
            client.get("/")

    def test_one_of_fifty_wins(in_parallel):
        results = in_parallel(take_the_last_seat, times=50)        # return values, and exceptions as values

pytest-django's `db` and `django_db` mark work and add nothing.
"""

import inspect
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections
from pymongo import WriteConcern, monitoring

WRITES = {"insert", "update", "delete", "findAndModify", "bulkWrite"}
HOUSEKEEPING = {"endSessions", "killCursors", "hello", "ping"}
EXPLAINED = {"find", "aggregate", "count", "distinct", "findAndModify", "update", "delete"}
SESSION_KEYS = {"lsid", "txnNumber", "autocommit", "startTransaction", "readConcern", "writeConcern", "ordered"}
QUICK: WriteConcern = WriteConcern(w=1, j=False)


class Commands(list[monitoring.CommandStartedEvent]):
    """What was sent to MongoDB, in order; each is one round trip."""

    def __str__(self) -> str:
        return "\n".join(f"{n}. {describe(event)}" for n, event in enumerate(self, 1))


def describe(event: monitoring.CommandStartedEvent) -> str:
    command = {
        key: value for key, value in event.command.items() if not key.startswith("$") and key not in SESSION_KEYS
    }
    return f"{event.command_name} {command}"


class Listener(monitoring.CommandListener):
    """Hears the commands of all clients of this process, in the thread that sends them."""

    def __init__(self) -> None:
        self.database = ""
        self.written: set[str] = set()
        self.logs: list[Commands] = []

    def started(self, event: monitoring.CommandStartedEvent) -> None:
        if event.command_name in WRITES and event.database_name == self.database:
            self.written.add(str(event.command[event.command_name]))
        elif event.command_name == "aggregate" and event.command["pipeline"]:
            self._note_output(event.command["pipeline"][-1])
        if event.command_name not in HOUSEKEEPING:
            for log in self.logs:
                log.append(event)

    def _note_output(self, stage: dict[str, Any]) -> None:
        target = stage.get("$out") or stage.get("$merge", {}).get("into")
        if target:
            self.written.add(target if isinstance(target, str) else target["coll"])

    def succeeded(self, event: monitoring.CommandSucceededEvent) -> None:
        pass

    def failed(self, event: monitoring.CommandFailedEvent) -> None:
        pass

    @contextmanager
    def recording(self) -> Iterator[Commands]:
        log = Commands()
        self.logs.append(log)
        try:
            yield log
        finally:
            self.logs = [other for other in self.logs if other is not log]


listener = Listener()
monitoring.register(listener)


# -- One database for each worker ----------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: Any) -> Iterator[None]:
    from saas.mongo.indexes import ensure_indexes

    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    with django_db_blocker.unblock():
        connection = connections["default"]
        listener.database = f"{connection.settings_dict['NAME']}_test_{worker}_{os.getpid()}"
        connection.close_pool()
        connection.settings_dict["NAME"] = listener.database  # the dictionary that other threads connect by
        ensure_indexes()
        listener.written.clear()
        yield
        connection.database.client.drop_database(listener.database)
        connection.close_pool()


@pytest.fixture(autouse=True)
def clean_database(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        yield
        empty_written_collections()


def empty_written_collections() -> None:
    """Delete the rows of the collections that were written to since the last call."""
    connection = connections["default"]
    if connection.in_atomic_block_mongo:
        connection.rollback_mongo()
    if not listener.written:
        return
    written = sorted(listener.written)
    for name in written:
        connection.database.get_collection(name, write_concern=QUICK).delete_many({})
    listener.written.clear()
    if "django_content_type" in written:
        from django.contrib.contenttypes.models import ContentType

        ContentType.objects.clear_cache()


@pytest.fixture
def db() -> None:
    """Nothing: every test may use the database."""


@pytest.fixture
def transactional_db() -> None:
    """Nothing: transactions are real in every test."""


@pytest.fixture
def _django_db_helper() -> None:
    """In place of pytest-django's, which would empty every collection after each marked test."""


# -- What a test may ask for ---------------------------------------------------------------------------------------


@pytest.fixture
def count_queries() -> Callable[..., Any]:
    """`with count_queries(at_most=4) as commands:` fails above that number of round trips, listing them.

    Counts the commands of all threads: reads, writes, further pages of a cursor, commits.
    """

    @contextmanager
    def counting(at_most: int | None = None) -> Iterator[Commands]:
        with listener.recording() as commands:
            yield commands
        if at_most is not None and len(commands) > at_most:
            pytest.fail(f"{len(commands)} round trips, {at_most} allowed:\n{commands}", pytrace=False)

    return counting


@pytest.fixture
def no_scans() -> Callable[..., Any]:
    """`with no_scans():` fails when a command inside read a whole collection, joins included.

    With `sorted_by_index=True` it also fails for an order that MongoDB made in memory.
    """

    @contextmanager
    def checking(*, sorted_by_index: bool = False) -> Iterator[Commands]:
        with listener.recording() as commands:
            yield commands
        refused = {"COLLSCAN", "SORT"} if sorted_by_index else {"COLLSCAN"}
        slow = [f"{describe(event)}\n  {found}" for event in commands if (found := refused & stages_of(event))]
        if slow:
            pytest.fail("\n".join(["No index serves:", *slow]), pytrace=False)

    return checking


@pytest.fixture
def in_parallel() -> Callable[..., list[Any]]:
    """`in_parallel(function, times=50)` starts that many threads at one moment.

    Gives the list of results; an exception is a result too. The function gets the thread's number if it takes one.
    """

    def run(function: Callable[..., Any], times: int = 50) -> list[Any]:
        gate = threading.Barrier(times)
        takes_number = bool(inspect.signature(function).parameters)

        def one(number: int) -> Any:
            gate.wait()
            try:
                return function(number) if takes_number else function()
            except Exception as error:  # noqa: BLE001 - the test looks at it
                return error

        with ThreadPoolExecutor(times) as threads:
            return list(threads.map(one, range(times)))

    return run


# -- What MongoDB says about a command -----------------------------------------------------------------------------


def stages_of(event: monitoring.CommandStartedEvent) -> set[str]:
    """The stages of the plan that MongoDB chooses for a command that was sent, such as IXSCAN, COLLSCAN, SORT."""
    if event.command_name not in EXPLAINED:
        return set()
    command = {k: v for k, v in event.command.items() if not k.startswith("$") and k not in SESSION_KEYS}
    parts = {"update": "updates", "delete": "deletes"}.get(event.command_name)
    each = [{**command, parts: [part]} for part in command[parts]] if parts else [command]
    return {stage for one in each for stage in explain(event.database_name, one)}


def explain(database: str, command: dict[str, Any]) -> set[str]:
    # Only a plan that has run tells how a $lookup read the other collection.
    verbosity = "executionStats" if "$lookup" in str(command.get("pipeline")) else "queryPlanner"
    client = connections["default"].connection
    return set(_stages(client[database].command("explain", command, verbosity=verbosity)))


def _stages(plan: Any) -> Iterator[str]:
    if isinstance(plan, list):
        for part in plan:
            yield from _stages(part)
    elif isinstance(plan, dict):
        if isinstance(plan.get("stage"), str):
            yield plan["stage"]
        if int(plan.get("collectionScans", 0)):
            yield "COLLSCAN"
        if "$sort" in plan:
            yield "SORT"
        for key, part in plan.items():
            if key not in ("rejectedPlans", "command"):
                yield from _stages(part)
