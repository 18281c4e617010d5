"""Signing in by an account elsewhere. Which services there are is a matter of settings alone."""

from typing import Any

from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.models import Authenticator
from allauth.socialaccount import forms
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter, _build_apps_from_settings
from allauth.socialaccount.internal.flows.connect import connect, validate_disconnect
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialLogin
from allauth.socialaccount.providers.base import AuthProcess
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from saas import events
from saas.db import atomic


class SocialAccountAdapter(DefaultSocialAccountAdapter):
    error_messages = {
        **DefaultSocialAccountAdapter.error_messages,
        "email_taken": "There is an account with this address already. Sign in to it, then connect your %s account.",
        "no_password": "This is your last way in. Set a password or add a passkey first, then disconnect it.",
        "no_verified_email": "This is your last way in. Confirm an e-mail address first, then disconnect it.",
        "connected_other": "This account is connected to another person here.",
    }

    def list_apps(
        self,
        request: HttpRequest | None,  # noqa: ARG002 - allauth's signature
        provider: str | None = None,
        client_id: str | None = None,
    ) -> list[SocialApp]:
        """The services of the settings.  No read: the sign-in page asks at every visit."""
        found = _build_apps_from_settings(provider=provider, client_id=client_id)
        return [app for apps in found.values() for app in apps]

    @atomic
    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: Any = None) -> Any:
        """A new person who came by an account elsewhere, with the event."""
        user = super().save_user(request, sociallogin, form=form)
        after = {"email": user.email, "service": sociallogin.account.provider}
        events.record("user.created", actor=user, target=user, after=after, request=request)
        return user

    def pre_social_login(self, request: HttpRequest, sociallogin: SocialLogin) -> None:
        """Connect an account to the person who is signed in, and record it, in one transaction.

        Raises ImmediateHttpResponse with the answer.
        """
        if sociallogin.state.get("process") == AuthProcess.CONNECT:
            with atomic():  # not repeated: allauth's object keeps what the first try has saved
                answer = connect(request, sociallogin)
            raise ImmediateHttpResponse(answer)

    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> Any:
        user = super().populate_user(request, sociallogin, data)
        parts = (data.get("first_name"), data.get("last_name"))
        user.name = (data.get("name") or " ".join(filter(None, parts)))[:120]
        user.email = user.email.lower()
        return user


class SignupForm(forms.SignupForm):
    """Asked when a service does not tell an address."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "Email"


class DisconnectForm(forms.DisconnectForm):
    def clean(self) -> dict[str, Any]:
        """The last way in stays: another account elsewhere, or a passkey, or a password with a confirmed address."""
        cleaned: dict[str, Any] = super(forms.DisconnectForm, self).clean() or {}
        if account := cleaned.get("account"):
            self.check(account)
        return cleaned

    def check(self, account: SocialAccount) -> None:
        """Raises ValidationError."""
        passkeys = Authenticator.objects.filter(user_id=account.user_id, type=Authenticator.Type.WEBAUTHN)
        confirmed = EmailAddress.objects.filter(user_id=account.user_id, verified=True)
        if not (passkeys.exists() and confirmed.exists()):
            validate_disconnect(self.request, account)

    def validate_again(self) -> None:
        """Inside the transaction that disconnects.  Raises ValidationError, also for one that is gone meanwhile."""
        account = self.cleaned_data["account"]
        if not SocialAccount.objects.filter(pk=account.pk).exists():
            raise ValidationError("This account is disconnected already.")
        self.check(account)
