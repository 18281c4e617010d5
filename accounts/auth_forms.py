"""allauth's forms where what they write must happen once, or not at all."""

from datetime import timedelta
from typing import Any

from allauth.account import forms
from allauth.account.adapter import get_adapter
from allauth.account.internal.stagekit import LOGIN_SESSION_KEY
from allauth.account.models import EmailAddress
from allauth.core import context, ratelimit
from allauth.core.exceptions import ImmediateHttpResponse
from django.contrib import messages
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from accounts import deletion, services
from accounts.adapter import CONFIRMATION_SENT
from accounts.once import use_once
from saas import events
from saas.db import atomic

CODE_LIVES = timedelta(hours=1)
#: Django lists each rule; whoever breaks one is told which.
GOOD_ENOUGH = "At least 10 characters, and nothing that is easy to guess."


class LoginForm(forms.LoginForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"].label = "Email"


class AddEmailForm(forms.AddEmailForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "Email"


def may_be_mailed(user: Any, email: str) -> bool:
    """Whether a way in may go to this address: not to one more that nobody has confirmed, which may be a slip."""
    email = email.strip().lower()
    return user.email == email or EmailAddress.objects.filter(user_id=user.pk, email=email, verified=True).exists()


class RequestLoginCodeForm(forms.RequestLoginCodeForm):
    _user: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].label = "Email"

    def clean_email(self) -> str:
        """Who has closed the account comes back by a code, too."""
        email = str(super().clean_email())
        found: Any = deletion.closed_person(email) or self._user
        self._user = found if found and may_be_mailed(found, email) else None
        return email


class ConfirmLoginCodeForm(forms.ConfirmLoginCodeForm):
    """The code lets in once, also when it is sent several times at one moment; a wrong one is recorded."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = "Code"
        self.fields["code"].widget.attrs.update({"class": "input-code", "autofocus": True, "spellcheck": "false"})

    def clean_code(self) -> str:
        try:
            return self.use_code()
        except ValidationError:
            events.record("user.login_failed", request=context.request, metadata={"method": "code"})
            raise

    def use_code(self) -> str:
        code = str(super().clean_code())
        login = context.request.session.get(LOGIN_SESSION_KEY)
        of_this_sign_in = f"{context.request.session.session_key}:{login and login.get('initiated_at')}:{code.upper()}"
        if not use_once("login_code", of_this_sign_in, keeps=CODE_LIVES):
            raise get_adapter().validation_error("incorrect_code")
        return code


class SignupForm(forms.SignupForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password1"].help_text = GOOD_ENOUGH

    def try_save(self, request: HttpRequest) -> tuple[Any, HttpResponse | None]:
        """The new person, or the answer to somebody who has an account: both look the same and take the same time."""
        if self.account_already_exists:
            make_password(self.cleaned_data.get("password1"))
            return super().try_save(request)
        email = self.cleaned_data["email"]
        # The first of several at once takes the right to send a mail; a later one would write "you have an account".
        ratelimit.consume(request, action="confirm_email", key=email)
        try:
            user = self.create_account(request)
        except IntegrityError:
            say_confirmation_sent(request, email)
            return None, get_adapter(request).respond_email_verification_sent(request, None)
        if not get_adapter(request).is_email_verified(request, email):
            vars(request)[CONFIRMATION_SENT] = True
            say_confirmation_sent(request, email)
        return user, None

    @atomic
    def create_account(self, request: HttpRequest) -> Any:
        """The person, the address, the event and the mail.  Raises IntegrityError when somebody was faster."""
        user = self.save(request)
        events.record("user.created", actor=user, target=user, after={"email": user.email}, request=request)
        address = EmailAddress.objects.get_for_user(user, user.email)
        if not address.verified:
            address.send_confirmation(request, signup=True)
        return user


def say_confirmation_sent(request: HttpRequest, email: str) -> None:
    words = {"email": email, "login": False, "signup": True}
    template = "account/messages/email_confirmation_sent.txt"
    get_adapter(request).add_message(request, messages.INFO, template, words)


class ChangePasswordForm(forms.ChangePasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]  # what was typed can be shown
        self.fields["oldpassword"].label = "Present password"
        self.fields["password1"].label = "New password"
        self.fields["password1"].help_text = GOOD_ENOUGH

    def save(self) -> None:
        replace_password(self.user, self.cleaned_data["password1"], "user.password_changed")


class SetPasswordForm(forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        self.fields["password1"].label = "New password"
        self.fields["password1"].help_text = GOOD_ENOUGH

    def save(self) -> None:
        replace_password(self.user, self.cleaned_data["password1"], "user.password_changed")


class ResetPasswordForm(forms.ResetPasswordForm):
    users: list[Any]

    def clean_email(self) -> str:
        """Who has closed the account and forgotten the password may choose another one."""
        email = str(super().clean_email())
        self.users = [user for user in self.users if may_be_mailed(user, email)]
        if closed := deletion.closed_person(email):
            self.users = [closed]
        return email


class ResetPasswordKeyForm(forms.ResetPasswordKeyForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["password2"]
        self.fields["password1"].label = "New password"
        self.fields["password1"].help_text = GOOD_ENOUGH

    def save(self) -> None:
        replace_password(self.user, self.cleaned_data["password1"], "user.password_reset")


def replace_password(user: Any, password: str, event: str) -> None:
    """Raises ImmediateHttpResponse, which leads back to the page, when the password was changed meanwhile."""
    request = context.request
    try:
        services.set_password(user=user, password=password, event=event, request=request)
    except services.PasswordChangedMeanwhile as problem:
        messages.error(request, str(problem))
        raise ImmediateHttpResponse(HttpResponseRedirect(request.path)) from problem
