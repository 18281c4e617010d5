"""A colleague hears of a new project in another browser, and two windows of one person always agree."""

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import check_accessibility, until_told

PASSWORD = "groundwork-demo"  # of the demo's people (platform_admin/demo.py)
LIVE = 20_000  # milliseconds: before a page without a connection looks by itself; `make bench` knows the real time


@pytest.fixture
def sign_in(visitor: Callable[..., Page]) -> Callable[..., Page]:
    def open_as(role: str, path: str, **options: object) -> Page:
        page = visitor(**options)
        page.goto(f"/accounts/login/?next={path}")
        page.get_by_label("Email").fill(f"{role}@groundwork.test")
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Sign in", exact=True).click()
        page.wait_for_url(f"**{path}")
        return page

    return open_as


def create_project(page: Page, name: str) -> None:
    """Up to the click; the page that follows is not waited for."""
    page.goto("/o/acme/projects/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create project").click(no_wait_after=True)


def until_live(page: Page, path: str) -> None:
    """Open a page; its stream stands when the bell has asked for its number."""
    with page.expect_response(re.compile(r"/notifications/count/")):
        page.goto(path)


@pytest.mark.e2e
def test_a_colleague_hears_of_a_project_and_two_windows_agree(sign_in, database):
    owner, member = sign_in("owner", "/o/acme/"), sign_in("member", "/account/")
    second = member.context.new_page()
    until_told(member, database)  # of the sign-ins too
    member.locator("#bell-button").click()  # whatever there was is seen
    expect(member.locator("#bell-list form, #bell-list .bell-empty").first).to_be_visible()
    expect(member.locator(".bell-badge")).to_have_count(0)
    until_live(member, "/account/")
    until_live(second, "/account/")
    for window in (member, second):
        expect(window.locator(".bell-badge")).to_have_count(0)

    first = f"Atlas {time.time_ns():x}"
    create_project(owner, first)
    for window in (member, second):
        expect(window.locator(".bell-badge")).to_have_text("1", timeout=LIVE)
    expect(owner.get_by_role("heading", name=first)).to_be_visible()
    owner.goto("/notifications/")
    expect(owner.get_by_text(first)).to_have_count(0)

    member.locator("#bell-button").click()
    expect(member.locator("#bell-list")).to_contain_text(first)
    expect(second.locator(".bell-badge")).to_have_count(0)

    until_live(second, "/notifications/?show=unread")
    expect(second.locator("li.notice", has_text=first)).to_be_visible()
    another = f"Borealis {time.time_ns():x}"
    create_project(owner, another)
    expect(second.locator("li.notice", has_text=another)).to_be_visible(timeout=LIVE)

    until_live(member, "/notifications/")
    member.get_by_role("button", name="Mark all as read").last.click()
    expect(member.locator("li.notice.is-unread")).to_have_count(0)
    expect(second.get_by_text("You have read everything")).to_be_visible()

    member.get_by_role("link", name=re.compile(another)).last.click()
    expect(member.get_by_role("heading", name=another)).to_be_visible()


@pytest.mark.e2e
def test_the_pages_fit_and_everybody_can_use_them(sign_in):
    page = sign_in("admin", "/notifications/")
    for width, scheme in ((360, "light"), (360, "dark"), (1440, "light"), (1440, "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        for path in ("/notifications/preferences/", "/o/acme/settings/notifications/", "/notifications/"):
            page.goto(path)
            check_accessibility(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{path} at {width} px"
        page.locator("#bell-button").click()
        expect(page.locator("#bell-list form, #bell-list .bell-empty").first).to_be_visible()
        check_accessibility(page)
        page.keyboard.press("Escape")
        expect(page.locator("#bell-list")).not_to_be_visible()


@pytest.mark.e2e
def test_the_inbox_works_without_javascript(sign_in):
    owner, page = sign_in("owner", "/o/acme/"), sign_in("viewer", "/notifications/", java_script_enabled=False)
    name = f"Cygnus {time.time_ns():x}"
    create_project(owner, name)
    for _ in range(100):
        page.goto("/notifications/")
        if page.get_by_text(name).count():
            break
        page.wait_for_timeout(250)
    page.get_by_role("button", name=re.compile(f"^Mark as read: .*{name}")).click()
    page.get_by_role("button", name=re.compile(f"^Mark as unread: .*{name}")).click()
    page.get_by_role("button", name=re.compile(f"^Archive: .*{name}")).click()
    expect(page.get_by_role("heading", name="Notifications", exact=True)).to_be_visible()
    expect(page.get_by_text(name)).to_have_count(0)
    page.get_by_role("link", name="Archived").click()
    expect(page.get_by_text(name)).to_be_visible()


@pytest.mark.e2e
def test_without_a_stream_the_bell_asks_by_itself(sign_in):
    owner, page = sign_in("owner", "/o/acme/"), sign_in("viewer", "/account/")
    page.context.route("**/stream/**", lambda route: route.abort())
    create_project(owner, f"Draco {time.time_ns():x}")
    expect(owner.get_by_text("is created")).to_be_visible()
    until_live(page, "/account/")
    expect(page.locator(".bell-badge")).to_be_visible()
