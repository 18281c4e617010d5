"""The sink: which endpoints hear of an event, and one delivery for each of them.

An endpoint hears of what happened after it was added, while it is on, and of the events it has chosen. All endpoints
of an organization hear of all its objects, private projects too: only those who see everything there may add one.
"""

import json
import re
from typing import Any

from saas import hooks
from saas.db import atomic
from saas.events import catalogue
from saas.events.recording import write
from saas.tenancy import now
from saas.webhooks import lanes, payloads
from saas.webhooks.models import EVERYTHING, Webhook, WebhookDelivery, deliveries, messages, webhooks

NAME = re.compile(catalogue.PUBLIC_NAME.removesuffix("$"))


def deliver(event: Any) -> dict[str, Any] | None:
    """The sink.  Two reads and one write for an event that somebody hears; a second call adds nothing.

    Raises payloads.BadPayload.
    """
    found = [
        (name, endpoint, data)
        for name, data in payloads.messages_of(event)
        for endpoint in listeners(event, name)
        if endpoint.hears(name)
    ]
    if not found:
        return {"endpoints": 0}
    added = insert([new_delivery(event, name, endpoint, data) for name, endpoint, data in found])
    lanes.wake_soon({endpoint.id for _, endpoint, _ in found})
    return {"endpoints": len(found), "added": added}


def listeners(event: Any, name: str) -> list[Webhook]:
    """The endpoints that were there when it happened and are on.  One read, and one more for a person's event."""
    owners = owners_of(event, name)
    if not owners:
        return []
    found = webhooks().filter(
        organization_id__in=owners, enabled=True, created_at__lte=event.created_at, events__in=[EVERYTHING, name]
    )
    return list(found.only("organization_id", "events"))


def owners_of(event: Any, name: str) -> list[str | None]:
    """Whose endpoints: ids of organizations, None for the platform."""
    published = payloads.publication_of(event)
    if published is None or name != published.name:  # triggered, or of payloads.ALSO
        return [event.organization_id]
    owners: list[str | None] = []
    for receiver in published.to:
        if receiver == "platform":
            owners.append(None)
        elif receiver == "memberships":
            owners += hooks.organizations_of(event.resource_id)
        elif event.organization_id:
            owners.append(event.organization_id)
    return owners


def new_delivery(event: Any, name: str, endpoint: Webhook, data: str) -> WebhookDelivery:
    """A delivery, not saved.  Its id on the way says which event it is, and is the same for every endpoint."""
    suffix = "" if name == public_name(event) else f"_{name.replace('.', '_')}"
    return WebhookDelivery(
        webhook_id=endpoint.id,
        organization_id=endpoint.organization_id,
        event_id=event.id,
        message_id=f"msg_{event.id}{suffix}",
        event=name,
        payload=payloads.body(name, event.created_at, data),
        next_attempt_at=now(),
    )


def public_name(event: Any) -> str:
    published = payloads.publication_of(event)
    return published.name if published else event.event


def insert(made: list[WebhookDelivery]) -> int:
    """Save those that are not there yet, and answer how many.

    The dispatcher runs an organization's events in one worker at a time, so nobody adds them between the look and the
    write; the unique index holds it all the same.
    """
    names = list({each.message_id for each in made})
    known = deliveries().filter(webhook_id__in=[each.webhook_id for each in made], message_id__in=names)
    there = {
        (str(each["webhook_id"]), each["message_id"]) for each in known.only("webhook_id", "message_id").as_pymongo()
    }
    fresh = [each for each in made if (each.webhook_id, each.message_id) not in there]
    if fresh:
        deliveries().insert(fresh, load_bulk=False)
    return len(fresh)


@atomic
def trigger_webhook(event: str, data: Any, *, organization: Any = None) -> Any:
    """Tell an organization's endpoints, or with None the platform's, of something of your own; answers the Event.

    `event` is a name of letters, digits, dots and underscores; `data` is JSON and becomes the message's data as it is.
    Endpoints that hear everything hear it; one can choose it where config/events.yaml names it under `webhooks`, and
    then the data has to fit its schema.  The event log keeps the data without what looks like a secret.  Written in the
    caller's transaction, sent after the commit.  Raises ValueError for a bad name, payloads.BadPayload for data that
    does not fit or is too large.
    """
    if not NAME.fullmatch(event):
        raise ValueError(f"{event!r} is no name of an event: letters, digits, dots and underscores.")
    public = payloads.find(event)
    if public is not None:
        payloads.check(data, public)
    text = payloads.encode(data)
    payloads.check_size(event, now(), text)
    metadata = {payloads.TRIGGERED: json.loads(text)}
    written = write(
        event, action="create", resource="webhook", sinks=("webhooks",), org=organization, metadata=metadata
    )
    messages().create(event_id=written.id, organization_id=written.organization_id, data=text)
    return written
