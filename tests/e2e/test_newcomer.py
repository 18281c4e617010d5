"""A newcomer signs up, confirms the address, is onboarded, and stands on the dashboard of an own organization."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, Mailbox, check_accessibility, unique_address

MOST_TABS = 60


class Mouse:
    """Uses a page by pointing and typing."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def fill(self, label: str, text: str) -> None:
        self.page.get_by_label(label, exact=True).fill(text)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button).click()

    def follow(self, link: str) -> None:
        self.page.get_by_role("link", name=link, exact=True).first.click()


class Keyboard(Mouse):
    """Uses a page without a pointer: Tab, letters, Enter."""

    def fill(self, label: str, text: str) -> None:
        self.go_to(self.page.get_by_label(label, exact=True))
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def press(self, button: str) -> None:
        self.go_to(self.page.get_by_role("button", name=button))
        self.page.keyboard.press("Enter")

    def follow(self, link: str) -> None:
        self.go_to(self.page.get_by_role("link", name=link, exact=True).first)
        self.page.keyboard.press("Enter")

    def go_to(self, target) -> None:
        expect(target).to_be_visible()
        for _ in range(MOST_TABS):
            if target.evaluate("element => element === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"{MOST_TABS} presses of Tab do not reach {target}")


@pytest.mark.parametrize(
    ("hands", "options"),
    [
        (Mouse, {}),
        (Keyboard, {}),
        (Mouse, {"java_script_enabled": False}),
        (Mouse, {"viewport": {"width": 360, "height": 740}}),
    ],
    ids=["mouse", "keyboard alone", "without JavaScript", "phone"],
)
def test_a_newcomer_gets_from_the_front_door_to_the_dashboard(visitor, mailbox: Mailbox, hands, options):
    page = visitor(**options)
    person = hands(page)
    address = unique_address("newcomer")
    page.goto("/")
    person.follow("Create an account")

    person.fill("Email", address)
    person.fill("Password", PASSWORD)
    person.press("Create account")
    expect(page.get_by_role("heading", name="Check your mail")).to_be_visible()

    page.goto(mailbox.open_link(address, subject="confirm"))
    person.press("Confirm this address")

    expect(page.get_by_role("heading", name="Welcome", level=1)).to_be_visible()
    person.press("Get started")
    expect(page.get_by_role("heading", name="Who are you?")).to_be_visible()
    person.fill("Your name", "Nora Newcomer")
    person.press("Continue")
    expect(page.get_by_role("heading", name="Where do you work?")).to_be_visible()
    person.fill("Organization name", f"Harbor {address.split('@')[0]}")
    person.press("Continue")
    expect(page.get_by_role("heading", name="As you like it")).to_be_visible()
    person.press("Continue")
    expect(page.get_by_role("heading", name="That is all")).to_be_visible()
    person.press("Open the product")

    expect(page).to_have_url(re.compile(r"/o/harbor-newcomer[a-z0-9-]*/$"))
    expect(page.get_by_role("heading", level=1)).to_contain_text("Harbor")
    expect(page.get_by_text("Nora Newcomer").first).to_be_attached()


def test_onboarding_goes_on_where_it_was_left_on_another_device(visitor, mailbox: Mailbox):
    page = visitor()
    address = unique_address("traveler")
    sign_up(page, mailbox, address)
    page.get_by_role("button", name="Get started").click()
    page.get_by_label("Your name", exact=True).fill("Theo Traveler")
    page.get_by_label("Your name", exact=True).press("Tab")
    page.wait_for_load_state("networkidle")

    other = visitor(viewport={"width": 360, "height": 740})
    other.goto("/accounts/login/")
    other.get_by_label("Email", exact=True).fill(address)
    other.get_by_label("Password", exact=True).fill(PASSWORD)
    other.get_by_role("button", name="Sign in", exact=True).click()
    expect(other.get_by_role("heading", name="Who are you?")).to_be_visible()
    expect(other.get_by_label("Your name", exact=True)).to_have_value("Theo Traveler")


def test_somebody_forgets_the_password_and_chooses_a_new_one(visitor, mailbox: Mailbox):
    page = visitor()
    address = unique_address("forgetful")
    sign_up(page, mailbox, address)
    page.get_by_role("button", name="Sign out").click()

    page.goto("/accounts/password/reset/")
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_role("button", name="Send the link").click()
    link = mailbox.open_link(address, subject="new password")
    visitor().goto(link)  # a mail scanner was there first
    page.goto(link)
    page.get_by_label("New password", exact=True).fill("another quiet meadow 48")
    page.get_by_role("button", name="Save the password").click()

    page.goto("/accounts/login/")
    if page.get_by_role("heading", name="Welcome", level=1).count() == 0:
        page.get_by_label("Email", exact=True).fill(address)
        page.get_by_label("Password", exact=True).fill("another quiet meadow 48")
        page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Welcome", level=1)).to_be_visible()


def sign_up(page: Page, mailbox: Mailbox, address: str) -> None:
    """A new person with a confirmed address, at the first step of onboarding."""
    page.goto("/accounts/signup/")
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.goto(mailbox.open_link(address, subject="confirm"))
    page.get_by_role("button", name="Confirm this address").click()
    expect(page.get_by_role("heading", name="Welcome", level=1)).to_be_visible()


PUBLIC_PAGES = (
    "/", "/terms/", "/privacy/", "/accounts/login/", "/accounts/signup/", "/accounts/password/reset/", "/sandbox/mail/",
    "/styleguide/", "/no-such-page/",
)  # fmt: skip
SIGNED_IN_PAGES = (
    "/o/",
    "/o/new/",
    "/o/acme/",
    "/account/",
    "/accounts/email/",
    "/accounts/password/change/",
    "/o/no-such/",
)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_every_page_is_accessible_in_both_themes(visitor, scheme, width):
    page = visitor(color_scheme=scheme, viewport={"width": width, "height": 900})
    for path in PUBLIC_PAGES:
        page.goto(path)
        check_accessibility(page)
        assert fits(page), path
    sign_in(page, "owner@groundwork.test")
    for path in SIGNED_IN_PAGES:
        page.goto(path)
        check_accessibility(page)
        assert fits(page), path


def sign_in(page: Page, address: str, password: str = "groundwork-demo") -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile("/o/|/onboarding/|/admin/"))


def fits(page: Page) -> bool:
    """Nothing makes the page scroll sideways."""
    return page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def test_signing_out_in_one_window_reaches_the_other(visitor):
    page = visitor()
    sign_in(page, "viewer@groundwork.test")
    other = page.context.new_page()
    with other.expect_response(lambda answer: "/stream/events" in answer.url and answer.status == 200):
        other.goto("/o/acme/")
    page.goto("/o/acme/")
    page.get_by_text("Your menu").locator("xpath=ancestor::summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(other).to_have_url(re.compile("/accounts/login/"))
