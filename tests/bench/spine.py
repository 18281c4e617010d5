"""The lines of `make bench` about the spine: from a change to a colleague's open page, by the real processes."""

import http.client
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.bench.processes import line, running, wait_for, worker

CHANGES = 40


def main() -> None:
    """Run with MONGODB_URI, REDIS_URL and STREAM_PORT of one's own; writes the table's lines."""
    import django

    django.setup()
    from organizations.projects.services import create_project
    from tests.factories import make_world

    world = make_world()
    with worker("events"), streaming(int(os.environ["STREAM_PORT"])), page_of(world.member, world.org) as page:
        times = []
        for number in range(CHANGES + 1):
            started = time.perf_counter()
            create_project(org=world.org, actor=world.owner, name=f"Bench {number}")
            until_told(page)
            times.append(time.perf_counter() - started)
            time.sleep(0.1)
    times = sorted(times[1:])  # the first one warms the worker up
    line("from a change to a colleague's bell", f"{times[len(times) // 2] * 1000:.0f} ms")
    line("… of which 95 in 100 take at most", f"{times[int(len(times) * 0.95)] * 1000:.0f} ms")


@contextmanager
def streaming(port: int) -> Iterator[None]:
    """The process that holds the pages' connections."""
    command = ["granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    with running(*command, "--no-ws", "--log-level", "error", "saas.asgi:application"):
        wait_for(port, "/stream/healthz")
        yield


@contextmanager
def page_of(user: object, org: object) -> Iterator[http.client.HTTPResponse]:
    """The live connection of a page that this person has open."""
    from django.conf import settings
    from django.test import Client

    client = Client()
    client.force_login(user)  # type: ignore[arg-type]
    session = client.cookies[settings.SESSION_COOKIE_NAME].value
    connection = http.client.HTTPConnection("localhost", int(os.environ["STREAM_PORT"]), timeout=60)
    connection.request(
        "GET", f"/stream/events?org={org.slug}", headers={"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}
    )
    answer = connection.getresponse()
    assert answer.status == 200, answer.status
    read_until(answer, b"event: ready")
    try:
        yield answer
    finally:
        connection.close()


def until_told(page: http.client.HTTPResponse) -> None:
    read_until(page, b"event: notification")


def read_until(page: http.client.HTTPResponse, wanted: bytes) -> None:
    while not page.readline().startswith(wanted):
        pass


if __name__ == "__main__":
    main()
