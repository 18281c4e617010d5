"""Public pages: landing and legal.  Their words stand in config/product.yaml and the templates."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_safe

from saas.access import public


@public
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """For visitors the landing page; who is signed in is led into the product."""
    if request.user.is_authenticated:
        return redirect(settings.LOGIN_REDIRECT_URL)
    return render(request, "home.html")


@public
@require_safe
def terms(request: HttpRequest) -> HttpResponse:
    return render(request, "legal/terms.html")


@public
@require_safe
def privacy(request: HttpRequest) -> HttpResponse:
    return render(request, "legal/privacy.html")


@public
@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """What lies behind sign-in needs no line: its address leads everybody else to the sign-in page, found as itself."""
    lines = ["User-agent: *", "Disallow: /admin/", "Disallow: /*?next="]
    if settings.ENVIRONMENT == "staging":
        lines = ["User-agent: *", "Disallow: /"]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain")
