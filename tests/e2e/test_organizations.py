"""Several people fill an organization, change who may do what, hand it over, and leave."""

import re
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, Mailbox, check_accessibility, unique_address

DEMO_PASSWORD = "groundwork-demo"


def sign_in(page: Page, email: str, password: str = DEMO_PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email", exact=True).fill(email)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page).not_to_have_url(re.compile("/login/"))


def confirm_person(page: Page, password: str) -> None:
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Confirm").click()


def look(page: Page) -> None:
    """No serious fault for anybody, in either theme and at either width."""
    size = page.viewport_size or {"width": 1280, "height": 900}
    for theme in ("light", "dark"):
        page.emulate_media(color_scheme=theme)
        page.wait_for_timeout(300)  # colors move to their new values
        check_accessibility(page)
    page.set_viewport_size({"width": 360, "height": 780})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{page.url} is too wide for a phone"
    check_accessibility(page)
    page.set_viewport_size(size)
    page.emulate_media(color_scheme="light")
    page.wait_for_timeout(300)


@pytest.fixture
def owner(visitor) -> Page:
    """Olivia with an organization of her own, on its dashboard."""
    page = visitor()
    sign_in(page, "owner@groundwork.test")
    page.goto("/o/new/")
    page.get_by_label("Organization name").fill(f"Harbor {time.time_ns():x}")
    page.get_by_role("button", name="Create organization").click()
    expect(page).to_have_url(re.compile(r"/o/harbor-[a-z0-9]+/$"))
    return page


def test_a_name_without_a_gap_fits_a_phone(visitor):
    page = visitor(viewport={"width": 360, "height": 780})
    sign_in(page, "viewer@groundwork.test")
    page.goto("/o/new/")
    name = f"Unabhängigkeitserklärungs{'versammlungs' * 3}{time.time_ns():x}"
    page.get_by_label("Organization name").fill(name)
    page.get_by_role("button", name="Create organization").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(name)
    home = page.url
    paths = ["", "projects/", "members/", "activity/", "webhooks/", "audit/", "settings/", "roles/"]
    for url in [*(home + path for path in paths), "/o/", "/notifications/preferences/", "/account/"]:
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{url} is too wide for a phone"
        if url.startswith(home) and url != home:
            assert name in page.title(), "tabs of two organizations can be told apart"


def invite(page: Page, *addresses: str, role: str = "Member", note: str = "") -> None:
    page.get_by_role("link", name="Members", exact=True).first.click()
    page.get_by_role("link", name="Invite people").click()
    page.get_by_label("E-mail addresses").fill("\n".join(addresses))
    page.get_by_label("Role", exact=True).select_option(label=role)
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Send invitations").click()


def get_started(page: Page, name: str) -> None:
    """The steps of a new person; nobody who was invited is asked for an organization."""
    page.get_by_role("button", name="Get started").click()
    page.get_by_label("Your name", exact=True).fill(name)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="As you like it")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Open the product").click()


def test_three_people_fill_an_organization_and_hand_it_over(owner: Page, visitor, mailbox: Mailbox):
    slug = owner.url.rstrip("/").rpartition("/")[2]
    ada, bob, grace = (unique_address(name) for name in ("ada", "bob", "grace"))

    # Olivia invites three, and one by mistake
    invite(owner, ada, f"Bob Builder <{bob}>", grace, "nonsense", note="See you on Monday.")
    expect(owner.get_by_role("heading", name="3 invitations sent, 1 not")).to_be_visible()
    expect(owner.get_by_text("“nonsense” is not an e-mail address.")).to_be_visible()
    expect(owner.get_by_label("E-mail addresses")).to_have_value("nonsense")
    look(owner)

    # She sends Ada's again: the first link is dead, the second one lives
    first = mailbox.open_link(ada, subject="invites you")
    owner.get_by_role("link", name="All invitations").click()
    look(owner)
    owner.get_by_role("button", name=f"Send the invitation of {ada} again").click()
    expect(owner.get_by_text(f"The invitation was sent to {ada} again")).to_be_visible()
    her = visitor()
    her.goto(first)
    expect(her.get_by_role("heading", name="This link leads nowhere")).to_be_visible()
    look(her)
    second = first
    for _ in range(40):
        second = mailbox.open_link(ada, subject="invites you")
        if second != first:
            break
    visitor().goto(second)  # a mail scanner was there before her

    # Ada has no account: she makes one, confirms nothing, is asked for no organization, and is in
    her.goto(second)
    expect(her.get_by_text("See you on Monday.")).to_be_visible()
    look(her)
    her.get_by_role("button", name="Create an account and join").click()
    expect(her.get_by_label("Email", exact=True)).to_have_value(ada)
    look(her)
    her.get_by_label("Password", exact=True).fill(PASSWORD)
    her.get_by_role("button", name="Create account").click()
    get_started(her, "Ada Archer")
    expect(her).to_have_url(re.compile(rf"/o/{slug}/$"))

    # Bob declines, without an account
    his = visitor()
    his.goto(mailbox.open_link(bob, subject="invites you"))
    his.get_by_role("button", name="No, thank you").click()
    expect(his.get_by_role("heading", name="The invitation is declined")).to_be_visible()
    look(his)

    # Grace is known by another address, is asked, and joins with it
    other = visitor()
    sign_in(other, "staff@groundwork.test")
    other.goto(mailbox.open_link(grace, subject="invites you"))
    expect(other.get_by_text("the invitation is for another address")).to_be_visible()
    look(other)
    other.get_by_role("button", name="Join as staff@groundwork.test").click()
    expect(other).to_have_url(re.compile(rf"/o/{slug}/$"))
    expect(other.get_by_text("Welcome to Harbor").first).to_be_visible()

    # Olivia makes Ada an admin, who from then on may invite
    her.goto(f"/o/{slug}/members/")
    expect(her.get_by_role("link", name="Invite people")).to_have_count(0)
    owner.goto(f"/o/{slug}/members/")
    look(owner)
    owner.get_by_label("Search members").fill("archer")
    expect(owner.get_by_role("row")).to_have_count(2)
    owner.get_by_label("Role of Ada Archer").select_option(label="Admin")
    expect(owner.get_by_text("Ada Archer is Admin now.")).to_be_visible()
    her.reload()
    expect(her.get_by_role("link", name="Invite people")).to_be_visible()

    # Ada suspends the third, who is told so, and gives the access back
    her.get_by_role("link", name="Manage Stella Staff").click()
    look(her)
    her.get_by_role("button", name="Suspend").click()
    expect(her.get_by_text("has no access to it")).to_be_visible()
    other.goto(f"/o/{slug}/")
    expect(other.get_by_role("heading", name="Your access is suspended")).to_be_visible()
    look(other)
    her.get_by_role("button", name="Give access").click()
    expect(her.get_by_role("button", name="Suspend")).to_be_visible()
    other.goto(f"/o/{slug}/")
    expect(other.get_by_role("heading", level=1)).to_contain_text("Harbor")

    # Olivia may not just go; she hands over, and both say who they are
    owner.goto(f"/o/{slug}/members/leave/")
    look(owner)
    owner.get_by_role("button", name="Leave the organization").click()
    expect(owner.get_by_text("needs an owner")).to_be_visible()
    owner.goto(f"/o/{slug}/ownership/")
    owner.get_by_role("link", name="Hand over").click()
    confirm_person(owner, DEMO_PASSWORD)
    look(owner)
    owner.get_by_label("New primary owner").select_option(label=f"Ada Archer ({ada})")
    owner.get_by_role("button", name="Send the offer").click()
    expect(owner.get_by_role("heading", name="to Ada Archer")).to_be_visible()
    look(owner)
    her.goto(mailbox.open_link(ada, subject="hand"))
    look(her)
    her.get_by_role("link", name="Accept").click()
    confirm_person(her, PASSWORD)
    look(her)
    her.get_by_role("button", name="Take over").click()
    expect(her.get_by_text("You are the primary owner of Harbor").first).to_be_visible()

    # Now Olivia goes
    owner.goto(f"/o/{slug}/members/leave/")
    owner.get_by_role("button", name="Leave the organization").click()
    expect(owner.get_by_text("You have left Harbor")).to_be_visible()
    owner.goto(f"/o/{slug}/")
    expect(owner.get_by_role("heading", name="There is nothing here")).to_be_visible()


def test_inviting_and_joining_work_without_javascript(visitor, mailbox: Mailbox):
    page = visitor(java_script_enabled=False)
    sign_in(page, "admin@groundwork.test")
    page.goto("/o/acme/")
    eve = unique_address("eve")
    invite(page, eve, role="Viewer")
    expect(page.get_by_role("heading", name="1 invitation sent")).to_be_visible()

    her = visitor(java_script_enabled=False)
    her.goto(mailbox.open_link(eve, subject="invites you"))
    her.get_by_role("button", name="Create an account and join").click()
    her.get_by_label("Password", exact=True).fill(PASSWORD)
    her.get_by_role("button", name="Create account").click()
    get_started(her, "Eve Early")
    expect(her).to_have_url(re.compile("/o/acme/$"))

    page.goto("/o/acme/members/?q=Eve+Early")
    page.get_by_label("Role of Eve Early").select_option(label="Member")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Eve Early is Member now.")).to_be_visible()
    page.goto("/o/acme/members/?q=Eve+Early")
    page.get_by_role("link", name="Manage Eve Early").click()
    page.get_by_role("link", name="Remove").click()
    page.get_by_role("button", name="Remove Eve Early").click()
    expect(page.get_by_text("Eve Early does not belong to Acme any more.")).to_be_visible()
    her.goto("/o/acme/")
    expect(her.get_by_role("heading", name="There is nothing here")).to_be_visible()
