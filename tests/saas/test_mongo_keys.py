"""Keys are ObjectIds in the database and str in Python, everywhere a library may look."""

import json

import pytest
from allauth.account.utils import url_str_to_user_pk, user_pk_to_url_str
from bson import ObjectId
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db.models import F, Max
from django.http import HttpResponse
from django.test import override_settings
from django.urls import Resolver404, path, resolve

from accounts.models import User
from organizations.models import Membership, Organization
from saas.mongo.documents import database
from saas.mongo.fields import validate_key


@pytest.fixture
def ann():
    return User.objects.create(email="ann@x.io")


@pytest.fixture
def membership(ann):
    org = Organization.objects.create(name="Acme", slug="acme")
    return Membership.objects.create(organization=org, user=ann, role="owner")


def is_key(value):
    return isinstance(value, str) and ObjectId.is_valid(value)


def test_a_new_row_has_its_key_as_str(ann, membership):
    assert is_key(ann.pk)
    assert is_key(membership.pk)
    assert is_key(membership.user_id)


def test_keys_of_a_bulk_insert_are_str():
    assert all(is_key(group.pk) for group in Group.objects.bulk_create([Group(name="a"), Group(name="b")]))


def test_the_database_holds_object_ids(ann, membership):
    stored = database()["organizations_membership"].find_one()
    assert stored["_id"] == ObjectId(membership.pk)
    assert stored["user_id"] == ObjectId(ann.pk)


def test_what_is_read_back_is_str(ann, membership):
    found = Membership.objects.select_related("user").get(pk=membership.pk)
    assert (found.pk, found.user_id, found.user.pk) == (membership.pk, ann.pk, ann.pk)
    assert Membership.objects.values_list("pk", "user_id").get() == (membership.pk, ann.pk)
    assert Membership.objects.values("user").get() == {"user": ann.pk}
    assert Membership.objects.annotate(other=F("user_id")).get().other == ann.pk
    assert Membership.objects.aggregate(last=Max("pk"))["last"] == membership.pk
    assert User.objects.in_bulk([ann.pk]) == {ann.pk: ann}


@pytest.mark.parametrize("form", [str, ObjectId, str.upper])
def test_every_form_of_a_key_finds_the_row(ann, membership, form):
    assert User.objects.get(pk=form(ann.pk)) == ann
    assert Membership.objects.get(user=form(ann.pk)) == membership
    assert Membership.objects.get(user_id__in=[form(ann.pk)]) == membership


def test_a_key_from_another_library_becomes_str_when_saved(ann, membership):
    org = membership.organization
    other = Membership(pk=ObjectId(), organization=org, user=User.objects.create(email="b@x.io"), role="viewer")
    other.save(force_insert=True)
    assert is_key(other.pk)


def test_relations_join_and_prefetch(ann, membership):
    group = Group.objects.create(name="staff")
    ann.groups.add(group)
    assert Membership.objects.get(user__email="ann@x.io") == membership
    assert list(ann.groups.all()) == [group]
    assert [
        list(org.organization_users.all()) for org in Organization.objects.prefetch_related("organization_users")
    ] == [[membership]]


@pytest.mark.parametrize("malformed", ["nonsense", "x" * 24, "1", 7, "", b"123456789012", "5f" * 13])
def test_a_malformed_key_is_a_value_error(malformed):
    with pytest.raises(ValueError, match="is not a key"):
        User.objects.get(pk=malformed)
    with pytest.raises(ValueError, match="is not a key"):
        Membership.objects.filter(user=malformed).exists()
    with pytest.raises(ValidationError):
        validate_key(malformed)


def test_a_key_goes_into_json_and_into_allauths_links(ann):
    assert json.loads(json.dumps({"user": ann.pk})) == {"user": ann.pk}
    assert url_str_to_user_pk(user_pk_to_url_str(ann)) == ann.pk


def test_a_session_knows_its_user_by_the_key(ann, client):
    client.force_login(ann)
    assert client.session["_auth_user_id"] == ann.pk


def test_a_saved_row_is_changed_and_deleted_by_its_key(ann):
    ann.name = "Ann"
    ann.save()
    assert User.objects.get().name == "Ann"
    ann.delete()
    assert not User.objects.exists()


urlpatterns = [path("thing/<oid:key>/", lambda request, key: HttpResponse(key))]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("malformed", ["5f" * 11, "5f" * 13, "zz" * 12, "5F" * 12, "5f" * 12 + "\n"])
def test_a_url_takes_well_formed_keys_only(malformed):
    assert resolve(f"/thing/{'5f' * 12}/").kwargs == {"key": "5f" * 12}
    with pytest.raises(Resolver404):
        resolve(f"/thing/{malformed}/")
