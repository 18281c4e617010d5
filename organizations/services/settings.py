"""What an organization says about itself: name, address, defaults, logo."""

from typing import Any

from django.db import IntegrityError
from django.http import HttpRequest

from organizations import roles
from organizations.models import Organization, OrganizationLogo
from organizations.services.addresses import leave_address, take_address, taken
from organizations.services.creation import RESERVED_SLUGS
from organizations.services.permission import require_permission
from organizations.services.rights import require_known, require_manageable
from saas import events
from saas.db import atomic, lock

UPDATE = "organization.update"
FIELDS = ("name", "slug", "default_role", "locale", "time_zone")


def update_organization(
    *, org: Organization, actor: Any, values: dict[str, Any], request: HttpRequest | None = None
) -> Organization:
    """Store what differs of FIELDS, and answer the organization as it is now.

    The address that it leaves leads to the new one for 90 days.  Raises NotAllowed, SlugTaken, AddressChangedTooOften,
    RoleNotManageable.
    """
    slug = values.get("slug", org.slug)
    if slug in RESERVED_SLUGS and slug != org.slug:
        raise taken(slug)
    try:
        return write_settings(org=org, actor=actor, values=values, request=request)
    except IntegrityError:  # somebody was faster; the index decides
        raise taken(slug) from None


@atomic
def write_settings(
    *, org: Organization, actor: Any, values: dict[str, Any], request: HttpRequest | None
) -> Organization:
    """The transaction of `update_organization`.  Raises IntegrityError when the address is taken."""
    lock(org)
    membership = require_permission(org, actor, UPDATE)
    found = Organization.objects.get(pk=org.pk)
    after = {name: values[name] for name in FIELDS if name in values and values[name] != getattr(found, name)}
    if not after:
        return found
    if "default_role" in after:
        require_known(after["default_role"])
        require_manageable(roles.get_role(membership.role), after["default_role"])
    if "slug" in after:
        take_address(after["slug"], org=found)
        leave_address(found)
    change(found, after, actor=actor, request=request)
    return found


def set_logo(
    *, org: Organization, actor: Any, data: bytes, version: str, request: HttpRequest | None = None
) -> Organization:
    """Store a picture that organizations.pictures has written as the logo.  Raises NotAllowed."""
    return write_logo(org=org, actor=actor, data=data, version=version, request=request)


def remove_logo(*, org: Organization, actor: Any, request: HttpRequest | None = None) -> Organization:
    """Raises NotAllowed.  Without a logo it changes nothing."""
    return write_logo(org=org, actor=actor, data=b"", version="", request=request)


@atomic
def write_logo(
    *, org: Organization, actor: Any, data: bytes, version: str, request: HttpRequest | None
) -> Organization:
    """The transaction of the two above; no data is no logo."""
    lock(org)
    require_permission(org, actor, UPDATE)
    found = Organization.objects.get(pk=org.pk)
    if found.logo_version == version:
        return found
    OrganizationLogo.objects.for_org(found).delete()
    if data:
        OrganizationLogo.objects.for_org(found).create(data=data, version=version)
    change(found, {"logo_version": version}, actor=actor, request=request)
    return found


def change(org: Organization, after: dict[str, Any], *, actor: Any, request: HttpRequest | None) -> None:
    before = {name: getattr(org, name) for name in after}
    for name, value in after.items():
        setattr(org, name, value)
    org.save(update_fields=[*after, "modified"])
    events.record("organization.updated", org=org, actor=actor, target=org, before=before, after=after, request=request)
