"""The tests' own ground: each test finds an empty database, whoever wrote to it before."""

import pytest
from django.contrib.contenttypes.models import ContentType
from pymongo import ReplaceOne

from accounts.models import User
from organizations.models import Organization
from saas.db import atomic
from saas.mongo.documents import database
from tests.plugins.database import empty_written_collections
from tests.saas.documents import Note


def write_everywhere(in_parallel):
    User.objects.create(email="ann@x.io")
    Note(text="a").save()
    database()["test_raw"].bulk_write([ReplaceOne({"_id": 1}, {}, upsert=True)])
    database()["test_raw"].aggregate([{"$out": "test_out"}])
    database()["test_found"].find_one_and_update({"_id": 1}, {"$set": {"a": 1}}, upsert=True)
    in_parallel(lambda number: Note(text=f"thread {number}").save(), times=8)
    with atomic():
        Organization.objects.create(name="Acme", slug="acme")
    ContentType.objects.get_for_model(User)


def rows():
    names = database().list_collection_names()
    return {name: count for name in names if (count := database()[name].count_documents({}))}


@pytest.mark.parametrize("time_round", [1, 2])
def test_a_test_starts_empty_and_may_write_anywhere(time_round, in_parallel):
    assert rows() == {}
    write_everywhere(in_parallel)
    assert set(rows()) == {
        "accounts_user", "test_notes", "test_raw", "test_out", "test_found", "organizations_organization",
        "django_content_type",
    }  # fmt: skip


def test_only_what_was_written_is_emptied(in_parallel, count_queries):
    User.objects.exists()
    write_everywhere(in_parallel)
    with count_queries() as commands:
        empty_written_collections()
    assert {event.command_name for event in commands} == {"delete"}
    assert len(commands) == 7
    assert rows() == {}
    with count_queries(at_most=0):
        empty_written_collections()


def test_a_transaction_left_open_is_ended():
    atomic().__enter__()
    Note(text="a").save()
    empty_written_collections()
    assert rows() == {}
    Note(text="a").save()


@pytest.mark.django_db(transaction=True)
def test_the_mark_of_pytest_django_costs_nothing(db, transactional_db, count_queries):
    with count_queries(at_most=1):
        assert not User.objects.exists()


def test_too_many_round_trips_fail_with_a_list(count_queries):
    with pytest.raises(pytest.fail.Exception) as failure, count_queries(at_most=1):
        assert User.objects.exists() == User.objects.exists()
    assert "2 round trips, 1 allowed" in str(failure.value)
    assert str(failure.value).count("accounts_user") == 2


def test_a_commit_is_a_round_trip(count_queries):
    with count_queries() as commands, atomic():
        Note(text="a").save()
    assert [event.command_name for event in commands] == ["insert", "commitTransaction"]


@pytest.mark.parametrize(
    "read",
    [
        lambda: User.objects.filter(name="Ann").exists(),
        lambda: User.objects.filter(name="Ann").update(name="Bob"),
        lambda: Note.objects(count=3).first(),
        lambda: Note.objects(count=3).delete(),
        lambda: Note.objects(count=3).modify(inc__count=1),
    ],
    ids=["find", "update", "document", "delete", "modify"],
)
def test_a_scan_of_a_collection_fails(read, no_scans):
    User.objects.create(email="ann@x.io", name="Ann")
    Note(text="a").save()
    with pytest.raises(pytest.fail.Exception, match="COLLSCAN"), no_scans():
        read()


def test_a_join_that_scans_the_other_collection_fails(no_scans):
    User.objects.create(email="ann@x.io")
    Note(text="a").save()
    join = {"$lookup": {"from": "test_notes", "localField": "name", "foreignField": "count", "as": "notes"}}
    with pytest.raises(pytest.fail.Exception, match="COLLSCAN"), no_scans():
        list(database()["accounts_user"].aggregate([{"$match": {"email": "ann@x.io"}}, join]))


def test_an_order_made_in_memory_fails_when_asked(no_scans):
    with no_scans(sorted_by_index=True):
        list(Note.objects.order_by("-at"))
    with pytest.raises(pytest.fail.Exception, match="SORT"), no_scans(sorted_by_index=True):
        list(Note.objects(text__gt="").order_by("-count"))
