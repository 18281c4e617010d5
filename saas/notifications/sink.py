"""The sink "notifications": tells an event to its audience, as config/events.yaml declares it."""

from typing import Any

from django.urls import reverse

from saas import hooks, resources
from saas.events import catalogue
from saas.events.catalogue import NO_LINK, Declaration, Notice
from saas.notifications.telling import LONGEST_TITLE, Message, tell


def deliver(event: Any) -> dict[str, Any] | None:
    """How many people hear of the event: in the app, by mail at once, in a digest."""
    declaration = catalogue.find(event.event)
    if declaration is None or declaration.notify is None:
        return None
    people = hooks.audience(declaration.notify.audience, event)
    organization = hooks.organizations([event.organization_id]).get(event.organization_id or "")
    message = message_of(event, declaration, declaration.notify, organization)
    told = tell(people, message, organization=organization)
    return {"told": told.in_app, "mailed": told.mailed, "digest": told.digest}


def message_of(event: Any, declaration: Declaration, notice: Notice, organization: Any) -> Message:
    has_page = leads_to_object(event, notice)
    wording = wording_of(event, declaration, organization)
    about = people_in(wording)
    return Message(
        kind=notice.kind,
        type=notice.type,
        title=title_of(wording),
        link=link_of(event, notice, organization),
        organization_id=event.organization_id,
        event=event.event,
        event_id=event.id,
        resource=event.resource if has_page else None,
        resource_id=event.resource_id if has_page else None,
        about=about or None,
        wording=wording if about else None,
    )


def wording_of(event: Any, declaration: Declaration, organization: Any) -> dict[str, Any]:
    """What the title is made of: the declaration's text, or the actor and the sentence of the feed; and the names.

    `{text, actor: {id, name}, target: {id, name}, organization: {name}}`, with the names as they were.
    """
    notice = declaration.notify
    target = event.targets[0] if event.targets else {}
    return {
        "text": (notice.title if notice else "") or "{actor} " + declaration.sentence,
        "actor": {"id": event.actor.get("id"), "name": event.actor.get("name") or "Somebody"},
        "target": {"id": target.get("id"), "name": target.get("name") or "something"},
        "organization": {"name": organization.name if organization else "your account"},
    }


def title_of(wording: dict[str, Any]) -> str:
    names = {part: wording[part]["name"] for part in ("actor", "target", "organization")}
    return str(wording["text"].format(**names))[:LONGEST_TITLE]


def people_in(wording: dict[str, Any]) -> list[str]:
    """By what the people are known whom the title may name: ids, and addresses where the name is one."""
    found = []
    for part in ("actor", "target"):
        if "{" + part + "}" in wording["text"]:
            name = wording[part]["name"]
            found += [wording[part]["id"], name.lower() if "@" in name else None]
    return [each for each in dict.fromkeys(found) if each]


def leads_to_object(event: Any, notice: Notice) -> bool:
    """Whether it opens the page of what was acted on: not when that is gone, or another page is declared."""
    return not notice.link and event.action != "delete" and bool(resources.get(event.resource) and event.resource_id)


def link_of(event: Any, notice: Notice, organization: Any) -> str | None:
    if leads_to_object(event, notice):
        return resources.url_of(organization, event.resource, event.resource_id) or None
    if not notice.link or notice.link == NO_LINK:
        return None
    if event.organization_id is None:
        return reverse(notice.link)
    return reverse(notice.link, args=[organization.slug]) if organization else None
