"""All tables, those of the libraries too, are made by our migrations, with our keys."""

import pytest
from django.apps import apps
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.db.models import AutoField

from saas.mongo.fields import StrObjectIdAutoField


def test_the_migrations_say_what_the_models_say():
    try:
        call_command("makemigrations", "--check", "--dry-run")
    except SystemExit:
        pytest.fail("A model has changed: run `manage.py makemigrations` (a library's go to saas/mongo/migrations).")


def test_no_model_has_an_integer_key():
    for model in apps.get_models(include_auto_created=True):
        key = model._meta.pk
        assert isinstance(key, StrObjectIdAutoField) or not isinstance(key, AutoField), model


def test_every_app_with_models_has_migrations():
    loader = MigrationLoader(None)
    missing = {config.label for config in apps.get_app_configs() if list(config.get_models())} - loader.migrated_apps
    assert not missing
