"""Telling one person, and marking what stands in the inbox."""

from datetime import timedelta
from functools import partial

import pytest

from saas import notifications
from saas.jobs.models import jobs
from saas.notifications import LinkRefused, UnknownKind, create_notification, get_notifications
from saas.notifications.models import INBOX, Notification
from saas.notifications.preferences import save_defaults, save_preferences
from saas.tenancy import now
from tests.factories import UserFactory, make_world


@pytest.fixture
def ada():
    return UserFactory()


def tell(user, title="Hello", **more):
    return create_notification(user=user, title=title, **more)


def mails():
    return list(jobs().filter(task="saas.tasks.send_email"))


def titles(page):
    return [row["title"] for row in page.rows]


def test_a_person_is_told_in_the_app_and_by_mail(ada):
    made = tell(ada, "Your export is ready", message="12 rows", link="/account/jobs/", type="success")
    (row,) = get_notifications(ada).rows
    assert (row["title"], row["message"], row["type"], row["kind"]) == (made.title, "12 rows", "success", "general")
    assert (row["link"], row["read"], row["place"]) == ("/account/jobs/", False, INBOX)
    (mail,) = mails()
    assert mail.payload["to"] == [ada.email]
    assert mail.payload["subject"] == "Your export is ready"
    assert f"/notifications/{made.id}/open/" in mail.payload["body"]


def test_a_message_without_mail_sends_none(ada):
    assert tell(ada, send_email=False)
    assert mails() == []


@pytest.mark.parametrize("type_", ["info", "success", "warning", "error", "invitation", "mention"])
def test_each_type_is_known(ada, type_):
    assert tell(ada, type=type_).type == type_


def test_what_cannot_be_told_is_refused(ada):
    with pytest.raises(ValueError, match="type"):
        tell(ada, type="shout")
    with pytest.raises(ValueError, match="title"):
        tell(ada, " ")
    with pytest.raises(UnknownKind):
        tell(ada, kind="gossip")
    assert get_notifications(ada).rows == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "javascript:alert(1)",
        "http:///evil.example",
        "\thttps://evil.example",
        "evil.html",
    ],
)
def test_a_link_to_another_site_is_refused(ada, link):
    with pytest.raises(LinkRefused):
        tell(ada, link=link)


def test_a_link_to_this_site_is_kept_as_a_path(ada, settings):
    assert tell(ada, link=f"{settings.SITE_URL}/o/acme/?tab=a#b").link == "/o/acme/?tab=a#b"


def test_the_same_key_is_told_once_while_it_is_unread(ada):
    first = tell(ada, dedupe_key="disk-full")
    assert tell(ada, "Again", dedupe_key="disk-full").id == first.id
    assert len(mails()) == 1
    other = UserFactory()
    assert tell(other, dedupe_key="disk-full").id != first.id
    notifications.mark_read(first)
    assert tell(ada, "Once more", dedupe_key="disk-full").title == "Once more"
    assert titles(get_notifications(ada)) == ["Once more", "Hello"]


def test_the_same_key_of_two_organizations_is_told_for_each(ada):
    world = make_world()
    made = [tell(ada, organization=org, dedupe_key="disk-full") for org in (world.org, world.other.org, None)]
    assert [row.organization_id for row in made] == [world.org.pk, world.other.org.pk, None]
    assert tell(ada, organization=world.org, dedupe_key="disk-full").id == made[0].id


def test_a_key_that_was_told_by_mail_alone_holds_for_a_day(ada):
    save_preferences(user=ada, choices={"general": {"in_app": False, "email": "at_once"}})
    first = tell(ada, dedupe_key="disk-full")
    assert tell(ada, dedupe_key="disk-full").id == first.id
    Notification.objects.for_user(ada).update(set__created_at=now() - timedelta(days=1))
    assert tell(ada, dedupe_key="disk-full").id != first.id
    assert len(mails()) == 2


def test_twenty_at_once_make_one(ada, in_parallel):
    made = in_parallel(lambda: tell(ada, dedupe_key="disk-full").id, times=20)
    assert len(set(made)) == 1
    assert len(get_notifications(ada).rows) == 1
    assert len(mails()) == 1


def test_a_key_that_is_taken_again_goes_with_the_newer_one(ada):
    old = tell(ada, dedupe_key="disk-full")
    notifications.mark_read(old)
    new = tell(ada, dedupe_key="disk-full")
    assert notifications.mark_unread(old)
    assert notifications.count_unread(ada) == 2
    assert tell(ada, dedupe_key="disk-full").id == new.id


def test_marking_is_seen_read_and_back(ada):
    made = tell(ada)
    assert (notifications.count_unseen(ada), notifications.count_unread(ada)) == (1, 1)
    notifications.mark_seen(ada, until=now())
    assert (notifications.count_unseen(ada), notifications.count_unread(ada)) == (0, 1)
    assert notifications.mark_read(made)
    assert not notifications.mark_read(made)
    assert notifications.count_unread(ada) == 0
    assert notifications.mark_unread(made)
    assert (notifications.count_unseen(ada), notifications.count_unread(ada)) == (0, 1)


def test_archiving_takes_it_off_the_inbox_and_reads_it(ada):
    made = tell(ada)
    assert notifications.archive(made)
    assert get_notifications(ada).rows == []
    assert titles(get_notifications(ada, archived=True)) == ["Hello"]
    assert notifications.count_unread(ada) == 0
    assert notifications.unarchive(made)
    (row,) = get_notifications(ada).rows
    assert row["read"]


def test_all_read_stops_at_the_moment_the_page_was_opened(ada):
    tell(ada, "Before")
    opened_at = now()
    later = tell(ada, "After")
    Notification.objects.for_user(ada).filter(pk=later.id).update(set__created_at=opened_at + timedelta(seconds=1))
    assert notifications.mark_all_read(ada, until=opened_at) == 1
    assert titles(get_notifications(ada, unread_only=True)) == ["After"]


def test_all_read_may_mean_one_organization():
    world = make_world()
    for org in (world.org, world.other.org, None):
        tell(world.member, org.name if org else "Mine", organization=org)
    assert notifications.mark_all_read(world.member, until=now(), organization=world.org) == 1
    assert notifications.count_unread(world.member) == 2
    assert titles(get_notifications(world.member, organization=world.org)) == [world.org.name]


def test_the_count_equals_the_rows_under_concurrency(ada, in_parallel):
    before = now() - timedelta(minutes=1)
    made = [tell(ada, f"Old {n}", send_email=False) for n in range(20)]
    work = [
        *(partial(notifications.mark_read, one) for one in made[:10]),
        *(partial(tell, ada, f"New {n}", send_email=False) for n in range(10)),
        *(partial(notifications.archive, one) for one in made[10:15]),
        *(partial(notifications.mark_all_read, ada, until=before) for _ in range(3)),
        *(partial(notifications.mark_unread, one) for one in made[15:]),
    ]

    def do_one():
        return work.pop()()

    results = in_parallel(do_one, times=len(work))
    assert not [each for each in results if isinstance(each, Exception)]
    rows = [row for row in get_notifications(ada, limit=100).rows if not row["read"]]
    assert notifications.count_unread(ada) == len(rows) == 15


def test_a_page_continues_where_the_last_one_ended(ada):
    for n in range(25):
        tell(ada, f"Number {n}", send_email=False)
    first = get_notifications(ada)
    tell(ada, "Meanwhile", send_email=False)
    second = get_notifications(ada, cursor=first.next)
    assert len(first.rows) == 20
    assert titles(second) == [f"Number {n}" for n in range(4, -1, -1)]


def test_lists_and_counts_use_an_index(ada, no_scans):
    tell(ada)
    with no_scans():
        get_notifications(ada)
        get_notifications(ada, unread_only=True)
        get_notifications(ada, archived=True)
        notifications.count_unseen(ada)
        notifications.mark_all_read(ada, until=now())
        notifications.mark_seen(ada, until=now())


# -- choices -----------------------------------------------------------------------------------------------------------


def test_a_muted_organization_is_silent_but_for_what_is_mandatory():
    world = make_world()
    save_preferences(user=world.member, muted=[world.org.pk])
    assert tell(world.member, organization=world.org) is None
    assert tell(world.member, organization=world.org, kind="membership")
    assert tell(world.member, organization=world.other.org)
    assert tell(world.member)
    assert len(get_notifications(world.member).rows) == 3


def test_the_person_decides_before_the_organization():
    world = make_world()
    off = {"general": {"in_app": False, "email": "off"}}
    save_defaults(org=world.org, actor=world.owner, choices=off)
    assert tell(world.member, organization=world.org) is None
    assert tell(world.member, organization=world.other.org), "another organization decides for itself"
    save_preferences(user=world.member, choices={"general": {"in_app": True}})
    assert tell(world.member, organization=world.org).place == INBOX
    assert [mail.organization_id for mail in mails()] == [world.other.org.pk]


def test_by_mail_alone_stands_in_no_inbox(ada):
    save_preferences(user=ada, choices={"general": {"in_app": False}})
    assert tell(ada)
    assert get_notifications(ada).rows == []
    assert notifications.count_unseen(ada) == 0
    assert len(mails()) == 1


def test_a_closed_account_is_told_nothing(ada):
    type(ada).objects.filter(pk=ada.pk).update(is_active=False)
    assert tell(ada) is None


def test_choices_are_stored_once_and_recorded(ada):
    from saas.events.models import events

    assert save_preferences(user=ada, choices={"projects": {"email": "at_once"}, "security": {"email": "off"}})
    assert not save_preferences(user=ada, choices={"projects": {"email": "at_once", "in_app": None}})
    (event,) = events().filter(event="notification_preference.updated")
    assert event.after == {"choices": {"projects": {"email": "at_once"}}}, "what is mandatory cannot be chosen"
    assert save_preferences(user=ada, quiet=("22:00", "07:00"), email_digest="hourly")
    assert save_preferences(user=ada, quiet=(None, None))
    ada.refresh_from_db()
    assert ada.email_digest == "hourly"
    assert events().filter(event="user.updated").count() == 1
