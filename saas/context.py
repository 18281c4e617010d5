"""What every template may use beside Django's own context."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest

from saas import consent, navigation
from saas.product import product


def page(request: HttpRequest) -> dict[str, Any]:
    """`product`: name and words of the product; `csp_nonce`; `theme`; `navigation`; `stream_url`.  No database read."""
    return {
        "product": product(),
        "csp_nonce": str(getattr(request, "csp_nonce", "")),
        "theme": getattr(request, "theme", "system"),
        "navigation": navigation.for_request(request),
        "stream_url": settings.STREAM_URL,
        "is_development": not settings.IS_DEPLOYED,
        "asks_consent": lambda: not consent.choice(request),  # asked for on public pages alone
    }
