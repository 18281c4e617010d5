"""Endpoints as the other platform services know them: the feed and the audit log link to their pages."""

from collections.abc import Iterable, Iterator

from django.urls import reverse

from saas.resources import Description, Resource, register
from saas.webhooks.models import Webhook


def register_all() -> None:
    register(
        Resource(
            name="webhook",
            label="Webhook",
            plural="Webhooks",
            icon="webhook",
            permission="webhook.read",
            url=lambda slug, id_: reverse("webhooks:webhook_detail", args=[slug, id_]),
            describe=describe,
            describe_all=describe_all,
            is_searched=False,
        )
    )


def describe(org_id: str, ids: Iterable[str]) -> dict[str, Description]:
    found = Webhook.objects.for_org(org_id).filter(pk__in=list(ids))
    return {webhook.id: Description(webhook.id, webhook.name, webhook.description) for webhook in found}


def describe_all(org_id: str) -> Iterator[Description]:
    for webhook in Webhook.objects.for_org(org_id):
        yield Description(webhook.id, webhook.name, webhook.description)
