"""A person's organizations, and the home of each."""

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_safe

from organizations import checklist, roles, services
from organizations.access import being_deleted, last_open, memberships_of, suspended_in
from organizations.forms import OrganizationForm
from saas.access import LAST_ORG, org_view, signed_in
from saas.errors import Problem
from saas.htmx import form_again, redirect
from saas.http import OrgRequest, SignedInRequest

LIST_PAGE = "organizations/organization_list.html"
FORM_PAGE = "organizations/organization_form.html"


@signed_in
@require_safe
def organization_list(request: SignedInRequest) -> HttpResponse:
    context = {
        "memberships": memberships_of(request.user),
        "being_deleted": being_deleted(request.user),
        "suspended_in": suspended_in(request.user),
        "invitations": services.pending_invitations(request.user),
        "may_create": settings.ALLOW_USER_TO_CREATE_ORGANIZATION,
    }
    return render(request, LIST_PAGE, context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def organization_create(request: SignedInRequest) -> HttpResponse:
    form = OrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            org = services.create_organization(actor=request.user, request=request, **form.cleaned_data)
            return redirect(request, org.get_absolute_url())
        except services.SlugTaken as problem:
            form.add_error("slug", str(problem))
        except Problem as problem:
            form.add_error(None, str(problem))
    context = {"form": form, "may_create": settings.ALLOW_USER_TO_CREATE_ORGANIZATION}
    if form.errors:
        return form_again(request, FORM_PAGE, context, partial="form")
    return render(request, FORM_PAGE, context)


@signed_in
@require_safe
def organization_last(request: SignedInRequest) -> HttpResponse:
    """To the organization in which the person was last, without one to the list.  Where signing in leads."""
    org = last_open(request.user, request.session.get(LAST_ORG, ""))
    return redirect(request, org.get_absolute_url() if org else "organizations:organization_list")


@signed_in
@require_safe
def switcher(request: SignedInRequest) -> HttpResponse:
    """The organizations in the switcher's menu, fetched when it is opened."""
    context = {"memberships": memberships_of(request.user), "may_create": settings.ALLOW_USER_TO_CREATE_ORGANIZATION}
    return render(request, "organizations/switcher.html", context)


@org_view("organization.read")
@require_safe
def dashboard(request: OrgRequest) -> HttpResponse:
    items = checklist.for_member(request)
    context = {
        "checklist": items,
        "done": sum(item.is_done for item in items),
        "role": roles.get_role(request.membership.role),
    }
    return render(request, "organizations/dashboard.html", context)
