"""allauth's forms of the second step, with our words, and with codes that work once however many come at a time."""

from datetime import timedelta
from typing import Any

from allauth.core import context
from allauth.mfa.adapter import get_adapter
from allauth.mfa.base import forms as base
from allauth.mfa.models import Authenticator
from allauth.mfa.totp import forms as totp_forms
from allauth.mfa.webauthn import forms as webauthn
from allauth.mfa.webauthn.internal.auth import get_state
from django import forms

from accounts import factors
from accounts.once import use_once
from saas import events

CODE_FIELD = {
    "inputmode": "numeric",
    "autocomplete": "one-time-code",
    "autofocus": True,
    "class": "input-code",
    "spellcheck": "false",
}
CHALLENGE_LIVES = timedelta(minutes=30)


def code_field(label: str, help_text: str = "") -> forms.CharField:
    return forms.CharField(label=label, max_length=20, help_text=help_text, widget=forms.TextInput(attrs=CODE_FIELD))


class TakesCode(base.BaseAuthenticateForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"] = code_field("Code", "From your authenticator app, or one of your recovery codes.")

    def clean_code(self) -> str:
        code = str(self.cleaned_data["code"])
        factor = factors.take_code(user=self.user, code=code, request=context.request)
        if factor is None:
            events.record("user.second_step_failed", target=self.user, request=context.request)
            raise get_adapter().validation_error("incorrect_code")
        self.authenticator = factor
        return code


class AuthenticateForm(TakesCode, base.AuthenticateForm):
    pass


class ReauthenticateForm(TakesCode, base.ReauthenticateForm):
    pass


class ActivateTOTPForm(totp_forms.ActivateTOTPForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"] = code_field("Code from the app", "Six digits that change every half minute.")

    def mark_used(self, factor: Authenticator) -> None:
        """The code that switched the app on does not sign anybody in as well."""
        factors.take_totp(factor, self.cleaned_data["code"])


class AddPasskeyForm(webauthn._BaseAddWebAuthnForm):  # noqa: SLF001 - the public one asks whether it is a passkey
    name = forms.CharField(
        label="Name of the passkey",
        max_length=60,
        required=False,
        help_text="So that you know it again: the device or password manager that keeps it.",
    )


class EditPasskeyForm(webauthn.EditWebAuthnForm):
    name = forms.CharField(label="Name of the passkey", max_length=60)


class UsesChallengeOnce:
    """The answer to one challenge lets in once; a wrong one is recorded.  Without `user` it begins a sign-in."""

    user: Any

    def clean_credential(self) -> Authenticator:
        try:
            return self.use_challenge()
        except forms.ValidationError:
            name = "user.second_step_failed" if self.user else "user.login_failed"
            events.record(name, target=self.user, request=context.request, metadata={"method": "passkey"})
            raise

    def use_challenge(self) -> Authenticator:
        challenge = str((get_state() or {}).get("challenge", ""))
        factor: Authenticator = super().clean_credential()  # type: ignore[misc]
        if not use_once("passkey_challenge", challenge, keeps=CHALLENGE_LIVES):
            raise get_adapter().validation_error("incorrect_code")
        return factor


class AuthenticatePasskeyForm(UsesChallengeOnce, webauthn.AuthenticateWebAuthnForm):
    pass


class ReauthenticatePasskeyForm(UsesChallengeOnce, webauthn.ReauthenticateWebAuthnForm):
    pass


class LoginPasskeyForm(UsesChallengeOnce, webauthn.LoginWebAuthnForm):
    pass
