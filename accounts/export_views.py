"""The page on which a person takes along what is kept about her."""

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from accounts import export
from accounts.reauthentication import confirmed_person
from saas.access import signed_in
from saas.htmx import redirect, toast
from saas.http import SignedInRequest
from saas.jobs.pages import shown
from saas.paging import page_of
from saas.ratelimit import with_rate_limit

PAGE = "accounts/export.html"


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def account_export(request: SignedInRequest) -> HttpResponseBase:
    """What an export holds, and the last ones; a POST starts one."""
    if request.method == "POST":
        return start_export(request)
    jobs = shown(page_of(export.exports_of(request.user), size=5).rows, request.user)
    is_under_way = any(job["is_active"] for job in jobs)
    return render(request, PAGE, {"jobs": jobs, "is_under_way": is_under_way, "hours": export.HOURS_KEPT})


@confirmed_person  # first, so that being asked who it is uses up nothing of the limit
@with_rate_limit("10/day", by="user")
def start_export(request: SignedInRequest) -> HttpResponse:
    export.request_export(user=request.user, request=request)
    return toast(redirect(request, "accounts:export"), "Your export is being made.", request=request)
