"""Tenancy that fails closed: a document's `objects` refuses to run until somebody has said for whom.

    Project.objects.for_org(org).filter(name="x")                 # OrgDocument: one organization's rows
    Notification.objects.for_user(user)                           # UserDocument: one person's rows
    Template.objects.public()                                     # PlatformDocument: what it declares as public
    Project.objects.everything(reason="nightly purge")            # every tenant: platform_admin, tasks, named services

Filters may come first (`Project.objects(name="x").for_org(org)`): what is refused is running. The scope is added to
whatever the filters say and cannot be taken off again; it goes with clones, updates, deletes, aggregations and bulk
reads. `for_org(org).create(...)` fills in the organization. A document belongs to its tenant for good.

Ids are str in Python and ObjectIds in the database (`IdField`). A malformed id finds nothing. Times are aware UTC.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, NoReturn, Self

from bson import ObjectId
from mongoengine import DateTimeField, ObjectIdField, QuerySet
from mongoengine.errors import SaveConditionError
from mongoengine.queryset import QuerySetNoCache, transform
from mongoengine.queryset.base import BaseQuerySet
from mongoengine.queryset.field_list import QueryFieldList

from saas.mongo.documents import Document
from saas.mongo.fields import new_key

#: Stages that read or write a collection which the scope does not cover.
FOREIGN_STAGES = frozenset({"$lookup", "$graphLookup", "$unionWith", "$out", "$merge"})
#: Stages of an update pipeline that may change single fields and so leave the tenant alone.
FIELD_STAGES = frozenset({"$set", "$addFields", "$unset"})
#: Arguments of mongoengine's update() and modify() that name no field.
UPDATE_OPTIONS = frozenset(
    {"multi", "write_concern", "read_concern", "full_result", "array_filters", "full_response", "remove", "new"}
)


class Unscoped(Exception):
    """A query, or a write, that does not say for whom.  A mistake in the code, never in what a customer did."""


def now() -> datetime:
    """The present, aware UTC, cut to the milliseconds that MongoDB keeps: what is saved equals what is read back."""
    moment = datetime.now(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


class IdField(ObjectIdField):
    """An id: str in Python, ObjectId in the database.  In a query a malformed id is a value that nothing equals."""

    def __set__(self, instance: Any, value: Any) -> None:
        super().__set__(instance, str(value) if isinstance(value, ObjectId) else value)

    def to_python(self, value: Any) -> Any:
        return str(value) if isinstance(value, ObjectId) else value

    def prepare_query_value(self, op: str | None, value: Any) -> Any:
        if op is not None and op not in transform.MATCH_OPERATORS:
            return self.to_mongo(value)  # an update stores it, so it must be one
        return ObjectId(value) if isinstance(value, str) and ObjectId.is_valid(value) else value


def id_of(owner: Any) -> str:
    """The id of an organization, a user or a document, or the id itself.  Raises Unscoped for anything else."""
    value = str(getattr(owner, "pk", owner) or "")
    if not ObjectId.is_valid(value):
        raise Unscoped(f"A scope needs a saved organization or user, or its id. This is {owner!r}.")
    return value


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom a queryset runs: what is added to each query, and what a new document gets."""

    words: str
    query: Mapping[str, Any]
    values: Mapping[str, Any]
    is_everything: bool = False
    is_read_only: bool = False


class Guarded(BaseQuerySet):
    """What both of mongoengine's querysets need so that nothing runs, and nothing is written, outside the scope."""

    _scope: Scope | None = None

    def __init__(self, document: type["TenantDocument"], collection: Any) -> None:
        super().__init__(document, collection)
        # `.only("name")` loads these too: without them a document would not know its owner, or would be "created now".
        always = [*(["_cls"] if self._cls_query else []), *document.stored_fixed_fields(), "created_at"]
        self._loaded_fields = QueryFieldList(always_include=always)

    # -- the doors ------------------------------------------------------------------------------------------------

    def for_org(self, org: Any) -> Self:
        """Only this organization's documents.  Takes the organization or its id."""
        return self._for_owner("organization_id", org)

    def for_user(self, user: Any) -> Self:
        """Only this person's documents.  Takes the user or its id."""
        if not issubclass(self._document, UserDocument):
            raise Unscoped(f"{self._document.__name__} belongs to no person; use .for_org(org).")
        return self._for_owner("user_id", user)

    def public(self) -> Self:
        """Only what the document declares as open to everybody (`public_query`)."""
        query = self._document.public_query
        if not query:
            raise Unscoped(f"{self._document.__name__} has no public documents.")
        return self.scoped(Scope("the public", query, {}, is_read_only=True))

    def everything(self, *, reason: str) -> Self:
        """Every tenant's documents.  The reason stands in the database's slow-query log as the query's comment."""
        if not reason.strip():
            raise Unscoped("everything() needs a reason.")
        queryset = self.scoped(Scope(f"everything, {reason}", {}, {}, is_everything=True))
        queryset._comment = reason  # noqa: SLF001  a copy of this one
        return queryset

    def _for_owner(self, field: str, owner: Any) -> Self:
        document = self._document
        if field not in document._fields or (field == "organization_id" and issubclass(document, UserDocument)):
            raise Unscoped(f"{document.__name__} cannot be scoped by {field}.")
        value = id_of(owner)
        stored = document._fields[field].to_mongo(value)
        return self.scoped(Scope(f"{field} {value}", {field: stored}, {field: value}))

    def scoped(self, scope: Scope) -> Self:
        """Set the scope, once."""
        if self._scope is not None:
            raise Unscoped(f"This queryset runs for {self._scope.words}; start again from .objects for another scope.")
        queryset = self.clone()
        queryset._scope, queryset._cursor_obj = scope, None  # noqa: SLF001  a copy of this one
        return queryset

    def _required_scope(self) -> Scope:
        if self._scope is None:
            raise Unscoped(
                f"{self._document.__name__}.objects does not say for whom: "
                "use .for_org(org), .for_user(user), .public() or .everything(reason=…)."
            )
        return self._scope

    def _writable_scope(self) -> Scope:
        scope = self._required_scope()
        if scope.is_read_only:
            raise Unscoped(f"{scope.words} may read only; change a document through its owner.")
        return scope

    # -- reading --------------------------------------------------------------------------------------------------

    @property
    def _query(self) -> dict[str, Any]:
        scope = self._required_scope()
        query = super()._query
        if scope.query.keys() & query.keys():
            return {"$and": [dict(scope.query), query]}
        return {**scope.query, **query}

    @property
    def _cursor(self) -> Any:
        self._required_scope()
        return super()._cursor

    def _clone_into(self, new_qs: Any) -> Any:
        if not isinstance(new_qs, Guarded):
            raise Unscoped("A scoped queryset cannot be copied into one without a scope.")
        new_qs._scope = self._scope  # noqa: SLF001  a copy of this one
        return super()._clone_into(new_qs)

    def count(self, with_limit_and_skip: bool = False) -> int:
        self._required_scope()
        return super().count(with_limit_and_skip)

    def first(self) -> Any:
        self._required_scope()
        return super().first()

    def __next__(self) -> Any:
        self._required_scope()
        return super().__next__()

    def in_bulk(self, object_ids: Iterable[str]) -> dict[str, Any]:
        """Documents by id (str), within the scope and the filters; ids of others are simply absent."""
        return {document.id: document for document in self.filter(pk__in=list(object_ids))}

    def aggregate(self, pipeline: list[dict[str, Any]], *suppl_pipeline: Any, **kwargs: Any) -> Any:
        """Run a pipeline on the scoped documents.  Raises Unscoped for a stage that reaches another collection."""
        scope = self._required_scope()
        if suppl_pipeline or not isinstance(pipeline, list):
            raise TypeError("aggregate() takes one list of stages.")
        foreign = FOREIGN_STAGES & set(_stage_names(pipeline))
        if foreign and not scope.is_everything:
            raise Unscoped(f"{', '.join(sorted(foreign))} would leave the scope ({scope.words}).")
        return super().aggregate(pipeline, **kwargs)

    def __repr__(self) -> str:
        words = self._scope.words if self._scope else "not scoped"
        return f"<{type(self).__name__} {self._document.__name__}: {words}>"

    # -- writing --------------------------------------------------------------------------------------------------

    def create(self, **values: Any) -> Any:
        """Save a new document that belongs to the scope.  Raises Unscoped for another owner than the scope's."""
        return self._adopt(self._document(**values)).save(force_insert=True)

    def insert(self, doc_or_docs: Any, load_bulk: bool = True, **kwargs: Any) -> Any:
        """Save new documents that belong to the scope, validated, in one round trip; answers what it was given."""
        self._writable_scope()
        documents = [doc_or_docs] if isinstance(doc_or_docs, Document) else list(doc_or_docs)
        for document in documents:
            self._adopt(document).validate()
        ids = super().insert(documents, load_bulk=False, **kwargs)
        answer = documents if load_bulk else [str(_id) for _id in ids]
        return answer[0] if isinstance(doc_or_docs, Document) else answer

    def update(self, upsert: bool = False, *args: Any, **kwargs: Any) -> Any:
        """mongoengine's update, within the scope.  Raises Unscoped for one that would change a document's owner."""
        self._check_update(kwargs, upsert=upsert)
        return super().update(upsert, *args, **_with_created_at(kwargs, upsert=upsert))

    def modify(self, upsert: bool = False, *args: Any, **kwargs: Any) -> Any:
        """One find-and-modify within the scope.  Raises Unscoped for one that would change the document's owner."""
        self._check_update(kwargs, upsert=upsert)
        return super().modify(upsert, *args, **_with_created_at(kwargs, upsert=upsert))

    def upsert_one(self, **update: Any) -> Any:
        """Change the first match or add it; answers the document as it is now.  One round trip."""
        return self.modify(upsert=True, new=True, **update)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        self._writable_scope()
        return super().delete(*args, **kwargs)

    def _adopt(self, document: Any) -> Any:
        """Give a new document the scope's owner.  Raises Unscoped when it has another."""
        scope = self._writable_scope()
        for field, value in scope.values.items():
            if document[field] is None:
                document[field] = value
            elif document[field] != value:
                raise Unscoped(f"A {self._document.__name__} of {field} {document[field]!r} is not of {scope.words}.")
        return document

    def _check_update(self, kwargs: dict[str, Any], *, upsert: bool) -> None:
        scope = self._writable_scope()
        owner = self._document.owner_field()
        if upsert and owner and owner not in scope.values:
            raise Unscoped("An upsert needs .for_org(org) or .for_user(user), or the new document would have no owner.")
        change = {key: value for key, value in kwargs.items() if key not in UPDATE_OPTIONS}
        if {"_id", *self._document.stored_fixed_fields()} & set(_changed_fields(self._document, change)):
            raise Unscoped(f"A {self._document.__name__} keeps its id and its owner.")

    # -- what has no place here -----------------------------------------------------------------------------------

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise Unscoped("This method of mongoengine leaves the scope, or runs JavaScript in MongoDB. Use a pipeline.")

    using = map_reduce = exec_js = where = item_frequencies = _refuse


class ScopedQuerySet(Guarded, QuerySet):
    """The queryset of every document here."""

    def no_cache(self) -> "ScopedIterator":
        return self._clone_into(ScopedIterator(self._document, self._collection))


class ScopedIterator(Guarded, QuerySetNoCache):
    """`.no_cache()`: for going once through more rows than should be kept in memory."""

    def cache(self) -> ScopedQuerySet:
        return self._clone_into(ScopedQuerySet(self._document, self._collection))


def _stage_names(pipeline: Any) -> Iterator[str]:
    """Every key at any depth: stages hide in `$facet` and in sub-pipelines."""
    if isinstance(pipeline, Mapping):
        for key, value in pipeline.items():
            yield key
            yield from _stage_names(value)
    elif isinstance(pipeline, (list, tuple)):
        for item in pipeline:
            yield from _stage_names(item)


def _changed_fields(document: type[Document], change: dict[str, Any]) -> Iterator[str]:
    """Top-level names of the fields that an update would write; an owner's name for a stage that replaces all."""
    raw = change.get("__raw__")
    if isinstance(raw, list):
        for stage in raw:
            for name, body in stage.items():
                if name not in FIELD_STAGES:
                    raise Unscoped(f"{name} in an update pipeline may replace the whole document; use $set or $unset.")
                yield from (key.split(".")[0] for key in ([body] if isinstance(body, str) else body))
        return
    for operator, fields in transform.update(document, **change).items():
        yield from (key.split(".")[0] for key in fields)
        if operator == "$rename":
            yield from (str(key).split(".")[0] for key in fields.values())


def _with_created_at(kwargs: dict[str, Any], *, upsert: bool) -> dict[str, Any]:
    """An upsert bypasses the defaults of fields, so the new document gets its time here."""
    return {"set_on_insert__created_at": now(), **kwargs} if upsert else kwargs


class TenantDocument(Document):
    """What the three bases share.  Subclass one of them, not this."""

    id = IdField(primary_key=True, default=new_key)  # known before it is saved, as the user's is
    created_at = DateTimeField(required=True, default=now)

    meta: ClassVar[dict[str, Any]] = {"abstract": True, "queryset_class": ScopedQuerySet}

    #: Which documents everybody may read, by `.public()`: stored field names and values, `{"public": True}`.
    public_query: ClassVar[Mapping[str, Any]] = {}

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls._meta.get("abstract"):
            return
        if not issubclass(cls._meta["queryset_class"], Guarded) or "objects" in vars(cls):
            raise TypeError(f"{cls.__name__} must keep the guarded queryset: no queryset_class, no queryset manager.")
        # mongoengine keeps the fields of a shard key for life and puts them into every update and delete.
        cls._meta["shard_key"] = (*cls.fixed_fields(), "id")

    @classmethod
    def owner_field(cls) -> str | None:
        """The field that says whose a document is: required, and filled by the scope."""
        return None

    @classmethod
    def fixed_fields(cls) -> tuple[str, ...]:
        """The fields that never change after the first save: the owner, and the organization where there is one."""
        names = dict.fromkeys((cls.owner_field() or "", "organization_id"))
        return tuple(name for name in names if name in cls._fields)

    @classmethod
    def stored_fixed_fields(cls) -> tuple[str, ...]:
        """Their names in the database."""
        return tuple(cls._fields[name].db_field for name in cls.fixed_fields())

    @property
    def _qs(self) -> ScopedQuerySet:
        """The queryset behind reload, update, modify and delete: it reaches this document alone."""
        if self.pk is None:
            raise Unscoped(f"This {type(self).__name__} has no id.")
        stored = {field.db_field: field.to_mongo(self[name]) for name, field in self._identity()}
        values = {name: self[name] for name, _ in self._identity()}
        return type(self).objects.scoped(Scope(f"{type(self).__name__} {self.pk}", stored, values))

    @property
    def _object_key(self) -> dict[str, Any]:
        return {"pk": self.pk}  # _qs says the rest

    def _identity(self) -> Iterator[tuple[str, Any]]:
        for name in ("id", *self.fixed_fields()):
            if self[name] is not None:
                yield name, self._fields[name]

    def save(self, *args: Any, **kwargs: Any) -> Self:
        """Insert a new document, or write the changes of a known one.

        Raises Unscoped without an owner, DoesNotExist when the document has been deleted meanwhile (mongoengine
        would bring half of it back), NotUniqueError, ValidationError.
        """
        owner = self.owner_field()
        if owner and self[owner] is None:
            raise Unscoped(f"This {type(self).__name__} has no {owner}; create it by .for_org(org) or .for_user(user).")
        if self._created:
            kwargs["force_insert"] = True  # with an id of the caller's, mongoengine would replace what has it already
        return super().save(*args, **kwargs)

    def _integrate_shard_key(self, doc: Any, select_dict: dict[str, Any]) -> dict[str, Any]:
        # mongoengine's own fails where the organization is empty, as it may be for a person's or the platform's.
        return {**select_dict, **{name: doc.get(name) for name in self.stored_fixed_fields()}}

    def _save_update(self, doc: Any, save_condition: Any, write_concern: Any) -> Any:
        try:
            return super()._save_update(doc, {} if save_condition is None else save_condition, write_concern)
        except SaveConditionError:
            if save_condition is not None:
                raise
            raise self.DoesNotExist(f"This {type(self).__name__} is gone.") from None


class OrgDocument(TenantDocument):
    """Belongs to one organization.  Doors: `.for_org(org)`, `.everything(reason=…)`."""

    organization_id = IdField(required=True)

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    @classmethod
    def owner_field(cls) -> str:
        return "organization_id"


class UserDocument(TenantDocument):
    """Belongs to one person, perhaps within an organization.  Doors: `.for_user(user)`, `.everything(reason=…)`."""

    user_id = IdField(required=True)
    organization_id = IdField()

    meta: ClassVar[dict[str, Any]] = {"abstract": True}

    @classmethod
    def owner_field(cls) -> str:
        return "user_id"


class PlatformDocument(TenantDocument):
    """Belongs to the platform.  Doors: `.everything(reason=…)`, `.public()` where `public_query` says what that is, and
    `.for_org(org)` where the document has an `organization_id`."""

    meta: ClassVar[dict[str, Any]] = {"abstract": True}
