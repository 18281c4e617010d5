"""From the events to the feed: the sink `activity`, and what follows when an object or a name changes."""

from typing import Any

from accounts.models import User
from organizations.activity.models import Activity
from organizations.models import Membership
from saas import live, resources
from saas.events import catalogue
from saas.events.models import Event, streams

CLOSED: tuple[str, ...] = ()  # nobody but those whose role sees everything


def deliver(event: Event) -> dict[str, Any] | None:
    """Write the line of one event; what is there already stays.  At most two reads and two writes."""
    if not event.organization_id:
        return follow_person(event)
    declared = catalogue.find(event.event)
    own = event.metadata.get("activity") or {}
    found = described(event)
    readers = readers_of(event, found, own)
    values = {
        "event_id": event.id,
        "sequence": event.sequence or 0,
        "user_id": event.user_id,
        "actor_name": event.actor.get("name") or "",
        "type": event.event,
        "action": own.get("sentence") or (declared.sentence if declared else event.action),
        "resource": event.resource,
        "resource_id": event.resource_id,
        "target_name": event.targets[0]["name"] if event.targets else None,
        "is_gone": True if event.action == "delete" else None,
        "metadata": shown_metadata(event),
        "permission": own.get("permission") or permission_of(event.resource, declared),
        "readers": None if readers is None else list(readers),
        "has_own_readers": True if own.get("readers") is not None else None,
        "created_at": event.created_at,
    }
    given = {f"set_on_insert__{name}": value for name, value in values.items() if value is not None}
    Activity.objects.for_org(event.organization_id).filter(pk=event.id).update(upsert=True, **given)
    changed = follow_object(event, found, readers)
    live.publish(live.org_channel(event.organization_id), "activity")
    return {"line": event.id, "earlier_lines_changed": changed} if changed else {"line": event.id}


def described(event: Event) -> resources.Description | None:
    """The event's object as it is now; None for one that is gone and for what no resource describes."""
    resource = resources.get(event.resource)
    if resource is None or not event.resource_id:
        return None
    return resource.describe(str(event.organization_id), [event.resource_id]).get(event.resource_id)


def permission_of(resource_name: str, declared: catalogue.Declaration | None) -> str:
    resource = resources.get(resource_name)
    return (declared and declared.permission) or (resource.permission if resource else "organization.read")


def readers_of(event: Event, found: resources.Description | None, own: dict[str, Any]) -> tuple[str, ...] | None:
    """Who sees the object beside those who see all of its kind; None for everybody who has the permission.

    Of an object that is gone the event itself says it, or its earlier lines; where nobody says it, it stays closed.
    """
    if own.get("readers") is not None:
        theirs = found.readers if found is not None else None
        return tuple(key for key in own["readers"] if theirs is None or key in theirs)
    if found is not None:
        return found.readers
    if resources.get(event.resource) is None or not event.resource_id:
        return None
    if "readers" in event.metadata:
        said = event.metadata["readers"]
    else:
        feed = Activity.objects.for_org(event.organization_id).filter(resource_id=event.resource_id)
        earlier = feed.order_by("-created_at", "-id").only("readers").first()
        said = earlier.readers if earlier else CLOSED
    return None if said is None else tuple(said)


def shown_metadata(event: Event) -> dict[str, Any] | None:
    """Which fields a change was about, for the second line; the values stand in the audit log alone."""
    fields = sorted({*(event.before or {}), *(event.after or {})}) if event.action == "update" else []
    return {"fields": fields} if fields else None


# -- what follows -------------------------------------------------------------------------------------------------


def follow_object(event: Event, found: resources.Description | None, readers: tuple[str, ...] | None) -> int:
    """Bring the object's earlier lines up to date when its name, its readers or its existence changed."""
    lines = Activity.objects.for_org(event.organization_id).filter(resource_id=event.resource_id)
    after = event.after or {}
    change: dict[str, Any] = {}
    is_shown_to_others = False
    if not event.resource_id:
        return 0
    if event.action == "delete" and found is None:
        change, is_shown_to_others = {"set__is_gone": True}, True
    elif event.action == "create" and found is not None:  # somebody who has come back
        lines, change, is_shown_to_others = lines.filter(is_gone=True), {"unset__is_gone": 1}, True
    elif event.action == "update" and found is not None:
        change = {"set__target_name": found.title} if "name" in after else {}
        is_shown_to_others = "visibility" in after or "shared_with" in after
    if is_shown_to_others:
        show_to(lines, readers)
    return int(lines.update(**change)) if change else 0


def show_to(lines: Any, readers: Any) -> None:
    """Change who sees these lines; one that names its own readers never gets more of them."""
    change = {"unset__readers": 1} if readers is None else {"set__readers": list(readers)}
    lines.filter(has_own_readers__ne=True).update(**change)
    if readers is not None:
        lines.filter(has_own_readers=True).update(__raw__={"$pull": {"readers": {"$nin": list(readers)}}})


def keep_from_others(org: Any, resource_id: str, *, readers: Any, is_gone: bool = False) -> None:
    """Change who sees the lines of an object, in the caller's transaction: with its commit nobody else sees them.

    `readers` are ids, None for everybody.  A sink that writes a line of the object at this moment conflicts with the
    caller, and one of the two begins anew, so no line slips through with the old readers.
    """
    streams().filter(key=org.pk).update(inc__turn=1)
    lines = Activity.objects.for_org(org).filter(resource_id=resource_id)
    show_to(lines, readers)
    if is_gone:
        lines.update(set__is_gone=True)


def follow_person(event: Event) -> dict[str, Any] | None:
    """A person has another name: it changes in the lines of the organizations that the person belongs to."""
    user = User.objects.filter(pk=event.resource_id).only("name", "email").first() if event.resource == "user" else None
    if user is None:
        return None
    changed = 0
    for org_id in Membership.objects.filter(user_id=user.pk).values_list("organization_id", flat=True):
        feed = Activity.objects.for_org(org_id)
        changed += feed.filter(user_id=user.pk).update(set__actor_name=user.display_name)
        changed += feed.filter(resource_id=user.pk).update(set__target_name=user.display_name)
    return {"lines_changed": changed}
