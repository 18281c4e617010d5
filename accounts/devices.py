"""Browsers: what one calls itself, in words for a person, and whether somebody has signed in with it before."""

import re
from typing import Any

from django.conf import settings
from django.core import signing
from django.http import HttpRequest
from django.http.response import HttpResponseBase

COOKIE = "__Host-device" if settings.IS_DEPLOYED else "device"
SALT = "accounts.devices"
KEPT_FOR = 60 * 60 * 24 * 365  # seconds
MOST_PEOPLE = 8

#: In this order, for most browsers carry the names of others: Edge says "Chrome … Safari … Edg".
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)
PHONES = re.compile(r"iPhone|Android.*Mobile")


def describe(user_agent: str) -> str:
    """ "Firefox on Linux"; what is unknown is left out or called so."""
    browser = next((name for mark, name in BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or (f"A browser on {system}" if system else "An unknown device")


def icon(user_agent: str) -> str:
    """The name of a lucide icon."""
    if PHONES.search(user_agent):
        return "smartphone"
    return "tablet" if "iPad" in user_agent or "Android" in user_agent else "monitor"


def people(request: HttpRequest) -> list[str]:
    """The keys of those who have signed in with this browser, the last one first.  Nothing for a forged cookie."""
    try:
        found = signing.loads(request.COOKIES.get(COOKIE, ""), salt=SALT, max_age=KEPT_FOR)
    except signing.BadSignature:
        return []
    return [str(pk) for pk in found] if isinstance(found, list) else []


def remember(request: HttpRequest, response: HttpResponseBase, user: Any) -> None:
    """Let this browser be known for this person, for a year after the last sign-in."""
    known = [str(user.pk), *(pk for pk in people(request) if pk != str(user.pk))]
    response.set_cookie(
        COOKIE,
        signing.dumps(known[:MOST_PEOPLE], salt=SALT),
        max_age=KEPT_FOR,
        httponly=True,
        samesite="Lax",
        secure=settings.SESSION_COOKIE_SECURE,
    )
