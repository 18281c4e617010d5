"""Limits of routes whose views are not ours, and the headers of every limited answer."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from saas.ratelimit.answers import away, refused, write_headers
from saas.ratelimit.limiter import LimiterAway, RateLimited
from saas.ratelimit.rules import Rule
from saas.ratelimit.views import enforce

GetResponse = Callable[[HttpRequest], HttpResponseBase]
_routes: dict[str, Sequence[Rule]] = {}


def limit_routes(table: Mapping[str, Sequence[Rule]]) -> None:
    """Limit routes by URL name; for `AppConfig.ready()`.

    The rules are counted in order, and what one refuses is not counted by the next.
    Raises ImproperlyConfigured for a name that has limits already.
    """
    for name, rules in table.items():
        if _routes.setdefault(name, rules) != rules:
            raise ImproperlyConfigured(f"{name} has rate limits already.")


class RateLimitMiddleware:
    """Acts on the table.  Stands after AccessMiddleware and the CSRF check, so that a forged form counts nothing."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_view(self, request: HttpRequest, *_view: Any) -> HttpResponse | None:
        match = request.resolver_match
        return enforce(request, _routes.get(match.view_name, ())) if match else None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The answer for a `hit` in a service that the view did not catch."""
        if isinstance(exception, RateLimited):
            return refused(request, exception)
        if isinstance(exception, LimiterAway):
            return away(request, exception)
        return None


class RateLimitHeadersMiddleware:
    """Writes the headers on every answer, errors too.  Stands outside of whatever replaces an answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        write_headers(request, response)
        return response
