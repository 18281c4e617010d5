"""Invitations as the invited person sees them: what waits, where it leads, yes or no."""

from contextlib import suppress
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.account.models import EmailAddress
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from organizations import links, roles, services
from organizations.models import Invitation, Membership
from organizations.services import Standing
from saas.access import is_signed_in, public, signed_in
from saas.errors import Problem
from saas.htmx import redirect, toast
from saas.http import SignedInRequest, get_or_404

PAGE = "organizations/invitation_detail.html"


# -- by a link: /invitations/<token>/, or /invitations/current/ for what the session remembers -------------------------


@public
@never_cache
@require_safe
def invitation_detail(request: HttpRequest, token: str) -> HttpResponse:
    """Say the truth about the invitation and show the way on.  Uses nothing up, however often it is opened."""
    opened = links.find_by(request, token)
    if opened is None:
        return unknown(request)
    screen = screen_of(request, opened)
    if screen == "member" and token == links.CURRENT:
        links.forget(request)
        return redirect(request, opened.invitation.organization.get_absolute_url())
    return show(request, opened, token, screen)


@public
@require_POST
def invitation_enter(request: HttpRequest, token: str) -> HttpResponse:
    """Go to sign-up or sign-in, and come back; whoever is signed in with another account is signed out."""
    opened = links.find_by(request, token)
    if opened is None:
        return unknown(request)
    if is_signed_in(request.user):
        get_adapter(request).logout(request)
    links.remember(request, opened)
    name = "account_signup" if request.POST.get("way") == "signup" else "account_login"
    query = {
        REDIRECT_FIELD_NAME: reverse("invitations:invitation_detail", args=[links.CURRENT]),
        "email": opened.invitation.email,
    }
    return redirect(request, f"{reverse(name)}?{urlencode(query)}")


@public
@require_POST
def invitation_join(request: SignedInRequest, token: str) -> HttpResponse:
    """Yes, by a link.  With the mailed one also by an account with another address.

    Somebody whose session has ended comes back to the page: a sign-in would keep the token in its address.
    """
    opened = links.find_by(request, token)
    if opened is None:
        return unknown(request)
    if not is_signed_in(request.user):
        return redirect(request, "invitations:invitation_detail", token)
    try:
        services.accept_invitation(
            invitation=opened.invitation, actor=request.user, is_mailed=opened.is_mailed, request=request
        )
    except Problem as problem:
        return show(request, opened, token, screen_of(request, opened), problem=str(problem))
    return welcome(request, opened.invitation)


@public
@require_POST
def invitation_refuse(request: HttpRequest, token: str) -> HttpResponse:
    """No, by a link.  The mailed one needs no account."""
    opened = links.find_by(request, token)
    if opened is None:
        return unknown(request)
    actor = request.user if is_signed_in(request.user) else None
    is_mine = actor is not None and opened.invitation.email in links.addresses_of(actor)
    if opened.is_mailed or is_mine:
        with suppress(services.InvitationUnusable):  # the screen says what it is instead
            services.decline_invitation(invitation=opened.invitation, actor=actor, request=request)
    links.forget(request)
    fresh = links.Opened(Invitation.objects.get(pk=opened.invitation.pk), opened.is_mailed)
    return show(request, fresh, token, screen_of(request, fresh))


# -- from the list of one's organizations ------------------------------------------------------------------------------


@signed_in
@require_POST
def invitation_accept(request: SignedInRequest, invitation_id: str) -> HttpResponse:
    invitation = find_mine(request, invitation_id)
    try:
        services.accept_invitation(invitation=invitation, actor=request.user, request=request)
    except Problem as problem:
        return toast(redirect(request, "organizations:organization_list"), str(problem), level="error", request=request)
    return welcome(request, invitation)


@signed_in
@require_POST
def invitation_decline(request: SignedInRequest, invitation_id: str) -> HttpResponse:
    invitation = find_mine(request, invitation_id)
    try:
        services.decline_invitation(invitation=invitation, actor=request.user, request=request)
    except Problem as problem:
        return toast(redirect(request, "organizations:organization_list"), str(problem), level="error", request=request)
    words = "You have declined the invitation."
    return toast(redirect(request, "organizations:organization_list"), words, level="info", request=request)


# -- the parts ---------------------------------------------------------------------------------------------------------


def find_mine(request: SignedInRequest, invitation_id: str) -> Invitation:
    """Raises Http404."""
    mine = Invitation.objects.filter(invitee_identifier__in=links.addresses_of(request.user))
    found: Invitation = get_or_404(mine, pk=invitation_id)
    return found


def screen_of(request: HttpRequest, opened: links.Opened) -> str:
    """Which of the screens of the page is the true one.

    member, suspended: the visitor belongs to the organization.  open: can join now.  other_address: is signed in with
    another account.  new, known, anybody: is signed out, and the address has no account, has one, or that is not
    said.  Else what stands in the way, a Standing.
    """
    invitation, user = opened.invitation, request.user
    if is_signed_in(user):
        membership = Membership.objects.filter(organization_id=invitation.organization_id, user_id=user.pk).first()
        if membership and invitation.organization.is_active:
            return "suspended" if membership.suspended_at else "member"
    why = services.standing(invitation)
    if why != Standing.OPEN:
        return why.value
    if is_signed_in(user):
        return "open" if invitation.email in links.addresses_of(user) else "other_address"
    if not opened.is_mailed:
        return "anybody"
    return "known" if EmailAddress.objects.filter(email=invitation.email).exists() else "new"


def show(request: HttpRequest, opened: links.Opened, token: str, screen: str, problem: str = "") -> HttpResponse:
    """The page; 409 with the `problem` that kept the visitor from joining."""
    invitation = opened.invitation
    context: dict[str, Any] = {
        "invitation": invitation,
        "organization": invitation.organization,
        "inviter": invitation.invited_by,
        "role": roles.title_of(invitation.role),
        "is_mailed": opened.is_mailed,
        "token": token,
        "screen": screen,
        "problem": problem,
    }
    return render(request, PAGE, context, status=409 if problem else 200)


def unknown(request: HttpRequest) -> HttpResponse:
    """A link that is wrong, or was replaced by a newer one."""
    return render(request, PAGE, {"screen": "unknown"}, status=404)


def welcome(request: SignedInRequest, invitation: Invitation) -> HttpResponse:
    links.forget(request)
    to_dashboard = redirect(request, invitation.organization.get_absolute_url())
    return toast(to_dashboard, f"Welcome to {invitation.organization.name}.", request=request)
