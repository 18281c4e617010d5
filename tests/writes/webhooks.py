"""The writes of webhooks: an organization's endpoints, and the platform's, which have the same pages."""

from datetime import timedelta

from django.utils import timezone

from saas.mongo.fields import new_key
from saas.webhooks.endpoints import create_endpoint, pause_endpoint
from saas.webhooks.models import deliveries, webhooks
from tests.writes.organizations import confirmed
from tests.writes.recipes import Recorded, Visit, quiet, write

PLACES = {"webhooks": "owner", "platform_webhooks": "staff"}
TYPED = {"name": "Billing", "url": "http://localhost:9/hook", "description": "", "scope": "all"}


def endpoint(world, place):
    """An endpoint of the organization or of the platform; the arguments of its URL."""
    if place == "webhooks":
        webhook = world.webhook
    else:
        values = {"name": "Platform hook", "url": "http://localhost:9/platform", "events": ["*"]}
        webhook = create_endpoint(org=None, actor=world.staff, **values)[0]
    return webhook, {"webhook_id": webhook.id}


def failed_delivery(webhook):
    values = {"organization_id": webhook.organization_id, "event_id": new_key(), "message_id": f"msg_{new_key()}"}
    return deliveries().create(
        webhook_id=webhook.id,
        event="project.created",
        payload="{}",
        status="failed",
        finished_at=timezone.now(),
        **values,
    )


def webhook_create(world, place):
    created = Recorded("webhook.created", lambda: webhooks().get(name="Billing"), after="name url events description")
    return Visit(TYPED, [created], wrong={"url": "no address"})


def webhook_edit(world, place):
    webhook, arguments = endpoint(world, place)
    changed = Recorded("webhook.updated", webhook, changed="name url")
    return Visit(TYPED, [changed], wrong={"url": "no address"}, arguments=arguments)


def webhook_rotate(world, place):
    webhook, arguments = endpoint(world, place)
    rotated = Recorded("webhook.secret_rotated", webhook)
    return Visit(recorded=[rotated], arguments=arguments, client=confirmed(world, PLACES[place]))


def webhook_pause(world, place):
    webhook, arguments = endpoint(world, place)
    paused = Recorded("webhook.paused", webhook, changed="enabled disabled_reason")
    return Visit(recorded=[paused], arguments=arguments)


def webhook_resume(world, place):
    webhook, arguments = endpoint(world, place)
    pause_endpoint(webhook=webhook, actor=world.owner)
    resumed = Recorded("webhook.resumed", webhook, changed="enabled disabled_reason")
    return Visit(recorded=[resumed], arguments=arguments)


def webhook_delete(world, place):
    webhook, arguments = endpoint(world, place)
    deleted = Recorded("webhook.deleted", webhook, before="name url events")
    return Visit(recorded=[deleted], arguments=arguments)


def webhook_test(world, place):
    webhook, arguments = endpoint(world, place)
    event = "project.created" if place == "webhooks" else "user.created"
    tested = Recorded("webhook.tested", webhook)
    return Visit({"event": event}, [tested], wrong={"event": "no.such"}, arguments=arguments)


def webhook_replay(world, place):
    webhook, arguments = endpoint(world, place)
    failed_delivery(webhook)
    since = timezone.localtime() - timedelta(days=1)
    data = {"since": since.strftime("%Y-%m-%dT%H:%M")}
    return Visit(data, [Recorded("webhook.replayed", webhook)], wrong={"since": "once"}, arguments=arguments)


def delivery_replay(world, place):
    webhook, arguments = endpoint(world, place)
    arguments |= {"delivery_id": failed_delivery(webhook).id}
    return Visit(recorded=[Recorded("webhook.replayed", webhook)], arguments=arguments)


def webhook_secret(world, place):
    _, arguments = endpoint(world, place)
    return Visit(arguments=arguments)


def at(place, recipe):
    """The recipe for one of the two places."""

    def prepare(world):
        visit = recipe(world, place)
        visit.by = PLACES[place]
        return visit

    prepare.__wrapped__ = recipe
    return prepare


for place in PLACES:
    for recipe in (
        webhook_create,
        webhook_edit,
        webhook_rotate,
        webhook_pause,
        webhook_resume,
        webhook_delete,
        webhook_test,
        webhook_replay,
        delivery_replay,
    ):
        write(f"{place}:{recipe.__name__}")(at(place, recipe))
    quiet(f"{place}:webhook_secret", "it takes a secret that was shown once out of the session")(
        at(place, webhook_secret)
    )
