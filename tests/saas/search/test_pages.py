"""The page of search and the palette: what people see, and what they do not."""

import re

import pytest
from django.test import override_settings
from django.urls import reverse

from organizations.models import Membership
from organizations.projects.services import create_project, share_project
from saas import hooks
from saas.search import actions, rebuild


@pytest.fixture
def project(world, dispatch_events):
    project = create_project(
        org=world.org, actor=world.owner, name="Harbor <wall>", description="Stones & mortar", tags=["sea"]
    )
    dispatch_events()
    return project


def page(world, who="viewer", path="", **query):
    return world.client(who).get(f"/o/{world.org.slug}/search/{path}", query)


def text(response):
    return response.content.decode()


def palette(world, who="viewer", query=""):
    return page(world, who, "palette/", q=query)


def options(response):
    """(label, address) of each option of the palette."""
    found = re.findall(
        r'<a class="palette-option".*?href="([^"]*)".*?<span class="palette-title">(.*?)</span>',
        text(response),
        re.DOTALL,
    )
    return [(re.sub("<.*?>", "", label), address) for address, label in found]


# -- The page --------------------------------------------------------------------------------------------------------


def test_a_viewer_searches_and_opens_what_is_found(world, project):
    response = page(world, q="harbor")
    assert "<mark>Harbor</mark> &lt;wall&gt;" in text(response)
    assert "Stones &amp; mortar" in text(response)
    assert reverse("organizations:project_detail", args=[world.org.slug, project.id]) in text(response)


def test_htmx_gets_the_results_alone(world, project):
    response = world.client("viewer").get(
        f"/o/{world.org.slug}/search/", {"q": "harbor"}, headers={"HX-Request": "true"}
    )
    assert text(response).strip().startswith('<section id="search-results"')


def test_the_page_says_what_to_do_when_it_is_empty(world, project):
    assert "What are you looking for?" in text(page(world))
    assert "Nothing found" in text(page(world, q="zebra"))
    assert "Nothing fits here" in text(page(world, q="harbor", tag="nope"))
    assert "These are similar" in text(page(world, q="harbuor"))


def test_the_results_are_narrowed_by_kind_and_tag(world, project):
    rebuild(world.org)
    create_project(org=world.org, actor=world.owner, name="Acorn tree", tags=["oak"])
    rebuild(world.org)
    both = text(page(world, q="acorn"))
    assert re.search(r"Projects <span class=\"number\">1", both)
    assert re.search(r"Members <span class=\"number\">4", both)
    chosen = text(page(world, q="acorn", resource="project"))
    assert "<mark>Acorn</mark> tree" in chosen
    assert chosen.count('class="search-hit"') == 1
    tagged = text(page(world, q="acorn", tag="oak"))
    assert "Tagged" in tagged
    assert tagged.count('class="search-hit"') == 1


def test_pages_of_results_are_turned(world, dispatch_events):
    for n in range(23):
        create_project(org=world.org, actor=world.owner, name=f"Harbor {n:02}")
    dispatch_events()
    first = text(page(world, q="harbor"))
    assert first.count('class="search-hit"') == 20
    following = re.search(r'href="([^"]*cursor=[^"]*)"', first)[1].replace("&amp;", "&")
    second = text(world.client("viewer").get(following))
    assert second.count('class="search-hit"') == 3


def test_a_private_project_is_no_hit_no_count_and_no_tag_for_others(world, project, dispatch_events):
    share_project(
        org=world.org,
        actor=world.owner,
        project=project,
        version=project.version,
        visibility="private",
        shared_with=[world.member.pk],
    )
    for response in (page(world, q="harbor"), palette(world, query="harbor")):
        assert "wall" not in text(response), "before the index has heard of it"
    dispatch_events()
    seen = text(page(world, q="harbor"))
    assert "wall" not in seen
    assert "Projects <span" not in seen
    assert not re.search(r'class="badge"[^>]*>\s*sea', seen)
    assert "&lt;wall&gt;" in text(page(world, "member", q="harbor"))


def test_a_page_of_results_costs_few_round_trips(world, dispatch_events, count_queries):
    for n in range(25):
        create_project(org=world.org, actor=world.owner, name=f"Harbor {n}")
    dispatch_events()
    page(world, q="harbor")
    with count_queries(at_most=6):  # user, organization, membership; limit; hits with their counts; what they are now
        page(world, q="harbor")


def test_nonsense_in_the_address_is_no_error(world, project):
    for query in (
        {"q": "\x00"},
        {"q": "$where"},
        {"q": "x" * 10_000},
        {"q": "harbor", "cursor": "x"},
        {"q": "harbor", "tag": "{$gt: 1}", "resource": "$ne"},
        {"q[$ne]": "1"},
    ):
        assert page(world, **query).status_code == 200
        assert page(world, "viewer", "palette/", **query).status_code == 200


def test_a_member_among_the_results_leads_to_the_member(world):
    rebuild(world.org)
    address = reverse("organizations:member_person", args=[world.org.slug, world.admin.pk])
    assert address in text(page(world, q="acorn admin"))
    response = world.client("viewer").get(address)
    assert response.url == reverse("organizations:member_detail", args=[world.org.slug, world.memberships["admin"].pk])
    invited = reverse("organizations:member_person", args=[world.org.slug, world.tenant.invitation.pk])
    assert world.client("owner").get(invited).url == reverse("organizations:invitation_list", args=[world.org.slug])
    stranger = reverse("organizations:member_person", args=[world.org.slug, world.other.admin.pk])
    assert world.client("viewer").get(stranger).status_code == 404


# -- The palette -----------------------------------------------------------------------------------------------------


def test_the_palette_finds_things_pages_and_actions(world, project):
    assert ("Harbor &lt;wall&gt;", f"/o/{world.org.slug}/projects/{project.id}/") in options(
        palette(world, query="harb")
    )
    assert ("Members", f"/o/{world.org.slug}/members/") in options(palette(world, query="memb"))
    assert ("New project", f"/o/{world.org.slug}/projects/new/") in options(palette(world, "member", query="new pro"))
    assert ("Invite a member", f"/o/{world.org.slug}/invitations/new/") in options(palette(world, "admin", query="add"))
    assert ("Security", "/account/security/") in options(palette(world, query="password"))


def test_the_palette_offers_only_what_one_may_do(world, project):
    for_viewer = [label for label, _ in options(palette(world))]
    assert "New project" not in for_viewer
    assert "Invite a member" not in for_viewer
    assert "Settings" not in for_viewer
    assert "Administration" not in for_viewer
    for_owner = [label for label, _ in options(palette(world, "owner"))]
    assert {"New project", "Invite a member", "Settings", "Projects", "Members"} <= set(for_owner)


def test_the_palette_switches_organizations(world):
    Membership.objects.create(organization=world.other.org, user=world.viewer, role="viewer")
    assert (world.other.org.name, f"/o/{world.other.org.slug}/") in options(palette(world, query="birch"))
    assert (world.other.org.name, f"/o/{world.other.org.slug}/") in options(palette(world, query="switch"))
    assert world.org.name not in [label for label, _ in options(palette(world, query="acorn"))]


def test_the_palette_works_outside_of_an_organization(world):
    found = options(world.client("viewer").get("/search/palette/", {"q": ""}))
    assert (world.org.name, f"/o/{world.org.slug}/") in found
    assert "Your profile" in [label for label, _ in found]
    assert options(world.client("outsider").get("/search/palette/", {"q": "zebra"})) == []
    staff = [label for label, _ in options(world.client("staff").get("/search/palette/"))]
    assert "Administration" in staff


def test_the_palette_leads_to_the_page_of_results(world):
    assert options(palette(world, query="no such thing & more"))[-1][1] == (
        f"/o/{world.org.slug}/search/?q=no+such+thing+%26+more"
    )
    assert all("?q=" not in address for _, address in options(palette(world)))


def test_options_have_ids_of_their_own(world, project):
    found = re.findall(r'\bid="([^"]+)"', text(palette(world, "owner", query="")))
    assert len(found) == len(set(found)) > 10


def test_the_palette_shows_nothing_of_another_organization(world, dispatch_events):
    create_project(org=world.other.org, actor=world.other.owner, name="Harbor of Birch")
    rebuild(world.other.org)
    dispatch_events()
    for query in ("harbor", "birch", "harbour", "o"):
        for response in (palette(world, "owner", query), page(world, "owner", q=query)):
            assert not [word for word in world.other.words if word in text(response)]


def test_typing_quickly_is_no_offence(world):
    for n in range(60):
        assert palette(world, query="harbor"[: n % 6]).status_code == 200


def test_every_page_has_the_palette(world):
    for path in (f"/o/{world.org.slug}/", "/o/", "/account/security/"):
        shown = text(world.client("viewer").get(path, follow=True))
        assert '<dialog id="palette"' in shown, path
        assert "js/palette.js" in shown


@override_settings(DEBUG=False)
def test_every_action_has_a_page(world):
    assert all(line.url for line in actions.of_organization(world.owner, world.org))
    assert all(line.url for line in actions.of_person(world.staff))
    assert all(
        hooks.can(world.owner, each.permission, org=world.org)
        for each in actions._actions
        if each.scope == actions.ORGANIZATION
    )
