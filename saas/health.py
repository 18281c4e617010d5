"""Probes: `/healthz` says that the process answers, `/readyz` that what it stands on does."""

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from saas.access import public
from saas.queues import QUEUES

PROBE_SECONDS = 2


@public
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@public
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """200 with every part "ok", or 503 with the failing part's words."""
    parts = check_parts()
    is_ready = all(words == "ok" for words in parts.values())
    return JsonResponse({"ready": is_ready, "parts": parts}, status=200 if is_ready else 503)


def check_parts() -> dict[str, str]:
    """Ask each part; the answer is "ok" or what is wrong."""
    return {name: outcome(check) for name, check in CHECKS.items()}


def outcome(check: Callable[[], None]) -> str:
    try:
        check()
    except Exception as problem:  # noqa: BLE001  whatever is wrong, the answer names it
        return f"{type(problem).__name__}: {str(problem).splitlines()[0][:200]}" if str(problem) else repr(problem)
    return "ok"


def check_mongodb() -> None:
    connection.ensure_connection()
    connection.connection.admin.command("ping", maxTimeMS=PROBE_SECONDS * 1000)


def check_valkey() -> None:
    with valkey(settings.REDIS_URL) as client:
        client.ping()


def check_queue() -> None:
    with valkey(settings.CELERY_BROKER_URL) as client:
        for queue in QUEUES:
            client.llen(queue)


def valkey(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=PROBE_SECONDS, socket_connect_timeout=PROBE_SECONDS)


CHECKS: dict[str, Callable[[], None]] = {"mongodb": check_mongodb, "valkey": check_valkey, "queue": check_queue}


class HealthMiddleware:
    """Answers a probe before hosts and sessions are looked at: it calls by address, without a cookie."""

    PROBES = {"/healthz": healthz, "/readyz": readyz}

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        probe = self.PROBES.get(request.path)
        return probe(request) if probe else self.get_response(request)
