"""Live messages to open pages, over Valkey's pub/sub and the stream process (saas/stream.py).

They are hints: a page that misses one shows the truth at its next request.
"""

import json
from collections.abc import Sequence
from functools import cache
from hashlib import sha256
from typing import Any

import redis
import structlog
from django.conf import settings

from saas.db import on_commit

log = structlog.get_logger(__name__)


def publish(channel: str, event: str, data: dict[str, Any] | None = None) -> None:
    """Send an event to a channel after the commit.  Valkey being down is logged, never raised."""
    message = json.dumps({"event": event, "data": data or {}})

    def send() -> None:
        try:
            client().publish(channel, message)
        except redis.RedisError as problem:
            log.warning("live_message_lost", live_event=event, error=str(problem))

    on_commit(send)


def publish_many(channels: Sequence[str], event: str, data: dict[str, Any] | None = None) -> None:
    """As `publish`, to many channels in one round trip."""
    message = json.dumps({"event": event, "data": data or {}})

    def send() -> None:
        try:
            with client().pipeline(transaction=False) as pipeline:
                for channel in channels:
                    pipeline.publish(channel, message)
                pipeline.execute()
        except redis.RedisError as problem:
            log.warning("live_message_lost", live_event=event, error=str(problem))

    if channels:
        on_commit(send)


def user_channel(user_id: str) -> str:
    return f"live:user:{user_id}"


def org_channel(organization_id: str) -> str:
    """What every member of the organization may hear: hints without content, for members may not all know the same."""
    return f"live:org:{organization_id}"


def session_channel(session_key: str) -> str:
    """A session's key is a secret; its hash names the channel."""
    return f"live:session:{sha256(session_key.encode()).hexdigest()}"


@cache
def client() -> redis.Redis:
    return redis.Redis.from_url(settings.REDIS_URL, socket_timeout=2, socket_connect_timeout=2)
