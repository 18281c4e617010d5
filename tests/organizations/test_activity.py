"""The activity feed: what it says, to whom, how it is paged, and what follows when things change."""

import html
import re
import threading
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
import time_machine
from bson import ObjectId
from pymongo.collection import Collection

from accounts.services import update_profile
from organizations import services as organization_services
from organizations.activity import create_activity, get_activity_feed
from organizations.activity import sink as activity_sink
from organizations.activity.tasks import forget_person
from organizations.projects import services
from organizations.projects.models import Project
from saas.data_map import Person
from saas.db import atomic
from saas.events import dispatching, sinks
from saas.events.models import Event, events
from saas.mongo.documents import get_collection
from saas.tenancy import now
from tests.factories import make_world

SIGNED_IN = 3  # round trips before a view begins: the person, the organization, the membership
HTMX = {"HX-Request": "true"}


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def address(world):
    return f"/o/{world.org.slug}/activity/"


@pytest.fixture
def make(world, dispatch_events):
    def make_project(name="Harbor", *, by="owner", **values):
        project = services.create_project(org=world.org, actor=world.person(by), name=name, **values)
        dispatch_events()
        return project

    return make_project


def share(world, project, *people):
    current = Project.objects.for_org(world.org).get(pk=project.pk)
    return services.share_project(
        org=world.org,
        actor=world.owner,
        project=current,
        version=current.version,
        visibility="private" if people else "organization",
        shared_with=[world.person(who).pk for who in people],
    )


def feed(world, who="owner", **filters):
    return get_activity_feed(world.org, viewer=world.person(who), **filters).rows


def types(world, who="owner", **filters):
    return [row["type"] for row in feed(world, who, **filters)]


def text_of(answer):
    page = re.sub(r"<(script|style|svg|option|select).*?</\1>", " ", answer.content.decode(), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", "", page).split())


# -- What it says ------------------------------------------------------------------------------------------------------


def test_somebody_reads_what_a_colleague_did(world, make, address):
    project = make("Harbor", by="member")
    answer = world.client("viewer").get(address)
    assert "Acorn Member created the project Harbor" in text_of(answer)
    assert f'href="/o/{world.org.slug}/projects/{project.id}/"' in answer.content.decode()
    assert "You created the project Harbor" in text_of(world.client("member").get(address))


def test_an_empty_feed_says_so(world, address):
    assert "Nothing has happened yet" in text_of(world.client("owner").get(address))


def test_lines_are_grouped_by_the_day_of_the_reader(world, make, address):
    world.owner.time_zone = "Pacific/Auckland"  # half a day ahead
    world.owner.save()
    with time_machine.travel(datetime(2026, 3, 10, 13, 0, tzinfo=UTC), tick=False):  # the 11th over there
        make("Harbor")
    with time_machine.travel(datetime(2026, 3, 10, 14, 0, tzinfo=UTC), tick=False):
        assert ">Today<" in world.client("owner").get(address).content.decode()
    with time_machine.travel(datetime(2026, 3, 11, 13, 0, tzinfo=UTC), tick=False):
        assert ">Yesterday<" in world.client("owner").get(address).content.decode()
        assert ">Yesterday<" in world.client("viewer").get(address).content.decode()
    with time_machine.travel(datetime(2026, 3, 14, 13, 0, tzinfo=UTC), tick=False):
        assert ">Wednesday, 11 March<" in world.client("owner").get(address).content.decode()
        assert ">Tuesday, 10 March<" in world.client("viewer").get(address).content.decode()


def test_what_somebody_typed_stays_text(world, make, address):
    make("<b>Harbor</b> {target} {{ 7|add:7 }}")
    page = world.client("viewer").get(address).content.decode()
    assert "&lt;b&gt;Harbor&lt;/b&gt; {target} {{ 7|add:7 }}" in page


def test_a_founder_adds_lines_of_his_own(world, address, dispatch_events):
    made = create_activity(
        world.org,
        actor=world.member,
        type="invoice.sent",
        action="sent the invoice {target} by post",
        target=world.project,
    )
    create_activity(
        world.org, actor=world.member, type="plan.changed", action="changed the plan", permission="billing.read"
    )
    dispatch_events()
    assert "sent the invoice Acorn Works orchard by post" in text_of(world.client("viewer").get(address))
    assert "plan.changed" in types(world, "admin")
    assert "plan.changed" not in types(world, "viewer")
    assert Event.objects.for_org(world.org).get(pk=made.id).event == "invoice.sent", "the audit log has it too"


def test_a_line_with_readers_of_its_own_is_for_them_alone(world, make, dispatch_events):
    project = make()
    own = [world.member.pk]
    create_activity(
        world.org,
        actor=world.owner,
        type="review.noted",
        action="noted",
        target=project,
        resource="project",
        readers=own,
    )
    dispatch_events()
    assert "review.noted" in types(world, "member")
    assert "review.noted" not in types(world, "viewer"), "although the project is open to all"
    share(world, project, "viewer")
    dispatch_events()
    assert "review.noted" not in types(world, "viewer"), "nor are they told when the project is shared with them"
    assert "review.noted" not in types(world, "member"), "who does not see the project any more"


# -- Exactly once, and who may know -----------------------------------------------------------------------------------


def test_a_replay_makes_no_second_line(world, make):
    project = make()
    event = events().filter(resource_id=project.id).first()
    dispatching.replay(event, sinks.get("activity"), actor=world.staff)
    assert types(world, resource_id=project.id) == ["project.created"]


def test_a_private_project_is_unknown_to_others(world, make, address, dispatch_events):
    project = make()
    assert "project.created" in types(world, "viewer")
    share(world, project, "member")
    assert types(world, "viewer") == [], "before any sink has heard of it"
    assert types(world, "member") == types(world, "admin") == ["project.created"]
    dispatch_events()
    for who in ("owner", "admin", "member"):
        assert types(world, who) == ["project.shared", "project.created"]
    assert types(world, "viewer") == []
    assert "Harbor" not in text_of(world.client("viewer").get(address))
    share(world, project)
    dispatch_events()
    assert types(world, "viewer") == ["project.shared", "project.shared", "project.created"]


def test_a_project_that_was_private_stays_so_when_it_is_deleted(world, make, address, dispatch_events):
    project = make()
    share(world, project, "member")
    services.delete_project(org=world.org, actor=world.owner, project=project)
    assert types(world, "viewer") == []
    dispatch_events()
    assert types(world, "viewer") == []
    assert types(world, "member") == ["project.deleted", "project.shared", "project.created"]
    page = world.client("member").get(address).content.decode()
    assert "deleted the project Harbor" in text_of(world.client("member").get(address))
    assert f"/projects/{project.id}/" not in page, "a link would lead nowhere"


def test_events_that_come_after_a_deletion_open_nothing(world, dispatch_events):
    project = services.create_project(org=world.org, actor=world.owner, name="Harbor")
    share(world, project, "member")
    services.delete_project(org=world.org, actor=world.owner, project=project)
    dispatch_events()
    assert types(world, "viewer") == []
    assert len(types(world, "member")) == 3


def test_a_line_that_is_being_written_while_the_circle_narrows_has_the_new_one(world, make, monkeypatch):
    """A sink has read who sees the project; then it is shared; then the sink writes."""
    project = make()
    services.update_project(
        org=world.org, actor=world.owner, project=project, version=project.version, name="Harbor", description="x",
        status="planned", tags=[],
    )  # fmt: skip
    original, tries = activity_sink.described, []

    def slowly(event):
        found = original(event)
        tries.append(event.event)
        if len(tries) == 1:
            other = threading.Thread(target=lambda: share(world, project, "member"))
            other.start()
            other.join()
        return found

    monkeypatch.setattr(activity_sink, "described", slowly)
    dispatching.dispatch(world.org.pk)
    assert tries[:2] == ["project.updated", "project.updated"], "the sink began anew"
    assert types(world, "viewer") == []
    assert "project.updated" in types(world, "member")


def test_what_concerns_managers_alone_is_for_them(world, dispatch_events):
    organization_services.invite_member(org=world.org, actor=world.owner, email="new@example.com", role="member")
    dispatch_events()
    assert "member.invited" in types(world, "admin")
    assert "member.invited" not in types(world, "member")


def test_another_organization_is_never_in_it(world, make):
    make()
    assert get_activity_feed(world.org, viewer=world.other.owner).rows == []
    assert get_activity_feed(world.other.org, viewer=world.owner).rows == []
    assert get_activity_feed(world.org, viewer=world.outsider).rows == []


def test_a_person_and_a_project_have_their_new_names(world, make, address, dispatch_events):
    project = make("Harbor", by="member")
    update_profile(user=world.member, values={"name": "Mona Newname"})
    services.update_project(
        org=world.org, actor=world.member, project=project, version=project.version, name="Port", description="",
        status="planned", tags=[],
    )  # fmt: skip
    dispatch_events()
    page = text_of(world.client("viewer").get(address))
    assert "Mona Newname created the project Port" in page
    assert "Harbor" not in page
    assert "Acorn Member" not in page


def test_a_person_whose_account_has_ended_has_no_name(world, make, dispatch_events):
    make("Harbor", by="member")
    make("Bridge", by="owner")
    member = world.member
    organization_services.change_role(
        org=world.org, actor=world.owner, membership=world.memberships["member"], role="admin"
    )
    dispatch_events()
    person = Person(member.pk, (member.email,), (member.name,))
    assert forget_person(person) == 2
    assert forget_person(person) == 0
    assert {row["actor_name"] for row in feed(world)} == {"Acorn Owner", "Deleted person"}
    assert next(row for row in feed(world) if row["type"] == "member.role_changed")["target_name"] == "Deleted person"


# -- Filters and places ------------------------------------------------------------------------------------------------


def test_the_feed_is_filtered_by_person_type_and_object(world, make, address):
    mine, theirs = make("Harbor"), make("Bridge", by="member")
    assert [row["target_name"] for row in feed(world, actor=world.member)] == ["Bridge"]
    assert [row["target_name"] for row in feed(world, resource="project", resource_id=mine.id)] == ["Harbor"]
    assert types(world, type="project.deleted") == []
    client = world.client("viewer")
    assert "Bridge" not in text_of(client.get(address, {"person": world.owner.pk}))
    assert "Harbor" not in text_of(client.get(address, {"about": theirs.id}))
    assert "Nothing like that" in text_of(client.get(address, {"type": "project.deleted"}))
    assert "Nothing like that" in text_of(client.get(address, {"resource": "member"}))
    for nonsense in ({"person": "x' || 1"}, {"about": "$ne"}, {"cursor": "nonsense"}, {"type": "no.such"}):
        assert client.get(address, nonsense).status_code == 200


def test_the_project_the_person_and_the_dashboard_show_their_part(world, make, address):
    project, other = make("Harbor", by="member"), make("Bridge", by="owner")
    client = world.client("viewer")
    of_project = text_of(client.get(f"{address}recent/", {"resource_id": project.id}))
    assert "Harbor" in of_project
    assert other.name not in of_project
    of_person = text_of(client.get(f"{address}recent/", {"about": world.member.pk}))
    assert "Harbor" in of_person
    assert "Bridge" not in of_person
    assert "Bridge" in text_of(client.get(f"{address}recent/"))
    base = f"/o/{world.org.slug}/"
    assert f"{address}recent/?resource_id={project.id}" in client.get(f"{base}projects/{project.id}/").content.decode()
    member_page = client.get(f"{base}members/{world.memberships['member'].pk}/").content.decode()
    assert f"{address}recent/?about={world.member.pk}" in member_page
    assert f"{address}recent/" in client.get(base).content.decode()


def test_the_bar_counts_what_has_come_since(world, make, address):
    make()
    client = world.client("viewer")
    latest = feed(world)[0]["sequence"]
    assert "new" not in text_of(client.get(f"{address}new/", {"seen": latest}, headers=HTMX))
    make("Bridge")
    make("Tower")
    bar = client.get(f"{address}new/", {"seen": latest, "resource": "project"}, headers=HTMX)
    assert text_of(bar) == "2 new"
    assert f"resource=project&amp;seen={latest}" in bar.content.decode()
    part = client.get(address, {"seen": latest}, headers=HTMX).content.decode()
    assert part.count("is-new") == 2
    assert "<html" not in part


# -- Cost, order and paging --------------------------------------------------------------------------------------------


def test_a_page_of_lines_costs_four_round_trips(world, make, address, count_queries, no_scans):
    for n in range(25):
        services.create_project(org=world.org, actor=world.owner, name=f"Project {n}")
    make()
    client = world.client("viewer")
    client.get(address)
    for query in ({}, {"person": world.owner.pk}, {"type": "project.created"}, {"resource": "project"}):
        with no_scans(sorted_by_index=True), count_queries(at_most=SIGNED_IN + 1):
            page = client.get(address, query).content.decode()
        assert page.count("activity-line") == 20
        older = html.unescape(re.search(r'href="([^"]*cursor=[^"]*)"', page)[1])
        with no_scans(sorted_by_index=True), count_queries(at_most=SIGNED_IN + 1):
            assert client.get(older).content.decode().count("activity-line") == 6
    for path, query in (("recent/", {}), ("recent/", {"about": world.owner.pk}), ("new/", {"seen": 0})):
        with no_scans(sorted_by_index=True), count_queries(at_most=SIGNED_IN + 1):
            client.get(f"{address}{path}", query)


def test_lines_of_one_millisecond_keep_their_order(world):
    moment = now()
    fill(world, 50, at=lambda n: moment)
    ids = [row["id"] for row in feed(world, limit=200)]
    assert len(ids) == 50
    assert ids == sorted(ids, reverse=True)
    assert walk(world, size=7) == ids


def test_ten_thousand_lines_are_paged_while_more_arrive(world):
    """None is missed and none comes twice while more arrive, on a quick machine about a hundred a second."""
    start = now() - timedelta(hours=1)
    fill(world, 10_000, at=lambda n: start + timedelta(milliseconds=n // 3))
    there = {row["id"] for row in all_lines(world)}
    stop = threading.Event()
    arrived = []

    def arrive():
        while not stop.is_set():
            arrived.extend(services.create_project(org=world.org, actor=world.owner, name="New").id for _ in range(10))
            dispatching.dispatch(world.org.pk)
            stop.wait(0.1)

    writer = threading.Thread(target=arrive)
    writer.start()
    try:
        seen = walk(world, size=50, before_page=lambda number: wait_for(arrived, number // 4))
    finally:
        stop.set()
        writer.join()
    assert len(seen) == len(set(seen)), "twice"
    assert there <= set(seen), "missed"
    dispatching.dispatch(world.org.pk)
    assert len(walk(world, size=200)) == 10_000 + len(arrived)


def wait_for(arrived, wanted):
    """However slow the machine is, lines arrive between the pages."""
    while len(arrived) < wanted:
        time.sleep(0.01)


def walk(world, *, size, before_page=lambda _number: None):
    ids, cursor = [], ""
    for number in count(1):
        before_page(number)
        page = get_activity_feed(world.org, viewer=world.viewer, limit=size, cursor=cursor)
        ids += [row["id"] for row in page.rows]
        cursor = page.next
        if not cursor:
            break
    return ids


def all_lines(world):
    return [{"id": str(row["_id"])} for row in rows_of().find({}, {"_id": 1})]


def rows_of() -> Collection:
    return get_collection("activities")


def fill(world, count, *, at):
    """Lines as the sink writes them, in bulk: one by the sink itself, the others like it."""
    event = Event(
        event="project.updated", action="update", resource="project", user_id=world.owner.pk,
        organization_id=world.org.pk, actor={"type": "user", "id": world.owner.pk, "name": "Acorn Owner"},
        created_at=at(0), sequence=1,
    )  # fmt: skip
    with atomic():
        sinks.get("activity").deliver(event)
    line = rows_of().find_one({"event_id": ObjectId(event.id)})
    lines = [{**line, "sequence": n + 1, "created_at": at(n)} for n in range(1, count)]
    for each in lines:
        each["_id"] = each["event_id"] = ObjectId()
    rows_of().insert_many(lines, ordered=False)
