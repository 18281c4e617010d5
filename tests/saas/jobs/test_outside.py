"""Calls to addresses of customers."""

import http.server
import json
import threading

import pytest

from saas.jobs import PermanentFailure, queue_webhook
from saas.jobs.models import FAILED, QUEUED, SUCCEEDED, jobs
from saas.jobs.outside import AddressRefused, call
from saas.tasks import call_webhook


@pytest.fixture
def receiver():
    """A server on this machine that answers with a status of one's choice and keeps what came."""

    class Handler(http.server.BaseHTTPRequestHandler):
        status, came = 200, []

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            Handler.came.append((self.path, dict(self.headers), body))
            self.send_response(Handler.status)
            if 300 <= Handler.status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Handler.url = f"http://127.0.0.1:{server.server_port}/hook"
    Handler.came = []
    yield Handler
    server.shutdown()
    thread.join()
    server.server_close()


def again(job):
    return jobs().get(id=job.id)


def test_a_call_arrives_with_its_key(receiver):
    job = queue_webhook(url=receiver.url, body={"event": "project.created"}, idempotency_key="hook:1")
    assert queue_webhook(url=receiver.url, body={}, idempotency_key="hook:1").id == job.id
    call_webhook(job.id)
    ((_, headers, body),) = receiver.came
    assert json.loads(body) == {"event": "project.created"}
    assert headers["Idempotency-Key"] == job.id
    assert again(job).state == SUCCEEDED
    assert again(job).result["status"] == 200


@pytest.mark.parametrize(("status", "state"), [(500, QUEUED), (404, QUEUED), (302, QUEUED), (410, FAILED)])
def test_a_bad_answer_is_tried_again_and_a_redirect_is_not_followed(receiver, status, state):
    receiver.status = status
    job = queue_webhook(url=receiver.url, body={})
    call_webhook(job.id)
    assert again(job).state == state
    assert [path for path, _, _ in receiver.came] == ["/hook"]
    assert str(status) in again(job).error


@pytest.mark.parametrize("url", ["ftp://x.test/", "https://", "https://a:b@x.test/", "nonsense", "https://[::1"])
def test_what_is_no_address_is_refused_at_once(url):
    with pytest.raises(AddressRefused):
        queue_webhook(url=url, body={})
    assert not jobs().first()


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "[::1]", "[::ffff:10.0.0.1]", "localhost", "0.0.0.0"],
)
def test_a_deployment_calls_no_network_of_its_own(host, settings):
    settings.IS_DEPLOYED = True
    job = queue_webhook(url=f"https://{host}/", body={})
    with pytest.raises(PermanentFailure, match="network"):
        call(job)


@pytest.mark.parametrize("host", ["10.0.0.1", "169.254.169.254"])
def test_development_calls_this_machine_and_no_other_private_one(host):
    with pytest.raises(PermanentFailure, match="network"):
        call(queue_webhook(url=f"http://{host}/", body={}))


def test_a_deployment_calls_https_alone(settings):
    settings.IS_DEPLOYED = True
    with pytest.raises(AddressRefused):
        queue_webhook(url="http://example.com/", body={})
