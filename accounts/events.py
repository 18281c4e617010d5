"""What the libraries do with a person, as events of ours: their signals are the only seam there is."""

from typing import Any

from allauth.account.authentication import get_authentication_records
from django.contrib.auth import signals
from django.dispatch import receiver
from django.http import HttpRequest

from saas import events, live


@receiver(signals.user_logged_in)
def record_sign_in(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    records = get_authentication_records(request, user)
    method = records[-1]["method"] if records else None
    events.record("user.logged_in", actor=user, target=user, request=request, metadata={"method": method})


@receiver(signals.user_logged_out)
def record_sign_out(request: HttpRequest, user: Any, **_kwargs: Any) -> None:
    if user is None:
        return
    events.record("user.logged_out", actor=user, target=user, request=request)
    live.publish(live.session_channel(request.session.session_key), "session_ended")


@receiver(signals.user_login_failed)
def record_failed_sign_in(credentials: dict[str, Any], request: HttpRequest | None = None, **_kwargs: Any) -> None:
    """The address as typed, whether there is such an account or not: looking it up would take time that tells."""
    address = str(credentials.get("email") or credentials.get("username") or "")[:254].lower()
    events.record("user.login_failed", request=request, metadata={"email": address})
