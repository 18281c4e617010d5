"""What is collected comes in one mail: when its time has come, once, and never empty."""

from datetime import UTC, datetime, timedelta

import pytest

from organizations.models import Membership
from organizations.projects.services import create_project
from saas import emails
from saas import notifications as doors
from saas.jobs.models import jobs
from saas.notifications import create_notification, digests
from saas.notifications.models import Notification, notifications
from saas.notifications.preferences import save_preferences
from tests.factories import make_world

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)  # a Monday
MORNING = datetime(2026, 6, 2, 8, tzinfo=UTC)
ALL_DIGEST = {kind: {"email": "digest"} for kind in ("projects", "members", "general")}


@pytest.fixture
def world():
    return make_world()


def collect(user, title, *, at=NOON, organization=None, kind="projects", event=None):
    """Something that waits for the digest since then."""
    values = {"title": title, "kind": kind, "waits_for_digest": True, "created_at": at, "event": event}
    return Notification.objects.for_user(user).create(
        **values, organization_id=organization.pk if organization else None
    )


def mails():
    return list(jobs().filter(task="saas.tasks.send_email").order_by("created_at"))


def waiting():
    return notifications().filter(waits_for_digest=True).count()


def change(user, **values):
    type(user).objects.filter(pk=user.pk).update(**values)


def test_a_digest_comes_when_its_period_is_over(world):
    collect(world.member, "Atlas", organization=world.org)
    assert digests.send_digests(MORNING - timedelta(minutes=1)) == 0
    assert mails() == []
    assert digests.send_digests(MORNING) == 1
    (mail,) = mails()
    assert mail.payload["to"] == [world.member.email]
    assert "Atlas" in mail.payload["body"]
    assert waiting() == 0


@pytest.mark.parametrize(
    ("frequency", "due_at"),
    [
        ("hourly", NOON + timedelta(hours=1)),
        ("daily", MORNING),
        ("weekly", MORNING + timedelta(days=6)),
    ],
)
def test_the_person_says_how_often(world, frequency, due_at):
    change(world.member, email_digest=frequency)
    collect(world.member, "Atlas")
    assert digests.send_digests(due_at - timedelta(minutes=1)) == 0
    assert digests.send_digests(due_at) == 1


def test_a_digest_comes_in_the_morning_of_the_person(world):
    change(world.member, time_zone="America/New_York")
    collect(world.member, "Atlas", at=MORNING)
    assert digests.send_digests(datetime(2026, 6, 2, 11, 59, tzinfo=UTC)) == 0
    assert digests.send_digests(datetime(2026, 6, 2, 12, 0, tzinfo=UTC)) == 1


def test_a_digest_waits_for_the_end_of_quiet_hours(world):
    save_preferences(user=world.member, quiet=("22:00", "10:00"))
    collect(world.member, "Atlas")
    assert digests.send_digests(MORNING) == 0
    assert digests.send_digests(MORNING + timedelta(hours=2)) == 1


def test_a_digest_is_grouped_and_counts_what_is_many(world):
    save_preferences(user=world.admin, choices=ALL_DIGEST)
    for n in range(5):
        joined = {"kind": "members", "event": "member.joined", "organization": world.org}
        collect(world.admin, f"Person {n} joined", **joined)
    collect(world.admin, "Ann created the project Atlas", event="project.created", organization=world.org)
    for n in range(7):
        collect(world.admin, f"Note {n}", kind="general")
    digests.send_digests(MORNING)
    (mail,) = mails()
    text = mail.payload["body"]
    assert mail.payload["subject"].startswith("13 notifications")
    assert text.index("Your account") < text.index(world.org.name)
    assert "- 5 people joined" in text
    assert "Person 3" not in text
    assert "- Ann created the project Atlas" in text
    assert "- Note 4" in text
    assert "- and 2 more" in text


def test_text_of_people_is_escaped_in_the_mail(world):
    collect(world.member, "<script>alert(1)</script> & co")
    digests.send_digests(MORNING)
    (mail,) = mails()
    assert "<script>alert" not in mail.payload["html"]
    assert "&lt;script&gt;" in mail.payload["html"]
    assert "<script>alert(1)</script> & co" in mail.payload["body"]


def test_nothing_is_mailed_when_nothing_is_left(world):
    rows = [collect(world.member, f"Number {n}") for n in range(2)]
    doors.mark_read(rows[0])
    doors.archive(rows[1])
    assert digests.send_digests(MORNING) == 0
    assert (mails(), waiting()) == ([], 0)


def test_what_is_not_wanted_any_more_is_left_out(world):
    collect(world.member, "Muted", organization=world.org)
    collect(world.member, "Switched off", kind="members")
    collect(world.member, "Wanted")
    save_preferences(user=world.member, muted=[world.org.pk], choices={"members": {"email": "off"}})
    digests.send_digests(MORNING)
    (mail,) = mails()
    assert "Wanted" in mail.payload["body"]
    assert "Muted" not in mail.payload["body"]
    assert "Switched off" not in mail.payload["body"]


def test_a_kind_that_is_no_more_stops_no_digest(world):
    collect(world.member, "Old", kind="gossip")
    collect(world.member, "Wanted")
    assert digests.send_digests(MORNING) == 1
    assert "Old" not in mails()[0].payload["body"]


def test_who_has_left_reads_no_more_of_the_organization(world):
    collect(world.member, "Secret plans", organization=world.org)
    Membership.objects.filter(user_id=world.member.pk).delete()
    assert digests.send_digests(MORNING) == 0
    assert mails() == []


@pytest.mark.parametrize("values", [{"email_digest": "off"}, {"is_active": False}])
def test_who_wants_no_digest_gets_none(world, values):
    collect(world.member, "Atlas")
    change(world.member, **values)
    assert digests.send_digests(NOON) == 0
    assert (mails(), waiting()) == ([], 0)


def test_a_second_run_sends_nothing(world):
    collect(world.member, "Atlas")
    assert digests.send_digests(MORNING) == 1
    assert digests.send_digests(MORNING) == 0
    assert len(mails()) == 1


def test_many_clocks_send_one(world, in_parallel):
    collect(world.member, "Atlas")
    in_parallel(lambda: digests.send_digests(MORNING), times=8)
    assert len(mails()) == 1


def test_a_run_that_dies_has_done_nothing_and_the_next_one_sends(world, monkeypatch):
    collect(world.member, "Atlas")
    collect(world.admin, "Atlas")

    def die(**_values):
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(emails, "queue_email", die)
        assert digests.send_digests(MORNING) == 0, "one person's trouble is logged, and the others are tried"
    assert (mails(), waiting()) == ([], 2)
    assert digests.send_digests(MORNING) == 2
    assert waiting() == 0


def test_a_row_that_comes_late_waits_for_the_next_digest(world):
    collect(world.member, "In time")
    digests.send_digests(MORNING)
    collect(world.member, "Late", at=MORNING - timedelta(minutes=1))
    assert digests.send_digests(MORNING + timedelta(minutes=5)) == 0
    assert digests.send_digests(MORNING + timedelta(days=1)) == 1
    assert [("Late" in mail.payload["body"]) for mail in mails()] == [False, True]


def test_the_spine_fills_the_digest(world, dispatch_events):
    for name in ("Atlas", "Borealis"):
        create_project(org=world.org, actor=world.owner, name=name)
    dispatch_events()
    assert waiting() == 6
    assert digests.send_digests(datetime.now(UTC) + timedelta(days=2)) == 3
    assert "- 2 new projects" in mails()[0].payload["body"]


def test_the_clock_knows_the_task():
    from saas import tasks  # noqa: F401 - declares the schedule
    from saas.celery import app

    entry = app.conf.beat_schedule["send_digests"]
    assert (entry["task"], entry["schedule"]) == ("saas.tasks.send_digests", 300.0)


def test_finding_who_is_due_uses_an_index(world, no_scans):
    collect(world.member, "Atlas")
    with no_scans():
        digests.send_digests(MORNING)


def test_a_message_by_hand_may_wait_for_the_digest_too(world):
    save_preferences(user=world.member, choices=ALL_DIGEST)
    create_notification(user=world.member, title="By hand")
    assert (mails(), waiting()) == ([], 1)
