"""The one way to a transaction: models and documents commit together or not at all.

    @atomic                     the usual way: a service. Repeated as a whole when MongoDB reports a conflict.
    run_atomic(function, ...)   the same for a function that is not yours.
    with atomic():              inside a view or a test. Never repeated, so a conflict reaches the caller.
    lock(row)                   other units that lock the same row wait for this one.
    on_commit(function)         runs after the outermost commit, or at once when there is no transaction.

A block inside another joins it. An error that leaves any block, or an IntegrityError inside one, undoes the outermost
block: catch it outside. Because a unit may run more than once it touches nothing outside of the database; that waits
for `on_commit`. It makes its objects itself: one that came from outside keeps the attributes of the first try.

`django.db.transaction.atomic` does nothing on MongoDB, which is why only this module may speak to it.
"""

import inspect
import random
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, TypeVar, cast, overload

from bson import ObjectId
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Model
from django.db.transaction import TransactionManagementError
from pymongo.errors import OperationFailure, PyMongoError

from saas.mongo.base import DOOMED, DatabaseWrapper

P = ParamSpec("P")
R = TypeVar("R")

GIVE_UP_AFTER = 20.0  # seconds of repeating, for one unit
LONGEST_PAUSE = 0.1  # seconds between two tries
NO_SUCH_TRANSACTION = 251
ABORTED_TRIES = 3


@overload
def atomic() -> AbstractContextManager[None]: ...
@overload
def atomic(function: Callable[P, R], /) -> Callable[P, R]: ...
def atomic(function: Callable[P, R] | None = None, /) -> AbstractContextManager[None] | Callable[P, R]:
    """Decorate a function, or open a block, whose writes to MongoDB happen together or not at all.

    Raises what the body raises; DatabaseError when the commit fails; TransactionManagementError when an error inside
    was caught although it had undone the transaction.
    """
    if function is None:
        return _Block()
    if inspect.iscoroutinefunction(function) or inspect.isgeneratorfunction(function):
        raise TypeError(f"@atomic takes a plain function, and {function.__qualname__} is none.")

    @wraps(function)
    def unit(*args: P.args, **kwargs: P.kwargs) -> R:
        return run_atomic(function, *args, **kwargs)

    return unit


def run_atomic(function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run the function in a transaction and return its value; repeat it on a conflict, for up to twenty seconds.

    Inside a transaction it joins that one, and the outermost unit is what gets repeated.
    """
    if in_transaction():
        with _Block():
            return function(*args, **kwargs)
    started, tries, aborted = time.monotonic(), 0, 0
    while True:
        tries += 1
        block = _Block()
        try:
            with block:
                return function(*args, **kwargs)
        except Exception as error:
            cause = block.doomed_by or error
            if not is_transient(cause) or time.monotonic() - started > GIVE_UP_AFTER:
                raise
            aborted += _was_aborted(cause)
            if aborted == ABORTED_TRIES:
                raise TransactionManagementError(DOOMED) from error
        time.sleep(random.uniform(0, min(0.002 * 2**tries, LONGEST_PAUSE)))


def on_commit(function: Callable[[], object]) -> None:
    """Run the function once the outermost block has committed; never, when that rolls back.

    Callbacks run in order; one that raises is logged and the others still run. Outside of a transaction the function
    runs at once and its error reaches the caller.
    """
    _connection().on_commit(function)


def lock(instance: Model) -> None:
    """Let only one transaction at a time work on this row: the others conflict with it, and @atomic repeats them.

    MongoDB has no SELECT FOR UPDATE; a write to the row has its effect.  Use it before a count that decides.
    Raises TransactionManagementError outside of a block, where it would lock nothing.
    """
    if not in_transaction():
        raise TransactionManagementError("lock() works inside an atomic block.")
    collection = _connection().get_collection(instance._meta.db_table)
    collection.update_one({"_id": ObjectId(instance.pk)}, {"$inc": {"lock": 1}})


def in_transaction() -> bool:
    """Whether this thread is inside a block."""
    return _connection().in_atomic_block_mongo


def is_transient(error: BaseException) -> bool:
    """Whether MongoDB says that the same unit may succeed when it is run again.

    A commit whose outcome is unknown is not: the unit may have happened. Only its commit is sent again.
    """
    return any(each.has_error_label("TransientTransactionError") for each in _mongo_errors(error))


def _was_aborted(error: BaseException) -> bool:
    """Whether the transaction was already gone: often a caught error of mongoengine, seldom a restart of MongoDB."""
    return any(isinstance(each, OperationFailure) and each.code == NO_SUCH_TRANSACTION for each in _mongo_errors(error))


def _mongo_errors(error: BaseException | None) -> Iterator[PyMongoError]:
    """MongoDB's own errors behind this one. Django raises `from` them, mongoengine does not."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, PyMongoError):
            yield error
        error = error.__cause__ or error.__context__


class _Block(AbstractContextManager[None]):
    """One entry into the thread's transaction: the outermost starts and ends it, the others join."""

    doomed_by: BaseException | None = None

    def __enter__(self) -> None:
        connection = _connection()
        if connection.in_atomic_block_mongo:
            connection.nested_atomics += 1
        else:
            connection.start_transaction_mongo()
            connection.in_atomic_block_mongo = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        connection = _connection()
        if connection.nested_atomics:
            connection.nested_atomics -= 1
            if error is not None:
                connection.doom(error)
            return
        self.doomed_by = connection.doomed_by
        if error is None:
            connection.commit_mongo()
        else:
            connection.rollback_mongo()


def _connection() -> DatabaseWrapper:
    return cast("Any", connections[DEFAULT_DB_ALIAS])
