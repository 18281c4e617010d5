"""Every way in and out, as a person takes it: codes, an app, a passkey, another account, sessions, another address."""

import base64
import hashlib
import hmac
import re
import struct
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import PASSWORD, Mailbox, check_accessibility, unique_address
from tests.e2e.test_newcomer import fits, sign_up

CODE_IN_SUBJECT = re.compile(r"([A-Z]{4}-[A-Z]{4})")


@pytest.fixture
def newcomer(visitor, mailbox: Mailbox):
    """`newcomer("ada")`: a new person's page and address, onboarding done."""

    def arrive(name: str, **options) -> tuple[Page, str]:
        page, address = visitor(**options), unique_address(name)
        sign_up(page, mailbox, address)
        finish_onboarding(page, name)
        return page, address

    return arrive


def finish_onboarding(page: Page, name: str) -> None:
    page.get_by_role("button", name="Get started").click()
    page.get_by_label("Your name", exact=True).fill(name.title())
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Organization name", exact=True).fill(f"{name} {time.time_ns():x}")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="As you like it")).to_be_visible()
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("button", name="Open the product").click()
    expect(page).to_have_url(re.compile(r"/o/[a-z0-9-]+/$"))


def totp(secret: str, at: float) -> str:
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", int(at // 30)), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def open_security(page: Page, link: str) -> None:
    """From the security page to one of its parts, confirming who it is when asked."""
    page.goto("/account/security/")
    page.get_by_role("link", name=link, exact=True).click()
    confirm_if_asked(page)


def confirm_if_asked(page: Page) -> None:
    page.wait_for_load_state()
    if page.get_by_role("heading", name="Is it you?").count():
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("button", name="Confirm", exact=True).click()


def sign_out(page: Page) -> None:
    page.goto("/account/security/")
    page.get_by_text("Your menu").locator("xpath=ancestor::summary").click()
    page.get_by_role("button", name="Sign out", exact=True).first.click()
    expect(page).to_have_url(re.compile(r"/$"))


def give_password(page: Page, address: str, password: str = PASSWORD) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_label("Password", exact=True).fill(password)
    page.get_by_role("button", name="Sign in", exact=True).click()


def looks_right(page: Page) -> None:
    check_accessibility(page)
    assert fits(page), page.url


def test_an_authenticator_app_and_recovery_codes(newcomer):
    page, address = newcomer("totp")
    open_security(page, "Turn on")
    looks_right(page)
    secret = page.locator("#totp-secret").text_content()
    page.get_by_label("Code from the app", exact=True).fill(totp(secret, time.time()))
    page.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("heading", name="10 of 10 left")).to_be_visible()
    looks_right(page)
    codes = page.locator(".code-list code").all_text_contents()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download").click()
    assert codes[0] in download.value.path().read_text()

    sign_out(page)
    give_password(page, address)
    expect(page.get_by_role("heading", name="The second step")).to_be_visible()
    looks_right(page)
    page.get_by_label("Code", exact=True).fill(codes[0])
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Trust this browser?")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Trust this browser for 30 days").click()
    page.goto("/account/security/")
    expect(page.get_by_text("9 of 10 left")).to_be_visible()
    looks_right(page)

    sign_out(page)
    give_password(page, address)
    expect(page).to_have_url(re.compile("/o/"))  # trusted: nothing more is asked


def test_a_passkey_is_added_named_used_and_removed(newcomer):
    page, _ = newcomer("passkey")
    devices = page.context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    devices.send(
        "WebAuthn.addVirtualAuthenticator",
        {"options": {**options, "isUserVerified": True, "automaticPresenceSimulation": True}},
    )
    open_security(page, "Add a passkey")
    looks_right(page)
    page.get_by_label("Name of the passkey").fill("My laptop")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Recovery codes", level=1)).to_be_visible()
    page.get_by_role("link", name="Done").click()
    expect(page.get_by_text("My laptop")).to_be_visible()

    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page).to_have_url(re.compile("/o/"))
    page.goto("/account/security/")
    expect(page.get_by_text(re.compile("last used just now"))).to_be_visible()

    page.get_by_role("link", name="Rename My laptop").click()
    confirm_if_asked(page)
    page.get_by_label("Name of the passkey").fill("Old laptop")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("link", name="Remove Old laptop").click()
    looks_right(page)
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("Sign in with your fingerprint")).to_be_visible()

    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("button", name="Sign in with a passkey").click()
    expect(page.get_by_text(re.compile("passkey|code is not right")).last).to_be_visible()
    expect(page).to_have_url(re.compile("/accounts/login/"))


def test_signing_in_by_a_mailed_code(newcomer, mailbox: Mailbox):
    page, address = newcomer("coded")
    sign_out(page)
    page.goto("/accounts/login/")
    page.get_by_role("link", name="Mail me a sign-in code").click()
    looks_right(page)
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_role("button", name="Send the code").click()
    looks_right(page)
    code = mailed_code(mailbox, address)
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Confirm", exact=True).click()
    expect(page).to_have_url(re.compile("/o/"))


def mailed_code(mailbox: Mailbox, address: str) -> str:
    row = mailbox.page.get_by_role("link", name=re.compile("is your sign-in code")).first
    for _ in range(160):
        mailbox.page.goto(f"/sandbox/mail/?to={address}")
        if row.count():
            return CODE_IN_SUBJECT.search(row.text_content())[1]
        mailbox.page.wait_for_timeout(250)
    raise AssertionError("No code has come.")


def test_signing_up_and_in_by_an_account_elsewhere(visitor):
    page, address = visitor(), unique_address("elsewhere")
    for expected in ("/onboarding/", "/onboarding/"):
        page.goto("/accounts/login/")
        page.get_by_role("button", name="Continue with Sandbox ID").click()
        expect(page.get_by_role("heading", name="Sandbox ID")).to_be_visible()
        page.get_by_label("Email", exact=True).fill(address)
        page.get_by_label("Name", exact=True).fill("Elsa Where")
        page.get_by_role("button", name="Continue", exact=True).click()
        expect(page).to_have_url(re.compile(expected))
        page.get_by_role("button", name="Sign out").click()


def test_signing_out_everywhere_else_closes_the_open_pages_there(newcomer, visitor):
    page, address = newcomer("sessions")
    other = visitor(viewport={"width": 360, "height": 740})
    give_password(other, address)
    expect(other).to_have_url(re.compile("/o/"))
    with other.expect_response(lambda answer: "/stream/events" in answer.url and answer.status == 200):
        other.goto("/account/security/")
    page.goto("/accounts/sessions/")
    looks_right(page)
    page.get_by_role("button", name="Sign out everywhere else").click()
    confirm_if_asked(page)
    page.get_by_role("button", name="Sign out everywhere else").click()
    expect(page.get_by_text("You are signed in nowhere else.")).to_be_visible()
    expect(other).to_have_url(re.compile("/accounts/login/"))


def test_another_address_is_confirmed_there_and_told_at_the_old_one(newcomer, mailbox: Mailbox):
    page, address = newcomer("mover")
    fresh = unique_address("moved")
    page.goto("/accounts/email/")
    page.get_by_label("Email", exact=True).fill(fresh)
    page.get_by_role("button", name="Add address").click()
    confirm_if_asked(page)
    page.goto(mailbox.open_link(fresh, subject="confirm"))
    page.get_by_role("button", name="Confirm this address").click()
    page.goto("/accounts/email/")
    page.get_by_label(fresh).check()
    page.get_by_role("button", name="Make it the main one").click()
    expect(page.get_by_text("Your main address is changed")).to_be_visible()

    page.goto(mailbox.open_link(address, subject="address was changed"))
    expect(page.get_by_role("heading", name="Was this not you?")).to_be_visible()
    looks_right(page)
    page.get_by_role("button", name="Lock my account").click()
    page.get_by_label("New password", exact=True).fill("quite another meadow 49")
    page.get_by_role("button", name="Save the password").click()
    give_password(page, address, "quite another meadow 49")
    expect(page).to_have_url(re.compile("/o/"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1440])
def test_the_pages_of_security_are_accessible_in_both_themes(newcomer, scheme, width):
    page, _ = newcomer("viewer", color_scheme=scheme, viewport={"width": width, "height": 900})
    for path in ("/account/security/", "/accounts/sessions/", "/accounts/connected/", "/accounts/email/",
                 "/accounts/password/change/", "/account/locked/", "/account/not-me/x/"):  # fmt: skip
        page.goto(path)
        looks_right(page)
