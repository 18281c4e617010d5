"""mongoengine on Django's client: aware times, no indexes behind one's back, no document without a home."""

from datetime import UTC, datetime

import mongoengine
import pytest
from mongoengine.connection import ConnectionFailure

from saas.mongo.documents import concrete_documents, get_collection
from tests.saas.documents import Note

NOON = datetime(2026, 5, 17, 12, 30, 15, 123000, tzinfo=UTC)


@pytest.fixture
def note():
    return Note(text="a", at=NOON).save()


def test_a_time_comes_back_as_it_was_saved_and_aware(note):
    assert Note.objects.get(id=note.id).at == NOON
    assert Note.objects.get(at=NOON).at.tzinfo is not None
    assert Note.objects.as_pymongo().get()["at"] == NOON
    assert next(iter(Note.objects.aggregate([{"$project": {"at": 1}}])))["at"] == NOON
    assert get_collection("test_notes").find_one()["at"] == NOON


def test_a_reloaded_document_keeps_aware_times(note):
    note.reload()
    assert note.at == NOON


def test_using_a_document_creates_no_index(note, count_queries):
    with count_queries() as commands:
        Note.objects(text="b").first()
        Note(text="b").save()
    assert [event.command_name for event in commands] == ["find", "insert"]


def test_a_document_without_our_base_has_no_database():
    class Stray(mongoengine.Document):
        meta = {"abstract": True}

    with pytest.raises(ConnectionFailure):
        Stray._get_db()


def test_every_document_of_the_project_is_known_and_stands_on_our_base():
    import saas.events.models
    from saas.mongo.documents import Document

    known = set(concrete_documents())
    assert {Note, saas.events.models.Event} <= known
    assert [document for document in known if not issubclass(document, Document)] == []
    assert [document for document in known if document._meta.get("auto_create_index")] == []
