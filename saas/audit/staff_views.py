"""The staff's pages of the audit log: the platform's own, everything, and each organization's."""

from typing import Any

from django.http import Http404, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from saas import hooks
from saas.access import staff_only
from saas.audit.log import EVERYWHERE
from saas.audit.pages import Log, detail_page, export_answer, list_page, verify_answer
from saas.http import SignedInRequest

SEES = "admin.monitor"
TITLES = {
    "": "What belongs to no organization: sign-ins, accounts, and what the staff does.",
    EVERYWHERE: "Every organization's entries and the platform's own, newest first.",
}


def log_of(request: SignedInRequest, which: str) -> Log:
    """`which`: "" for the platform's own, EVERYWHERE, or the address or id of an organization.

    Raises Http404 when there is no such organization.
    """
    org = EVERYWHERE if which == EVERYWHERE else hooks.organization_named(which) if which else None
    if org is None and which:
        raise Http404("No such organization.")

    def address(name: str, *args: Any) -> str:
        query = f"?organization={which}" if which and name != "entry_detail" else ""
        return reverse(f"staff_audit:{name}", args=args) + query

    return Log(
        org=org,
        title=TITLES.get(which) or f"The log of {getattr(org, 'name', '')}. That you read it stands in it.",
        address=address,
        may_export=True,
        is_staff=True,
        which=which,
        crumbs=[
            {"label": "Administration", "url": reverse("platform_admin:home")},
            {"label": "Audit log", "url": address("entry_list")},
        ],
    )


@staff_only(SEES)
@require_safe
def entry_list(request: SignedInRequest) -> HttpResponse:
    return list_page(request, log_of(request, request.GET.get("organization", "").strip()))


@staff_only(SEES)
@require_safe
def entry_detail(request: SignedInRequest, entry_id: str) -> HttpResponse:
    return detail_page(request, log_of(request, EVERYWHERE), entry_id)


@staff_only(SEES)
@require_POST
def entry_verify(request: SignedInRequest) -> HttpResponse:
    which = request.GET.get("organization", "")
    return verify_answer(request, log_of(request, "" if which == EVERYWHERE else which))


@staff_only(SEES)
@require_POST
def entry_export(request: SignedInRequest) -> HttpResponseBase:
    return export_answer(request, log_of(request, request.GET.get("organization", "")))
