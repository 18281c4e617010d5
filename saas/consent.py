"""Which cookies the product sets, and whether somebody has agreed to being counted.

All cookies are needed for what a visitor asks for, so none waits for consent. Consent is for analytics alone, which
sets no cookie: a signed-in person's stands in the profile, a visitor's in the cookie CHOICE.
"""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

CHOICE = "analytics"
YES, NO = "yes", "no"
ASKED_AGAIN_AFTER = 180 * 24 * 60 * 60  # seconds


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie, in words for the page that lists them."""

    name: str
    purpose: str
    lasts: str


def cookies() -> list[Cookie]:
    """Every cookie that the product may set."""
    prefix = "__Host-" if settings.IS_DEPLOYED else ""
    return [
        Cookie(settings.SESSION_COOKIE_NAME, "Keeps you signed in, and what you were about to do.", "14 days"),
        Cookie(settings.CSRF_COOKIE_NAME, "Protects forms against being sent by another site.", "1 year"),
        Cookie(f"{prefix}device", "Knows this browser again, so that we warn you only of others.", "1 year"),
        Cookie(
            settings.MFA_TRUST_COOKIE_NAME, "Skips the second step of signing in here, if you asked for it.", "30 days"
        ),
        Cookie("messages", "Carries a short message, such as “Saved.”, to the next page.", "until it is shown"),
        Cookie("theme", "Remembers light or dark, if you have chosen.", "1 year"),
        Cookie(CHOICE, "Remembers your answer about analytics, so that we do not ask again.", "180 days"),
    ]


def choice(request: HttpRequest) -> str:
    """What was answered: YES, NO, or "" by somebody who has not been asked."""
    user: Any = getattr(request, "user", None)
    if user is not None and user.is_authenticated:
        return YES if user.analytics_consent else NO
    answer = request.COOKIES.get(CHOICE, "")
    return answer if answer in (YES, NO) else ""


def allows_analytics(request: HttpRequest) -> bool:
    """Whether what this visitor does may be counted.  No answer is a no."""
    return choice(request) == YES


def remember(response: HttpResponseBase, answer: str) -> None:
    """Let this browser be asked no more for half a year."""
    response.set_cookie(
        CHOICE,
        answer,
        max_age=ASKED_AGAIN_AFTER,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
