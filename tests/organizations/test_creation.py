"""Somebody creates an organization."""

import pytest
from django.test import Client

from organizations import services
from organizations.models import Membership, Organization, OrganizationOwner
from saas.events.models import Event
from tests.factories import UserFactory


@pytest.fixture
def founder():
    return UserFactory(name="Ada Founder")


@pytest.fixture
def browser(founder):
    client = Client()
    client.force_login(founder)
    return client


def test_a_founder_creates_an_organization_and_stands_on_its_dashboard(browser, founder):
    answer = browser.post("/o/new/", {"name": "  Bright   Harbor ", "slug": ""}, follow=True)
    assert answer.redirect_chain == [("/o/bright-harbor/", 303)]
    assert "Bright Harbor" in answer.content.decode()
    org = Organization.objects.get(slug="bright-harbor")
    membership = Membership.objects.get(organization=org, user=founder)
    assert membership.role == "owner"
    assert OrganizationOwner.objects.get(organization=org).organization_user_id == membership.pk
    event = Event.objects.for_org(org).get(event="organization.created")
    assert (event.user_id, event.actor["name"], event.resource_id) == (founder.pk, "Ada Founder", org.pk)
    assert event.after == {"name": "Bright Harbor", "slug": "bright-harbor"}
    assert event.ip_address == "127.0.0.1"


def test_a_second_organization_of_the_same_name_gets_another_address(founder):
    slugs = [services.create_organization(name="Same", actor=founder).slug for _ in range(3)]
    assert slugs == ["same", "same-2", "same-3"]


def test_a_chosen_address_that_is_taken_is_said_on_the_form(browser, founder):
    services.create_organization(name="First", actor=founder, slug="harbor")
    answer = browser.post("/o/new/", {"name": "Second", "slug": "harbor"})
    assert answer.status_code == 422
    assert "The address “harbor” is taken" in answer.content.decode()
    assert "Second" in answer.content.decode(), "what was typed is kept"


@pytest.mark.parametrize("slug", ["new", "switcher", "settings"])
def test_an_address_of_the_site_itself_is_reserved(browser, slug):
    assert browser.post("/o/new/", {"name": "Sly", "slug": slug}).status_code == 422
    assert not Organization.objects.exists()


def test_a_name_without_latin_letters_gets_an_address_all_the_same(founder):
    assert services.create_organization(name="株式会社", actor=founder).slug == "organization"


def test_fifty_at_once_stop_at_the_limit(founder, in_parallel, settings):
    settings.ORGANIZATION_LIMIT = 3
    results = in_parallel(lambda: services.create_organization(name="Race", actor=founder), times=50)
    refused = [r for r in results if isinstance(r, services.OrganizationLimitReached)]
    created = [r for r in results if isinstance(r, Organization)]
    assert (len(created), len(refused)) == (3, 47), results
    assert Organization.objects.count() == Membership.objects.count() == 3


def test_the_limit_is_said_on_the_form(browser, founder, settings):
    settings.ORGANIZATION_LIMIT = 1
    services.create_organization(name="Only", actor=founder)
    answer = browser.post("/o/new/", {"name": "More"})
    assert answer.status_code == 422
    assert "You own 1 organization" in answer.content.decode()


def test_where_people_only_join_nobody_creates(browser, settings):
    settings.ALLOW_USER_TO_CREATE_ORGANIZATION = False
    assert browser.post("/o/new/", {"name": "Mine"}).status_code == 422
    assert "New organization" not in browser.get("/o/").content.decode()
    assert not Organization.objects.exists()


def test_a_failure_halfway_leaves_nothing(founder, monkeypatch):
    def fail(*args, **kwargs):
        raise RuntimeError("the log is full")

    monkeypatch.setattr("saas.events.record", fail)
    with pytest.raises(RuntimeError):
        services.create_organization(name="Half", actor=founder)
    assert not Organization.objects.exists()
    assert not Membership.objects.exists()
    assert not OrganizationOwner.objects.exists()
