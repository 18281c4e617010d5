""" "This was not me": the link in every mail about security. It locks the account and takes back what was changed.

A link goes back to the moment of its mail. So once it was used, the links of later mails, which an intruder may have
got at an address of his own, are void; that of an earlier mail still works.

The address of the mail becomes the account's only one again. An account that took it meanwhile and never confirmed it
gives way. One that did confirm it keeps it: then the claimed account stays without any address and without a password,
so that no mail opens it, and its owner is told what to do.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.core import signing
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import get_random_string

from accounts import sessions
from accounts.models import User
from accounts.once import use_once
from accounts.unproved import make_room, no_address
from saas import emails, events
from saas.db import atomic
from saas.events.models import events as recorded

SALT = "accounts.security.not_me"
LINK_LIVES = timedelta(days=7)
SLACK = timedelta(minutes=1)  # what is told by a mail happened a little before it was written


class Undone(Exception):
    """What the mail of this link told of has been taken back already, by the link of an earlier mail."""


class AddressTaken(Exception):
    """The account is locked; its address is a confirmed one of another account, so nobody gets in for now."""


@dataclass(frozen=True, slots=True)
class Claim:
    """What a link says: whose account, which mail it stood in, where that went and when."""

    user_id: str
    mail: str
    address: str
    nonce: str
    at: datetime


def not_me_url(user: Any, *, mail: str, address: str, at: datetime | None = None) -> str:
    """The link for one mail; it works once, for a week.  `at` is the moment that it goes back to, now without it."""
    moment = at or timezone.now()
    values = [str(user.pk), mail, address, get_random_string(16), moment.timestamp()]
    return settings.SITE_URL + reverse("accounts:not_me", args=[signing.dumps(values, salt=SALT)])


def read_claim(token: str) -> Claim | None:
    """None for a forged or an old link."""
    try:
        user_id, mail, address, nonce, at = signing.loads(token, salt=SALT, max_age=LINK_LIVES)
    except (signing.BadSignature, ValueError):
        return None
    return Claim(user_id, mail, address, nonce, datetime.fromtimestamp(at, UTC))


def lock_by(claim: Claim, *, request: HttpRequest) -> str | None:
    """Lock the account and answer where its owner chooses a new password; None for a used link and a void one.

    Raises AddressTaken, after which the account is locked, too.
    """
    if not use_once("not_me", claim.nonce, keeps=LINK_LIVES):
        return None
    try:
        user = lock_as_far_as_possible(claim, request=request)
    except (Undone, User.DoesNotExist):
        return None
    key = default_token_generator.make_token(user)
    return reverse("account_reset_password_from_key", kwargs={"uidb36": user_pk_to_url_str(user), "key": key})


def lock_as_far_as_possible(claim: Claim, *, request: HttpRequest) -> User:
    """Raises User.DoesNotExist, Undone, AddressTaken."""
    try:
        return lock_account(claim=claim, gives_address_back=True, request=request)
    except IntegrityError as problem:
        lock_account(claim=claim, gives_address_back=False, request=request)
        raise AddressTaken from problem


@atomic
def lock_account(*, claim: Claim, gives_address_back: bool, request: HttpRequest) -> User:
    """Nobody signs in until the password is reset; all sessions end; ways in that were added since are taken away.

    Without the address given back there is no way in at all, and a mail says what to do.  Raises User.DoesNotExist,
    Undone, IntegrityError when the address cannot be given back.
    """
    user = User.objects.get(pk=claim.user_id)
    before, user.locked_at = user.locked_at, timezone.now()
    # The write comes first: of two links at one moment the second one then sees the first one's event.
    user.save(update_fields=["locked_at"])
    if is_undone(claim):
        raise Undone
    sessions.end_others(user=user, request=None)
    removed = take_back(user, since=claim.at - SLACK)
    if gives_address_back:
        give_back(user, claim, request=request)
    else:
        withhold(user, claim, request=request)
    events.record(
        "user.locked",
        actor=user,
        target=user,
        before={"locked_at": before},
        after={"locked_at": user.locked_at},
        request=request,
        metadata={"mail": claim.mail, "mail_at": claim.at.timestamp(), "removed": removed},
    )
    return User.objects.get(pk=user.pk)


def is_undone(claim: Claim) -> bool:
    """Whether an earlier mail's link was used after this mail."""
    found = recorded().filter(user_id=claim.user_id, event="user.locked", created_at__gte=claim.at)
    return any(lock.metadata.get("mail_at", claim.at.timestamp()) < claim.at.timestamp() for lock in found)


def take_back(user: User, *, since: datetime) -> list[str]:
    """Remove the factors and the accounts elsewhere that were added since; what they were."""
    factors = list(Authenticator.objects.filter(user_id=user.pk))
    late = [factor for factor in factors if factor.created_at >= since]
    rest = [factor for factor in factors if factor not in late]
    if all(factor.type == Authenticator.Type.RECOVERY_CODES for factor in rest):
        late += rest  # recovery codes alone ask for nothing and would confuse
    accounts = list(SocialAccount.objects.filter(user_id=user.pk, date_joined__gte=since))
    Authenticator.objects.filter(pk__in=[factor.pk for factor in late]).delete()
    SocialAccount.objects.filter(pk__in=[account.pk for account in accounts]).delete()
    return [*(str(factor.type) for factor in late), *(account.provider for account in accounts)]


def give_back(user: User, claim: Claim, *, request: HttpRequest) -> None:
    """Make the address that the mail went to the main one, and the only one: whoever was in may read the others.

    Raises IntegrityError when another account has confirmed it.
    """
    make_room(email=claim.address, user=user, request=request)
    remove_addresses(user, EmailAddress.objects.exclude(email=claim.address), request=request)
    mine = EmailAddress.objects.filter(user_id=user.pk, email=claim.address)
    if not mine.update(verified=True, primary=True):
        EmailAddress.objects.create(user=user, email=claim.address, verified=True, primary=True)
    move(user, claim.address, request=request)


def withhold(user: User, claim: Claim, *, request: HttpRequest) -> None:
    """Leave the account without an address and a password: whoever was in may read the mail of all that it has.

    The mail that tells of it has a link to claim the account again, once the other one has given up the address.
    """
    remove_addresses(user, EmailAddress.objects.all(), request=request)
    move(user, no_address(user), request=request)
    User.objects.filter(pk=user.pk).update(password=make_password(None))
    link = not_me_url(user, mail="account_locked", address=claim.address, at=claim.at)
    emails.send(to=claim.address, template="account_locked", context={"not_me_url": link}, user=user)


def remove_addresses(user: User, among: QuerySet[EmailAddress], *, request: HttpRequest) -> None:
    gone = list(among.filter(user_id=user.pk))
    for address in gone:
        events.record("user.email_removed", actor=user, target=user, before={"email": address.email}, request=request)
    EmailAddress.objects.filter(pk__in=[address.pk for address in gone]).delete()


def move(user: User, email: str, *, request: HttpRequest) -> None:
    """Make it the main address; raises IntegrityError when another account has it."""
    if user.email == email:
        return
    User.objects.filter(pk=user.pk).update(email=email)
    before, after = {"email": user.email}, {"email": email}
    events.record("user.email_changed", actor=user, target=user, before=before, after=after, request=request)
