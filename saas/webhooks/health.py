"""How an endpoint does: when it is let alone for a while, when its people are warned, when it is switched off.

    410                           off at once: it is gone
    failures for WARN_AFTER       a mail to those who may change it
    failures for DISABLE_AFTER    off, with another mail
    one success                   all is forgotten

Only a failure moves the clock: one failure and then silence leads to nothing, and after QUIET without any attempt it
starts anew.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from django.contrib.auth import get_user_model
from django.urls import reverse

from saas import emails, events, hooks
from saas.db import atomic
from saas.tenancy import now
from saas.webhooks import settling
from saas.webhooks.models import FAILING, GONE, Webhook, webhooks

log = structlog.get_logger(__name__)

WARN_AFTER = timedelta(days=3)
DISABLE_AFTER = timedelta(days=5)
QUIET = timedelta(days=2)  # longer than any pause between two attempts
FIRST_PAUSE, LONGEST_PAUSE = 10.0, 300.0  # seconds without any delivery, doubled with each failure
BUSY = (429, 502, 503, 504)  # the endpoint cannot take more now
STAFF_CHANGES = "admin.manage_jobs"  # what the staff needs to change the platform's own
TOLD_EVERY = timedelta(hours=1)  # of deliveries that are given up


def follow(webhook: Webhook, outcomes: Sequence[Any]) -> Webhook:
    """Write what some outcomes (sending.Outcome, in their order) mean, and answer the endpoint as it is now.

    No write while a healthy endpoint succeeds.
    """
    for outcome in outcomes:
        if outcome.is_success:
            if webhook.is_failing:
                webhook = write(webhook, **CLEAR)
        else:
            webhook = note_failure(webhook, outcome)
            if not webhook.enabled:
                break
    return webhook


CLEAR = {
    "unset__failing_since": 1,
    "unset__failed_at": 1,
    "unset__warned_at": 1,
    "unset__throttled_until": 1,
    "set__failure_count": 0,
}


def note_failure(webhook: Webhook, outcome: Any) -> Webhook:
    is_new = webhook.failing_since is None or outcome.at - (webhook.failed_at or outcome.at) > QUIET
    change: dict[str, Any] = {"set__failed_at": outcome.at, "inc__failure_count": 1}
    if is_new:
        change |= {"set__failing_since": outcome.at, "unset__warned_at": 1}
    pause = pause_after(outcome, webhook.failure_count)
    if pause:
        change["set__throttled_until"] = outcome.at + timedelta(seconds=pause)
    webhook = write(webhook, **change)
    failing_for = outcome.at - (webhook.failing_since or outcome.at)
    if outcome.is_gone:
        return disable(webhook, GONE)
    if failing_for >= DISABLE_AFTER:
        return disable(webhook, FAILING)
    if failing_for >= WARN_AFTER and webhook.warned_at is None:
        return warn(webhook)
    return webhook


def pause_after(outcome: Any, failures: int) -> float:
    """Seconds in which the endpoint gets nothing: as long as it asks for, or some while it is busy or hangs."""
    if outcome.status not in BUSY and not outcome.is_timeout:
        return 0
    return max(outcome.retry_after, min(FIRST_PAUSE * 2 ** min(failures, 10), LONGEST_PAUSE))


def is_throttled(webhook: Webhook) -> bool:
    return webhook.throttled_until is not None and webhook.throttled_until > now()


def write(webhook: Webhook, **change: Any) -> Webhook:
    """The endpoint with a change; as it was when it is gone."""
    found: Webhook | None = webhooks().filter(id=webhook.id).modify(new=True, **change)
    return found or webhook


# -- telling people ----------------------------------------------------------------------------------------------------


@atomic
def disable(webhook: Webhook, reason: str) -> Webhook:
    """Switch an endpoint off, hold what waits for it, and tell its people.  One that is off already stays as it is."""
    off = {"set__enabled": False, "set__disabled_reason": reason, "set__disabled_at": now(), "unset__due_at": 1}
    found: Webhook | None = webhooks().filter(id=webhook.id, enabled=True).modify(new=True, **off)
    if found is None:
        return webhooks().filter(id=webhook.id).first() or webhook
    settling.settle_soon(found)
    after = {"disabled_reason": reason}
    tell(
        found,
        events.record("webhook.disabled", org=found.organization_id, target=found, after=after),
        "webhook_disabled",
    )
    log.warning("webhook_disabled", webhook_id=found.id, reason=reason)
    return found


@atomic
def warn(webhook: Webhook) -> Webhook:
    """Tell its people, once, that an endpoint has failed for long."""
    found: Webhook | None = (
        webhooks().filter(id=webhook.id, warned_at=None, enabled=True).modify(new=True, set__warned_at=now())
    )
    if found is None:
        return webhook
    after = {"failing_since": found.failing_since and found.failing_since.isoformat()}
    tell(
        found, events.record("webhook.failing", org=found.organization_id, target=found, after=after), "webhook_failing"
    )
    return found


@atomic
def tell_exhausted(webhook: Webhook) -> None:
    """Note that deliveries to an endpoint are given up; once within TOLD_EVERY, for there may be thousands."""
    recently = {"$or": [{"exhausted_told_at": None}, {"exhausted_told_at": {"$lt": now() - TOLD_EVERY}}]}
    if webhooks().filter(id=webhook.id, __raw__=recently).modify(new=True, set__exhausted_told_at=now()):
        after = {"failing_since": webhook.failing_since and webhook.failing_since.isoformat()}
        events.record("webhook.delivery_exhausted", org=webhook.organization_id, target=webhook, after=after)


def tell(webhook: Webhook, event: Any, template: str) -> None:
    """A mail to each who may change the endpoint."""
    context = {
        "webhook": webhook,
        "failing_since": words_of(webhook.failing_since),
        "disables_at": words_of(webhook.failing_since and webhook.failing_since + DISABLE_AFTER),
        "url": page_of(webhook),
    }
    for person in people_of(webhook, event):
        emails.send(
            to=person.email,
            template=template,
            context={**context, "person": person},
            org=None,
            user=person,
            idempotency_key=f"{template}:{event.id}:{person.pk}",
        )


def people_of(webhook: Webhook, event: Any) -> list[Any]:
    """Those who may change the endpoint: members by their role; of the platform's own, the staff."""
    everybody: Any = get_user_model()
    people = everybody.objects.filter(is_active=True)
    if webhook.organization_id is None:
        return [each for each in people.exclude(platform_role="") if hooks.can(each, STAFF_CHANGES, org=None)]
    return list(people.filter(pk__in=hooks.audience("may:webhook.update", event)))


def page_of(webhook: Webhook) -> str:
    """Where to see the endpoint."""
    if webhook.organization_id is None:
        return f"{settings.SITE_URL}{reverse('platform_webhooks:webhook_detail', args=[webhook.id])}"
    org = hooks.organizations([webhook.organization_id])[webhook.organization_id]
    return f"{settings.SITE_URL}{reverse('webhooks:webhook_detail', args=[org.slug, webhook.id])}"


def words_of(moment: datetime | None) -> str:
    return f"{moment:%-d %B %Y, %H:%M} UTC" if moment else ""
