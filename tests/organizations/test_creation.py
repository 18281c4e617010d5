"""Somebody creates an organization, and joins one by an invitation."""

import pytest
from django.test import Client
from django.utils import timezone

from organizations import services
from organizations.models import Invitation, Membership, Organization, OrganizationOwner
from saas.events.models import Event
from tests.factories import UserFactory, make_world


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


# -- Invitations ---------------------------------------------------------------------------------------------------


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def invitation(world):
    return services.invite_member(org=world.org, actor=world.admin, email=world.outsider.email.upper(), role="member")


def test_an_invited_person_joins_from_the_list(world, invitation):
    client = world.client("outsider")
    assert world.org.name in client.get("/o/").content.decode()
    answer = client.post(f"/o/invitations/{invitation.pk}/accept/")
    assert (answer.status_code, answer.url) == (303, f"/o/{world.org.slug}/")
    assert client.get(answer.url).status_code == 200
    assert Membership.objects.get(organization=world.org, user=world.outsider).role == "member"
    assert Event.objects.for_org(world.org).filter(event="member.joined", user_id=world.outsider.pk).count() == 1


def test_an_invited_person_declines(world, invitation):
    world.client("outsider").post(f"/o/invitations/{invitation.pk}/decline/")
    assert not Membership.objects.filter(organization=world.org, user=world.outsider).exists()
    assert world.org.name not in world.client("outsider").get("/o/").content.decode()
    assert Event.objects.for_org(world.org).filter(event="member.invitation_declined").count() == 1


def test_an_invitation_works_only_for_its_address(world, invitation):
    assert world.client("other.admin").post(f"/o/invitations/{invitation.pk}/accept/").status_code == 404
    with pytest.raises(services.InvitationUnusable):
        services.accept_invitation(invitation=invitation, actor=world.other.admin)
    assert Invitation.objects.get(pk=invitation.pk).status == "pending"


def test_an_expired_invitation_says_so_and_changes_nothing(world, invitation):
    Invitation.objects.filter(pk=invitation.pk).update(expires_at=timezone.now())
    answer = world.client("outsider").post(f"/o/invitations/{invitation.pk}/accept/", follow=True)
    assert "cannot be used any more" in answer.content.decode()
    assert not Membership.objects.filter(organization=world.org, user=world.outsider).exists()


def test_fifty_acceptances_of_one_invitation_make_one_member(world, invitation, in_parallel):
    results = in_parallel(lambda: services.accept_invitation(invitation=invitation, actor=world.outsider), times=50)
    assert sum(isinstance(r, Membership) for r in results) == 1
    assert sum(isinstance(r, services.InvitationUnusable) for r in results) == 49, results
    assert Membership.objects.filter(organization=world.org, user=world.outsider).count() == 1


def test_fifty_invitations_of_one_address_are_one(world, in_parallel):
    results = in_parallel(
        lambda: services.invite_member(org=world.org, actor=world.owner, email="new@example.com", role="viewer"),
        times=50,
    )
    assert sum(isinstance(r, Invitation) for r in results) == 1, results
    assert Invitation.objects.filter(invitee_identifier="new@example.com", status="pending").count() == 1


def test_the_database_itself_refuses_a_second_pending_invitation(world, invitation):
    from django.db import IntegrityError

    with pytest.raises(IntegrityError):
        Invitation.objects.create(
            organization=world.org,
            invited_by=world.owner,
            invitee_identifier=invitation.email,
            role="viewer",
            expires_at=Invitation.default_expiry(),
        )


def test_nobody_invites_above_what_he_may_manage(world):
    with pytest.raises(services.RoleNotManageable):
        services.invite_member(org=world.org, actor=world.admin, email="boss@example.com", role="owner")
    with pytest.raises(services.RoleNotManageable):
        services.invite_member(org=world.org, actor=world.member, email="pal@example.com", role="viewer")


def test_a_full_organization_takes_nobody(world, invitation, settings):
    settings.MEMBERSHIP_LIMIT = 4
    with pytest.raises(services.MemberLimitReached):
        services.accept_invitation(invitation=invitation, actor=world.outsider)
    assert Invitation.objects.get(pk=invitation.pk).status == "pending", "it can be used once there is room"
