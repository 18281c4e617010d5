"""Where a notification leads, asked at the click: what was true when it was written may not be any more."""

from types import SimpleNamespace
from typing import Any

from saas import hooks, resources
from saas.notifications.models import Notification


class NothingThere(Exception):
    """What it told of is gone, or is not the person's to see any more.  It does not say which."""


def destination(notification: Notification, user: Any) -> str:
    """The path to open, "" for one that leads nowhere.  Raises NothingThere.  Up to six reads.

    The page itself asks for its permission again; this is so that the person reads what has become of it.
    """
    if not notification.link:
        return ""
    organization_id = notification.organization_id
    if organization_id is None:
        return str(notification.link)
    org = hooks.organizations([organization_id]).get(organization_id)
    if org is None or organization_id not in hooks.organizations_of(user.pk):
        raise NothingThere
    resource = resources.get(notification.resource or "")
    if resource is None:
        return str(notification.link)
    if not hooks.can(user, resource.permission, org=org) or not may_see(notification, user):
        raise NothingThere
    return resource.url(org.slug, notification.resource_id or "")


def may_see(notification: Notification, user: Any) -> bool:
    """Whether the object exists and the person is one of its readers."""
    about: dict[str, Any] = {
        "organization_id": notification.organization_id,
        "resource": notification.resource,
        "resource_id": notification.resource_id,
    }
    resource = resources.get(notification.resource or "")
    if resource is None or not resource.describe(about["organization_id"], [about["resource_id"]]):
        return False
    return user.pk in hooks.audience("readers", SimpleNamespace(**about, user_id=None, targets=[], metadata={}))
