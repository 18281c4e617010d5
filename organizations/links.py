"""The links by which a person opens an invitation.

There are two, and they prove different things.

* The mailed link carries a random token that is in the mail and nowhere else; the database has its SHA-256. Whoever
  opens it can read the mailbox, so the address counts as confirmed.
* The copied link is for an admin to hand over. It is made from the row by the site's key, so nothing is stored for it
  and it can be shown at any time. It proves nothing: joining by it needs an account with the invited address.

A new token ends both.
"""

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac

from organizations.models import Invitation

SESSION_KEY = "invitation"
#: Stands for the token in the address of an invitation that the session remembers.
CURRENT = "current"


@dataclass(frozen=True, slots=True)
class Opened:
    """An invitation that somebody has opened; `is_mailed` when it was by the mailed link."""

    invitation: Invitation
    is_mailed: bool


def new_token() -> tuple[str, str]:
    """A token for a mail, and its hash for the database."""
    token = secrets.token_urlsafe(32)
    return token, hash_of(token)


def hash_of(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def mailed_link(token: str) -> str:
    return address(token)


def copied_link(invitation: Invitation) -> str:
    return address(f"{invitation.pk}.{signature(invitation)}")


def address(token: str) -> str:
    return f"{settings.SITE_URL}{reverse('invitations:invitation_detail', args=[token])}"


def signature(invitation: Invitation) -> str:
    value = f"{invitation.pk}.{invitation.token_hash}"
    return salted_hmac("organizations.links", value, algorithm="sha256").hexdigest()


def find(token: str) -> Opened | None:
    """The invitation of a link, whatever its status; None for a link that is wrong or was replaced.  One read."""
    key, dot, mac = token.partition(".")
    if not dot:
        invitation = Invitation.objects.filter(token_hash=hash_of(token)).first()
        return Opened(invitation, is_mailed=True) if invitation else None
    try:
        invitation = Invitation.objects.filter(pk=key).first()
    except ValueError:  # no key at all
        return None
    if invitation is None or not constant_time_compare(mac, signature(invitation)):
        return None
    return Opened(invitation, is_mailed=False)


# -- what the session remembers on the way through sign-in or sign-up --------------------------------------------------


def remember(request: HttpRequest, opened: Opened) -> None:
    """Keep it in the session, the token's hash and never the token."""
    invitation = opened.invitation
    request.session[SESSION_KEY] = {
        "id": invitation.pk,
        "token_hash": invitation.token_hash,
        "is_mailed": opened.is_mailed,
        "email": invitation.email,
        "organization": invitation.organization.name,  # for the sign-in and sign-up pages
    }


def remembered(request: HttpRequest) -> Opened | None:
    """What the session remembers, while the link that it was opened by is still good.  At most one read."""
    kept = request.session.get(SESSION_KEY)
    if not kept:
        return None
    invitation = Invitation.objects.filter(pk=kept["id"], token_hash=kept["token_hash"]).first()
    return Opened(invitation, kept["is_mailed"]) if invitation else None


def forget(request: HttpRequest) -> None:
    request.session.pop(SESSION_KEY, None)


def find_by(request: HttpRequest, token: str) -> Opened | None:
    return remembered(request) if token == CURRENT else find(token)


def proves_address(request: HttpRequest, email: str) -> bool:
    """Whether this visitor has opened, by its mailed link, a pending invitation of this address."""
    opened = remembered(request)
    return bool(
        opened
        and opened.is_mailed
        and opened.invitation.email == email.strip().lower()
        and opened.invitation.status == Invitation.Status.PENDING
        and not opened.invitation.is_expired
    )


def addresses_of(user: Any) -> list[str]:
    """The addresses that the person has proved to own, the main one first.  One read."""
    others = EmailAddress.objects.filter(user_id=user.pk, verified=True).values_list("email", flat=True)
    return list(dict.fromkeys([user.email, *(email.lower() for email in others)]))
