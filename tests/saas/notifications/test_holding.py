"""A mail that waits for the end of quiet hours comes if it is still wanted then, and once."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from organizations.models import Membership
from organizations.projects.services import create_project, delete_project, share_project
from organizations.services import change_role
from saas import events
from saas import notifications as doors
from saas.jobs.models import jobs
from saas.jobs.sweeping import sweep
from saas.notifications import create_notification
from saas.notifications.digests import send_digests
from saas.notifications.holding import send_held
from saas.notifications.models import Notification, notifications
from saas.notifications.preferences import save_defaults, save_preferences
from saas.notifications.telling import HELD_MAIL
from tests.factories import make_world

NIGHT = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
END = datetime(2026, 6, 2, 7, 0, tzinfo=UTC)
CLOSED = {"version": 1, "visibility": "private", "shared_with": []}
AT_ONCE = {"projects": {"email": "at_once"}, "members": {"email": "at_once"}, "general": {"email": "at_once"}}


@pytest.fixture
def world():
    world = make_world()
    for role in ("admin", "member"):
        save_preferences(user=world.person(role), choices=AT_ONCE, quiet=("22:00", "07:00"))
    return world


@pytest.fixture
def at_night():
    with time_machine.travel(NIGHT, tick=True) as clock:
        yield clock


@pytest.fixture
def project(world, dispatch_events, at_night):
    """One that everybody has been told of in the night."""
    made = create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    return made


def held(user):
    """The jobs that wait for the end of the person's quiet hours."""
    rows = [str(row["_id"]) for row in Notification.objects.for_user(user).as_pymongo()]
    return [job for job in jobs().filter(task=HELD_MAIL) if job.payload["notification_id"] in rows]


def mails():
    return list(jobs().filter(task="saas.tasks.send_email"))


def morning(user, at_night):
    """What becomes of the person's one held mail at the end of the quiet hours."""
    (job,) = held(user)
    at_night.move_to(END)
    return send_held(job)


def row_of(user):
    return Notification.objects.for_user(user).first()


def test_it_comes_when_nothing_has_changed(world, project, at_night):
    (job,) = held(world.member)
    assert (job.due_at, job.handed_at) == (END, None)
    assert project.name not in str(job.payload), "the job holds no text that others could have to forget"
    assert mails() == []
    result = morning(world.member, at_night)
    (mail,) = mails()
    assert result == {"mail": mail.id}
    assert mail.payload["to"] == [world.member.email]
    assert "List-Unsubscribe" in mail.payload["headers"]


def test_it_comes_once_however_often_its_job_is_done(world, project, at_night):
    morning(world.member, at_night)
    morning(world.member, at_night)
    assert len(mails()) == 1


def switch_kind_off(world):
    save_preferences(user=world.member, choices={"projects": {"email": "off"}})


def mute(world):
    save_preferences(user=world.member, muted=[world.org.pk])


def leave_it_to_the_organization(world):
    save_preferences(user=world.member, choices={})
    save_defaults(org=world.org, actor=world.owner, choices={"projects": {"email": "off", "in_app": False}})


def want_a_digest(world):
    save_preferences(user=world.member, choices={"projects": {"email": "digest"}})


def want_no_digest_either(world):
    want_a_digest(world)
    type(world.member).objects.filter(pk=world.member.pk).update(email_digest="off")


def read(world):
    doors.mark_read(row_of(world.member))


def put_away(world):
    doors.archive(row_of(world.member))


def leave(world):
    Membership.objects.filter(user_id=world.member.pk).delete()


def be_suspended(world):
    Membership.objects.filter(user_id=world.member.pk).update(suspended_at=NIGHT)


def close_the_account(world):
    type(world.member).objects.filter(pk=world.member.pk).update(is_active=False)


def lose_the_row(world):
    notifications().filter(user_id=world.member.pk).delete()


MEANWHILE = {
    switch_kind_off: "not wanted any more",
    mute: "not wanted any more",
    leave_it_to_the_organization: "not wanted any more",
    want_a_digest: "comes with the digest now",
    want_no_digest_either: "not wanted any more",
    read: "read meanwhile",
    put_away: "read meanwhile",
    leave: "no member any more",
    be_suspended: "no member any more",
    close_the_account: "account closed",
}


@pytest.mark.parametrize(("change", "why"), MEANWHILE.items(), ids=lambda each: getattr(each, "__name__", None))
def test_it_does_not_come_when_it_is_not_wanted_any_more(world, project, at_night, change, why):
    change(world)
    assert morning(world.member, at_night) == {"skipped": why}
    assert mails() == []
    assert bool(row_of(world.member).waits_for_digest) == (change is want_a_digest)


def test_it_does_not_come_when_its_row_is_gone(world, project, at_night):
    (job,) = held(world.member)
    lose_the_row(world)
    assert send_held(job) == {"skipped": "gone"}


def test_it_does_not_come_when_the_project_has_become_private(world, project, at_night):
    share_project(org=world.org, actor=world.owner, project=project, **CLOSED)
    assert morning(world.member, at_night) == {"skipped": "may not be seen any more"}


def test_it_does_not_come_when_the_project_is_gone(world, project, at_night):
    delete_project(org=world.org, actor=world.owner, project=project)
    assert morning(world.member, at_night) == {"skipped": "may not be seen any more"}


def test_it_does_not_come_when_the_role_has_lost_what_its_audience_needs(world, dispatch_events, at_night):
    events.record("member.invitation_declined", org=world.org, actor=None, target=world.invitation)
    dispatch_events()
    change_role(org=world.org, actor=world.owner, membership=world.memberships["admin"], role="member")
    assert morning(world.admin, at_night) == {"skipped": "may not be seen any more"}


def test_it_waits_on_when_quiet_hours_have_become_longer(world, project, at_night):
    save_preferences(user=world.member, quiet=("22:00", "09:00"))
    assert morning(world.member, at_night) == {"skipped": "it is quiet for longer now"}
    assert mails() == []
    assert sorted(job.due_at.hour for job in held(world.member)) == [7, 9]


def test_a_message_by_hand_waits_too(world, at_night):
    create_notification(user=world.member, title="By hand")
    assert "mail" in morning(world.member, at_night)


def test_the_worker_does_it(world, worker):
    with time_machine.travel(NIGHT, tick=True):
        create_notification(user=world.member, title="By hand")
    save_preferences(user=world.member, quiet=(None, None))  # whatever time it is: nothing is quiet now
    sweep()
    worker.wait()
    assert {job.state for job in held(world.member)} == {"succeeded"}
    assert len(mails()) == 1


def test_a_digest_leaves_out_what_the_person_may_not_see_any_more(world, dispatch_events):
    save_preferences(user=world.member, choices={"projects": {"email": "digest"}})
    made = [create_project(org=world.org, actor=world.owner, name=name) for name in ("Atlas", "Borealis")]
    dispatch_events()
    share_project(org=world.org, actor=world.owner, project=made[0], **CLOSED)
    type(world.viewer).objects.filter(pk=world.viewer.pk).update(email_digest="off")
    send_digests(datetime.now(UTC) + timedelta(days=2))
    (mail,) = [mail for mail in mails() if mail.payload["to"] == [world.member.email]]
    assert "Borealis" in mail.payload["body"]
    assert "Atlas" not in mail.payload["body"]
