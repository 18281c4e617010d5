"""The events in `docs/webhooks.md`, written from the catalogue, so that the page cannot say something else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings

from saas.webhooks import payloads

FILE = "docs/webhooks.md"
BEGIN, END = "<!-- events: written by `make docs` -->", "<!-- end of events -->"
RECEIVERS = {
    "organization": "the organization",
    "memberships": "every organization of the person",
    "platform": "the platform’s own endpoints",
}


def path() -> Path:
    return Path(settings.BASE_DIR, FILE)


def is_current() -> bool:
    return path().read_text(encoding="utf-8") == text()


def text() -> str:
    """The page with its events as they are now.  Raises ValueError for a page without their place."""
    page = path().read_text(encoding="utf-8")
    place = re.compile(f"(?<={re.escape(BEGIN)}\n).*(?={re.escape(END)})", re.DOTALL)
    if not place.search(page):
        raise ValueError(f"{FILE} has no place for the events: {BEGIN} … {END}")
    return place.sub(lambda _found: "\n".join(events()) + "\n", page)


def events() -> Iterator[str]:
    known = payloads.public_events()
    yield "\n| event | when | who hears it |\n| --- | --- | --- |"
    for event in known:
        heard = ", ".join(RECEIVERS[name] for name in event.receivers)
        yield f"| `{event.name}` | {event.description} | {heard} |"
    yield ""
    for event in known:
        sample = {"type": event.name, "timestamp": "2026-11-22T21:00:00.000Z", "data": event.sample}
        yield f"### `{event.name}`\n\n```json\n{json.dumps(sample, indent=2, ensure_ascii=False)}\n```\n"
