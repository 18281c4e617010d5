"""How many organizations one person may own.  Asked wherever somebody becomes the owner of one more."""

from typing import Any

from django.conf import settings

from organizations.models import Membership, Organization
from saas.db import lock
from saas.errors import Problem


class OrganizationLimitReached(Problem):
    """The person owns as many organizations as one may."""


def owned_organizations(user: Any) -> int:
    """How many organizations the person owns, without those that are being deleted.  Two reads."""
    mine = Membership.objects.filter(user_id=user.pk, role=settings.CREATOR_ROLE)
    ids = list(mine.values_list("organization_id", flat=True))
    return Organization.objects.filter(pk__in=ids, is_active=True).count() if ids else 0


def require_room_to_own(user: Any, *, actor: Any) -> None:
    """Lock the person, and raise OrganizationLimitReached when one more organization would be too many.

    Holds until the commit.  `actor` is whom the words are for.
    """
    lock(user)
    owned = owned_organizations(user)
    if owned < settings.ORGANIZATION_LIMIT:
        return
    if user.pk == actor.pk:
        raise OrganizationLimitReached(
            f"You own {owned} organizations, which is the limit. Delete or hand over one, then try again."
        )
    raise OrganizationLimitReached(f"{user.display_name} owns {owned} organizations already, which is the limit.")
