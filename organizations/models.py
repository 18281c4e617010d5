"""Organization, membership, primary owner and invitation, on django-organizations' abstract models.

The four classes stay in this one module: the library links them to each other by module name.
"""

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone

from organizations.abstract import (
    AbstractOrganization,
    AbstractOrganizationInvitation,
    AbstractOrganizationOwner,
    AbstractOrganizationUser,
)

INVITATION_DAYS = 7


class Organization(AbstractOrganization):
    slug = models.SlugField("address", max_length=48, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    def get_absolute_url(self) -> str:
        return reverse("organizations:dashboard", args=[self.slug])


class Membership(AbstractOrganizationUser):
    is_admin = None  # the library's flag; the role says it
    role = models.CharField(max_length=40)
    suspended_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(AbstractOrganizationUser.Meta):
        ordering: list[str] = []  # the library's order joins two collections
        indexes = [models.Index(fields=["organization", "created_at"], name="members_of_organization")]


class OrganizationOwner(AbstractOrganizationOwner):
    """The primary owner: whom billing and legal mail reaches.  Rights come from the membership's role."""


class Invitation(AbstractOrganizationInvitation):
    """One address, invited with a role.  `invitee_identifier` is the lower-cased address."""

    class Status(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        REVOKED = "revoked"

    role = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta(AbstractOrganizationInvitation.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "invitee_identifier"],
                condition=models.Q(status="pending"),
                name="one_pending_invitation",
            )
        ]
        indexes = [models.Index(fields=["invitee_identifier", "status"], name="invitations_of_address")]

    @staticmethod
    def default_expiry() -> datetime:
        return timezone.now() + timedelta(days=INVITATION_DAYS)

    @property
    def email(self) -> str:
        return self.invitee_identifier
