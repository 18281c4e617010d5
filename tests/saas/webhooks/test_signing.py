"""The signature, and who accepts it."""

import base64
import json
import time
from datetime import timedelta

import pytest
import standardwebhooks
import svix.webhooks

from saas.tenancy import now
from saas.webhooks import endpoints, signing
from saas.webhooks.models import webhooks
from saas.webhooks.signing import BadSignature, sign, verify_webhook_signature
from tests.saas.webhooks.conftest import add_deliveries, send_due, verify

SECRET = signing.new_secret()
#: The example of the specification.
KNOWN_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KNOWN = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def headers_of(body, *, secrets=(SECRET,), at=None, message_id="msg_1"):
    sent_at = int(at or time.time())
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(sent_at),
        "webhook-signature": sign(message_id, sent_at, body, secrets),
    }


def test_the_specifications_example():
    assert sign(KNOWN["webhook-id"], 1614265330, '{"test": 2432232314}', [KNOWN_SECRET]) == KNOWN["webhook-signature"]


def test_a_secret_is_32_random_bytes():
    prefix, _, rest = SECRET.partition("_")
    assert prefix == "whsec"
    assert len(base64.b64decode(rest)) == 32
    assert signing.new_secret() != SECRET


@pytest.mark.parametrize("body", [b"{}", '{"name":"Façade – 東京"}'.encode(), b""])
def test_what_is_signed_is_accepted_by_all(body):
    headers = headers_of(body)
    verify_webhook_signature(body, headers, SECRET)
    verify_webhook_signature(body.decode(), {name.title(): value for name, value in headers.items()}, SECRET)
    if body:
        standardwebhooks.Webhook(SECRET).verify(body, headers)
        svix.webhooks.Webhook(SECRET).verify(body, headers)


def test_the_packages_sign_as_we_do():
    at = now().replace(microsecond=0)
    theirs = standardwebhooks.Webhook(SECRET).sign("msg_1", at, "{}")
    assert sign("msg_1", int(at.timestamp()), "{}", [SECRET]) == theirs


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": "msg_2"},
        {"webhook-id": ""},
        {"webhook-timestamp": "0"},
        {"webhook-timestamp": "nan"},
        {"webhook-timestamp": "1e9"},
        {"webhook-timestamp": "٣"},
        {"webhook-signature": ""},
        {"webhook-signature": "v1"},
        {"webhook-signature": "v1,"},
        {"webhook-signature": "v1,!!"},
        {"webhook-signature": "v1,ä"},
        {"webhook-signature": "v2,AAAA"},
    ],
)
def test_what_was_changed_is_refused(change):
    with pytest.raises(BadSignature):
        verify_webhook_signature(b"{}", {**headers_of(b"{}"), **change}, SECRET)


def test_another_body_or_secret_is_refused():
    with pytest.raises(BadSignature):
        verify_webhook_signature(b"{ }", headers_of(b"{}"), SECRET)
    with pytest.raises(BadSignature):
        verify_webhook_signature(b"{}", headers_of(b"{}"), signing.new_secret())


@pytest.mark.parametrize(("seconds", "is_fine"), [(-301, False), (-299, True), (299, True), (301, False)])
def test_five_minutes_are_tolerated_both_ways(seconds, is_fine):
    headers = headers_of(b"{}", at=1_700_000_000)
    from datetime import UTC, datetime

    at = datetime.fromtimestamp(1_700_000_000 - seconds, UTC)
    if is_fine:
        verify_webhook_signature(b"{}", headers, SECRET, at=at)
    else:
        with pytest.raises(BadSignature):
            verify_webhook_signature(b"{}", headers, SECRET, at=at)


def test_strange_entries_are_passed_over():
    headers = headers_of(b"{}")
    headers["webhook-signature"] = f"v1a,xx v1 nonsense v1,AAAA {headers['webhook-signature']} v9,="
    verify_webhook_signature(b"{}", headers, SECRET)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_!!", "whsec_c2hvcnQ=", "whsec_" + "A" * 88])
def test_what_is_no_secret_is_a_mistake(secret):
    with pytest.raises(ValueError, match="secret"):
        sign("msg_1", 1, b"", [secret])


def test_an_id_with_a_dot_is_a_mistake():
    with pytest.raises(ValueError, match="dot"):
        sign("msg.1", 1, b"", [SECRET])


# -- on the wire -------------------------------------------------------------------------------------------------------


def test_each_delivery_is_accepted_as_it_came(endpoint, receiver):
    add_deliveries(endpoint, 3)
    assert send_due() == 3
    for call in receiver.came:
        verify(call, endpoint.plain_secret)
        assert call.headers["content-type"] == "application/json"
        assert "." not in call.id
        assert abs(int(call.headers["webhook-timestamp"]) - time.time()) < 5
        assert set(json.loads(call.body)) == {"type", "timestamp", "data"}


def test_both_secrets_sign_for_a_day_after_a_rotation(world, endpoint, receiver):
    secret = endpoints.rotate_secret(webhook=endpoint, actor=world.owner)
    add_deliveries(endpoint, 1)
    send_due()
    call = receiver.came[0]
    assert call.headers["webhook-signature"].count(" ") == 1
    verify(call, endpoint.plain_secret)
    verify(call, secret)

    webhooks().filter(id=endpoint.id).update(set__previous_expires_at=now() - timedelta(seconds=1))
    add_deliveries(endpoint, 1)
    send_due()
    call = receiver.came[1]
    verify(call, secret)
    with pytest.raises(BadSignature):
        verify_webhook_signature(call.body, call.headers, endpoint.plain_secret)


def test_a_second_rotation_ends_the_oldest_secret(world, endpoint, receiver):
    second = endpoints.rotate_secret(webhook=endpoint, actor=world.owner)
    third = endpoints.rotate_secret(webhook=endpoint, actor=world.owner)
    add_deliveries(endpoint, 1)
    send_due()
    for secret in (second, third):
        verify(receiver.came[0], secret)
    with pytest.raises(BadSignature):
        verify_webhook_signature(receiver.came[0].body, receiver.came[0].headers, endpoint.plain_secret)


def test_no_secret_stands_in_the_database_or_the_log(world, endpoint, receiver):
    from saas.events.models import events
    from saas.mongo.documents import get_collection

    new = endpoints.rotate_secret(webhook=endpoint, actor=world.owner)
    add_deliveries(endpoint, 1)
    send_due()
    rows = [*get_collection("webhooks").find(), *get_collection("webhook_deliveries").find(), *events().as_pymongo()]
    for secret in (new, endpoint.plain_secret):
        assert secret.removeprefix("whsec_") not in str(rows)
