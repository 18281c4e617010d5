"""The server behind the sandbox's receivers, apart from the site: one that hangs must not hold a thread of the site."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import structlog
from django.conf import settings

from saas.sandbox import hooks

log = structlog.get_logger(__name__)
LONGEST_BODY = 1024 * 1024  # bytes
PATIENCE = 30  # seconds for a sender that stalls


class Handler(BaseHTTPRequestHandler):
    """Takes `POST /<name>/`; whoever comes with a browser is led to the receiver's page."""

    server: "Server"
    timeout = PATIENCE

    def do_GET(self) -> None:
        name = self.receiver_name
        self.answer(303, {"Location": f"{settings.SITE_URL}/sandbox/hooks/{f'{name}/' if name else ''}"})

    def do_POST(self) -> None:
        name = self.receiver_name
        length = self.headers.get("Content-Length", "")
        if not name:
            self.answer(404, words="A receiver's address is /<name>/: small letters, digits and hyphens.")
        elif not length.isdigit():
            self.answer(411)
        elif int(length) > LONGEST_BODY:
            self.answer(413)
        else:
            self.take(name, self.rfile.read(int(length)))

    @property
    def receiver_name(self) -> str:
        name = urlsplit(self.path).path.strip("/")
        return name if hooks.NAME.fullmatch(name) else ""

    def take(self, name: str, body: bytes) -> None:
        try:
            way = hooks.receive(name, self.headers.items(), body)
        except (hooks.NoRoom, OSError) as problem:
            log.error("sandbox_hook_not_kept", problem=str(problem))
            self.answer(507, words=str(problem))
            return
        self.server.stopping.wait(way.pause)
        self.answer(way.status, dict(way.headers), f"The sandbox answers: {way.label}.")

    def answer(self, status: int, headers: dict[str, str] | None = None, words: str = "") -> None:
        body = words.encode()
        self.send_response(status)
        for name, value in {"Content-Type": "text/plain; charset=utf-8", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        try:
            super().handle()
        except ConnectionError:  # the sender had no more patience
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """The receiver's page shows what came."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int) -> None:
        super().__init__(("localhost", port), Handler)
        self.stopping = threading.Event()

    def shutdown(self) -> None:
        """End, without waiting for answers that hang."""
        self.stopping.set()
        super().shutdown()


def configured_server() -> Server:
    """The receivers at HOOKS_PORT, not yet serving.  Raises OSError for a port that is taken."""
    return Server(settings.HOOKS_PORT)
