"""The mails of notifications, and the links by which they are stopped."""

from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse

from saas.emails import Mail
from saas.notifications.choices import kind_of
from saas.notifications.models import Notification

SALT = "saas.notifications.unsubscribe"
#: In place of a kind: the digest as a whole.
WHOLE_DIGEST = "digest:all"


class BadToken(Exception):
    """The link is not one of ours, or is damaged."""


def of_notification(row: Notification, person: Any, organization: Any) -> Mail:
    kind = kind_of(row.kind)
    unsubscribe_url = "" if kind.mandatory else url_to_stop(person.pk, kind.key)
    context = {
        "notification": row,
        "user": person,
        "organization_name": organization.name if organization else "",
        "kind_name": kind.name,
        "is_mandatory": kind.mandatory,
        "url": absolute("notifications:open", row.id) if row.link else absolute("notifications:list"),
        "unsubscribe_url": unsubscribe_url,
        "preferences_url": absolute("notifications:preferences"),
    }
    return Mail(to=person.email, context=context, headers=one_click(unsubscribe_url))


def one_click(url: str) -> dict[str, str]:
    """The headers of RFC 8058, by which a mail client shows its own button; none without a link."""
    return {"List-Unsubscribe": f"<{url}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"} if url else {}


def absolute(name: str, *args: Any) -> str:
    return f"{settings.SITE_URL}{reverse(name, args=args)}"


def url_to_stop(user_id: str, what: str) -> str:
    """The link that stops the mail of one kind, or the digest, for this person.

    It does not expire, for mails do not: the signature holds no time, and the same choice has the same link.
    """
    return absolute("notifications:unsubscribe", signing.Signer(salt=SALT).sign_object([user_id, what]))


def read_token(token: str) -> tuple[str, str]:
    """(user's id, kind or WHOLE_DIGEST).  Raises BadToken."""
    try:
        user_id, what = signing.Signer(salt=SALT).unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError) as problem:
        raise BadToken from problem
    return str(user_id), str(what)
