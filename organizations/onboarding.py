"""The step of getting started in which a person creates an organization or joins one."""

from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest

from accounts.onboarding import StepKind
from organizations import services
from organizations.access import memberships_of
from organizations.models import Invitation, Membership
from saas.errors import Problem
from saas.http import get_or_404

CREATE = "create"
NAME_MISSING = "What is your organization called?"


class NoWayIn(Problem):
    """The person may not create an organization and has no invitation."""


class OrganizationStepForm(forms.Form):
    """Join by one of the person's invitations, or create; what is not possible is not offered."""

    choice = forms.ChoiceField(label="What would you like to do?", widget=forms.RadioSelect)
    name = forms.CharField(
        label="Organization name",
        max_length=80,
        required=False,
        help_text="Your company, team or project. You can change it later.",
        error_messages={"required": NAME_MISSING},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.has_organization = has_organization(user)
        self.invitations = [] if self.has_organization else services.pending_invitations(user)
        self.may_create = settings.ALLOW_USER_TO_CREATE_ORGANIZATION and not self.has_organization
        choices = [(str(each.pk), f"Join {each.organization.name}") for each in self.invitations]
        if self.may_create:
            choices.append((CREATE, "Create a new organization"))
        else:
            del self.fields["name"]
        if not self.invitations:
            del self.fields["choice"]
            if self.may_create:
                self.fields["name"].required = True
        else:
            field: Any = self.fields["choice"]
            field.choices = choices
            self.initial.setdefault("choice", choices[0][0])

    @property
    def wish(self) -> str:
        """An invitation's id, or CREATE."""
        return str(self.cleaned_data.get("choice") or CREATE)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        data["name"] = " ".join(data.get("name", "").split())
        if self.may_create and not self.errors and self.wish == CREATE and not data["name"]:
            self.add_error("name", NAME_MISSING)
        return data


def apply(*, user: Any, form: Any, request: HttpRequest | None) -> None:
    """Raises the Problems of the services, and NoWayIn."""
    if form.has_organization:
        return
    if form.invitations and form.wish != CREATE:
        invitation = get_or_404(Invitation.objects.filter(invitee_identifier=user.email), pk=form.wish)
        services.accept_invitation(invitation=invitation, actor=user, request=request)
    elif form.may_create:
        services.create_organization(name=form.cleaned_data["name"], actor=user, request=request)
    else:
        raise NoWayIn("Ask an administrator of your organization to invite you, and come back.")


def has_organization(user: Any) -> bool:
    return bool(Membership.objects.filter(user_id=user.pk, suspended_at=None).exists())


def cannot_get_organization(user: Any) -> bool:
    return not settings.ALLOW_USER_TO_CREATE_ORGANIZATION and not services.pending_invitations(user)


def context(user: Any) -> dict[str, Any]:
    """For the step's page: the organization that the person is in already."""
    return {"organization": next((org for org, _ in memberships_of(user)), None)}


def destination(user: Any) -> str:
    """The dashboard of the organization that the person entered last."""
    mine = memberships_of(user)
    if not mine:
        return ""
    organization, _ = max(mine, key=lambda pair: pair[1].created_at)
    return organization.get_absolute_url()


def organization_step() -> StepKind:
    return StepKind(
        "organization",
        form=OrganizationStepForm,
        apply=apply,
        template="organizations/onboarding_step.html",
        context=context,
        conditions={"has_organization": has_organization, "cannot_get_organization": cannot_get_organization},
        destination=destination,
    )
