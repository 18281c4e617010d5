"""MongoDB as Django's database: the connector of MongoDB, and what it gets wrong put right.

    operations.py  a case-insensitive lookup matches what was asked for, not a pattern
    fields.py      keys are ObjectIds in the database and str in Python
    compiler.py    a new row's key arrives as str; an error inside a transaction is remembered
    base.py        one transaction for models and documents, and a thread that is healthy after an error
    schema.py      an index that guards uniqueness also serves lookups; sessions expire by themselves
    documents.py   mongoengine on the same client, with aware times
    converters.py  `<oid:...>` in URLs
    migrations/    the libraries' tables with our keys

Each correction has a test in tests/saas/test_mongo_*.py that fails on the connector alone.
"""

from typing import Any


def close_pools() -> None:
    """Let go of the MongoDB client of this process; the next use opens a new one.

    Call it in a child after a fork (`worker_process_init` of Celery): sockets and sessions of the parent stay the
    parent's, which is why an inherited client is dropped and not closed.
    """
    from django.db import connections

    for connection in connections.all(initialized_only=True):
        close: Any = getattr(connection, "close_pool", None)
        if close is not None:
            close()


__all__ = ["close_pools"]
