"""Servers for one run of the tests: their own processes, ports and folder, gone when the run ends."""

import atexit
import fcntl
import os
import secrets
import shutil
import signal
from pathlib import Path
from typing import IO

from .servers import MongoDB, Servers, Valkey, start

TEST_DATA = Path(__file__).resolve().parents[2] / ".data" / "test"


def ensure_test_servers(test_data: Path = TEST_DATA) -> None:
    """Set MONGODB_URI and REDIS_URL to servers of this run, unless the environment already names them.

    Called by `tests/settings.py` before Django reads its settings.  The workers of pytest-xdist inherit the
    environment, so the whole run shares what its first process started; two runs share nothing.
    """
    wanted = {name: None if os.environ.get(name) else 0 for name in ("MONGODB_URI", "REDIS_URL")}
    if all(port is None for port in wanted.values()):
        return
    remove_leftovers(test_data)
    folder, lock = _own_folder(test_data)
    servers = start(folder, mongodb_port=wanted["MONGODB_URI"], valkey_port=wanted["REDIS_URL"], durable=False)
    atexit.register(_finish, servers, folder, lock, os.getpid())
    os.environ.update(servers.environment())


def remove_leftovers(test_data: Path) -> None:
    """Remove the folders of runs that were killed.  A run holds a lock on its folder for as long as it lives."""
    for folder in test_data.glob("*-*"):
        lock = _claim(folder)
        if lock is not None:
            for server in (MongoDB(folder, port=0), Valkey(folder, port=0)):
                if server.attach():  # where the kernel does not end them with the run
                    os.kill(server.pid, signal.SIGKILL)
            shutil.rmtree(folder, ignore_errors=True)
            lock.close()


def _own_folder(test_data: Path) -> tuple[Path, IO[str]]:
    """Make a folder that is locked before it has the name under which another run could take it for a leftover."""
    name = f"{os.getpid()}-{secrets.token_hex(3)}"
    (test_data / f".{name}").mkdir(parents=True)
    lock = _claim(test_data / f".{name}")
    assert lock is not None
    return (test_data / f".{name}").rename(test_data / name), lock


def _claim(folder: Path) -> IO[str] | None:
    """Lock the folder; None when its run is alive.  The lock ends with the process, however it ends."""
    try:
        handle = (folder / "run.lock").open("w")
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        handle.close()
        return None
    return handle


def _finish(servers: Servers, folder: Path, lock: IO[str], owner: int) -> None:
    if os.getpid() != owner:  # a fork inherits what runs at exit
        return
    servers.stop()
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()
