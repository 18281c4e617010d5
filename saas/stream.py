"""Server-sent events: the ASGI application of the `stream` process.

`GET /stream/events` keeps one connection per open page and hands it what `saas.live.publish` sends to its user and
its session, and with `?org=<slug>` to its organization, as long as the user is a member of it.  It lives apart from
the pages, so that open connections cost no page its thread.
"""

import asyncio
import json
import signal
import time
from collections.abc import Awaitable, Callable
from http.cookies import SimpleCookie
from types import FrameType
from typing import Any
from urllib.parse import parse_qs

import redis.asyncio as redis
import structlog
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils.crypto import constant_time_compare

from saas import hooks
from saas.access import Elsewhere, Moved
from saas.live import org_channel, session_channel, user_channel
from saas.sessions import SessionStore, was_renewed

log = structlog.get_logger(__name__)
HEARTBEAT_SECONDS = 20
Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]

#: What forwards messages now, one task for each open connection.
open_streams: set[asyncio.Task[None]] = set()


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        await lifespan(receive, send)
    elif scope["type"] == "http":
        await route(scope, receive, send)


async def lifespan(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            end_streams_on_sigterm()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            end_streams()
            await send({"type": "lifespan.shutdown.complete"})
            return


def end_streams_on_sigterm() -> None:
    """Beside the server's own handler, which must go on working: the loop's would replace it."""
    loop, earlier = asyncio.get_running_loop(), signal.getsignal(signal.SIGTERM)

    def handler(number: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(end_streams)
        if callable(earlier):
            earlier(number, frame)

    signal.signal(signal.SIGTERM, handler)


def end_streams() -> None:
    """Let every open connection end now: a server waits for them before it stops."""
    for task in open_streams:
        task.cancel()


async def route(scope: Scope, receive: Receive, send: Send) -> None:
    headers = headers_of(scope)
    if scope["path"] == "/stream/healthz":
        await answer(send, 200, "ok")
    elif scope["path"] != "/stream/events" or scope["method"] != "GET":
        await answer(send, 404, "not found")
    elif headers.get("origin") not in (None, settings.SITE_URL):
        await answer(send, 403, "foreign origin")
    else:
        await connect(headers, parse_qs(scope.get("query_string", b"").decode("latin-1")), receive, send)


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers; of a name that comes twice the last one, but all cookies: HTTP/2 sends each on its own."""
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}; {value}" if name == "cookie" and name in found else value
    return found


async def connect(headers: dict[str, str], query: dict[str, list[str]], receive: Receive, send: Send) -> None:
    session_key = cookie(headers, settings.SESSION_COOKIE_NAME)
    user_id = await asyncio.to_thread(signed_in_user, session_key) if session_key else None
    if session_key and user_id:
        slug = query.get("org", [""])[0]
        await stream(receive, send, user_id=user_id, session_key=session_key, slug=slug)
    else:
        await answer(send, 401, "sign in")


def cookie(headers: dict[str, str], name: str) -> str | None:
    found = SimpleCookie(headers.get("cookie", "")).get(name)
    return found.value if found else None


def signed_in_user(session_key: str) -> str | None:
    """The id of the active user whom this session belongs to, checked as Django checks it."""
    session = SessionStore(session_key)
    if not session.get(SESSION_KEY) or session.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return None
    people: Any = get_user_model()
    user = people.objects.filter(pk=session[SESSION_KEY], is_active=True).first()
    if user is None or not constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash()):
        return None
    return str(user.pk)


def organization_of(user_id: str, slug: str) -> str | None:
    """The id of the organization at this address, if this person is a member who may enter it."""
    people: Any = get_user_model()
    user = people.objects.filter(pk=user_id, is_active=True).first() if slug else None
    try:
        found = hooks.membership(slug, user) if user is not None else None
    except (Http404, PermissionDenied, Moved, Elsewhere):
        return None
    return str(found[0].pk) if found else None


async def stream(receive: Receive, send: Send, *, user_id: str, session_key: str, slug: str = "") -> None:
    """Forward messages until the page goes, the session ends, or the process stops."""
    await send({"type": "http.response.start", "status": 200, "headers": response_headers(b"text/event-stream")})
    await write(send, "retry: 3000\n: open\n\n")
    gone = asyncio.create_task(until_disconnected(receive))
    forwarding = asyncio.create_task(forward(send, user_id=user_id, session_key=session_key, slug=slug))
    open_streams.add(forwarding)
    try:
        await asyncio.wait({gone, forwarding}, return_when=asyncio.FIRST_COMPLETED)
        if forwarding.done() and not forwarding.cancelled() and (problem := forwarding.exception()):
            log.warning("stream_broken", error=str(problem))  # the browser reconnects by itself
    finally:
        open_streams.discard(forwarding)
        gone.cancel()
        forwarding.cancel()
    if not gone.done():
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def forward(send: Send, *, user_id: str, session_key: str, slug: str = "") -> None:
    """Hand on what is published, and once in a while make sure that session and membership still live."""
    async with redis.Redis.from_url(settings.REDIS_URL) as client, client.pubsub() as channel:
        await channel.subscribe(user_channel(user_id), session_channel(session_key))
        org_id = await asyncio.to_thread(organization_of, user_id, slug)
        if org_id:
            await channel.subscribe(org_channel(org_id))
        await write(send, "event: ready\ndata: {}\n\n")  # what was before, a page fetches
        checked_at = time.monotonic()
        while True:
            due_in = checked_at + HEARTBEAT_SECONDS - time.monotonic()
            message = await channel.get_message(timeout=due_in) if due_in > 0 else None
            if message and message["type"] == "message":
                body = json.loads(message["data"])
                await write(send, f"event: {body['event']}\ndata: {json.dumps(body['data'])}\n\n")
            if message or due_in > 0:
                continue  # also in an organization where something happens all the time the check comes
            if await asyncio.to_thread(signed_in_user, session_key) != user_id:
                if not await asyncio.to_thread(was_renewed, session_key):  # the browser comes again, with the new key
                    await write(send, "event: session_ended\ndata: {}\n\n")
                return
            if org_id and await asyncio.to_thread(organization_of, user_id, slug) != org_id:
                await channel.unsubscribe(org_channel(org_id))
                org_id = None
            await write(send, ": still here\n\n")
            checked_at = time.monotonic()


async def until_disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


async def answer(send: Send, status: int, text: str) -> None:
    await send({"type": "http.response.start", "status": status, "headers": response_headers(b"text/plain")})
    await send({"type": "http.response.body", "body": text.encode()})


def response_headers(content_type: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (b"content-type", content_type),
        (b"access-control-allow-origin", settings.SITE_URL.encode()),
        (b"access-control-allow-credentials", b"true"),
        (b"vary", b"Origin, Cookie"),
        (b"cache-control", b"no-store"),
        (b"x-accel-buffering", b"no"),
    ]
