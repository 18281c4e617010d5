"""Something valid for each field of a document that a test knows nothing about."""

import mongoengine

from saas.mongo.fields import new_key
from saas.tenancy import IdField, now


def values_for(document):
    """Something valid for each required field."""
    skipped = {"id", "created_at", document.owner_field(), "organization_id"}
    return {
        name: value_for(field)
        for name, field in document._fields.items()
        if name not in skipped and (field.required or field.unique) and field.default is None
    }


SAMPLES = (
    (mongoengine.StringField, new_key),
    (IdField, new_key),
    (mongoengine.DateTimeField, now),
    (mongoengine.BooleanField, lambda: True),
    (mongoengine.IntField, lambda: 1),
    (mongoengine.FloatField, lambda: 1.0),
    (mongoengine.DecimalField, lambda: "1"),
    (mongoengine.BinaryField, lambda: b"x"),
    (mongoengine.DictField, lambda: {"x": 1}),
)


def value_for(field):
    if field.choices:
        return field.choices[0]
    if isinstance(field, mongoengine.ListField):
        return [value_for(field.field)]
    for kind, sample in SAMPLES:
        if isinstance(field, kind):
            return sample()
    raise AssertionError(f"Say in SAMPLES what a {type(field).__name__} may hold.")
