"""Entries as the pages show them.  No read."""

from typing import Any

from django.urls import reverse

from saas import resources
from saas.audit import chain
from saas.audit.diffing import diff
from saas.events import actors, catalogue

BADGES = {
    "create": "badge-success",
    "delete": "badge-danger",
    "denied": "badge-warning",
    "login_failed": "badge-warning",
    "impersonate": "badge-warning",
}
ACTIONS = {"login": "Sign-in", "login_failed": "Failed sign-in", "logout": "Sign-out"}
ICONS = {
    actors.USER: "user",
    actors.API_KEY: "key-round",
    actors.AGENT: "bot",
    actors.SUPPORT: "life-buoy",
    actors.SYSTEM: "cog",
    actors.VISITOR: "user-x",
}


def shown(row: dict[str, Any], org: Any = None) -> dict[str, Any]:
    """One entry for the list; `org` is the organization whose log it is, for links."""
    actor = row.get("actor") or {}
    kind = actor.get("type", actors.SYSTEM)
    return {
        **row,
        "actor": actor,
        "actor_name": actor.get("name") or "Somebody",
        "actor_type": actors.TYPES.get(kind, kind),
        "actor_icon": ICONS.get(kind, "user"),
        "is_support": kind == actors.SUPPORT,
        "on_behalf_of": (actor.get("on_behalf_of") or {}).get("name", ""),
        "sentence": sentence(row, org),
        "action_words": ACTIONS.get(row["action"], row["action"].replace("_", " ").capitalize()),
        "badge": BADGES.get(row["action"], ""),
        "target_name": ", ".join(each.get("name", "") for each in row.get("targets") or [] if each.get("name")),
        "target_url": target_url(row, org),
        "is_sealed": bool(row.get("hash")),
    }


def sentence(row: dict[str, Any], org: Any) -> str:
    """What was done, as it follows the actor's name."""
    if row["event"] == "access.denied":
        return f"was refused {(row.get('metadata') or {}).get('permission', '')}"
    declared = catalogue.find(row["event"])
    if declared is None:
        return (row.get("metadata") or {}).get("activity", {}).get("sentence") or row["event"]
    named = [each.get("name") for each in row.get("targets") or [] if each.get("name")]
    return declared.sentence.replace("{target}", named[0] if named else "something")


def target_url(row: dict[str, Any], org: Any) -> str:
    """Where the object is shown; "" where it is not, or was deleted by this very event."""
    is_gone = row["action"] == "delete" and row["event"].endswith((".deleted", ".removed"))
    if org is None or is_gone:
        return ""
    if row["resource"] == "organization":
        return reverse("organizations:dashboard", args=[org.slug])
    return resources.url_of(org, row["resource"], row.get("resource_id"))


def detail(row: dict[str, Any], org: Any = None) -> dict[str, Any]:
    """One entry with everything that is known of it."""
    resource = resources.get(row["resource"])
    parts = chain.erased_for(row)
    return {
        **shown(row, org),
        "lines": diff(row.get("before"), row.get("after")),
        "more": diff(None, row.get("metadata")),
        "resource_label": resource.label if resource else row["resource"].replace("_", " ").capitalize(),
        "erased": " and ".join(PART_WORDS[part] for part in parts),
    }


PART_WORDS = {"origin": "where it came from", "details": "what it was about"}
