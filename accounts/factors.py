"""The second step of signing in: an app's codes, recovery codes, passkeys. Each code works once."""

from base64 import urlsafe_b64encode
from functools import cache
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa import app_settings
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.http import HttpRequest

from accounts import devices
from saas import events
from saas.db import atomic
from saas.product import product

Type = Authenticator.Type
CODES_LOW = 3  # from here on the pages suggest to make new recovery codes


class FactorAdapter(DefaultMFAAdapter):
    """How allauth's second step works here: our names, secrets encrypted at rest, passkeys for our own host."""

    error_messages = {
        **DefaultMFAAdapter.error_messages,
        "incorrect_code": "This code is not right, or it was used before. Wait for the next one and try again.",
        "unverified_email": "Confirm your e-mail addresses first, or remove those that are not confirmed.",
        "cannot_generate_recovery_codes": "Turn on an authenticator app or add a passkey first.",
    }

    def get_totp_issuer(self) -> str:
        return product()["name"]

    def encrypt(self, text: str) -> str:
        return fernet().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return fernet().decrypt(encrypted_text.encode()).decode()

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002, ARG002
        """The device that the person holds now, which is mostly the one that keeps the passkey."""
        from allauth.core import context

        return devices.describe(context.request.headers.get("User-Agent", ""))

    def get_public_key_credential_rp_entity(self) -> dict[str, str]:
        return {"id": str(urlsplit(settings.SITE_URL).hostname), "name": product()["name"]}


@cache
def fernet() -> MultiFernet:
    """Encrypts with SECRET_KEY and reads what its fallbacks have encrypted."""
    keys: list[str] = [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(f"accounts.factors:{key}".encode()).digest())) for key in keys])


@atomic
def take_code(*, user: Any, code: str, request: HttpRequest | None = None) -> Authenticator | None:
    """The person's factor that this code belongs to, with the code used up; None for a wrong or used code."""
    for factor in Authenticator.objects.filter(user_id=user.pk, type__in=[Type.TOTP, Type.RECOVERY_CODES]):
        factor.user = user
        if factor.type == Type.TOTP and take_totp(factor, code):
            return factor
        if factor.type == Type.RECOVERY_CODES and take_recovery_code(factor, code, request):
            return factor
    return None


def take_totp(factor: Authenticator, code: str) -> bool:
    """A code counts for its half minute, once, and never after a later one."""
    counter = matching_counter(decrypt(factor.data["secret"]), code)
    if counter is None or counter <= factor.data.get("last_counter", -1):
        return False
    factor.data["last_counter"] = counter
    factor.save(update_fields=["data"])
    return True


def matching_counter(secret: str, code: str) -> int | None:
    """The half minute, counted from 1970, that a code is of; None when it is of none around now."""
    for counter in totp.yield_hotp_counters_from_time():
        if compare_user_code(actual=code, expected=totp.format_hotp_value(totp.hotp_value(secret, counter))):
            return counter
    return None


def take_recovery_code(factor: Authenticator, code: str, request: HttpRequest | None) -> bool:
    codes = RecoveryCodes(factor)
    if not codes.validate_code(code):
        return False
    left = len(codes.get_unused_codes())
    events.record(
        "user.recovery_code_used", actor=factor.user, target=factor.user, request=request, metadata={"left": left}
    )
    return True


def summary(user: Any) -> dict[str, Any]:
    """What stands on the security page: `totp`, `passkeys`, `codes_left`, `codes_total`, `has_factor`.  One read."""
    found = list(Authenticator.objects.filter(user_id=user.pk))
    codes = next((factor.wrap() for factor in found if factor.type == Type.RECOVERY_CODES), None)
    passkeys = sorted((f for f in found if f.type == Type.WEBAUTHN), key=lambda factor: factor.created_at)
    app = next((factor for factor in found if factor.type == Type.TOTP), None)
    left = len(codes.get_unused_codes()) if codes else 0
    return {
        "totp": app,
        "passkeys": passkeys,
        "has_codes": codes is not None,
        "codes_left": left,
        "codes_total": app_settings.RECOVERY_CODE_COUNT,
        "codes_low": codes is not None and left <= CODES_LOW,
        "has_factor": bool(app or passkeys),
    }
