"""Where mail services report, and where a person allows mail to an own address again."""

from typing import Any

from allauth.account.models import EmailAddress
from anymail.webhooks.resend import ResendTrackingWebhookView
from django.conf import settings
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from saas.access import public, signed_in
from saas.htmx import redirect, toast
from saas.http import SignedInRequest
from saas.mailing import addresses
from saas.ratelimit import with_rate_limit


class ResendReports(ResendTrackingWebhookView):
    """anymail hands on the report alone; the log keeps the request, too, that it came by."""

    def parse_events(self, request: HttpRequest) -> list[Any]:
        found: list[Any] = super().parse_events(request)
        for event in found:
            event.request = request
        return found


@public
@csrf_exempt
@require_POST
def resend_report(request: HttpRequest) -> HttpResponseBase:
    """Resend's reports.  Refuses what is not signed with RESEND_SIGNING_SECRET; 404 while there is none."""
    secret = settings.RESEND_SIGNING_SECRET
    if not secret:
        raise Http404("No mail service reports here.")
    try:
        return ResendReports.as_view(signing_secret=secret)(request)
    except ValueError as problem:  # a signature, or a report, that cannot even be read
        raise BadRequest("This report cannot be read.") from problem


def own_addresses(request: SignedInRequest) -> list[str]:
    confirmed = EmailAddress.objects.filter(user_id=request.user.pk).values_list("email", flat=True)
    return [request.user.email, *confirmed]


@signed_in
@require_safe
def mail_notice(request: SignedInRequest) -> HttpResponse:
    """The part of the account's pages that says which own address gets no mail; empty when all is well."""
    return render(request, "mailing/notice.html", {"found": addresses.find(own_addresses(request))})


@signed_in
@require_POST
@with_rate_limit("5/day", by="user")
def mail_switch_on(request: SignedInRequest) -> HttpResponse:
    """Try one's own address again."""
    for found in addresses.find(own_addresses(request)):
        addresses.switch_on(address=found.address, actor=request.user, request=request)
    return toast(redirect(request, "account_email"), "We send mail to you again.", request=request)
