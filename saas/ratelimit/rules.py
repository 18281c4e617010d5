"""What a limit of a route says, and whom it counts."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from django.http import HttpRequest

from saas.http import address_bucket, client_ip
from saas.ratelimit.limiter import StoreDown, clear, parsed, take
from saas.ratelimit.windows import Window

#: "user", "organization", "address", "api_key", or a function of the request: equal answers share a counter, and None
#: means that this request is not counted.
By = str | Callable[[HttpRequest], object]
#: A limit as in `hit`, or a function of the request that answers one (limits by plan).
Limit = str | Callable[[HttpRequest], str]

OWN = "own"  # the kind of a key that a function gave


@dataclass(frozen=True, slots=True)
class RouteClass:
    """Routes that share one counter and one decision, as in `with_rate_limit("30/minute", by=EXPORTS)`."""

    name: str
    by: By | None = None
    on_store_down: StoreDown = "open"
    methods: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One limit of one route.  `methods` are the HTTP methods that count; none named means all.

    Raises ValueError for a limit or a key that cannot be read.
    """

    limit: Limit
    name: str
    by: By | None = None
    on_store_down: StoreDown = "open"
    methods: Collection[str] = ()

    def __post_init__(self) -> None:
        if isinstance(self.limit, str):
            parsed(self.limit)
        if isinstance(self.by, str) and self.by not in KEYS:
            raise ValueError(f"{self.name}: by={self.by!r} is none of {', '.join(KEYS)}.")
        if self.on_store_down not in ("open", "closed"):
            raise ValueError(f"{self.name}: on_store_down is open or closed, not {self.on_store_down!r}.")

    def take(self, request: HttpRequest) -> Window | None:
        """Count this request; None when it does not count.  Raises LimiterAway, HitInTransaction."""
        if self.methods and request.method not in self.methods:
            return None
        key = key_of(request, self.by)
        if key is None:
            return None
        limit = self.limit if isinstance(self.limit, str) else self.limit(request)
        return take(limit, name=self.name, key=key, on_store_down=self.on_store_down)

    def forget(self, key: object) -> None:
        """Set the counter of a rule back whose `by` is a function; `key` is what that function answers."""
        if isinstance(self.limit, str):
            clear(self.limit, name=self.name, key=f"{OWN}:{key}")


def key_of(request: HttpRequest, by: By | None = None) -> str | None:
    """Whom a request is counted for: what `by` says; for a name that does not apply here, key, user or address."""
    if callable(by):
        own = by(request)
        return None if own is None else f"{OWN}:{own}"
    for kind in filter(None, (by, "api_key", "user", "address")):
        found = KEYS[kind](request)
        if found:
            return f"{kind}:{found}"
    return "address:unknown"


def _user(request: HttpRequest) -> str:
    user = getattr(request, "user", None)
    return str(user.pk) if user is not None and user.is_authenticated else ""


def _pk(request: HttpRequest, attribute: str) -> str:
    found = getattr(request, attribute, None)
    return str(found.pk) if found is not None else ""


KEYS: dict[str, Callable[[HttpRequest], str]] = {
    "api_key": lambda request: _pk(request, "api_key"),
    "user": _user,
    "organization": lambda request: _pk(request, "org"),
    "address": lambda request: address_bucket(client_ip(request)),
}
