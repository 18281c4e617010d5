"""Every collection and index that the code declares, created before traffic.

MongoDB would create a collection at its first insert, without indexes; and inside parallel transactions that fails.
A deployment migrates first: a migration may replace an index by another of the same name.
"""

from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Index, Model
from pymongo.database import Database
from pymongo.errors import CollectionInvalid, OperationFailure
from pymongo.operations import IndexModel

from saas.mongo.documents import concrete_documents, database
from saas.mongo.schema import DatabaseSchemaEditor

Step = Callable[[Database[dict[str, Any]]], object]
_steps: list[Step] = []

OTHER_OPTIONS = (85, 86)  # IndexOptionsConflict, IndexKeySpecsConflict


class IndexConflict(Exception):
    """The database has an index of this name, or over these fields, that says something else than the code."""


def register(step: Step) -> Step:
    """Add a step for what is neither a model nor a document, such as the limiter's counters. It must be idempotent."""
    if step not in _steps:
        _steps.append(step)
    return step


def ensure_indexes() -> dict[str, int]:
    """Create what is missing and return the number of indexes declared for each collection.

    Idempotent; one round trip for each collection that is complete. Raises IndexConflict.
    """
    here = database()
    existing = set(here.list_collection_names())
    wanted = declared_indexes()
    for name, indexes in wanted.items():
        if name not in existing:
            _create_collection(here, name)
        if indexes:
            _create_indexes(here, name, indexes)
    for step in _steps:
        step(here)
    return {name: len(indexes) for name, indexes in sorted(wanted.items())}


def declared_indexes() -> dict[str, list[IndexModel]]:
    """The collections of all models and documents, each with its indexes besides the one on `_id`."""
    collector = IndexCollector(connections[DEFAULT_DB_ALIAS])
    for model in apps.get_models(include_auto_created=True):
        if model._meta.managed and not model._meta.proxy and not model._meta.swapped:
            collector.collect(model)
    import_models_of_services()
    for document in concrete_documents():
        collector.found[document._get_collection_name()] += _document_indexes(document)
    return dict(collector.found)


class IndexCollector(DatabaseSchemaEditor):
    """Collects what Django would create for a model."""

    def __init__(self, connection: Any) -> None:
        super().__init__(connection)
        self.found: dict[str, list[IndexModel]] = defaultdict(list)

    def collect(self, model: type[Model]) -> None:
        self.found[model._meta.db_table] += []
        self._create_model_indexes(model)

    def add_index(self, model: type[Model], index: Index, **kwargs: Any) -> None:
        found = self.index_model(model, index, **kwargs)
        if found is not None:
            self.found[(kwargs.get("parent_model") or model)._meta.db_table].append(found)


def _document_indexes(document: type[Any]) -> list[IndexModel]:
    """As mongoengine's own `ensure_indexes`, which needs a round trip for each."""
    meta = document._meta
    options = {**(meta.get("index_opts") or {})}
    found = []
    for spec in meta["index_specs"]:
        extra = {name: value for name, value in spec.items() if name not in ("fields", "cls")}
        found.append(IndexModel(spec["fields"], **{**options, **extra}))
    starts_with_class = any(spec["fields"][0][0] == "_cls" for spec in meta["index_specs"])
    if meta.get("allow_inheritance") and meta.get("index_cls", True) and not starts_with_class:
        found.append(IndexModel("_cls", **options))
    return found


def import_models_of_services() -> None:
    """Import `models` of the packages inside our apps (`saas.events.models`), so that their documents are known."""
    for app in apps.get_app_configs():
        if Path(app.path) != Path(settings.BASE_DIR, *app.name.split(".")):
            continue
        for models in Path(app.path).glob("*/models.py"):
            import_module(f"{app.name}.{models.parent.name}.models")


def _create_collection(here: Database[dict[str, Any]], name: str) -> None:
    try:
        here.create_collection(name, check_exists=False)
    except (CollectionInvalid, OperationFailure) as error:
        if isinstance(error, OperationFailure) and error.code != 48:  # another process was faster
            raise


def _create_indexes(here: Database[dict[str, Any]], name: str, indexes: list[IndexModel]) -> None:
    try:
        here[name].create_indexes(indexes)
    except OperationFailure as error:
        if error.code not in OTHER_OPTIONS:
            raise
        raise IndexConflict(
            f"{name}: {error.details and error.details.get('errmsg')}\n"
            f'Drop the old index (db.{name}.dropIndex("…")) and run this again.'
        ) from error
