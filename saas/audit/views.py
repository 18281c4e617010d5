"""The pages of the audit log: an organization's, for its admins."""

from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from saas import hooks
from saas.access import org_view
from saas.audit.pages import Log, detail_page, export_answer, list_page, verify_answer
from saas.http import OrgRequest
from saas.ratelimit import with_rate_limit

READ, EXPORT = "auditLog.read", "auditLog.export"


def log_of(request: OrgRequest) -> Log:
    slug = request.org.slug

    def address(name: str, *args: Any) -> str:
        return reverse(f"audit:{name}", args=[slug, *args])

    return Log(
        org=request.org,
        title=f"Everything that was done in {request.org.name}, who did it, and from where.",
        address=address,
        may_export=hooks.can(request.user, EXPORT, org=request.org),
        crumbs=[
            {"label": request.org.name, "url": reverse("organizations:dashboard", args=[slug])},
            {"label": "Audit log", "url": address("entry_list")},
        ],
    )


@org_view(READ)
@require_safe
def entry_list(request: OrgRequest) -> HttpResponse:
    return list_page(request, log_of(request))


@org_view(READ)
@require_safe
def entry_detail(request: OrgRequest, entry_id: str) -> HttpResponse:
    return detail_page(request, log_of(request), entry_id)


@org_view(READ)
@require_POST
@with_rate_limit("30/hour", by="user")
def entry_verify(request: OrgRequest) -> HttpResponse:
    return verify_answer(request, log_of(request))


@org_view(EXPORT)
@require_POST
@with_rate_limit("30/hour", by="user")
def entry_export(request: OrgRequest) -> HttpResponseBase:
    return export_answer(request, log_of(request))
