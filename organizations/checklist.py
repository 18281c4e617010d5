"""The getting-started checklist of the dashboard: what a new organization does first, and whether it is done."""

from dataclasses import dataclass

from django.urls import reverse

from organizations import roles
from organizations.projects.services import visible_projects
from saas.http import OrgRequest
from saas.webhooks.models import Webhook


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    text: str
    url: str
    is_done: bool


def for_member(request: OrgRequest) -> list[Item]:
    """The items of this member: a read for the first project and one for the first webhook, for those who may."""
    user = request.user
    items = [
        Item("Confirm your e-mail address", "So that we can reach you, and nobody else can sign up as you.", "", True),
        Item("Create or join an organization", f"You are in {request.org.name}.", "", True),
        Item(
            "Tell your colleagues your name",
            "It stands beside everything you do here.",
            reverse("accounts:profile"),
            bool(user.name),
        ),
        Item(
            "Set your time zone",
            "Times on every page are then yours.",
            reverse("accounts:profile"),
            user.time_zone != "UTC",
        ),
    ]
    if roles.can(user, "project.create", org=request.org):
        items.append(
            Item(
                "Create your first project",
                "It holds what you work on together.",
                reverse("organizations:project_create", args=[request.org.slug]),
                has_projects(request),
            )
        )
    if roles.can(user, "webhook.create", org=request.org):
        items.append(
            Item(
                "Add a webhook",
                "Your other systems hear at once what happens here.",
                reverse("webhooks:webhook_create", args=[request.org.slug]),
                has_webhooks(request),
            )
        )
    return items


def has_projects(request: OrgRequest) -> bool:
    """Whether there is a project that the person sees, archived or not.  One read."""
    return visible_projects(org=request.org, actor=request.user).only("id").first() is not None


def has_webhooks(request: OrgRequest) -> bool:
    """Whether the organization has an endpoint.  One read."""
    return Webhook.objects.for_org(request.org).only("id").first() is not None
