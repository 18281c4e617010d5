"""`python -m saas.embedded dev` and `python -m saas.embedded exec -- <command>`."""

import os
import signal
import subprocess
import sys
from types import FrameType

from .environment import BASE_DIR, load
from .processes import EmbeddedError
from .runner import Runner

USAGE = """usage:
  python -m saas.embedded dev                 run everything for development
  python -m saas.embedded exec -- <command>   run a command with the development servers up"""


def main(arguments: list[str]) -> int:
    """Run one of the two commands and return the exit code."""
    try:
        if arguments == ["dev"]:
            return Runner(load()).run()
        if arguments[:2] == ["exec", "--"] and arguments[2:]:
            return execute(arguments[2:])
    except EmbeddedError as error:
        print(error, file=sys.stderr)
        return 1
    print(USAGE, file=sys.stderr)
    return 2


def execute(command: list[str]) -> int:
    """Run `command` with the servers up, and stop afterwards those that were started for it."""
    development = load()
    with development.servers as servers:
        servers.ensure()
        if not servers.started:
            os.chdir(BASE_DIR)
            os.execvpe(command[0], command, development.environment())  # noqa: S606 - nothing here for a shell
        # Ctrl-C in the terminal reaches the command by itself, and it decides what that means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        child = subprocess.Popen(
            command,
            cwd=BASE_DIR,
            env=development.environment(),
            preexec_fn=_take_interrupts,  # noqa: PLW1509
        )

        def pass_on(number: int, _: FrameType | None) -> None:
            child.send_signal(number)

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGHUP, pass_on)
        code = child.wait()
    return code if code >= 0 else 128 - code


def _take_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
