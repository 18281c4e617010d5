"""Reading and writing projects.  Each write records its event in the same transaction."""

import re
from typing import Any

from django.http import HttpRequest
from mongoengine import NotUniqueError

from organizations import roles
from organizations.activity.sink import keep_from_others
from organizations.models import Membership, Organization
from organizations.projects.models import Project, Status, Visibility, name_key
from organizations.projects.rules import seen_by
from saas import events
from saas.db import atomic
from saas.errors import Problem
from saas.mongo.fields import new_key
from saas.paging import Page, page_of
from saas.tenancy import now

#: The orders of the list, by their names in the address.
ORDERS = {"newest": "-created_at", "changed": "-updated_at", "name": "name_key"}
#: What the list reads of each project.
LISTED = ("name", "status", "tags", "visibility", "created_by", "created_at", "updated_at", "archived_at")


class EditConflict(Problem):
    """Somebody changed the project while the form was open.  `current` is the project as it is now."""

    def __init__(self, current: Project) -> None:
        super().__init__("Somebody changed this project while you were editing it. Reload the page to see it.")
        self.current = current


class ProjectArchived(Problem):
    """An archived project stays as it is."""


class ProjectGone(Problem):
    """Somebody deleted the project."""

    status = 404


class NotAMember(Problem):
    """A project is shared with members of its organization only."""


# -- Reading -----------------------------------------------------------------------------------------------------------


def visible_projects(*, org: Organization, actor: Any) -> Any:
    """The projects of `org` that `actor` may see, as a queryset.  No read."""
    projects = Project.objects.for_org(org)
    if roles.can_everywhere(actor, "project.read", org=org):
        return projects
    return projects.filter(seen_by(actor))


def list_projects(
    *,
    org: Organization,
    actor: Any,
    view: str = "all",
    status: str = "",
    tag: str = "",
    q: str = "",
    sort: str = "newest",
    cursor: str = "",
    size: int = 20,
) -> Page[dict[str, Any]]:
    """One page of the list, as dictionaries.  One read.

    `view` is all, mine or archived; `q` is the beginning of a name, in any case; `sort` is a key of ORDERS.
    """
    found = visible_projects(org=org, actor=actor)
    found = found.filter(archived_at__ne=None) if view == "archived" else found.filter(archived_at=None)
    if view == "mine":
        found = found.filter(created_by=actor.pk)
    if status:
        found = found.filter(status=status)
    if tag:
        found = found.filter(tags=tag)
    if q:
        found = found.filter(__raw__={"name_key": {"$regex": f"^{re.escape(name_key(q))}"}})
    return page_of(found, order=ORDERS[sort], cursor=cursor, size=size, only=LISTED)


# -- Writing -----------------------------------------------------------------------------------------------------------


def create_project(
    *,
    org: Organization,
    actor: Any,
    name: str,
    description: str = "",
    status: str = Status.PLANNED.value,
    tags: list[str] | None = None,
    key: str = "",
    request: HttpRequest | None = None,
) -> Project:
    """Create a project.

    `key` is an id that was made with the form: the same form sent twice makes one project and answers it twice.
    """
    values = {"name": name, "description": description, "status": status, "tags": tags or []}
    try:
        return add_project(org=org, actor=actor, key=key or new_key(), values=values, request=request)
    except NotUniqueError:
        first = Project.objects.for_org(org).filter(pk=key, created_by=actor.pk).first()
        if first is not None and not differences(first, values):
            return first
        return add_project(org=org, actor=actor, key=new_key(), values=values, request=request)


@atomic
def add_project(
    *, org: Organization, actor: Any, key: str, values: dict[str, Any], request: HttpRequest | None
) -> Project:
    """The transaction of `create_project`.  Raises NotUniqueError when there is a project of this id."""
    project = Project.objects.for_org(org).create(
        id=key, name_key=name_key(values["name"]), created_by=actor.pk, updated_by=actor.pk, **values
    )
    events.record("project.created", org=org, actor=actor, target=project, after=values, request=request)
    return project


@atomic
def update_project(
    *,
    org: Organization,
    actor: Any,
    project: Project,
    version: int,
    name: str,
    description: str,
    status: str,
    tags: list[str],
    request: HttpRequest | None = None,
) -> Project:
    """Change a project that the actor saw as `version`, and answer it as it is now.

    Where nothing differs nothing is written, so the same form sent twice is one change.  Raises EditConflict,
    ProjectArchived, ProjectGone.
    """
    current = project_now(org=org, project=project)
    after = {"name": name, "description": description, "status": status, "tags": tags}
    before = differences(current, after)
    if not before:
        return current
    check_editable(current, version)
    saved = write(current, actor=actor, **after, name_key=name_key(name))
    after = {field: after[field] for field in before}
    events.record("project.updated", org=org, actor=actor, target=saved, before=before, after=after, request=request)
    return saved


@atomic
def share_project(
    *,
    org: Organization,
    actor: Any,
    project: Project,
    version: int,
    visibility: str,
    shared_with: list[str],
    request: HttpRequest | None = None,
) -> Project:
    """Decide who sees a project: the organization, or its creator and the people of `shared_with` (ids).

    Raises NotAMember, EditConflict, ProjectArchived, ProjectGone.
    """
    people = sorted(set(shared_with)) if visibility == Visibility.PRIVATE else []
    current = project_now(org=org, project=project)
    after = {"visibility": visibility, "shared_with": people}
    before = differences(current, after)
    if not before:
        return current
    check_editable(current, version)
    check_members(org, people)
    saved = write(current, actor=actor, **after)
    keep_from_others(org, saved.id, readers=readers_of(saved))
    events.record("project.shared", org=org, actor=actor, target=saved, before=before, after=after, request=request)
    return saved


@atomic
def archive_project(*, org: Organization, actor: Any, project: Project, request: HttpRequest | None = None) -> Project:
    """Take a project out of the lists; one that is archived stays as it is.  Raises ProjectGone."""
    current = project_now(org=org, project=project)
    if current.archived_at:
        return current
    saved = write(current, actor=actor, archived_at=now())
    events.record("project.archived", org=org, actor=actor, target=saved, request=request, **archival(current, saved))
    return saved


@atomic
def restore_project(*, org: Organization, actor: Any, project: Project, request: HttpRequest | None = None) -> Project:
    """Bring an archived project back; any other stays as it is.  Raises ProjectGone."""
    current = project_now(org=org, project=project)
    if not current.archived_at:
        return current
    saved = write(current, actor=actor, archived_at=None)
    events.record("project.restored", org=org, actor=actor, target=saved, request=request, **archival(current, saved))
    return saved


@atomic
def delete_project(*, org: Organization, actor: Any, project: Project, request: HttpRequest | None = None) -> None:
    """Delete a project for good; one that is gone already is no error."""
    gone = Project.objects.for_org(org).filter(pk=project.pk).modify(remove=True)
    if gone is not None:
        before = {
            field: gone[field] for field in ("name", "description", "status", "tags", "visibility", "shared_with")
        }
        readers = readers_of(gone)
        keep_from_others(org, gone.id, readers=readers, is_gone=True)
        events.record(
            "project.deleted",
            org=org,
            actor=actor,
            target=gone,
            before=before,
            metadata={"readers": readers},
            request=request,
        )


# -- What the writes share ---------------------------------------------------------------------------------------------


def project_now(*, org: Organization, project: Project) -> Project:
    """The project as the database has it now.  Raises ProjectGone."""
    current = Project.objects.for_org(org).filter(pk=project.pk).first()
    if current is None:
        raise ProjectGone("Somebody deleted this project meanwhile.")
    return current


def readers_of(project: Project) -> list[str] | None:
    """The ids of those who see a private project beside who sees them all; None for one that everybody sees."""
    if project.visibility == Visibility.ORGANIZATION:
        return None
    return list(dict.fromkeys([project.created_by, *project.shared_with]))


def differences(project: Project, values: dict[str, Any]) -> dict[str, Any]:
    """What the project has in the fields where `values` says something else."""
    return {field: project[field] for field, value in values.items() if project[field] != value}


def check_editable(project: Project, version: int) -> None:
    """Raises ProjectArchived, EditConflict."""
    if project.archived_at:
        raise ProjectArchived("This project is archived. Restore it to change it.")
    if project.version != version:
        raise EditConflict(project)


def check_members(org: Organization, people: list[str]) -> None:
    """Raises NotAMember unless all of them are."""
    members = Membership.objects.filter(organization_id=org.pk, user_id__in=people, suspended_at=None)
    if people and members.count() < len(people):
        raise NotAMember("Somebody on this list is not a member of the organization any more. Reload the page.")


def write(project: Project, *, actor: Any, **values: Any) -> Project:
    """Write fields of the version that was read, with who and when; answers the new version.  Raises EditConflict."""
    saved = (
        Project.objects.for_org(project.organization_id)
        .filter(pk=project.pk, version=project.version)
        .modify(
            new=True,
            set__updated_by=actor.pk,
            set__updated_at=now(),
            inc__version=1,
            **{f"set__{field}": value for field, value in values.items()},
        )
    )
    if saved is None:
        raise EditConflict(project)
    return saved


def archival(before: Project, after: Project) -> dict[str, Any]:
    return {"before": {"archived_at": before.archived_at}, "after": {"archived_at": after.archived_at}}
