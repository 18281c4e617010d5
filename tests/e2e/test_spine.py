"""One click, and everybody who should know of it does, without a reload."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import check_accessibility
from tests.e2e.test_newcomer import fits, sign_in

LIVE = 20_000  # milliseconds: before a page without a connection looks by itself; `make bench` knows the real time


@pytest.fixture
def window(visitor):
    """A browser in which somebody of the demo's people is signed in and looks at a page."""

    def open_window(who: str, path: str, **options: object) -> Page:
        page = visitor(**options)
        sign_in(page, f"{who}@groundwork.test")
        page.goto(path)
        return page

    return open_window


@pytest.fixture
def create(window):
    """The owner's browser, with which projects are created."""
    page = window("owner", "/o/acme/projects/new/")

    def create_project(name: str) -> None:
        page.goto("/o/acme/projects/new/")
        page.get_by_label("Name", exact=True).fill(name)
        page.get_by_role("button", name="Create project").click(no_wait_after=True)

    return create_project


def name_of(what: str) -> str:
    return f"{what} {time.time_ns():x}"


def test_one_click_reaches_feed_inbox_search_audit_log_and_staff(create, window):
    colleague = window("member", "/o/acme/activity/")
    admin = window("admin", "/o/acme/audit/?event=project.created")
    staff = window("staff", "/admin/events/")
    bell = colleague.locator("#bell-count")
    expect(bell).to_have_attribute("hx-get", re.compile("notifications"))
    with colleague.expect_response(re.compile(r"/notifications/count/")) as counted:  # the page's connection is open
        colleague.reload()
    told_before = number_in(counted.value.text())

    name = name_of("Lighthouse")
    create(name)

    # a colleague's bell, and the line of the feed, in a second browser
    colleague.wait_for_function(
        "before => parseInt(document.querySelector('#bell-count .bell-badge')?.textContent ?? 0) > before",
        arg=told_before,
        timeout=LIVE,
    )
    expect(colleague.get_by_role("link", name="1 new")).to_be_visible(timeout=LIVE)
    colleague.get_by_role("link", name="1 new").click()
    line = colleague.locator(".activity-line").first
    expect(line).to_contain_text(f"Olivia Owner created the project {name}")
    expect(line).to_have_class(re.compile("is-new"))
    assert colleague.url.endswith("/o/acme/activity/"), "no reload"

    # the search of the same page
    colleague.keyboard.press("Control+k")
    colleague.get_by_role("combobox", name="Search or jump to").fill(name)
    expect(colleague.get_by_role("option").filter(has_text=name).first).to_be_visible()
    colleague.keyboard.press("Escape")

    # the notification says what the bell counts
    colleague.locator("#bell-button").click()
    expect(colleague.locator("#bell-list")).to_contain_text(f"Olivia Owner created the project {name}")

    # the audit entry with its diff
    admin.reload()
    admin.locator("#audit-list tbody tr").filter(has_text=name).get_by_role("link").first.click()
    expect(admin.locator(".diff-added").filter(has_text="name").locator(".diff-after")).to_have_text(name)

    # the staff's view of the event, which came by itself
    row = staff.locator("tr").filter(has_text=name)
    expect(row).to_contain_text("project.created")
    row.get_by_role("link", name="project.created").click()
    way = staff.locator("#way")
    expect(way).to_contain_text("Arrived")
    for sink in ("Activity feed", "Notifications", "Search", "Webhooks"):
        expect(way.locator("tr").filter(has_text=sink)).to_contain_text("Done")
    expect(way).to_contain_text("Sealed")


def number_in(bell: str) -> int:
    found = re.search(r"(\d+) new", bell)
    return int(found[1]) if found else 0


def test_the_dashboard_and_a_project_show_what_happens_as_it_happens(create, window):
    colleague = window("viewer", "/o/acme/")
    panel = colleague.get_by_role("region", name="Recent activity")
    expect(panel).to_be_visible()
    name = name_of("Breakwater")
    create(name)
    expect(panel).to_contain_text(f"created the project {name}")
    panel.get_by_role("link", name=name).click()
    expect(colleague.get_by_role("region", name="Activity")).to_contain_text(f"created the project {name}")


def test_the_feed_is_read_and_filtered_without_a_script(create, window):
    name = name_of("Jetty")
    create(name)
    reader = window("viewer", "/o/acme/activity/", java_script_enabled=False)
    line = reader.locator(".activity-line").filter(has_text=name)
    for _ in range(100):
        if line.count():
            break
        reader.wait_for_timeout(200)
        reader.reload()
    expect(line).to_be_visible()
    reader.get_by_label("What happened").select_option("project.deleted")
    reader.get_by_role("button", name="Show").click()
    expect(line).to_have_count(0)
    reader.goto("/o/acme/")
    reader.get_by_role("link", name="All activity").click()
    expect(reader.get_by_role("heading", name="Activity", exact=True)).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_feed_and_the_pages_of_events_are_for_everybody(window, create, scheme):
    create(name_of("Quay"))
    size = {"viewport": {"width": 360, "height": 780}, "color_scheme": scheme}
    reader = window("viewer", "/o/acme/activity/", **size)
    expect(reader.locator(".activity-line").first).to_be_visible()
    check_accessibility(reader)
    assert fits(reader)
    staff = window("staff", "/admin/events/", **size)
    for path in ("/admin/events/", "/admin/events/parked/", "/admin/events/matrix/"):
        staff.goto(path)
        check_accessibility(staff)
        assert fits(staff), path
    staff.goto("/admin/events/")
    staff.locator("tbody a.list-title").first.click()
    expect(staff.get_by_role("heading", name="Its way")).to_be_visible()
    check_accessibility(staff)
    assert fits(staff)
