# ruff: noqa: PT012, TID251 - the body of a block is the subject; libraries use Django's own
"""saas.db: models and documents commit together or not at all, and a thread is healthy afterwards."""

import logging
import os
from contextlib import suppress
from functools import partial

import pytest
from django.contrib.auth.models import Group
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.transaction import TransactionManagementError
from mongoengine import NotUniqueError
from pymongo.errors import OperationFailure

from accounts.models import User
from organizations.models import Membership, Organization
from saas.db import atomic, in_transaction, is_transient, lock, on_commit, run_atomic
from saas.mongo import close_pools
from saas.mongo.documents import database
from tests.saas.documents import Note


class Refused(Exception):
    pass


@pytest.fixture
def org():
    return Organization.objects.create(name="Acme", slug="acme")


def write_three(org, name="ann"):
    user = User.objects.create(email=f"{name}@x.io")
    Membership.objects.create(organization=org, user=user, role="owner")
    Note(text=name).save()


def stored():
    return User.objects.count(), Membership.objects.count(), notes()


def notes():
    """mongoengine's own count of everything is an estimate, which a transaction refuses."""
    return Note.objects(text__exists=True).count()


def assert_healthy():
    """The thread has no transaction left, and the next one works."""
    assert connection.session is None
    assert not in_transaction()
    with atomic():
        Group.objects.create(name="healthy")
    assert Group.objects.filter(name="healthy").count() == 1


# -- All or nothing --------------------------------------------------------------------------------------------------


def test_user_membership_and_document_commit_together(org):
    with atomic():
        write_three(org)
        assert stored() == (1, 1, 1)
    assert stored() == (1, 1, 1)


def test_user_membership_and_document_roll_back_together(org):
    with pytest.raises(Refused), atomic():
        write_three(org)
        database()["test_notes"].update_one({"text": "ann"}, {"$set": {"count": 1}})
        raise Refused
    assert stored() == (0, 0, 0)
    assert_healthy()


def test_nobody_else_sees_a_change_before_the_commit(org, in_parallel):
    with atomic():
        write_three(org)
        assert in_parallel(stored, times=1) == [(0, 0, 0)]
    assert in_parallel(stored, times=1) == [(1, 1, 1)]


def test_a_decorated_service_returns_its_value_and_rolls_back(org):
    @atomic
    def invite(name, *, refuse):
        write_three(org, name)
        if refuse:
            raise Refused
        return name

    assert invite("ann", refuse=False) == "ann"
    with pytest.raises(Refused):
        invite("bob", refuse=True)
    assert stored() == (1, 1, 1)


def test_the_decorator_refuses_what_it_cannot_repeat():
    async def later():
        pass

    def rows():
        yield 1

    for function in (later, rows):
        with pytest.raises(TypeError, match="plain function"):
            atomic(function)


def test_a_block_inside_joins_the_outer_one(org):
    with pytest.raises(Refused), atomic():
        with atomic():
            write_three(org)
        run_atomic(write_three, org, "bob")
        assert in_transaction()
        raise Refused
    assert stored() == (0, 0, 0)


def test_an_error_of_an_inner_block_undoes_the_outer_one_even_if_caught(org):
    with pytest.raises(TransactionManagementError) as caught, atomic():
        write_three(org)
        with suppress(Refused), atomic():
            raise Refused
    assert isinstance(caught.value.__cause__, Refused)
    assert stored() == (0, 0, 0)
    assert_healthy()


# -- After an error --------------------------------------------------------------------------------------------------


def test_an_integrity_error_caught_inside_undoes_the_block(org):
    User.objects.create(email="ann@x.io")
    with pytest.raises(TransactionManagementError, match="Catch it outside") as caught, atomic():
        Note(text="lost").save()
        with suppress(IntegrityError):
            User.objects.create(email="ann@x.io")
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert notes() == 0
    assert_healthy()


def test_a_caught_integrity_error_is_not_repeated(org):
    User.objects.create(email="ann@x.io")
    tries = []

    @atomic
    def service():
        tries.append(1)
        try:
            User.objects.create(email="ann@x.io")
        except IntegrityError:
            User.objects.create(email="bob@x.io")

    with pytest.raises(DatabaseError):
        service()
    assert len(tries) == 1
    assert User.objects.count() == 1
    assert_healthy()


def test_a_duplicate_document_caught_inside_undoes_the_block():
    Note(text="taken").save()

    @atomic
    def service():
        Note(text="lost").save()
        with suppress(NotUniqueError):
            Note(text="taken").save()
        Note(text="also lost").save()

    with pytest.raises(TransactionManagementError, match="Catch it outside"):
        service()
    assert notes() == 1
    assert_healthy()


def test_an_integrity_error_caught_outside_leaves_a_healthy_thread(org):
    User.objects.create(email="ann@x.io")
    for _ in range(3):
        with pytest.raises(IntegrityError), atomic():
            write_three(org)
    assert stored() == (1, 0, 0)
    assert_healthy()


def test_an_interrupt_rolls_back_too():
    with pytest.raises(KeyboardInterrupt), atomic():
        Note(text="a").save()
        raise KeyboardInterrupt
    assert notes() == 0
    assert_healthy()


def test_a_commit_that_fails_rolls_back_and_leaves_a_healthy_thread():
    with pytest.raises(DatabaseError), atomic():
        Note(text="a").save()
        abort_on_the_server()
    assert notes() == 0
    assert_healthy()


def abort_on_the_server():
    """End the running transaction behind the driver's back, as a lost primary or the 60 seconds do."""
    client = connection.connection
    with client.start_session() as other:
        client.admin.command("killSessions", [{"id": connection.session.session_id["id"]}], session=other)


# -- Repeating -------------------------------------------------------------------------------------------------------


def test_forty_parallel_increments_all_arrive(in_parallel):
    key = Note(text="counter").save().id

    @atomic
    def increment():
        note = Note.objects.get(id=key)
        note.count += 1
        note.save()

    results = in_parallel(lambda: [increment() for _ in range(10)], times=4)
    assert not [result for result in results if isinstance(result, Exception)]
    assert Note.objects.get(id=key).count == 40


def test_forty_parallel_increments_of_a_model_all_arrive(in_parallel):
    key = User.objects.create(email="ann@x.io", name="0").pk

    @atomic
    def increment():
        user = User.objects.get(pk=key)
        user.name = str(int(user.name) + 1)
        user.save()

    results = in_parallel(lambda: [increment() for _ in range(10)], times=4)
    assert not [result for result in results if isinstance(result, Exception)]
    assert User.objects.get(pk=key).name == "40"


def test_a_block_is_never_repeated(in_parallel):
    key = Note(text="counter").save().id
    with pytest.raises(Exception) as caught, atomic():  # noqa: PT011
        Note.objects.get(id=key)
        in_parallel(partial(set_count, key), times=1)
        Note.objects(id=key).update(inc__count=1)
    assert is_transient(caught.value)
    assert Note.objects.get(id=key).count == 5
    assert_healthy()


def set_count(key):
    Note.objects(id=key).update(set__count=5)


def test_the_outermost_unit_is_what_repeats(in_parallel):
    key = Note(text="counter").save().id
    tries = []

    @atomic
    def inner():
        Note.objects(id=key).update(inc__count=1)

    @atomic
    def outer():
        tries.append(1)
        count = Note.objects.get(id=key).count
        if len(tries) == 1:
            in_parallel(partial(set_count, key), times=1)
        inner()
        return count

    assert outer() == 5
    assert len(tries) == 2
    assert Note.objects.get(id=key).count == 6


def test_callbacks_of_a_repeated_unit_run_once(in_parallel):
    key = Note(text="counter").save().id
    tries, heard = [], []

    @atomic
    def service():
        tries.append(1)
        Note.objects.get(id=key)
        on_commit(lambda: heard.append(len(tries)))
        if len(tries) == 1:
            in_parallel(partial(set_count, key), times=1)
        Note.objects(id=key).update(inc__count=1)

    service()
    assert heard == [2]


def test_a_unit_aborted_by_the_server_is_repeated():
    tries = []

    @atomic
    def service():
        tries.append(1)
        Note(text="a").save()
        if len(tries) == 1:
            abort_on_the_server()

    service()
    assert len(tries) == 2
    assert notes() == 1


def test_a_conflict_is_seen_through_the_errors_around_it():
    conflict = OperationFailure("conflict", 112, {"errorLabels": ["TransientTransactionError"]})
    with pytest.raises(Refused) as caught:
        try:
            raise conflict
        except OperationFailure:
            raise Refused  # noqa: B904 - as mongoengine does
    assert is_transient(caught.value)
    assert not is_transient(Refused())
    assert not is_transient(OperationFailure("unknown", 50, {"errorLabels": ["UnknownTransactionCommitResult"]}))


def test_of_fifty_transactions_that_lock_a_row_each_sees_the_one_before(org, in_parallel):
    @atomic
    def join(number):
        lock(org)
        if Membership.objects.filter(organization_id=org.pk).count() >= 5:
            raise Refused
        user = User.objects.create(email=f"{number}@x.io")
        Membership.objects.create(organization=org, user=user, role="member")

    results = in_parallel(join, times=50)
    assert results.count(None) == 5
    assert {type(result) for result in results if result} == {Refused}
    assert Membership.objects.count() == User.objects.count() == 5


def test_a_lock_without_a_transaction_is_refused(org):
    with pytest.raises(TransactionManagementError):
        lock(org)


# -- on_commit -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("register", [on_commit, transaction.on_commit], ids=["ours", "django"])
def test_a_callback_waits_for_the_outermost_commit(register, in_parallel):
    heard = []
    with atomic():
        with atomic():
            Note(text="a").save()
            register(lambda: heard.append((in_transaction(), in_parallel(notes, times=1))))
        assert heard == []
    assert heard == [(False, [1])]


@pytest.mark.parametrize("register", [on_commit, transaction.on_commit], ids=["ours", "django"])
def test_a_callback_is_dropped_on_rollback(register):
    heard = []
    with pytest.raises(Refused), atomic():
        register(lambda: heard.append(1))
        raise Refused
    with atomic():
        pass
    assert heard == []


@pytest.mark.parametrize("register", [on_commit, transaction.on_commit], ids=["ours", "django"])
def test_a_callback_outside_of_a_transaction_runs_at_once(register):
    heard = []
    register(lambda: heard.append(1))
    assert heard == [1]


def test_a_failing_callback_is_logged_and_the_others_run(caplog):
    heard = []

    def fail():
        raise Refused

    with caplog.at_level(logging.ERROR), atomic():
        on_commit(lambda: heard.append(1))
        on_commit(fail)
        on_commit(lambda: heard.append(2))
    assert heard == [1, 2]
    assert "on_commit" in caplog.text
    assert_healthy()


def test_a_callback_may_open_a_transaction_of_its_own(org):
    with atomic():
        on_commit(partial(run_atomic, write_three, org))
    assert stored() == (1, 1, 1)


# -- Django's own atomic, as libraries use it ------------------------------------------------------------------------


def test_django_atomic_inside_ours_joins(org):
    heard = []
    with pytest.raises(Refused), atomic():
        with transaction.atomic():
            write_three(org)
            transaction.on_commit(lambda: heard.append(1))
        raise Refused
    assert stored() == (0, 0, 0)
    assert heard == []


def test_ours_inside_django_atomic_commits_and_runs_its_callbacks(org):
    heard = []
    with transaction.atomic(), atomic():
        write_three(org)
        on_commit(lambda: heard.append(1))
    assert heard == [1]
    assert stored() == (1, 1, 1)
    assert_healthy()


def test_a_failed_django_atomic_inside_ours_undoes_everything(org):
    with pytest.raises(TransactionManagementError, match="Catch it outside"), atomic():
        write_three(org)
        with suppress(Refused), transaction.atomic():
            Note(text="half").save()
            raise Refused
    assert stored() == (0, 0, 0)
    assert_healthy()


def test_get_or_create_works_inside(org):
    with atomic():
        assert Group.objects.get_or_create(name="staff")[1]
        assert not Group.objects.get_or_create(name="staff")[1]
    assert Group.objects.count() == 1


# -- The client ------------------------------------------------------------------------------------------------------


def test_documents_and_models_share_one_client():
    assert Note._get_collection().database.client is connection.connection
    assert Note._get_collection().database.name == connection.settings_dict["NAME"]


def test_after_the_pools_are_closed_everything_connects_anew(org):
    before = connection.connection
    close_pools()
    with pytest.raises(Refused), atomic():
        write_three(org)
        raise Refused
    assert stored() == (0, 0, 0)
    assert connection.connection is not before
    assert Note._get_collection().database.client is connection.connection


@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_child_leaves_the_parents_transaction_alone(org):
    """As a worker of Celery's pool, started while its parent writes."""
    with atomic():
        write_three(org, "parent")
        child = os.fork()
        if not child:
            with suppress(BaseException):
                close_pools()
                write_three(org, "child")
                os._exit(0)
            os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert sorted(User.objects.values_list("email", flat=True)) == ["child@x.io", "parent@x.io"]
    assert stored() == (2, 2, 2)
