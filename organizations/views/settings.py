"""An organization's settings, its logo, and its end."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import etag, require_http_methods, require_POST, require_safe

from accounts.models import User
from accounts.reauthentication import confirmed_person
from organizations import pictures, roles, services
from organizations.models import Membership, Organization, OrganizationLogo
from organizations.services import SlugTaken
from organizations.settings_forms import DeleteForm, LogoForm, SettingsForm
from saas.access import org_view, signed_in
from saas.errors import Problem
from saas.htmx import form_again, redirect, toast
from saas.http import OrgRequest, SignedInRequest, get_or_404

PAGE = "organizations/settings.html"
DELETE_PAGE = "organizations/organization_delete.html"
RESTORE_PAGE = "organizations/organization_restore.html"
UPDATE, DELETE = "organization.update", "organization.delete"


@org_view(UPDATE)
@require_http_methods(["GET", "HEAD", "POST"])
def settings(request: OrgRequest) -> HttpResponse:
    form = SettingsForm(posted(request), org=request.org, roles=role_choices(request))
    if request.method == "POST" and form.is_valid():
        try:
            org = services.update_organization(
                org=request.org, actor=request.user, values=form.cleaned_data, request=request
            )
            return toast(redirect(request, "organizations:settings", org.slug), "Saved.", request=request)
        except SlugTaken as problem:
            form.add_error("slug", str(problem))
        except Problem as problem:
            form.add_error(None, str(problem))
    context = context_of(request, form=form)
    return form_again(request, PAGE, context, partial="general") if form.errors else render(request, PAGE, context)


@org_view(UPDATE)
@require_POST
def settings_logo(request: OrgRequest) -> HttpResponse:
    """Take a new logo, or take the present one away."""
    if request.POST.get("change") == "remove":
        services.remove_logo(org=request.org, actor=request.user, request=request)
        return back(request, "The logo is removed.")
    form = LogoForm(request.POST, request.FILES)
    if form.is_valid():
        try:
            data, version = pictures.rewrite(form.cleaned_data["logo"])
            services.set_logo(org=request.org, actor=request.user, data=data, version=version, request=request)
            return back(request, "The logo is saved.")
        except Problem as problem:
            form.add_error("logo", str(problem))
    return form_again(request, PAGE, context_of(request, logo_form=form), partial="logo")


@org_view("organization.read")
@require_safe
@etag(lambda request: f'"{request.org.logo_version}"')
def logo(request: OrgRequest) -> HttpResponse:
    """The picture.  Its address changes with it, so a browser may keep it for good."""
    found = get_or_404(OrganizationLogo.objects.for_org(request.org))
    response = HttpResponse(found.data, content_type=pictures.CONTENT_TYPE)
    is_current = request.GET.get("v") == found.version
    response["Cache-Control"] = "private, max-age=31536000, immutable" if is_current else "private, no-cache"
    response["Content-Disposition"] = 'inline; filename="logo.webp"'
    return response


@org_view(DELETE)
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed_person
def organization_delete(request: OrgRequest) -> HttpResponse:
    form = DeleteForm(posted(request), name=request.org.name)
    if request.method == "POST" and form.is_valid():
        try:
            org = services.delete_organization(org=request.org, actor=request.user, request=request)
            return redirect(request, "organizations:organization_restore", org.pk)
        except Problem as problem:
            form.add_error(None, str(problem))
    context = {"form": form, "days": services.RESTORABLE_FOR.days, "breadcrumbs": trail(request, "Delete")}
    if form.errors:
        return form_again(request, DELETE_PAGE, context, partial="form")
    return render(request, DELETE_PAGE, context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def organization_restore(request: SignedInRequest, organization_id: str) -> HttpResponse:
    """What an owner finds at the address of an organization that is being deleted, and the way back."""
    org = find_closed(request, organization_id)
    if request.method == "POST":
        try:
            services.restore_organization(org=org, actor=request.user, request=request)
        except Problem as problem:
            again = redirect(request, "organizations:organization_restore", org.pk)
            return toast(again, str(problem), level="error", request=request)
        return toast(redirect(request, org.get_absolute_url()), f"{org.name} is back, as it was.", request=request)
    by = User.objects.filter(pk=org.deletion_requested_by_id).only("name", "email").first()
    return render(request, RESTORE_PAGE, {"org": org, "by": by, "is_restorable": services.is_restorable(org)})


# -- the parts ---------------------------------------------------------------------------------------------------------


def posted(request: OrgRequest) -> Any:
    """What was sent, or None when a form is opened."""
    return request.POST if request.method == "POST" else None


def find_closed(request: SignedInRequest, organization_id: str) -> Organization:
    """The organization that is being deleted, for one who may restore it.  Raises Http404."""
    owning = [role.name for role in roles.organization_roles() if DELETE in role.permissions]
    mine = Membership.objects.filter(user_id=request.user.pk, role__in=owning, suspended_at=None)
    membership = get_or_404(mine, organization_id=organization_id)
    found: Organization = get_or_404(Organization.objects.exclude(deletes_at=None), pk=membership.organization_id)
    return found


def role_choices(request: OrgRequest) -> list[tuple[str, str]]:
    """The roles that this person may give, and the one that is the default now."""
    mine = roles.get_role(request.membership.role)
    default = request.org.default_role
    return [(r.name, r.title) for r in roles.organization_roles() if mine.may_manage(r.name) or r.name == default]


def context_of(
    request: OrgRequest, *, form: SettingsForm | None = None, logo_form: LogoForm | None = None
) -> dict[str, Any]:
    return {
        "form": form or SettingsForm(org=request.org, roles=role_choices(request)),
        "logo_form": logo_form or LogoForm(),
        "may_delete": roles.can(request.user, DELETE, org=request.org),
        "days": services.RESTORABLE_FOR.days,
    }


def back(request: OrgRequest, words: str) -> HttpResponse:
    """The whole page again: the logo stands in the sidebar too."""
    return toast(redirect(request, "organizations:settings", request.org.slug), words, request=request)


def trail(request: OrgRequest, label: str) -> list[dict[str, str]]:
    address = reverse("organizations:settings", args=[request.org.slug])
    return [{"label": "Settings", "url": address}, {"label": label, "url": ""}]
