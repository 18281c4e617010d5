"""Real servers in folders of their own; nothing here uses the servers of the test run."""

import os
import signal
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from saas.embedded import servers
from saas.embedded.environment import BASE_DIR, DEFAULT_PORTS
from tests.e2e.conftest import free_ports

LIMIT = 60.0  # seconds; only a failing test waits this long


def wait_until(is_so: Callable[[], object], what: str, limit: float = LIMIT) -> None:
    deadline = time.monotonic() + limit
    while not is_so():
        assert time.monotonic() < deadline, f"waited {limit} s for {what}"
        time.sleep(0.02)


@pytest.fixture
def start() -> Iterator[Callable[..., servers.Servers]]:
    """`saas.embedded.servers.start` with free ports and not durable; stops at the end what it started."""
    begun: list[servers.Servers] = []

    def start_servers(folder: Path, **choices: Any) -> servers.Servers:
        found = servers.start(folder, **{"mongodb_port": 0, "valkey_port": 0, "durable": False, **choices})
        begun.append(found)
        return found

    yield start_servers
    for found in begun:
        found.stop()


class Outside:
    """Processes started as a developer's shell would, to be found again wherever they drift.

    They carry a mark in their environment; Valkey, which writes its title over that, works in our folder.
    """

    def __init__(self, folder: Path) -> None:
        self.mark = uuid.uuid4().hex
        self.folder = folder
        self.ports = dict(zip(DEFAULT_PORTS, free_ports(len(DEFAULT_PORTS)), strict=True))
        outside = {name: value for name, value in os.environ.items() if name not in ("MONGODB_URI", "REDIS_URL")}
        self.environment = {
            **outside,
            **{name: str(port) for name, port in self.ports.items()},
            "DATA_DIR": str(folder / "data"),
            "TEST_MARK": self.mark,
            "PYTHONPATH": str(BASE_DIR),
            "PYTHONUNBUFFERED": "1",
        }
        for name in ("MAKELEVEL", "ENVIRONMENT", "PYTEST_ADDOPTS"):
            self.environment.pop(name, None)
        self.log = folder / "outside.log"
        self.processes: list[subprocess.Popen[bytes]] = []

    def script(self, code: str, **variables: str) -> subprocess.Popen[bytes]:
        return self.run(sys.executable, "-c", textwrap.dedent(code), **variables)

    def run(self, *command: str, **variables: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=BASE_DIR,
                env={**self.environment, **variables},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.processes.append(process)
        return process

    @property
    def text(self) -> str:
        return self.log.read_text() if self.log.exists() else ""

    def says(self, words: str) -> None:
        wait_until(lambda: words in self.text, f"{words!r} in:\n{self.text}")

    def left(self) -> dict[int, str]:
        """The living processes that carry our mark, with their command lines."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                # A process that has ended and waits to be reaped shows neither.
                is_marked = self.mark.encode() in (entry / "environ").read_bytes()
                if is_marked or (entry / "cwd").readlink().is_relative_to(self.folder):
                    found[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
        return found

    def pid_of(self, words: str) -> int:
        return next(pid for pid, command in self.left().items() if words in command)

    def leaves_nothing(self) -> None:
        wait_until(lambda: not self.left(), f"an end of {self.left()}")


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Outside]:
    processes = Outside(tmp_path)
    yield processes
    for pid in processes.left():
        os.kill(pid, signal.SIGKILL)
    for process in processes.processes:
        process.wait(LIMIT)
