"""Who belongs to an organization, and every change of it: allowed, refused, and fifty at once."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts.models import User
from organizations import access, services
from organizations.models import Membership, OrganizationOwner
from organizations.roster import SIZE
from saas.events.models import Event
from tests.factories import MembershipFactory, UserFactory, make_world

HTMX = {"HTTP_HX_REQUEST": "true"}


@pytest.fixture
def world():
    return make_world()


def membership(world, who):
    return Membership.objects.filter(organization=world.org, user=world.person(who)).first()


def role(world, who):
    found = membership(world, who)
    return found and found.role


def address(world, who, action=""):
    return f"/o/{world.org.slug}/members/{membership(world, who).pk}/{action}"


def events_of(world, name):
    return list(Event.objects.for_org(world.org).filter(event=name))


def second_owner(world):
    Membership.objects.filter(pk=membership(world, "admin").pk).update(role="owner")


# -- The list --------------------------------------------------------------------------------------------------------


def crowd(world, count):
    """More members, who joined one after the other."""
    people = [UserFactory.build(name=f"Crowd {n:03}") for n in range(count)]
    User.objects.bulk_create(people)
    start = timezone.now()
    Membership.objects.bulk_create(
        MembershipFactory.build(organization=world.org, user=person, created_at=start + timedelta(minutes=n))
        for n, person in enumerate(people)
    )
    return people


def test_a_hundred_members_cost_five_round_trips_and_no_scan(world, count_queries, no_scans):
    crowd(world, 96)
    client = world.client("viewer")
    client.get(f"/o/{world.org.slug}/members/")  # the hourly note of who was here
    for query in ("", "?q=crowd+09"):
        with no_scans(), count_queries(at_most=5):
            page = client.get(f"/o/{world.org.slug}/members/{query}").content.decode()
        assert "Crowd 0" in page
    with count_queries() as commands:
        client.get(f"/o/{world.org.slug}/members/")
    finds = [each for each in commands if each.command.get(each.command_name) == "organizations_membership"]
    assert len(finds) == 2, "one for who asks, one for the list"


def test_the_order_of_the_list_is_the_index(world, no_scans):
    from organizations.roster import memberships

    crowd(world, 60)
    with no_scans(sorted_by_index=True):
        assert len(list(memberships(world.org, {}, False, 50))) == 50


def test_pages_follow_each_other_without_gap_or_double(world):
    people = crowd(world, SIZE + 10)
    client = world.client("viewer")
    first = client.get(f"/o/{world.org.slug}/members/")
    second = client.get(first.context["next_url"])
    names = [row["person"].name for answer in (first, second) for row in answer.context["rows"]]
    assert len(first.context["rows"]) == SIZE
    assert sorted(names) == sorted(set(names))
    assert names[4:] == [person.name for person in people]
    assert client.get(second.context["previous_url"]).context["rows"][0]["person"] == first.context["rows"][0]["person"]


@pytest.mark.parametrize(
    ("query", "found"),
    [("acorn mem", {"member"}), ("ACORN", {"owner", "admin", "member", "viewer"}), (".*", set()), ("birch", set())],
)
def test_searching_looks_at_names_and_addresses_of_this_organization(world, query, found):
    rows = world.client("viewer").get(f"/o/{world.org.slug}/members/", {"q": query}).context["rows"]
    assert {row["person"].pk for row in rows} == {world.person(who).pk for who in found}
    by_address = world.client("viewer").get(f"/o/{world.org.slug}/members/", {"q": world.admin.email})
    assert [row["person"] for row in by_address.context["rows"]] == [world.admin]


def test_nobody_found_is_said_with_the_way_back(world):
    page = world.client("viewer").get(f"/o/{world.org.slug}/members/?q=zzz").content.decode()
    assert "Nobody found" in page


def test_htmx_gets_the_list_alone(world):
    page = world.client("admin").get(f"/o/{world.org.slug}/members/", **HTMX).content.decode()
    assert world.member.email in page
    assert "<html" not in page


def test_who_may_not_manage_sees_no_controls(world):
    for who in ("viewer", "member"):
        page = world.client(who).get(f"/o/{world.org.slug}/members/").content.decode()
        assert "<select" not in page
        assert "Invite people" not in page
        detail = world.client(who).get(address(world, "admin")).content.decode()
        assert "Suspend" not in detail
    page = world.client("admin").get(f"/o/{world.org.slug}/members/").content.decode()
    assert page.count("<select") == 2, "member and viewer, not herself and not the owner"


def test_the_list_says_who_was_here_lately(world):
    world.client("member").get(f"/o/{world.org.slug}/")
    seen = membership(world, "member").last_active_at
    assert timezone.now() - seen < timedelta(minutes=1)
    world.client("member").get(f"/o/{world.org.slug}/")
    assert membership(world, "member").last_active_at == seen, "written once an hour"


# -- Roles -----------------------------------------------------------------------------------------------------------


def test_an_admin_changes_a_role_and_it_counts_at_once(world):
    assert world.client("viewer").get(f"/o/{world.org.slug}/projects/new/").status_code == 403
    answer = world.client("admin").post(address(world, "viewer", "role/"), {"role": "member"})
    assert (answer.status_code, answer.url) == (303, address(world, "viewer"))
    assert world.client("viewer").get(f"/o/{world.org.slug}/projects/new/").status_code == 200
    [event] = events_of(world, "member.role_changed")
    assert (event.before, event.after) == ({"role": "viewer"}, {"role": "member"})
    assert (event.user_id, event.resource_id) == (world.admin.pk, world.viewer.pk)


def test_htmx_gets_the_changed_line(world):
    answer = world.client("admin").post(address(world, "viewer", "role/"), {"role": "member", "from": "list"}, **HTMX)
    assert answer.status_code == 200
    assert answer.content.decode().strip().startswith(f'<tr id="member-{membership(world, "viewer").pk}"')
    assert "is Member now" in answer.headers["HX-Trigger"]


def test_without_htmx_the_list_comes_back(world):
    answer = world.client("admin").post(address(world, "viewer", "role/"), {"role": "member", "from": "list"})
    assert (answer.status_code, answer.url) == (303, f"/o/{world.org.slug}/members/")


@pytest.mark.parametrize(
    ("who", "target", "new", "is_allowed"),
    [
        ("admin", "viewer", "member", True),
        ("admin", "viewer", "admin", True),
        ("admin", "viewer", "owner", False),
        ("admin", "owner", "viewer", False),
        ("admin", "admin", "viewer", True),
        ("admin", "viewer", "platform_admin", False),
        ("admin", "viewer", "poet", False),
        ("owner", "admin", "owner", True),
        ("owner", "viewer", "platform_admin", False),
        ("member", "viewer", "member", False),
    ],
)
def test_nobody_gives_or_takes_a_role_above_his_own_rights(world, who, target, new, is_allowed):
    before = role(world, target)
    try:
        services.change_role(org=world.org, actor=world.person(who), membership=membership(world, target), role=new)
        assert is_allowed
    except (services.RoleNotManageable, services.NotAllowed):
        assert not is_allowed
    assert role(world, target) == (new if is_allowed else before)


def test_the_same_role_is_no_change(world):
    services.change_role(org=world.org, actor=world.owner, membership=membership(world, "admin"), role="admin")
    assert not events_of(world, "member.role_changed")


def test_a_membership_of_another_organization_is_out_of_reach(world):
    theirs = Membership.objects.get(organization=world.other.org, user=world.other.member)
    with pytest.raises(services.MemberGone):
        services.change_role(org=world.org, actor=world.owner, membership=theirs, role="viewer")
    for action in ("role/", "suspend/", "remove/"):
        url = f"/o/{world.org.slug}/members/{theirs.pk}/{action}"
        assert world.client("owner").post(url, {"role": "viewer"}).status_code == 404
    assert Membership.objects.get(pk=theirs.pk).role == "member"


# -- Removing, leaving -----------------------------------------------------------------------------------------------


def test_an_admin_removes_a_member_who_is_an_outsider_at_the_next_click(world):
    assert world.client("member").get(f"/o/{world.org.slug}/").status_code == 200
    asked = world.client("admin").get(address(world, "member", "remove/")).content.decode()
    assert f"Remove {world.member.display_name}?" in asked
    answer = world.client("admin").post(address(world, "member", "remove/"))
    assert (answer.status_code, answer.url) == (303, f"/o/{world.org.slug}/members/")
    assert world.client("member").get(f"/o/{world.org.slug}/").status_code == 404
    [event] = events_of(world, "member.removed")
    assert (event.resource_id, event.before["role"]) == (world.member.pk, "member")
    assert User.objects.filter(pk=world.member.pk).exists()


def test_an_admin_removes_no_owner_and_not_herself(world):
    for target, problem in (("owner", services.RoleNotManageable), ("admin", services.NotAllowed)):
        with pytest.raises(problem):
            services.remove_member(org=world.org, actor=world.admin, membership=membership(world, target))
        assert membership(world, target)


def test_a_member_leaves(world):
    answer = world.client("viewer").post(f"/o/{world.org.slug}/members/leave/", follow=True)
    assert f"You have left {world.org.name}" in answer.content.decode()
    assert world.client("viewer").get(f"/o/{world.org.slug}/").status_code == 404
    [event] = events_of(world, "member.left")
    assert event.user_id == world.viewer.pk


def test_who_has_gone_already_is_said(world):
    gone = membership(world, "member")
    services.remove_member(org=world.org, actor=world.admin, membership=gone)
    with pytest.raises(services.MemberGone):
        services.remove_member(org=world.org, actor=world.admin, membership=gone)
    assert len(events_of(world, "member.removed")) == 1


# -- Suspending ------------------------------------------------------------------------------------------------------


def test_a_suspended_member_has_no_access_and_is_told_so(world):
    assert world.client("member").get(f"/o/{world.org.slug}/").status_code == 200
    world.client("admin").post(address(world, "member", "suspend/"))
    for path in ("", "members/", "projects/"):
        answer = world.client("member").get(f"/o/{world.org.slug}/{path}")
        assert answer.status_code == 403
        assert "Your access is suspended" in answer.content.decode()
        assert world.admin.email not in answer.content.decode()
    assert world.client("member").post(f"/o/{world.org.slug}/members/leave/").status_code == 403
    assert (
        f"Your access to <strong>{world.org.name}</strong> is suspended"
        in world.client("member").get("/o/").content.decode()
    )
    assert world.client("outsider").get(f"/o/{world.org.slug}/").status_code == 404, "others learn nothing"
    world.client("admin").post(address(world, "member", "unsuspend/"))
    assert world.client("member").get(f"/o/{world.org.slug}/").status_code == 200
    [suspended], [unsuspended] = events_of(world, "member.suspended"), events_of(world, "member.unsuspended")
    assert suspended.before == {"suspended_at": None}
    assert unsuspended.after == {"suspended_at": None}


def test_a_suspended_member_may_nothing_whatever_is_asked(world):
    from organizations import roles

    services.suspend_member(org=world.org, actor=world.owner, membership=membership(world, "admin"))
    person = User.objects.get(pk=world.admin.pk)
    assert not roles.can(person, "project.read", org=world.org)
    with pytest.raises(PermissionDenied):
        access.find_membership(world.org.slug, person)
    with pytest.raises(services.NotAllowed):
        services.remove_member(org=world.org, actor=person, membership=membership(world, "viewer"))


def test_nobody_suspends_himself_or_somebody_above(world):
    for target, problem in (("admin", services.NotAllowed), ("owner", services.RoleNotManageable)):
        with pytest.raises(problem):
            services.suspend_member(org=world.org, actor=world.admin, membership=membership(world, target))
        assert membership(world, target).suspended_at is None


def test_the_list_marks_who_is_suspended_and_offers_the_way_back(world):
    services.suspend_member(org=world.org, actor=world.admin, membership=membership(world, "member"))
    assert "Suspended" in world.client("admin").get(f"/o/{world.org.slug}/members/").content.decode()
    assert "Give access" in world.client("admin").get(address(world, "member")).content.decode()


# -- The last owner --------------------------------------------------------------------------------------------------

LAST = {
    "demote": lambda world: services.change_role(
        org=world.org, actor=world.owner, membership=membership(world, "owner"), role="admin"
    ),
    "leave": lambda world: services.leave_organization(org=world.org, actor=world.owner),
}
BY_THE_OTHER = {
    "demote": lambda world: services.change_role(
        org=world.org, actor=world.admin, membership=membership(world, "owner"), role="admin"
    ),
    "remove": lambda world: services.remove_member(
        org=world.org, actor=world.admin, membership=membership(world, "owner")
    ),
    "suspend": lambda world: services.suspend_member(
        org=world.org, actor=world.admin, membership=membership(world, "owner")
    ),
}


def primary(world):
    return OrganizationOwner.objects.get(organization=world.org).organization_user.user_id


@pytest.mark.parametrize("how", LAST)
def test_the_last_owner_stays_and_a_second_one_may_go(world, how):
    with pytest.raises(services.LastOwner):
        LAST[how](world)
    assert role(world, "owner") == "owner"
    assert primary(world) == world.owner.pk
    second_owner(world)
    LAST[how](world)
    assert role(world, "owner") != "owner"
    assert primary(world) == world.admin.pk, "the primary ownership is passed on"
    assert len(events_of(world, "ownership.passed_on")) == 1


@pytest.mark.parametrize("how", BY_THE_OTHER)
def test_an_owner_takes_the_ownership_of_another_one(world, how):
    second_owner(world)
    BY_THE_OTHER[how](world)
    assert primary(world) == world.admin.pk
    with pytest.raises(services.LastOwner):
        services.leave_organization(org=world.org, actor=world.admin)


def test_a_suspended_owner_does_not_count(world):
    second_owner(world)
    services.suspend_member(org=world.org, actor=world.owner, membership=membership(world, "admin"))
    with pytest.raises(services.LastOwner):
        services.leave_organization(org=world.org, actor=world.owner)


def test_the_last_owner_reads_what_to_do(world):
    answer = world.client("owner").post(f"/o/{world.org.slug}/members/leave/", follow=True)
    assert "needs an owner" in answer.content.decode()
    assert role(world, "owner") == "owner"


def test_fifty_clicks_of_five_owners_who_leave_keep_one(world, in_parallel):
    people = [world.owner, *(UserFactory() for _ in range(4))]
    Membership.objects.bulk_create(
        MembershipFactory.build(organization=world.org, user=person, role="owner") for person in people[1:]
    )
    results = in_parallel(lambda n: services.leave_organization(org=world.org, actor=people[n % 5]), times=50)
    assert sum(r is None for r in results) == 4, results
    refused = [r for r in results if r is not None]
    assert all(isinstance(r, (services.LastOwner, services.MemberGone)) for r in refused), refused
    [left] = Membership.objects.filter(organization=world.org, role="owner")
    assert primary(world) == left.user_id
    assert len(events_of(world, "member.left")) == 4


def test_fifty_mutual_demotions_leave_an_owner(world, in_parallel):
    second_owner(world)
    pairs = [("owner", "admin"), ("admin", "owner")]
    targets = {who: membership(world, who) for who in ("owner", "admin")}

    def demote(number):
        actor, target = pairs[number % 2]
        services.change_role(org=world.org, actor=world.person(actor), membership=targets[target], role="member")

    in_parallel(demote, times=50)
    owners = Membership.objects.filter(organization=world.org, role="owner", suspended_at=None)
    assert [each.user_id for each in owners] == [primary(world)]


# -- The page of one member ------------------------------------------------------------------------------------------


def test_a_mistake_in_a_form_changes_nothing(world):
    for data in ({}, {"role": "owner"}, {"role": "poet"}):
        answer = world.client("admin").post(address(world, "viewer", "role/"), data, follow=True)
        assert "Choose a role from the list" in answer.content.decode()
    assert role(world, "viewer") == "viewer"


def test_only_the_role_can_be_posted(world):
    target = membership(world, "viewer")
    data = {
        "role": "member",
        "user": world.owner.pk,
        "organization": world.other.org.pk,
        "suspended_at": "2020-01-01",
        "created_at": "2020-01-01",
        "last_active_at": "2020-01-01",
    }
    world.client("admin").post(address(world, "viewer", "role/"), data)
    changed = Membership.objects.get(pk=target.pk)
    assert changed.role == "member"
    for name in ("user_id", "organization_id", "suspended_at", "created_at", "last_active_at"):
        assert getattr(changed, name) == getattr(target, name)
