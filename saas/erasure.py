"""Everything that belongs to one organization, whichever room keeps it: counted, and erased.

It is found by itself: every document with an `organization_id`, and every model with a relation to the organization.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.db.models import ForeignKey, Model

from saas.mongo.documents import concrete_documents
from saas.mongo.indexes import import_models_of_services
from saas.tenancy import TenantDocument, id_of

REASON = "the end of an organization"


@dataclass(frozen=True, slots=True)
class Relation:
    """One foreign key to the organization."""

    table: str
    label: str
    manager: Any
    column: str

    def rows(self, org: Model) -> Any:
        return self.manager.filter(**{self.column: org.pk})


def documents() -> list[type[TenantDocument]]:
    """The document classes whose rows may belong to an organization."""
    import_models_of_services()
    return [document for document in concrete_documents(TenantDocument) if "organization_id" in document._fields]


def relations(model: type[Model]) -> Iterator[Relation]:
    """Every model with a foreign key to `model`, the ones that other rows hang on last."""
    yield from (
        Relation(other._meta.db_table, other._meta.label, other._base_manager, field.attname)
        for other in sorted(
            apps.get_models(include_auto_created=True), key=lambda each: len(each._meta.related_objects)
        )
        for field in other._meta.local_fields
        if isinstance(field, ForeignKey) and field.related_model is model
    )


def count(org: Model) -> dict[str, int]:
    """How many rows each collection holds of the organization; its own row not counted."""
    counts = {collection_of(document): rows(document, org).count() for document in documents()}
    for relation in relations(type(org)):
        counts[relation.table] = counts.get(relation.table, 0) + relation.rows(org).count()
    return counts


def erase(org: Model) -> dict[str, int]:
    """Delete them, and answer how many of each collection.  Not a transaction: there is no limit to their number."""
    deleted = {collection_of(document): rows(document, org).delete() for document in documents()}
    for relation in relations(type(org)):
        _, by_model = relation.rows(org).delete()
        deleted[relation.table] = deleted.get(relation.table, 0) + by_model.get(relation.label, 0)
    return deleted


def rows(document: type[TenantDocument], org: Model) -> Any:
    return document.objects.everything(reason=REASON).filter(organization_id=id_of(org))


def collection_of(document: type[TenantDocument]) -> str:
    return str(document._meta["collection"])
