"""A lookup matches what was asked for, by an index, and without joining collections."""

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.backends.db import SessionStore

from accounts.models import User
from organizations.models import Membership, Organization


@pytest.fixture
def ann():
    return User.objects.create(email="ann+test@x.io", name="Ann (a.b)")


@pytest.mark.parametrize("pattern", [".*", "ann.test@x.io", "ANN+TEST@X?IO", "^ann", "ann+test@x.io|", "(", "["])
def test_a_case_insensitive_lookup_is_no_pattern(ann, pattern):
    assert not User.objects.filter(email__iexact=pattern).exists()


@pytest.mark.parametrize("text", ["ann+test@x.io", "ANN+Test@X.io"])
def test_a_case_insensitive_lookup_finds_special_characters(ann, text):
    assert User.objects.get(email__iexact=text) == ann


def test_a_case_insensitive_lookup_takes_parentheses_literally(ann):
    assert User.objects.get(name__iexact="ANN (A.B)") == ann


def test_signing_in_looks_the_address_up_by_its_unique_index(ann, no_scans, count_queries):
    with no_scans(), count_queries(at_most=1):
        assert User.objects.get(email="ann+test@x.io") == ann


def test_a_session_is_read_by_its_unique_index(no_scans, count_queries):
    session = SessionStore()
    session["organization"] = "acme"
    session.save()
    with no_scans(), count_queries(at_most=1):
        assert SessionStore(session.session_key)["organization"] == "acme"


def test_an_address_of_allauth_is_read_by_an_index(ann, no_scans):
    EmailAddress.objects.create(user=ann, email=ann.email, verified=True, primary=True)
    with no_scans():
        assert EmailAddress.objects.get(email=ann.email, verified=True).user_id == ann.pk
        assert EmailAddress.objects.filter(email=ann.email).exists()
        assert EmailAddress.objects.get_primary(ann)


def test_a_membership_is_one_find_without_a_join(ann, no_scans, count_queries):
    org = Organization.objects.create(name="Acme", slug="acme")
    Membership.objects.create(organization=org, user=ann, role="owner")
    with no_scans(), count_queries(at_most=1) as commands:
        assert Membership.objects.get(organization_id=org.pk, user_id=ann.pk).role == "owner"
    assert "$lookup" not in str(commands)
    with count_queries(at_most=1) as commands:
        assert Organization.objects.get(slug="acme").pk == org.pk
    assert "$lookup" not in str(commands)
