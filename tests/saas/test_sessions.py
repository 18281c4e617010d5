"""A session that goes on under a new key, while the browser still asks with the old one."""

import pytest
import redis
from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.core.cache import cache
from django.http import HttpRequest
from django.test import Client

from accounts import sessions as places
from accounts.models import User
from saas.sessions import SessionStore, was_renewed
from tests.factories import UserFactory

PART = "/notifications/count/"


@pytest.fixture
def ada():
    return UserFactory()


@pytest.fixture
def browser(ada):
    client = Client()
    client.force_login(ada)
    return client


def key_of(client: Client) -> str:
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def late(key: str, **headers: str):
    """The answer to a request that was on its way with this key."""
    client = Client()
    client.cookies[settings.SESSION_COOKIE_NAME] = key
    return client.get(PART, headers=headers)


def change_in_progress(user: User, key: str) -> HttpRequest:
    """A request of this session which has changed how the person gets in, but not yet gone on under a new key."""
    request = HttpRequest()
    request.session, request.user = SessionStore(key), user
    assert request.session[SESSION_KEY] == str(user.pk)
    places.end_others(user=user, request=request)
    return request


def test_a_part_that_comes_between_a_change_and_the_new_key_is_not_shown(ada, browser):
    request = change_in_progress(ada, key_of(browser))
    answer = late(key_of(browser), **{"HX-Request": "true", "HX-Current-URL": "http://testserver/account/security/"})
    assert answer.status_code == 204
    assert "HX-Redirect" not in answer
    assert not answer.cookies, "the cookie stays, for the new one may be there already"

    places.keep(request)
    request.session.save()
    browser.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
    assert browser.get("/account/security/").status_code == 200


def test_a_page_that_comes_between_leaves_the_cookie(ada, browser):
    change_in_progress(ada, key_of(browser))
    answer = late(key_of(browser))
    assert answer["Location"].startswith("/accounts/login/")
    assert not answer.cookies


def test_an_old_key_lets_nobody_in(ada, browser):
    old = key_of(browser)
    request = change_in_progress(ada, old)
    places.keep(request)
    request.session.save()
    assert was_renewed(old)
    assert late(old)["Location"].startswith("/accounts/login/")
    assert not SessionStore(old).get(SESSION_KEY)


def test_what_was_asked_before_signing_in_leaves_the_new_cookie(ada):
    client = Client()
    session = client.session
    session["noted"] = True
    session.save()
    before = key_of(client)
    client.force_login(ada)
    assert key_of(client) != before
    assert not late(before).cookies


def test_a_session_that_has_ended_takes_its_cookie_along(ada, browser):
    other = Client()
    other.force_login(ada)
    change_in_progress(ada, key_of(browser))
    answer = late(key_of(other), **{"HX-Request": "true"})
    assert answer["HX-Redirect"].startswith("/accounts/login/")
    assert answer.cookies[settings.SESSION_COOKIE_NAME]["max-age"] == 0


def test_signing_out_is_no_renewal(browser):
    key = key_of(browser)
    browser.logout()
    assert not was_renewed(key)


def test_a_key_changes_while_the_cache_is_away(ada, browser, monkeypatch):
    def away(*args, **kwargs):
        raise redis.ConnectionError("refused")

    request = change_in_progress(ada, key_of(browser))
    monkeypatch.setattr(cache, "set", away)
    monkeypatch.setattr(cache, "get", away)
    places.keep(request)
    assert not was_renewed(key_of(browser))
