"""mongoengine on Django's MongoDB client: one pool, one database, one transaction.

mongoengine's own registry of connections stays empty, so a document that is not built on `Document` has no database.
"""

from collections.abc import Iterator
from datetime import UTC
from typing import Any, ClassVar

import mongoengine
from bson import CodecOptions
from bson.binary import UuidRepresentation
from django.db import DEFAULT_DB_ALIAS, connections
from pymongo.collection import Collection
from pymongo.database import Database

# Django's ORM makes naive times aware by itself, so the shared client must not: each collection does it here.
AWARE: CodecOptions[dict[str, Any]] = CodecOptions(
    tz_aware=True, tzinfo=UTC, uuid_representation=UuidRepresentation.STANDARD
)


def database() -> Database[dict[str, Any]]:
    """Django's database, connecting at the first use."""
    connection: Any = connections[DEFAULT_DB_ALIAS]
    found: Database[dict[str, Any]] = connection.database
    return found


def get_collection(name: str) -> Collection[dict[str, Any]]:
    """A collection of the shared client that reads aware UTC times. MongoDB keeps milliseconds."""
    return database().get_collection(name, codec_options=AWARE)


class Document(mongoengine.Document):
    """What every document stands on; `saas.tenancy` adds keys and scopes. Indexes come from `ensure_indexes`."""

    meta: ClassVar[dict[str, Any]] = {
        "abstract": True,
        "auto_create_index": False,
        "index_background": False,
    }

    @classmethod
    def _get_db(cls) -> Database[dict[str, Any]]:
        return database()

    @classmethod
    def _get_collection(cls) -> Collection[dict[str, Any]]:
        """The collection, from the client that Django uses now: it changes after a fork and for the tests' database."""
        found: Collection[dict[str, Any]] | None = cls._collection
        current = database()
        if found is None or found.database.client is not current.client or found.database.name != current.name:
            found = current.get_collection(cls._get_collection_name(), codec_options=AWARE)
            cls._collection = found
        return found


def concrete_documents(base: type[Any] = mongoengine.Document) -> Iterator[type[Any]]:
    """Every document class that has a collection of its own, among the modules imported so far."""
    for document in base.__subclasses__():
        meta = document._meta
        if not meta.get("abstract") and document._get_collection_name():
            yield document
        yield from concrete_documents(document)
