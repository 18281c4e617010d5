"""`make bench`: how fast the product is against the floor of a bare Django view, on this machine, in this run.

Absolute figures drift with the machine; the ratio to the floor is what holds.

`make bench ARGS=search` fills a search index with 100,000 entries instead, and measures that (search.py).
"""

import http.client
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from saas.embedded.servers import start
from tests.bench.load import Result, measure
from tests.bench.processes import ROOT, running, wait_for
from tests.e2e.conftest import free_ports

SIGN_INS = 12
PARTS = ("jobs", "spine", "webhooks")  # each measures with its own processes, and writes its own lines
SETUP = """
from django.conf import settings
from accounts.models import User
from allauth.account.models import EmailAddress
from django.utils import timezone
from organizations import services
user = User.objects.create_user("bench@groundwork.test", "a quiet meadow 47", name="Bench", onboarded_at=timezone.now())
EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
services.create_organization(name="Bench", actor=user)
"""

DECISIONS = 100_000
DECIDE = f"""
import timeit
from accounts.models import User
from organizations import roles
from organizations.access import find_membership
user = User.objects.get(email="bench@groundwork.test")
org, _ = find_membership("bench", user)
decide = lambda: roles.can(user, "project.update", org=org)
print(min(timeit.repeat(decide, number={DECISIONS}, repeat=3)) / {DECISIONS} * 1e6)
"""


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="bench") as folder,
        start(Path(folder), mongodb_port=0, valkey_port=0) as servers,
    ):
        floor_port, port, stream_port = free_ports(3)
        environment = {
            **os.environ,
            "MONGODB_URI": servers.mongodb_uri("bench"),
            "REDIS_URL": servers.redis_url,
            "DEBUG": "false",
            "DATA_DIR": folder,
            "DJANGO_SETTINGS_MODULE": "saas.settings",
            "LOG_LEVEL": "ERROR",
            "PORT": str(port),
            "STREAM_PORT": str(stream_port),
        }
        for arguments in (["migrate", "--verbosity=0"], ["ensure_indexes"], ["shell", "--verbosity=0", "-c", SETUP]):
            subprocess.run(
                [sys.executable, "manage.py", *arguments],
                cwd=ROOT,
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
            )
        if "search" in sys.argv[1:]:
            subprocess.run(
                [sys.executable, "-m", "tests.bench.search", *sys.argv[2:]], cwd=ROOT, env=environment, check=True
            )
            return
        for part in PARTS:
            if part in sys.argv[1:]:
                subprocess.run([sys.executable, "-m", f"tests.bench.{part}"], cwd=ROOT, env=environment, check=True)
                return
        with served("tests.bench.floor:application", floor_port, environment):
            rows = [("bare Django view", measure(f"http://localhost:{floor_port}/"))]
        with served("saas.wsgi:application", port, environment):
            rows += product_rows(f"http://localhost:{port}")
        write_table(rows)
        for part in PARTS:
            subprocess.run([sys.executable, "-m", f"tests.bench.{part}"], cwd=ROOT, env=environment, check=True)
        microseconds = decision_microseconds(environment)
    print(f"one decision about a permission: {microseconds:.2f} µs")


def decision_microseconds(environment: dict[str, str]) -> float:
    """µs of one `roles.can` with the membership known, as every decision of a request after the first."""
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", DECIDE]
    output = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True).stdout
    return float(output.split()[-1])


def product_rows(site: str) -> Iterator[tuple[str, Result]]:
    yield "/healthz", measure(f"{site}/healthz")
    yield "landing page", measure(f"{site}/")
    cookie, _ = sign_in(site)
    yield "dashboard, signed in", measure(f"{site}/o/bench/", cookie=cookie)
    times = sorted(sign_in(site)[1] for _ in range(SIGN_INS))
    median, slow = times[len(times) // 2], times[int(len(times) * 0.95)]
    yield "sign-in, one after the other", Result(1 / median, median * 1000, slow * 1000)


def sign_in(site: str) -> tuple[str, float]:
    """Sign in as a browser does; the session's cookie, and the seconds of the POST."""
    parts = urlsplit(site)
    connection = http.client.HTTPConnection(parts.hostname or "localhost", parts.port, timeout=30)
    connection.request("GET", "/accounts/login/")
    page = connection.getresponse()
    cookies = SimpleCookie(page.headers["Set-Cookie"])
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.read().decode())
    assert token
    body = urlencode(
        {"login": "bench@groundwork.test", "password": "a quiet meadow 47", "csrfmiddlewaretoken": token[1]}
    )
    headers = {
        "Content-Type": "application/x-www-form-urlencoded",
        "Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items()),
        "Referer": f"{site}/accounts/login/",
    }
    started = time.perf_counter()
    connection.request("POST", "/accounts/login/", body, headers)
    answer = connection.getresponse()
    answer.read()
    seconds = time.perf_counter() - started
    assert answer.status == 302, answer.status
    session = next(
        m
        for header in answer.headers.get_all("Set-Cookie", [])
        for m in SimpleCookie(header).values()
        if m.key == "session"
    )
    return f"session={session.value}", seconds


@contextmanager
def served(application: str, port: int, environment: dict[str, str]) -> Iterator[None]:
    """Granian as the Procfile starts it, on loopback."""
    command = ["granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    options = ["--blocking-threads", "2", "--no-ws", "--log-level", "error"]
    with running(*command, *options, application, environment=environment, is_quiet=False):
        wait_for(port)
        yield


def write_table(rows: list[tuple[str, Result]]) -> None:
    floor = rows[0][1].per_second
    print(f"{'':<30} {'req/s':>8} {'of floor':>9} {'p50 ms':>8} {'p95 ms':>8}")
    for name, result in rows:
        print(
            f"{name:<30} {result.per_second:>8.0f} {result.per_second / floor:>8.1%}"
            f" {result.p50_ms:>8.2f} {result.p95_ms:>8.2f}"
        )


if __name__ == "__main__":
    main()
