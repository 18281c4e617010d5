"""The receivers of webhooks, spoken to over a socket, and their pages."""

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from standardwebhooks import Webhook

from saas.embedded.processes import free_port
from saas.sandbox import hooks, hooks_server

SECRET = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
OTHER_SECRET = "whsec_" + "WFdWVVRTUlFQT05NTEtKSUhHRkVEQ0JB"


@pytest.fixture(autouse=True)
def server(settings: Any, tmp_path: Any) -> Any:
    settings.DATA_DIR, settings.HOOKS_PORT = tmp_path, free_port()
    running = hooks_server.configured_server()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def send(
    server: Any,
    path: str = "/orders/",
    body: bytes = b"{}",
    headers: dict[str, str] | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, str]]:
    connection = HTTPConnection("localhost", server.server_port, timeout=60)
    connection.request(method, path, body, headers or {})
    answer = connection.getresponse()
    connection.close()
    return answer.status, dict(answer.getheaders())


def signed(body: bytes, *, secret: str = SECRET, id_: str = "msg_1", at: datetime | None = None) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    return {
        "webhook-id": id_,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(id_, moment, body.decode()),
    }


BODY = json.dumps({"type": "project.created", "data": {"name": "Façade"}}).encode()


def test_a_delivery_is_kept_as_it_came_and_shown(client, server):
    status, _ = send(server, body=BODY, headers={**signed(BODY), "X-Own": "kept"})
    assert status == 200
    (delivery,) = hooks.newest("orders")
    assert (delivery.body, delivery.verdict, delivery.event) == (BODY, "unchecked", "project.created")
    page = client.get("/sandbox/hooks/orders/").content.decode()
    assert f"http://localhost:{server.server_port}/orders/" in page
    assert "project.created" in page
    assert "Not checked" in page
    detail = client.get(f"/sandbox/hooks/orders/{delivery.key}/").content.decode()
    assert "X-Own" in detail
    assert "project.created" in detail


def test_with_the_secret_a_delivery_is_verified_and_a_forged_one_is_not(client, server):
    client.post("/sandbox/hooks/orders/secret/", {"secret": SECRET})
    send(server, body=BODY, headers=signed(BODY))
    send(server, body=BODY.replace(b"project", b"payment"), headers=signed(BODY))
    send(server, body=BODY, headers=signed(BODY, secret=OTHER_SECRET))
    send(server, body=BODY, headers=signed(BODY, at=datetime.now(UTC) - timedelta(minutes=6)))
    send(server, body=BODY)
    send(server, body=BODY, headers={**signed(BODY), "webhook-signature": "nonsense"})
    send(server, body=b"\xff\xfe", headers=signed(BODY))
    verdicts = [(delivery.verdict, delivery.reason) for delivery in reversed(hooks.newest("orders"))]
    assert verdicts[0] == ("verified", "")
    assert verdicts[1:5] == [
        ("refused", "No matching signature found"),
        ("refused", "No matching signature found"),
        ("refused", "Message timestamp too old"),
        ("refused", "Missing required headers"),
    ]
    assert [verdict for verdict, _ in verdicts[5:]] == ["refused", "refused"]
    page = client.get("/sandbox/hooks/orders/").content.decode()
    assert (page.count(">Verified<"), page.count("Not genuine")) == (1, 6)


def test_both_secrets_of_a_rotation_are_tried(client, server):
    client.post("/sandbox/hooks/orders/secret/", {"secret": f"{OTHER_SECRET}  {SECRET}"})
    send(server, body=BODY, headers=signed(BODY))
    assert hooks.newest("orders")[0].verdict == "verified"


def test_a_secret_that_comes_later_checks_what_came_before(client, server):
    send(server, body=BODY, headers=signed(BODY))
    assert client.post("/sandbox/hooks/orders/secret/", {"secret": SECRET}).status_code == 302
    assert hooks.newest("orders")[0].verdict == "verified"


@pytest.mark.parametrize("secret", ["whsec_", "whsec_é", "whsec_a"])
def test_a_secret_that_is_none_is_refused_in_words(client, secret):
    answer = client.post("/sandbox/hooks/orders/secret/", {"secret": secret})
    assert answer.status_code == 422
    assert "This is no signing secret" in answer.content.decode()


def test_the_same_id_again_is_shown_as_such(client, server):
    for id_ in ("msg_1", "msg_2", "msg_1"):
        send(server, body=BODY, headers=signed(BODY, id_=id_))
    page = client.get("/sandbox/hooks/orders/").content.decode()
    assert page.count("Same id, time 2") == 1
    assert "Same id, time 1" not in page


@pytest.mark.parametrize(
    ("answer", "status", "header"),
    [
        ("ok", 200, ()),
        ("error", 500, ()),
        ("gone", 410, ()),
        ("busy", 429, ("Retry-After", "10")),
        ("redirect", 308, ("Location", "http://169.254.169.254/latest/meta-data/")),
    ],
)
def test_it_answers_as_it_is_told(client, server, answer, status, header):
    assert client.post("/sandbox/hooks/orders/answer/", {"answer": answer}).status_code == 302
    found, headers = send(server)
    assert found == status
    assert not header or headers[header[0]] == header[1]
    assert hooks.newest("orders")[0].status == status
    assert client.post("/sandbox/hooks/orders/answer/", {"answer": "nonsense"}).status_code == 404


def test_one_that_hangs_keeps_what_came_and_delays_nobody(client, server):
    client.post("/sandbox/hooks/silent/answer/", {"answer": "timeout"})
    waiting = [threading.Thread(target=send, args=(server, "/silent/")) for _ in range(20)]
    for each in waiting:
        each.start()
    until(lambda: len(hooks.newest("silent")) == 20)
    assert send(server, "/orders/")[0] == 200
    assert all(each.is_alive() for each in waiting), "it was answered before them"
    server.stopping.set()  # they are answered now
    for each in waiting:
        each.join()


def until(condition: Any) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_last_hundred_are_kept():
    for number in range(hooks.KEPT + 5):
        hooks.receive("orders", [("webhook-id", f"msg_{number}")], b"{}")
    kept = hooks.newest("orders")
    assert (len(kept), kept[0].webhook_id, kept[-1].webhook_id) == (hooks.KEPT, "msg_104", "msg_5")


def test_a_request_that_is_none_is_answered(server):
    assert send(server, "/../etc/")[0] == 404
    assert send(server, "/Orders/")[0] == 404
    assert send(server, "/orders/", b"", {"Content-Length": str(2 * 1024 * 1024)})[0] == 413
    assert hooks.names() == []


def test_a_browser_is_led_to_the_page(server, settings):
    status, headers = send(server, method="GET")
    assert (status, headers["Location"]) == (303, f"{settings.SITE_URL}/sandbox/hooks/orders/")


def test_the_site_itself_takes_no_delivery_and_says_where():
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/sandbox/hooks/orders/", BODY, content_type="application/json")
    assert answer.status_code == 405
    assert "/orders/" in answer.content.decode()


def test_receivers_are_listed_opened_by_name_and_removed(client, server):
    assert "No receiver yet" in client.get("/sandbox/hooks/").content.decode()
    assert client.get("/sandbox/hooks/", {"name": "orders"})["Location"] == "/sandbox/hooks/orders/"
    assert client.get("/sandbox/hooks/", {"name": "No Name!"}).status_code == 422
    send(server, "/payments/")
    client.get("/sandbox/hooks/orders/")
    page = client.get("/sandbox/hooks/").content.decode()
    assert "/sandbox/hooks/orders/" in page
    assert "/sandbox/hooks/payments/" in page
    client.post("/sandbox/hooks/payments/remove/")
    assert hooks.names() == ["orders"]


def test_there_is_an_end_to_receivers(client, server, monkeypatch):
    monkeypatch.setattr(hooks, "MOST_RECEIVERS", 1)
    assert send(server, "/one/")[0] == 200
    assert send(server, "/two/")[0] == 507
    assert client.get("/sandbox/hooks/two/").status_code == 404


def test_what_is_not_there_is_not_found(client):
    assert client.get("/sandbox/hooks/orders/nonsense/").status_code == 404
    assert client.get("/sandbox/hooks/orders/00000000000000000001-deadbeef/").status_code == 404
    assert client.get("/sandbox/hooks/UPPER/").status_code == 404


def test_htmx_gets_the_deliveries_alone(client, server):
    send(server, body=BODY)
    part = client.get("/sandbox/hooks/orders/", headers={"HX-Request": "true"}).content.decode()
    assert "project.created" in part
    assert "<html" not in part


def test_a_taken_port_is_said_in_words(server, settings):
    settings.MAIL_PORT, settings.OIDC_PORT = free_port(), free_port()
    with pytest.raises(CommandError, match=rf"port {server.server_port} .* HOOKS_PORT"):
        call_command("sandbox")
