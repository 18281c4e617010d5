"""A person deletes the account: kept from it by an organization, back by signing in, and in the end gone."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect
from pymongo.database import Database

from tests.e2e.conftest import PASSWORD, Mailbox, check_accessibility, unique_address
from tests.e2e.test_newcomer import sign_up
from tests.e2e.test_organizations import DEMO_PASSWORD, confirm_person, get_started, invite, look
from tests.e2e.test_organizations import sign_in as sign_in_with
from tests.e2e.test_security import finish_onboarding

DELETE = "/account/delete/"


def sign_in(page: Page, address: str) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email", exact=True).fill(address)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()


def open_deletion(page: Page) -> None:
    page.goto("/account/security/")
    page.get_by_role("link", name="Delete account").click()
    page.wait_for_load_state()
    if page.get_by_role("heading", name="Is it you?").count():
        confirm_person(page, PASSWORD)
    expect(page.get_by_role("heading", name="Delete your account?")).to_be_visible()


def delete_account(page: Page, address: str) -> None:
    open_deletion(page)
    page.get_by_label("to confirm").fill(address)
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_role("heading", name="Your account is closed")).to_be_visible()


def run_clock(page: Page) -> None:
    """The staff start the clock's task by hand."""
    page.goto("/admin/jobs/")
    page.get_by_role("button", name=re.compile("end_accounts")).click()


def test_a_person_hands_over_leaves_comes_back_and_is_gone(visitor, mailbox: Mailbox, database: Database):
    page, address = visitor(), unique_address("ruth")
    sign_up(page, mailbox, address)
    finish_onboarding(page, "ruth")
    slug = page.url.rstrip("/").rpartition("/")[2]

    # Ruth is the only one in her organization, so it is in the way
    open_deletion(page)
    expect(page.get_by_text("You are its only member.")).to_be_visible()
    expect(page.get_by_label("to confirm")).to_have_count(0)
    look(page)

    # She invites somebody, and hands it over
    heir_address = unique_address("hugo")
    page.goto(f"/o/{slug}/")
    invite(page, heir_address)
    heir = visitor()
    heir.goto(mailbox.open_link(heir_address, subject="invites you"))
    heir.get_by_role("button", name="Create an account and join").click()
    heir.get_by_label("Password", exact=True).fill(PASSWORD)
    heir.get_by_role("button", name="Create account").click()
    get_started(heir, "Hugo Heir")
    open_deletion(page)
    page.get_by_role("link", name=re.compile("^Hand it over")).click()
    page.get_by_role("link", name="Hand over").click()
    page.get_by_label("New primary owner").select_option(label=f"Hugo Heir ({heir_address})")
    page.get_by_role("button", name="Send the offer").click()
    heir.goto(f"/o/{slug}/ownership/")
    heir.get_by_role("link", name="Accept").click()
    confirm_person(heir, PASSWORD)
    heir.get_by_role("button", name="Take over").click()
    expect(heir.get_by_text("You are the primary owner of").first).to_be_visible()

    # Nothing is in the way any more; another address deletes nothing
    elsewhere = visitor()
    sign_in(elsewhere, address)
    expect(elsewhere).to_have_url(re.compile(f"/o/{slug}/$"))
    open_deletion(page)
    look(page)
    page.get_by_label("to confirm").fill("somebody@example.com")
    page.get_by_role("button", name="Delete my account").click()
    expect(page.get_by_text("This is not your address.")).to_be_visible()
    check_accessibility(page)
    delete_account(page, address)
    look(page)
    elsewhere.goto("/account/")
    expect(elsewhere).to_have_url(re.compile("/accounts/login/"))

    # The right password leads to the way back
    mailbox.wait_for(address, subject="is being deleted")
    sign_in(page, address)
    expect(page.get_by_role("heading", name="Your account is being deleted")).to_be_visible()
    look(page)
    page.get_by_role("button", name="Keep my account").click()
    expect(page.get_by_text("Your account is back.").first).to_be_visible()
    mailbox.wait_for(address, subject="is back")
    page.goto(f"/o/{slug}/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()

    # She goes all the same, the time passes, and the clock does the rest
    delete_account(page, address)
    past = datetime.now(UTC) - timedelta(minutes=1)
    ruth = database["accounts_user"].find_one_and_update({"email": address}, {"$set": {"deletes_at": past}})
    assert ruth
    staff = visitor()
    sign_in_with(staff, "staff@groundwork.test", DEMO_PASSWORD)
    run_clock(staff)
    mailbox.wait_for(address, subject="is deleted")
    for _ in range(40):
        run_clock(staff)
        staff.wait_for_timeout(500)
        if database["accounts_user"].find_one({"_id": ruth["_id"]}) is None:
            break
    assert database["accounts_user"].find_one({"_id": ruth["_id"]}) is None

    # Her colleague sees that somebody has left; her address is free
    heir.goto(f"/o/{slug}/members/")
    expect(heir.get_by_text("Hugo Heir").first).to_be_visible()
    expect(heir.get_by_text("Ruth", exact=True)).to_have_count(0)
    assert database["events"].count_documents({"event": "user.deleted", "resource_id": str(ruth["_id"])}) == 1
    left = database["events"].find_one({"event": "member.left", "user_id": str(ruth["_id"])})
    assert left
    assert left["actor"]["name"] == "Deleted person"
    sign_up(visitor(), mailbox, address)


def test_leaving_works_without_javascript(visitor, mailbox: Mailbox):
    page, address = visitor(), unique_address("nora")
    sign_up(page, mailbox, address)
    plain = visitor(java_script_enabled=False)
    sign_in(plain, address)
    plain.goto(DELETE)
    if plain.get_by_role("heading", name="Is it you?").count():
        confirm_person(plain, PASSWORD)
    plain.get_by_label("to confirm").fill(address)
    plain.get_by_role("button", name="Delete my account").click()
    expect(plain.get_by_role("heading", name="Your account is closed")).to_be_visible()
    sign_in(plain, address)
    plain.get_by_role("button", name="Keep my account").click()
    expect(plain).to_have_url(re.compile("/onboarding/"))
