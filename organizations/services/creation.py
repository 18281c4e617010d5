"""Founding an organization."""

from typing import Any

from django.conf import settings
from django.db import IntegrityError
from django.http import HttpRequest
from django.utils.text import slugify

from organizations.models import Membership, Organization, OrganizationOwner
from saas import events
from saas.db import atomic, lock
from saas.errors import Problem

RESERVED_SLUGS = frozenset(
    {"new", "switcher", "invitations", "settings", "admin", "api", "static", "billing", "help", "support"}
)
SLUG_LENGTH = 40


class CreationNotAllowed(Problem):
    """This installation lets people join organizations, not create them."""


class OrganizationLimitReached(Problem):
    """The person owns as many organizations as one may."""


class SlugTaken(Problem):
    """Another organization has this address."""


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
        if candidate in RESERVED_SLUGS or Organization.objects.filter(slug=candidate).exists():
            continue
        try:
            return found_organization(name=name, slug=candidate, actor=actor, request=request)
        except IntegrityError:  # somebody was faster; the index decides
            continue
    raise SlugTaken(f"The address “{wanted}” is taken. Choose another one.")


@atomic
def found_organization(*, name: str, slug: str, actor: Any, request: HttpRequest | None) -> Organization:
    """The transaction of `create_organization`.  Raises IntegrityError when the slug is taken."""
    lock(actor)
    owned = Membership.objects.filter(user_id=actor.pk, role=settings.CREATOR_ROLE).count()
    if owned >= settings.ORGANIZATION_LIMIT:
        raise OrganizationLimitReached(
            f"You own {owned} organizations, which is the limit. Delete or hand over one to create another."
        )
    org = Organization.objects.create(name=name, slug=slug, created_by_id=actor.pk)
    membership = Membership.objects.create(organization=org, user_id=actor.pk, role=settings.CREATOR_ROLE)
    OrganizationOwner.objects.create(organization=org, organization_user=membership)
    events.record(
        "organization.created", org=org, actor=actor, target=org, after={"name": name, "slug": slug}, request=request
    )
    return org
