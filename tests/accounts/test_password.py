import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth import authenticate

from accounts.models import User
from tests.accounts.conftest import PASSWORD, home, link_in, mails, new_client, sign_in
from tests.accounts.test_sign_in import is_signed_in
from tests.accounts.test_sign_up import clean, events_of

NEW = "another-long-password"


def ask_for_reset(client, email):
    return client.post("/accounts/password/reset/", {"email": email})


def choose(client, link, password=NEW):
    """Open the link as a person does, and send the form that it leads to."""
    form = client.get(link)["Location"]
    return client.post(form, {"password1": password, "password2": password})


def test_a_person_resets_the_password(visitor, person):
    assert ask_for_reset(visitor, person.email)["Location"] == "/accounts/password/reset/done/"
    (mail,) = mails(person.email)
    answer = choose(visitor, link_in(mail))
    assert answer["Location"] == "/accounts/password/reset/key/done/"
    person.refresh_from_db()
    assert person.check_password(NEW)
    assert is_signed_in(visitor) is False
    assert sign_in(visitor, person.email, NEW)["Location"] == home()
    assert [event.user_id for event in events_of("user.password_reset")] == [person.pk]
    assert mails(person.email)[-1].payload["subject"] == "Your password was reset"


@pytest.mark.parametrize("method", ["get", "head"])
def test_opening_the_link_uses_nothing_up(visitor, person, method):
    ask_for_reset(visitor, person.email)
    link = link_in(mails(person.email)[0])
    for _ in range(3):
        scanner = new_client()
        answer = getattr(scanner, method)(link)
        assert answer.status_code == 302
        assert getattr(scanner, method)(answer["Location"]).status_code == 200
    assert choose(visitor, link)["Location"] == "/accounts/password/reset/key/done/"


def test_a_link_works_once(visitor, person):
    ask_for_reset(visitor, person.email)
    link = link_in(mails(person.email)[0])
    choose(visitor, link)
    assert "no longer works" in new_client().get(link).content.decode()


def test_a_link_used_six_times_at_once_works_once(visitor, person, in_parallel):
    ask_for_reset(visitor, person.email)
    link = link_in(mails(person.email)[0])
    forms = [(client := new_client(), client.get(link)["Location"]) for _ in range(6)]

    def send(number):
        client, form = forms[number]
        password = f"{NEW}-{number}"
        return client.post(form, {"password1": password, "password2": password})

    answers = in_parallel(send, times=6)
    won = [n for n, answer in enumerate(answers) if answer.headers.get("Location", "").endswith("/key/done/")]
    assert len(won) == 1
    assert {answer.status_code for answer in answers} <= {200, 302}
    person.refresh_from_db()
    assert person.check_password(f"{NEW}-{won[0]}")
    assert len(events_of("user.password_reset")) == 1


@pytest.mark.parametrize("link", ["/accounts/password/reset/key/0-x/", "/accounts/password/reset/key/zzzz-a-b/"])
def test_an_invented_link_says_so(visitor, link):
    answer = visitor.get(link)
    assert answer.status_code == 200
    assert "no longer works" in answer.content.decode()


def test_a_reset_for_an_unknown_address_looks_the_same(person):
    known, unknown = new_client(), new_client()
    answers = [ask_for_reset(known, person.email), ask_for_reset(unknown, f"x{person.email}")]
    assert {(answer.status_code, answer["Location"]) for answer in answers} == {(302, "/accounts/password/reset/done/")}
    pages = [client.get("/accounts/password/reset/done/").content.decode() for client in (known, unknown)]
    assert clean(pages[0], "-") == clean(pages[1], "-")
    (mail,) = mails(f"x{person.email}")
    assert mail.payload["subject"] == "There is no account with this address"


def test_a_reset_lifts_the_lock(person):
    for _ in range(6):
        sign_in(new_client(), person.email, "wrong")
    visitor = new_client()
    ask_for_reset(visitor, person.email)
    choose(visitor, link_in(mails(person.email)[0]))
    assert sign_in(visitor, person.email, NEW)["Location"] == home()


def test_changing_the_password_ends_the_other_sessions(visitor, person):
    other = new_client()
    sign_in(visitor, person.email)
    sign_in(other, person.email)
    answer = visitor.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    assert answer["Location"] == "/account/security/"
    assert visitor.get("/account/").status_code == 200
    assert other.get("/account/")["Location"].startswith("/accounts/login/")
    assert authenticate(None, email=person.email, password=PASSWORD) is None
    assert [event.user_id for event in events_of("user.password_changed")] == [person.pk]
    assert mails(person.email)[-1].payload["subject"] == "Your password was changed"


def test_a_reset_ends_all_sessions(visitor, person):
    sign_in(visitor, person.email)
    stranger = new_client()
    ask_for_reset(stranger, person.email)
    choose(stranger, link_in(mails(person.email)[0]))
    assert visitor.get("/account/")["Location"].startswith("/accounts/login/")


def test_changing_needs_the_present_password(visitor, person):
    sign_in(visitor, person.email)
    answer = visitor.post("/accounts/password/change/", {"oldpassword": "wrong", "password1": NEW, "password2": NEW})
    assert answer.status_code == 200
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)
    assert EmailAddress.objects.get(user=person).verified
