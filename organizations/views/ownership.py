"""Handing the organization over to another primary owner."""

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.reauthentication import confirmed_person
from organizations import roles, services
from organizations.forms import TransferForm
from organizations.models import Membership
from organizations.people import members_of, people_by_id
from saas.access import org_view
from saas.errors import Problem
from saas.htmx import form_again, redirect, toast
from saas.http import OrgRequest

PAGE = "organizations/ownership.html"
FORM_PAGE = "organizations/ownership_form.html"
ACCEPT_PAGE = "organizations/ownership_accept.html"


@org_view("organization.read")
@require_safe
def ownership(request: OrgRequest) -> HttpResponse:
    """Who the primary owner is, and the offer that waits, for those whom it concerns."""
    return render(request, PAGE, context_of(request))


@org_view("organization.transfer")
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed_person
def ownership_request(request: OrgRequest) -> HttpResponse:
    others = [user for user in members_of(request.org) if user.pk != request.user.pk]
    form = TransferForm(
        request.POST if request.method == "POST" else None,
        people=[(user.pk, f"{user.display_name} ({user.email})") for user in others],
        roles=[(role.name, role.title) for role in roles.organization_roles()],
    )
    if request.method == "POST" and form.is_valid():
        try:
            receiver = Membership.objects.filter(organization_id=request.org.pk, user_id=form.cleaned_data["person"])
            services.request_transfer(
                org=request.org,
                actor=request.user,
                membership=receiver.get(),
                role_after=form.cleaned_data["role_after"],
                request=request,
            )
            words = "The offer is sent. It waits for 72 hours."
            return toast(redirect(request, "organizations:ownership", request.org.slug), words, request=request)
        except Membership.DoesNotExist:
            form.add_error("person", "This person does not belong to the organization any more.")
        except Problem as problem:
            form.add_error(None, str(problem))
    context = {**context_of(request), "form": form, "others": others}
    return form_again(request, FORM_PAGE, context) if form.errors else render(request, FORM_PAGE, context)


@org_view("organization.read")
@require_http_methods(["GET", "HEAD", "POST"])
@confirmed_person
def ownership_accept(request: OrgRequest) -> HttpResponse:
    if request.method != "POST":
        return render(request, ACCEPT_PAGE, context_of(request))
    try:
        services.accept_transfer(org=request.org, actor=request.user, request=request)
    except Problem as problem:
        return back(request, str(problem), level="error")
    return back(request, f"You are the primary owner of {request.org.name} now.")


@org_view("organization.read")
@require_POST
def ownership_decline(request: OrgRequest) -> HttpResponse:
    try:
        services.decline_transfer(org=request.org, actor=request.user, request=request)
    except Problem as problem:
        return back(request, str(problem), level="error")
    return back(request, "You have declined. Nothing has changed.", level="info")


@org_view("organization.transfer")
@require_POST
def ownership_cancel(request: OrgRequest) -> HttpResponse:
    try:
        services.cancel_transfer(org=request.org, actor=request.user, request=request)
    except Problem as problem:
        return back(request, str(problem), level="error")
    return back(request, "The offer is taken back. Nothing has changed.", level="info")


def context_of(request: OrgRequest) -> dict[str, Any]:
    """The primary owner; the pending offer with both people, for these two and nobody else."""
    primary, transfer = services.primary_owner(request.org), services.pending_transfer(request.org)
    if transfer and request.user.pk not in (transfer.from_user_id, transfer.to_user_id):
        transfer = None
    ids = [primary and primary.user_id, transfer and transfer.from_user_id, transfer and transfer.to_user_id]
    people = people_by_id(ids, known=request.user)
    return {
        "primary": people.get(primary.user_id) if primary else None,
        "is_primary": primary is not None and primary.user_id == request.user.pk,
        "transfer": transfer,
        "giver": people.get(transfer.from_user_id) if transfer else None,
        "receiver": people.get(transfer.to_user_id) if transfer else None,
        "is_receiver": transfer is not None and transfer.to_user_id == request.user.pk,
        "role_after": roles.title_of(transfer.role_after) if transfer else "",
    }


def back(request: OrgRequest, words: str, *, level: str = "success") -> HttpResponse:
    return toast(redirect(request, "organizations:ownership", request.org.slug), words, level=level, request=request)
