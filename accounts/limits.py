"""How often one may try to get in: the limits of allauth's routes, in one table.

Each try counts for the address that it comes from, for the account from that address, and for the account from
anywhere. The account is what was typed, whether there is one or not, so a refusal tells nothing. One address alone
cannot lock an account for everybody: its own limit is reached first, and what it refuses is not counted further.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.signals import password_reset
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

from saas.db import on_commit
from saas.http import address_bucket, client_ip
from saas.ratelimit import Rule

POST = ("POST",)
#: The fields of allauth's forms in which somebody says who they are.
ADDRESS_FIELDS = ("login", "email")


def typed_account(request: HttpRequest) -> str | None:
    """The account that a form names, as a keyed hash; None for a form that names none."""
    typed = next(filter(None, (request.POST.get(name, "") for name in ADDRESS_FIELDS)), "")
    return account_key(typed) if typed.strip() else None


def typed_account_here(request: HttpRequest) -> str | None:
    account = typed_account(request)
    return account and here(request, account)


def pending_account(request: HttpRequest) -> str | None:
    """The account of a sign-in that waits for its code or second factor; None when there is none.

    An unknown address that asked for a code waits like a known one.
    """
    login: Any = request.session.get(LOGIN_SESSION_KEY)
    if not isinstance(login, dict):
        return None
    who = login.get("user_pk") or login.get("email")
    return account_key(str(who)) if who else None


def pending_account_here(request: HttpRequest) -> str | None:
    account = pending_account(request)
    return account and here(request, account)


def account_key(name: str) -> str:
    """An e-mail address as the counters know it: they need not hold whom somebody tried to be."""
    return salted_hmac("accounts.limits", name.strip().lower(), algorithm="sha256").hexdigest()[:32]


def here(request: HttpRequest, account: str) -> str:
    return f"{account}@{address_bucket(client_ip(request))}"


def closed(limit: str, name: str, by: Any) -> Rule:
    """A limit without which nobody gets in: while its store is away the route answers 503."""
    return Rule(limit, name, by, on_store_down="closed", methods=POST)


SIGN_IN_HERE = closed("5/5 minute", "sign_in_account_here", typed_account_here)
CODE = [
    closed("30/minute", "code_address", "address"),
    closed("10/15 minute", "code_account_here", pending_account_here),
    closed("50/hour", "code_account", pending_account),
]
CHANGE_BY_USER = closed("10/5 minute", "security_user", "user")

ELSEWHERE = closed("30/minute", "elsewhere_address", "address")

#: URL name -> its limits, the first counted first.  Only what is sent counts, not looking at a form.
LIMITS: Mapping[str, Sequence[Rule]] = {
    "account_login": [
        closed("30/minute", "sign_in_address", "address"),
        SIGN_IN_HERE,
        closed("100/hour", "sign_in_account", typed_account),
    ],
    "account_signup": [
        closed("20/minute", "sign_up_address", "address"),
        closed("10/hour", "sign_up_account", typed_account),
    ],
    "account_reset_password": [
        closed("20/minute", "reset_address", "address"),
        closed("5/15 minute", "reset_account", typed_account),
    ],
    "account_reset_password_from_key": [closed("20/minute", "reset_link_address", "address")],
    "account_confirm_email": [closed("20/minute", "confirm_address", "address")],
    "account_request_login_code": [
        closed("20/minute", "code_request_address", "address"),
        closed("5/15 minute", "code_request_account", typed_account),
    ],
    "account_confirm_login_code": CODE,
    "account_reauthenticate": [CHANGE_BY_USER],
    "account_change_password": [CHANGE_BY_USER],
    "account_set_password": [CHANGE_BY_USER],
    "account_email": [closed("10/5 minute", "email_user", "user")],
    "mfa_authenticate": CODE,
    "mfa_reauthenticate": [CHANGE_BY_USER],
    "mfa_reauthenticate_webauthn": [CHANGE_BY_USER],
    "mfa_login_webauthn": [closed("30/minute", "passkey_address", "address")],
    "mfa_activate_totp": [CHANGE_BY_USER],
    "accounts:keep": [closed("20/minute", "keep_address", "address")],
    "accounts:not_me": [closed("20/minute", "not_me_address", "address")],
    "socialaccount_signup": [
        closed("20/minute", "sign_up_address", "address"),
        closed("10/hour", "sign_up_account", typed_account),
    ],
    **{f"{service}_login": [ELSEWHERE] for service in (*settings.SIGN_IN_SERVICES, "openid_connect")},
    "account_signup_by_passkey": [
        closed("20/minute", "sign_up_address", "address"),
        closed("10/hour", "sign_up_account", typed_account),
    ],
}


@receiver([user_logged_in, password_reset])
def forget_failed_tries(request: HttpRequest | None, user: Any, **_kwargs: Any) -> None:
    """Whoever got in has proved who they are: the tries from this address do not count against the next time."""
    if request is not None:
        key = here(request, account_key(user.email))
        on_commit(lambda: SIGN_IN_HERE.forget(key))
