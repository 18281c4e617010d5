"""Everything is wired to the spine: what is declared is proved and documented.

That every write records its event is the walk of tests/writes/.
"""

from pathlib import Path

from django.conf import settings

from saas.events import catalogue, documentation


def test_every_event_is_proved_by_a_test():
    files = [path for path in Path(settings.BASE_DIR, "tests").rglob("*.py") if path != Path(__file__)]
    tests = "\n".join(path.read_text(encoding="utf-8") for path in files)
    unproved = [name for name in catalogue.load().events if f'"{name}"' not in tests]
    assert unproved == [], "No test names these. What a write records belongs into its recipe in tests/writes/."


def test_the_page_of_the_events_says_what_the_catalogue_says():
    assert documentation.is_current(), "docs/events.md is stale: run `make docs`."


def test_every_event_stands_in_the_page_of_the_events():
    page = documentation.text()
    for name in catalogue.load().events:
        assert f"### `{name}`" in page
