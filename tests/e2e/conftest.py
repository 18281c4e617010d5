"""The whole product, as `make dev` runs it, and real browsers that use it."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import randrange

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect, sync_playwright
from pymongo import MongoClient
from pymongo.database import Database

ROOT = Path(__file__).resolve().parents[2]
START_SECONDS = 180
PASSWORD = "a quiet meadow 47"
SEVERE = ("serious", "critical")

expect.set_options(timeout=30_000)  # only a failing test waits this long


@dataclass(frozen=True)
class Product:
    """One running product: its address, its processes, its data."""

    url: str
    process: subprocess.Popen[bytes]
    data_dir: Path
    log: Path


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """`make dev` in a folder and on ports of its own, with the error pages that customers see."""
    data_dir = tmp_path_factory.mktemp("product")
    names = ("PORT", "STREAM_PORT", "MAIL_PORT", "OIDC_PORT", "HOOKS_PORT", "MONGODB_PORT", "VALKEY_PORT")
    ports = dict(zip(names, map(str, free_ports(len(names))), strict=True))
    kept = {key: value for key, value in os.environ.items() if key in ("HOME", "PATH", "LANG")}
    log = data_dir / "product.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "saas.embedded", "dev"],
            cwd=ROOT,
            env={**kept, **ports, "DATA_DIR": str(data_dir / "data"), "DEBUG": "false", "TRUSTED_PROXIES": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    product = Product(f"http://localhost:{ports['PORT']}", process, data_dir, log)
    try:
        wait_until_ready(product)
        yield product
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def wait_until_ready(product: Product) -> None:
    """Until the banner stands in the log: everything has started."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if product.process.poll() is not None:
            break
        if is_answering(f"{product.url}/readyz") and "Mail inbox" in product.log.read_text(errors="replace"):
            return
        time.sleep(0.2)
    raise AssertionError(f"The product did not start:\n{product.log.read_text(errors='replace')[-4000:]}")


def is_answering(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking"],
        )
        yield chromium
        chromium.close()


@pytest.fixture
def visitor(product: Product, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens a browser of its own for each person: `visitor()`, `visitor(java_script_enabled=False)`, …

    Whatever goes wrong in a page (a script's error, a refused style, an answer of 500) fails the test.
    """
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(**options: object) -> Page:
        usual = {
            "viewport": {"width": 1280, "height": 900},
            "reduced_motion": "reduce",
        }
        context = browser.new_context(base_url=product.url, **{**usual, **options})
        give_address(context, product.url)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text) if is_policy_breach(message.text) else None)
        page.on("response", lambda answer: problems.append(answer.url) if answer.status >= 500 else None)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not problems


def give_address(context: BrowserContext, site: str) -> None:
    """Let this browser come from an address of its own, as the limits expect of people."""
    address = f"10.{randrange(256)}.{randrange(256)}.{randrange(1, 255)}"

    def send_on(route: Route) -> None:
        route.continue_(headers={**route.request.headers, "x-forwarded-for": address})

    context.route(f"{site}/**", send_on)


def is_policy_breach(text: str) -> bool:
    return "Content Security Policy" in text


@dataclass(frozen=True)
class Mailbox:
    """The inbox page, read as a person reads it, in a browser of its own."""

    page: Page

    def wait_for(self, address: str, *, subject: str = "") -> Locator:
        """The newest message to this address with such a subject, as its link in the inbox; waits until it is there."""
        row = self.page.locator("a.list-link").filter(has_text=re.compile(subject, re.IGNORECASE))
        for _ in range(160):
            self.page.goto(f"/sandbox/mail/?to={address}")
            if row.count():
                break
            self.page.wait_for_timeout(250)
        return row.first

    def open_link(self, address: str, *, subject: str) -> str:
        """The first link to the site in the newest message to this address; waits until the message is there."""
        self.wait_for(address, subject=subject).click()
        body = self.page.frame_locator("iframe").locator("a.button-link").first
        href = body.get_attribute("href")
        assert href is not None
        return href


@pytest.fixture
def database(product: Product) -> Iterator[Database]:
    """The database of the product, for what no page can show or make."""
    environment = Path(f"/proc/{product.process.pid}/environ").read_text().split("\0")
    port = next(line.partition("=")[2] for line in environment if line.startswith("MONGODB_PORT="))
    client: MongoClient = MongoClient(f"mongodb://localhost:{port}/?directConnection=true")
    yield client["groundwork"]
    client.close()


def until_told(page: Page, database: Database) -> None:
    """Wait until everything that has happened has reached everybody, so that nothing of it comes later."""
    for _ in range(240):
        if not database["events"].find_one({"is_pending": True}):
            return
        page.wait_for_timeout(250)
    raise AssertionError("some events never reach anybody")


@pytest.fixture
def mailbox(visitor: Callable[..., Page]) -> Mailbox:
    return Mailbox(visitor())


def check_accessibility(page: Page) -> None:
    """axe-core finds nothing serious or critical on the page as it is now, with all its styles."""
    page.wait_for_load_state()
    violations = Axe().run(page).response["violations"]
    severe = [v for v in violations if v["impact"] in SEVERE]
    assert not severe, "\n".join(
        f"{page.url} {v['impact']} {v['id']}: {v['help']}\n  "
        + "\n  ".join(f"{n['target']} {n['failureSummary']}" for n in v["nodes"][:5])
        for v in severe
    )


def unique_address(name: str) -> str:
    return f"{name}.{time.time_ns():x}@example.test"
