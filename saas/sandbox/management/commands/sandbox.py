import signal
import socket
import threading
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from saas.sandbox import hooks_server, oidc, smtp


class Command(BaseCommand):
    help = "Run the simulated world: mail, a sign-in service, receivers of webhooks. Ends on Ctrl-C or SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_taken_port(settings.MAIL_PORT)
        refuse_taken_port(settings.OIDC_PORT, "OIDC_PORT", "sandbox's sign-in service")
        refuse_taken_port(settings.HOOKS_PORT, "HOOKS_PORT", "sandbox's receivers of webhooks")
        server = smtp.controller(settings.MAIL_PORT)
        server.start()
        others = [oidc.configured_server(), hooks_server.configured_server()]
        for each in others:
            threading.Thread(target=each.serve_forever, daemon=True).start()
        self.stdout.write(f"Mail sandbox on port {settings.MAIL_PORT}; inbox at {settings.SITE_URL}/sandbox/mail/")
        self.stdout.flush()
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        stopping.wait()
        for each in others:
            each.shutdown()
        server.stop()


def refuse_taken_port(port: int, name: str = "MAIL_PORT", use: str = "mail sandbox") -> None:
    """Raises CommandError.  Asked beforehand, for the server leaves its loop open when it cannot start."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("localhost", port))
        except OSError as problem:
            raise CommandError(
                f"The {use} cannot listen on port {port} ({problem.strerror}). "
                f"Stop what uses it, or set {name} to another one."
            ) from None
