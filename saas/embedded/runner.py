"""The processes of `make dev`: starts them, shows their logs, restarts what dies or changes, and leaves none behind."""

import contextlib
import http.client
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, Any

from saas.queues import QUEUES

from .environment import BASE_DIR, Development
from .output import COLORS, Screen, banner
from .processes import LOOPBACK, EmbeddedError, die_with_parent, is_taken, kill_group, spawn
from .servers import port_taken

STOP_SECONDS = 8.0
HEALTHY_AFTER_SECONDS = 20.0  # a process that has lived this long starts again at once
LONGEST_PAUSE_SECONDS = 15.0
TICK_SECONDS = 0.2
SERVERS_EVERY_SECONDS = 1.0
SITE_FIRST_SECONDS = 5.0
WEB_PATIENCE_SECONDS = 30.0
PORT_USES = {
    "PORT": "the site",
    "STREAM_PORT": "live updates",
    "MAIL_PORT": "the mail sandbox",
    "OIDC_PORT": "the sandbox's sign-in service",
    "HOOKS_PORT": "the sandbox's receivers of webhooks",
}


@dataclass
class Child:
    """One process of the development table."""

    name: str
    command: list[str]
    #: How it takes a change of the code: "hup" renews its own workers, "restart" is ended and started.
    on_change: str = "restart"
    color: str = ""
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    start_at: float = 0.0
    pause: float = 0.0
    kill_at: float | None = None
    is_expected_to_end: bool = False
    unfinished: bytes = field(default=b"", repr=False)

    @property
    def stream(self) -> IO[bytes]:
        """Its output, while it runs."""
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout

    def lines(self, chunk: bytes) -> list[str]:
        """Cut what was read into whole lines; the rest waits for its end."""
        *whole, self.unfinished = (self.unfinished + chunk).split(b"\n")
        return [line.decode(errors="replace").rstrip("\r") for line in whole]


def development_table(ports: dict[str, int], data_dir: Path) -> list[Child]:
    """The processes of development.  One worker serves all queues, so that two cores start it fast."""
    # In a container everybody is root, and celery complains of it at length.
    celery = [sys.executable, "-W", "ignore:You're running the worker", "-m", "celery", "--quiet"]
    celery += ["--app", "saas.celery"]
    granian = [sys.executable, "-m", "granian", "--host", LOOPBACK, "--workers-kill-timeout", "2"]
    # At a change the old worker answers while the new one loads: about this long, in seconds.
    granian += ["--respawn-interval", "1.5", "--no-ws", "--log-level", "warning"]
    web = ["--interface", "wsgi", "--port", str(ports["PORT"]), "--blocking-threads", "4", "saas.wsgi:application"]
    stream = ["--interface", "asgi", "--port", str(ports["STREAM_PORT"]), "saas.asgi:application"]
    worker = ["worker", "--queues", ",".join(QUEUES), "--concurrency", "4", "--loglevel", "INFO", "--without-mingle"]
    beat = ["beat", "--pidfile=", "--loglevel", "INFO"]
    children = [
        Child("web", [*granian, *web], on_change="hup"),
        Child("stream", [*granian, *stream], on_change="hup"),
        Child("worker", [*celery, *worker, "--without-gossip"]),
        Child("beat", [*celery, *beat]),
        Child("mail", [sys.executable, "manage.py", "sandbox"]),
    ]
    for child, color in zip(children, COLORS, strict=False):
        child.color = color
    return children


class Runner:
    """One run of `make dev`, in one thread: the kernel ends a child with the thread that forked it."""

    def __init__(
        self,
        development: Development,
        *,
        table: Callable[[dict[str, int], Path], list[Child]] = development_table,
        prepare: list[str] | None = None,
        base_dir: Path = BASE_DIR,
    ) -> None:
        self.development = development
        self.servers = development.servers
        self.base_dir = base_dir
        self.children = table(development.ports, development.data_dir)
        self.prepare_command = prepare or [sys.executable, "manage.py", "prepare", "--json"]
        self.screen = Screen()
        self.selector = selectors.DefaultSelector()
        self.watcher = Child("watch", [sys.executable, "-m", "saas.embedded.watch"], on_change="")
        self.guard: subprocess.Popen[bytes] | None = None
        self.guarded: set[int] = set()
        self.signals = 0
        self.begun_at = time.monotonic()
        self.patience = WEB_PATIENCE_SECONDS
        self.servers_at = 0.0
        self.summary: dict[str, Any] = {}
        self.has_banner = False

    def run(self) -> int:
        """Run until a signal; return the exit code.  Raises EmbeddedError before anything is started."""
        self._refuse_taken_ports()
        for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(sig, self._note_signal)
        if os.environ.get("MAKELEVEL"):
            die_with_parent()  # a killed make must not leave us behind
        try:
            self._start_guard()
            self._start_servers()
            if not self._prepare():
                return 0 if self.signals else 1
            self._start_children()
            while not self.signals and self.screen.is_open:
                self._turn()
            return 0
        finally:
            self._stop()

    @property
    def everybody(self) -> list[Child]:
        return [*self.children, self.watcher]

    # -- Before the start

    def _refuse_taken_ports(self) -> None:
        ports = self.development.ports
        refusals = [
            port_taken(ports[name], use, name) for name, use in PORT_USES.items() if is_taken(ports[name])
        ] + self.servers.refusals()
        if refusals:
            raise EmbeddedError("\n".join([*refusals, "Nothing was started.  Is another `make dev` running?"]))

    def _note_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.signals += 1

    def _start_guard(self) -> None:
        self.guard = subprocess.Popen(
            [sys.executable, "-m", "saas.embedded.guard"],
            cwd=BASE_DIR,
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def _start_servers(self) -> None:
        if self.servers.all:
            self.screen.say("Starting " + " and ".join(server.name for server in self.servers.all))
        self.servers.ensure()
        self._tell_guard()

    def _prepare(self) -> bool:
        """Migrate, index and seed in one process, silently unless it fails.  Whether it did its work."""
        self.screen.say("Preparing the database")
        process = spawn(
            self.prepare_command, output=subprocess.PIPE, cwd=self.base_dir, env=self.development.environment()
        )
        output = b""
        while True:
            try:
                output = process.communicate(timeout=TICK_SECONDS)[0]
                break
            except subprocess.TimeoutExpired:
                if self.signals:
                    kill_group(process.pid)
        *lines, last = output.decode(errors="replace").strip().splitlines() or [""]
        if process.returncode == 0:
            try:
                self.summary = json.loads(last)
            except ValueError:
                lines.append(last)
            return True
        if not self.signals:
            for line in [*lines, last]:
                self.screen.log("prepare", line, "")
            self.screen.complain(
                "The database could not be prepared; the reason stands above.  Nothing else was started."
            )
        return False

    def _start_children(self) -> None:
        """The site first: on two cores it would otherwise load in turns with everything else."""
        for child in self.children:
            child.start_at = time.monotonic() + (0 if child.name == "web" else SITE_FIRST_SECONDS)

    # -- While it runs

    def _turn(self) -> None:
        """Read what came, then look after the servers, the children and the banner."""
        for key, _ in self.selector.select(TICK_SECONDS):
            self._read(key.data)
        if time.monotonic() >= self.servers_at:
            self._look_after_servers()
        for child in self.everybody:
            self._look_after(child)
        if not self.has_banner:
            self._try_banner()

    def _start(self, child: Child) -> None:
        environment = {**self.development.environment(), "PYTHONUNBUFFERED": "1"}
        child.process = spawn(child.command, output=subprocess.PIPE, cwd=self.base_dir, env=environment)
        child.started_at, child.is_expected_to_end, child.kill_at = time.monotonic(), False, None
        os.set_blocking(child.stream.fileno(), False)
        self.selector.register(child.stream, selectors.EVENT_READ, child)
        self._tell_guard()

    def _read(self, child: Child) -> None:
        chunk = child.stream.read(65536)
        if chunk == b"":  # its end, of which `_look_after` hears as well
            with contextlib.suppress(KeyError):
                self.selector.unregister(child.stream)
        lines = child.lines(chunk or b"")
        if child is self.watcher:
            self._renew(lines)
            return
        for line in lines:
            self.screen.log(child.name, line, child.color)

    def _renew(self, changed: list[str]) -> None:
        """Bring changed files to all processes."""
        if not changed:
            return
        names = ", ".join(os.path.relpath(path, self.base_dir) for path in changed[:3])
        self.screen.say(f"Changed: {names}{' and more' if len(changed) > 3 else ''}.  Reloading.")
        for child in self.children:
            if child.process is None:
                child.start_at = 0.0
            elif child.on_change == "hup":
                child.process.send_signal(signal.SIGHUP)
            elif not child.is_expected_to_end:
                child.is_expected_to_end, child.kill_at = True, time.monotonic() + STOP_SECONDS
                child.process.terminate()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._start(child)
        elif child.process.poll() is not None:
            self._bury(child)
        elif child.kill_at is not None and now >= child.kill_at:
            kill_group(child.process.pid)

    def _bury(self, child: Child) -> None:
        """Note the end of a process: loudly, unless it was asked for, and with a pause before the next start."""
        assert child.process is not None
        code, lived = child.process.returncode, time.monotonic() - child.started_at
        self._let_go(child)
        if child.is_expected_to_end:
            child.start_at = 0.0
            return
        short = lived < HEALTHY_AFTER_SECONDS
        child.pause = min(max(child.pause * 2, 1.0), LONGEST_PAUSE_SECONDS) if short else 0.0
        child.start_at = time.monotonic() + child.pause
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        when = f"in {child.pause:.0f} s" if child.pause else "now"
        self.screen.complain(f"{child.name} {how}.  Starting it again {when}.")

    def _let_go(self, child: Child) -> None:
        """Read the last lines of a process that has ended, end what is left of its session, and forget it."""
        assert child.process is not None
        kill_group(child.process.pid)
        self._read(child)
        with contextlib.suppress(KeyError):  # the end of the output may have been read before
            self.selector.unregister(child.stream)
        child.stream.close()
        if child.unfinished:
            self.screen.log(child.name, child.unfinished.decode(errors="replace"), child.color)
        child.process, child.unfinished = None, b""
        self._tell_guard()

    def _look_after_servers(self) -> None:
        self.servers_at = time.monotonic() + SERVERS_EVERY_SECONDS
        try:
            started = self.servers.ensure()
        except EmbeddedError as error:
            self.screen.complain(str(error))
            self.servers_at += LONGEST_PAUSE_SECONDS
            return
        if started:
            self.screen.complain(f"{' and '.join(started)} had ended and was started again.")
            self._tell_guard()

    def _try_banner(self) -> None:
        port = self.development.ports["PORT"]
        waited = time.monotonic() - self.begun_at
        if _answers(port):
            site = self.development.variables.get("SITE_URL") or f"http://localhost:{port}"
            logins = self.summary.get("logins", [])
            services = [*self.servers.services(), *self.summary.get("services", [])]
            banner(self.screen, site=site.rstrip("/"), logins=logins, services=services, seconds=waited)
            self.has_banner = True
            for child in self.children:
                child.start_at = 0.0
        elif waited > self.patience:
            self.screen.complain(f"The site does not answer on port {port} yet; the lines of `web` above may say why.")
            self.patience += WEB_PATIENCE_SECONDS

    # -- The end

    def _tell_guard(self) -> None:
        """Keep the guard's list of processes equal to ours."""
        running = {child.process.pid for child in self.everybody if child.process is not None}
        running |= {server.pid for server in self.servers.started}
        news = [f"+{pid}" for pid in running - self.guarded] + [f"-{pid}" for pid in self.guarded - running]
        self.guarded = running
        if self.guard is None or self.guard.stdin is None or not news:
            return
        try:
            self.guard.stdin.write("".join(f"{line}\n" for line in news).encode())
            self.guard.stdin.flush()
        except OSError:
            self.guard = None

    def _stop(self) -> None:
        """TERM every main process, KILL what is left after a while or at a second signal, then stop the servers."""
        if any(child.process for child in self.everybody):
            self.screen.say("Stopping")
        for child in self.everybody:
            if child.process is not None:
                child.process.terminate()
        self._wait_for_the_end(STOP_SECONDS)
        for child in self.everybody:
            if child.process is not None:
                self.screen.say(f"{child.name} did not stop in time and is killed")
                kill_group(child.process.pid)
                child.process.wait()
                self._let_go(child)
        self.servers.stop()
        self._dismiss_guard()
        self.selector.close()

    def _wait_for_the_end(self, seconds: float) -> None:
        now, signals = time.monotonic(), self.signals
        deadline, again_at = now + seconds, now + seconds / 4
        while time.monotonic() < deadline and self.signals == signals:
            for child in self.everybody:
                if child.process is not None and child.process.poll() is not None:
                    self._let_go(child)
            if not any(child.process for child in self.everybody):
                return
            if time.monotonic() >= again_at:
                again_at = deadline
                self._term_again()
            for key, _ in self.selector.select(0.05):
                self._read(key.data)

    def _term_again(self) -> None:
        """TERM once more who may have lost the first in the middle of renewing its workers."""
        for child in self.children:
            if child.process is not None and child.on_change == "hup":
                child.process.terminate()

    def _dismiss_guard(self) -> None:
        self._tell_guard()
        if self.guard is not None and self.guard.stdin is not None:
            self.guard.stdin.close()
            self.guard.wait()


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=1)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"localhost:{port}"})
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
