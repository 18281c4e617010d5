"""The direct read of one row: what it returns is what the ORM would have returned."""

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from accounts.models import User
from organizations.models import FormerAddress, Membership, Organization
from saas.db import atomic
from saas.mongo.rows import find_row
from tests.factories import make_world


@pytest.fixture
def world(db):
    return make_world()


def values(row):
    return {name: value for name, value in vars(row).items() if name != "_state"}


def test_a_row_is_the_orm_s_own(world):
    Membership.objects.filter(user_id=world.member.pk).update(last_active_at=timezone.now())
    for model, wanted in (
        (User, {"pk": world.member.pk}),
        (User, {"email": world.member.email}),
        (Organization, {"slug": world.org.slug}),
        (Membership, {"user_id": world.member.pk, "organization_id": world.org.pk}),
    ):
        found = find_row(model, **wanted)
        assert values(found) == values(model.objects.get(**wanted))
        assert found._state.db == "default"
        assert not found._state.adding


def test_a_row_that_is_not_there_is_none(world):
    assert find_row(Organization, slug="nowhere") is None
    assert find_row(Membership, user_id=world.outsider.pk, organization_id=world.org.pk) is None


def test_a_value_is_no_operator(world):
    with pytest.raises((TypeError, ValueError, DatabaseError)):
        find_row(User, pk={"$ne": None})
    assert find_row(Organization, slug={"$ne": None}) is None


def test_a_malformed_key_raises_as_with_the_orm(world):
    with pytest.raises(ValueError, match="24 hexadecimal"):
        find_row(User, pk="nonsense")


def test_a_row_written_in_the_transaction_is_seen_in_it(world):
    @atomic
    def rename():
        Organization.objects.filter(pk=world.org.pk).update(name="Renamed")
        return find_row(Organization, slug=world.org.slug).name

    assert rename() == "Renamed"


def test_times_carry_their_zone(world):
    until = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    FormerAddress.objects.create(organization=world.org, slug="old-name", expires_at=until)
    assert find_row(FormerAddress, slug="old-name").expires_at == until


def test_it_costs_one_find_by_an_index(world, count_queries, no_scans):
    with no_scans(), count_queries(at_most=1):
        find_row(Membership, user_id=world.member.pk, organization_id=world.org.pk)
