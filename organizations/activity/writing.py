"""The door for a founder's own code."""

from typing import Any

from django.http import HttpRequest

from saas.events import recording


def create_activity(
    org: Any,
    *,
    type: str,  # noqa: A002 - the field's name
    action: str,
    actor: Any = None,
    resource: str = "organization",
    resource_id: str | None = None,
    target: Any = None,
    permission: str | None = None,
    readers: list[str] | None = None,
    metadata: dict[str, Any] | None = None,
    request: HttpRequest | None = None,
) -> Any:
    """Write one event that appears in the feed and, as every event, in the audit log; answers the event.

    `action` follows the actor's name, with {target} where the target's name belongs: "sent the invoice {target}".
    `type` is a name of your own, such as "invoice.sent"; it need not stand in config/events.yaml.  `permission` is what
    a reader needs, without it the permission of the resource; `readers` are the ids of those who see it although their
    role does not see everything of that kind.
    """
    shown = {"sentence": action, "permission": permission, "readers": readers}
    return recording.write(
        type,
        action="create",
        resource=resource,
        resource_id=resource_id,
        sinks=("activity",),
        org=org,
        actor=actor,
        target=target,
        metadata={**(metadata or {}), "activity": {key: value for key, value in shown.items() if value is not None}},
        request=request,
    )
