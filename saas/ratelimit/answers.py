"""What a limited route answers: its headers, and the refusal for people, for htmx and for programs."""

import re
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django_htmx.http import reswap, trigger_client_event

from saas.errors import error_page, request_id, service_unavailable
from saas.htmx import is_htmx
from saas.ratelimit.limiter import LimiterAway, RateLimited
from saas.ratelimit.windows import Window

#: Attribute of the request: its windows so far, by the name of their rule.
NOTED = "rate_limit_windows"
#: The type of problem that the IETF's draft of the RateLimit fields registers.
QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


def note(request: HttpRequest, name: str, window: Window) -> None:
    """Remember a window for the headers of this request's answer."""
    vars(request).setdefault(NOTED, {})[_token(name)] = window


def write_headers(request: HttpRequest, response: HttpResponseBase) -> None:
    """Say how the limits of this request stand; nothing when none was counted.

    The X- fields speak of the tightest, the IETF's fields of all.
    """
    windows: dict[str, Window] = getattr(request, NOTED, {})
    if not windows:
        return
    tightest = min(windows.values(), key=lambda window: (window.allowed, window.remaining, -window.left))
    response["X-RateLimit-Limit"] = str(tightest.limit)
    response["X-RateLimit-Remaining"] = str(tightest.remaining)
    response["X-RateLimit-Reset"] = str(tightest.resets_at)
    response["RateLimit-Policy"] = ", ".join(
        f'"{name}";q={each.limit};w={each.period}' for name, each in windows.items()
    )
    response["RateLimit"] = ", ".join(
        f'"{name}";r={each.remaining};t={each.resets_in}' for name, each in windows.items()
    )


def refused(request: HttpRequest, problem: RateLimited) -> HttpResponse:
    """429 with Retry-After: a page, a toast with a countdown, or problem+json."""
    note(request, problem.name, problem.window)
    seconds = max(1, problem.window.retry_after)
    if is_htmx(request):
        event = {"text": str(problem), "level": "warning", "seconds": seconds}
        response = reswap(trigger_client_event(HttpResponse(status=429), "toast", event), "none")
    elif wants_json(request):
        more = {"violated-policies": [_token(problem.name)], "retry_after": seconds}
        response = problem_json(429, "Too many requests", str(problem), type=QUOTA_EXCEEDED, **more)
    else:
        response = error_page(request, 429, title="That was too often", words=str(problem))
    response["Retry-After"] = str(seconds)
    response["Cache-Control"] = "no-store"
    write_headers(request, response)
    return response


def away(request: HttpRequest, problem: LimiterAway) -> HttpResponse:
    """503, naming the part that is away."""
    response = service_unavailable(request, problem.part)
    if wants_json(request) and not is_htmx(request):
        words = f"We cannot reach {problem.part} right now. Please try again in a moment."
        retry = response["Retry-After"]
        response = problem_json(503, "Service unavailable", words)
        response["Retry-After"] = retry
    return response


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks: it prefers JSON, sends JSON, or comes with an API key."""
    if getattr(request, "api_key", None) is not None or request.content_type == "application/json":
        return True
    preferred = request.get_preferred_type(["text/html", "application/json", "application/problem+json"])
    return bool(preferred) and preferred != "text/html"


def problem_json(status: int, title: str, detail: str, **more: Any) -> JsonResponse:
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, "request_id": request_id()}
    return JsonResponse({**body, **more}, status=status, content_type="application/problem+json")


def _token(name: str) -> str:
    """The last part of a rule's name, in characters that need no escape in a header."""
    return re.sub(r"[^\w:-]+", "-", name.rpartition(".")[2], flags=re.ASCII)
