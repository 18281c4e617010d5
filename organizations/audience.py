"""Who may know of something, and who is told: the answers that the spine's sinks ask this room for."""

from typing import Any

from bson import ObjectId

from accounts.models import User
from organizations import roles
from organizations.models import Membership, Organization
from organizations.services.permission import roles_with
from saas import resources
from saas.events import catalogue

NOBODY: dict[str, Any] = {"permission": {"$in": []}}


def search_filter(actor: Any, org: Organization) -> dict[str, Any]:
    """Conditions on `permission` and `readers` of a projection: what this member may know of.

    `permission` is what a reader needs; `readers` are the ids (str) of those who see the object although their role
    does not see all of its kind, and is missing where everybody does.
    """
    role = roles.role_now(actor, org)
    if role is None:
        return NOBODY
    everywhere = [name for name, conditions in role.grants.items() if None in conditions]
    somewhere = [name for name, conditions in role.grants.items() if None not in conditions]
    mine = {"permission": {"$in": somewhere}, "$or": [{"readers": None}, {"readers": str(actor.pk)}]}
    return {"$or": [{"permission": {"$in": everywhere}}, mine]} if somewhere else {"permission": {"$in": everywhere}}


def audience(name: str, event: Any) -> list[str]:
    """Ids of the active people who are told of an event, without who did it.  `name` as in config/events.yaml."""
    if name == "self":
        return [event.user_id] if event.user_id else []
    if name == "target":
        found = [target["id"] for target in event.targets if target["type"] == "user"]
    elif event.organization_id:
        found = members_with(event.organization_id, roles_of(name, event))
        readers = readers_of(event) if name == "readers" else None
        if readers is not None:
            found = [key for key in found if key in readers]
    else:
        found = []
    return [key for key in dict.fromkeys(found) if key != event.user_id]


def roles_of(name: str, event: Any) -> list[str]:
    if name == "owners":
        return roles_with("organization.delete")
    if permission := catalogue.permission_of(name):
        return roles_with(permission)
    resource = resources.get(event.resource) if name == "readers" else None
    return roles_with(resource.permission if resource else "organization.read")


def readers_of(event: Any) -> set[str] | None:
    """Those who may see the event's object; None for everybody who holds the permission of its resource."""
    resource = resources.get(event.resource)
    if resource is None or not event.resource_id:
        return None
    found = resource.describe(event.organization_id, [event.resource_id]).get(event.resource_id)
    # Of what is gone only its last event says who could see it; an earlier one tells those who see everything.
    readers = found.readers if found else event.metadata.get("readers", ())
    if readers is None:
        return None
    all_seeing = [role.name for role in roles.organization_roles() if None in role.grants.get(resource.permission, ())]
    return {*readers, *members_with(event.organization_id, all_seeing)}


def members_with(organization_id: str, names: list[str]) -> list[str]:
    mine = Membership.objects.filter(organization_id=organization_id, role__in=names, suspended_at=None)
    return list(mine.values_list("user_id", flat=True))


def organizations_of(user_id: str) -> list[str]:
    """Ids of the organizations in which this person is an active member."""
    return list(Membership.objects.filter(user_id=user_id, suspended_at=None).values_list("organization_id", flat=True))


def organization_named(name: str) -> Organization | None:
    """The organization at this address, or with this id."""
    by = {"pk": name} if ObjectId.is_valid(name) else {"slug": name}
    found: Organization | None = Organization.objects.filter(**by).first()
    return found


def members_named(org: Organization, text: str) -> list[str]:
    """Ids of the members whose name holds this text, suspended ones too."""
    ids = list(Membership.objects.filter(organization_id=org.pk).values_list("user_id", flat=True))
    people = User.objects.filter(pk__in=ids).only("name", "email")
    return [user.pk for user in people if text.casefold() in user.display_name.casefold()]


def organizations_by_id(ids: Any) -> dict[str, Organization]:
    """The organizations with these ids that exist, by id."""
    wanted = {key for key in ids if key and ObjectId.is_valid(key)}
    return {org.pk: org for org in Organization.objects.filter(pk__in=wanted)} if wanted else {}
