"""The pages on which a person deletes the account, and comes back to it."""

from typing import Any

from allauth.account.adapter import get_adapter
from django import forms
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import deletion, returning
from accounts.reauthentication import confirmed_person
from saas.access import public, signed_in
from saas.errors import Problem
from saas.htmx import form_again, redirect, toast
from saas.http import SignedInRequest

PAGE = "accounts/delete.html"
DAYS = deletion.KEPT_FOR.days


class DeleteForm(forms.Form):
    """The person's address, typed by hand."""

    confirmation = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"})
    )

    def __init__(self, *args: Any, email: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email
        field = self.fields["confirmation"]
        field.label = f"Type “{email}” to confirm"
        field.error_messages["required"] = f"Type “{email}”, so that nothing is deleted by mistake."

    def clean_confirmation(self) -> str:
        typed: str = self.cleaned_data["confirmation"].strip().lower()
        if typed != self.email:
            raise forms.ValidationError(f"This is not your address. Type “{self.email}”.")
        return typed


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed_person
def account_delete(request: SignedInRequest) -> HttpResponse:
    """What goes and what stays; what must be settled first; and the button."""
    form = DeleteForm(request.POST if request.method == "POST" else None, email=request.user.email)
    if request.method == "POST" and form.is_valid():
        try:
            deletion.request_deletion(user=request.user, request=request)
        except Problem:
            return redirect(request, "accounts:delete")  # which lists what is in the way
        logout(request)
        return redirect(request, "accounts:deleted")
    context = {"form": form, "blockers": deletion.blockers(request.user), "days": DAYS}
    return form_again(request, PAGE, context, partial="form") if form.errors else render(request, PAGE, context)


@public
@require_safe
def account_deleted(request: HttpRequest) -> HttpResponse:
    """Where somebody stands who has just closed the account.  Says nothing about whose it was."""
    return render(request, "accounts/deleted.html", {"days": DAYS})


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def account_keep(request: HttpRequest) -> HttpResponse:
    """Where a sign-in to a closed account ends: the way back, for who has just proved to be its owner."""
    user = returning.person(request)
    if user is None:
        return redirect(request, "account_login")
    if request.method != "POST":
        return render(request, "accounts/keep.html", {"person": user})
    try:
        user = deletion.cancel_deletion(user=user, request=request)
    except Problem as problem:
        return toast(redirect(request, "account_login"), str(problem), level="error", request=request)
    returning.forget(request)
    get_adapter().login(request, user)
    return toast(
        redirect(request, get_adapter().get_login_redirect_url(request)), "Your account is back.", request=request
    )
