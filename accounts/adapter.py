"""How allauth works here: addresses lower-cased, mail by our templates and queue, links to our own host."""

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest
from django.shortcuts import resolve_url
from django.urls import reverse

from accounts import services
from saas import emails, hooks
from saas.http import client_ip

#: On the request of a sign-up whose mail was queued with the account, so that signing in does not send another one.
CONFIRMATION_SENT = "confirmation_sent"


class AccountAdapter(DefaultAccountAdapter):
    def clean_email(self, email: str) -> str:
        return str(super().clean_email(email.strip().lower()))

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request) or "unknown"

    def should_send_confirmation_mail(self, request: HttpRequest, *_args: Any, **_kwargs: Any) -> bool:
        return CONFIRMATION_SENT not in vars(request)

    def is_email_verified(self, request: HttpRequest, email: str) -> bool:
        """Whether a new person's address needs no confirming mail, as when an invitation came to it."""
        return any(proves(request, email.lower()) for proves in hooks.address_proof)

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
        if request.user.is_authenticated and request.user.onboarded_at is None:
            return reverse("accounts:onboarding")
        return resolve_url(settings.LOGIN_REDIRECT_URL)

    def get_signup_redirect_url(self, request: HttpRequest) -> str:
        return self.get_login_redirect_url(request)

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:  # noqa: ARG002 - allauth's signature
        return reverse("accounts:profile")

    # -- mail ----------------------------------------------------------------------------------------------------------

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Send allauth's mail `account/email/<name>` by our template `emails/<name>`."""
        person = context.get("user")
        emails.send(to=email, template=template_prefix.rpartition("/")[2], context=context, user=person)

    def get_email_confirmation_url(self, request: HttpRequest, emailconfirmation: Any) -> str:  # noqa: ARG002
        return absolute(reverse("account_confirm_email", args=[emailconfirmation.key]))

    def get_reset_password_from_key_url(self, key: str) -> str:
        uid, _, token = key.partition("-")
        return absolute(reverse("account_reset_password_from_key", kwargs={"uidb36": uid, "key": token}))


def absolute(path: str) -> str:
    """A link for a mail: to the configured host, whatever the request's Host header says."""
    return f"{settings.SITE_URL}{path}"
