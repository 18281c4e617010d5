"""An owner reads the audit log in a browser: finds an entry, sees what changed, verifies, takes it along."""

import csv
import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import check_accessibility

LOG = "/o/acme/audit/"
PASSWORD = "groundwork-demo"  # of the demo's people (platform_admin/demo.py)


def sign_in(page, who="owner"):
    page.goto(f"/accounts/login/?next={LOG}")
    page.get_by_label("Email").fill(f"{who}@groundwork.test")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Audit log")).to_be_visible()
    return page


def create_and_rename(page):
    page.goto("/o/acme/projects/new/")
    page.get_by_label("Name", exact=True).fill("Ledger")
    page.get_by_role("button", name="Create project").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill("Ledger of the harbor")
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_role("heading", name="Ledger of the harbor")).to_be_visible()


@pytest.mark.e2e
def test_an_owner_finds_a_change_verifies_the_log_and_exports_it(visitor):
    page = sign_in(visitor())
    create_and_rename(page)
    page.get_by_role("link", name="Audit log").click()
    rows = page.locator("#audit-list tbody tr")
    page.get_by_label("Action").select_option(label="Update")
    page.get_by_label("Object").select_option(label="Project")
    expect(rows.first).to_contain_text("changed the project Ledger of the harbor")
    expect(page.locator("#audit-list")).not_to_contain_text("audit.read")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    with Path(download.value.path()).open(newline="", encoding="utf-8") as handle:
        assert {row["event"] for row in csv.DictReader(handle)} == {"project.updated"}
    expect(page.get_by_role("button", name="CSV")).not_to_have_attribute("aria-busy", "true")
    with page.expect_download() as download:  # the form is usable again without a reload
        page.get_by_role("button", name="JSON lines").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    assert {json.loads(line)["event"] for line in lines} == {"project.updated"}

    rows.first.get_by_role("link").click()
    changed = page.locator(".diff-changed").filter(has_text="name")
    expect(changed.locator(".diff-before")).to_have_text("Ledger")
    expect(changed.locator(".diff-after")).to_have_text("Ledger of the harbor")
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_text("The log is intact")).to_be_visible()
    page.get_by_role("link", name="Open project").click()
    expect(page.get_by_role("heading", name="Ledger of the harbor")).to_be_visible()


@pytest.mark.e2e
def test_the_log_works_without_a_script(visitor):
    page = sign_in(visitor(java_script_enabled=False))
    page.get_by_label("Action").select_option(label="Create")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("#audit-list tbody tr").first).to_contain_text("Create")
    page.get_by_role("button", name="Verify now").click()
    expect(page.get_by_text("The log is intact")).to_be_visible()


@pytest.mark.e2e
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_everyone_can_use_the_log(visitor, theme):
    page = sign_in(visitor(color_scheme=theme))
    page.locator("#audit-list tbody a.list-title").first.click()
    entry = page.url
    for width in (360, 1440):
        page.set_viewport_size({"width": width, "height": 900})
        for address in (LOG, f"{LOG}?action=impersonate", entry):
            page.goto(address)
            check_accessibility(page)
            is_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
            assert not is_wide, f"{address} scrolls sideways at {width} px"
