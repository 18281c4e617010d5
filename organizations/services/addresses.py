"""Addresses of organizations: the present one stands on the organization, the ones before lead there for a while.

An address is held by the organization's own unique index, and after it was left by `FormerAddress`.  Both are written
in one transaction with the question whether the address is free: whoever takes it at the same moment either finds the
former address, or runs into the index.
"""

from datetime import timedelta

from django.utils import timezone

from organizations.models import FormerAddress, Organization
from saas.errors import Problem

KEPT_FOR = timedelta(days=90)
#: So many addresses at once lead to one organization; without a limit one could occupy any number of names.
MOST = 5


class SlugTaken(Problem):
    """Another organization has this address, or had it until lately."""


class AddressChangedTooOften(Problem):
    """As many former addresses lead to the organization as may."""


def taken(slug: str) -> SlugTaken:
    return SlugTaken(f"The address “{slug}” is taken. Choose another one.")


def is_free(slug: str, *, org: Organization | None = None) -> bool:
    """Whether `org`, or a new organization, may have the address.  At most two reads."""
    others = Organization.objects.filter(slug=slug)
    held = FormerAddress.objects.filter(slug=slug, expires_at__gt=timezone.now())
    if org is not None:
        others, held = others.exclude(pk=org.pk), held.exclude(organization_id=org.pk)
    return not others.exists() and not held.exists()


def take_address(slug: str, *, org: Organization | None = None) -> None:
    """Make sure that the address can be written onto `org`, or onto a new organization.

    Inside the transaction that writes it.  Raises SlugTaken; the index of organizations decides about the rest.
    """
    if not is_free(slug, org=org):
        raise taken(slug)
    FormerAddress.objects.filter(slug=slug).delete()  # expired, or the organization's own


def leave_address(org: Organization) -> None:
    """Keep the present address for its organization, which is about to get another.  Raises AddressChangedTooOften."""
    moment = timezone.now()
    mine = FormerAddress.objects.filter(organization_id=org.pk)
    if mine.filter(expires_at__gt=moment).count() >= MOST:
        raise AddressChangedTooOften(
            f"{org.name} had {MOST} other addresses within {KEPT_FOR.days} days, and each still leads here. "
            "Change the address again later."
        )
    FormerAddress.objects.create(organization=org, slug=org.slug, expires_at=moment + KEPT_FOR)


def formerly_at(slug: str) -> Organization | None:
    """The organization that had this address until lately.  One read, and one more when there is one."""
    former = FormerAddress.objects.filter(slug=slug, expires_at__gt=timezone.now()).first()
    return Organization.objects.filter(pk=former.organization_id).first() if former else None


def forget_expired() -> int:
    """Remove former addresses whose time is over; how many."""
    removed, _ = FormerAddress.objects.filter(expires_at__lte=timezone.now()).delete()
    return removed
