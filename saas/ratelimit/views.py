from collections.abc import Callable, Collection, Iterable
from functools import wraps
from inspect import iscoroutinefunction
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from saas.ratelimit.answers import away, note, refused, write_headers
from saas.ratelimit.limiter import LimiterAway, RateLimited, StoreDown
from saas.ratelimit.rules import By, Limit, RouteClass, Rule

View = Callable[..., Any]


def with_rate_limit(
    limit: Limit,
    *,
    by: By | RouteClass | None = None,
    name: str | None = None,
    on_store_down: StoreDown | None = None,
    methods: Collection[str] = (),
) -> Callable[[View], View]:
    """Let each caller use the view so often: `@with_rate_limit("100/minute")`; above that the answer is 429.

    `by` says who is one caller: "user", "organization", "address", "api_key", a function of the request, or a
    RouteClass, whose routes share one counter; without it the API key, else the user, else the address (IPv6: its /64).
    `name` is the counter's name, the view's own without it.  `methods` are those that count, all without it.
    `on_store_down`: "open" (usual) or "closed", which answers 503.  Several limits may stand on one view: the outer is
    counted first, and what it refuses is not counted by the inner.
    Raises ValueError for a limit that cannot be read.
    """
    group = by if isinstance(by, RouteClass) else RouteClass("", by)

    def decorate(view: View) -> View:
        if iscoroutinefunction(view):
            raise TypeError(f"with_rate_limit takes a plain view, and {view.__qualname__} is none.")
        rule = Rule(
            limit=limit,
            name=name or group.name or _name_of(view),
            by=group.by,
            on_store_down=on_store_down or group.on_store_down,
            methods=methods or group.methods,
        )

        @wraps(view)
        def limited(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            answer = enforce(request, [rule])
            if answer is None:
                answer = view(request, *args, **kwargs)
            if isinstance(answer, HttpResponseBase):
                write_headers(request, answer)
            return answer

        return limited

    return decorate


def enforce(request: HttpRequest, rules: Iterable[Rule]) -> HttpResponse | None:
    """Count the request by each rule in turn until one refuses it; the refusal, or None to go on."""
    for rule in rules:
        try:
            window = rule.take(request)
        except LimiterAway as problem:
            return away(request, problem)
        if window is None:
            continue
        if not window.allowed:
            return refused(request, RateLimited(window, rule.name))
        note(request, rule.name, window)
    return None


def _name_of(view: View) -> str:
    view = getattr(view, "view_class", view)
    return f"{view.__module__}.{view.__qualname__}"
