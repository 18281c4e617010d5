"""What people do with endpoints: add, change, pause, resume, rotate the secret, delete, test, replay.

Each records its event.  Who may is decided by the views: `webhook.*` in config/roles.yaml, staff for the platform's.
"""

from datetime import datetime, timedelta
from typing import Any

from django.http import HttpRequest
from mongoengine import NotUniqueError

from saas import events as spine
from saas import outbound
from saas.db import atomic, in_transaction
from saas.errors import Problem
from saas.events.recording import key_of
from saas.paging import PAGE_SIZE, Page, page_of
from saas.tenancy import now
from saas.webhooks import lanes, payloads, settling, signing
from saas.webhooks.models import (
    ENDPOINT_LIMIT,
    EVERYTHING,
    FAILED,
    MANUAL,
    PAUSED,
    PENDING,
    STATUSES,
    Webhook,
    WebhookDelivery,
    deliveries,
    webhooks,
)

REPLAY = "saas.tasks.replay_webhook"
OVERLAP = timedelta(hours=24)  # both secrets sign for so long after a rotation
#: What a list of deliveries shows; the payload and the attempts are on the page of one.
LISTED = (
    "event", "status", "trigger", "attempt_count", "status_code", "latency_ms", "error", "created_at",
    "next_attempt_at", "last_attempt_at", "finished_at", "message_id", "event_id", "webhook_id",
)  # fmt: skip


class EndpointLimitReached(Problem):
    """The organization has as many endpoints as it may have."""


class UnknownEventName(Problem):
    """An endpoint was to hear of an event that there is not."""


class EndpointIsOff(Problem):
    """Nothing is sent to an endpoint that is paused or disabled."""


class NoReplayOfTest(Problem):
    """A test is sent once; a new one shows more."""


class EndpointGone(Problem):
    """Somebody deleted it meanwhile."""


# -- endpoints ---------------------------------------------------------------------------------------------------------


def create_endpoint(
    *,
    org: Any,
    actor: Any,
    name: str,
    url: str,
    events: list[str],
    description: str = "",
    request: HttpRequest | None = None,
) -> tuple[Webhook, str]:
    """Add an endpoint, of an organization or with `org` None of the platform; answers it and its secret.

    The secret is shown to the person once.  `events` are public names (`payloads.public_events()`), or ["*"].  Looks
    the host up.  Raises AddressRefused, UnknownEventName, EndpointLimitReached.
    """
    outbound.check_network(outbound.read_url(url))
    values = {"name": name, "url": url, "events": clean_events(events), "description": description}
    while True:
        try:
            return add_endpoint(org=org, actor=actor, values=values, request=request)
        except NotUniqueError:  # somebody took the place; there are few, so this ends
            if in_transaction():
                raise


@atomic
def add_endpoint(*, org: Any, actor: Any, values: dict[str, Any], request: HttpRequest | None) -> tuple[Webhook, str]:
    """The transaction of `create_endpoint`.  Raises EndpointLimitReached, NotUniqueError when the place was taken."""
    org_id = org.pk if org is not None else None
    taken = {row["place"] for row in webhooks().filter(organization_id=org_id).only("place").as_pymongo()}
    place = next((number for number in range(ENDPOINT_LIMIT) if number not in taken), None)
    if place is None:
        raise EndpointLimitReached(
            f"There are {ENDPOINT_LIMIT} endpoints already, which is the limit. Delete one first."
        )
    secret = signing.new_secret()
    webhook: Webhook = webhooks().create(
        organization_id=org_id, place=place, secret=signing.encrypt(secret), created_by=key_of(actor), **values
    )
    spine.record("webhook.created", org=org, actor=actor, target=webhook, after=values, request=request)
    return webhook, secret


def update_endpoint(
    *,
    webhook: Webhook,
    actor: Any,
    name: str,
    url: str,
    events: list[str],
    description: str = "",
    request: HttpRequest | None = None,
) -> Webhook:
    """Change an endpoint, and answer it as it is now; where nothing differs nothing is written.

    Raises AddressRefused, UnknownEventName, EndpointGone.
    """
    if url != webhook.url:
        outbound.check_network(outbound.read_url(url))
    values = {"name": name, "url": url, "events": clean_events(events), "description": description}
    return change(webhook, values, event="webhook.updated", actor=actor, request=request)


@atomic
def change(webhook: Webhook, values: dict[str, Any], *, event: str, actor: Any, request: HttpRequest | None) -> Webhook:
    """Write what differs, with its event.  Raises EndpointGone."""
    found = endpoint_now(webhook)
    before = {field: found[field] for field, value in values.items() if found[field] != value}
    if not before:
        return found
    saved = write(found, **values)
    after = {field: values[field] for field in before}
    spine.record(event, org=org_of(found), actor=actor, target=saved, before=before, after=after, request=request)
    return saved


@atomic
def pause_endpoint(*, webhook: Webhook, actor: Any, request: HttpRequest | None = None) -> Webhook:
    """Send nothing until somebody resumes it.  What waits is held; what happens meanwhile is not sent later."""
    found = endpoint_now(webhook)
    if not found.enabled:
        return found
    saved = write(found, enabled=False, disabled_reason=PAUSED, disabled_at=now(), due_at=None)
    settling.settle_soon(saved)
    record_switch("webhook.paused", found, saved, actor, request)
    return saved


@atomic
def resume_endpoint(*, webhook: Webhook, actor: Any, request: HttpRequest | None = None) -> Webhook:
    """Send again, beginning with what was held; the clock of failures starts anew.  Raises EndpointGone."""
    found = endpoint_now(webhook)
    if found.enabled:
        return found
    cleared = dict.fromkeys(
        ("disabled_reason", "disabled_at", "failing_since", "failed_at", "warned_at", "throttled_until")
    )
    saved = write(found, enabled=True, failure_count=0, **cleared)
    settling.settle_soon(saved)
    record_switch("webhook.resumed", found, saved, actor, request)
    lanes.wake_soon([saved.id])
    return saved


@atomic
def rotate_secret(*, webhook: Webhook, actor: Any, request: HttpRequest | None = None) -> str:
    """Make a new secret and answer it, to be shown once.  For OVERLAP the one before signs too; older ones end now."""
    found = endpoint_now(webhook)
    secret = signing.new_secret()
    write(
        found,
        secret=signing.encrypt(secret),
        previous_secret=found.secret,
        previous_expires_at=now() + OVERLAP,
    )
    spine.record("webhook.secret_rotated", org=org_of(found), actor=actor, target=found, request=request)
    return secret


@atomic
def delete_endpoint(*, webhook: Webhook, actor: Any, request: HttpRequest | None = None) -> None:
    """Delete an endpoint, and soon afterwards its deliveries; one that is gone already is no error."""
    gone = webhooks().filter(id=webhook.id).modify(remove=True)
    if gone is None:
        return
    settling.settle_soon(gone)
    before = {"name": gone.name, "url": gone.url, "events": list(gone.events)}
    spine.record("webhook.deleted", org=org_of(gone), actor=actor, target=gone, before=before, request=request)


# -- deliveries --------------------------------------------------------------------------------------------------------


def get_deliveries(
    webhook: Webhook, *, state: str = "", event: str = "", cursor: str = "", size: int = PAGE_SIZE
) -> Page[dict[str, Any]]:
    """A page of an endpoint's deliveries, the latest first, as rows with LISTED.

    `state`: one of STATUSES, or "".  `event`: a public name, or "".
    """
    found = mine(webhook)
    if state in STATUSES:
        found = found.filter(status=state)
    if event:
        found = found.filter(event=event)
    return page_of(found, cursor=cursor, size=size, only=LISTED)


def find_delivery(webhook: Webhook, delivery_id: str) -> WebhookDelivery | None:
    """One delivery of the endpoint, with its attempts."""
    found: WebhookDelivery | None = mine(webhook).filter(id=delivery_id).first()
    return found


def send_test(*, webhook: Webhook, event: str, actor: Any, request: HttpRequest | None = None) -> WebhookDelivery:
    """Send the sample of an event now and wait for the outcome, at most outbound.TIMEOUT (15 s).

    Answers the delivery with its one attempt: `status` is succeeded or failed, `status_code`, `error` and `attempts[0]`
    say why.  A test is never repeated, does not touch the endpoint's health, and works while the endpoint is off.
    Raises UnknownEventName.
    """
    from saas.webhooks import sending

    delivery = write_test(webhook=webhook, event=event, actor=actor, request=request)
    return sending.send_now(endpoint_now(webhook), delivery)


def start_test(*, webhook: Webhook, event: str, actor: Any, request: HttpRequest | None = None) -> WebhookDelivery:
    """As `send_test`, by a worker: answers the pending delivery, whose `status` is known within some seconds."""
    from saas.jobs import enqueue

    @atomic
    def start() -> WebhookDelivery:
        delivery = write_test(webhook=webhook, event=event, actor=actor, request=request)
        enqueue("saas.tasks.test_webhook", payload={"delivery_id": delivery.id})
        return delivery

    return start()


def finish_test(delivery_id: str) -> None:
    """The worker's part of `start_test`; once, also when the job comes again."""
    from saas.webhooks import sending

    delivery = deliveries().filter(id=delivery_id, status=PENDING).first()
    webhook = webhooks().filter(id=delivery.webhook_id).first() if delivery else None
    if delivery and webhook:
        sending.send_now(webhook, delivery)


@atomic
def write_test(*, webhook: Webhook, event: str, actor: Any, request: HttpRequest | None) -> WebhookDelivery:
    from saas.mongo.fields import new_key
    from saas.webhooks.models import TEST

    key = new_key()
    delivery: WebhookDelivery = deliveries().create(
        id=key,
        webhook_id=webhook.id,
        organization_id=webhook.organization_id,
        message_id=f"msg_{key}",
        event=event,
        payload=sample_payload(event),
        trigger=TEST,
    )
    spine.record(
        "webhook.tested", org=org_of(webhook), actor=actor, target=webhook, request=request, metadata={"event": event}
    )
    return delivery


def sample_payload(event: str) -> str:
    """The body of a sample message of a public event.  Raises UnknownEventName."""
    known = payloads.find(event)
    if known is None:
        raise UnknownEventName(f"There is no event {event}.")
    return payloads.body(event, now(), known.sample)


def replay(delivery: WebhookDelivery) -> WebhookDelivery:
    """Send once more, under the same id, with all tries anew; one that waits is sent now.

    Raises EndpointIsOff, EndpointGone, NoReplayOfTest.
    """
    if delivery.is_test:
        raise NoReplayOfTest("A test is sent once. Send a new one.")
    found = deliveries().filter(id=delivery.id)
    refuse_off(webhooks().filter(id=delivery.webhook_id).first())
    again: WebhookDelivery | None = found.modify(new=True, **AGAIN, set__next_attempt_at=now())
    if again is None:
        raise EndpointGone("This delivery is gone: they are kept for 30 days.")
    unthrottle(delivery.webhook_id)
    lanes.wake_soon([delivery.webhook_id])
    return again


#: How a delivery begins again.
AGAIN = {"set__status": PENDING, "set__trigger": MANUAL, "set__tries": 0, "unset__finished_at": 1}


def replay_failed(webhook: Webhook, since: datetime, *, until: datetime | None = None) -> int:
    """Replay all deliveries since a time that have failed for good, until now or `until`; how many.

    Not for a transaction: writes in batches, and whoever breaks off may begin again.  Raises EndpointIsOff.
    """
    refuse_off(endpoint_now(webhook))
    count = settling.in_batches(
        failed_since(webhook, since, until or now()),
        lambda batch: batch.filter(status=FAILED).update(**AGAIN, set__next_attempt_at=now()),
    )
    if count:
        unthrottle(webhook.id)
        lanes.wake_soon([webhook.id])
    return count


def failed_since(webhook: Webhook, since: datetime, until: datetime) -> Any:
    return mine(webhook).filter(status=FAILED, created_at__gte=since, finished_at__lte=until, event_id__ne=None)


@atomic
def replay_delivery(*, delivery: WebhookDelivery, actor: Any, request: HttpRequest | None = None) -> WebhookDelivery:
    """`replay` by a person, with its event."""
    again = replay(delivery)
    record_replay(webhooks().filter(id=delivery.webhook_id).first(), actor, request, {"delivery_id": delivery.id})
    return again


@atomic
def replay_failed_deliveries(
    *, webhook: Webhook, since: datetime, actor: Any, request: HttpRequest | None = None
) -> int:
    """`replay_failed` by a person, soon, with its event where there is something to replay; answers how much.

    Raises EndpointIsOff, EndpointGone.
    """
    from saas.jobs import enqueue

    refuse_off(endpoint_now(webhook))
    until = now()
    count: int = failed_since(webhook, since, until).count()
    if count:
        payload = {"webhook_id": webhook.id, "since": since.isoformat(), "until": until.isoformat()}
        enqueue(REPLAY, payload=payload)
        record_replay(webhook, actor, request, {"since": since.isoformat(), "count": count})
    return count


def finish_replay(webhook_id: str, since: str, until: str) -> int:
    """The worker's part of `replay_failed_deliveries`; an endpoint that is off or gone meanwhile gets nothing."""
    webhook = webhooks().filter(id=webhook_id, enabled=True).first()
    if webhook is None:
        return 0
    return replay_failed(webhook, datetime.fromisoformat(since), until=datetime.fromisoformat(until))


def record_replay(webhook: Webhook, actor: Any, request: HttpRequest | None, metadata: dict[str, Any]) -> None:
    spine.record(
        "webhook.replayed", org=org_of(webhook), actor=actor, target=webhook, request=request, metadata=metadata
    )


# -- what they share ---------------------------------------------------------------------------------------------------


def endpoint_now(webhook: Webhook) -> Webhook:
    """Raises EndpointGone."""
    found: Webhook | None = webhooks().filter(id=webhook.id).first()
    if found is None:
        raise EndpointGone("Somebody deleted this endpoint meanwhile.")
    return found


def write(webhook: Webhook, **values: Any) -> Webhook:
    """Raises EndpointGone."""
    change = {
        f"unset__{name}" if value is None else f"set__{name}": 1 if value is None else value
        for name, value in values.items()
    }
    saved: Webhook | None = webhooks().filter(id=webhook.id).modify(new=True, **change)
    if saved is None:
        raise EndpointGone("Somebody deleted this endpoint meanwhile.")
    return saved


def record_switch(name: str, found: Webhook, saved: Webhook, actor: Any, request: HttpRequest | None) -> None:
    """The endpoint is off, or on again."""
    before, after = ({field: each[field] for field in ("enabled", "disabled_reason")} for each in (found, saved))
    spine.record(name, org=org_of(found), actor=actor, target=saved, before=before, after=after, request=request)


def mine(webhook: Webhook) -> Any:
    return deliveries().filter(webhook_id=webhook.id)


def org_of(webhook: Webhook) -> str | None:
    return webhook.organization_id


def unthrottle(webhook_id: str) -> None:
    """Somebody asks for it now, so the endpoint's pause is over."""
    webhooks().filter(id=webhook_id).update(unset__throttled_until=1)


def refuse_off(webhook: Webhook | None) -> None:
    if webhook is None:
        raise EndpointGone("The endpoint was deleted.")
    if not webhook.enabled:
        raise EndpointIsOff(f"{webhook.name} is off. Resume it first; what it holds is sent then.")


def clean_events(names: list[str]) -> list[str]:
    """The names in their order, each once.  Raises UnknownEventName."""
    found = list(dict.fromkeys(names))
    if EVERYTHING in found:
        return [EVERYTHING]
    known = {event.name for event in payloads.public_events()}
    if not found or set(found) - known:
        strange = ", ".join(sorted(set(found) - known))
        raise UnknownEventName(f"There is no event {strange}." if strange else "Choose at least one event.")
    return found
