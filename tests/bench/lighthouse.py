"""`make lighthouse`: what Google's Lighthouse says about the product as production serves it.

Starts the product like production (ENVIRONMENT=production, TLS, HTTP/2, hashed and compressed static files) on ports of
its own, and writes a table of the four categories for each page, as a phone and as a desktop see it.  What keeps a page
below 100 is named under the table; the full reports are left in `.data/lighthouse/`.

A tool for developers: it needs Node 18.16 or newer with npm, and Chromium or Chrome.  The product itself needs neither.
"""

import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import sync_playwright

from saas.embedded.servers import Servers, start
from tests.bench.__main__ import SETUP
from tests.bench.processes import ROOT, running
from tests.e2e.conftest import free_ports

VERSION = "12.8.2"  # the last line that runs on Node 18 and 20
TOOLS = ROOT / ".data" / "lighthouse"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CATEGORIES = {
    "performance": "Performance",
    "accessibility": "Accessibility",
    "best-practices": "Best practices",
    "seo": "SEO",
}
WANTED = 95
SIGN_IN = """
from django.conf import settings
from django.test import Client
client = Client()
client.force_login(user)
print(f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}")
"""
PAGES = {"landing page": "/", "sign-in": "/accounts/login/", "dashboard": "/o/bench/"}


def main() -> None:
    browser = find_browser()
    tool = install()
    with started() as (site, cookie):
        for path in PAGES.values():
            open_once(site + path, cookie)
        reports = dict(judged(tool, browser, site, cookie))
    write_table(reports)
    if any(points(report, category) < WANTED for report in reports.values() for category in CATEGORIES):
        sys.exit(f"Below {WANTED}.")


def judged(tool: Path, browser: str, site: str, cookie: str) -> Iterator[tuple[tuple[str, str], dict[str, Any]]]:
    for name, path in PAGES.items():
        for device in ("mobile", "desktop"):
            with browsing(browser, site, cookie if path.startswith("/o/") else "") as port:
                yield (name, device), measure(tool, port, site + path, f"{name} {device}")


def find_browser() -> str:
    """Chromium or Chrome; $CHROME_PATH chooses one.  Ends the program when there is none."""
    found = os.environ.get("CHROME_PATH") or next(filter(None, map(shutil.which, BROWSERS)), None)
    if not found:
        sys.exit("Lighthouse needs Chromium or Chrome: apt-get install chromium, or set CHROME_PATH.")
    return found


def install() -> Path:
    """Lighthouse in this version, from npm, once.  Ends the program without a fitting Node."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        sys.exit("Lighthouse needs Node 18.16 or newer with npm, and neither the product nor its tests do: nodejs.org")
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=True).stdout.strip()
    if tuple(map(int, version.lstrip("v").split(".")[:2])) < (18, 16):
        sys.exit(f"Lighthouse needs Node 18.16 or newer; {node} is {version}.")
    folder = TOOLS / VERSION
    program = folder / "node_modules" / ".bin" / "lighthouse"
    if not program.exists():
        print(f"Installing lighthouse {VERSION} into {folder} …", flush=True)
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--silent", "--prefix", str(folder)]
        subprocess.run([*command, f"lighthouse@{VERSION}"], check=True)
    return program


@contextmanager
def started() -> Iterator[tuple[str, str]]:
    """The product as production runs it: its address, and the cookie of somebody who is signed in."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lighthouse")))
        servers = stack.enter_context(start(folder, mongodb_port=0, valkey_port=0))
        port, stream_port = free_ports(2)
        environment = production(servers, folder, port, stream_port)
        for arguments in (["migrate", "--verbosity=0"], ["ensure_indexes"], ["collectstatic", "--no-input"]):
            manage(arguments, environment)
        cookie = manage(["shell", "--verbosity=0", "-c", SETUP + SIGN_IN], environment).split()[-1]
        key = certificate(folder)
        stack.enter_context(served("wsgi", "saas.wsgi:application", port, environment, key))
        stack.enter_context(served("asgi", "saas.asgi:application", stream_port, environment, key))
        yield f"https://localhost:{port}", cookie


def production(servers: Servers, folder: Path, port: int, stream_port: int) -> dict[str, str]:
    return {
        **os.environ,
        "ENVIRONMENT": "production",
        "DEBUG": "false",
        "DJANGO_SETTINGS_MODULE": "saas.settings",
        "SECRET_KEY": "lighthouse " * 5,
        "SITE_URL": f"https://localhost:{port}",
        "STREAM_URL": f"https://localhost:{stream_port}",
        "MONGODB_URI": servers.mongodb_uri("lighthouse"),
        "REDIS_URL": servers.redis_url,
        "EMAIL_FROM": "Lighthouse <lighthouse@example.com>",
        "EMAIL_URL": "smtp://localhost:1",
        "DATA_DIR": str(folder),
        "LOG_LEVEL": "ERROR",
    }


def manage(arguments: list[str], environment: dict[str, str]) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return done.stdout


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of one hour for localhost, signed by itself: its file and its key's."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    moment = datetime.now(UTC)
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(moment - timedelta(minutes=5))
        .not_valid_after(moment + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    paths[1].write_bytes(key.private_bytes(*form))
    return paths


@contextmanager
def served(
    interface: str, application: str, port: int, environment: dict[str, str], key: tuple[Path, Path]
) -> Iterator[None]:
    options = f"--interface {interface} --host 127.0.0.1 --port {port} --no-ws --log-level error"
    tls = ["--ssl-certificate", str(key[0]), "--ssl-keyfile", str(key[1])]
    command = ["granian", *options.split(), *tls, "--workers-kill-timeout", "2", application]
    with running(*command, environment=environment, is_quiet=False):
        wait_for_port(port)
        yield


def wait_for_port(port: int) -> None:
    for _ in range(150):
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"Nothing answers on port {port}.")


def open_once(url: str, cookie: str) -> None:
    """So that both workers have their templates compiled, as after the first visitor of a day."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    for _ in range(10):
        with urllib.request.urlopen(urllib.request.Request(url, headers={"Cookie": cookie}), context=trusting) as page:
            page.read()


@contextmanager
def browsing(browser: str, site: str, cookie: str) -> Iterator[int]:
    """A browser that is signed in by the cookie, if there is one: the port by which Lighthouse steers it."""
    (port,) = free_ports(1)
    flags = [f"--remote-debugging-port={port}", "--disable-background-networking", "--no-sandbox"]
    with tempfile.TemporaryDirectory(prefix="lighthouse") as profile, sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            profile, executable_path=browser, args=flags, ignore_https_errors=True
        )
        if cookie:
            name, _, value = cookie.partition("=")
            context.add_cookies([{"name": name, "value": value, "url": site, "secure": True}])
        yield port
        context.close()


def measure(tool: Path, port: int, url: str, name: str) -> dict[str, Any]:
    """Lighthouse's report about one page, left in TOOLS as JSON and HTML.  Raises RuntimeError if it saw another."""
    path, device = TOOLS / name.replace(" ", "-"), name.rpartition(" ")[2]
    command = [str(tool), url, "--quiet", "--output=json", "--output=html", f"--output-path={path}", f"--port={port}"]
    command += [f"--only-categories={','.join(CATEGORIES)}", "--disable-storage-reset"]
    subprocess.run([*command, *(["--preset=desktop"] if device == "desktop" else [])], check=True, timeout=180)
    report: dict[str, Any] = json.loads(path.with_name(f"{path.name}.report.json").read_text())
    if report["finalDisplayedUrl"] != url:
        raise RuntimeError(f"{url} led to {report['finalDisplayedUrl']}.")
    return report


def points(report: dict[str, Any], category: str) -> int:
    """0 to 100; 0 for a category that could not be judged."""
    return round((report["categories"][category]["score"] or 0) * 100)


def write_table(reports: dict[tuple[str, str], dict[str, Any]]) -> None:
    any_report = next(iter(reports.values()))
    chrome = any_report["environment"]["hostUserAgent"].partition("Chrome/")[2].split()[0]
    print(f"Lighthouse {any_report['lighthouseVersion']}, Chromium {chrome}, {datetime.now(UTC):%d %B %Y}\n")
    print(f"| page | as seen on | {' | '.join(CATEGORIES.values())} |\n| --- | --- |{' ---: |' * len(CATEGORIES)}")
    for (name, device), report in reports.items():
        print(f"| {name} | {device} | {' | '.join(str(points(report, category)) for category in CATEGORIES)} |")
    print()
    for (name, device), report in reports.items():
        for line in complaints(report):
            print(f"{name}, {device}: {line}")


def complaints(report: dict[str, Any]) -> Iterator[str]:
    """The audits that cost points, with what they cost a category at most."""
    for category in CATEGORIES:
        for reference in report["categories"][category]["auditRefs"]:
            audit = report["audits"][reference["id"]]
            if reference["weight"] and audit["score"] is not None and audit["score"] < 0.995:
                yield f"{category}: {audit['title']} {audit.get('displayValue', '')} ({audit['score']:.2f})"


if __name__ == "__main__":
    main()
