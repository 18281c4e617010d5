"""Invitations as the organization sees them: sending, sending again, withdrawing."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations import links, roles, services
from organizations.forms import InviteForm
from organizations.models import Invitation
from organizations.roster import invitations_page
from saas.access import org_view
from saas.errors import Problem
from saas.htmx import form_again, is_htmx, redirect, toast
from saas.http import OrgRequest, get_or_404
from saas.paging import PARAMETER

LIST_PAGE = "organizations/invitation_list.html"
FORM_PAGE = "organizations/invitation_form.html"
MANAGE = "organization.manage_members"


@org_view(MANAGE)
@require_safe
def invitation_list(request: OrgRequest) -> HttpResponse:
    page = invitations_page(request.org, cursor=request.GET.get(PARAMETER, ""))
    context = {"rows": [row_of(invitation) for invitation in page.rows], **page.links(request)}
    return render(request, LIST_PAGE, context)


@org_view(MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def invitation_create(request: OrgRequest) -> HttpResponse:
    """Invite up to fifty addresses; then say of each line what became of it, and keep those to be corrected."""
    manageable, usual = roles.manageable_by(request.membership.role), request.org.default_role
    form = InviteForm(
        request.POST if request.method == "POST" else None,
        choices=[(role.name, role.title) for role in manageable],
        initial={"role": usual} if usual in {role.name for role in manageable} else {},
    )
    if request.method != "POST":
        return render(request, FORM_PAGE, {"form": form, "roles": manageable})
    if not form.is_valid():
        return form_again(request, FORM_PAGE, {"form": form, "roles": manageable}, partial="form")
    outcomes = services.invite_members(org=request.org, actor=request.user, request=request, **form.cleaned_data)
    left = [outcome.line for outcome in outcomes if outcome.problem]
    again = {**form.cleaned_data, "addresses": "\n".join(left)}
    context = {
        "form": InviteForm(initial=again, choices=form.fields["role"].choices),  # type: ignore[attr-defined]
        "roles": manageable,
        "outcomes": [(each, each.invitation and links.copied_link(each.invitation)) for each in outcomes],
        "sent": len(outcomes) - len(left),
        "failed": len(left),
    }
    return render(request, f"{FORM_PAGE}#form" if is_htmx(request) else FORM_PAGE, context)


@org_view(MANAGE)
@require_POST
def invitation_resend(request: OrgRequest, invitation_id: str) -> HttpResponse:
    invitation = find(request, invitation_id)
    try:
        sent = services.resend_invitation(org=request.org, actor=request.user, invitation=invitation, request=request)
    except Problem as problem:
        return back(request, str(problem), level="error")
    words = f"The invitation was sent to {sent.email} again. Links from before do not work any more."
    if not is_htmx(request):
        return back(request, words)
    sent.invited_by, sent.organization = request.user, request.org
    return toast(render(request, f"{LIST_PAGE}#invitation", {"row": row_of(sent)}), words, request=request)


@org_view(MANAGE)
@require_POST
def invitation_revoke(request: OrgRequest, invitation_id: str) -> HttpResponse:
    invitation = find(request, invitation_id)
    try:
        services.revoke_invitation(org=request.org, actor=request.user, invitation=invitation, request=request)
    except Problem as problem:
        return back(request, str(problem), level="error")
    words = f"The invitation of {invitation.email} is withdrawn. Its links do not work any more."
    return back(request, words)


def find(request: OrgRequest, invitation_id: str) -> Invitation:
    """Raises Http404."""
    found: Invitation = get_or_404(Invitation.objects.filter(organization_id=request.org.pk), pk=invitation_id)
    return found


def row_of(invitation: Invitation) -> dict[str, object]:
    return {
        "invitation": invitation,
        "role": roles.title_of(invitation.role),
        "link": links.copied_link(invitation),
    }


def back(request: OrgRequest, words: str, *, level: str = "success") -> HttpResponse:
    """To the list, with a message."""
    to_list = redirect(request, "organizations:invitation_list", request.org.slug)
    return toast(to_list, words, level=level, request=request)
