"""Founding an organization."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils.text import slugify

from organizations.models import Membership, Organization, OrganizationOwner
from organizations.services.addresses import SlugTaken, is_free, take_address, taken
from organizations.services.limits import require_room_to_own
from saas import events
from saas.db import atomic
from saas.errors import Problem

RESERVED_SLUGS = frozenset(
    {
        *("new", "switcher", "invitations", "last", "restore"),  # pages of ours
        *("settings", "admin", "api", "static", "billing", "help", "support"),
    }
)
SLUG_LENGTH = 40


class CreationNotAllowed(Problem):
    """This installation lets people join organizations, not create them."""


def create_organization(
    *, name: str, actor: Any, slug: str | None = None, request: HttpRequest | None = None
) -> Organization:
    """Create an organization with `actor` as its owner.

    Without `slug` a free one is made from the name.  Raises CreationNotAllowed, OrganizationLimitReached, SlugTaken.
    """
    if not settings.ALLOW_USER_TO_CREATE_ORGANIZATION:
        raise CreationNotAllowed("New organizations are created by your administrator. Ask to be invited to one.")
    wanted = slug or slugify(name)[:SLUG_LENGTH].strip("-") or "organization"
    candidates = [wanted] if slug else [wanted, *(f"{wanted}-{number}" for number in range(2, 10))]
    for candidate in candidates:
        if candidate in RESERVED_SLUGS or not is_free(candidate):
            continue
        try:
            return found_organization(name=name, slug=candidate, actor=actor, request=request)
        except (IntegrityError, SlugTaken):  # somebody was faster; the index decides
            continue
    raise taken(wanted)


@atomic
def found_organization(*, name: str, slug: str, actor: Any, request: HttpRequest | None) -> Organization:
    """The transaction of `create_organization`.  Raises IntegrityError or SlugTaken when the slug is taken."""
    require_room_to_own(actor, actor=actor)
    take_address(slug)
    org = Organization.objects.create(name=name, slug=slug, created_by_id=actor.pk)
    membership = Membership.objects.create(organization=org, user_id=actor.pk, role=settings.CREATOR_ROLE)
    OrganizationOwner.objects.create(organization=org, organization_user=membership)
    events.record(
        "organization.created", org=org, actor=actor, target=org, after={"name": name, "slug": slug}, request=request
    )
    return org
