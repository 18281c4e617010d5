"""Addresses that somebody wrote down and nobody ever confirmed: they give way to the person who has confirmed hers."""

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from accounts import sessions
from accounts.models import User
from saas import events
from saas.db import atomic, lock
from saas.tenancy import now

#: No mail is ever delivered there (RFC 2606), and nobody can confirm it.
NOWHERE = "invalid"


def no_address(user: User) -> str:
    """What stands in the place of an address that was taken away: unique, and nobody's."""
    return f"{user.pk}@{NOWHERE}"


@atomic
def make_room(*, email: str, user: User, request: HttpRequest | None = None) -> None:
    """Take an address, for `user`, from everybody who has it without having confirmed it.

    An account that is nothing more than that is closed, and the clock erases it.  Who has confirmed the address, or has
    been inside by another way, keeps it.
    """
    for row in EmailAddress.objects.filter(email=email, verified=False).exclude(user_id=user.pk):
        row.delete()
        events.record("user.email_removed", actor=user, target=row.user, before={"email": email}, request=request)
    holder = User.objects.filter(email=email).exclude(pk=user.pk).first()
    if holder and was_never_entered(holder):
        close(holder, claimed_by=user, request=request)


def was_never_entered(user: User) -> bool:
    """Whether nobody has confirmed anything of this account, nor been in it, nor was it made by the staff."""
    if user.last_login or user.onboarded_at or user.platform_role or user.is_superuser:
        return False
    return not EmailAddress.objects.filter(user_id=user.pk, verified=True).exists()


def close(user: User, *, claimed_by: User, request: HttpRequest | None) -> None:
    """Leave nothing but what the clock erases at its next run, without a mail: there is nobody to tell."""
    lock(user)
    moment = now()
    values = {
        "email": no_address(user),
        "password": make_password(None),
        "is_active": False,
        "deletes_at": moment,
        "erasure_started_at": moment,
    }
    User.objects.filter(pk=user.pk).update(**values)
    sessions.end_others(user=user, request=None)
    before, after = {"deletes_at": None}, {"deletes_at": moment.isoformat()}
    events.record("user.deletion_requested", actor=claimed_by, target=user, before=before, after=after, request=request)
