import signal
import socket
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from saas.sandbox import smtp


class Command(BaseCommand):
    help = "Run the simulated world: a mail server whose inbox is /sandbox/mail/. Ends on Ctrl-C or SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_taken_port(settings.MAIL_PORT)
        server = smtp.controller(settings.MAIL_PORT)
        server.start()
        self.stdout.write(f"Mail sandbox on port {settings.MAIL_PORT}; inbox at {settings.SITE_URL}/sandbox/mail/")
        self.stdout.flush()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        stopping.wait()
        server.stop()


def refuse_taken_port(port: int) -> None:
    """Raises CommandError.  Asked beforehand, for the server leaves its loop open when it cannot start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError as problem:
            raise CommandError(
                f"The mail sandbox cannot listen on port {port} ({problem.strerror}). "
                "Stop what uses it, or set MAIL_PORT to another one."
            ) from None
