"""Notifications: in the app and by mail, as each person wants them.

    create_notification(user=user, title="Your export is ready", link="/account/jobs/", kind="general")

Most of them are not created by hand: an event that config/events.yaml declares with `notify` is told to its audience.
"""

from saas.notifications.choices import UnknownKind
from saas.notifications.models import Notification
from saas.notifications.services import (
    LinkRefused,
    archive,
    count_unread,
    count_unseen,
    create_notification,
    get_notifications,
    mark_all_read,
    mark_read,
    mark_seen,
    mark_unread,
    unarchive,
)

__all__ = [
    "LinkRefused",
    "Notification",
    "UnknownKind",
    "archive",
    "count_unread",
    "count_unseen",
    "create_notification",
    "get_notifications",
    "mark_all_read",
    "mark_read",
    "mark_seen",
    "mark_unread",
    "unarchive",
]
