"""What the lines of `make bench` share: processes as the Procfile starts them, and a line of the table."""

import http.client
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def running(
    *command: str, environment: Mapping[str, str] = os.environ, is_quiet: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """A Python module with its arguments, until the end of the block."""
    output = subprocess.DEVNULL if is_quiet else None
    process = subprocess.Popen(
        [sys.executable, "-m", *command], cwd=ROOT, env=environment, stdout=output, stderr=output
    )
    try:
        yield process
    finally:
        process.terminate()
        process.wait(timeout=40)


@contextmanager
def worker(queue: str, *, concurrency: str = "4", app: str = "saas.celery") -> Iterator[subprocess.Popen[bytes]]:
    options = ["--queues", queue, "--concurrency", concurrency, "--loglevel", "ERROR"]
    command = ["celery", "--quiet", "--app", app, "worker", *options, "--without-gossip", "--without-mingle"]
    with running(*command) as process:
        yield process


def wait_for(port: int, path: str = "/healthz") -> None:
    for _ in range(150):
        try:
            connection = http.client.HTTPConnection("localhost", port, timeout=5)
            connection.request("GET", path)
            connection.getresponse().read()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"Nothing answers on port {port}.")


def line(name: str, value: str) -> None:
    print(f"{name:<40} {value:>16}", flush=True)
