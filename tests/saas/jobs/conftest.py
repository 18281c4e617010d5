"""Workers and clocks as processes of their own, on the test's database and on a Valkey of the test's own."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from django.db import connections

from saas.celery import app
from saas.embedded.servers import Valkey
from saas.mongo.documents import database
from tests.e2e.conftest import free_ports
from tests.saas.jobs import work

ROOT = Path(__file__).resolve().parents[3]


class Inbox:
    """A mail server that notes the message ids which it has taken."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.lock = threading.Lock()
        self.controller = Controller(self, hostname="127.0.0.1", port=free_ports(1)[0])

    async def handle_DATA(self, _server, _session, envelope) -> str:  # noqa: N802 - aiosmtpd's name
        headers = envelope.content.decode(errors="replace").splitlines()
        with self.lock:
            self.ids += [line.split(":", 1)[1].strip() for line in headers if line.lower().startswith("message-id:")]
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    inbox.controller.start()
    yield inbox
    inbox.controller.stop()


@pytest.fixture
def broker(tmp_path) -> Iterator[Valkey]:
    """A Valkey that keeps nothing on disk, and is this test's broker."""
    server = Valkey(tmp_path, port=0, durable=False)
    server.start()
    before, prefix = app.conf.broker_url, app.conf.broker_transport_options.pop("global_keyprefix", None)
    use_broker(server.url)
    yield server
    server.stop()
    if prefix is not None:
        app.conf.broker_transport_options["global_keyprefix"] = prefix
    use_broker(before)


def use_broker(url: str) -> None:
    app.conf.broker_url, app._pool, app.amqp._producer_pool = url, None, None


class Processes:
    """Starts workers and clocks; ends what is left."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self.environment = environment
        self.log = log
        self.all: list[subprocess.Popen] = []

    def worker(self, queues: str = "email,processing,default", *, concurrency: int = 3, **more: str):
        arguments = ["worker", "--queues", queues, "--concurrency", str(concurrency), "--loglevel", "INFO"]
        return self.start([*arguments, "--without-gossip", "--without-mingle"], **more)

    def beat(self, **more: str):
        return self.start(["beat", "--pidfile=", "--loglevel", "INFO"], **more)

    def start(self, arguments: list[str], **more: str) -> subprocess.Popen:
        command = [sys.executable, "-W", "ignore", "-m", "celery", "--app", "tests.saas.jobs.work", *arguments]
        with self.log.open("ab") as output:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env={**self.environment, **more},
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.all.append(process)
        return process

    def kill(self, process: subprocess.Popen) -> None:
        """Without warning: the worker and the processes that it has forked."""
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop_all(self) -> None:
        for process in self.all:
            if process.poll() is None:
                self.kill(process)


@pytest.fixture
def processes(broker, inbox, tmp_path) -> Iterator[Processes]:
    name = connections["default"].settings_dict["NAME"]
    uri = os.environ["MONGODB_URI"]
    head, _, tail = uri.partition("?")
    environment = {
        **{key: value for key, value in os.environ.items() if key in ("HOME", "PATH", "LANG")},
        "DJANGO_SETTINGS_MODULE": "saas.settings",
        "MONGODB_URI": f"{head.rpartition('/')[0]}/{name}?{tail}",
        "REDIS_URL": broker.url,
        "MAIL_PORT": str(inbox.controller.port),
        "DATA_DIR": str(tmp_path),
    }
    processes = Processes(environment, tmp_path / "workers.log")
    yield processes
    processes.stop_all()
    for collection in ("jobs", "schedules", "workers", work.EFFECTS):  # written by other processes
        database()[collection].delete_many({})


@pytest.fixture
def until(processes) -> Callable[..., None]:
    """Wait until something is so; the workers' log is the answer when it never is."""

    def wait(is_so: Callable[[], bool], *, seconds: float = 60, words: str = "") -> float:
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > seconds:
                pytest.fail(f"{words or 'It did not happen.'}\n{processes.log.read_text()[-6000:]}", pytrace=False)
            time.sleep(0.05)
        return time.monotonic() - started

    return wait
