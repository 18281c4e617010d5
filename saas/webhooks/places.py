"""Where endpoints live: in an organization, or at the platform.

The pages are the same; whose endpoints they show, their addresses, and who may open them differ.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from django.http.response import HttpResponseBase
from django.urls import reverse

from saas import hooks
from saas.access import org_view, staff_only
from saas.http import SignedInRequest, get_or_404
from saas.webhooks.models import Webhook, WebhookDelivery, deliveries, webhooks

Page = Callable[..., HttpResponseBase]
ORGANIZATION, PLATFORM = "webhooks", "platform_webhooks"  # the namespaces of the addresses
#: What the staff needs for what a role needs `webhook.…` for.
STAFF_READS, STAFF_CHANGES = "admin.monitor", "admin.manage_jobs"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose endpoints a page shows: those of `org`, or without one the platform's.  `user` looks at them."""

    user: Any
    org: Any = None

    @property
    def is_platform(self) -> bool:
        return self.org is None

    def endpoints(self) -> Any:
        if self.org is not None:
            return Webhook.objects.for_org(self.org)
        return webhooks().filter(organization_id=None)

    def find(self, webhook_id: str) -> Webhook:
        """Raises Http404 for an endpoint of elsewhere."""
        found: Webhook = get_or_404(self.endpoints(), id=webhook_id)
        return found

    def find_delivery(self, webhook: Webhook, delivery_id: str) -> WebhookDelivery:
        """Raises Http404."""
        mine = deliveries() if self.org is None else WebhookDelivery.objects.for_org(self.org)
        found: WebhookDelivery = get_or_404(mine.filter(webhook_id=webhook.id), id=delivery_id)
        return found

    def may(self, action: str) -> bool:
        """Whether `user` may `create`, `read`, `update` or `delete` endpoints here."""
        if self.org is not None:
            return bool(hooks.can(self.user, f"webhook.{action}", org=self.org))
        return bool(hooks.can(self.user, STAFF_READS if action == "read" else STAFF_CHANGES, org=None))

    def url(self, name: str, *args: str) -> str:
        """The address of one of these pages."""
        if self.org is not None:
            return reverse(f"{ORGANIZATION}:{name}", args=[self.org.slug, *args])
        return reverse(f"{PLATFORM}:{name}", args=args)


def for_members(action: str, page: Page) -> Page:
    """A page as the view of an organization, for whom its role lets `webhook.<action>`."""

    @wraps(page)
    def view(request: Any, **kwargs: Any) -> HttpResponseBase:
        return page(request, Place(request.user, request.org), **kwargs)

    return org_view(f"webhook.{action}")(view)


def for_staff(action: str, page: Page) -> Page:
    """The same page as a view of the platform's own endpoints."""

    @wraps(page)
    def view(request: SignedInRequest, **kwargs: Any) -> HttpResponseBase:
        return page(request, Place(request.user), **kwargs)

    return staff_only(STAFF_READS if action == "read" else STAFF_CHANGES)(view)
