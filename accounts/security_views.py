"""The home of everything about getting in: /account/security/, the sessions, and "this was not me"."""

from allauth.account.models import EmailAddress
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialAccount
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from accounts import factors, security, sessions
from accounts.reauthentication import confirmed_person
from saas.access import public, signed_in
from saas.htmx import redirect, toast
from saas.http import SignedInRequest

HOME = "accounts:security"


@signed_in
@require_safe
def home(request: SignedInRequest) -> HttpResponse:
    user = request.user
    context = {
        **factors.summary(user),
        "addresses": list(EmailAddress.objects.filter(user_id=user.pk).order_by("-primary", "email")),
        "accounts": list(SocialAccount.objects.filter(user_id=user.pk)),
        "offers_accounts": bool(get_adapter().list_apps(request)),
        "has_password": user.has_usable_password(),
        "places": sessions.places(user, current=request.session.session_key),
    }
    return render(request, "accounts/security.html", context)


@signed_in
@require_safe
def to_security(request: SignedInRequest) -> HttpResponse:
    return redirect(request, HOME)


# -- sessions ----------------------------------------------------------------------------------------------------------


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def session_list(request: SignedInRequest) -> HttpResponseBase:
    """Where the person is signed in; a POST ends all sessions but this one."""
    if request.method != "POST":
        context = {"places": sessions.places(request.user, current=request.session.session_key)}
        return render(request, "usersessions/usersession_list.html", context)
    return sign_out_elsewhere(request)


@confirmed_person
def sign_out_elsewhere(request: SignedInRequest) -> HttpResponse:
    sessions.end_other_sessions(user=request.user, request=request)
    sessions.keep(request)
    return toast(redirect(request, "usersessions_list"), "You are signed out everywhere else.", request=request)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed_person
def session_end(request: SignedInRequest, session_id: str) -> HttpResponse:
    """Sign out one browser; a session that is gone already is no mistake.  Who had to confirm first comes by GET."""
    if request.method != "POST":
        return redirect(request, "usersessions_list")
    current = request.session.session_key
    mine = {place.id for place in sessions.places(request.user, current=current) if place.is_current}
    if session_id in mine:
        return toast(redirect(request, "usersessions_list"), "To leave here, sign out.", request=request, level="info")
    sessions.end_session(user=request.user, session_id=session_id, request=request)
    return toast(redirect(request, "usersessions_list"), "That session has ended.", request=request)


# -- "this was not me" -------------------------------------------------------------------------------------------------


@public
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """The page of the link in a mail; its button locks the account and leads to a new password."""
    claim = security.read_claim(token)
    if claim is None:
        return render(request, "accounts/not_me.html", {"claim": None}, status=404)
    if request.method != "POST":
        return render(request, "accounts/not_me.html", {"claim": claim})
    try:
        way_back = security.lock_by(claim, request=request)
    except security.AddressTaken:
        leave(request)
        return render(request, "accounts/not_me.html", {"claim": claim, "is_taken": True})
    if way_back is None:
        return render(request, "accounts/not_me.html", {"claim": None}, status=404)
    leave(request)
    return redirect(request, way_back)


def leave(request: HttpRequest) -> None:
    """Sign out here, whoever it is: the account's sessions have just ended."""
    if request.user.is_authenticated:
        logout(request)


@public
@require_safe
def locked(request: HttpRequest) -> HttpResponse:
    """Where a sign-in to a locked account ends.  Says nothing about whose account it is."""
    return render(request, "accounts/locked.html")
