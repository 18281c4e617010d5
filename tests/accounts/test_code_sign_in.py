"""Signing in by a code from a mail."""

import re
import time

import pytest
import time_machine

from tests.accounts.conftest import mails, new_client
from tests.accounts.test_sessions import is_in
from tests.accounts.test_sign_up import clean, events_of

CODE = "/accounts/login/code/"


def ask(client, email):
    return client.post(CODE, {"email": email})


def code_for(email) -> str:
    return re.search(r"^([A-Z]{4}-[A-Z]{4})$", mails(email)[-1].payload["body"], re.MULTILINE)[1]


def send(client, code):
    return client.post("/accounts/login/code/confirm/", {"code": code})


def test_a_person_signs_in_by_a_code(visitor, person):
    assert ask(visitor, person.email)["Location"] == "/accounts/login/code/confirm/"
    assert person.email in visitor.get("/accounts/login/code/confirm/").content.decode()
    assert send(visitor, code_for(person.email))["Location"].startswith("/o/")
    assert is_in(visitor)
    (event,) = events_of("user.logged_in")
    assert event.metadata["method"] == "code"


def test_looking_uses_nothing_up(visitor, person):
    ask(visitor, person.email)
    for _ in range(3):
        visitor.get("/accounts/login/code/confirm/")
        visitor.head("/accounts/login/code/confirm/")
    assert send(visitor, code_for(person.email).lower())["Location"].startswith("/o/")


def test_one_code_used_six_times_at_once_works_once(visitor, person, in_parallel):
    ask(visitor, person.email)
    code, cookie = code_for(person.email), visitor.cookies["session"].value

    def use():
        client = new_client()
        client.cookies["session"] = cookie
        return send(client, code).headers.get("Location", "")

    answers = in_parallel(use, times=6)
    assert sum(place.startswith("/o/") for place in answers) == 1
    assert len(events_of("user.logged_in")) == 1


def test_a_code_works_in_the_window_that_asked_for_it_alone(visitor, person):
    ask(visitor, person.email)
    other = new_client()
    ask(other, person.email)
    mine = mails(person.email)[0].payload["body"]
    assert send(other, re.search(r"^([A-Z]{4}-[A-Z]{4})$", mine, re.MULTILINE)[1]).status_code == 200
    assert not is_in(other)


def test_three_wrong_codes_end_it(visitor, person):
    ask(visitor, person.email)
    code = code_for(person.email)
    answers = [send(visitor, "WRNG-CODE") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 302]
    assert "not right" in answers[0].content.decode()
    assert send(visitor, code).status_code == 302
    assert not is_in(visitor)


def test_a_code_lives_for_ten_minutes(visitor, person):
    with time_machine.travel(time.time() - 11 * 60):
        ask(visitor, person.email)
    send(visitor, code_for(person.email))
    assert not is_in(visitor)


def test_a_new_code_can_be_asked_for(visitor, person):
    ask(visitor, person.email)
    first = code_for(person.email)
    visitor.post("/accounts/login/code/confirm/", {"action": "resend"})
    second = code_for(person.email)
    assert first != second
    assert send(visitor, first).status_code == 200
    assert send(visitor, second)["Location"].startswith("/o/")


@pytest.mark.parametrize("path", [CODE, "/accounts/login/code/confirm/"])
def test_known_and_unknown_addresses_look_the_same(person, path):
    pages = []
    for email in (person.email, f"x{person.email}"):
        client = new_client()
        answer = ask(client, email)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/login/code/confirm/")
        pages.append(clean(client.get(path).content.decode(), email))
        assert clean(send(client, "WRNG-CODE").content.decode(), email)
    assert pages[0] == pages[1]
    assert [mail.payload["subject"] for mail in mails(f"x{person.email}")] == ["There is no account with this address"]
