import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from saas.embedded.environment import BASE_DIR
from tests.embedded.conftest import LIMIT, Outside, wait_until

# A site that answers its probe and, like a real server, has a worker of its own, here one that is deaf to TERM.
WEB = """
import http.server, os, signal, subprocess, sys
subprocess.Popen([sys.executable, "-c",
    "import signal, time; signal.signal(15, signal.SIG_IGN); print('deaf is up', flush=True); time.sleep(600)"])
class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words): pass
signal.signal(signal.SIGHUP, lambda *_: print("code renewed", flush=True))
print("serving", flush=True)
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Site).serve_forever()
"""
WORKER = "import os, time; print('working on', os.environ['REDIS_URL'], flush=True); time.sleep(600)"
PREPARE = 'print(\'{"logins": [{"email": "ann@example.test", "password": "open sesame"}], "services": []}\')'
DEV = """
    import sys
    from pathlib import Path
    from saas.embedded import runner
    from saas.embedded.environment import load
    from saas.embedded.processes import EmbeddedError

    def table(ports, data_dir):
        return [
            runner.Child("web", [sys.executable, "-c", {web!r}], on_change="hup"),
            runner.Child("worker", [sys.executable, "-c", {worker!r}]),
        ]

    prepare = [sys.executable, "-c", {prepare!r}]
    folder = Path({folder!r})
    one = runner.Runner(load(folder), table=table, prepare=prepare, base_dir=folder)
    one.watcher.command.append(str(folder / "code"))
    try:
        sys.exit(one.run())
    except EmbeddedError as error:
        sys.exit(str(error))
"""


def dev(outside: Outside, web: str = WEB, worker: str = WORKER, prepare: str = PREPARE) -> subprocess.Popen[bytes]:
    (outside.folder / "code").mkdir(exist_ok=True)
    return outside.script(DEV.format(web=web, worker=worker, prepare=prepare, folder=str(outside.folder)))


def running(outside: Outside) -> subprocess.Popen[bytes]:
    process = dev(outside)
    outside.says("Ctrl-C stops everything")
    outside.says("deaf is up")
    outside.says("| working on")
    return process


def test_the_banner_names_addresses_and_logins(outside: Outside):
    process = running(outside)
    assert f"http://localhost:{outside.ports['PORT']}/sandbox/mail/" in outside.text
    assert "ann@example.test   open sesame" in outside.text
    assert f"MongoDB   real       own server on port {outside.ports['MONGODB_PORT']}" in outside.text
    assert f"worker  | working on redis://localhost:{outside.ports['VALKEY_PORT']}/0" in outside.text
    process.terminate()
    assert process.wait(LIMIT) == 0


@pytest.mark.parametrize("sig", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_nothing_is_left_behind_however_it_ends(outside: Outside, sig: signal.Signals):
    process = running(outside)
    assert len(outside.left()) >= 7  # runner, guard, watcher, web, its worker, worker, mongod, valkey
    process.send_signal(sig)
    assert process.wait(LIMIT) == (-9 if sig == signal.SIGKILL else 0)
    outside.leaves_nothing()


def test_what_dies_is_started_again(outside: Outside):
    process = running(outside)
    for words in ("mongod --dbpath", "valkey-server"):
        os.kill(outside.pid_of(words), signal.SIGKILL)
    os.kill(outside.pid_of(f"{sys.executable} -c {WORKER}"), signal.SIGKILL)

    outside.says("mongodb and valkey had ended and was started again")
    outside.says("worker was killed by SIGKILL.  Starting it again in 1 s.")
    wait_until(lambda: outside.text.count("working on") == 2, "a second worker")
    process.terminate()
    assert process.wait(LIMIT) == 0
    outside.leaves_nothing()


def test_a_change_renews_web_and_restarts_the_worker_quietly(outside: Outside):
    process = running(outside)
    watched = outside.folder / "code" / "views.py"

    def change() -> bool:  # again, for the watcher may not look yet
        watched.write_text(f"{os.urandom(8)!r}")
        return "Reloading" in outside.text

    wait_until(change, "a reload")
    outside.says("Changed: code/views.py.")
    outside.says("web     | code renewed")
    wait_until(lambda: outside.text.count("working on") >= 2, "a second worker")
    assert "Starting it again" not in outside.text
    process.terminate()
    assert process.wait(LIMIT) == 0


def test_a_taken_port_is_said_before_anything_starts(outside: Outside):
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", outside.ports["PORT"]))
        foreign.listen()
        assert dev(outside).wait(LIMIT) == 1
    assert f"Port {outside.ports['PORT']}, meant for the site, is taken" in outside.text
    assert "Starting" not in outside.text
    assert not (outside.folder / "data").exists()


def test_a_preparation_that_fails_shows_why_and_stops(outside: Outside):
    assert dev(outside, prepare="raise SystemExit('the index is broken')").wait(LIMIT) == 1
    assert "prepare | the index is broken" in outside.text
    assert "The database could not be prepared" in outside.text
    assert "serving" not in outside.text
    outside.leaves_nothing()


def test_it_ends_with_the_make_that_started_it(outside: Outside, tmp_path: Path):
    (tmp_path / "code").mkdir()
    makefile = tmp_path / "Makefile"
    script = tmp_path / "dev.py"
    code = DEV.format(web=WEB, worker=WORKER, prepare=PREPARE, folder=str(tmp_path))
    script.write_text("\n".join(line.removeprefix("    ") for line in code.splitlines()))
    makefile.write_text(f"dev:\n\t@exec {sys.executable} {script}\n")
    make = outside.run("make", "-C", str(tmp_path), "dev")
    outside.says("Ctrl-C stops everything")
    make.kill()
    make.wait()
    outside.leaves_nothing()


def test_make_alone_lists_every_command():
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent"}
    shown = subprocess.run(["make"], cwd=BASE_DIR, env=environment, capture_output=True, text=True, check=True).stdout
    listed = [line.split()[1] for line in shown.splitlines()]
    assert {"dev", "test", "check", "e2e", "bench", "doctor", "shell", "seed", "clean"} <= set(listed)
    assert all(len(line.split()) > 3 for line in shown.splitlines()), "each says what it does"
