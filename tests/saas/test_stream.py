"""The stream process: who is connected, what arrives, and how it ends."""

import asyncio
import json
import time

import pytest
import redis
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from organizations.models import Membership
from saas import live, stream
from saas.sessions import SessionStore
from tests.factories import make_world

LIMIT = 30  # seconds; only a failing test waits this long


def scope_of(*, cookie="", origin=settings.SITE_URL, path="/stream/events", org=""):
    headers = [(b"cookie", cookie.encode())]
    if origin:
        headers.append((b"origin", origin.encode()))
    return {"type": "http", "method": "GET", "path": path, "headers": headers, "query_string": f"org={org}".encode()}


def ask(scope):
    """Status and headers of one request that ends by itself."""

    async def exchange():
        page = ApplicationCommunicator(stream.application, scope)
        await page.send_input({"type": "http.request", "body": b""})
        start = await page.receive_output(timeout=LIMIT)
        await page.receive_output(timeout=LIMIT)
        return start["status"], dict(start["headers"])

    return asyncio.run(exchange())


def listen(user, cookie, then, *, until, org=""):
    """The texts that a connected page gets after `then()` has run, up to one that begins with `until`, or the end."""

    async def exchange():
        page = ApplicationCommunicator(stream.application, scope_of(cookie=cookie, org=org))
        await page.send_input({"type": "http.request", "body": b""})
        assert (await page.receive_output(timeout=LIMIT))["status"] == 200
        await page.receive_output(timeout=LIMIT)
        assert (await page.receive_output(timeout=LIMIT))["body"] == b"event: ready\ndata: {}\n\n"
        await until_subscribed(live.user_channel(user.pk))
        await asyncio.to_thread(then)
        texts = []
        while not texts or not (texts[-1] == "" or texts[-1].startswith(until)):
            texts.append((await page.receive_output(timeout=LIMIT))["body"].decode())
        await page.send_input({"type": "http.disconnect"})
        await page.wait(timeout=LIMIT)
        return texts

    return asyncio.run(exchange())


async def until_subscribed(channel):
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        deadline = time.monotonic() + LIMIT
        while not client.pubsub_numsub(channel)[0][1]:
            assert time.monotonic() < deadline, "nobody subscribed"
            await asyncio.sleep(0.01)


@pytest.fixture
def signed_in():
    world = make_world()
    client = Client()
    client.force_login(world.member)
    session_key = client.cookies[settings.SESSION_COOKIE_NAME].value
    return world.member, session_key, f"{settings.SESSION_COOKIE_NAME}={session_key}"


def test_every_cookie_counts_where_http_2_sends_each_on_its_own():
    scope = scope_of(cookie="session=mine")
    scope["headers"].append((b"cookie", b"theme=dark"))
    headers = stream.headers_of(scope)
    assert [stream.cookie(headers, name) for name in ("session", "theme")] == ["mine", "dark"]


def test_nobody_and_a_foreign_origin_are_refused(signed_in):
    _, _, cookie = signed_in
    assert ask(scope_of())[0] == 401
    assert ask(scope_of(cookie=f"{settings.SESSION_COOKIE_NAME}=invented"))[0] == 401
    assert ask(scope_of(cookie=cookie, origin="https://evil.example"))[0] == 403
    assert ask(scope_of(cookie=cookie, path="/stream/other"))[0] == 404


def test_only_the_site_itself_may_read_the_answer():
    _, headers = ask(scope_of())
    assert headers[b"access-control-allow-origin"] == settings.SITE_URL.encode()
    assert headers[b"access-control-allow-credentials"] == b"true"
    assert headers[b"vary"] == b"Origin, Cookie"
    assert headers[b"cache-control"] == b"no-store"


def test_a_message_reaches_the_person_it_is_for(signed_in):
    user, _, cookie = signed_in

    def speak():
        live.publish(live.user_channel("0" * 24), "for_somebody_else")
        live.publish(live.user_channel(user.pk), "greeting", {"text": "line\nbreak"})

    (text,) = listen(user, cookie, speak, until="event")
    data = json.dumps({"text": "line\nbreak"})
    assert text == f"event: greeting\ndata: {data}\n\n"


def test_an_ended_session_ends_its_stream(signed_in, monkeypatch):
    user, session_key, cookie = signed_in
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = session_key
    texts = listen(user, cookie, client.logout, until="event")
    assert texts[-1] == "event: session_ended\ndata: {}\n\n"


def test_a_session_that_goes_on_under_a_new_key_just_connects_again(signed_in, monkeypatch):
    user, session_key, cookie = signed_in
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)
    texts = listen(user, cookie, SessionStore(session_key).cycle_key, until="event")
    assert texts[-1] == ""


def test_a_deactivated_account_is_not_connected(signed_in):
    user, _, cookie = signed_in
    user.is_active = False
    user.save()
    assert ask(scope_of(cookie=cookie))[0] == 401


def test_a_member_hears_of_the_organization_and_of_no_other(signed_in):
    user, _, cookie = signed_in
    org = find_org(user)

    def speak():
        wait_for_channel(live.org_channel(org.pk))
        live.publish(live.org_channel("0" * 24), "of_another")
        live.publish(live.org_channel(org.pk), "activity")

    (text,) = listen(user, cookie, speak, until="event", org=org.slug)
    assert text == "event: activity\ndata: {}\n\n"


def test_nobody_hears_of_an_organization_that_is_not_his(signed_in):
    user, _, cookie = signed_in
    org = find_org(user)
    Membership.objects.filter(user_id=user.pk).delete()

    def speak():
        assert live.client().pubsub_numsub(live.org_channel(org.pk))[0][1] == 0
        live.publish(live.org_channel(org.pk), "activity")
        live.publish(live.user_channel(user.pk), "greeting")

    (text,) = listen(user, cookie, speak, until="event", org=org.slug)
    assert text.startswith("event: greeting")


def test_who_is_removed_hears_no_more_even_if_something_happens_all_the_time(signed_in, monkeypatch):
    user, _, cookie = signed_in
    org = find_org(user)
    monkeypatch.setattr(stream, "HEARTBEAT_SECONDS", 0.05)

    def speak():
        wait_for_channel(live.org_channel(org.pk))
        Membership.objects.filter(user_id=user.pk).delete()
        deadline = time.monotonic() + LIMIT
        while live.client().pubsub_numsub(live.org_channel(org.pk))[0][1]:
            assert time.monotonic() < deadline
            live.publish(live.org_channel(org.pk), "activity")
            time.sleep(0.01)
        live.publish(live.user_channel(user.pk), "greeting")

    texts = listen(user, cookie, speak, until="event: greeting", org=org.slug)
    assert texts[-1].startswith("event: greeting"), "what is the person's own still comes"


def find_org(user):
    return Membership.objects.get(user_id=user.pk).organization


def wait_for_channel(name):
    deadline = time.monotonic() + LIMIT
    while not live.client().pubsub_numsub(name)[0][1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
