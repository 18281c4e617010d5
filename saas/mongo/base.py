"""`ENGINE = "saas.mongo"`: the connector's DatabaseWrapper with a transaction that can be relied on."""

import contextlib
import logging
import os
from typing import Any, ClassVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError
from django.db.transaction import TransactionManagementError
from django.utils.asyncio import async_unsafe
from django_mongodb_backend import base as backend
from pymongo import MongoClient
from pymongo.errors import PyMongoError
from pymongo.synchronous.client_session import ClientSession

from saas.mongo.operations import DatabaseOperations
from saas.mongo.schema import DatabaseSchemaEditor

log = logging.getLogger("saas.mongo")

COMMIT_TRIES = 3

DOOMED = (
    "An error inside this transaction was caught, and MongoDB had already undone the transaction. "
    "Catch it outside of the outermost atomic block."
)


class DatabaseWrapper(backend.DatabaseWrapper):
    """One per thread; all of a process share one MongoClient.

    A transaction is entered and left through `saas.db`. While it runs its session is bound to the thread, so that
    mongoengine, and pymongo itself, take part without being told.
    """

    ops_class = DatabaseOperations
    SchemaEditorClass = DatabaseSchemaEditor
    _pool_owners: ClassVar[dict[int, int]] = {}

    def __init__(self, settings_dict: dict[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        super().__init__(settings_dict, alias=alias)
        self.session: ClientSession | None
        self.connection: Any
        self.run_on_commit: list[tuple[Any, Any, bool]]
        self.doomed_by: BaseException | None = None
        self._bound = contextlib.ExitStack()

    # -- The client --------------------------------------------------------------------------------------------------

    @async_unsafe
    def get_new_connection(self, conn_params: dict[str, Any]) -> MongoClient[Any]:
        client: MongoClient[Any] = super().get_new_connection(conn_params)
        self._pool_owners.setdefault(id(client), os.getpid())
        return client

    def close_pool(self) -> None:
        """Close the client, or only drop it when it was opened before a fork: then it is the parent's.

        Threads that used it must not use their connection again.
        """
        client = self.connection
        if client is not None and self._pool_owners.get(id(client)) != os.getpid():
            self.session = None  # to end the parent's session would undo its transaction
        self._reset_transaction()
        self.connection = None
        with contextlib.suppress(AttributeError):
            del self.database
        pooled = self._connection_pools.pop(self.alias, None)
        for each in {id(each): each for each in (client, pooled) if each is not None}.values():
            if self._pool_owners.pop(id(each), None) == os.getpid():
                each.close()

    # -- The transaction -----------------------------------------------------------------------------------------------

    def doom(self, error: BaseException) -> None:
        """Remember the first error inside the running transaction: it can only be rolled back now."""
        if self.in_atomic_block_mongo and self.doomed_by is None:
            self.doomed_by = error

    @async_unsafe
    def start_transaction_mongo(self) -> None:
        self._reset_transaction()
        try:
            self.ensure_connection()
            self.session = self.connection.start_session()
            self.session.start_transaction()
        except PyMongoError as error:
            self._reset_transaction()
            raise DatabaseError(str(error)) from error
        self._bound.enter_context(self.session.bind(end_session=False))

    @async_unsafe
    def commit_mongo(self) -> None:
        """Commit, then run what waits for the commit. Afterwards the thread has no transaction, whatever happened.

        Raises DatabaseError when the commit failed, TransactionManagementError when an error inside was caught.
        """
        error, callbacks = self.doomed_by, self.run_on_commit
        if error is not None:
            self.rollback_mongo()
            raise TransactionManagementError(DOOMED) from error
        try:
            self._commit_session()
        except PyMongoError as failure:
            raise DatabaseError(str(failure)) from failure
        finally:
            self._reset_transaction()
        for _, callback, _ in callbacks:
            try:
                callback()
            except Exception:
                log.exception("An on_commit callback failed: %r", callback)

    def _commit_session(self) -> None:
        """Send the commit; send it again, which MongoDB allows, while nobody knows whether it has arrived."""
        assert self.session is not None
        for left in reversed(range(COMMIT_TRIES)):
            try:
                self.session.commit_transaction()
            except PyMongoError as error:
                if not left or not error.has_error_label("UnknownTransactionCommitResult"):
                    raise
            else:
                return

    @async_unsafe
    def rollback_mongo(self) -> None:
        try:
            if self.session is not None and self.session.in_transaction:
                self.session.abort_transaction()
        except PyMongoError as error:  # the server drops it by itself; the caller's error matters more
            log.warning("A rollback did not reach MongoDB: %s", error)
        finally:
            self._reset_transaction()

    def _reset_transaction(self) -> None:
        """Leave this thread as if no transaction had ever begun."""
        session, self.session = self.session, None
        bound, self._bound = self._bound, contextlib.ExitStack()
        self.in_atomic_block_mongo = False
        self.nested_atomics = 0
        self.doomed_by = None
        self.run_on_commit = []
        try:
            bound.close()
        finally:
            if session is not None:
                with contextlib.suppress(PyMongoError):
                    session.end_session()

    # -- Django's own atomic() inside ours, as libraries use it --------------------------------------------------------

    def rollback(self) -> None:
        """End a failed `django.db.transaction.atomic` block.

        Django forgets all on_commit callbacks here; those of the transaction around it are kept. What the block wrote
        cannot be undone alone, so the whole transaction is doomed.
        """
        callbacks = self.run_on_commit
        super().rollback()
        if self.in_atomic_block_mongo:
            self.run_on_commit = callbacks
            self.doom(TransactionManagementError("A block of django.db.transaction.atomic failed inside."))
