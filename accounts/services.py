"""Every write on a person. Each records its event in the same transaction."""

from typing import Any

from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.http import HttpRequest
from django.utils import timezone

from accounts import sessions
from accounts.models import User
from saas import events
from saas.db import atomic
from saas.errors import Problem

STAFF_ROLE = "platform_admin"


class PasswordChangedMeanwhile(Problem):
    """The password is not the one any more that the change was based on."""


class AccountExists(Problem):
    """Somebody has this address already."""


def update_profile(*, user: Any, values: dict[str, Any], request: HttpRequest | None = None) -> bool:
    """Store what differs of name and preferences; False when nothing does."""
    before = {name: getattr(user, name) for name, value in values.items() if getattr(user, name) != value}
    after = {name: values[name] for name in before}
    if not after:
        return False
    store_profile(user=user, before=before, after=after, request=request)
    for name, value in after.items():
        setattr(user, name, value)
    return True


@atomic
def store_profile(*, user: Any, before: dict[str, Any], after: dict[str, Any], request: HttpRequest | None) -> None:
    User.objects.filter(pk=user.pk).update(**after)
    events.record("user.updated", actor=user, target=user, before=before, after=after, request=request)


@atomic
def finish_onboarding(*, user: Any, request: HttpRequest | None = None) -> None:
    """Let the person into the product.  A second call does nothing."""
    moment = timezone.now()
    if User.objects.filter(pk=user.pk, onboarded_at=None).update(onboarded_at=moment):
        user.onboarded_at = moment
        before, after = {"onboarded_at": None}, {"onboarded_at": moment}
        events.record("user.onboarded", actor=user, target=user, before=before, after=after, request=request)


def set_password(*, user: Any, password: str, event: str, request: HttpRequest | None = None) -> None:
    """Replace the password, once: of several changes that start from the same password the first one wins.

    All other sessions end.  `event` is the event to record; a reset also opens a locked account.  Raises
    PasswordChangedMeanwhile.
    """
    encoded = make_password(password)  # slow on purpose, so before the transaction
    replace_password(user=user, encoded=encoded, event=event, request=request)
    user.password = encoded
    if request is not None and request.user.pk == user.pk:
        sessions.keep(request)


@atomic
def replace_password(*, user: Any, encoded: str, event: str, request: HttpRequest | None) -> None:
    if not User.objects.filter(pk=user.pk, password=user.password).update(password=encoded):
        raise PasswordChangedMeanwhile("The password has been changed already. Sign in with the new one.")
    if event == "user.password_reset":
        User.objects.filter(pk=user.pk).update(locked_at=None)
    sessions.end_others(user=user, request=request)
    events.record(event, actor=user, target=user, request=request)


@atomic
def end_sessions_of(*, user: Any) -> int:
    """Sign somebody out everywhere, as the staff; how many sessions were listed."""
    count = sessions.end_others(user=user, request=None)
    events.record("session.others_ended", target=user, metadata={"count": count})
    return count


@atomic
def mark_confirmed(*, address: EmailAddress, request: HttpRequest | None = None) -> bool:
    """Mark an address as confirmed, once; False when it was already.

    Raises IntegrityError when another account has confirmed it.
    """
    if not EmailAddress.objects.filter(pk=address.pk, verified=False).update(verified=True):
        return False
    user = address.user
    events.record("user.email_confirmed", actor=user, target=user, after={"email": address.email}, request=request)
    return True


def create_staff(*, email: str, password: str) -> User:
    """Create a platform admin with a confirmed address, who needs no onboarding.

    Raises ValidationError for an unsafe password, AccountExists.
    """
    address = email.strip().lower()
    validate_password(password, User(email=address))
    return create_person(email=address, encoded=make_password(password), platform_role=STAFF_ROLE)


@atomic
def create_person(*, email: str, encoded: str, **values: Any) -> User:
    """A confirmed account outside of sign-up: for `create_admin` and the demo data.  Raises AccountExists."""
    if User.objects.filter(email=email).exists():
        raise AccountExists(f"{email} has an account already.")
    user = User.objects.create(email=email, password=encoded, onboarded_at=timezone.now(), **values)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    after = {"email": email, "platform_role": user.platform_role}
    events.record("user.created", actor=None, target=user, after=after)
    return user


@atomic
def promote(*, email: str) -> User:
    """Give an existing account the platform role.  Raises User.DoesNotExist."""
    user = User.objects.get_by_natural_key(email)
    before = {"platform_role": user.platform_role}
    User.objects.filter(pk=user.pk).update(platform_role=STAFF_ROLE)
    user.platform_role = STAFF_ROLE
    events.record("user.platform_role_changed", target=user, before=before, after={"platform_role": STAFF_ROLE})
    return user
