"""How often somebody may do something: counted exactly, also for fifty requests at one moment.

    @with_rate_limit("100/minute")                                   a view; by API key, else user, else address
    @with_rate_limit("20/hour", by="organization", methods=["POST"])
    @with_rate_limit("30/minute", by="address", on_store_down="closed")
    hit("50/day", name="invitations", key=org.id)                    code; raises RateLimited

Routes of a library are limited by a table, `limit_routes({"account_login": [...]})`.  docs/rate-limits.md says what the
limits and the headers mean.
"""

from saas.ratelimit.limiter import HitInTransaction, LimiterAway, RateLimited, clear, hit
from saas.ratelimit.middleware import limit_routes
from saas.ratelimit.rules import RouteClass, Rule
from saas.ratelimit.views import with_rate_limit
from saas.ratelimit.windows import Window

__all__ = [
    "HitInTransaction",
    "LimiterAway",
    "RateLimited",
    "RouteClass",
    "Rule",
    "Window",
    "clear",
    "hit",
    "limit_routes",
    "with_rate_limit",
]
