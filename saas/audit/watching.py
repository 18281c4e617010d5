"""What the log keeps of those who look, and of those who were turned away: each once in a while, so it cannot flood.

A refusal is noted once a minute for a person and a permission, a look at the log once an hour for a person and its
filters. Whether it has been noted stands in the cache; without the cache each of them is.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest

from saas import events
from saas.cache import dispensable
from saas.events.actors import Actor
from saas.logs import SECRET_PATHS

MINUTE, HOUR = 60, 3600  # seconds


def note_refusal(request: HttpRequest, permission: str, *, org: Any = None, slug: str = "", why: str = "role") -> None:
    """Somebody who is signed in may not do this.

    `why` is "role" (in this organization, whose log it is), "organization" (of that address there is none, or it is
    another's), "suspended" or "staff"; these are entries of the platform's own log, for whoever comes from outside
    writes nothing into an organization's.
    """
    person = request.user
    where = slug or (str(org.pk) if org is not None else "")
    metadata = {
        "permission": permission,
        "why": why,
        "method": request.method,
        "path": SECRET_PATHS.sub(r"\1…", request.path)[:400],
    }
    if slug:
        metadata["organization"] = slug[:100]
    with once("denied", [str(person.pk), permission, where], seconds=MINUTE) as is_first:
        if is_first:
            events.record("access.denied", org=org, actor=person, target=org, request=request, metadata=metadata)


def note_look(request: HttpRequest, *, org: Any, filters: dict[str, Any]) -> None:
    """Somebody reads the audit log of an organization, or the platform's (None).  Call it before anything is shown."""
    owner = str(org.pk) if org is not None else ""
    with once("read", [str(request.user.pk), owner, filters], seconds=HOUR) as is_first:
        if is_first:
            who = reader(request, org)
            events.record("audit.read", org=org, actor=who, target=org, request=request, metadata={"filters": filters})


def reader(request: HttpRequest, org: Any) -> Any:
    """Who looks: a member as himself, the platform's staff in an organization as support."""
    is_member = org is None or getattr(request, "org", None) is not None
    return request.user if is_member else Actor.support(request.user)


@contextmanager
def once(kind: str, parts: list[Any], *, seconds: int) -> Iterator[bool]:
    """Whether this has not been noted for so long.  What fails inside has not been noted.  No round trip to MongoDB."""
    key = f"audit:{kind}:{hashlib.sha256(json.dumps(parts, default=str, sort_keys=True).encode()).hexdigest()}"
    is_first = is_new(key, seconds)
    try:
        yield is_first
    except Exception:
        if is_first:
            with dispensable("audit_without_cache"):
                cache.delete(key)
        raise


def is_new(key: str, seconds: int) -> bool:
    with dispensable("audit_without_cache"):
        return bool(cache.add(key, 1, seconds))
    return True
