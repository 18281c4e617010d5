from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from saas.events.models import Event
from tests.accounts.conftest import PASSWORD, link_in, mails, new_client, sign_in


def events_of(name: str) -> list[Event]:
    return list(Event.objects.everything(reason="test").filter(event=name))


def test_a_visitor_signs_up_confirms_and_is_signed_in(visitor, address, sign_up):
    answer = sign_up(visitor, address.upper())
    assert (answer.status_code, answer["Location"]) == (302, "/accounts/confirm-email/")
    user = User.objects.get(email=address)
    assert user.check_password(PASSWORD)
    (mail,) = mails(address)
    page = visitor.get(link_in(mail))
    assert "Confirm this address" in page.content.decode()
    answer = visitor.post(link_in(mail))
    assert answer["Location"] == "/onboarding/"
    assert visitor.session["_auth_user_id"] == user.pk
    assert EmailAddress.objects.get(user=user).verified
    assert [event.user_id for event in events_of("user.created")] == [user.pk]
    assert [event.user_id for event in events_of("user.email_confirmed")] == [user.pk]
    assert [event.user_id for event in events_of("user.logged_in")] == [user.pk]


def test_somebody_who_confirms_in_another_browser_signs_in_there(visitor, address, sign_up):
    sign_up(visitor)
    elsewhere = new_client()
    answer = elsewhere.post(link_in(mails(address)[0]))
    assert answer["Location"] == "/accounts/login/"
    assert sign_in(elsewhere, address)["Location"] == "/onboarding/"


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_link_uses_nothing_up(visitor, address, sign_up, method):
    sign_up(visitor)
    link = link_in(mails(address)[0])
    for _ in range(3):
        assert getattr(new_client(), method)(link).status_code == 200
    assert not EmailAddress.objects.get(email=address).verified
    visitor.post(link)
    assert EmailAddress.objects.get(email=address).verified


def test_a_link_sent_six_times_at_once_confirms_once(visitor, address, sign_up, in_parallel):
    sign_up(visitor)
    link = link_in(mails(address)[0])
    answers = in_parallel(lambda: new_client().post(link).status_code, times=6)
    assert set(answers) <= {302, 404}
    assert 302 in answers
    assert len(events_of("user.email_confirmed")) == 1


def test_a_used_or_invented_link_says_so(visitor, address, sign_up):
    sign_up(visitor)
    link = link_in(mails(address)[0])
    visitor.post(link)
    assert "no longer works" in new_client().get(link).content.decode()
    assert "no longer works" in new_client().get("/accounts/confirm-email/nonsense:1:x/").content.decode()
    assert new_client().post(link).status_code == 404


def test_six_sign_ups_with_one_address_make_one_person(address, sign_up, in_parallel):
    answers = in_parallel(lambda: sign_up(new_client(), address), times=6)
    assert {answer.status_code for answer in answers} == {302}
    assert {answer["Location"] for answer in answers} == {"/accounts/confirm-email/"}
    assert User.objects.filter(email=address).count() == 1
    assert EmailAddress.objects.filter(email=address).count() == 1
    assert len(events_of("user.created")) == 1
    (mail,) = mails(address)
    assert "Confirm" in mail.payload["subject"]


def test_signing_up_with_a_taken_address_looks_like_signing_up(person, sign_up):
    known, unknown = new_client(), new_client()
    answers = [sign_up(known, person.email), sign_up(unknown, f"not.{person.email}")]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/accounts/confirm-email/")}
    pages = [client.get("/accounts/confirm-email/").content.decode() for client in (known, unknown)]
    assert clean(pages[0], person.email) == clean(pages[1], f"not.{person.email}")
    assert [mail.payload["subject"] for mail in mails(person.email)] == ["You have an account already"]
    assert User.objects.count() == 2


def clean(page: str, address: str) -> str:
    """A page without what differs between any two visits."""
    import re

    page = page.replace(address, "ADDRESS")
    return re.sub(r"[A-Za-z0-9+/]{22}==|[A-Za-z0-9]{64}", "", page)


def test_a_weak_password_is_refused_with_words(visitor, address, sign_up):
    for password in ("short", "password123", "1234567890", address):
        answer = sign_up(visitor, address, password)
        assert answer.status_code == 200
        assert "password" in answer.content.decode().lower()
    assert not User.objects.exists()


def test_an_address_is_compared_as_a_whole(visitor, sign_up):
    sign_up(visitor, "a.b@example.io")
    sign_up(new_client(), "axb@example.io")
    sign_up(new_client(), "ann+test@example.io")
    assert set(User.objects.values_list("email", flat=True)) == {
        "a.b@example.io",
        "axb@example.io",
        "ann+test@example.io",
    }


@pytest.mark.parametrize("letter", ["\u0130", "\u017f"], ids=["dotted capital i", "long s"])
def test_an_address_of_letters_that_only_look_right_is_refused(visitor, sign_up, letter):
    answer = sign_up(visitor, f"{letter}{uuid4().hex}@example.com")
    assert answer.status_code == 200
    assert "Enter a valid email address" in answer.content.decode()
