"""A receiver on this machine, and endpoints that send to it."""

import http.server
import threading
import time
from dataclasses import dataclass, field

import pytest

from saas.jobs.models import jobs
from saas.tasks import replay_webhook, settle_webhook
from saas.tenancy import now
from saas.webhooks import endpoints, sending, settling, signing
from saas.webhooks.models import deliveries, webhooks
from tests.factories import make_world


@dataclass
class Call:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]


class Receiver(http.server.ThreadingHTTPServer):
    """Answers with `status`, or with what `answer(call)` says: (status, headers, body).  Keeps what came."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.answer = None
        self.came: list[Call] = []
        self.connections = 0
        self.url = f"http://127.0.0.1:{self.server_port}/hook"

    def handle_error(self, *_):
        pass

    def get_request(self):
        self.connections += 1
        return super().get_request()

    @property
    def ids(self) -> list[str]:
        return [call.id for call in self.came]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = Call(self.path, {name.lower(): value for name, value in self.headers.items()}, body)
        self.server.came.append(call)
        status, headers, text = self.server.answer(call) if self.server.answer else (self.server.status, {}, b"ok")
        self.send_response(status)
        for name, value in {"Content-Length": str(len(text)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def receivers():
    """Makes receivers."""
    made = []

    def make() -> Receiver:
        server = Receiver()
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        made.append((server, thread))
        return server

    yield make
    for server, thread in made:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(receivers):
    return receivers()


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def endpoint(world, receiver):
    """An endpoint of Acorn that hears everything, and its secret."""
    return make_endpoint(world, receiver.url)


def make_endpoint(world, url, *, org="acorn", events=("*",), name="Billing"):
    owner = {"acorn": world.org, "birch": world.other.org, None: None}[org]
    webhook, secret = endpoints.create_endpoint(org=owner, actor=world.owner, name=name, url=url, events=list(events))
    webhook.plain_secret = secret
    return webhook


def add_deliveries(webhook, count, *, event="project.created"):
    """Deliveries that are due, as the sink makes them."""
    from saas.mongo.fields import new_key
    from saas.webhooks import lanes
    from saas.webhooks.models import WebhookDelivery

    rows = [
        WebhookDelivery(
            webhook_id=webhook.id,
            organization_id=webhook.organization_id,
            event_id=new_key(),
            message_id=f"msg_{new_key()}",
            event=event,
            payload=endpoints.sample_payload(event),
            next_attempt_at=now(),
        )
        for _ in range(count)
    ]
    for start in range(0, count, 1000):
        deliveries().insert(rows[start : start + 1000], load_bulk=False)
    lanes.wake([webhook.id])
    return rows


def send_due():
    """What a worker does when it is called."""
    return sending.send_due()


def again(document):
    manager = webhooks() if document._meta["collection"] == "webhooks" else deliveries()
    return manager.get(id=document.id)


def verify(call, secret):
    """By our own verifier and by those of two packages; raises what they raise."""
    import standardwebhooks
    import svix.webhooks

    signing.verify_webhook_signature(call.body, call.headers, secret)
    standardwebhooks.Webhook(secret).verify(call.body, call.headers)
    svix.webhooks.Webhook(secret).verify(call.body, call.headers)


def run_webhook_jobs() -> None:
    """What a worker does after a switch, a deletion or a replay."""
    for name, task in ((settling.TASK, settle_webhook), (endpoints.REPLAY, replay_webhook)):
        for job in jobs().filter(task=name, state="queued"):
            task(job.id)
