"""The person, and how far the person is in getting started."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils import timezone
from django.utils.crypto import salted_hmac
from mongoengine import DateTimeField, DictField, ListField, StringField

from saas.mongo.fields import StrObjectIdField
from saas.tenancy import PlatformDocument, UserDocument


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **values: Any) -> "User":
        """Create a person; the address is stored lower-cased.  Raises IntegrityError when it is taken."""
        user = self.model(email=email.strip().lower(), **values)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **values: Any) -> "User":
        """Create a platform admin (`platform_role`); `manage.py create_admin` is the friendlier door."""
        return self.create_user(email, password, platform_role="platform_admin", **values)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # on abstract relations
    class Theme(models.TextChoices):
        SYSTEM = "system", "Same as my device"
        LIGHT = "light", "Light"
        DARK = "dark", "Dark"

    class Digest(models.TextChoices):
        OFF = "off", "Never"
        HOURLY = "hourly", "Every hour"
        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"

    id = StrObjectIdField(primary_key=True)
    email = models.EmailField("e-mail address", unique=True, max_length=254)
    name = models.CharField("name", max_length=120, blank=True)
    is_active = models.BooleanField(default=True)
    #: A role of scope `platform` in config/roles.yaml, or empty.  No form writes it; it is not `is_superuser`.
    platform_role = models.CharField(max_length=40, blank=True, default="", editable=False)

    theme = models.CharField("theme", max_length=10, choices=Theme, default=Theme.SYSTEM)
    locale = models.CharField("language", max_length=10, default="en")
    time_zone = models.CharField("time zone", max_length=64, default="UTC")
    email_digest = models.CharField("e-mail digest", max_length=10, choices=Digest, default=Digest.DAILY)
    analytics_consent = models.BooleanField("share usage statistics", default=False)

    #: Part of what every session carries: a new one ends them all at their next request.
    security_stamp = models.CharField(max_length=32, blank=True, default="", editable=False)
    #: Since then nobody signs in: somebody said "this was not me". A reset of the password opens the account again.
    locked_at = models.DateTimeField(null=True, blank=True, editable=False)
    #: The account is closed, and until then the person may have it back. Closed means `is_active` is False.
    deletes_at = models.DateTimeField(null=True, blank=True, editable=False)
    erasure_started_at = models.DateTimeField(null=True, blank=True, editable=False)  # no way back from here

    onboarded_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects = UserManager()

    class Meta:
        indexes: ClassVar = [models.Index(fields=["deletes_at"], name="people_to_erase")]

    def __str__(self) -> str:
        return self.display_name

    def clean(self) -> None:
        super().clean()
        self.email = self.email.strip().lower()

    @property
    def display_name(self) -> str:
        return self.name or self.email.partition("@")[0]

    def public_data(self) -> dict[str, Any]:
        """What webhooks tell of a person: `payloads.user` of config/events.yaml."""
        return {"id": self.pk, "email": self.email, "name": self.name}

    @property
    def is_staff(self) -> bool:
        """Django's admin asks for this name.  Our own gate is `saas.access.staff_only`."""
        return bool(self.platform_role)

    def get_full_name(self) -> str:
        return self.display_name

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Django's mark of a session, with the stamp beside the password."""
        salt = "django.contrib.auth.models.AbstractBaseUser.get_session_auth_hash"
        return salted_hmac(salt, self.password + self.security_stamp, secret=secret, algorithm="sha256").hexdigest()


class Onboarding(UserDocument):
    """One for each person.  `data` holds what was typed and not yet sent, by step and field."""

    current_step = StringField()
    completed_steps = ListField(StringField())
    skipped_steps = ListField(StringField())
    data = DictField()
    completed_at = DateTimeField()
    busy_until = DateTimeField()  # while a step is being applied, so that a double click applies it once

    meta = {"collection": "onboarding", "indexes": [{"fields": ["user_id"], "unique": True}]}


class UsedSecret(PlatformDocument):
    """That something which works once was used: `name` is a keyed hash of it (accounts/once.py)."""

    name = StringField(required=True)
    expires_at = DateTimeField(required=True)

    meta = {
        "collection": "used_secrets",
        "indexes": [{"fields": ["name"], "unique": True}, {"fields": ["expires_at"], "expireAfterSeconds": 0}],
    }
