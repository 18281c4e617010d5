"""A line of the feed as a sentence, the lines by day, and the words of the filters."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format

from organizations import roles
from saas import hooks, resources
from saas.events import catalogue

#: Kinds of things that the feed speaks of and that have no page of their own.
KINDS = {"organization": "The organization", "ownership": "Ownership"}
ICONS = {"organization": "building-2", "ownership": "key-round"}
#: Fields of a change, where the word is another one than the field's.
FIELDS = {"shared_with": "who it is shared with", "visibility": "who can see it", "slug": "web address"}


def lines_of(rows: Iterable[dict[str, Any]], *, org: Any, viewer: Any) -> list[dict[str, Any]]:
    """The rows with what their sentence is made of.  No read."""
    return [line_of(row, org=org, viewer=viewer) for row in rows]


def line_of(row: dict[str, Any], *, org: Any, viewer: Any) -> dict[str, Any]:
    before, _, after = row["action"].partition("{target}")
    fields = (row.get("metadata") or {}).get("fields", ())
    return {
        **row,
        "before": before,
        "target": row.get("target_name") or "something" if "{target}" in row["action"] else "",
        "after": after,
        "url": "" if row.get("is_gone") else url_of(row, org=org, viewer=viewer),
        "is_gone": bool(row.get("is_gone")),
        "is_me": row.get("user_id") == viewer.pk,
        "icon": icon_of(row["resource"]),
        "details": ", ".join(FIELDS.get(name, name.replace("_", " ")) for name in fields),
    }


def url_of(row: dict[str, Any], *, org: Any, viewer: Any) -> str:
    resource = resources.get(row["resource"])
    if resource is None or not hooks.can(viewer, resource.permission, org=org):
        return ""
    return resources.url_of(org, row["resource"], row.get("resource_id"))


def icon_of(resource_name: str) -> str:
    resource = resources.get(resource_name)
    return resource.icon if resource else ICONS.get(resource_name, "activity")


def by_day(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """`{label, date, lines}` for each day of the reader's zone, in the order of the lines."""
    return [
        {"label": words_of(day), "date": day, "lines": list(each)}
        for day, each in groupby(lines, key=lambda line: timezone.localtime(line["created_at"]).date())
    ]


def words_of(day: date) -> str:
    today = timezone.localdate()
    if day == today:
        return "Today"
    if day == today - timedelta(days=1):
        return "Yesterday"
    return date_format(day, "l, j F" if day.year == today.year else "l, j F Y")


def types_of(org: Any, viewer: Any) -> list[tuple[str, list[tuple[str, str]]]]:
    """The events that this person may see in the feed, by the kind of their object, for a select."""
    shown = [
        each
        for each in catalogue.load().events.values()
        if each.feed and each.name.partition(".")[0] != "user" and may_see(each, org, viewer)
    ]
    return [
        (kind_words(kind), [(each.name, sentence_words(each.sentence)) for each in shown if each.resource == kind])
        for kind in dict.fromkeys(each.resource for each in shown)
    ]


def may_see(declared: catalogue.Declaration, org: Any, viewer: Any) -> bool:
    resource = resources.get(declared.resource)
    permission = declared.permission or (resource.permission if resource else "organization.read")
    return roles.can(viewer, permission, org=org)


def kinds_of() -> list[tuple[str, str]]:
    """What the feed speaks of, for a select."""
    shown = [each for each in catalogue.load().events.values() if each.feed and each.resource != "user"]
    return [(kind, kind_words(kind)) for kind in dict.fromkeys(each.resource for each in shown)]


def kind_words(kind: str) -> str:
    resource = resources.get(kind)
    return resource.plural if resource else KINDS.get(kind, kind.replace("_", " ").capitalize())


def sentence_words(sentence: str) -> str:
    words = sentence.replace(" {target}", " …") if not sentence.endswith(" {target}") else sentence[: -len(" {target}")]
    return words[:1].upper() + words[1:]
