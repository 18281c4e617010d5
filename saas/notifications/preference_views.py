"""What a person wants to hear of, what is usual in an organization, and the link that stops a mail."""

from typing import Any

from django.contrib.auth import get_user_model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from saas import hooks
from saas.access import org_view, public, signed_in
from saas.htmx import form_again, redirect, toast
from saas.http import OrgRequest, SignedInRequest
from saas.notifications import mails
from saas.notifications.choices import UnknownKind, kind_of
from saas.notifications.forms import MatrixForm, PreferencesForm
from saas.notifications.preferences import (
    default_of,
    defaults_of,
    preference_of,
    save_defaults,
    save_preferences,
    stop_mail,
)
from saas.notifications.times import read_clock

PREFERENCES_PAGE = "notifications/preferences.html"
DEFAULTS_PAGE = "notifications/defaults.html"
UNSUBSCRIBE_PAGE = "notifications/unsubscribe.html"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: SignedInRequest) -> HttpResponse:
    form = preferences_form(request, request.POST if request.method == "POST" else None)
    if request.method != "POST":
        return render(request, PREFERENCES_PAGE, {"form": form})
    if not form.is_valid():
        return form_again(request, PREFERENCES_PAGE, {"form": form}, partial="form")
    save_preferences(
        user=request.user,
        choices=form.choices,
        muted=form.cleaned_data["muted"],
        quiet=form.quiet,
        email_digest=form.cleaned_data["email_digest"],
        request=request,
    )
    return toast(redirect(request, "notifications:preferences"), "Your choices are saved.", request=request)


def preferences_form(request: SignedInRequest, data: Any) -> PreferencesForm:
    known = preference_of(request.user)
    member_of = hooks.organizations_of(request.user.pk)
    named = sorted(hooks.organizations(member_of).values(), key=lambda org: org.name.casefold())
    usual = defaults_of(member_of)
    return PreferencesForm(
        data,
        choices=known.choices,
        standards=[usual.get(key) for key in member_of],
        organizations=named,
        initial={
            "email_digest": request.user.email_digest,
            "quiet_from": read_clock(known.quiet_from),
            "quiet_until": read_clock(known.quiet_until),
            "muted": known.muted,
        },
    )


@org_view("organization.update")
@require_http_methods(["GET", "HEAD", "POST"])
def organization_defaults(request: OrgRequest) -> HttpResponse:
    data = request.POST if request.method == "POST" else None
    form = MatrixForm(data, choices=default_of(request.org).choices, standards=[])
    trail = [
        {"label": "Settings", "url": reverse("organizations:settings", args=[request.org.slug])},
        {"label": "Notifications", "url": ""},
    ]
    if request.method != "POST":
        return render(request, DEFAULTS_PAGE, {"form": form, "breadcrumbs": trail})
    if not form.is_valid():
        return form_again(request, DEFAULTS_PAGE, {"form": form, "breadcrumbs": trail}, partial="form")
    save_defaults(org=request.org, actor=request.user, choices=form.choices, request=request)
    to = redirect(request, "org_notifications:defaults", request.org.slug)
    return toast(to, "That is usual now, for everybody who has not chosen.", request=request)


@public
@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """Stop the mail of one kind for the person of the link, who need not be signed in.

    A GET only asks, for mail scanners open links. A POST comes from that page, or from the mail client's own button
    (RFC 8058) without session and CSRF token: the link's signature stands for both, and nothing else can be done
    with it.  404 for a link that is not ours.
    """
    try:
        user_id, what = mails.read_token(token)
        name = "" if what == mails.WHOLE_DIGEST else kind_of(what).name
    except (mails.BadToken, UnknownKind) as problem:
        raise Http404("This link is damaged.") from problem
    people: Any = get_user_model()
    user = people.objects.filter(pk=user_id, is_active=True).first()
    is_done = request.method == "POST"
    if is_done and user is not None:
        stop_mail(user=user, what=what, request=request)
    return render(request, UNSUBSCRIBE_PAGE, {"kind_name": name, "is_done": is_done})
