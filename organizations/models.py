"""Organization, membership, primary owner and invitation, on django-organizations' abstract models.

The four classes stay in this one module: the library links them to each other by module name.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse
from django.utils import timezone
from django_mongodb_backend.managers import MongoManager
from mongoengine import BinaryField, DateTimeField, StringField

from organizations.abstract import (
    AbstractOrganization,
    AbstractOrganizationInvitation,
    AbstractOrganizationOwner,
    AbstractOrganizationUser,
)
from saas.tenancy import IdField, OrgDocument

INVITATION_DAYS = 7


class Organization(AbstractOrganization):
    slug = models.SlugField("address", max_length=48, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    locale = models.CharField("language", max_length=10, default="en")
    time_zone = models.CharField(max_length=64, default="UTC")
    default_role = models.CharField(max_length=40, default="member")  # what an invitation proposes
    logo_version = models.CharField(max_length=16, blank=True, default="", editable=False)  # "" without a logo
    deletes_at = models.DateTimeField(null=True, blank=True, editable=False)  # until then an owner may restore it
    deletion_requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    purge_started_at = models.DateTimeField(null=True, blank=True, editable=False)  # no way back from here

    class Meta(AbstractOrganization.Meta):
        indexes = [models.Index(fields=["deletes_at"], name="organizations_to_delete")]

    def get_absolute_url(self) -> str:
        return reverse("organizations:dashboard", args=[self.slug])

    def public_data(self) -> dict[str, Any]:
        """What webhooks tell of an organization: `payloads.organization` of config/events.yaml."""
        return {"id": self.pk, "name": self.name, "slug": self.slug}

    @property
    def logo_url(self) -> str:
        """The logo's address, another one for each logo; "" without one.  No read."""
        address = reverse("organizations:logo", args=[self.slug])
        return f"{address}?v={self.logo_version}" if self.logo_version else ""


class FormerAddress(models.Model):
    """An address that an organization has left: it leads to the present one, and nobody else gets it meanwhile."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+")
    slug = models.SlugField(max_length=48, unique=True)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    class Meta:
        verbose_name = "former address"
        verbose_name_plural = "former addresses"
        indexes = [models.Index(fields=["expires_at"], name="former_addresses_expired")]

    def __str__(self) -> str:
        return self.slug


class Membership(AbstractOrganizationUser):
    is_admin = None  # the library's flag; the role says it
    role = models.CharField(max_length=40)
    suspended_at = models.DateTimeField(null=True, blank=True)
    last_active_at = models.DateTimeField(null=True, blank=True)  # to the hour: see organizations.access
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MongoManager()  # raw_aggregate: ordered lists by an index

    def public_data(self, user: Any, *, status: str = "") -> dict[str, Any]:
        """What webhooks tell of a member: `payloads.member` of config/events.yaml.  No read."""
        return {
            "user_id": user.pk,
            "name": user.name,
            "email": user.email,
            "role": self.role,
            "status": status or ("suspended" if self.suspended_at else "active"),
        }

    class Meta(AbstractOrganizationUser.Meta):
        ordering: list[str] = []  # the library's order joins two collections
        indexes = [models.Index(fields=["organization", "created_at", "id"], name="members_of_organization")]


class OrganizationOwner(AbstractOrganizationOwner):
    """The primary owner: whom billing and legal mail reaches.  Rights come from the membership's role."""


class Invitation(AbstractOrganizationInvitation):
    """One address, invited with a role.  `invitee_identifier` is the lower-cased address.

    `token_hash` is the SHA-256 of the token in the mailed link; the token itself is nowhere but in the mail.
    """

    class Status(models.TextChoices):
        PENDING = "pending"
        ACCEPTED = "accepted"
        DECLINED = "declined"
        REVOKED = "revoked"

    role = models.CharField(max_length=40)
    status = models.CharField(max_length=10, choices=Status, default=Status.PENDING)
    note = models.CharField(max_length=500, blank=True, default="")
    token_hash = models.CharField(max_length=64, null=True, unique=True, editable=False)
    sent_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = MongoManager()

    class Meta(AbstractOrganizationInvitation.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "invitee_identifier"],
                condition=models.Q(status="pending"),
                name="one_pending_invitation",
            )
        ]
        indexes = [
            models.Index(fields=["invitee_identifier", "status"], name="invitations_of_address"),
            models.Index(fields=["organization", "status", "created_at", "id"], name="invitations_of_organization"),
        ]

    @staticmethod
    def default_expiry() -> datetime:
        return timezone.now() + timedelta(days=INVITATION_DAYS)

    def __str__(self) -> str:
        return self.email

    def public_data(self) -> dict[str, Any]:
        """What webhooks tell of an invitation: `payloads.invitation` of config/events.yaml."""
        return {"id": self.pk, "email": self.email, "role": self.role, "status": str(self.status)}

    @property
    def email(self) -> str:
        return self.invitee_identifier

    @property
    def is_expired(self) -> bool:
        return self.expires_at <= timezone.now()


class OwnershipTransfer(OrgDocument):
    """The primary owner offers the organization to another member.  One offer at a time waits for its answer."""

    from_user_id = IdField(required=True)
    to_user_id = IdField(required=True)
    role_after = StringField(required=True)  # of the one who hands over
    status = StringField(required=True, default="pending", choices=("pending", "accepted", "declined", "cancelled"))
    reason = StringField()  # why it was cancelled without anybody asking for it
    expires_at = DateTimeField(required=True)
    answered_at = DateTimeField()

    meta = {
        "collection": "ownership_transfers",
        "indexes": [
            {
                "fields": ["organization_id"],
                "name": "one_pending_transfer",
                "unique": True,
                "partialFilterExpression": {"status": "pending"},
            },
            ["organization_id", "-created_at", "-id"],
        ],
    }


class OrganizationLogo(OrgDocument):
    """The picture of an organization, as we have written it: WebP, and small."""

    data = BinaryField(required=True)
    version = StringField(required=True)  # of the content; stands on the organization too

    meta = {"collection": "organization_logos", "indexes": [{"fields": ["organization_id"], "unique": True}]}
