"""What a request owes to the person: her language, zone and theme, and that getting started comes first."""

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils import timezone, translation

from accounts import sessions
from accounts.models import User
from saas.htmx import redirect

GetResponse = Callable[[HttpRequest], HttpResponseBase]
THEME_COOKIE = "theme"

#: Where somebody who has not finished getting started may go all the same: beginning of the path → why.
EXEMPT = {
    "/onboarding/": "getting started itself",
    "/accounts/": "signing in and out, confirming an address, coming back from another service",
    "/o/invitations/": "answering an invitation",
    "/invitations/": "opening an invitation from its mail",
    "/account/theme/": "the switch stands on the pages of getting started",
    "/account/not-me/": "whoever reads such a mail may be in a hurry",
    "/account/locked/": "says why signing in did not work",
    "/account/delete/": "leaving needs no getting started",
    "/account/deleted/": "says that it is done",
    "/account/keep/": "the way back to a closed account",
    "/notifications/unsubscribe/": "the link of a mail stops it at once",
    "/api/": "a program cannot follow a redirect to a form",
    "/webhooks/": "other services call",
    "/stripe/": "other services call",
    "/stream/": "live parts of a page",
    "/static/": "styles and scripts of every page",
    "/media/": "pictures of every page",
    "/healthz": "probes",
    "/readyz": "probes",
    "/admin/": "staff may have no organization",
    "/sandbox/": "the simulated world is no part of the product",
    "/styleguide/": "shows components, with nobody's data",
    "/terms/": "to be read before agreeing",
    "/privacy/": "to be read before agreeing",
    "/cookies/": "to be read before agreeing",
    "/robots.txt": "for search engines",
}


class PreferencesMiddleware:
    """Activates the person's language and time zone, and puts the theme on the request."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user: Any = request.user
        if user.is_authenticated:
            theme, locale, zone = user.theme, user.locale, user.time_zone
        else:
            theme = known_theme(request.COOKIES.get(THEME_COOKIE, ""))
            locale, zone = translation.get_language_from_request(request), settings.TIME_ZONE
        vars(request)["theme"] = theme
        with translation.override(known_locale(locale)), timezone.override(known_zone(zone)):
            return self.get_response(request)


def known_theme(theme: str) -> str:
    return theme if theme in User.Theme.values else User.Theme.SYSTEM.value


def known_locale(locale: str) -> str:
    return locale if locale in dict(settings.LANGUAGES) else settings.LANGUAGE_CODE


def known_zone(name: str) -> ZoneInfo:
    """The zone, or UTC for one that this machine does not know (any more)."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


class ActivityMiddleware:
    """Ends a session that is too old, and notes when one was last in use, for the list of sessions."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated and sessions.is_over(request):
            logout(request)
        elif request.user.is_authenticated:
            sessions.note_activity(request)
        return self.get_response(request)


class OnboardingMiddleware:
    """Leads a signed-in person who has not finished getting started to it, from everywhere but EXEMPT.  No read."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if is_exempt(request.path) or not is_unfinished(request.user):
            return self.get_response(request)
        return redirect(request, reverse("accounts:onboarding"))


def is_exempt(path: str) -> bool:
    return path.startswith(tuple(EXEMPT))


def is_unfinished(user: object) -> bool:
    return bool(getattr(user, "is_authenticated", False)) and getattr(user, "onboarded_at", None) is None
