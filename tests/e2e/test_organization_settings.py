"""An owner renames an organization, gives it a logo, deletes it by typing its name, and brings it back."""

import re
from io import BytesIO

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Mailbox, check_accessibility
from tests.e2e.test_newcomer import fits, sign_in

PASSWORD = "groundwork-demo"
OWNER = "owner@groundwork.test"


@pytest.fixture
def owner(visitor) -> Page:
    """The owner of a new organization, on its dashboard."""
    page = visitor()
    sign_in(page, OWNER)
    return page


def found(page: Page, name: str) -> str:
    """A new organization; its address."""
    page.goto("/o/new/")
    page.get_by_label("Organization name").fill(name)
    page.get_by_role("button", name="Create organization").click()
    expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    return re.search(r"/o/[a-z0-9-]+/", page.url)[0]


def confirm_who_it_is(page: Page) -> None:
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm").click()


@pytest.mark.parametrize("options", [{}, {"java_script_enabled": False}], ids=["", "without JavaScript"])
def test_an_owner_renames_and_old_links_lead_on(visitor, options):
    page = visitor(**options)
    sign_in(page, OWNER)
    old = found(page, f"Old Quay {len(options)}")
    page.get_by_role("link", name="Settings", exact=True).click()
    page.get_by_label("Organization name").fill(f"New Quay {len(options)}")
    page.get_by_label("Address").fill(f"new-quay-{len(options)}")
    page.get_by_label("Time zone").select_option("Europe/Rome")
    page.get_by_label("Role of new members").select_option("viewer")
    page.get_by_role("button", name="Save changes").click()
    expect(page).to_have_url(re.compile(f"/o/new-quay-{len(options)}/settings/$"))
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(page.get_by_label("Time zone")).to_have_value("Europe/Rome")

    page.goto(f"{old}projects/?view=archived")
    expect(page).to_have_url(re.compile(rf"/o/new-quay-{len(options)}/projects/\?view=archived$"))

    page.goto("/o/new/")
    page.get_by_label("Organization name").fill("Somebody else")
    page.get_by_label("Address").fill(old.split("/")[2])
    page.get_by_role("button", name="Create organization").click()
    expect(page.get_by_text("is taken. Choose another one.")).to_be_visible()
    delete(page, f"/o/new-quay-{len(options)}/", f"New Quay {len(options)}")


def delete(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}settings/")
    page.get_by_role("link", name="Delete the organization").click()
    expect(page).not_to_have_url(re.compile("/settings/$"))
    if "/reauthenticate/" in page.url:
        confirm_who_it_is(page)
    expect(page.get_by_role("heading", name=f"Delete {name}?")).to_be_visible()
    page.get_by_label(re.compile("to confirm")).fill(name)
    page.get_by_role("button", name=f"Delete {name}").click()
    expect(page.get_by_role("heading", name=f"{name} is being deleted")).to_be_visible()


def test_an_owner_gives_the_organization_a_logo(owner, tmp_path):
    address = found(owner, "Harbor Sign")
    owner.goto(f"{address}settings/")
    picture = tmp_path / "sign.png"
    data = BytesIO()
    Image.new("RGBA", (600, 600), (10, 110, 80, 255)).save(data, "PNG")
    picture.write_bytes(data.getvalue())
    owner.get_by_label("Picture").set_input_files(tmp_path / "sign.png")
    owner.get_by_role("button", name="Save the logo").click()
    shown = owner.locator("nav#sidebar .avatar img").first
    expect(shown).to_be_visible()
    assert shown.evaluate("image => image.complete && image.naturalWidth") == 256

    fake = tmp_path / "sign.svg"
    fake.write_text('<svg xmlns="http://www.w3.org/2000/svg"/>')
    owner.get_by_label("Picture").set_input_files(fake)
    owner.get_by_role("button", name="Save the logo").click()
    expect(owner.get_by_text("This is no PNG, JPEG or WebP picture")).to_be_visible()

    owner.reload()
    owner.get_by_role("button", name="Remove the logo").click()
    expect(owner.get_by_text("The logo is removed.")).to_be_visible()
    expect(owner.locator("nav#sidebar .sidebar-switch img")).to_have_count(0)
    delete(owner, address, "Harbor Sign")


def test_an_owner_deletes_by_typing_the_name_and_restores(owner, mailbox: Mailbox):
    address = found(owner, "Short Pier")
    owner.goto(f"{address}settings/")
    owner.get_by_role("link", name="Delete the organization").click()
    confirm_who_it_is(owner)
    owner.get_by_label(re.compile("to confirm")).fill("Long Pier")
    owner.get_by_role("button", name="Delete Short Pier").click()
    expect(owner.get_by_text("This is not the name of the organization.")).to_be_visible()
    owner.get_by_label(re.compile("to confirm")).fill("Short Pier")
    owner.get_by_role("button", name="Delete Short Pier").click()
    expect(owner.get_by_role("heading", name="Short Pier is being deleted")).to_be_visible()

    owner.goto(f"{address}projects/")
    expect(owner.get_by_role("heading", name="Short Pier is being deleted")).to_be_visible()
    owner.goto("/o/")
    expect(owner.get_by_role("heading", name="Being deleted")).to_be_visible()

    owner.goto(mailbox.open_link(OWNER, subject="Short Pier is being deleted"))
    owner.get_by_role("button", name="Restore Short Pier").click()
    expect(owner).to_have_url(re.compile(f"{address}$"))
    expect(owner.get_by_text("Short Pier is back, as it was.")).to_be_visible()
    expect(owner.get_by_role("heading", name="Short Pier", level=1)).to_be_visible()
    delete(owner, address, "Short Pier")


def test_somebody_reads_why_not_and_whom_to_ask(visitor):
    page = visitor(viewport={"width": 360, "height": 740})
    sign_in(page, "member@groundwork.test")
    page.goto("/o/acme/settings/")
    expect(page.get_by_role("heading", name="Why can’t I?")).to_be_visible()
    expect(page.get_by_role("link", name="Ask Olivia Owner")).to_be_visible()
    page.get_by_role("link", name="What each role may do").click()
    expect(page.get_by_role("heading", name="Roles", level=1)).to_be_visible()
    expect(page.get_by_role("columnheader", name="Member (your role)")).to_be_visible()
    assert fits(page)


def test_the_front_door_leads_to_the_organization_of_the_last_page(owner):
    owner.goto("/o/acme/")
    owner.goto("/")
    expect(owner).to_have_url(re.compile("/o/acme/$"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_pages_are_accessible_in_both_themes(visitor, scheme, width):
    page = visitor(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, OWNER)
    for path in ("settings/", "roles/", "settings/delete/"):
        page.goto(f"/o/acme/{path}")
        if "/reauthenticate/" in page.url:
            confirm_who_it_is(page)
        check_accessibility(page)
        assert fits(page), path
    other = visitor(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(other, "viewer@groundwork.test")
    other.goto("/o/acme/settings/")
    check_accessibility(other)
    assert fits(other)
