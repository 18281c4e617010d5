"""An organization is handed over: offered, accepted or not, and both say first who they are."""

import pytest
from django.utils import timezone
from mongoengine import NotUniqueError

from organizations import services
from organizations.models import Membership, OrganizationOwner, OwnershipTransfer
from saas.events.models import Event
from saas.jobs.models import jobs
from saas.tenancy import now
from tests.factories import PASSWORD, make_world


@pytest.fixture
def world():
    return make_world()


def membership(world, who):
    return Membership.objects.get(organization=world.org, user=world.person(who))


@pytest.fixture
def offer(world):
    def make(to="member", role_after="admin"):
        return services.request_transfer(
            org=world.org, actor=world.owner, membership=membership(world, to), role_after=role_after
        )

    return make


def primary(world):
    return OrganizationOwner.objects.get(organization=world.org).organization_user.user_id


def roles_of(world, *people):
    return [membership(world, who).role for who in people]


def events_of(world, name):
    return list(Event.objects.for_org(world.org).filter(event=name))


def subjects(email):
    return [job.payload["subject"] for job in jobs().order_by("id") if job.payload["to"] == [email]]


def page(world, who, path=""):
    return world.client(who).get(f"/o/{world.org.slug}/ownership/{path}").content.decode()


def confirm(client, path):
    """Open the page, say the password, and stand on it."""
    asked = client.get(path)
    assert asked.url.startswith("/accounts/reauthenticate/")
    answer = client.post(asked.url, {"password": PASSWORD})
    assert answer.url == path
    assert client.get(path).status_code == 200


# -- The whole way ---------------------------------------------------------------------------------------------------


def test_an_owner_hands_over_and_both_confirm_who_they_are(world):
    giver, receiver = world.client("owner"), world.client("member")
    request_path, accept_path = (f"/o/{world.org.slug}/ownership/{step}/" for step in ("request", "accept"))
    data = {"person": world.member.pk, "role_after": "viewer"}
    assert giver.post(request_path, data).url.startswith("/accounts/reauthenticate/")
    assert OwnershipTransfer.objects.for_org(world.org).count() == 0, "not without confirming"
    confirm(giver, request_path)
    assert giver.post(request_path, data).url == f"/o/{world.org.slug}/ownership/"
    assert subjects(world.member.email) == [f"Acorn Owner wants to hand {world.org.name} over to you"]
    assert "offers you" in page(world, "member")
    assert "You offer" in page(world, "owner")
    assert "offer" not in page(world, "admin").lower()

    assert receiver.post(accept_path).url.startswith("/accounts/reauthenticate/")
    assert primary(world) == world.owner.pk
    confirm(receiver, accept_path)
    assert receiver.post(accept_path).status_code == 303
    assert primary(world) == world.member.pk
    assert roles_of(world, "member", "owner") == ["owner", "viewer"]
    assert subjects(world.owner.email) == [f"Acorn Member has taken {world.org.name} over"]
    [requested], [accepted] = events_of(world, "ownership.requested"), events_of(world, "ownership.accepted")
    assert (requested.user_id, requested.resource_id) == (world.owner.pk, world.member.pk)
    assert {each["id"] for each in accepted.targets} == {world.owner.pk, world.member.pk}
    assert (accepted.before, accepted.after) == (
        {"primary_owner": world.owner.email},
        {"primary_owner": world.member.email},
    )
    assert len(events_of(world, "member.role_changed")) == 2


def test_the_mails_say_everything(world, offer):
    offer()
    [job] = jobs().filter(payload__to=[world.member.email])
    for part in (job.payload["body"], job.payload["html"]):
        assert f"/o/{world.org.slug}/ownership/" in part
        assert world.owner.email in part


def test_a_declined_offer_changes_nothing(world, offer):
    offer()
    world.client("member").post(f"/o/{world.org.slug}/ownership/decline/")
    assert primary(world) == world.owner.pk
    assert roles_of(world, "member", "owner") == ["member", "owner"]
    assert subjects(world.owner.email) == [f"Acorn Member does not take {world.org.name} over"]
    assert len(events_of(world, "ownership.declined")) == 1
    assert offer(to="admin"), "there is room for another one"


def test_an_offer_is_taken_back(world, offer):
    offer()
    world.client("owner").post(f"/o/{world.org.slug}/ownership/cancel/")
    with pytest.raises(services.TransferUnusable):
        services.accept_transfer(org=world.org, actor=world.member)
    assert primary(world) == world.owner.pk
    assert len(events_of(world, "ownership.cancelled")) == 1
    assert len(subjects(world.member.email)) == 2


def test_an_offer_ends_after_three_days(world, offer):
    transfer = offer()
    assert 71 < (transfer.expires_at - timezone.now()).total_seconds() / 3600 <= 72
    transfer.update(set__expires_at=now())
    with pytest.raises(services.TransferUnusable):
        services.accept_transfer(org=world.org, actor=world.member)
    assert "offers you" not in page(world, "member")
    assert offer(to="admin"), "what has expired is in nobody's way"
    [event] = events_of(world, "ownership.cancelled")
    assert event.reason
    assert event.user_id is None


# -- Refusals --------------------------------------------------------------------------------------------------------


def test_only_the_one_it_is_offered_to_answers(world, offer):
    offer()
    for who in ("admin", "viewer", "owner"):
        with pytest.raises(services.TransferUnusable):
            services.accept_transfer(org=world.org, actor=world.person(who))
        with pytest.raises(services.TransferUnusable):
            services.decline_transfer(org=world.org, actor=world.person(who))
    assert primary(world) == world.owner.pk
    services.accept_transfer(org=world.org, actor=world.member)
    assert primary(world) == world.member.pk


def test_only_the_primary_owner_offers(world):
    Membership.objects.filter(pk=membership(world, "admin").pk).update(role="owner")
    for who in ("admin", "member"):
        with pytest.raises(services.NotPrimaryOwner):
            services.request_transfer(
                org=world.org, actor=world.person(who), membership=membership(world, "viewer"), role_after="admin"
            )
    with pytest.raises(services.TransferUnusable):
        services.cancel_transfer(org=world.org, actor=world.admin)


def test_an_offer_goes_to_an_active_member_and_not_to_oneself(world, offer):
    with pytest.raises(services.NotAllowed):
        offer(to="owner")
    with pytest.raises(services.RoleNotManageable):
        offer(role_after="poet")
    services.suspend_member(org=world.org, actor=world.owner, membership=membership(world, "viewer"))
    with pytest.raises(services.MemberGone):
        offer(to="viewer")
    theirs = Membership.objects.get(organization=world.other.org, user=world.other.member)
    with pytest.raises(services.MemberGone):
        services.request_transfer(org=world.org, actor=world.owner, membership=theirs, role_after="admin")


def test_one_offer_waits_at_a_time(world, offer):
    offer()
    with pytest.raises(services.TransferWaits):
        offer(to="admin")
    with pytest.raises(NotUniqueError):
        OwnershipTransfer.objects.for_org(world.org).create(
            from_user_id=world.owner.pk, to_user_id=world.admin.pk, role_after="admin", expires_at=now()
        )


@pytest.mark.parametrize("who", ["member", "owner"])
@pytest.mark.parametrize("how", ["remove", "suspend", "leave", "demote"])
def test_an_offer_ends_with_the_membership_of_either(world, offer, who, how):
    Membership.objects.filter(pk=membership(world, "admin").pk).update(role="owner")
    offer()
    if how == "leave":
        services.leave_organization(org=world.org, actor=world.person(who))
    elif how == "demote":
        services.change_role(org=world.org, actor=world.admin, membership=membership(world, who), role="viewer")
    else:
        act = {"remove": services.remove_member, "suspend": services.suspend_member}[how]
        act(org=world.org, actor=world.admin, membership=membership(world, who))
    stays = (who, how) == ("member", "demote")  # a member with another role can still take over
    assert bool(services.pending_transfer(world.org)) is stays
    assert bool(events_of(world, "ownership.cancelled")) is not stays


def test_the_form_offers_only_members_and_known_roles(world):
    path = f"/o/{world.org.slug}/ownership/request/"
    client = world.client("owner")
    confirm(client, path)
    for data in (
        {"person": world.outsider.pk, "role_after": "admin"},
        {"person": world.owner.pk, "role_after": "admin"},
        {"person": world.other.member.pk, "role_after": "admin"},
        {"person": world.member.pk, "role_after": "platform_admin"},
        {},
    ):
        assert client.post(path, data).status_code == 422
    assert OwnershipTransfer.objects.for_org(world.org).count() == 0


def test_the_giver_may_stay_an_owner(world, offer):
    offer(role_after="owner")
    services.accept_transfer(org=world.org, actor=world.member)
    assert roles_of(world, "member", "owner") == ["owner", "owner"]
    assert primary(world) == world.member.pk


# -- At once ---------------------------------------------------------------------------------------------------------


def test_fifty_offers_are_one(world, offer, in_parallel):
    targets = [membership(world, who) for who in ("admin", "member", "viewer")]
    results = in_parallel(
        lambda n: services.request_transfer(
            org=world.org, actor=world.owner, membership=targets[n % 3], role_after="admin"
        ),
        times=50,
    )
    assert sum(isinstance(r, OwnershipTransfer) for r in results) == 1, results
    assert sum(isinstance(r, services.TransferWaits) for r in results) == 49, results
    assert len(events_of(world, "ownership.requested")) == 1


def test_fifty_answers_of_all_kinds_are_one(world, offer, in_parallel):
    offer()
    ways = (
        lambda: services.accept_transfer(org=world.org, actor=world.member),
        lambda: services.decline_transfer(org=world.org, actor=world.member),
        lambda: services.cancel_transfer(org=world.org, actor=world.owner),
    )
    results = in_parallel(lambda n: ways[n % 3](), times=50)
    assert sum(r is None for r in results) == 1, results
    assert sum(isinstance(r, services.TransferUnusable) for r in results) == 49, results
    ended = sum(len(events_of(world, f"ownership.{how}")) for how in ("accepted", "declined", "cancelled"))
    assert ended == 1
    is_accepted = bool(events_of(world, "ownership.accepted"))
    assert primary(world) == (world.member.pk if is_accepted else world.owner.pk)
