"""A person's organizations, and the home of each."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations import checklist, roles, services
from organizations.access import memberships_of
from organizations.forms import OrganizationForm
from organizations.models import Invitation
from saas.access import org_view, signed_in
from saas.errors import Problem
from saas.htmx import form_again, redirect, toast
from saas.http import OrgRequest, SignedInRequest, get_or_404

LIST_PAGE = "organizations/organization_list.html"
FORM_PAGE = "organizations/organization_form.html"


@signed_in
@require_safe
def organization_list(request: SignedInRequest) -> HttpResponse:
    context = {
        "memberships": memberships_of(request.user),
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
def switcher(request: SignedInRequest) -> HttpResponse:
    """The organizations in the switcher's menu, fetched when it is opened."""
    context = {"memberships": memberships_of(request.user), "may_create": settings.ALLOW_USER_TO_CREATE_ORGANIZATION}
    return render(request, "organizations/switcher.html", context)


@signed_in
@require_POST
def invitation_accept(request: SignedInRequest, invitation_id: str) -> HttpResponse:
    invitation = get_or_404(Invitation.objects.filter(invitee_identifier=request.user.email), pk=invitation_id)
    try:
        services.accept_invitation(invitation=invitation, actor=request.user, request=request)
    except Problem as problem:
        return toast(redirect(request, "organizations:organization_list"), str(problem), level="error", request=request)
    return redirect(request, invitation.organization.get_absolute_url())


@signed_in
@require_POST
def invitation_decline(request: SignedInRequest, invitation_id: str) -> HttpResponse:
    invitation = get_or_404(Invitation.objects.filter(invitee_identifier=request.user.email), pk=invitation_id)
    try:
        services.decline_invitation(invitation=invitation, actor=request.user, request=request)
    except Problem as problem:
        return toast(redirect(request, "organizations:organization_list"), str(problem), level="error", request=request)
    return redirect(request, "organizations:organization_list")


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
