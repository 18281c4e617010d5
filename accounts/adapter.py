"""How allauth works here: addresses lower-cased, mail by our templates and queue, links to our own host."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse

from accounts import deletion, devices, returning, security, services
from accounts.models import User
from saas import emails, events, hooks
from saas.http import client_ip

#: On the request of a sign-up whose mail was queued with the account, so that signing in does not send another one.
CONFIRMATION_SENT = "confirmation_sent"
#: On the request of a sign-in: whether the person has never signed in before.
FIRST_SIGN_IN = "first_sign_in"


class AccountAdapter(DefaultAccountAdapter):
    error_messages = {
        **DefaultAccountAdapter.error_messages,
        "account_inactive": "This account is closed.",
        "email_password_mismatch": "The address and the password do not belong together. Check both and try again.",
        "enter_current_password": "This is not your present password.",
        "incorrect_password": "This is not your password.",
        "incorrect_code": "This code is not right, or it was used before. Check it, or ask for a new one.",
        "invalid_login": "Check what you have entered and try again.",
        "invalid_password_reset": "This link no longer works.",
        "duplicate_email": "This address is yours already.",
        "max_email_addresses": "You have %d addresses, which is as many as there can be. Remove one first.",
        "cannot_remove_primary_email": "This is your main address. Make another one the main one first.",
        "too_many_login_attempts": "That was too often. Wait a moment and ask for a new code.",
        "rate_limited": "That was too often. Wait a moment and try again.",
        "same_as_current": "This is what you have already.",
        "select_only_one": "Choose one of them.",
    }

    def clean_email(self, email: str) -> str:
        """Raises ValidationError, also for letters that only look like those of an address, as a dotted capital I."""
        name = email.strip().lower()
        if not name.rpartition("@")[0].isascii():
            raise ValidationError(EmailValidator.message)
        return str(super().clean_email(name))

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request) or "unknown"

    def should_send_confirmation_mail(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> bool:
        return CONFIRMATION_SENT not in vars(request)

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Whether a new person's address needs no confirming mail, as when an invitation came to it."""
        return any(proves(request, email.lower()) for proves in hooks.address_proof)

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponseBase | None:
        """Let the owner of a closed account, which allauth would turn away, go on to the second step and to `login`."""
        if deletion.may_return(user):
            return None
        response: HttpResponseBase | None = super().pre_login(request, user, **kwargs)
        return response

    def login(self, request: HttpRequest, user: Any) -> None:
        """All is proved.  Raises ImmediateHttpResponse, which leads elsewhere, when the account is locked or closed."""
        stored = User.objects.get(pk=user.pk)
        if stored.locked_at:
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("accounts:locked")))
        if not stored.is_active:
            returning.remember(request, stored)
            raise ImmediateHttpResponse(HttpResponseRedirect(reverse("accounts:keep")))
        vars(request)[FIRST_SIGN_IN] = user.last_login is None
        super().login(request, user)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponseBase:
        """Remember this browser, and tell the person when it is a new one."""
        response: HttpResponseBase = super().post_login(request, user, **kwargs)
        if str(user.pk) not in devices.people(request) and not vars(request)[FIRST_SIGN_IN]:
            events.record("user.new_device", actor=user, target=user, request=request)
            self.send_notification_mail("account/email/new_sign_in", user)
        devices.remember(request, response, user)
        return response

    def confirm_email(self, request: HttpRequest, email_address: EmailAddress) -> bool:
        """Confirm an address once, however often the link is sent at the same time."""
        try:
            if not services.mark_confirmed(address=email_address, request=request):
                return False
        except IntegrityError:
            words = {"email": email_address.email}
            self.add_message(request, messages.ERROR, "account/messages/email_confirmation_failed.txt", words)
            return False
        return bool(super().confirm_email(request, email_address))

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        user: Any = request.user
        if user.is_authenticated and user.onboarded_at is None:
            return reverse("accounts:onboarding")
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002 - allauth's signature
        return reverse("accounts:security")

    # -- mail ----------------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send allauth's mail `account/email/<name>` by our template `emails/<name>`."""
        person = context.get("user")
        emails.send(to=email, template=template_prefix.rpartition("/")[2], context=context, user=person)

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell a person of a change of her ways in, with a link for "this was not me"."""
        context = context or {}
        address = email or user.email
        link = security.not_me_url(user, mail=template_prefix.rpartition("/")[2], address=address)
        agent = self.get_http_user_agent(self.request)
        words = {"user": user, "not_me_url": link, "device": devices.describe(agent), **context}
        super().send_notification_mail(template_prefix, user, words, email=address)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:  # noqa: ARG002
        return absolute(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return absolute(reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token}))


def absolute(path: str) -> str:
    """A link for a mail: to the configured host, whatever the request's Host header says."""
    return f"{settings.SITE_URL}{path}"
