from typing import Any

from bson import ObjectId
from django.db.models import Index, Model
from django_mongodb_backend.schema import DatabaseSchemaEditor as BackendSchemaEditor
from pymongo.operations import IndexModel

# (collection, column): seconds after the time in the column at which MongoDB removes the row.
EXPIRY = {("django_session", "expire_date"): 0}

# What every stored value of a type is greater than or equal to. A filter made of it leaves nulls out, as `$type`
# does, but the query planner understands it: `{"email": "a@x.io"}` may use an index over `{"email": {"$gte": ""}}`.
LOWEST: dict[str, Any] = {"string": "", "objectId": ObjectId("0" * 24)}


class DatabaseSchemaEditor(BackendSchemaEditor):
    """Creates collections and indexes; harmless where they exist already."""

    def create_model(self, model: type[Model]) -> None:
        name = model._meta.db_table
        if not self.collect_sql and name in self.connection.introspection.table_names():
            self._create_model_indexes(model)
            for field in model._meta.local_many_to_many:
                through: Any = field.remote_field.through
                if through._meta.auto_created:
                    self.create_model(through)
        else:
            super().create_model(model)

    def add_index(self, model: type[Model], index: Index, **kwargs: Any) -> None:
        target: type[Model] = kwargs.get("parent_model") or model
        if type(index) is not Index:  # Atlas search indexes, which the connector builds and waits for
            super().add_index(model, index, **kwargs)
        elif found := self.index_model(model, index, **kwargs):
            self.get_collection(target._meta.db_table).create_indexes([found])

    def index_model(
        self,
        model: type[Model],
        index: Any,
        *,
        field: Any = None,
        unique: bool = False,
        column_prefix: str = "",
        parent_model: type[Model] | None = None,
    ) -> IndexModel | None:
        """The index as MongoDB gets it, or None for one over expressions, which MongoDB does not have."""
        found: IndexModel | None = index.get_pymongo_index_model(
            model,
            schema_editor=self,
            field=field,
            unique=unique,
            column_prefix=column_prefix,
        )
        if found is None:
            return None
        document = found.document
        fields: list[Any] = [field] if field else [model._meta.get_field(name) for name, _ in index.fields_orders]
        if unique:
            _simplify_filter(document, fields, column_prefix)
        if len(fields) == 1:
            expiry = EXPIRY.get(((parent_model or model)._meta.db_table, fields[0].column))
            if expiry is not None:
                document["expireAfterSeconds"] = expiry
        return found


def _simplify_filter(document: dict[str, Any], fields: list[Any], prefix: str) -> None:
    """Drop or replace the connector's `$type` filter, which keeps the planner from ever using a unique index."""
    partial = dict(document.pop("partialFilterExpression", {}))
    for field in fields:
        column = prefix + field.column
        condition = dict(partial.pop(column, partial.pop(field.column, {})))
        type_name = condition.pop("$type", None)
        if field.null and type_name in LOWEST:
            condition.setdefault("$gte", LOWEST[type_name])
        elif field.null and type_name:
            condition["$type"] = type_name
        if condition:
            partial[column] = condition
    if partial:
        document["partialFilterExpression"] = partial
