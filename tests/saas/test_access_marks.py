"""What each mark lets through, on pages of the tests' own; the product's URLs are in tests/test_access.py."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from organizations.models import Membership, Organization
from saas import access, hooks
from saas.access import Mark, org_view, public
from tests.factories import MembershipFactory, UserFactory, make_world
from tests.plugins.database import WRITES

pytestmark = pytest.mark.urls("tests.saas.access_urls")


@pytest.fixture
def world():
    return make_world()


def signed_in_as(user):
    client = Client()
    client.force_login(user)
    return client


# -- public and signed_in --------------------------------------------------------------------------------------------


def test_anybody_opens_a_public_page(client):
    assert client.get("/open/").content == b"open"


def test_a_public_page_costs_no_read(client, count_queries):
    with count_queries(at_most=0):
        client.get("/open/")


def test_somebody_signed_out_is_sent_to_sign_in_and_back(client):
    response = client.get("/own/?tab=2")
    assert (response.status_code, response["Location"]) == (302, "/accounts/login/?next=%2Fown%2F%3Ftab%3D2")


def test_somebody_signed_in_opens_their_page(world):
    assert world.client("outsider").get("/own/").status_code == 200


def test_a_switched_off_account_is_signed_out(world):
    client = world.client("outsider")
    type(world.outsider).objects.filter(pk=world.outsider.pk).update(is_active=False)
    assert client.get("/own/").status_code == 302


def test_is_signed_in_asks_for_an_active_account_by_itself():
    assert access.is_signed_in(UserFactory.build())
    assert not access.is_signed_in(UserFactory.build(is_active=False))


def test_a_post_leads_back_to_the_page_it_came_from(client):
    response = client.post("/own/", headers={"referer": "http://testserver/list/?page=2"})
    assert response["Location"] == "/accounts/login/?next=%2Flist%2F%3Fpage%3D2"


@pytest.mark.parametrize("referer", ["", "https://evil.example/", "//evil.example/x"])
def test_a_post_from_elsewhere_leads_to_plain_sign_in(client, referer):
    assert client.post("/own/", headers={"referer": referer})["Location"] == "/accounts/login/"


def test_htmx_moves_the_whole_page_to_sign_in(client):
    headers = {"HX-Request": "true", "HX-Current-URL": "http://testserver/list/?page=2"}
    response = client.get("/own/", headers=headers)
    assert (response.status_code, response["HX-Redirect"]) == (200, "/accounts/login/?next=%2Flist%2F%3Fpage%3D2")


def test_htmx_on_a_foreign_page_leads_to_plain_sign_in(client):
    headers = {"HX-Request": "true", "HX-Current-URL": "https://evil.example/"}
    assert client.get("/own/", headers=headers)["HX-Redirect"] == "/accounts/login/"


# -- org_view --------------------------------------------------------------------------------------------------------


def test_a_member_opens_a_page_and_the_view_knows_where_it_is(world):
    response = world.client("viewer").get(f"/o/{world.org.slug}/readers/")
    assert response.content.decode() == f"{world.org.slug} viewer"


def test_a_class_based_view_carries_a_mark_too(world):
    assert world.client("viewer").get(f"/o/{world.org.slug}/class/").content.decode() == world.org.slug
    assert world.client("outsider").get(f"/o/{world.org.slug}/class/").status_code == 404


def test_somebody_signed_out_is_sent_to_sign_in_and_learns_nothing(world):
    real, unknown = (Client().get(f"/o/{slug}/readers/") for slug in (world.org.slug, "no-such"))
    assert real.status_code == unknown.status_code == 302


@pytest.mark.parametrize("who", ["outsider", "other.owner", "staff"])
def test_an_outsider_gets_404_as_for_an_unknown_organization(world, who):
    assert world.client(who).get(f"/o/{world.org.slug}/readers/").status_code == 404
    assert world.client(who).get("/o/no-such/readers/").status_code == 404


def test_a_member_without_the_permission_gets_403_and_the_owner_does_not(world):
    address = f"/o/{world.org.slug}/owners/"
    assert world.client("admin").post(address).status_code == 403
    assert world.client("owner").post(address).status_code == 200


def test_the_mark_comes_before_the_method(world):
    address = f"/o/{world.org.slug}/owners/"
    assert world.client("outsider").get(address).status_code == 404
    assert world.client("admin").get(address).status_code == 403
    assert world.client("owner").get(address).status_code == 405


def test_a_suspended_member_is_told_so_at_the_next_request(world):
    assert world.client("member").get(f"/o/{world.org.slug}/readers/").status_code == 200
    Membership.objects.filter(user_id=world.member.pk).update(suspended_at=timezone.now())
    assert world.client("member").get(f"/o/{world.org.slug}/readers/").status_code == 403


def test_a_removed_member_is_out_at_the_next_request(world):
    assert world.client("member").get(f"/o/{world.org.slug}/readers/").status_code == 200
    Membership.objects.filter(user_id=world.member.pk).delete()
    assert world.client("member").get(f"/o/{world.org.slug}/readers/").status_code == 404


def test_a_changed_role_counts_at_the_next_request(world):
    address = f"/o/{world.org.slug}/owners/"
    assert world.client("member").post(address).status_code == 403
    Membership.objects.filter(user_id=world.member.pk).update(role="owner")
    assert world.client("member").post(address).status_code == 200


def test_a_switched_off_organization_is_gone(world):
    Organization.objects.filter(pk=world.org.pk).update(is_active=False)
    assert world.client("owner").get(f"/o/{world.org.slug}/readers/").status_code == 404


def test_the_session_remembers_the_last_organization_and_writes_only_a_change(world, count_queries):
    client = world.client("viewer")
    client.get(f"/o/{world.org.slug}/readers/")
    assert client.session[access.LAST_ORG] == world.org.slug
    with count_queries() as commands:
        client.get(f"/o/{world.org.slug}/readers/")
    assert WRITES.isdisjoint(event.command_name for event in commands)


def test_two_tabs_of_two_organizations_do_not_disturb_each_other(world):
    both = UserFactory()
    for tenant in (world.tenant, world.other):
        MembershipFactory(organization=tenant.org, user=both)
    client = signed_in_as(both)
    for tenant in (world.tenant, world.other, world.tenant, world.other):
        assert client.get(f"/o/{tenant.org.slug}/readers/").content.decode() == f"{tenant.org.slug} member"


def test_an_organization_page_is_three_reads(world, count_queries, no_scans):
    client = world.client("viewer")
    client.get(f"/o/{world.org.slug}/readers/")
    with no_scans(), count_queries(at_most=3):  # the person, the organization, the membership
        client.get(f"/o/{world.org.slug}/readers/")


# -- staff_only: session, platform role, permission, each alone ------------------------------------------------------


def test_staff_opens_a_staff_page(world):
    assert world.client("staff").get("/staff/").status_code == 200


def test_without_a_session_a_staff_page_asks_to_sign_in(client):
    assert client.get("/staff/").status_code == 302


@pytest.mark.parametrize("who", ["owner", "admin", "outsider"])
def test_without_a_platform_role_there_is_no_staff_page(world, who):
    assert world.client(who).get("/staff/").status_code == 404


def test_the_role_is_asked_for_even_if_the_permission_were_granted(world, monkeypatch):
    monkeypatch.setattr(hooks.can, "provider", lambda *_args, **_kwargs: True)
    assert world.client("owner").get("/staff/").status_code == 404
    assert world.client("staff").get("/staff/").status_code == 200


def test_a_platform_role_without_the_permission_gets_404(world):
    assert world.client("staff").get("/staff/never/").status_code == 404


@pytest.mark.parametrize("role", ["owner", "no_such_role"])
def test_a_role_of_another_scope_is_no_platform_role(world, role):
    type(world.staff).objects.filter(pk=world.staff.pk).update(platform_role=role)
    assert world.client("staff").get("/staff/").status_code == 404


def test_is_superuser_opens_nothing(world):
    type(world.outsider).objects.filter(pk=world.outsider.pk).update(is_superuser=True)
    assert world.client("outsider").get("/staff/").status_code == 404


# -- a view without a mark -------------------------------------------------------------------------------------------


def test_an_unmarked_view_is_refused_for_everybody(world):
    for who in ("nobody", "owner", "staff"):
        with pytest.raises(ImproperlyConfigured, match=r"access_urls\.unmarked has no mark"):
            world.client(who).get("/unmarked/")


def test_in_production_too_an_unmarked_view_is_not_shown(world, settings):
    settings.ENVIRONMENT, settings.DEBUG = "production", False
    client = world.client("owner")
    client.raise_request_exception = False
    response = client.get("/unmarked/")
    assert response.status_code == 500
    assert b"unmarked" not in response.content


def test_the_check_names_the_unmarked_view_and_no_other():
    (error,) = access.check_marks()
    assert error.id == "saas.E010"
    assert error.msg == "tests.saas.access_urls.unmarked at /unmarked/ has no mark."


def test_the_check_refuses_a_mark_that_does_not_fit_its_url():
    for mark, arguments in ((public, {"org_slug"}), (org_view("project.read"), set())):
        route = access.Route("x", "x/", frozenset(arguments), mark(lambda request: None))
        assert [message.id for message in access._check_route(route)] == ["saas.E011"]


def test_one_view_has_one_mark():
    with pytest.raises(ImproperlyConfigured, match="two different marks"):
        public(org_view("project.read")(lambda request: None))


def test_a_library_view_gets_its_mark_by_name_or_namespace(monkeypatch):
    table = {"account_login": Mark("public"), "djstripe:*": Mark("public")}
    monkeypatch.setattr(access, "LIBRARY_MARKS", table)
    assert access.mark_of(lambda request: None, "account_login") == Mark("public")
    assert access.mark_of(lambda request: None, "djstripe:webhook") == Mark("public")
    assert access.mark_of(lambda request: None, "account_new_page") is None
    assert access.mark_of(lambda request: None, "") is None


def test_the_product_has_no_unmarked_view(settings):
    settings.ROOT_URLCONF = "saas.urls"
    assert access.check_marks() == []


# -- what a browser may keep -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "path", "kept"),
    [
        ("staff", "/staff/", "private, no-store"),
        ("owner", "/own/", "private, no-store"),
        ("owner", "/open/", "private, no-cache"),
        ("owner", "/o/{slug}/readers/", "private, no-cache"),
    ],
)
def test_a_signed_in_persons_page_is_for_the_person_alone(world, who, path, kept):
    response = world.client(who).get(path.format(slug=world.org.slug))
    assert (response.status_code, response["Cache-Control"]) == (200, kept)


def test_a_page_that_says_what_may_be_kept_is_believed(world):
    picture = world.client("owner").get("/kept/")
    assert picture["Cache-Control"] == "private, max-age=60"


def test_anybodys_page_says_nothing(client):
    assert "Cache-Control" not in client.get("/open/")
