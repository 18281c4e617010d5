"""Where one is signed in, and ending it: at the next request, in open windows, whatever the cache still holds."""

import pytest
from allauth.usersessions.models import UserSession
from django.core.cache import cache

from accounts import devices, sessions
from accounts.models import User
from saas import live
from tests.accounts.conftest import PASSWORD, mails, new_client, sign_in
from tests.accounts.test_sign_up import events_of
from tests.factories import UserFactory

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 "
    "Mobile/15E148 Safari/604.1"
)
EDGE = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 Safari/537.36 "
    "Edg/130.0.0.0"
)


@pytest.fixture
def told(monkeypatch):
    """The channels on which a session was said to have ended."""
    channels = []
    monkeypatch.setattr(live, "publish", lambda channel, event, _data=None: channels.append((channel, event)))
    return channels


def confirm(client, password=PASSWORD):
    """Prove once more who it is, as the pages ask for before something dangerous."""
    assert client.post("/accounts/reauthenticate/", {"password": password}).status_code == 302


def is_in(client) -> bool:
    return client.get("/account/security/").status_code == 200


def test_a_person_sees_where_she_is_signed_in(person):
    here, phone = new_client(HTTP_USER_AGENT=FIREFOX), new_client(HTTP_USER_AGENT=IPHONE)
    sign_in(phone, person.email)
    sign_in(here, person.email)
    for path in ("/accounts/sessions/", "/account/security/"):
        page = here.get(path).content.decode()
        assert "Firefox on Linux" in page
        assert "Safari on iPhone" in page
        assert page.count("This browser") == 1
        assert here.defaults["REMOTE_ADDR"] in page


def test_signing_out_everywhere_else_ends_the_others_at_their_next_request(person, told):
    here, *others = [new_client() for _ in range(3)]
    for client in (here, *others):
        sign_in(client, person.email)
    keys = [client.session.session_key for client in others]
    confirm(here)
    assert here.post("/accounts/sessions/")["Location"] == "/accounts/sessions/"
    assert is_in(here)
    assert not any(is_in(client) for client in others)
    assert {(live.session_channel(key), "session_ended") for key in keys} <= set(told)
    assert UserSession.objects.filter(user=person).count() == 1
    (event,) = events_of("session.others_ended")
    assert (event.user_id, event.metadata["count"]) == (person.pk, 2)


def test_one_session_is_ended_and_the_others_live(person, told):
    here, lost, third = [new_client() for _ in range(3)]
    for client in (here, lost, third):
        sign_in(client, person.email)
    row = UserSession.objects.get(session_key=lost.session.session_key)
    confirm(here)
    assert here.post(f"/account/sessions/{row.pk}/end/").status_code == 303
    assert not is_in(lost)
    assert is_in(third)
    assert is_in(here)
    assert told == [(live.session_channel(row.session_key), "session_ended")]
    assert len(events_of("session.ended")) == 1


def test_nobody_ends_the_session_of_somebody_else(person):
    victim, attacker = new_client(), new_client()
    sign_in(victim, person.email)
    attacker.force_login(UserFactory())
    row = UserSession.objects.get(session_key=victim.session.session_key)
    assert attacker.post(f"/account/sessions/{row.pk}/end/").status_code == 303
    assert is_in(victim)
    assert not events_of("session.ended")


def test_the_own_session_is_left_by_signing_out_only(visitor, person):
    sign_in(visitor, person.email)
    row = UserSession.objects.get(session_key=visitor.session.session_key)
    visitor.post(f"/account/sessions/{row.pk}/end/")
    assert is_in(visitor)


def test_a_copy_in_the_cache_keeps_no_ended_session_alive(person):
    here, other = new_client(), new_client()
    sign_in(here, person.email)
    sign_in(other, person.email)
    store = other.session
    kept = cache.get(store.cache_key)
    confirm(here)
    here.post("/accounts/sessions/")
    cache.set(store.cache_key, kept)
    assert not is_in(other)


def test_activity_is_noted_once_in_five_minutes(visitor, person, count_queries):
    visitor.force_login(person)
    visitor.get("/account/")
    row = UserSession.objects.get(user=person)
    with count_queries() as commands:
        visitor.get("/account/")
    assert "usersessions" not in str(commands)
    cache.clear()
    visitor.get("/account/")
    assert UserSession.objects.get(pk=row.pk).last_seen_at > row.last_seen_at


def test_the_list_costs_two_reads_however_long_it_is(person, count_queries):
    for _ in range(5):
        sign_in(new_client(), person.email)
    with count_queries(at_most=2):
        assert len(sessions.places(person, current=None)) == 5


def test_sessions_that_ended_by_themselves_are_forgotten(visitor, person):
    other = new_client()
    sign_in(other, person.email)
    sign_in(visitor, person.email)
    other.session.flush()
    assert len(sessions.places(person, current=None)) == 1
    assert UserSession.objects.filter(user=person).count() == 1


# -- a new browser is told by mail -------------------------------------------------------------------------------------


def new_sign_ins(person):
    return [mail for mail in mails(person.email) if mail.payload["subject"] == "New sign-in to your account"]


def test_a_new_browser_is_told_by_mail_and_a_known_one_is_not(person):
    first = new_client()
    sign_in(first, person.email)
    assert not new_sign_ins(person), "the first sign-in of all is no news"
    stranger = new_client(HTTP_USER_AGENT=EDGE)
    sign_in(stranger, person.email)
    (mail,) = new_sign_ins(person)
    assert "Edge on Windows" in mail.payload["body"]
    assert stranger.defaults["REMOTE_ADDR"] in mail.payload["body"]
    for client in (first, stranger):
        client.post("/accounts/logout/")
        sign_in(client, person.email)
    assert len(new_sign_ins(person)) == 1
    assert len(events_of("user.new_device")) == 1


def test_a_browser_is_known_for_each_person_alone_and_cannot_be_forged(person):
    somebody = UserFactory(last_login=person.created_at)
    client = new_client()
    sign_in(client, person.email)
    client.post("/accounts/logout/")
    client.cookies["device"] = client.cookies["device"].value[:-2] + "xx"
    User.objects.filter(pk=person.pk).update(last_login=person.created_at)
    sign_in(client, person.email)
    assert len(new_sign_ins(person)) == 1
    assert str(somebody.pk) not in devices.people(client.get("/").wsgi_request)


@pytest.mark.parametrize(
    ("agent", "words", "icon"),
    [
        (FIREFOX, "Firefox on Linux", "monitor"),
        (IPHONE, "Safari on iPhone", "smartphone"),
        (EDGE, "Edge on Windows", "monitor"),
        ("Mozilla/5.0 (Linux; Android 15; Pixel 9) Chrome/130 Mobile Safari", "Chrome on Android", "smartphone"),
        ("curl/8.5.0", "curl", "monitor"),
        ("", "An unknown device", "monitor"),
    ],
)
def test_devices_have_names(agent, words, icon):
    assert (devices.describe(agent), devices.icon(agent)) == (words, icon)
