"""allauth's views where what they change must be one transaction with its event, and end the other sessions.

accounts/auth_urls.py puts them before allauth's own, under the same names.
"""

from typing import Any

from allauth.account import views as account_views
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import GenerateRecoveryCodesView
from allauth.mfa.totp.views import ActivateTOTPView, DeactivateTOTPView
from allauth.mfa.webauthn.internal import auth as webauthn
from allauth.mfa.webauthn.views import AddWebAuthnView, EditWebAuthnView, RemoveWebAuthnView
from allauth.socialaccount.views import ConnectionsView
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse_lazy

from accounts import sessions
from saas import events
from saas.db import lock, run_atomic

HOME = reverse_lazy("accounts:security")


class ChangesSecurity:
    """A form that changes how somebody gets in: done, recorded and told in one transaction, other sessions ended."""

    request: HttpRequest
    event: str
    ends_other_sessions = True

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            response = run_atomic(self.change, form)
        except IntegrityError:  # the same form was sent in another window at this moment
            return HttpResponseRedirect(str(HOME))
        if self.ends_other_sessions:
            sessions.keep(self.request)
        return response

    def change(self, form: Any) -> HttpResponse:
        user: Any = self.request.user
        lock(user)
        told = self.told(form)
        response: HttpResponse = super().form_valid(form)  # type: ignore[misc]
        events.record(self.event, actor=user, target=user, request=self.request, **told)
        if self.ends_other_sessions:
            sessions.end_others(user=user, request=self.request)
        return response

    def told(self, form: Any) -> dict[str, Any]:  # noqa: ARG002 - for those that have some
        """What the event says of it, `before` and `after`, asked before the change."""
        return {}


class ActivateTOTP(ChangesSecurity, ActivateTOTPView):
    event = "user.authenticator_added"

    def change(self, form: Any) -> HttpResponse:
        response = super().change(form)
        form.mark_used(Authenticator.objects.get(user_id=self.request.user.pk, type=Authenticator.Type.TOTP))
        return response


class DeactivateTOTP(ChangesSecurity, DeactivateTOTPView):
    event = "user.authenticator_removed"


class GenerateRecoveryCodes(ChangesSecurity, GenerateRecoveryCodesView):
    event = "user.recovery_codes_created"


class AddPasskey(ChangesSecurity, AddWebAuthnView):
    event = "user.passkey_added"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """allauth would ask for a plain security key; a passkey is kept on the device, which checks the person."""
        found: dict[str, Any] = super().get_context_data(**kwargs)
        found["js_data"] = {"creation_options": webauthn.begin_registration(self.request.user, passwordless=True)}
        return found

    def told(self, form: Any) -> dict[str, Any]:
        return {"after": {"name": form.cleaned_data["name"]}}


class EditPasskey(ChangesSecurity, EditWebAuthnView):
    event = "user.passkey_renamed"
    ends_other_sessions = False
    success_url = HOME

    def told(self, form: Any) -> dict[str, Any]:
        return {"before": {"name": form.instance.wrap().name}, "after": {"name": form.cleaned_data["name"]}}


class RemovePasskey(ChangesSecurity, RemoveWebAuthnView):
    event = "user.passkey_removed"
    success_url = HOME

    def told(self, form: Any) -> dict[str, Any]:  # noqa: ARG002 - the form is empty
        return {"before": {"name": str(self.object)}}


class Connections(ChangesSecurity, ConnectionsView):
    """The accounts elsewhere by which one signs in.  Two are never taken away at the same time: the form asks again."""

    event = "user.account_disconnected"

    def form_valid(self, form: Any) -> HttpResponse:
        try:
            return super().form_valid(form)
        except ValidationError as problem:
            form.add_error(None, problem)
            response: HttpResponse = self.form_invalid(form)
            return response

    def change(self, form: Any) -> HttpResponse:
        user: Any = self.request.user
        lock(user)
        form.validate_again()
        return super().change(form)

    def told(self, form: Any) -> dict[str, Any]:
        return {"before": {"service": form.cleaned_data["account"].provider}}


class Emails(account_views.EmailView):
    """The person's addresses.  What allauth's signals tell is recorded by accounts/events.py, in this transaction."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user: Any = request.user
        before = user.email
        try:
            response: HttpResponse = run_atomic(super().post, request, *args, **kwargs)
        except IntegrityError:
            messages.error(request, "This address belongs to another account, so it cannot be yours here.")
            return HttpResponseRedirect(request.path)
        if user.email != before:
            sessions.keep(request)
        return response
