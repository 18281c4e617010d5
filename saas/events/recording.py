from collections.abc import Iterable
from typing import Any

import structlog
from django.http import HttpRequest

from saas.events import catalogue
from saas.http import client_ip

SECRET_WORDS = ("password", "secret", "token", "key_hash", "authorization", "cookie", "recovery")
REDACTED = "[redacted]"


def record(
    name: str,
    *,
    org: Any = None,
    actor: Any = None,
    target: Any = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
    metadata: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Any:
    """Write one Event in the caller's transaction and answer it; after the commit its sinks hear of it.

    `org` is the tenant, or None for an event of the person or the platform; `actor` is the user, or None for the
    system; `target` is what was acted on (a model, a document, or a list of them).  `before` and `after` hold the
    changed fields only; secrets in them are redacted.  Raises UnknownEvent for a name that config/events.yaml lacks.
    """
    declaration = catalogue.get(name)
    return write(
        name,
        action=declaration.action,
        resource=declaration.resource,
        sinks=declaration.sinks,
        org=org,
        actor=actor,
        target=target,
        before=before,
        after=after,
        request=request,
        metadata=metadata,
        reason=reason,
    )


def write(
    name: str,
    *,
    action: str,
    resource: str,
    sinks: Iterable[str] = (),
    org: Any = None,
    actor: Any = None,
    target: Any = None,
    resource_id: str | None = None,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
    metadata: dict[str, Any] | None = None,
    reason: str | None = None,
) -> Any:
    """What `record` and the doors for a founder's own code share (`log_action`, `trigger_webhook`, …).

    `sinks` names those that hear of the event besides the audit log; `name` need not stand in the catalogue.  `org` and
    `actor` may be given by their ids too.
    """
    from saas.events.dispatching import dispatch_soon
    from saas.events.models import events

    targets = [describe(item) for item in (target if isinstance(target, (list, tuple)) else [target]) if item]
    user_id = key_of(actor)
    organization_id = key_of(org)
    event = events().create(
        event=name,
        action=action,
        resource=resource,
        resource_id=resource_id or (targets[0]["id"] if targets else None),
        user_id=user_id,
        organization_id=organization_id,
        actor=describe(actor) if user_id else {"type": "system", "id": None, "name": "System"},
        targets=targets,
        before=redact(before),
        after=redact(after),
        metadata=redact(metadata) or {},
        reason=reason,
        sinks=list(sinks),
        is_pending=True,
        **origin(request),
    )
    dispatch_soon(organization_id)
    return event


def key_of(owner: Any) -> str | None:
    """The id of a saved user or organization; None for nobody and for somebody who is not signed in."""
    key = owner if isinstance(owner, str) else getattr(owner, "pk", None)
    return str(key) if key else None


def describe(thing: Any) -> dict[str, Any]:
    """`{type, id, name}` of a model or document, as it is named now."""
    if isinstance(thing, str):
        return {"type": "user", "id": thing, "name": ""}
    name = getattr(thing, "display_name", None) or getattr(thing, "name", None) or str(thing)
    # __class__, for request.user is a lazy wrapper
    return {"type": thing.__class__.__name__.lower(), "id": str(thing.pk), "name": name}


def redact(values: Any) -> Any:
    """The same structure with the values of secret-looking keys replaced."""
    if isinstance(values, dict):
        return {
            key: REDACTED if any(word in str(key).lower() for word in SECRET_WORDS) else redact(value)
            for key, value in values.items()
        }
    if isinstance(values, (list, tuple)):
        return [redact(value) for value in values]
    return values


def origin(request: HttpRequest | None) -> dict[str, Any]:
    """Where a change came from: address, browser, request id.  Session keys are secrets and stay out."""
    if request is None:
        return {}
    return {
        "ip_address": client_ip(request),
        "user_agent": request.headers.get("User-Agent", "")[:400],
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
    }
