"""What the log keeps of those who look, and of those who were turned away: each once in a while, so it cannot flood.

A refusal is noted once a minute for a person and a permission, a look at the log once an hour for a person and its
filters. Whether it has been noted stands in the cache; without the cache each of them is.
"""

import hashlib
import json
from typing import Any

import structlog
from django.core.cache import cache
from django.http import HttpRequest
from redis.exceptions import RedisError

from saas import events
from saas.events.actors import Actor
from saas.logs import SECRET_PATHS

log = structlog.get_logger(__name__)

MINUTE, HOUR = 60, 3600  # seconds


def note_refusal(request: HttpRequest, permission: str, *, org: Any = None, slug: str = "", why: str = "role") -> None:
    """Somebody who is signed in may not do this.

    `why` is "role" (in this organization, whose log it is), "organization" (of that address there is none, or it is
    another's), "suspended" or "staff"; these are entries of the platform's own log, for whoever comes from outside
    writes nothing into an organization's.
    """
    person = request.user
    where = slug or (str(org.pk) if org is not None else "")
    if not is_first("denied", [str(person.pk), permission, where], seconds=MINUTE):
        return
    metadata = {
        "permission": permission,
        "why": why,
        "method": request.method,
        "path": SECRET_PATHS.sub(r"\1…", request.path)[:400],
    }
    if slug:
        metadata["organization"] = slug[:100]
    events.record("access.denied", org=org, actor=person, target=org, request=request, metadata=metadata)


def note_look(request: HttpRequest, *, org: Any, filters: dict[str, Any]) -> None:
    """Somebody reads the audit log of an organization, or the platform's (None)."""
    owner = str(org.pk) if org is not None else ""
    if is_first("read", [str(request.user.pk), owner, filters], seconds=HOUR):
        who = reader(request, org)
        events.record("audit.read", org=org, actor=who, target=org, request=request, metadata={"filters": filters})


def reader(request: HttpRequest, org: Any) -> Any:
    """Who looks: a member as himself, the platform's staff in an organization as support."""
    is_member = org is None or getattr(request, "org", None) is not None
    return request.user if is_member else Actor.support(request.user)


def is_first(kind: str, parts: list[Any], *, seconds: int) -> bool:
    """Whether this has not been noted for so long.  No round trip to MongoDB."""
    key = hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()
    try:
        return bool(cache.add(f"audit:{kind}:{key}", 1, seconds))
    except RedisError as problem:
        log.warning("audit_without_cache", problem=str(problem))
        return True
