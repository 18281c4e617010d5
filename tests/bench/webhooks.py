"""The lines of `make bench` about webhooks: signed deliveries to a sink on this machine, by a worker as the Procfile
starts it, until the outcome of each is written."""

import asyncio
import multiprocessing
import os
import time
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

from tests.bench.processes import line, worker

CONCURRENCY = os.environ.get("BENCH_CONCURRENCY", "10")
MANY = 20_000
FLOOD = 10_000
ENDPOINTS = 16
ORGANIZATIONS = 8
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Sink(asyncio.Protocol):
    """Answers each POST at once; with `pause` seconds, later."""

    def __init__(self, pause: float = 0) -> None:
        self.pause, self.buffer = pause, b""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while True:
            head, end, rest = self.buffer.partition(b"\r\n\r\n")
            if not end:
                return
            length = int(head.lower().split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
            if len(rest) < length:
                return
            self.buffer = rest[length:]
            if self.pause:
                asyncio.get_running_loop().call_later(self.pause, self.answer)
            else:
                self.answer()

    def answer(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(ANSWER)


def serve(port_to: Connection, pause: float) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(lambda: Sink(pause), "127.0.0.1", 0, backlog=512)
        port_to.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


@contextmanager
def sink(pause: float = 0) -> Any:
    """The address of a sink in a process of its own."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(there, pause), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}/hook"
    finally:
        process.terminate()
        process.join()


def main() -> None:
    """Run with MONGODB_URI and REDIS_URL of servers of one's own; writes the table's lines."""
    import django

    django.setup()
    with sink() as url, sink(pause=30) as hangs, worker("webhooks", concurrency=CONCURRENCY):
        time.sleep(4)  # until the worker is there
        measure_pace(url)
        measure_fairness(url, hangs)


def measure_pace(url: str) -> None:
    from saas.webhooks.models import FAILED, SUCCEEDED, deliveries

    endpoints = add_endpoints(url, ENDPOINTS)
    write_deliveries(endpoints, MANY)
    started = time.perf_counter()
    start(endpoints)
    while is_waiting(endpoints):
        time.sleep(0.05)
    seconds = time.perf_counter() - started
    arrived, failed = (deliveries().filter(status=status).count() for status in (SUCCEEDED, FAILED))
    line(f"{arrived:,} signed deliveries ({failed} failed)", f"{arrived / seconds:.0f} per s")


def measure_fairness(url: str, hangs: str) -> None:
    """How long one organization's deliveries take beside a flood of another's and an endpoint that hangs."""
    from saas.webhooks.models import deliveries

    crowd, stuck, mine = add_endpoints(url, 1), add_endpoints(hangs, 1), add_endpoints(url, 1)
    write_deliveries(stuck, 100)
    write_deliveries(crowd, FLOOD)
    start([*crowd, *stuck])
    waits = []
    while is_waiting(crowd) and len(waits) < 200:
        write_deliveries(mine, 1)
        started = time.perf_counter()
        start(mine)
        while is_waiting(mine):
            time.sleep(0.002)
        waits.append(time.perf_counter() - started)
        time.sleep(0.02)
    left = deliveries().filter(webhook_id=crowd[0].id, next_attempt_at__ne=None).count()
    waits.sort()
    line(f"beside {FLOOD:,} of another and one that hangs", f"{waits[len(waits) // 2] * 1000:.0f} ms")
    line("… of which 95 in 100 take at most", f"{waits[int(len(waits) * 0.95)] * 1000:.0f} ms")
    line(f"… {len(waits)} were sent while the flood shrank to", f"{left:,}")


def start(endpoints: list[Any]) -> None:
    """What the fan-out does after its commit."""
    from saas.webhooks import lanes

    lanes.wake([each.id for each in endpoints])
    lanes.call_sender()


def is_waiting(endpoints: list[Any]) -> bool:
    from saas.webhooks.models import deliveries

    return bool(deliveries().filter(webhook_id__in=[each.id for each in endpoints], next_attempt_at__ne=None).first())


def add_endpoints(url: str, count: int, *, name: str = "bench") -> list[Any]:
    from saas.mongo.fields import new_key
    from saas.webhooks import signing
    from saas.webhooks.models import webhooks

    owners = [new_key() for _ in range(min(ORGANIZATIONS, count))]
    return [
        webhooks().create(
            organization_id=owners[number % len(owners)], place=number // len(owners), name=name, url=url, events=["*"],
            secret=signing.encrypt(signing.new_secret()),
        )
        for number in range(count)
    ]  # fmt: skip


def write_deliveries(endpoints: list[Any], count: int) -> None:
    from saas.mongo.fields import new_key
    from saas.tenancy import now
    from saas.webhooks.endpoints import sample_payload
    from saas.webhooks.models import WebhookDelivery, deliveries

    body = sample_payload("project.created")
    rows = [
        WebhookDelivery(
            webhook_id=endpoints[number % len(endpoints)].id,
            organization_id=endpoints[number % len(endpoints)].organization_id,
            event_id=new_key(),
            message_id=f"msg_{new_key()}",
            event="project.created",
            payload=body,
            next_attempt_at=now(),
        )
        for number in range(count)
    ]
    for start in range(0, count, 2000):
        deliveries().insert(rows[start : start + 2000], load_bulk=False)


if __name__ == "__main__":
    main()
