"""Who belongs to the organization: the list, one member, and every change of it."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from organizations import roles, services
from organizations.forms import RoleForm
from organizations.models import Invitation, Membership
from organizations.roster import members_page
from saas.access import org_view
from saas.errors import Problem
from saas.htmx import is_htmx, redirect, toast
from saas.http import OrgRequest, get_or_404
from saas.paging import PARAMETER

LIST_PAGE = "organizations/member_list.html"
DETAIL_PAGE = "organizations/member_detail.html"
READ, MANAGE = "organization.read", "organization.manage_members"


@org_view(READ)
@require_safe
def member_list(request: OrgRequest) -> HttpResponse:
    query = " ".join(request.GET.get("q", "").split())[:100]
    page = members_page(request.org, query=query, cursor=request.GET.get(PARAMETER, ""))
    context = {
        "rows": [row_of(request, entry.membership, entry.user) for entry in page.rows],
        "query": query,
        "may_manage": may_manage(request),
        **page.links(request),
    }
    return render(request, f"{LIST_PAGE}#members" if is_htmx(request) else LIST_PAGE, context)


@org_view(READ)
@require_safe
def member_detail(request: OrgRequest, membership_id: str) -> HttpResponse:
    membership, user = find(request, membership_id)
    context = {"row": row_of(request, membership, user), "may_manage": may_manage(request)}
    return render(request, DETAIL_PAGE, context)


@org_view(READ)
@require_safe
def member_person(request: OrgRequest, user_id: str) -> HttpResponse:
    """To the page of the member that this person is: events know people by their own ids, and so does search."""
    membership = Membership.objects.filter(organization_id=request.org.pk, user_id=user_id).first()
    if membership is not None:
        return redirect(request, "organizations:member_detail", request.org.slug, membership.pk)
    get_or_404(Invitation.objects.filter(organization_id=request.org.pk), pk=user_id)  # who is no member yet
    return redirect(request, "organizations:invitation_list", request.org.slug)


@org_view(MANAGE)
@require_POST
def member_role(request: OrgRequest, membership_id: str) -> HttpResponse:
    membership, user = find(request, membership_id)
    form = RoleForm(request.POST, choices=choices_for(request, membership))
    if not form.is_valid():
        return answer(request, membership, user, "Choose a role from the list.", level="error")
    role = form.cleaned_data["role"]
    try:
        changed = services.change_role(
            org=request.org, actor=request.user, membership=membership, role=role, request=request
        )
    except Problem as problem:
        return answer(request, membership, user, str(problem), level="error")
    return answer(request, changed, user, f"{user.display_name} is {roles.get_role(role).title} now.")


@org_view(MANAGE)
@require_POST
def member_suspend(request: OrgRequest, membership_id: str) -> HttpResponse:
    membership, user = find(request, membership_id)
    try:
        changed = services.suspend_member(org=request.org, actor=request.user, membership=membership, request=request)
    except Problem as problem:
        return answer(request, membership, user, str(problem), level="error")
    return answer(request, changed, user, f"{user.display_name} has no access any more.")


@org_view(MANAGE)
@require_POST
def member_unsuspend(request: OrgRequest, membership_id: str) -> HttpResponse:
    membership, user = find(request, membership_id)
    try:
        changed = services.unsuspend_member(org=request.org, actor=request.user, membership=membership, request=request)
    except Problem as problem:
        return answer(request, membership, user, str(problem), level="error")
    return answer(request, changed, user, f"{user.display_name} has access again.")


@org_view(MANAGE)
@require_http_methods(["GET", "HEAD", "POST"])
def member_remove(request: OrgRequest, membership_id: str) -> HttpResponse:
    """Ask first, then remove."""
    membership, user = find(request, membership_id)
    if request.method != "POST":
        return render(request, "organizations/member_remove.html", {"membership": membership, "person": user})
    try:
        services.remove_member(org=request.org, actor=request.user, membership=membership, request=request)
    except Problem as problem:
        return answer(request, membership, user, str(problem), level="error")
    words = f"{user.display_name} does not belong to {request.org.name} any more."
    return toast(redirect(request, "organizations:member_list", request.org.slug), words, request=request)


@org_view(READ)
@require_http_methods(["GET", "HEAD", "POST"])
def member_leave(request: OrgRequest) -> HttpResponse:
    """Ask first, then leave."""
    if request.method != "POST":
        return render(request, "organizations/member_leave.html", {})
    try:
        services.leave_organization(org=request.org, actor=request.user, request=request)
    except Problem as problem:
        back = redirect(request, "organizations:member_leave", request.org.slug)
        return toast(back, str(problem), level="error", request=request)
    words = f"You have left {request.org.name}."
    return toast(redirect(request, "organizations:organization_list"), words, request=request)


# -- the parts ---------------------------------------------------------------------------------------------------------


def find(request: OrgRequest, membership_id: str) -> tuple[Membership, User]:
    """Raises Http404."""
    membership = get_or_404(Membership.objects.filter(organization_id=request.org.pk), pk=membership_id)
    return membership, get_or_404(User, pk=membership.user_id)


def may_manage(request: OrgRequest) -> bool:
    return roles.can(request.user, MANAGE, org=request.org)


def choices_for(request: OrgRequest, membership: Membership) -> list[tuple[str, str]]:
    """The roles that this person may give to this member; empty when the member is none of his business."""
    mine = roles.get_role(request.membership.role)
    known = roles.organization_roles()
    if not may_manage(request) or (membership.role not in mine.manageable_roles and any_named(membership.role, known)):
        return []
    return [(role.name, role.title) for role in known if mine.may_manage(role.name)]


def any_named(name: str, known: list[roles.Role]) -> bool:
    return any(role.name == name for role in known)


def row_of(request: OrgRequest, membership: Membership, user: User) -> dict[str, Any]:
    """What a line of the list and the member's page show."""
    choices = choices_for(request, membership)
    is_me = user.pk == request.user.pk
    return {
        "membership": membership,
        "person": user,
        "is_me": is_me,
        "role": roles.title_of(membership.role),
        "choices": choices,
        "may_decide": bool(choices) and not is_me,
    }


def answer(
    request: OrgRequest, membership: Membership, user: User, words: str, *, level: str = "success"
) -> HttpResponse:
    """The line or the page as it is now, and what happened.  Without htmx back to where the form stood."""
    if not is_htmx(request):
        to_list = request.POST.get("from") == "list"
        arguments = [request.org.slug] if to_list else [request.org.slug, membership.pk]
        back = redirect(request, "organizations:member_list" if to_list else "organizations:member_detail", *arguments)
        return toast(back, words, level=level, request=request)
    page = f"{LIST_PAGE}#member" if request.POST.get("from") == "list" else f"{DETAIL_PAGE}#member"
    context = {"row": row_of(request, membership, user), "may_manage": True}
    return toast(render(request, page, context), words, level=level, request=request)
