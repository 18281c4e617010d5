"""An admin connects a system of the customer's: its receiver works, breaks, is repaired, and misses nothing."""

from collections.abc import Callable
from itertools import product as combinations

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import check_accessibility

HOOKS = "/o/acme/webhooks/"
RECEIVER = "/sandbox/hooks/ledger/"
PASSWORD = "groundwork-demo"  # of the demo's people


def sign_in(page: Page) -> None:
    page.goto(f"/accounts/login/?next={HOOKS}")
    page.get_by_label("Email").fill("admin@groundwork.test")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Webhooks", exact=True)).to_be_visible()


def add_endpoint(page: Page, address: str) -> str:
    """Answers the signing secret."""
    page.get_by_role("link", name="Add an endpoint").click()
    page.get_by_label("Name", exact=True).fill("Ledger")
    page.get_by_label("Address", exact=True).fill(address)
    page.get_by_label("Only these").check()
    page.get_by_role("checkbox", name="project.created").check()
    page.get_by_role("button", name="Add endpoint").click()
    secret = page.get_by_role("region", name="Secret").inner_text().strip()
    page.get_by_role("button", name="I have stored it").click()
    expect(page.get_by_role("heading", name="Ledger", exact=True)).to_be_visible()
    return secret


def create_project(page: Page, name: str) -> None:
    page.goto("/o/acme/projects/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()


def answer_with(receiver: Page, label: str) -> None:
    receiver.get_by_role("button", name=label, exact=True).click()
    expect(receiver.get_by_role("button", name=label, exact=True)).to_have_attribute("aria-pressed", "true")


@pytest.mark.e2e
def test_a_receiver_breaks_is_repaired_and_misses_nothing(visitor: Callable[..., Page]) -> None:
    page, receiver = visitor(), visitor()
    receiver.goto(RECEIVER)
    address = receiver.locator("#receiver-url").inner_text()
    sign_in(page)
    secret = add_endpoint(page, address)
    endpoint = page.url
    receiver.get_by_label("Secret", exact=True).fill(secret)
    receiver.get_by_role("button", name="Save the secret").click()

    # A test shows the true result in place.
    page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("It arrived")).to_be_visible()

    # What happens arrives, verified, while both pages are watched.
    deliveries = receiver.locator("#deliveries li")
    create_project(page, "Harbor wall")
    expect(deliveries).to_have_count(2)
    expect(deliveries.first).to_contain_text("project.created")
    expect(deliveries.first).to_contain_text("Verified")

    # It breaks: the next one is tried again.
    answer_with(receiver, "500")
    create_project(page, "Harbor light")
    page.goto(endpoint)
    log = page.locator("#deliveries li")
    expect(log.first).to_contain_text("2 attempts", timeout=60_000)
    expect(log.first).to_contain_text("Trying again")
    page.reload()
    expect(page.get_by_text("Nothing has arrived since").first).to_be_visible()
    expect(deliveries).to_have_count(4)
    expect(deliveries.first).to_contain_text("Same id, time 2")
    log.first.get_by_role("link").click()
    expect(page.get_by_text("The endpoint answered 500.").first).to_be_visible()
    message_id = page.locator("dd", has_text="msg_").inner_text().strip()

    # Repaired, it is sent at once, under the id that it had.
    answer_with(receiver, "200 OK")
    page.get_by_role("button", name="Send now").click()
    expect(page.locator("#delivery header .badge").first).to_have_text("Arrived")
    expect(page.get_by_role("button", name="Replay")).to_be_visible()
    expect(deliveries.first).to_contain_text("Same id, time 3")
    expect(deliveries.first).to_contain_text(message_id)
    expect(deliveries.first).to_contain_text("Verified")

    # And once more, because somebody wants it.
    page.get_by_role("button", name="Replay").click()
    expect(deliveries.first).to_contain_text("Same id, time 4")


@pytest.mark.e2e
def test_everybody_can_use_the_pages_of_webhooks(visitor: Callable[..., Page]) -> None:
    sizes, schemes = ({"width": 360, "height": 800}, {"width": 1440, "height": 900}), ("light", "dark")
    page = visitor()
    sign_in(page)
    for width, scheme in combinations(sizes, schemes):
        page.set_viewport_size(width)  # type: ignore[arg-type]
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.goto(HOOKS)
        check_accessibility(page)
        if page.get_by_role("link", name="Ledger").count():
            page.get_by_role("link", name="Ledger").click()
            check_accessibility(page)
            page.locator("#deliveries li a").first.click()
            check_accessibility(page)
        page.goto(f"{HOOKS}new/")
        page.get_by_label("Only these").check()
        check_accessibility(page)
        fits = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert page.evaluate(fits), page.url
    page.goto(RECEIVER)
    check_accessibility(page)
