"""The nouns of this room, as the platform services know them: projects, members, the organization itself."""

from collections.abc import Iterable, Iterator

from bson import ObjectId
from django.urls import reverse

from accounts.models import User
from organizations import roles
from organizations.models import Membership
from organizations.projects.models import Project
from organizations.projects.services import readers_of
from saas.resources import Description, Resource, register


def register_all() -> None:
    register(
        Resource(
            name="project",
            label="Project",
            plural="Projects",
            icon="folder-kanban",
            permission="project.read",
            url=lambda slug, id_: reverse("organizations:project_detail", args=[slug, id_]),
            describe=describe_projects,
            describe_all=all_projects,
        )
    )
    register(
        Resource(
            name="member",
            label="Member",
            plural="Members",
            icon="users",
            permission="organization.read",
            url=lambda slug, id_: reverse("organizations:member_person", args=[slug, id_]),
            describe=describe_members,
            describe_all=all_members,
            is_person=True,
        )
    )


# -- projects ----------------------------------------------------------------------------------------------------------


def describe_projects(org_id: str, ids: Iterable[str]) -> dict[str, Description]:
    found = Project.objects.for_org(org_id).filter(pk__in=list(ids))
    return {project.id: description_of(project) for project in found}


def all_projects(org_id: str) -> Iterator[Description]:
    for project in Project.objects.for_org(org_id).no_cache():
        yield description_of(project)


def description_of(project: Project) -> Description:
    readers = readers_of(project)
    kept = None if readers is None else tuple(readers)
    return Description(project.id, project.name, project.description or "", tuple(project.tags), kept)


# -- members -----------------------------------------------------------------------------------------------------------


def describe_members(org_id: str, ids: Iterable[str]) -> dict[str, Description]:
    """Active members by the ids of their users."""
    wanted = [key for key in ids if ObjectId.is_valid(key)]
    return {each.id: each for each in people_of(Membership.objects.filter(organization_id=org_id, user_id__in=wanted))}


def all_members(org_id: str) -> Iterator[Description]:
    yield from people_of(Membership.objects.filter(organization_id=org_id))


def people_of(memberships: object) -> Iterator[Description]:
    by_user = dict(memberships.filter(suspended_at=None).values_list("user_id", "role"))  # type: ignore[attr-defined]
    for user in User.objects.filter(pk__in=list(by_user), is_active=True).only("name", "email"):
        yield Description(user.pk, user.display_name, user.email, (roles.title_of(by_user[user.pk]).lower(),))
