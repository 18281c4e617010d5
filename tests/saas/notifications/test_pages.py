"""The inbox, the bell and the pages of choices, as a browser sees them."""

from datetime import UTC, datetime, timedelta

import pytest
from django.urls import reverse

from organizations.models import Membership
from organizations.projects.services import create_project, delete_project, share_project
from saas import notifications as doors
from saas.notifications import create_notification, get_notifications
from saas.notifications.models import Notification
from saas.notifications.preferences import default_of, preference_of
from tests.factories import make_world

HTMX = {"HX-Request": "true"}
INBOX = "/notifications/"


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def page(world):
    """The member's browser."""
    return world.client("member")


def tell(user, title="Hello", **more):
    return create_notification(user=user, title=title, send_email=False, **more)


def again(notification):
    return Notification.objects.for_user(notification.user_id).get(pk=notification.id)


def choices(**more):
    """The form of preferences as it is sent, with nothing chosen."""
    return {"email_digest": "daily", "quiet_from": "", "quiet_until": "", **more}


# -- the inbox ---------------------------------------------------------------------------------------------------------


def test_an_empty_inbox_says_so(page):
    assert "No notifications yet" in page.get(INBOX).text
    assert "You have read everything" in page.get(f"{INBOX}?show=unread").text
    assert "The archive is empty" in page.get(f"{INBOX}?show=archived").text


def test_the_inbox_shows_what_is_the_persons_own(world, page):
    tell(world.member, "Mine", message="line one\nline two", organization=world.org)
    tell(world.admin, "Somebody else's")
    text = page.get(INBOX).text
    assert "Mine" in text
    assert "line one<br>line two" in text
    assert world.org.name in text
    assert "Somebody else" not in text


def test_text_is_escaped(world, page):
    evil = "<img src=x onerror=alert(1)>"
    tell(world.member, evil, message=evil, link="/o/")
    for path in (INBOX, reverse("notifications:recent")):
        text = page.get(path).text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text


def test_the_inbox_is_filtered(world, page):
    other = Membership.objects.create(organization=world.other.org, user=world.member, role="member")
    read = tell(world.member, "Read one", organization=world.org)
    doors.mark_read(read)
    tell(world.member, "Fresh one", organization=world.other.org)
    assert "Read one" not in page.get(f"{INBOX}?show=unread").text
    text = page.get(f"{INBOX}?organization={world.org.pk}").text
    assert ("Read one" in text, "Fresh one" in text) == (True, False)
    other.delete()
    assert "Fresh one" in page.get(f"{INBOX}?organization={world.other.org.pk}").text, "no filter of a foreign one"
    assert page.get(f"{INBOX}?show=nonsense&organization=nonsense&cursor=nonsense").status_code == 200


def test_a_page_of_twenty_costs_four_round_trips(world, page, count_queries, no_scans):
    for n in range(25):
        tell(world.member, f"Number {n}", organization=world.org)
    page.get(INBOX)
    with no_scans(), count_queries(at_most=4):
        first = page.get(INBOX)
    assert first.text.count('class="notice ') == 20
    with no_scans(), count_queries(at_most=2):
        page.get(reverse("notifications:count"))
    with no_scans(), count_queries(at_most=3):
        page.get(reverse("notifications:recent"))


def test_older_ones_follow_on_the_next_page(world, page):
    for n in range(25):
        tell(world.member, f"Number {n}.")
    first = page.get(INBOX)
    tell(world.member, "Meanwhile")
    second = page.get(first.context["next_url"]).text
    assert "Number 4." in second
    assert "Number 5." not in second


def test_the_bell_costs_a_page_no_read(world, page, count_queries):
    address = reverse("organizations:organization_list")
    page.get(address)
    with count_queries(at_most=100) as before:
        page.get(address)
    for n in range(3):
        tell(world.member, f"Number {n}")
    with count_queries(at_most=len(before)):
        assert reverse("notifications:count") in page.get(address).text


# -- marking -----------------------------------------------------------------------------------------------------------


def test_marking_works_without_javascript(world, page):
    made = tell(world.member)
    back = {"next": f"{INBOX}?show=unread"}
    answer = page.post(reverse("notifications:read", args=[made.id]), back)
    assert (answer.status_code, answer["Location"]) == (303, back["next"])
    assert again(made).read
    page.post(reverse("notifications:unread", args=[made.id]))
    assert not again(made).read
    page.post(reverse("notifications:archive", args=[made.id]))
    assert again(made).place == "archive"
    page.post(reverse("notifications:unarchive", args=[made.id]))
    assert again(made).place == "inbox"


def test_a_next_elsewhere_is_not_followed(world, page):
    answer = page.post(reverse("notifications:read", args=[tell(world.member).id]), {"next": "https://evil.example/"})
    assert answer["Location"] == INBOX


@pytest.mark.parametrize("act", ["read", "unread", "archive", "unarchive"])
def test_somebody_elses_is_not_found(world, page, act):
    foreign = tell(world.admin)
    assert page.post(reverse(f"notifications:{act}", args=[foreign.id])).status_code == 404
    assert page.get(reverse("notifications:open", args=[foreign.id])).status_code == 404
    assert again(foreign).read is False
    assert again(foreign).place == "inbox"


def test_all_read_leaves_what_came_after_the_page(world, page):
    tell(world.member, "Before")
    until = page.get(INBOX).context["until"]
    later = tell(world.member, "After")
    late = datetime.fromisoformat(until) + timedelta(milliseconds=5)
    Notification.objects.for_user(world.member).filter(pk=later.id).update(set__created_at=late)
    page.post(reverse("notifications:read_all"), {"until": until})
    assert [row["title"] for row in get_notifications(world.member, unread_only=True).rows] == ["After"]
    far = (datetime.now(UTC) + timedelta(days=365)).isoformat()
    assert page.post(reverse("notifications:read_all"), {"until": far}, headers=HTMX).status_code == 204
    assert doors.count_unread(world.member) == 0


@pytest.mark.parametrize("until", ["", "yesterday", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00"])
def test_all_read_needs_to_know_until_when(page, until):
    assert page.post(reverse("notifications:read_all"), {"until": until}).status_code == 400
    assert page.post(reverse("notifications:seen"), {"until": until}).status_code == 400


def test_the_badge_counts_what_was_not_seen(world, page):
    count = reverse("notifications:count")
    assert "bell-badge" not in page.get(count).text
    tell(world.member)
    assert ">1</span>" in page.get(count).text
    until = page.get(reverse("notifications:recent")).context["until"]
    page.post(reverse("notifications:seen"), {"until": until}, headers=HTMX)
    assert "bell-badge" not in page.get(count).text
    assert doors.count_unread(world.member) == 1, "seen is not read"
    Notification.objects.for_user(world.member).insert(
        [Notification(user_id=world.member.pk, kind="general", title=f"Number {n}") for n in range(120)]
    )
    assert "99+" in page.get(count).text


# -- opening -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def about(world, dispatch_events):
    """A project, and the member's notification of it."""
    project = create_project(org=world.org, actor=world.owner, name="Atlas")
    dispatch_events()
    row = Notification.objects.for_user(world.member).get(event="project.created")
    return project, row, reverse("notifications:open", args=[row.id])


def test_opening_leads_to_the_page_and_reads(about, page, world):
    project, row, path = about
    answer = page.get(path)
    assert answer["Location"] == f"/o/{world.org.slug}/projects/{project.id}/"
    assert again(row).read


@pytest.mark.parametrize(
    "headers", [{"Sec-Purpose": "prefetch"}, {"Purpose": "prefetch"}, {"Sec-Fetch-Dest": "image"}, HTMX]
)
def test_looking_ahead_reads_nothing(about, page, headers):
    _, row, path = about
    page.get(path, headers=headers)
    assert not again(row).read
    page.head(path)
    assert not again(row).read


def test_opening_follows_the_organization_to_its_new_address(about, page, world):
    project, _, path = about
    type(world.org).objects.filter(pk=world.org.pk).update(slug="acorn-now")
    assert page.get(path)["Location"] == f"/o/acorn-now/projects/{project.id}/"


def gone(page, path):
    answer = page.get(path)
    assert answer.status_code == 404
    assert "There is nothing to open any more" in answer.text
    return answer.text


def test_opening_what_is_gone_says_so(about, page, world):
    project, row, path = about
    delete_project(org=world.org, actor=world.owner, project=project)
    assert "Atlas" in gone(page, path)
    assert again(row).read


def test_opening_what_was_hidden_meanwhile_says_the_same(about, page, world):
    project, _, path = about
    hide = {"version": project.version, "visibility": "private", "shared_with": []}
    share_project(org=world.org, actor=world.owner, project=project, **hide)
    gone(page, path)


@pytest.mark.parametrize("change", [{"suspended_at": datetime(2026, 1, 1, tzinfo=UTC)}, None])
def test_opening_without_access_to_the_organization_says_so(about, page, world, change):
    mine = Membership.objects.filter(user_id=world.member.pk)
    mine.update(**change) if change else mine.delete()
    gone(page, about[2])


def test_one_without_a_link_leads_to_the_inbox(world, page):
    answer = page.get(reverse("notifications:open", args=[tell(world.member).id]))
    assert answer["Location"] == INBOX


# -- choices -----------------------------------------------------------------------------------------------------------


def test_a_person_chooses(world, page):
    address = reverse("notifications:preferences")
    assert "Security of your account" in page.get(address).text
    sent = choices(
        **{"projects-in_app": "off", "projects-email": "at_once", "members-email": "off"},
        email_digest="hourly",
        quiet_from="22:00",
        quiet_until="07:00",
        muted=[world.org.pk],
    )
    assert page.post(address, sent).status_code == 303
    known = preference_of(world.member)
    assert known.choices == {"projects": {"in_app": False, "email": "at_once"}, "members": {"email": "off"}}
    assert (known.quiet_from, known.quiet_until, known.muted) == ("22:00", "07:00", [world.org.pk])
    world.member.refresh_from_db()
    assert world.member.email_digest == "hourly"
    form = page.get(address).context["form"]
    assert form["projects-email"].value() == "at_once"
    assert form["muted"].value() == [world.org.pk]
    page.post(address, choices())
    known = preference_of(world.member)
    assert (known.choices, known.quiet_from, known.muted) == ({}, None, [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"quiet_from": "22:00"},
        {"quiet_until": "07:00"},
        {"quiet_from": "22:00", "quiet_until": "22:00"},
        {"quiet_from": "soon", "quiet_until": "later"},
        {"email_digest": "never"},
        {"projects-email": "sometimes"},
        {"muted": ["0" * 24]},
    ],
)
def test_a_mistake_is_shown_and_nothing_is_saved(world, page, wrong):
    answer = page.post(reverse("notifications:preferences"), choices(**wrong), headers=HTMX)
    assert answer.status_code == 422
    assert "Nothing was saved yet" in answer.text
    assert preference_of(world.member).quiet_from is None


def test_what_is_mandatory_cannot_be_sent(world, page):
    page.post(reverse("notifications:preferences"), choices(**{"security-email": "off", "security-in_app": "off"}))
    assert preference_of(world.member).choices == {}


def test_an_admin_sets_what_is_usual(world):
    address = reverse("org_notifications:defaults", args=[world.org.slug])
    assert world.client("admin").post(address, {"projects-email": "at_once"}).status_code == 303
    assert default_of(world.org).choices == {"projects": {"email": "at_once"}}
    assert default_of(world.other.org).choices == {}
    page = world.client("member").get(reverse("notifications:preferences"))
    assert "As usual (at once)" in page.text
    assert (
        reverse("org_notifications:defaults", args=[world.org.slug])
        in world.client("admin").get(reverse("organizations:settings", args=[world.org.slug])).text
    )
