"""The getting-started checklist of the dashboard: what a new organization does first, and whether it is done."""

from dataclasses import dataclass

from django.urls import reverse

from saas.http import OrgRequest


@dataclass(frozen=True, slots=True)
class Item:
    title: str
    text: str
    url: str
    is_done: bool


def for_member(request: OrgRequest) -> list[Item]:
    """The items of this member, from what the request has loaded already: no read."""
    user = request.user
    return [
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
