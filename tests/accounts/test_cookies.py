"""A visitor is asked once whether we may count, answers either way with one click, and changes the answer later."""

import re

import pytest
from django.test import RequestFactory

from accounts.models import User
from saas import consent
from saas.events.models import Event
from tests.accounts.conftest import PASSWORD, sign_in
from tests.factories import make_world

QUESTION = "May we count how"
PAGE = "/cookies/"


def answers(page):
    """The classes and words of the buttons that answer the question."""
    buttons = re.findall(r'<button class="([^"]*)"\s+name="analytics"\s+value="(\w+)"', page)
    return {value: classes for classes, value in buttons}


@pytest.mark.parametrize("path", ["/", "/terms/", "/privacy/"])
def test_a_visitor_is_asked_on_public_pages_without_being_kept_from_them(visitor, path):
    page = visitor.get(path).content.decode()
    assert QUESTION in page
    assert answers(page)["yes"] == answers(page)["no"] != ""
    assert "<dialog" not in page.partition('class="consent"')[2].partition("</section>")[0]
    assert consent.CHOICE not in visitor.cookies  # not asked for by looking


@pytest.mark.parametrize(("answer", "allowed"), [("yes", True), ("no", False)])
def test_the_answer_is_kept_and_nobody_is_asked_again(visitor, answer, allowed):
    sent = visitor.post(PAGE, {"analytics": answer, "next": "/terms/"})
    assert (sent.status_code, sent.url) == (303, "/terms/")
    cookie = sent.cookies[consent.CHOICE]
    assert (cookie.value, cookie["samesite"], cookie["httponly"]) == (answer, "Lax", True)
    assert 'class="consent"' not in visitor.get("/").content.decode()
    assert consent.allows_analytics(visitor.get("/").wsgi_request) is allowed


def test_no_answer_is_a_no(visitor):
    assert consent.allows_analytics(visitor.get("/").wsgi_request) is False
    forged = RequestFactory().get("/", headers={"Cookie": f"{consent.CHOICE}=perhaps"})
    assert consent.choice(forged) == ""


def test_the_answer_is_taken_back_by_the_link_at_the_foot(visitor):
    visitor.post(PAGE, {"analytics": "yes"})
    assert f'href="{PAGE}"' in visitor.get("/").content.decode()
    assert f'href="{PAGE}"' in visitor.get("/accounts/login/").content.decode()
    page = visitor.get(PAGE).content.decode()
    assert "accepted" in page
    assert 'class="consent"' not in page
    assert visitor.post(PAGE, {"analytics": "no"}).url == PAGE
    assert "declined" in visitor.get(PAGE).content.decode()


def test_a_signed_in_person_answers_for_the_account(visitor, person):
    sign_in(visitor, person.email, PASSWORD)
    assert QUESTION in visitor.get(PAGE).content.decode()
    assert 'class="consent"' not in visitor.get("/terms/").content.decode()
    visitor.post(PAGE, {"analytics": "yes"})
    assert User.objects.get(pk=person.pk).analytics_consent
    visitor.post(PAGE, {"analytics": "no"})
    assert not User.objects.get(pk=person.pk).analytics_consent
    changes = Event.objects.everything(reason="a test").filter(event="user.updated", user_id=person.pk)
    assert [event.after for event in changes.order_by("created_at")] == [
        {"analytics_consent": True},
        {"analytics_consent": False},
    ]


@pytest.mark.parametrize("next_page", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_the_answer_leads_nowhere_else(visitor, next_page):
    assert visitor.post(PAGE, {"analytics": "no", "next": next_page}).url == PAGE


def test_something_else_is_no_answer(visitor):
    assert visitor.post(PAGE, {"analytics": "maybe"}).status_code == 400


def test_every_cookie_that_the_product_sets_is_on_the_list(visitor, person):
    visitor.get("/")
    visitor.post("/account/theme/", {"theme": "dark"})
    visitor.post(PAGE, {"analytics": "no"})
    sign_in(visitor, person.email, PASSWORD)
    visitor.get("/account/security/")
    listed = {cookie.name for cookie in consent.cookies()}
    assert set(visitor.cookies) <= listed
    page = visitor.get(PAGE).content.decode()
    assert not [name for name in listed if f"<code>{name}</code>" not in page]


def test_no_cookie_of_another_company_is_set(visitor):
    """Nothing on a public page is loaded from elsewhere, so nobody else can set one."""
    make_world()
    for path in ("/", PAGE, "/accounts/login/"):
        page = visitor.get(path).content.decode()
        assert not re.findall(r'(?:src|data)="(?:https?:)?//[^"]*"', page)
