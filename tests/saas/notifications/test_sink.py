"""From an event to its audience."""

from datetime import UTC, datetime

import pytest
import time_machine

from organizations.models import Membership
from organizations.projects.services import create_project, delete_project, share_project
from saas import events
from saas.db import atomic
from saas.events import dispatching, sinks
from saas.events.models import events as all_events
from saas.events.models import runs
from saas.jobs.models import jobs
from saas.notifications import get_notifications
from saas.notifications.models import Notification, notifications
from saas.notifications.preferences import save_preferences
from tests.factories import make_world

EVERYTHING_AT_ONCE = {"projects": {"email": "at_once"}, "members": {"email": "at_once"}}


@pytest.fixture
def world():
    return make_world()


def titles(user):
    return [row["title"] for row in get_notifications(user).rows]


def outcome(name):
    event = all_events().filter(event=name).order_by("-created_at").first()
    return runs().filter(event_id=event.id, sink="notifications").first().outcome


def test_colleagues_hear_of_a_new_project_and_the_actor_does_not(world, dispatch_events):
    project = create_project(org=world.org, actor=world.owner, name="Atlas <b>")
    dispatch_events()
    for role in ("admin", "member", "viewer"):
        (row,) = get_notifications(world.person(role)).rows
        assert row["title"] == "Acorn Owner created the project Atlas <b>"
        assert row["link"] == f"/o/{world.org.slug}/projects/{project.id}/"
        assert row["organization_id"] == world.org.pk
    assert titles(world.owner) == []
    assert titles(world.other.member) == []
    assert titles(world.outsider) == []
    assert outcome("project.created") == {"told": 3, "mailed": 0, "digest": 3}


def secret_project(world):
    """One that the viewer may not see, hidden before anybody has heard of it."""
    project = create_project(org=world.org, actor=world.owner, name="Secret")
    return share_project(
        org=world.org,
        actor=world.owner,
        project=project,
        version=project.version,
        visibility="private",
        shared_with=[world.member.pk],
    )


def test_only_readers_hear_of_a_private_project(world, dispatch_events):
    secret_project(world)
    dispatch_events()
    assert len(titles(world.member)) == 2
    assert titles(world.viewer) == []
    assert titles(world.owner) == []


def test_the_end_of_a_private_project_is_told_to_its_readers_alone(world, dispatch_events):
    delete_project(org=world.org, actor=world.owner, project=secret_project(world))
    dispatch_events()
    assert titles(world.viewer) == []
    newest = get_notifications(world.member).rows[0]
    assert newest["title"] == "Acorn Owner deleted the project Secret"
    assert "link" not in newest, "there is nothing to open"


def test_suspended_members_hear_nothing(world, dispatch_events):
    Membership.objects.filter(user_id=world.viewer.pk).update(suspended_at=datetime.now(UTC))
    create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    assert titles(world.viewer) == []
    assert len(titles(world.member)) == 1


def test_a_person_hears_of_the_own_account(world, dispatch_events):
    events.record("user.password_changed", actor=world.member, target=world.member)
    dispatch_events()
    (row,) = get_notifications(world.member).rows
    assert (row["title"], row["type"], row["kind"]) == ("Your password was changed", "warning", "security")
    assert row["link"] == "/account/security/"


def test_an_event_is_told_once_however_often_it_comes(world, dispatch_events):
    save_preferences(user=world.member, choices=EVERYTHING_AT_ONCE)
    create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    event = all_events().filter(event="project.created").first()
    again = dispatching.replay(event, sinks.get("notifications"), actor=world.staff)
    assert again.outcome == {"told": 0, "mailed": 0, "digest": 0}
    assert notifications().filter(event_id=event.id).count() == 3
    assert jobs().filter(task="saas.tasks.send_email").count() == 1


def test_who_wants_it_at_once_gets_a_mail(world, dispatch_events):
    save_preferences(user=world.member, choices=EVERYTHING_AT_ONCE)
    save_preferences(user=world.viewer, choices={"projects": {"email": "off"}})
    save_preferences(user=world.admin, choices={"projects": {"email": "off", "in_app": False}})
    create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    (mail,) = jobs().filter(task="saas.tasks.send_email")
    assert mail.payload["to"] == [world.member.email]
    assert mail.payload["subject"] == "Acorn Owner created the project Atlas"
    assert outcome("project.created") == {"told": 2, "mailed": 1, "digest": 0}


def test_who_wants_no_digest_is_not_counted_for_it(world, dispatch_events):
    type(world.member).objects.filter(pk=world.member.pk).update(email_digest="off")
    create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    assert not Notification.objects.for_user(world.member).first().waits_for_digest
    assert outcome("project.created")["digest"] == 2


def test_a_mail_waits_for_the_end_of_quiet_hours(world, dispatch_events):
    type(world.member).objects.filter(pk=world.member.pk).update(time_zone="Europe/Berlin")
    save_preferences(user=world.member, choices=EVERYTHING_AT_ONCE, quiet=("22:00", "07:00"))
    with time_machine.travel(datetime(2026, 6, 1, 21, 30, tzinfo=UTC), tick=True):  # 23:30 in Berlin
        create_project(org=world.org, actor=world.owner, name="Atlas")
        dispatch_events()
    assert jobs().filter(task="saas.tasks.send_email").first() is None
    (held,) = jobs().filter(task="saas.tasks.mail_notification")
    assert held.due_at == datetime(2026, 6, 2, 5, 0, tzinfo=UTC)
    assert held.handed_at is None
    assert len(titles(world.member)) == 1, "in the app it stands at once"


def test_what_is_mandatory_is_told_whatever_was_chosen(world, dispatch_events):
    from organizations.services import change_role

    save_preferences(user=world.member, muted=[world.org.pk], quiet=("00:00", "23:59"))
    change_role(org=world.org, actor=world.owner, membership=world.memberships["member"], role="viewer")
    dispatch_events()
    assert titles(world.member) == [f"Acorn Owner changed your role in {world.org.name}"]
    (mail,) = jobs().filter(task="saas.tasks.send_email")
    assert mail.payload["headers"] == {}, "there is nothing to switch off"
    assert mail.handed_at


def test_many_people_cost_no_more_round_trips(world, dispatch_events, count_queries):
    from saas.notifications import sink

    for role in ("admin", "member", "viewer"):
        save_preferences(user=world.person(role), choices=EVERYTHING_AT_ONCE)
    create_project(org=world.org, actor=world.owner, name="Atlas")
    event = all_events().filter(event="project.created").first()
    with atomic(), count_queries(at_most=10):  # as the dispatcher calls it; handing over follows the commit
        assert sink.deliver(event) == {"told": 3, "mailed": 3, "digest": 0}


def test_an_event_of_a_founders_own_is_no_news(world):
    from types import SimpleNamespace

    from saas.notifications import sink

    assert sink.deliver(SimpleNamespace(event="harvest.brought_in")) is None
