"""Keys: ObjectId in the database, str of 24 hexadecimal digits in Python.

A str key goes into JSON, sessions, signed links and URLs as it is. A malformed key raises ValueError at the lookup, as
an integer key does; URLs take keys by `<oid:...>` and never get that far.
"""

from typing import Any, ClassVar

from bson import ObjectId
from bson.errors import InvalidId
from django.core.exceptions import ValidationError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model
from django.forms import CharField, Field
from django.utils.translation import gettext_lazy as _
from django_mongodb_backend.fields import ObjectIdAutoField, ObjectIdField


def new_key() -> str:
    """A new key. Keys sort by the second in which they were made."""
    return str(ObjectId())


def to_object_id(value: Any) -> ObjectId:
    """The key as MongoDB stores it. Raises ValueError for anything that is not 24 hexadecimal digits."""
    if isinstance(value, ObjectId):
        return value
    if isinstance(value, str) and len(value) == 24:
        try:
            return ObjectId(value)
        except InvalidId:
            pass
    raise ValueError(f"{value!r} is not a key: a key is 24 hexadecimal digits.")


def validate_key(value: Any) -> None:
    """Form and model validator. Raises ValidationError."""
    try:
        to_object_id(value)
    except ValueError:
        raise ValidationError(
            _("“%(value)s” is not a valid key."),
            code="invalid",
            params={"value": value},
        ) from None


class StrObjectIdMixin:
    def to_python(self, value: Any) -> Any:
        """str, or None. A malformed key passes: the lookup refuses it, so that a form can say so in its own words."""
        if value is None or value == "":
            return None
        return str(value).lower()

    def get_prep_value(self, value: Any) -> Any:
        if value is None or hasattr(value, "resolve_expression"):
            return value
        return to_object_id(value)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        return value if prepared else self.get_prep_value(value)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> str | None:
        return None if value is None else str(value)

    def pre_save(self, model_instance: Model, add: bool) -> Any:
        """The key to store; an ObjectId that code has set becomes str on the instance."""
        value = super().pre_save(model_instance, add)  # type: ignore[misc]
        if isinstance(value, ObjectId):
            value = str(value)
            setattr(model_instance, self.attname, value)  # type: ignore[attr-defined]
        return value


class StrObjectIdAutoField(StrObjectIdMixin, ObjectIdAutoField):
    """The key of every model that names none (DEFAULT_AUTO_FIELD): the database driver makes it at the insert."""


class StrObjectIdField(StrObjectIdMixin, ObjectIdField):
    """A key in a column of its own.

    With `primary_key=True` it is the row's `_id` and is made in Python, so that it is known before the row is saved.
    The user's key is one of these: libraries take an AutoField for an integer.
    """

    default_validators: ClassVar[list[Any]] = [validate_key]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if kwargs.get("primary_key"):
            kwargs["db_column"] = "_id"
            kwargs.setdefault("default", new_key)
            kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    def deconstruct(self) -> tuple[str, str, list[Any], dict[str, Any]]:
        name, path, args, kwargs = super().deconstruct()
        if self.primary_key:
            kwargs.pop("db_column", None)
            if kwargs.get("default") is new_key:
                del kwargs["default"]
            kwargs.pop("editable", None)
        return name, path, args, kwargs

    def formfield(self, **kwargs: Any) -> Field:
        return super().formfield(**{"form_class": CharField, "min_length": 24, "max_length": 24, **kwargs})
