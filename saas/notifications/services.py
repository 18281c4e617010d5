"""The doors by name: telling one person, reading the inbox, and marking what stands in it.

What a person marks in the own inbox is no event: nobody else learns of it, and nothing but this inbox changes.
"""

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.http import url_has_allowed_host_and_scheme
from mongoengine import NotUniqueError

from saas import live
from saas.db import atomic
from saas.events.catalogue import NOTICE_TYPES
from saas.notifications.choices import kind_of
from saas.notifications.models import ARCHIVE, INBOX, MAIL, Notification
from saas.notifications.telling import LIVE_EVENT, LONGEST_TITLE, Message, tell
from saas.paging import PAGE_SIZE, Page, page_of
from saas.tenancy import id_of, now

MOST_COUNTED = 100  # the badge says 99+
MAIL_COUNTS_FOR = timedelta(days=1)  # as unread, where it stands in no inbox


class LinkRefused(ValueError):
    """The link leads to another site."""


def create_notification(
    *,
    user: Any,
    organization: Any = None,
    type: str = "info",  # noqa: A002 - the name of the field
    title: str,
    message: str = "",
    link: str | None = None,
    kind: str = "general",
    dedupe_key: str | None = None,
    send_email: bool = True,
) -> Notification | None:
    """Tell one person something, in the app and by mail as the person wants it; None when no channel is left.

    `user` and `organization` may be ids.  `title` and `message` are plain text.  With a `dedupe_key` whose
    notification, of the same organization, is still unread, that one is answered and nothing is sent; one that was told
    by mail alone, which nobody can mark, counts as unread for a day.  Raises UnknownKind, LinkRefused for a
    link to another site, ValueError for an unknown type or an empty title.
    """
    if type not in NOTICE_TYPES:
        raise ValueError(f"There is no type {type!r} of notification: {', '.join(NOTICE_TYPES)}.")
    if not title.strip():
        raise ValueError("A notification needs a title.")
    organization_id = id_of(organization) if organization else None
    dedupe_key = f"{organization_id or 'account'}:{dedupe_key}" if dedupe_key else None
    told = Message(
        kind=kind_of(kind).key,
        type=type,
        title=" ".join(title.split())[:LONGEST_TITLE],
        message=message.strip(),
        link=same_site(link) if link else None,
        organization_id=organization_id,
        dedupe_key=dedupe_key,
    )
    try:
        return tell_once(id_of(user), told, send_email=send_email)
    except NotUniqueError:
        return open_with(id_of(user), dedupe_key)


@atomic
def tell_once(user_id: str, message: Message, *, send_email: bool) -> Notification | None:
    known = open_with(user_id, message.dedupe_key)
    if known is not None and known.place == MAIL and known.created_at <= now() - MAIL_COUNTS_FOR:
        mine(user_id).filter(pk=known.id).update(set__read=True)
    elif known is not None:
        return known
    rows = tell([user_id], message, send_email=send_email).rows
    return rows[0] if rows else None


def open_with(user_id: str, dedupe_key: str | None) -> Notification | None:
    """The person's unread notification with this key."""
    if not dedupe_key:
        return None
    found: Notification | None = mine(user_id).filter(dedupe_key=dedupe_key, read=False).first()
    return found


def same_site(link: str) -> str:
    """Path, query and anchor of an address on this site.  Raises LinkRefused."""
    is_https = settings.SITE_URL.startswith("https:")
    if not url_has_allowed_host_and_scheme(link, allowed_hosts={settings.SITE_HOST}, require_https=is_https):
        raise LinkRefused(f"A notification leads to a page of this site, and {link!r} does not.")
    parts = urlsplit(link)
    path = parts._replace(scheme="", netloc="").geturl()
    if not path.startswith("/") or path.startswith("//"):
        raise LinkRefused(f"A notification's link is a path such as /o/acme/. This is {link!r}.")
    return path


# -- reading -----------------------------------------------------------------------------------------------------------


def mine(user: Any) -> Any:
    return Notification.objects.for_user(user)


def get_notifications(
    user: Any,
    *,
    unread_only: bool = False,
    organization: Any = None,
    archived: bool = False,
    limit: int = PAGE_SIZE,
    cursor: str = "",
) -> Page[dict[str, Any]]:
    """A page of the person's notifications, newest first, as dictionaries.  One read."""
    found = mine(user).filter(place=ARCHIVE if archived else INBOX)
    if unread_only:
        found = found.filter(read=False)
    if organization:
        found = found.filter(organization_id=id_of(organization))
    return page_of(found, cursor=cursor, size=limit)


def count_unseen(user: Any) -> int:
    """What the badge says, at most MOST_COUNTED.  One read of index keys."""
    return int(mine(user).filter(place=INBOX, seen_at=None).limit(MOST_COUNTED).count(True))


def count_unread(user: Any) -> int:
    """How many stand unread in the inbox."""
    return int(mine(user).filter(place=INBOX, read=False).count())


# -- marking -----------------------------------------------------------------------------------------------------------


def mark_read(notification: Notification) -> bool:
    """Mark it as read, and seen; False when it was."""
    moment = now()
    return change(notification, {"read": False}, set__read=True, set__read_at=moment, set__seen_at=moment)


def mark_unread(notification: Notification) -> bool:
    """Mark it as unread again; False when it was.  Its key goes when a newer unread one has it."""
    back = {"set__read": False, "unset__read_at": True}
    try:
        return change(notification, {"read": True}, **back)
    except NotUniqueError:
        return change(notification, {"read": True}, **back, unset__dedupe_key=True)


def mark_all_read(user: Any, *, until: datetime, organization: Any = None) -> int:
    """Mark as read what came up to `until`, when the person opened the page; answers how many.

    What came later was not on the page, and stays unread.
    """
    found = mine(user).filter(place=INBOX, read=False, created_at__lte=until)
    if organization:
        found = found.filter(organization_id=id_of(organization))
    moment = now()
    changed = int(found.update(set__read=True, set__read_at=moment, set__seen_at=moment))
    return announce(user, changed)


def mark_seen(user: Any, *, until: datetime) -> int:
    """Take off the badge what came up to `until`; answers how many."""
    found = mine(user).filter(place=INBOX, seen_at=None, created_at__lte=until)
    return announce(user, int(found.update(set__seen_at=now())))


def archive(notification: Notification) -> bool:
    """Put it away, which means that it was read; False when it was put away already."""
    moment = now()
    is_read = {} if notification.read else {"set__read": True, "set__read_at": moment}
    values = {"set__place": ARCHIVE, "set__archived_at": moment, "set__seen_at": moment}
    return change(notification, {"place": INBOX}, **values, **is_read)


def unarchive(notification: Notification) -> bool:
    """Put it back into the inbox; False when it stands there."""
    return change(notification, {"place": ARCHIVE}, set__place=INBOX, unset__archived_at=True)


def change(notification: Notification, only_if: dict[str, Any], **values: Any) -> bool:
    """One conditional update, which the person's other windows hear of."""
    found = mine(notification.user_id).filter(pk=notification.id, **only_if)
    return bool(announce(notification.user_id, int(found.update(**values))))


def announce(user: Any, changed: int) -> int:
    """Let the person's open pages ask again."""
    if changed:
        live.publish(live.user_channel(id_of(user)), LIVE_EVENT)
    return changed
