"""The staff follows events through the sinks, and helps where one is stuck."""

import re
from datetime import timedelta

import pytest

from organizations.projects.services import create_project
from saas.events import dispatching, record, sinks
from saas.events.models import DONE, PARKED, events, runs, streams
from saas.tenancy import now
from tests.factories import make_world

URL = "/admin/events/"
HTMX = {"HX-Request": "true"}


class Switch:
    """A sink that fails until it is mended."""

    def __init__(self):
        self.is_broken = False
        self.did = []

    def deliver(self, event):
        if self.is_broken:
            raise ValueError("The index is away.")
        self.did.append(event.id)
        return {"entry": "made", "count": 2}


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def staff(world):
    return world.client("staff")


@pytest.fixture
def switch(monkeypatch):
    made = Switch()
    known = {"activity": sinks.get("activity"), "search": sinks.Sink("search", "Search", made.deliver)}
    monkeypatch.setattr(sinks, "_sinks", known)
    return made


@pytest.fixture
def event(world, switch):
    """A project was created a moment ago."""
    project = create_project(org=world.org, actor=world.member, name="Harbor", description="Deep water")
    return events().filter(resource_id=project.id).first()


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def due_now():
    for stream in streams():
        for name in stream.troubles:
            streams().filter(key=stream.key).update(**{f"set__troubles__{name}__due_at": now() - timedelta(seconds=1)})


def park(world, switch):
    switch.is_broken = True
    for _ in range(len(dispatching.PAUSES) + 1):
        dispatching.dispatch(world.org.pk)
        due_now()


# -- The list and the matrix -------------------------------------------------------------------------------------------


def test_an_event_is_followed_from_waiting_to_done(world, staff, event, dispatch_events):
    before = staff.get(URL)
    assert "project.created" in text_of(before)
    assert "Acorn Works 1" in text_of(before), "so many wait in this organization"
    assert 'hx-trigger="every 1s"' in before.content.decode()
    dispatch_events()
    after = staff.get(URL, headers=HTMX)
    assert "<html" not in after.content.decode()
    assert "Nothing waits" in text_of(after)
    assert re.search(r"Search: Done \d+ ms", text_of(after))
    assert "No. 1" in text_of(after)
    assert 'hx-trigger="every 4s"' in after.content.decode()


def test_events_of_all_organizations_are_there_and_of_one(world, staff, event):
    create_project(org=world.other.org, actor=world.other.owner, name="Elsewhere")
    assert "Elsewhere" in text_of(staff.get(URL))
    assert "Elsewhere" not in text_of(staff.get(URL, {"organization": world.org.pk}))
    assert staff.get(URL, {"organization": "nonsense"}).status_code == 200


def test_the_matrix_shows_every_event_and_which_sinks_run(staff, switch):
    page = staff.get(f"{URL}matrix/")
    from saas.events import catalogue

    for name in catalogue.load().events:
        assert f"<code>{name}</code>" in page.content.decode()
    assert "not running" in text_of(page), "nobody has registered analytics here"


def test_the_list_costs_as_much_for_many_as_for_few(world, staff, event, count_queries, no_scans):
    staff.get(URL)
    with count_queries() as few:
        staff.get(URL)
    for n in range(25):
        create_project(org=world.org, actor=world.owner, name=f"Project {n}")
    dispatching.dispatch(world.org.pk)
    with no_scans(), count_queries() as many:
        staff.get(URL)
    assert len(many) <= len(few)


# -- One event ---------------------------------------------------------------------------------------------------------


def test_one_event_shows_its_way_and_what_it_holds(staff, event, dispatch_events):
    dispatch_events()
    page = text_of(staff.get(f"{URL}{event.id}/"))
    for words in ("project.created", "Acorn Member", "Sealed", "Deep water", "entry", "made", "Arrived"):
        assert words in page
    assert re.search(r"Search Done \d+ ms", page)


def looks():
    found = events().filter(event="audit.read").order_by("created_at")
    return [(each.organization_id, each.user_id, each.actor["type"], each.metadata["filters"]) for each in found]


def test_an_event_that_the_staff_opens_is_noted_in_its_organizations_log(world, staff, event):
    for _ in range(3):
        staff.get(f"{URL}{event.id}/")
        staff.get(f"{URL}{event.id}/", headers=HTMX)
    assert looks() == [(world.org.pk, world.staff.pk, "support", {"entry": event.id})], "once in an hour"
    assert "Support" in text_of(world.client("owner").get(f"/o/{world.org.slug}/audit/?event=audit.read"))


def test_an_event_of_the_platform_or_of_nobody_any_more_is_noted_in_the_platforms_log(world, staff):
    own = record("user.logged_out", actor=world.owner, target=world.owner)
    orphan = record("project.created", org="0" * 24, actor=world.owner)
    for each in (own, orphan):
        staff.get(f"{URL}{each.id}/")
    assert looks() == [(None, world.staff.pk, "user", {"entry": each.id}) for each in (own, orphan)]


def test_following_the_events_is_noted_once_and_for_one_organization_in_its_log(world, staff, event):
    for _ in range(3):
        staff.get(URL, headers=HTMX)
        staff.get(URL, {"organization": world.org.pk}, headers=HTMX)
    assert looks() == [
        (None, world.staff.pk, "user", {"events": "everywhere"}),
        (world.org.pk, world.staff.pk, "support", {"events": world.org.pk}),
    ]


def test_a_sink_does_an_event_again_and_the_log_says_who_asked(world, staff, event, switch, dispatch_events):
    dispatch_events()
    assert switch.did == [event.id]
    answer = staff.post(f"{URL}{event.id}/search/replay/")
    assert answer.status_code == 303
    assert switch.did == [event.id, event.id]
    assert "Done again" in text_of(staff.get(answer["Location"]))
    note = events().filter(event="sink.replayed").first()
    assert (note.user_id, note.metadata["sink"], note.resource_id) == (world.staff.pk, "search", event.id)


def test_what_is_on_its_way_is_not_sent_twice(staff, event, switch):
    staff.post(f"{URL}{event.id}/search/replay/")
    assert switch.did == []
    assert "is on its way" in text_of(staff.get(f"{URL}{event.id}/"))
    assert events().filter(event="sink.replayed").first() is None


def test_a_pause_is_ended(world, staff, event, switch):
    switch.is_broken = True
    dispatching.dispatch(world.org.pk)
    page = text_of(staff.get(f"{URL}{event.id}/"))
    assert "Trying again" in page
    assert "The index is away." in page
    switch.is_broken = False
    dispatching.dispatch(world.org.pk)
    assert switch.did == [], "the pause is not over"
    staff.post(f"{URL}{event.id}/search/retry/")
    dispatching.dispatch(world.org.pk)
    assert switch.did == [event.id]
    assert events().filter(event="sink.retried").first().metadata["sink"] == "search"
    staff.post(f"{URL}{event.id}/search/retry/")
    assert "does not wait for this event any more" in text_of(staff.get(f"{URL}{event.id}/"))


def test_what_was_given_up_is_listed_and_done_again(world, staff, event, switch):
    park(world, switch)
    assert runs().filter(event_id=event.id, state=PARKED).first()
    assert "See what is parked" in text_of(staff.get(URL))
    assert "The index is away." in text_of(staff.get(f"{URL}parked/", {"sink": "search"}))
    assert "Nothing is parked" in text_of(staff.get(f"{URL}parked/", {"sink": "activity"}))
    staff.post(f"{URL}{event.id}/search/replay/")
    assert "has failed again: ValueError: The index is away." in text_of(staff.get(f"{URL}{event.id}/"))
    assert events().filter(event="sink.replayed").first() is None
    switch.is_broken = False
    staff.post(f"{URL}{event.id}/search/replay/")
    assert runs().filter(event_id=event.id, sink="search").first().state == DONE
    assert "Nothing is parked" in text_of(staff.get(f"{URL}parked/"))


def test_nothing_that_is_not_there_can_be_asked_for(staff, event):
    assert staff.get(f"{URL}{'0' * 24}/").status_code == 404
    assert staff.post(f"{URL}{event.id}/nothing/replay/").status_code == 404
    assert staff.post(f"{URL}{'0' * 24}/search/retry/").status_code == 404


def test_what_an_event_holds_stays_text(world, staff, switch):
    project = create_project(org=world.org, actor=world.owner, name="<script>alert(1)</script>")
    event = events().filter(resource_id=project.id).first()
    for url in (URL, f"{URL}{event.id}/"):
        assert "<script>alert" not in staff.get(url).content.decode()
