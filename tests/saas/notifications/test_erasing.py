"""What others were told of a person stays when the account is gone, and tells no more who that was."""

from datetime import timedelta

import pytest

from organizations import services
from organizations.projects.services import create_project
from saas import data_map, events
from saas.jobs.models import jobs
from saas.notifications import digests, get_notifications
from saas.notifications.models import notifications
from saas.tenancy import now
from tests.factories import make_world


@pytest.fixture
def world():
    return make_world()


def person_of(user, *more):
    return data_map.Person(id=user.pk, addresses=(user.email, *more), names=(user.name,))


def erase(person):
    """The rules of this collection, as the data map carries them out; how many rows that was."""
    return sum(rule.carry_out(person) for rule in data_map.rules() if rule.collection == "notifications")


def titles(user):
    return [row["title"] for row in get_notifications(user).rows]


def test_a_title_loses_the_name_of_who_did_it(world, dispatch_events):
    create_project(org=world.org, actor=world.member, name=f"Notes of {world.member.name}")
    create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    assert titles(world.viewer)[1] == f"{world.member.name} created the project Notes of {world.member.name}"
    assert erase(person_of(world.member)) > 0
    assert titles(world.viewer) == [
        f"{world.owner.name} created the project Atlas",
        f"Deleted person created the project Notes of {world.member.name}",
    ], "a name that something else has too is not touched"
    assert titles(world.member) == []


def test_a_title_loses_the_address_that_it_was_told_by(world, dispatch_events):
    invitation = services.invite_member(org=world.org, actor=world.owner, email="Ada@Example.com", role="member")
    events.record("member.invitation_declined", org=world.org, actor=None, target=invitation)
    dispatch_events()
    assert any("ada@example.com" in title.lower() for title in titles(world.admin))
    erase(person_of(world.viewer, "ada@example.com"))
    assert "Deleted person declined the invitation" in titles(world.admin)
    assert not notifications().filter(title__icontains="ada@example.com").first()


def test_nothing_leads_to_the_person_any_more_and_a_second_run_changes_nothing(world, dispatch_events):
    create_project(org=world.org, actor=world.member, name="Atlas")
    dispatch_events()
    rows = notifications().filter(event="project.created")
    assert any(world.member.pk in str(row) for row in rows.clone().as_pymongo())
    person = person_of(world.member)
    assert erase(person) > 0
    assert erase(person) == 0
    assert not any(world.member.pk in str(row) for row in rows.clone().as_pymongo())
    assert not any(world.member.name in str(row) for row in rows.clone().as_pymongo())


def test_a_digest_that_is_still_to_come_names_nobody_who_is_gone(world, dispatch_events):
    create_project(org=world.org, actor=world.member, name="Atlas")
    dispatch_events()
    erase(person_of(world.member))
    assert digests.send_digests(now() + timedelta(days=2)) > 0
    bodies = [job.payload["body"] for job in jobs().filter(task="saas.tasks.send_email")]
    assert all("Deleted person created the project Atlas" in body for body in bodies)


def test_finding_the_rows_uses_an_index(world, dispatch_events, no_scans):
    create_project(org=world.org, actor=world.member, name="Atlas")
    dispatch_events()
    with no_scans():
        erase(person_of(world.member))
