"""Which cookies there are, and the answer about analytics: given, declined, and changed later."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts import services
from saas import consent
from saas.access import public
from saas.htmx import redirect, toast
from saas.http import safe_next

WORDS = {
    consent.YES: "Thank you. You help to improve it.",
    consent.NO: "Nothing is counted.",
}


@public
@require_http_methods(["GET", "HEAD", "POST"])
def cookies(request: HttpRequest) -> HttpResponse:
    """The list of cookies with both answers; a POST keeps one, for the person when signed in, and for this browser."""
    if request.method != "POST":
        context = {"cookies": consent.cookies(), "choice": consent.choice(request), "asks_consent": False}
        return render(request, "legal/cookies.html", context)
    answer = request.POST.get("analytics", "")
    if answer not in WORDS:
        return HttpResponseBadRequest("This is no answer.")
    user: Any = request.user
    if user.is_authenticated:
        services.update_profile(user=user, values={"analytics_consent": answer == consent.YES}, request=request)
    response = redirect(request, safe_next(request, reverse("accounts:cookies")))
    consent.remember(response, answer)
    return toast(response, WORDS[answer], request=request)
