"""Child processes that end with their parent, and ports on this machine."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"
_PR_SET_PDEATHSIG = 1
# Loaded here, for between fork and exec nothing may be imported.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class EmbeddedError(Exception):
    """Something that the developer has to change; the message says what, in words."""


def die_with_parent(sig: int = signal.SIGTERM) -> None:
    """Have the kernel send this process `sig` when its parent ends, however it ends.  Does nothing outside Linux."""
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, int(sig))


def spawn(
    command: Sequence[str | Path],
    *,
    output: int | IO[bytes],
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start `command` in a session of its own, so that Ctrl-C reaches only us, and let it end when we do.

    Call it from the main thread: the kernel watches the thread that forks, so from any other thread the
    child is left without that net.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
        preexec_fn=_preexec(),  # noqa: PLW1509 - only two system calls, and nothing of ours runs threads here
    )


def _preexec() -> Callable[[], None] | None:
    if _libc is None or threading.current_thread() is not threading.main_thread():
        return None
    parent = os.getpid()

    def bind_to_parent() -> None:
        die_with_parent()
        if os.getppid() != parent:  # it ended before we asked for the signal
            os._exit(1)

    return bind_to_parent


def terminate(process: subprocess.Popen[bytes], *, seconds: float) -> None:
    """TERM the main process, wait up to `seconds`, then KILL its whole session.  Safe to repeat."""
    if process.poll() is None:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
    kill_group(process.pid)
    process.wait()


def kill_group(pid: int) -> None:
    """KILL what is left of the session that `pid` led."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether the process exists and has not ended; one that waits to be reaped has."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return sys.platform != "linux"


def free_port() -> int:
    """Return a port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def is_listening(port: int) -> bool:
    """Whether something answers on `localhost:port`, by IPv4 or IPv6: a browser tries both."""
    for family, host in ((socket.AF_INET, LOOPBACK), (socket.AF_INET6, "::1")):
        try:
            with socket.socket(family) as probe:
                probe.settimeout(0.5)
                if probe.connect_ex((host, port)) == 0:
                    return True
        except OSError:
            continue
    return False


def is_taken(port: int) -> bool:
    """Whether a server of ours could not listen on `port`, or would not be the one that a browser reaches."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return True
    return is_listening(port)
