"""The getting-started checklist of the dashboard: what a new organization does first, and whether it is done."""

from dataclasses import dataclass

from django.urls import reverse

from organizations import roles
from saas.events.models import Event
from saas.http import OrgRequest

#: Events that tick a line off.
FIRST_STEPS = (FIRST_PROJECT, FIRST_WEBHOOK) = ("project.created", "webhook.created")
ALLOWED = {FIRST_PROJECT: "project.create", FIRST_WEBHOOK: "webhook.create"}


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    text: str
    url: str
    is_done: bool


def for_member(request: OrgRequest) -> list[Item]:
    """The items of this member; one read for the lines that others may have ticked off, for those who may do so."""
    user = request.user
    may = {step: roles.can(user, permission, org=request.org) for step, permission in ALLOWED.items()}
    done = first_steps(request) if any(may.values()) else set()
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
    if may[FIRST_PROJECT]:
        items.append(
            Item(
                "Create your first project",
                "It holds what you work on together.",
                reverse("organizations:project_create", args=[request.org.slug]),
                FIRST_PROJECT in done,
            )
        )
    if may[FIRST_WEBHOOK]:
        items.append(
            Item(
                "Add a webhook",
                "Your other systems hear at once what happens here.",
                reverse("webhooks:webhook_create", args=[request.org.slug]),
                FIRST_WEBHOOK in done,
            )
        )
    return items


def first_steps(request: OrgRequest) -> set[str]:
    """Which of FIRST_STEPS somebody of the organization has taken: events that have happened.  One read."""
    return set(Event.objects.for_org(request.org).filter(event__in=FIRST_STEPS).distinct("event"))
