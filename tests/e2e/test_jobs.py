"""A person starts exports, watches, cancels and downloads; the staff corrects a failed mail and sends it again."""

import json
import re
import zipfile
from collections.abc import Callable
from datetime import UTC, datetime

from bson import ObjectId
from playwright.sync_api import Page, expect
from pymongo.database import Database

from platform_admin.demo import PASSWORD, PEOPLE
from tests.e2e.conftest import check_accessibility, unique_address

#: So many entries make an export that takes some seconds.
MANY = 300_000


def sign_in(page: Page, role: str) -> None:
    person = next(each for each in PEOPLE if role in (each.role, each.platform_role))
    page.goto("/accounts/login/")
    page.get_by_label("Email", exact=True).fill(person.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.wait_for_url(re.compile(r"/(o|onboarding|admin)/"))
    if "/onboarding/" in page.url:
        onboard(page)


def onboard(page: Page) -> None:
    """Through whatever getting started asks."""
    for _ in range(6):
        if "/onboarding/" not in page.url:
            return
        step = page.url
        page.wait_for_load_state()
        if page.get_by_label("Organization name", exact=True).count():
            page.get_by_label("Organization name", exact=True).fill(f"Works {datetime.now(UTC):%H%M%S}")
        page.get_by_role("button", name=re.compile("Get started|Continue|Open the product")).click()
        page.wait_for_function("step => location.href !== step", arg=step)


def give_a_long_history(database: Database, role: str) -> None:
    person = database["accounts_user"].find_one(
        {"email": next(each.email for each in PEOPLE if role in (each.role, each.platform_role))}
    )
    row = {"event": "user.updated", "action": "update", "resource": "user", "user_id": str(person["_id"])}
    now = datetime.now(UTC)
    rows = [{**row, "_id": ObjectId(), "created_at": now} for _ in range(MANY)]
    database["events"].insert_many(rows, ordered=False)


def test_a_person_watches_cancels_and_downloads_an_export(visitor: Callable[..., Page], database, tmp_path):
    page = visitor(accept_downloads=True)
    sign_in(page, "member")
    give_a_long_history(database, "member")

    page.goto("/account/export/")
    page.get_by_role("button", name="Make an export").click()
    expect(page.get_by_role("heading", name="Is it you?")).to_be_visible()
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Confirm", exact=True).click()
    page.get_by_role("button", name="Make an export").click()
    row = page.locator("li.job").first
    bar = row.locator("progress[value]")
    expect(bar).to_be_visible()
    first = int(bar.get_attribute("value") or 0)
    expect(bar).not_to_have_attribute("value", str(first))
    row.get_by_role("button", name="Cancel").click()
    expect(row).to_contain_text("Cancelled", timeout=60_000)

    page.get_by_role("button", name=re.compile("Make (an|a new) export")).click()
    row = page.locator("li.job").first
    expect(row.locator("progress[value]")).to_be_visible()
    check_accessibility(page)
    download_link = row.get_by_role("link", name="Download")
    expect(download_link).to_be_visible(timeout=180_000)
    with page.expect_download() as waiting:
        download_link.click()
    path = tmp_path / "export.zip"
    waiting.value.save_as(path)
    with zipfile.ZipFile(path) as archive:
        assert len(json.loads(archive.read("events.json"))) >= MANY

    page.goto("/account/jobs/")
    expect(page.locator("li.job")).to_have_count(2)
    check_accessibility(page)


def test_the_staff_corrects_a_failed_mail_and_sends_it_again(visitor: Callable[..., Page]):
    wrong, right = unique_address("typo").replace("example.test", "refused.test"), unique_address("right")
    owner = visitor()
    sign_in(owner, "owner")
    owner.goto("/o/acme/invitations/new/")
    owner.get_by_label("E-mail addresses").fill(wrong)
    owner.get_by_role("button", name="Send invitations").click()
    expect(owner.get_by_role("heading", name=re.compile("1 invitation"))).to_be_visible()

    staff = visitor()
    sign_in(staff, "platform_admin")
    staff.goto("/admin/jobs/")
    for title in ("Queues", "Workers and clocks", "Schedules"):
        expect(staff.get_by_role("heading", name=title)).to_be_visible()
    expect(staff.get_by_role("row", name=re.compile("sweep_jobs"))).to_be_visible()
    letter = staff.get_by_role("row", name=re.compile(re.escape(wrong)))
    expect(letter).to_be_visible(timeout=60_000)
    check_accessibility(staff)
    letter.get_by_role("link").click()
    expect(staff.get_by_text("no such mailbox")).to_be_visible()
    check_accessibility(staff)
    field = staff.get_by_label(re.compile("What the task is given"))
    field.fill(field.input_value().replace(wrong, right))
    staff.get_by_role("button", name="Save the payload").click()
    expect(staff.get_by_text("The payload is saved")).to_be_visible()
    expect(staff.get_by_label(re.compile("What the task is given"))).to_have_value(re.compile(re.escape(right)))
    staff.get_by_role("button", name="Try again").click()
    expect(staff).to_have_url(re.compile(r"/admin/jobs/$"))

    inbox = visitor()
    for _ in range(160):
        inbox.goto(f"/sandbox/mail/?to={right}")
        if inbox.get_by_text(right).count() > 1 or inbox.get_by_role("link", name=re.compile("invites")).count():
            break
        inbox.wait_for_timeout(250)
    expect(inbox.get_by_role("link", name=re.compile("invites")).first).to_be_visible()
    expect(staff.get_by_role("row", name=re.compile(re.escape(right)))).to_have_count(0)
