"""The connector's compilers, with two additions: see `RemembersErrors` and `SQLInsertCompiler.insert`."""

from typing import Any

from django.db import DatabaseError
from django_mongodb_backend import compiler
from pymongo.errors import PyMongoError


class RemembersErrors:
    """MongoDB aborts a transaction at its first error; the connection must know, even if the caller catches it."""

    connection: Any

    def execute_sql(self, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().execute_sql(*args, **kwargs)  # type: ignore[misc]
        except (DatabaseError, PyMongoError) as error:
            self.connection.doom(error)
            raise


class SQLCompiler(RemembersErrors, compiler.SQLCompiler):
    pass


class SQLInsertCompiler(RemembersErrors, compiler.SQLInsertCompiler):
    def insert(self, docs: list[dict[str, Any]], returning_fields: Any = None) -> list[tuple[Any]]:
        """Store the rows and return their keys as the key field shows them in Python."""
        rows: list[tuple[Any]] = super().insert(docs, returning_fields=returning_fields)
        if not rows or not hasattr(returning_fields[0], "from_db_value"):
            return rows
        return [(returning_fields[0].from_db_value(key, None, self.connection),) for (key,) in rows]


class SQLDeleteCompiler(RemembersErrors, compiler.SQLDeleteCompiler):
    pass


class SQLUpdateCompiler(RemembersErrors, compiler.SQLUpdateCompiler):
    pass


class SQLAggregateCompiler(RemembersErrors, compiler.SQLAggregateCompiler):
    pass
