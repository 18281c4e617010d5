"""What an invited person answers."""

from django.http import HttpResponse
from django.views.decorators.http import require_POST

from organizations import services
from organizations.models import Invitation
from saas.access import signed_in
from saas.errors import Problem
from saas.htmx import redirect, toast
from saas.http import SignedInRequest, get_or_404


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
