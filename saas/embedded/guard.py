"""Ends what the runner started when the runner itself was killed.

The runner writes `+<pid>` for each process that it starts and `-<pid>` for each that has ended. The end of the pipe
without a farewell means that the runner is gone, and nobody else would end the sessions of its children.
"""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable

from .processes import is_running, kill_group

GRACE_SECONDS = 8.0


def main(lines: Iterable[str], grace: float = GRACE_SECONDS) -> None:
    """Follow the runner; after its end TERM the main processes, and KILL what is left after `grace` seconds."""
    for sig in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(sig, signal.SIG_IGN)  # it ends with the pipe, and only then
    left: set[int] = set()
    for line in lines:
        (left.add if line[0] == "+" else left.discard)(int(line[1:]))
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace
    while left:
        is_late = time.monotonic() > deadline
        for pid in [pid for pid in left if is_late or not is_running(pid)]:
            kill_group(pid)
            left.discard(pid)
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.stdin)
