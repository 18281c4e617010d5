"""One row by equal values, on the paths that every request takes.

The ORM builds, compiles and takes apart a query for each read, twice the cost of the read itself.  This asks MongoDB
directly and hands the document to the model as the ORM does: the same converters, the same transaction.
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any, TypeVar, cast

from django.db import connection as proxy
from django.db.models import Model
from pymongo.errors import PyMongoError

from saas.mongo.base import DatabaseWrapper

Row = TypeVar("Row", bound=Model)
Converter = Callable[[Any], Any]
connection = cast("DatabaseWrapper", proxy)


def find_row(model: type[Row], **values: Any) -> Row | None:
    """The row whose fields equal `values` (by field or column name), or None.  One find; name an index's fields.

    Raises ValueError for a malformed key, and pymongo's errors as they are.
    """
    wanted = {}
    for name, value in values.items():
        field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        wanted[field.column] = {"$eq": field.get_db_prep_value(value, connection)}  # type: ignore[union-attr]
    try:
        document = connection.get_collection(model._meta.db_table).find_one(wanted)
    except PyMongoError as error:
        connection.doom(error)
        raise
    return None if document is None else from_document(model, document)


def from_document(model: type[Row], document: dict[str, Any]) -> Row:
    """The row as the ORM would have made it; a field that the document lacks is None."""
    names, fields = _reading(model)
    row = []
    for column, converters in fields:
        value = document.get(column)
        for convert in converters:
            value = convert(value)
        row.append(value)
    return model.from_db(connection.alias, names, row)


@lru_cache(maxsize=64)
def _reading(model: type[Model]) -> tuple[list[str], list[tuple[str, list[Converter]]]]:
    """The fields' names, and for each its column with what turns a stored value into Python's."""
    fields = model._meta.concrete_fields
    return [field.attname for field in fields], [(str(field.column), _converters(model, field)) for field in fields]


def _converters(model: type[Model], field: Any) -> list[Converter]:
    column = field.get_col(model._meta.db_table)
    found = [*connection.ops.get_db_converters(column), *column.get_db_converters(connection)]
    return [partial(_convert, convert, column) for convert in found]


def _convert(convert: Callable[..., Any], column: Any, value: Any) -> Any:
    return convert(value, column, connection)
