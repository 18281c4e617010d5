"""Everything that is about one person, whichever room keeps it, for the person to take along.

It is found by itself: every document with a `user_id`, and every model with a relation to the user. Secrets are left
out: the fields of SECRET_FIELDS, and whatever `saas.events.values.redact` takes for one by its name. A room adds what
cannot be found that way with `hooks.personal_data`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from django.db.models import Model

from saas import erasure, hooks
from saas.events.values import redact
from saas.mongo.documents import concrete_documents
from saas.mongo.indexes import import_models_of_services
from saas.tenancy import TenantDocument, UserDocument

REASON = "what a person takes along"
#: Collections that hold no data about the person, or only copies of it.
LEFT_OUT = frozenset({"stored_file_chunks", "django_session", "authtoken_token"})
#: By collection or table: what lets somebody in, or is not for the person's eyes.
SECRET_FIELDS: dict[str, frozenset[str]] = {
    "jobs": frozenset({"payload", "lane", "error", "idempotency_key", "handed_at", "leased_until", "sent_at"}),
    "events": frozenset({"hash", "previous_hash", "seal", "dispatched_at", "session_id"}),
    "mfa_authenticator": frozenset({"data"}),
    "usersessions_usersession": frozenset({"session_key", "data"}),
    "socialaccount_socialtoken": frozenset({"token", "token_secret"}),
}
#: Of the person's own row.
SECRET_OF_PERSON = frozenset({"password", "security_stamp", "is_superuser", "lock"})


@dataclass(frozen=True, slots=True)
class Part:
    """One collection's rows about the person: a name, and the rows as plain values when they are asked for."""

    name: str
    size: int
    rows: Any  # () -> Iterator[dict]


def parts_of(user: Model) -> Iterator[Part]:
    """What there is about the person.  Reads a count for each collection."""
    import_models_of_services()  # a worker has imported only what its tasks needed so far
    yield Part("profile", 1, lambda: iter([of_model(user, SECRET_OF_PERSON)]))
    for document in concrete_documents(TenantDocument):
        if "user_id" in document._fields and erasure.collection_of(document) not in LEFT_OUT:
            yield part_of_document(document, user)
    for relation in erasure.relations(type(user)):
        if relation.table not in LEFT_OUT:
            yield part_of_relation(relation, user)
    for provider in hooks.personal_data:
        yield from provider(user)


def part_of_document(document: type[TenantDocument], user: Model) -> Part:
    name = erasure.collection_of(document)
    found = rows_of(document, user)

    def rows() -> Iterator[dict[str, Any]]:
        for row in found.no_cache().as_pymongo():
            yield {
                "id": row.pop("_id"),
                **redact({key: value for key, value in row.items() if key not in SECRET_FIELDS.get(name, ())}),
            }

    return Part(name, found.count(), rows)


def rows_of(document: type[TenantDocument], user: Model) -> Any:
    if issubclass(document, UserDocument):
        return document.objects.for_user(user)
    return document.objects.everything(reason=REASON).filter(user_id=str(user.pk))


def part_of_relation(relation: erasure.Relation, user: Model) -> Part:
    found = relation.rows(user)
    hidden = SECRET_FIELDS.get(relation.table, frozenset())
    # Several relations of one table would share a name: the table's and the column's together do not.
    name = relation.table if relation.column in ("user_id", "user") else f"{relation.table}.{relation.column}"
    return Part(name, found.count(), lambda: (of_model(row, hidden) for row in found.iterator()))


def of_model(row: Model, hidden: frozenset[str]) -> dict[str, Any]:
    fields = {field.attname: field.value_from_object(row) for field in row._meta.concrete_fields}
    shown: dict[str, Any] = redact({name: value for name, value in fields.items() if name not in hidden})
    return shown


def plain(value: Any) -> Any:
    """For `json.dumps(default=plain)`."""
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, bytes):
        return f"({len(value)} bytes)"
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
