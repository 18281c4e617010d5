"""The link that stops a mail: asks first, works with one click of the mail client, and does nothing else."""

import pytest
from django.core import mail as outbox
from django.test import Client

from saas.events.models import events
from saas.jobs.models import jobs
from saas.notifications import create_notification, mails
from saas.notifications.preferences import preference_of
from saas.tasks import send_email
from tests.factories import UserFactory


@pytest.fixture
def ada():
    return UserFactory()


@pytest.fixture
def stranger():
    """A mail client: no session, no CSRF token."""
    return Client(enforce_csrf_checks=True)


def delivered():
    """The mails that wait, as they go out."""
    for job in jobs().filter(task="saas.tasks.send_email"):
        send_email(job.id)
    return outbox.outbox


def path_to_stop(user, what):
    return "/" + mails.url_to_stop(user.pk, what).split("/", 3)[3]


def test_a_mail_carries_the_headers_of_one_click(ada):
    create_notification(user=ada, title="Hello")
    (message,) = delivered()
    url = message.extra_headers["List-Unsubscribe"].strip("<>")
    assert message.extra_headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert url == mails.url_to_stop(ada.pk, "general")
    assert url in message.body
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"


def test_a_mail_that_cannot_be_switched_off_carries_none(ada):
    create_notification(user=ada, title="Your role", kind="membership")
    (message,) = delivered()
    assert not {name for name in message.extra_headers if name.startswith("List-")}
    assert "unsubscribe" not in message.body


def test_the_link_is_forgotten_with_the_mail(ada):
    create_notification(user=ada, title="Hello")
    delivered()
    assert "headers" not in jobs().first().payload


def test_opening_the_link_changes_nothing(ada, stranger):
    answer = stranger.get(path_to_stop(ada, "general"))
    assert answer.status_code == 200
    assert b"Stop this mail?" in answer.content
    assert preference_of(ada).choices == {}


def test_one_click_stops_the_mail_of_this_kind(ada, stranger):
    path = path_to_stop(ada, "general")
    answer = stranger.post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200
    assert preference_of(ada).choices == {"general": {"email": "off"}}
    create_notification(user=ada, title="Still in the app")
    assert jobs().count() == 0
    assert stranger.post(path).status_code == 200
    assert events().filter(event="notification_preference.updated").count() == 1


def test_other_choices_stay(ada, stranger):
    from saas.notifications.preferences import save_preferences

    save_preferences(user=ada, choices={"general": {"in_app": True}, "projects": {"email": "at_once"}})
    stranger.post(path_to_stop(ada, "projects"))
    assert preference_of(ada).choices == {"general": {"in_app": True}, "projects": {"email": "off"}}


def test_the_digest_is_stopped_as_a_whole(ada, stranger):
    stranger.post(path_to_stop(ada, mails.WHOLE_DIGEST))
    ada.refresh_from_db()
    assert ada.email_digest == "off"


def test_what_is_mandatory_stays(ada, stranger):
    stranger.post(path_to_stop(ada, "membership"))
    assert preference_of(ada).choices == {}


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_damaged_link_is_no_link(ada, stranger, method):
    path = path_to_stop(ada, "general")
    for damaged in (path.replace("notifications/unsubscribe/", "notifications/unsubscribe/x"), path[:-3] + "/"):
        assert getattr(stranger, method)(damaged).status_code == 404
    assert getattr(stranger, method)(path_to_stop(ada, "gossip")).status_code == 404


def test_a_link_of_nobody_looks_like_any_other(stranger):
    assert stranger.post(path_to_stop(UserFactory.build(id="0" * 24), "general")).status_code == 200
