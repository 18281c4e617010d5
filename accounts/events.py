"""What the libraries do with a person, as events of ours: their signals are the only seam there is."""

from typing import Any

from allauth.account import signals as account_signals
from allauth.account.authentication import get_authentication_records
from allauth.account.models import EmailAddress
from allauth.socialaccount import signals as social_signals
from allauth.socialaccount.models import SocialLogin
from django.contrib.auth import signals
from django.dispatch import receiver
from django.http import HttpRequest

from accounts import sessions
from accounts.models import User
from saas import events, live


@receiver(signals.user_logged_in)
def record_sign_in(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    sessions.begin(request)
    records = get_authentication_records(request, user)
    method = records[-1]["method"] if records else None
    events.record("user.logged_in", actor=user, target=user, request=request, metadata={"method": method})


@receiver(account_signals.authentication_step_completed)
def renew_session(request: HttpRequest, user: Any, reauthenticated: bool = False, **_kwargs: Any) -> None:
    """Whoever has confirmed who it is goes on under a new session key; the old one is worth nothing."""
    if reauthenticated and isinstance(user, User):
        sessions.renew(request)


@receiver(signals.user_logged_out)
def record_sign_out(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    if user is None:
        return
    events.record("user.logged_out", actor=user, target=user, request=request)
    if request.session.session_key:
        live.publish(live.session_channel(request.session.session_key), "session_ended")


@receiver(signals.user_login_failed)
def record_failed_sign_in(credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """The address as typed, whether there is such an account or not: looking it up would take time that tells."""
    address = str(credentials.get("email") or credentials.get("username") or "")[:254].lower()
    events.record("user.login_failed", request=request, metadata={"email": address})


@receiver(account_signals.email_added)
def record_added_address(request: HttpRequest, user: Any, email_address: EmailAddress, **_kwargs: Any) -> None:
    events.record("user.email_added", actor=user, target=user, after={"email": email_address.email}, request=request)


@receiver(account_signals.email_removed)
def record_removed_address(request: HttpRequest, user: Any, email_address: EmailAddress, **_kwargs: Any) -> None:
    before = {"email": email_address.email}
    events.record("user.email_removed", actor=user, target=user, before=before, request=request)


@receiver(account_signals.email_changed)
def record_changed_address(
    request: HttpRequest,
    user: Any,
    from_email_address: EmailAddress | None,
    to_email_address: EmailAddress,
    **_kwargs: Any,
) -> None:
    """The main address is another one: whoever is signed in elsewhere has to come back by the new one."""
    before = {"email": from_email_address.email if from_email_address else None}
    after = {"email": to_email_address.email}
    events.record("user.email_changed", actor=user, target=user, before=before, after=after, request=request)
    sessions.end_others(user=user, request=request)


@receiver(social_signals.social_account_added)
def record_connected_account(request: HttpRequest, sociallogin: SocialLogin, **_kwargs: Any) -> None:
    service = {"service": sociallogin.account.provider}
    user = sociallogin.user
    events.record("user.account_connected", actor=user, target=user, after=service, request=request)
