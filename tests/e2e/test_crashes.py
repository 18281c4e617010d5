"""Somebody works while a process is killed: what was confirmed is there, and the product comes back by itself."""

import json
import os
import signal
import subprocess
import time

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Product, is_answering, unique_address
from tests.e2e.test_newcomer import sign_in

PATIENCE_SECONDS = 120


@pytest.mark.parametrize("victim", ["mongodb", "valkey", "web", "worker"])
def test_what_was_confirmed_outlives_a_kill(product: Product, visitor, mailbox, victim):
    page = visitor()
    sign_in(page, "owner@groundwork.test")
    name = f"Written before {victim} dies {time.time_ns():x}"
    create_project(page, name)

    page.goto("about:blank")  # what a page loads by itself would meet the moment in which the victim is dead
    killed = process_of(product, victim)
    os.kill(killed, signal.SIGKILL)

    wait_for_another(product, victim, killed)
    wait_until(lambda: is_answering(f"{product.url}/readyz"))
    page.goto("/o/acme/projects/")
    expect(page.get_by_role("link", name=name)).to_be_visible()
    create_project(page, f"{name}, and after")

    # mail still gets through
    address = unique_address(victim)
    visitor_page = visitor()
    visitor_page.goto("/accounts/password/reset/")
    visitor_page.get_by_label("Email", exact=True).fill(address)
    visitor_page.get_by_role("button", name="Send the link").click()
    expect(mailbox.wait_for(address)).to_be_visible()


def create_project(page: Page, name: str) -> None:
    page.goto("/o/acme/projects/new/")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_role("button", name="Create project").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(name)


def process_of(product: Product, name: str) -> int:
    """The process id of a server, or of the main process of one of the runner's children."""
    if name in ("mongodb", "valkey"):
        note = product.data_dir / "data" / "run" / f"{name}.json"  # gone while the server is started again
        return int(json.loads(note.read_text())["pid"]) if note.exists() else 0
    pattern = {"web": "saas.wsgi:application", "worker": "saas.celery worker"}[name]
    listed = subprocess.run(
        ["pgrep", "--parent", str(product.process.pid), "--full", pattern], check=False, capture_output=True, text=True
    )
    return int(listed.stdout.split()[0]) if listed.stdout else 0


def wait_for_another(product: Product, name: str, killed: int) -> None:
    wait_until(lambda: process_of(product, name) not in (0, killed))


def wait_until(condition) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come back"
        time.sleep(0.2)
