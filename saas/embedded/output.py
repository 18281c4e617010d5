"""What the runner shows: log lines with a name before them, and one banner."""

import os
import sys
from collections.abc import Sequence
from typing import Any

RESET = "\x1b[0m"
BOLD = "\x1b[1m"
RED = "\x1b[31m"
COLORS = ("\x1b[36m", "\x1b[35m", "\x1b[34m", "\x1b[33m", "\x1b[32m", "\x1b[96m")
STATE_COLORS = {"real": "\x1b[32m", "simulated": "\x1b[33m", "off": "\x1b[90m", "broken": RED}


class Screen:
    """Writes whole lines to standard output; colors only for a terminal that wants them."""

    def __init__(self) -> None:
        self.has_colors = sys.stdout.isatty() and "NO_COLOR" not in os.environ
        self.is_open = True

    def color(self, text: str, color: str) -> str:
        return f"{color}{text}{RESET}" if self.has_colors else text

    def line(self, text: str) -> None:
        """Write one line.  A reader that has gone (a closed terminal, `| head`) closes the screen, and is no error."""
        try:
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
        except OSError:
            self.is_open = False

    def log(self, name: str, text: str, color: str) -> None:
        self.line(f"{self.color(f'{name:<7} |', color)} {text}")

    def say(self, text: str) -> None:
        for line in text.splitlines():
            self.log("make", line, BOLD)

    def complain(self, text: str) -> None:
        for line in text.splitlines():
            self.log("make", self.color(line, RED), RED)


def banner(screen: Screen, *, site: str, logins: Sequence[Any], services: Sequence[Any], seconds: float) -> None:
    """Show the addresses, who can sign in, and which outside services are real, simulated or off."""
    pages = {
        "Site": "/",
        "Mail inbox": "/sandbox/mail/",
        "Receivers": "/sandbox/hooks/",
        "Style guide": "/styleguide/",
        "Admin": "/admin/",
    }
    lines = ["", screen.color(f"Groundwork is running.  (ready in {seconds:.1f} s)", BOLD), ""]
    lines += [f"{name:<11}   {site}{path}" for name, path in pages.items()]
    if logins:
        lines += ["", screen.color("Sign in as", BOLD)]
        width = max(len(str(login["email"])) for login in logins)
        lines += [f"{login['email']:<{width}}   {login['password']}   {login.get('note', '')}" for login in logins]
    if services:
        lines += ["", screen.color("Outside services", BOLD)]
        width = max(len(str(service["part"])) for service in services)
        lines += [_service_line(screen, service, width) for service in services]
    lines += ["", "Ctrl-C stops everything; the data stays.", ""]
    for line in lines:
        screen.line(f"  {line}".rstrip())


def _service_line(screen: Screen, service: Any, width: int) -> str:
    state = "real" if service["state"] == "works" else str(service["state"])
    colored = screen.color(f"{state:<10}", STATE_COLORS.get(state, BOLD))
    return f"{service['part']:<{width}}   {colored} {service.get('detail', '')}".rstrip()
