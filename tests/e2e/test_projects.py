"""Colleagues work on projects in a browser: create, find, change, archive, share, delete; also without a script."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import check_accessibility

LIST = "/o/acme/projects/"
PASSWORD = "groundwork-demo"  # of the demo's people (platform_admin/demo.py)


@pytest.fixture
def sign_in(visitor: Callable[..., Page]) -> Callable[..., Page]:
    def open_as(role: str, **options: object) -> Page:
        page = visitor(**options)
        page.goto(f"/accounts/login/?next={LIST}")
        page.get_by_label("Email").fill(f"{role}@groundwork.test")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
        return page

    return open_as


def create(page: Page, name: str, *, tags: str = "", status: str = "Planned") -> None:
    page.goto(f"{LIST}new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Status").select_option(label=status)
    page.get_by_label("Tags").fill(tags)
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


@pytest.mark.e2e
@pytest.mark.parametrize("java_script", [True, False], ids=["script", "no script"])
def test_a_project_from_its_creation_to_its_end(sign_in, java_script):
    page = sign_in("owner", java_script_enabled=java_script)
    name = f"Harbor {'with' if java_script else 'without'} script"

    # a mistake first: what was typed stays
    page.get_by_role("link", name="New project").click()
    page.get_by_label("Description").fill("Stones and wood.")
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_text("This field is required.").first).to_be_visible()
    expect(page.get_by_label("Description")).to_have_value("Stones and wood.")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Tags").fill("Sea, stone")
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()
    expect(page.get_by_text(f"“{name}” is created.")).to_be_visible()
    address = page.url

    # change
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Status").select_option(label="Paused")
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("#project .badge").filter(has_text="Paused")).to_be_visible()

    # archive and restore
    page.locator("#project summary").click()
    page.get_by_role("button", name="Archive").click()
    expect(page.get_by_text("This project was archived")).to_be_visible()
    page.goto(f"{LIST}?view=archived")
    page.get_by_role("link", name=name).click()
    page.get_by_role("button", name="Restore").click()
    expect(page.get_by_role("link", name="Edit")).to_be_visible()
    assert page.url == address

    # delete, by its name
    page.locator("#project summary").click()
    page.get_by_role("link", name="Delete").click()
    page.get_by_role("textbox").fill("something else")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("This is not the name of the project.").first).to_be_visible()
    page.get_by_role("textbox").fill(name)
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text(f"“{name}” is deleted.")).to_be_visible()
    assert page.url.endswith(LIST)


@pytest.mark.e2e
def test_the_list_follows_what_is_typed(sign_in):
    page = sign_in("owner")
    for name, status in (("Lamp one", "Active"), ("Lamp two", "Done"), ("Rope", "Active")):
        create(page, name, status=status, tags="dock" if name == "Rope" else "")
    page.goto(LIST)
    rows = page.locator("#project-list tbody tr")
    page.get_by_label("Name begins with").press_sequentially("lamp")
    expect(rows).to_have_count(2)
    expect(page.get_by_label("Name begins with")).to_be_focused()
    page.get_by_label("Status").select_option(label="Done")
    expect(rows).to_have_count(1)
    expect(page).to_have_url(re.compile(r"q=lamp.*status=done"))
    page.reload()
    expect(rows).to_have_count(1)
    expect(page.get_by_label("Name begins with")).to_have_value("lamp")
    page.goto(LIST)
    page.get_by_role("link", name="Tag: dock").click()
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Show all tags").click()
    expect(rows.filter(has_text="Lamp one")).to_have_count(1)


@pytest.mark.e2e
def test_the_list_is_filtered_without_a_script(sign_in):
    page = sign_in("owner", java_script_enabled=False)
    create(page, "Anchor")
    create(page, "Buoy")
    page.goto(LIST)
    page.get_by_label("Name begins with").fill("anch")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#project-list tbody tr")).to_have_count(1)


@pytest.mark.e2e
def test_pages_turn_in_place_and_back_goes_back(sign_in):
    page = sign_in("member")
    for number in range(22):
        create(page, f"Page turner {number:02}")
    page.goto(f"{LIST}?view=mine&sort=name&q=page")
    rows = page.locator("#project-list tbody tr")
    expect(rows).to_have_count(20)
    page.get_by_role("link", name="Next").click()
    expect(rows).to_have_count(2)
    page.get_by_role("link", name="Previous").click()
    expect(rows).to_have_count(20)
    page.go_back()
    expect(rows).to_have_count(2)
    expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()


@pytest.mark.e2e
def test_two_people_edit_and_nothing_is_lost(sign_in):
    owner, member = sign_in("owner"), sign_in("member")
    create(owner, "Shared plan")
    member.goto(owner.url)
    member.get_by_role("link", name="Edit").click()
    owner.get_by_role("link", name="Edit").click()
    owner.get_by_label("Description").fill("The owner's words.")
    owner.get_by_role("button", name="Save changes").click()
    expect(owner.get_by_text("Your changes are saved.")).to_be_visible()
    member.get_by_label("Description").fill("The member's words.")
    member.get_by_role("button", name="Save changes").click()
    expect(member.get_by_text("Olivia Owner changed this project while you were editing it")).to_be_visible()
    expect(member.get_by_text("Saved now: The owner's words.")).to_be_visible()
    expect(member.get_by_label("Description")).to_have_value("The member's words.")
    member.get_by_role("button", name="Save changes").click()
    expect(member.locator("#project").get_by_text("The member's words.")).to_be_visible()


@pytest.mark.e2e
def test_a_private_project_disappears_for_the_others(sign_in):
    admin, member = sign_in("admin"), sign_in("member")
    create(admin, "Quiet plan")
    admin.get_by_role("link", name="Share").click()
    expect(admin.get_by_label("Victor Viewer")).to_be_hidden()
    admin.get_by_label("Only some people").check()
    admin.get_by_label("Victor Viewer").check()
    admin.get_by_role("button", name="Save").click()
    expect(admin.get_by_text("Adam Admin, Victor Viewer")).to_be_visible()
    member.goto(f"{LIST}?q=quiet")
    expect(member.get_by_text("No project fits")).to_be_visible()
    viewer = sign_in("viewer")
    viewer.goto(admin.url)
    expect(viewer.get_by_role("heading", name="Quiet plan")).to_be_visible()
    expect(viewer.get_by_role("link", name="Edit")).to_have_count(0)


@pytest.mark.e2e
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_pages(sign_in, theme):
    page = sign_in("owner", color_scheme=theme)
    create(page, f"Reachable {theme}", tags="dock", status="Active")
    detail = page.url
    for address in (LIST, f"{LIST}?tag=dock", f"{LIST}?q=zzz", f"{LIST}new/", detail, f"{detail}edit/",
                    f"{detail}share/", f"{detail}delete/"):  # fmt: skip
        page.goto(address)
        check_accessibility(page)
    page.goto(f"{detail}edit/")
    page.get_by_label("Name", exact=True).fill("")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_label("Name", exact=True)).to_be_focused()
    check_accessibility(page)
