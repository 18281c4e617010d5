"""People search in a browser: by keys alone, on a page without a script; and nobody finds what is private."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import check_accessibility

HOME = "/o/acme/"
PROJECTS = "/o/acme/projects/"
PASSWORD = "groundwork-demo"  # of the demo's people (platform_admin/demo.py)
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def sign_in(visitor: Callable[..., Page]) -> Callable[..., Page]:
    def open_as(role: str, **options: object) -> Page:
        page = visitor(**options)
        page.goto(f"/accounts/login/?next={PROJECTS}")
        page.get_by_label("Email").fill(f"{role}@groundwork.test")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        expect(page.get_by_role("heading", name="Projects", exact=True)).to_be_visible()
        return page

    return open_as


def create(page: Page, name: str) -> None:
    page.goto(f"{PROJECTS}new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def ask(page: Page, query: str) -> None:
    """Types into the palette and waits until its options fit."""
    with page.expect_response(
        lambda answer: "/palette/" in answer.url and answer.url.endswith(query.replace(" ", "%20"))
    ):
        page.keyboard.type(query)


def until_indexed(page: Page, name: str, *, found: bool = True) -> None:
    """The index follows by itself; a busy machine takes longer than the two seconds of a quiet one."""
    asked, _, rest = name.partition(" ")  # what is asked for is marked in the answer
    for _ in range(160):
        options = page.request.get(f"{HOME}search/palette/", params={"q": asked})
        if options.ok and (rest in options.text()) is found:
            return
        page.wait_for_timeout(250)
    raise AssertionError(f"{name} is {'not ' if found else 'still '}found.")


def option(page: Page, name: str):
    return page.get_by_role("option", name=name)


@pytest.mark.e2e
def test_a_new_project_is_found_and_opened_by_keys_alone(sign_in):
    page = sign_in("owner")
    create(page, "Zephyr turbine")
    until_indexed(page, "Zephyr turbine")
    page.goto(HOME)
    opener = page.locator("[data-palette-open]")
    opener.focus()
    page.keyboard.press("Control+k")
    combobox = page.get_by_role("combobox", name="Search or jump to")
    expect(combobox).to_be_focused()
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")

    # arrows, Home and End choose; the focus stays in the text
    page.keyboard.press("End")
    expect(page.get_by_role("option").last).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("option").first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowDown")
    second = page.get_by_role("option").nth(1)
    expect(second).to_have_attribute("aria-selected", "true")
    expect(combobox).to_have_attribute("aria-activedescendant", second.get_attribute("id") or "")
    expect(combobox).to_be_focused()

    # Escape leaves, and gives the focus back
    page.keyboard.press("Escape")
    expect(combobox).to_be_hidden()
    expect(opener).to_be_focused()

    page.keyboard.press("Control+k")
    ask(page, "zeph")
    expect(option(page, "Zephyr turbine")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zephyr turbine")).to_be_visible()

    # a quick typist presses Enter before the options have come
    page.goto(HOME)
    page.keyboard.press("Control+k")
    page.keyboard.type("zephyr")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Zephyr turbine")).to_be_visible()

    # deleted, it is gone
    page.goto(f"{page.url}delete/")
    page.get_by_role("textbox").fill("Zephyr turbine")
    page.get_by_role("button", name="Delete for good").click()
    expect(page.get_by_text("“Zephyr turbine” is deleted.")).to_be_visible()
    until_indexed(page, "Zephyr turbine", found=False)
    page.keyboard.press("Control+k")
    ask(page, "zephyr")
    expect(option(page, "Search everything for “zephyr”")).to_be_visible()
    expect(option(page, "Zephyr turbine")).to_have_count(0)


@pytest.mark.e2e
def test_the_palette_goes_to_pages_and_actions(sign_in):
    page = sign_in("owner")
    page.get_by_role("link", name="Search or jump to").click()
    ask(page, "invite")
    page.keyboard.press("Enter")
    page.wait_for_url("**/o/acme/invitations/new/")
    page.goto("/account/security/")
    page.keyboard.press("Control+k")
    ask(page, "acme")
    page.keyboard.press("Enter")
    page.wait_for_url("**/o/acme/")


@pytest.mark.e2e
def test_a_private_project_is_not_found_by_another_member(sign_in):
    page = sign_in("owner")
    create(page, "Quartz acquisition")
    page.get_by_role("link", name="Share").first.click()
    page.get_by_label("Only some people").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("It is saved who sees this project.")).to_be_visible()
    colleague = sign_in("member")
    for where in ("search/?q=quartz", "search/palette/?q=quartz"):
        colleague.goto(f"{HOME}{where}")
        expect(colleague.locator("body")).not_to_contain_text("acquisition")
        page.goto(f"{HOME}{where}")
        expect(page.get_by_text("Quartz acquisition").first).to_be_visible()


@pytest.mark.e2e
def test_search_works_without_a_script(sign_in):
    page = sign_in("member", java_script_enabled=False)
    create(page, "Marble quarry")
    until_indexed(page, "Marble quarry")
    page.get_by_role("link", name="Search or jump to").click()
    page.get_by_label("What are you looking for?").fill("marble")
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name="Marble quarry").click()
    expect(page.get_by_role("heading", name="Marble quarry")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, {"width": 1440, "height": 900}], ids=["phone", "wide"])
def test_the_palette_and_the_page_are_accessible(sign_in, theme, viewport):
    page = sign_in("owner", color_scheme=theme, viewport=viewport)
    for path in (f"{HOME}search/", f"{HOME}search/?q=acme", f"{HOME}search/?q=zzzz"):
        page.goto(path)
        check_accessibility(page)
    page.locator("[data-palette-open]").click()
    expect(page.get_by_role("option").first).to_be_visible()
    check_accessibility(page)
    if viewport == PHONE:
        box = page.locator("#palette").bounding_box()
        assert box
        assert (box["width"], box["height"]) == (360, 740), "on a phone it is a sheet"
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
    ask(page, "new")
    check_accessibility(page)
