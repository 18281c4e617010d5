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
    return Message(
        kind=notice.kind,
        type=notice.type,
        title=title_of(event, declaration, organization),
        link=link_of(event, notice, organization),
        organization_id=event.organization_id,
        event=event.event,
        event_id=event.id,
        resource=event.resource if has_page else None,
        resource_id=event.resource_id if has_page else None,
    )


def title_of(event: Any, declaration: Declaration, organization: Any) -> str:
    """The declaration's title with the names as they were; without one, the actor and the sentence of the feed."""
    notice = declaration.notify
    text = (notice.title if notice else "") or "{actor} " + declaration.sentence
    names = {
        "actor": event.actor.get("name") or "Somebody",
        "target": (event.targets[0].get("name") if event.targets else "") or "something",
        "organization": organization.name if organization else "your account",
    }
    return text.format(**names)[:LONGEST_TITLE]


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
