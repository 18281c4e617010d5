"""The people and organizations of the tests.

    world = make_world()
    world.org, world.owner, world.admin, world.member, world.viewer       # one organization and its people
    world.other.org, world.other.owner, …                                 # another one
    world.outsider, world.staff                                           # of no organization
    world.client("admin").get(…)                                          # signed in, without a password

Rows are written directly, a few round trips for the whole world. Everybody's password is PASSWORD, under the quick
hash of tests/settings.py.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast
from uuid import uuid4

import factory
from allauth.account.models import EmailAddress
from django.contrib.auth.hashers import make_password
from django.test import Client
from django.utils import timezone

from accounts.models import User
from organizations.models import Invitation, Membership, Organization, OrganizationOwner
from organizations.projects.models import Project
from organizations.projects.services import create_project
from saas.audit.log import log_action
from saas.events.models import Event, events
from saas.jobs import Job, queue_processing
from saas.jobs.models import FAILED, jobs
from saas.mongo.fields import new_key
from saas.notifications import Notification, create_notification
from saas.tenancy import now
from saas.webhooks.endpoints import create_endpoint
from saas.webhooks.models import Webhook, WebhookDelivery, deliveries

PASSWORD = "correct horse battery staple"
ROLES = ("owner", "admin", "member", "viewer")


class UserFactory(factory.django.DjangoModelFactory):
    """Somebody who has confirmed the address and finished onboarding."""

    class Meta:
        model = User

    name = factory.Sequence(lambda n: f"Person {n}")
    email = factory.LazyAttributeSequence(lambda user, n: f"{user.name.lower().replace(' ', '.')}.{n}@example.com")
    password = factory.LazyFunction(lambda: make_password(PASSWORD))
    onboarded_at = factory.LazyFunction(timezone.now)


class OrganizationFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Organization

    id = factory.LazyFunction(new_key)
    name = factory.Sequence(lambda n: f"Organization {n}")
    slug = factory.LazyAttributeSequence(lambda org, n: f"{org.name.lower().replace(' ', '-')}-{n}")


class MembershipFactory(factory.django.DjangoModelFactory):
    class Meta:
        model = Membership

    id = factory.LazyFunction(new_key)
    organization = factory.SubFactory(OrganizationFactory)
    user = factory.SubFactory(UserFactory)
    role = "member"


@dataclass
class Tenant:
    """An organization with one person for each role, and things of its own."""

    org: Organization
    people: dict[str, User]
    memberships: dict[str, Membership]
    invitation: Invitation

    @cached_property
    def project(self) -> Project:
        """A project of the owner, made when it is first asked for."""
        return create_project(org=self.org, actor=self.owner, name=self.project_name)

    @property
    def event(self) -> Event:
        """What was recorded when the project was made."""
        return cast("Event", events().filter(resource_id=self.project.pk).first())

    @property
    def project_name(self) -> str:
        return f"{self.org.name} orchard"

    @cached_property
    def entry(self) -> Any:
        """An entry of the audit log, made when it is first asked for."""
        return log_action("read", "project", user=self.owner, organization=self.org)

    @cached_property
    def job(self) -> Job:
        """An export of the member that has failed, made when it is first asked for."""
        job = queue_processing(user=self.member, org=self.org, task="accounts.tasks.export_account")
        return cast("Job", jobs().filter(id=job.id).modify(new=True, set__state=FAILED, set__finished_at=now()))

    @cached_property
    def webhook(self) -> Webhook:
        """An endpoint of the owner that nobody answers at, made when it is first asked for."""
        values = {"name": f"{self.org.name} hook", "url": f"http://localhost:9/{self.org.slug}", "events": ["*"]}
        return create_endpoint(org=self.org, actor=self.owner, **values)[0]

    @cached_property
    def delivery(self) -> WebhookDelivery:
        """A delivery that has failed, made when it is first asked for."""
        values = {"organization_id": self.org.pk, "event_id": new_key(), "message_id": f"msg_{new_key()}"}
        values |= {"event": "project.created", "payload": "{}", "status": "failed"}
        return cast("WebhookDelivery", deliveries().create(webhook_id=self.webhook.id, **values))

    @cached_property
    def notification(self) -> Notification:
        """An unread one of the member, which leads to the dashboard; made when it is first asked for."""
        link = f"/o/{self.org.slug}/"
        made = create_notification(user=self.member, organization=self.org, title=f"From {self.org.name}", link=link)
        return cast("Notification", made)

    def __getattr__(self, name: str) -> Any:
        if name in ROLES:
            return self.people[name]
        raise AttributeError(name)

    @property
    def words(self) -> list[str]:
        """What must never be seen by somebody of another tenant."""
        named = [self.org.name, self.org.slug, self.invitation.invitee_identifier, self.project_name]
        return [*named, *(user.name for user in self.people.values()), *(user.email for user in self.people.values())]


@dataclass
class World:
    tenant: Tenant
    other: Tenant
    outsider: User
    staff: User
    clients: dict[str, Client] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.tenant, name)

    def person(self, who: str) -> User:
        """Somebody by name: a role, `outsider`, `staff`, or `other.<role>`."""
        place, _, role = who.rpartition(".")
        return getattr(self.other if place else self, role)

    def client(self, who: str = "nobody") -> Client:
        """A browser in which this person is signed in; the same one each time.  `nobody` has one too."""
        if who not in self.clients:
            self.clients[who] = Client(raise_request_exception=True)
            if who != "nobody":
                self.clients[who].force_login(self.person(who))
        return self.clients[who]


def make_world() -> World:
    """Two organizations with an owner, admin, member and viewer each, an outsider and a person of the staff."""
    people = {who: UserFactory.build(name=who.title()) for who in ("outsider", "staff")}
    people["staff"].platform_role = "platform_admin"
    tenants = [_build_tenant("Acorn"), _build_tenant("Birch")]
    users = [*people.values(), *(user for tenant in tenants for user in tenant.people.values())]
    User.objects.bulk_create(users)
    EmailAddress.objects.bulk_create(EmailAddress(user=u, email=u.email, verified=True, primary=True) for u in users)
    Organization.objects.bulk_create([tenant.org for tenant in tenants])
    Membership.objects.bulk_create([m for tenant in tenants for m in tenant.memberships.values()])
    OrganizationOwner.objects.bulk_create(
        OrganizationOwner(organization=tenant.org, organization_user=tenant.memberships["owner"]) for tenant in tenants
    )
    Invitation.objects.bulk_create([tenant.invitation for tenant in tenants])
    return World(tenant=tenants[0], other=tenants[1], **people)


def _build_tenant(name: str) -> Tenant:
    org = OrganizationFactory.build(name=f"{name} Works")
    people = {role: UserFactory.build(name=f"{name} {role.title()}") for role in ROLES}
    memberships = {
        role: MembershipFactory.build(organization=org, user=user, role=role) for role, user in people.items()
    }
    invitation = Invitation(
        id=new_key(),
        guid=uuid4(),
        organization=org,
        invited_by=people["owner"],
        invitee_identifier=f"invited.{name.lower()}@example.com",
        role="member",
        expires_at=Invitation.default_expiry(),
    )
    return Tenant(org=org, people=people, memberships=memberships, invitation=invitation)


#: For each argument of a URL: what belongs there for a tenant. A URL with another argument fails the walks until it
#: has its line here.
ARGUMENTS: dict[str, Any] = {
    "org_slug": lambda tenant: tenant.org.slug,
    "organization_id": lambda tenant: tenant.org.pk,
    "invitation_id": lambda tenant: tenant.invitation.pk,
    "project_id": lambda tenant: tenant.project.pk,
    "webhook_id": lambda tenant: tenant.webhook.id,
    "delivery_id": lambda tenant: tenant.delivery.id,
    "membership_id": lambda tenant: tenant.memberships["member"].pk,
    "user_id": lambda tenant: tenant.member.pk,
    "job_id": lambda tenant: tenant.job.pk,
    "entry_id": lambda tenant: tenant.entry.id,
    "event_id": lambda tenant: tenant.event.pk,
    "sink": lambda tenant: "activity",
    "notification_id": lambda tenant: tenant.notification.pk,
    "schedule_id": lambda tenant: new_key(),  # there is none
    "address_id": lambda tenant: new_key(),  # there is none
    # the same for every tenant
    "token": lambda tenant: "no-such-token",  # a right one opens its page to everybody who has it
    "step": lambda tenant: "welcome",
    "key": lambda tenant: "no-such-key",
    "name": lambda tenant: "orders",  # a receiver of the sandbox
    "theme": lambda tenant: "light",
    "uidb36": lambda tenant: "0",
    "pk": lambda tenant: "0" * 24,  # a passkey, which is a person's and no tenant's
    "session_id": lambda tenant: "0" * 24,
    "provider_id": lambda tenant: "no-such-service",
}
#: Arguments that name something of a tenant.
NOT_OF_A_TENANT = {
    "token",
    "step",
    "key",
    "name",
    "uidb36",
    "theme",
    "sink",
    "schedule_id",
    "address_id",
    "pk",
    "session_id",
    "provider_id",
}
OWNED_ARGUMENTS = frozenset(ARGUMENTS) - NOT_OF_A_TENANT
