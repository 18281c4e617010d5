"""An owner deletes the organization, restores it within fourteen days, or the clock ends it for good."""

from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.db import models
from django.test import Client
from django.utils import timezone

from organizations import services, tasks
from organizations.models import FormerAddress, Invitation, Membership, Organization, OrganizationLogo
from organizations.services import addresses, deletion
from saas import erasure
from saas.events.models import Event
from saas.jobs.models import Job, jobs
from saas.mongo.documents import database
from tests.documents import values_for
from tests.factories import PASSWORD, MembershipFactory, UserFactory, make_world


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def owner(world):
    """The owner's browser, in which he has just confirmed who he is."""
    client = Client()
    client.force_login(world.owner)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def deleted(world):
    """The organization, being deleted."""
    return services.delete_organization(org=world.org, actor=world.owner)


def stored(org):
    return Organization.objects.filter(pk=org.pk).first()


def mails(template):
    """The addresses to which a mail with these words in its subject is queued."""
    return sorted(job.payload["to"][0] for job in jobs() if template in job.payload["subject"])


def later(**time):
    return time_machine.travel(timezone.now() + timedelta(**time), tick=True)


# -- Asking for it ---------------------------------------------------------------------------------------------------


def test_an_owner_types_the_name_and_the_organization_closes(world, owner):
    address = f"/o/{world.org.slug}/settings/delete/"
    assert owner.get(address).status_code == 200
    answer = owner.post(address, {"confirmation": "  Acorn   Works "})
    assert (answer.status_code, answer.url) == (303, f"/o/restore/{world.org.pk}/")
    org = stored(world.org)
    assert not org.is_active
    assert timedelta(days=13) < org.deletes_at - timezone.now() <= timedelta(days=14)
    event = Event.objects.for_org(world.org).get(event="organization.deletion_requested")
    assert (event.action, event.user_id) == ("delete", world.owner.pk)
    assert event.after == {"deletes_at": org.deletes_at.isoformat()}
    assert mails("is being deleted") == [world.owner.email]


@pytest.mark.parametrize("typed", ["", "acorn works", "Acorn", "Birch Works"])
def test_another_name_deletes_nothing(world, owner, typed):
    answer = owner.post(f"/o/{world.org.slug}/settings/delete/", {"confirmation": typed})
    assert answer.status_code == 422
    assert stored(world.org).is_active


def test_who_confirmed_long_ago_says_again_who_it_is(world, owner):
    address = f"/o/{world.org.slug}/settings/delete/"
    with later(hours=1):
        for answer in (owner.get(address), owner.post(address, {"confirmation": "Acorn Works"})):
            assert (answer.status_code, answer.url.partition("?")[0]) == (303, "/accounts/reauthenticate/")
    assert stored(world.org).is_active


@pytest.mark.parametrize("who", ["admin", "member", "viewer", "outsider", "other.owner"])
def test_only_an_owner_may(world, who):
    with pytest.raises(services.NotAllowed):
        services.delete_organization(org=world.org, actor=world.person(who))
    assert stored(world.org).is_active


def test_a_second_request_changes_nothing(world, deleted):
    again = services.delete_organization(org=world.org, actor=world.owner)
    assert again.deletes_at == deleted.deletes_at
    assert Event.objects.for_org(world.org).filter(event="organization.deletion_requested").count() == 1


def test_all_owners_are_told_in_the_organizations_time(world):
    Organization.objects.filter(pk=world.org.pk).update(time_zone="Asia/Tokyo")
    second = UserFactory()
    MembershipFactory(organization=world.org, user=second, role="owner")
    gone = MembershipFactory(organization=world.org, role="owner", suspended_at=timezone.now())
    services.delete_organization(org=world.org, actor=world.owner)
    told = mails("is being deleted")
    assert told == sorted([world.owner.email, second.email])
    assert gone.user.email not in told
    body = jobs().first().payload["body"]
    assert "(Asia/Tokyo)" in body
    assert f"/o/restore/{world.org.pk}/" in body


# -- While it is being deleted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", "members/", "projects/", "settings/", "logo/"])
def test_everybody_meets_at_its_address_what_concerns_him(world, deleted, page):
    address = f"/o/{world.org.slug}/{page}"
    answer = world.client("owner").get(address)
    assert (answer.status_code, answer.url) == (303, f"/o/restore/{world.org.pk}/")
    for who in ("admin", "member", "viewer"):
        answer = world.client(who).get(address)
        assert answer.status_code == 404
        assert "Acorn Works was deleted by one of its owners" in answer.content.decode()
    for who in ("outsider", "other.owner", "staff"):
        answer = world.client(who).get(address)
        assert answer.status_code == 404
        assert "Acorn" not in answer.content.decode()


def test_an_old_address_leads_an_owner_to_the_way_back_too(world):
    old = world.org.slug
    services.update_organization(org=world.org, actor=world.owner, values={"slug": "harbor"})
    services.delete_organization(org=world.org, actor=world.owner)
    assert world.client("owner").get(f"/o/{old}/").url == f"/o/restore/{world.org.pk}/"


@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("who", ["admin", "viewer", "outsider", "other.owner", "staff"])
def test_the_way_back_is_for_owners_alone(world, deleted, who, method):
    assert getattr(world.client(who), method)(f"/o/restore/{world.org.pk}/").status_code == 404
    assert not stored(world.org).is_active


def test_it_has_left_the_lists_and_its_owner_finds_it(world, deleted):
    assert world.org.slug not in world.client("owner").get("/o/switcher/").content.decode()
    assert f"/o/restore/{world.org.pk}/" in world.client("owner").get("/o/").content.decode()
    assert "Acorn Works" not in world.client("admin").get("/o/").content.decode()
    assert world.client("owner").get("/o/last/").url == "/o/"


def test_nobody_joins_it(world, deleted):
    Invitation.objects.filter(pk=world.invitation.pk).update(invitee_identifier=world.outsider.email)
    invitation = Invitation.objects.get(pk=world.invitation.pk)
    with pytest.raises(services.InvitationUnusable):
        services.accept_invitation(invitation=invitation, actor=world.outsider)


def test_its_address_stays_its_own(world, deleted):
    with pytest.raises(services.SlugTaken):
        services.create_organization(name="Quick", slug=world.org.slug, actor=world.outsider)


def test_an_organization_that_staff_has_switched_off_has_no_way_back_here(world):
    Organization.objects.filter(pk=world.org.pk).update(is_active=False)
    assert world.client("owner").get(f"/o/{world.org.slug}/").status_code == 404
    with pytest.raises(services.NotRestorable):
        services.restore_organization(org=world.org, actor=world.owner)


# -- The way back ----------------------------------------------------------------------------------------------------


def test_an_owner_restores_it_as_it_was(world, owner):
    project = world.project
    services.delete_organization(org=world.org, actor=world.owner)
    page = owner.get(f"/o/restore/{world.org.pk}/").content.decode()
    assert "Restore Acorn Works" in page
    assert "You asked for it." in page
    answer = owner.post(f"/o/restore/{world.org.pk}/", follow=True)
    assert answer.redirect_chain == [(f"/o/{world.org.slug}/", 303)]
    assert "Acorn Works is back" in answer.content.decode()
    assert world.client("viewer").get(f"/o/{world.org.slug}/projects/{project.pk}/").status_code == 200
    org = stored(world.org)
    assert (org.is_active, org.deletes_at, org.deletion_requested_by_id) == (True, None, None)
    assert Event.objects.for_org(world.org).filter(event="organization.restored").count() == 1
    assert mails("is back") == [world.owner.email]


def test_another_owner_restores_it(world, deleted):
    second = UserFactory()
    MembershipFactory(organization=world.org, user=second, role="owner")
    services.restore_organization(org=world.org, actor=second)
    assert stored(world.org).is_active


def test_after_fourteen_days_there_is_no_way_back(world, deleted):
    with later(days=14, seconds=1):
        with pytest.raises(services.NotRestorable):
            services.restore_organization(org=world.org, actor=world.owner)
        assert "time to restore it is over" in world.client("owner").get(f"/o/restore/{world.org.pk}/").content.decode()


def test_deleted_restored_and_deleted_again_mails_each_time(world, deleted):
    services.restore_organization(org=world.org, actor=world.owner)
    with later(minutes=1):
        services.delete_organization(org=world.org, actor=world.owner)
    assert len(mails("is being deleted")) == 2


def test_fifty_restore_and_purge_at_once_and_one_of_both_happens(world, deleted, in_parallel):
    Organization.objects.filter(pk=world.org.pk).update(deletes_at=timezone.now() + timedelta(seconds=0.3))
    results = in_parallel(
        lambda n: (
            deletion.purge_organization(org=world.org)
            if n % 2
            else services.restore_organization(org=world.org, actor=world.owner)
        ),
        times=50,
    )
    org = stored(world.org)
    if org is None:
        assert not Membership.objects.filter(organization_id=world.org.pk).exists()
    else:
        assert org.is_active or org.deletes_at
        assert Membership.objects.filter(organization_id=world.org.pk).count() == 4, results


# -- How many one may own --------------------------------------------------------------------------------------------


def test_what_is_being_deleted_counts_no_more_until_it_is_restored(world, deleted, settings):
    settings.ORGANIZATION_LIMIT = 1
    services.create_organization(name="Second", actor=world.owner)
    with pytest.raises(services.OrganizationLimitReached, match="You own 1 organization"):
        services.restore_organization(org=world.org, actor=world.owner)
    answer = world.client("owner").post(f"/o/restore/{world.org.pk}/", follow=True)
    assert "Delete or hand over one" in answer.content.decode()
    assert not stored(world.org).is_active


def test_the_limit_stands_at_every_door(world, settings):
    settings.ORGANIZATION_LIMIT = 1
    services.create_organization(name="Mine", actor=world.member)
    membership = world.memberships["member"]
    with pytest.raises(services.OrganizationLimitReached, match="Acorn Member owns 1"):
        services.change_role(org=world.org, actor=world.owner, membership=membership, role="owner")
    services.request_transfer(org=world.org, actor=world.owner, membership=membership, role_after="admin")
    with pytest.raises(services.OrganizationLimitReached):
        services.accept_transfer(org=world.org, actor=world.member)
    services.create_organization(name="Theirs", actor=world.outsider)
    invitation = services.invite_member(org=world.org, actor=world.owner, email=world.outsider.email, role="owner")
    with pytest.raises(services.OrganizationLimitReached):
        services.accept_invitation(invitation=invitation, actor=world.outsider)
    assert Invitation.objects.get(pk=invitation.pk).status == "pending", "it can be used once there is room"
    assert Membership.objects.get(pk=membership.pk).role == "member"


def test_fifty_roles_of_an_owner_at_once_stop_at_the_limit(world, settings, in_parallel):
    settings.ORGANIZATION_LIMIT = 3
    person = UserFactory()
    places = []
    for _ in range(6):
        founder = UserFactory()
        org = services.create_organization(name="Many", actor=founder)
        places.append((org, founder, MembershipFactory(organization=org, user=person)))

    def promote(number):
        org, founder, membership = places[number % 6]
        return services.change_role(org=org, actor=founder, membership=membership, role="owner")

    in_parallel(promote, times=50)
    assert Membership.objects.filter(user=person, role="owner").count() == 3


# -- The end ---------------------------------------------------------------------------------------------------------


def fill(world):
    """A row of every document and model that can belong to an organization, for both organizations."""
    for tenant in (world.tenant, world.other):
        for document in erasure.documents():
            if not erasure.rows(document, tenant.org).count():
                values = {**values_for(document), "organization_id": tenant.org.pk}
                document.objects.everything(reason="test").create(
                    **values | ({"user_id": tenant.owner.pk} if "user_id" in document._fields else {})
                )
        FormerAddress.objects.create(
            organization=tenant.org, slug=f"old-{tenant.org.slug}", expires_at=timezone.now() + addresses.KEPT_FOR
        )


def traces(org):
    """Where in the database the organization's id still stands."""
    here, found = database(), {}
    for name in here.list_collection_names():
        rows = [row for row in here[name].find() if org.pk in str(row)]
        if rows:
            found[name] = rows
    return found


def test_nothing_is_left_but_the_report(world, deleted):
    fill(world)
    filled = erasure.count(world.org)
    assert all(filled.values()), f"The test leaves these empty: {[n for n, c in filled.items() if not c]}"
    others = erasure.count(world.other.org)
    with later(days=14, seconds=1):
        tasks.end_organizations()
    assert stored(world.org) is None
    assert set(traces(world.org)) == {"events"}
    (report,) = list(Event.objects.everything(reason="test").filter(event="organization.purged"))
    assert traces(world.org)["events"][0]["_id"] == report.to_mongo()["_id"]
    assert report.organization_id is None, "it stands on the platform's log"
    assert report.metadata["left"] == dict.fromkeys(filled, 0)
    assert report.metadata["deleted"] == filled
    assert (report.metadata["name"], report.metadata["requested_by"]) == ("Acorn Works", world.owner.pk)
    assert erasure.count(world.other.org) == others


def test_the_report_covers_every_relation_to_an_organization():
    """Whatever refers to organizations is found by itself."""
    related = {
        model._meta.db_table
        for model in apps.get_models()
        for field in model._meta.local_fields
        if isinstance(field, models.ForeignKey) and field.related_model is Organization
    }
    assert related == {relation.table for relation in erasure.relations(Organization)}
    assert OrganizationLogo in erasure.documents()
    assert {Event, Job} <= set(erasure.documents())


def test_until_then_nothing_goes(world, deleted):
    with later(days=13, hours=23):
        tasks.end_organizations()
    assert stored(world.org)
    assert Membership.objects.filter(organization=world.org).count() == 4


def test_an_organization_in_use_is_never_purged(world):
    assert deletion.purge_organization(org=world.org) is None
    assert Membership.objects.filter(organization=world.org).count() == 4


def test_the_address_is_free_after_the_purge_only(world, deleted):
    with later(days=14, seconds=1):
        with pytest.raises(services.SlugTaken):
            services.create_organization(name="Quick", slug=world.org.slug, actor=world.outsider)
        tasks.end_organizations()
        assert services.create_organization(name="Quick", slug=world.org.slug, actor=world.outsider)


def test_a_purge_that_died_is_begun_again(world, deleted, monkeypatch):
    fill(world)
    erase = erasure.erase

    def die(org):
        Membership.objects.filter(organization=org).delete()
        raise RuntimeError("the machine went away")

    with later(days=14, seconds=1):
        monkeypatch.setattr(erasure, "erase", die)
        tasks.end_organizations()
        assert stored(world.org).purge_started_at
        assert not Event.objects.everything(reason="test").filter(event="organization.purged").count()
        with pytest.raises(services.NotAllowed):
            services.restore_organization(org=world.org, actor=world.owner)
        monkeypatch.setattr(erasure, "erase", erase)
        tasks.end_organizations()
    assert set(traces(world.org)) == {"events"}


def test_a_purge_that_has_begun_has_no_way_back(world, deleted):
    Organization.objects.filter(pk=world.org.pk).update(purge_started_at=timezone.now())
    with pytest.raises(services.NotRestorable):
        services.restore_organization(org=world.org, actor=world.owner)


def test_rows_that_cannot_be_removed_stop_the_purge(world, deleted, monkeypatch):
    monkeypatch.setattr(erasure, "erase", lambda org: {})
    with later(days=14, seconds=1):
        with pytest.raises(services.RowsLeft):
            deletion.purge_organization(org=world.org)
        tasks.end_organizations()
    assert stored(world.org), "the row that says what is to be done stays"


def test_what_is_written_while_it_is_purged_goes_too(world, deleted, monkeypatch):
    erase, late = erasure.erase, []

    def slow(org):
        deleted_rows = erase(org)
        if not late:
            late.append(OrganizationLogo.objects.for_org(org).create(data=b"x", version="late"))
        return deleted_rows

    monkeypatch.setattr(erasure, "erase", slow)
    with later(days=14, seconds=1):
        report = deletion.purge_organization(org=world.org)
    assert report["deleted"]["organization_logos"] == 1
    assert set(traces(world.org)) == {"events"}


def test_fifty_purges_at_once_make_one_report(world, deleted, in_parallel):
    Organization.objects.filter(pk=world.org.pk).update(deletes_at=timezone.now())
    results = in_parallel(lambda: deletion.purge_organization(org=world.org), times=50)
    assert sum(isinstance(result, dict) for result in results) == 1, results
    assert Event.objects.everything(reason="test").filter(event="organization.purged").count() == 1


def test_one_that_fails_holds_up_no_other(world, deleted, monkeypatch):
    services.delete_organization(org=world.other.org, actor=world.other.owner)
    erase = erasure.erase

    def die(org):
        if org.pk == world.org.pk:
            raise RuntimeError("this one only")
        return erase(org)

    monkeypatch.setattr(erasure, "erase", die)
    with later(days=14, seconds=1):
        tasks.end_organizations()
    assert stored(world.org)
    assert stored(world.other.org) is None


def test_owners_are_warned_once_three_days_before(world, deleted):
    with later(days=10, hours=23):
        tasks.end_organizations()
        assert mails("for good on") == []
    with later(days=11, minutes=1):
        tasks.end_organizations()
        tasks.end_organizations()
        assert mails("for good on") == [world.owner.email]


def test_the_clock_asks_by_an_index(world, deleted, no_scans):
    with later(days=14, seconds=1), no_scans():
        list(deletion.due())
        list(deletion.about_to_go())
        addresses.forget_expired()


def test_the_clock_frees_addresses_whose_time_is_over(world):
    services.update_organization(org=world.org, actor=world.owner, values={"slug": "harbor"})
    with later(days=90, seconds=1):
        tasks.end_organizations()
    assert not FormerAddress.objects.exists()


def test_the_clock_is_set():
    from saas.celery import app

    app.loader.import_default_modules()
    entry = app.conf.beat_schedule["end_organizations"]
    assert entry["task"] in app.tasks
    assert entry["schedule"] <= 3600
