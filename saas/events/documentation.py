"""`docs/events.md`, written from the catalogue: what each event is, and what becomes of it."""

import json
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from saas import resources
from saas.events import catalogue
from saas.events.catalogue import Declaration, Notice

FILE = "docs/events.md"
COLUMNS = {
    "activity": "Activity",
    "notifications": "Notification",
    "search": "Search",
    "webhooks": "Webhook",
    "analytics": "Analytics",
}
CHANNELS = {True: "at once", False: "never", "digest": "in a digest"}
INTRODUCTION = """\
# Events

Written from `config/events.yaml` by `make docs`; do not edit it by hand.

Every change writes one event in its own transaction. The event is the entry of the audit log; after the commit the
sinks below hear of it, each exactly once and in the order of the organization. `/admin/events/` shows it on its way.

A new event is an entry in `config/events.yaml` and one line in the service that makes the change:

```python
events.record("project.archived", org=org, actor=actor, target=project, before=before, after=after, request=request)
```
"""


def path() -> Path:
    return Path(settings.BASE_DIR, FILE)


def is_current() -> bool:
    """Whether the file says what the catalogue says."""
    return path().exists() and path().read_text(encoding="utf-8") == text()


def text() -> str:
    return "\n".join([INTRODUCTION, *matrix(), *events(), *kinds(), *payloads()])


def matrix() -> Iterator[str]:
    yield "## What goes where\n"
    yield "| Event | Action | Audit log | " + " | ".join(COLUMNS.values()) + " |"
    yield "| --- | --- | :-: |" + " :-: |" * len(COLUMNS)
    for each in declared():
        marks = " | ".join("✓" if name in each.sinks else "" for name in COLUMNS)
        yield f"| [`{each.name}`](#{anchor(each.name)}) | {each.action} | ✓ | {marks} |"
    yield ""


def events() -> Iterator[str]:
    yield "## Each of them\n"
    for each in declared():
        yield f"### `{each.name}`\n"
        yield f"*Somebody {each.sentence.replace('{target}', '…')}.* Action `{each.action}` of `{each.resource}`.\n"
        yield from becomes(each)


def becomes(each: Declaration) -> Iterator[str]:
    """A list of what the sinks make of it."""
    lines = [
        f"Activity: {reader_of(each)}" if each.feed else "",
        "Search: its entry follows" if each.search else "",
        notice_words(each.notify) if each.notify else "",
        f"Webhook: `{each.webhook.name}` with the payload [{each.webhook.payload}](#payload-{each.webhook.payload})"
        if each.webhook
        else "",
        f"Analytics: `{each.analytics}`" if each.analytics else "",
    ]
    found = [f"* {line}" for line in lines if line]
    if found:
        yield "\n".join(found) + "\n"


def reader_of(each: Declaration) -> str:
    resource = resources.get(each.resource)
    if each.resource == "user":
        return "the lines of the person follow"
    return f"for who has `{each.permission or (resource.permission if resource else 'organization.read')}`"


def notice_words(notice: Notice) -> str:
    title = f": “{notice.title}”" if notice.title else ""
    return f"Notification: {notice.type}, kind `{notice.kind}`, to `{notice.audience}`{title}"


def kinds() -> Iterator[str]:
    yield "## Kinds of notifications\n"
    yield "| Kind | What | In the app | By e-mail | Can be switched off |"
    yield "| --- | --- | --- | --- | --- |"
    for kind in catalogue.load().kinds.values():
        in_app, email = "yes" if kind.in_app else "no", CHANNELS[kind.email]
        yield f"| `{kind.key}` | {kind.description} | {in_app} | {email} | {'no' if kind.mandatory else 'yes'} |"
    yield ""


def payloads() -> Iterator[str]:
    yield "## Payloads of webhooks\n"
    for name, schema in catalogue.load().payloads.items():
        yield f'<a id="payload-{name}"></a>\n\n### {name}\n'
        yield "```json\n" + json.dumps(schema, indent=2, ensure_ascii=False) + "\n```\n"


def declared() -> list[Declaration]:
    return list(catalogue.load().events.values())


def anchor(name: str) -> str:
    """As GitHub makes it of the heading."""
    return name.replace(".", "")
