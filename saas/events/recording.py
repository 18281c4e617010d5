"""Writing one event with the change that it tells of."""

from collections.abc import Iterable
from typing import Any

import structlog
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from saas.events import catalogue
from saas.events.actors import Actor, name_of
from saas.events.values import kept, redact_text, text
from saas.http import client_ip

#: The session's key under which allauth keeps how the person has signed in.
SIGN_IN_METHODS = "account_authentication_methods"


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

    `org` is the tenant, or None for an event of the person or the platform; `actor` is the user, an Actor
    (saas/events/actors.py), or None for nobody; `target` is what was acted on (a model, a document, or a list of
    them).  `before` and `after` hold the changed fields only; they are kept as plain JSON, and secrets in them are
    redacted.  An event that webhooks tell of keeps the target's `public_data()` as `metadata.object`.  Raises
    UnknownEvent for a name that config/events.yaml lacks.
    """
    declaration = catalogue.get(name)
    if declaration.webhook:
        metadata = {**public_data(target), **(metadata or {})}
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

    who = Actor.of(actor, request=request)
    targets = [describe(item) for item in (target if isinstance(target, (list, tuple)) else [target]) if item]
    organization_id = key_of(org)
    event = events().create(
        event=name,
        action=action,
        resource=resource,
        resource_id=resource_id or (targets[0]["id"] if targets else None),
        user_id=who.user_id,
        organization_id=organization_id,
        actor=who.stored(),
        targets=targets,
        before=kept(before),
        after=kept(after),
        metadata=kept(metadata) or {},
        reason=redact_text(text(reason)) if reason else None,
        sinks=list(sinks),
        is_pending=True,
        **origin(request),
    )
    dispatch_soon(organization_id)
    return event


def public_data(target: Any) -> dict[str, Any]:
    """What `target.public_data()` says of it now, as `object`: webhooks tell of it as it was when it happened."""
    found = getattr(target, "public_data", None)
    return {"object": found()} if found else {}


def key_of(owner: Any) -> str | None:
    """The id of a saved user or organization; None for nobody and for somebody who is not signed in."""
    key = owner if isinstance(owner, str) else getattr(owner, "pk", None)
    return str(key) if key else None


def describe(thing: Any) -> dict[str, Any]:
    """`{type, id, name}` of a model or document, as it is named now."""
    if isinstance(thing, str):
        return {"type": "user", "id": thing, "name": ""}
    # __class__, for request.user is a lazy wrapper
    return {"type": thing.__class__.__name__.lower(), "id": str(thing.pk), "name": redact_text(text(name_of(thing)))}


def origin(request: HttpRequest | None) -> dict[str, Any]:
    """Where a change came from: address, browser, request, session and how its person signed in.

    No read.  A session's key lets somebody in, so a keyed hash stands for it: equal for one session, and no more.
    """
    if request is None:
        return {}
    return {
        "ip_address": client_ip(request) or None,
        "user_agent": text(request.headers.get("User-Agent", "")[:400]) or None,
        "request_id": structlog.contextvars.get_contextvars().get("request_id"),
        "session_id": session_id(request),
        "auth_method": auth_method(request),
    }


def session_id(request: HttpRequest) -> str | None:
    key = getattr(getattr(request, "session", None), "session_key", None)
    return salted_hmac("saas.events.session", key, algorithm="sha256").hexdigest()[:32] if key else None


def auth_method(request: HttpRequest) -> str | None:
    """How the person signed in, all steps: "password", "password, mfa"."""
    session: Any = getattr(request, "session", None)
    if not getattr(session, "session_key", None):
        return None
    methods = [str(each.get("method")) for each in session.get(SIGN_IN_METHODS, []) if each.get("method")]
    return ", ".join(dict.fromkeys(methods)) or None
