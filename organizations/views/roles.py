"""What each role may do, for everybody in the organization."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from organizations import matrix, roles
from saas.access import org_view
from saas.http import OrgRequest


@org_view("organization.read")
@require_safe
def role_list(request: OrgRequest) -> HttpResponse:
    context = {
        "groups": matrix.groups(),
        "roles": [{"role": role, "manages": roles.manageable_by(role.name)} for role in roles.organization_roles()],
        "mine": request.membership.role,
        "may_manage": roles.can(request.user, "organization.manage_members", org=request.org),
    }
    return render(request, "organizations/role_list.html", context)
