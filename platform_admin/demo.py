"""Demo data for development: an organization with one person in each role, made by the services that customers use."""

import json
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.models import User
from accounts.services import create_person
from organizations import services
from organizations.models import Membership, Organization

PASSWORD = "groundwork-demo"  # noqa: S105 - printed in the banner of development
ORGANIZATION = "Acme"


@dataclass(frozen=True, slots=True)
class Person:
    name: str
    role: str = ""
    platform_role: str = ""
    note: str = ""

    @property
    def email(self) -> str:
        return f"{(self.role or 'staff')}@groundwork.test"


PEOPLE = (
    Person("Olivia Owner", role="owner", note=f"owns {ORGANIZATION}"),
    Person("Adam Admin", role="admin", note="manages its members"),
    Person("Mia Member", role="member", note="works in it"),
    Person("Victor Viewer", role="viewer", note="reads"),
    Person("Stella Staff", platform_role="platform_admin", note="opens /admin/"),
)


def seed() -> bool:
    """Make what is missing; False when all is there, which takes one read.  Writes demo.json for the banner.

    The person of the staff comes last, so that her account says that everything before her is there.
    """
    if User.objects.filter(email=PEOPLE[-1].email).exists():
        write_logins()
        return False
    encoded = make_password(PASSWORD)
    *members, staff = PEOPLE
    for person in members:
        make_person(person, encoded)
    make_organization()
    make_person(staff, encoded)
    write_logins()
    return True


def make_person(person: Person, encoded: str) -> None:
    if not User.objects.filter(email=person.email).exists():
        create_person(email=person.email, encoded=encoded, name=person.name, platform_role=person.platform_role)


def make_organization() -> None:
    owner, *others = (User.objects.get(email=person.email) for person in PEOPLE if person.role)
    mine = Membership.objects.filter(user_id=owner.pk).first()
    org = (
        Organization.objects.get(pk=mine.organization_id)
        if mine
        else services.create_organization(name=ORGANIZATION, actor=owner)
    )
    for user, person in zip(others, PEOPLE[1:], strict=False):
        if not Membership.objects.filter(user_id=user.pk, organization_id=org.pk).exists():
            invitation = services.invite_member(org=org, actor=owner, email=user.email, role=person.role)
            services.accept_invitation(invitation=invitation, actor=user)


def write_logins() -> None:
    logins: list[dict[str, Any]] = [
        {"email": person.email, "password": PASSWORD, "note": person.note} for person in PEOPLE
    ]
    settings.DATA_DIR.mkdir(parents=True, exist_ok=True)
    (settings.DATA_DIR / "demo.json").write_text(json.dumps(logins, indent=2) + "\n")
