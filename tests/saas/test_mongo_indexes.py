"""`manage.py ensure_indexes`: everything in place before traffic; what must be unique is, and serves lookups too."""

from io import StringIO

import pytest
from allauth.account.models import EmailAddress
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, models
from django.test.utils import isolate_apps
from pymongo import IndexModel

from accounts.models import User
from organizations.models import Invitation, Membership, Organization
from saas.db import atomic
from saas.mongo import indexes
from saas.mongo.documents import database
from saas.mongo.fields import StrObjectIdField
from tests.saas.documents import Note


@pytest.fixture
def empty_database():
    """A second, empty database under the same client."""
    previous = database().name
    use_database(f"{previous}_empty")
    yield
    database().client.drop_database(f"{previous}_empty")
    use_database(previous)


def use_database(name):
    connection.settings_dict["NAME"] = name
    connection.database = database().client[name]


def index_of(model, *columns):
    """The options of the index over these columns."""
    (found,) = [
        details
        for details in database()[model._meta.db_table].index_information().values()
        if tuple(column for column, _ in details["key"]) == columns
    ]
    return found


def test_it_creates_all_collections_and_indexes_and_may_run_again(empty_database, count_queries):
    wanted = indexes.ensure_indexes()
    assert set(wanted) | {"rate_limit_windows"} == set(database().list_collection_names())  # that one is a step
    assert {"accounts_user", "django_session", "events", "test_notes"} <= set(wanted)
    assert set(Note._get_collection().index_information()) == {"_id_", "text_1", "at_-1"}
    with count_queries(at_most=len(wanted) + 2):
        assert indexes.ensure_indexes() == wanted


def test_the_command_says_what_is_there():
    out = StringIO()
    call_command("ensure_indexes", "--list", stdout=out)
    assert "accounts_user" in out.getvalue()
    assert "in place" in out.getvalue()


def test_migrations_make_what_the_code_declares(empty_database):
    database()["accounts_user"].insert_one({})  # a collection that an early write has made is no obstacle
    call_command("migrate", verbosity=0)
    migrated = {name: database()[name].index_information() for name in database().list_collection_names()}
    made = indexes.ensure_indexes()
    for name in made.keys() & migrated.keys():
        assert database()[name].index_information() == migrated[name]
    assert {"accounts_user", "organizations_membership", "account_emailaddress"} <= migrated.keys()


def test_an_index_that_differs_in_the_database_is_named(empty_database):
    database()["test_notes"].create_index("text", name="text_1")
    with pytest.raises(CommandError, match=r"test_notes.*\n.*dropIndex"):
        call_command("ensure_indexes")


def test_other_parts_add_their_own_step(empty_database, monkeypatch):
    monkeypatch.setattr(indexes, "_steps", [])

    @indexes.register
    def counters(here):
        here["test_counters"].create_indexes([IndexModel("expires_at", expireAfterSeconds=0)])

    indexes.register(counters)
    assert indexes._steps == [counters]
    indexes.ensure_indexes()
    assert "expires_at_1" in database()["test_counters"].index_information()


def test_sessions_expire_in_the_database():
    from django.contrib.sessions.models import Session

    assert index_of(Session, "expire_date")["expireAfterSeconds"] == 0


def test_a_unique_index_has_no_filter_that_the_planner_cannot_use():
    assert "partialFilterExpression" not in index_of(User, "email")
    assert "partialFilterExpression" not in index_of(Membership, "user_id", "organization_id")
    for name in database().list_collection_names():
        for details in database()[name].index_information().values():
            assert "$type" not in str(details.get("partialFilterExpression", "")), (name, details)


def test_a_nullable_unique_column_takes_many_nulls_and_is_looked_up_by_its_index(no_scans):
    with isolate_apps():

        class Coupon(models.Model):
            code = models.CharField(max_length=10, null=True, unique=True)
            owner_id = StrObjectIdField(null=True, unique=True)

            class Meta:
                app_label = "saas"
                db_table = "test_coupons"

            def __str__(self):
                return str(self.code)

    with connection.schema_editor() as editor:
        editor.create_model(Coupon)
    try:
        Coupon.objects.bulk_create([Coupon(), Coupon(), Coupon(code="A", owner_id="5f" * 12)])
        with pytest.raises(IntegrityError):
            Coupon.objects.create(code="A")
        with pytest.raises(IntegrityError):
            Coupon.objects.create(owner_id="5f" * 12)
        with no_scans():
            assert Coupon.objects.get(code="A").owner_id == "5f" * 12
            assert Coupon.objects.get(owner_id="5f" * 12).code == "A"
    finally:
        database().drop_collection("test_coupons")


# -- What must be unique ---------------------------------------------------------------------------------------------


def test_of_fifty_sign_ups_with_one_address_one_wins(in_parallel):
    results = in_parallel(lambda: User.objects.create_user("Ann@X.io"))
    assert sorted({type(result).__name__ for result in results}) == ["IntegrityError", "User"]
    assert User.objects.get().email == "ann@x.io"


def test_of_fifty_sign_ups_in_transactions_one_wins(in_parallel):
    @atomic
    def sign_up():
        user = User.objects.create_user("ann@x.io")
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)

    results = in_parallel(sign_up)
    assert results.count(None) == 1
    assert {type(result) for result in results if result} == {IntegrityError}
    assert User.objects.count() == EmailAddress.objects.count() == 1


def test_allauth_holds_one_verified_owner_of_an_address_and_one_primary_address():
    ann, bob = User.objects.create(email="ann@x.io"), User.objects.create(email="bob@x.io")
    EmailAddress.objects.create(user=ann, email="ann@x.io", verified=True, primary=True)
    EmailAddress.objects.create(user=bob, email="ann@x.io", verified=False)
    for refused in (
        {"user": bob, "email": "ann@x.io", "verified": True},
        {"user": ann, "email": "ann@x.io"},
        {"user": ann, "email": "other@x.io", "primary": True},
    ):
        with pytest.raises(IntegrityError):
            EmailAddress.objects.create(**refused)
    assert EmailAddress.objects.count() == 2


def test_a_person_is_a_member_once_and_a_slug_is_taken_once(in_parallel):
    results = in_parallel(lambda: Organization.objects.create(name="Acme", slug="acme"), times=10)
    assert sum(isinstance(result, Organization) for result in results) == 1
    org, ann = Organization.objects.get(), User.objects.create(email="ann@x.io")
    results = in_parallel(lambda: Membership.objects.create(organization=org, user=ann, role="member"), times=10)
    assert sum(isinstance(result, Membership) for result in results) == 1


def test_every_declared_constraint_is_held_by_the_database():
    """The connector leaves out, silently, what MongoDB does not have."""
    names = {
        name for table in indexes.declared_indexes().values() for name in (index.document["name"] for index in table)
    }
    for model in (User, Membership, Organization, Invitation, EmailAddress):
        for constraint in model._meta.constraints:
            assert constraint.name in names, (model, constraint)
