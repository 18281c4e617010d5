import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from tests.accounts.conftest import PASSWORD, home, link_in, mails, new_client, sign_in
from tests.accounts.test_sign_up import clean, events_of

TOO_MANY = "That was too often."


def is_signed_in(client) -> bool:
    return "_auth_user_id" in client.session


def test_a_person_signs_in_and_out(visitor, person):
    answer = sign_in(visitor, person.email.upper())
    assert (answer.status_code, answer["Location"]) == (302, home())
    assert is_signed_in(visitor)
    assert visitor.get("/accounts/logout/").status_code == 200, "a GET does not sign out"
    assert is_signed_in(visitor)
    assert visitor.post("/accounts/logout/")["Location"] == "/"
    assert not is_signed_in(visitor)
    (signed_in,) = events_of("user.logged_in")
    assert (signed_in.user_id, signed_in.metadata["method"]) == (person.pk, "password")
    assert [event.user_id for event in events_of("user.logged_out")] == [person.pk]


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/account/", "/account/"),
        ("https://evil.example/", ""),
        ("//evil.example/", ""),
        ("javascript:alert(1)", ""),
    ],
)
def test_sign_in_goes_on_to_a_page_of_this_site_only(visitor, person, wanted, reached):
    answer = visitor.post("/accounts/login/", {"login": person.email, "password": PASSWORD, "next": wanted})
    assert answer["Location"] == (reached or home())


def test_the_session_key_changes_at_sign_in(visitor, person):
    visitor.get("/accounts/login/")
    sign_in(visitor, person.email, "wrong")
    before = visitor.session.session_key
    sign_in(visitor, person.email)
    assert visitor.session.session_key != before


def test_a_wrong_password_and_an_unknown_address_look_the_same(person):
    known, unknown = new_client(), new_client()
    answers = [sign_in(known, person.email, "wrong"), sign_in(unknown, f"x{person.email}", "wrong")]
    assert [answer.status_code for answer in answers] == [200, 200]
    pages = [clean(answer.content.decode(), answer.wsgi_request.POST["login"]) for answer in answers]
    assert pages[0] == pages[1]
    assert {event.metadata["email"] for event in events_of("user.login_failed")} == {person.email, f"x{person.email}"}
    assert not any(event.user_id for event in events_of("user.login_failed"))


@pytest.mark.parametrize("is_known", [True, False])
def test_the_sixth_wrong_password_locks_known_and_unknown_addresses(person, is_known):
    email = person.email if is_known else f"x{person.email}"
    client = new_client()
    assert [sign_in(client, email, "wrong").status_code for _ in range(6)] == [200] * 5 + [429]
    locked = sign_in(client, email)
    assert locked.status_code == 429
    assert TOO_MANY in locked.content.decode(), "the right password does not help either"


def test_an_unconfirmed_person_gets_the_link_instead_of_a_session(visitor, address):
    User.objects.create_user(address, PASSWORD)
    answer = sign_in(visitor, address)
    assert answer["Location"] == "/accounts/confirm-email/"
    assert not is_signed_in(visitor)
    visitor.post(link_in(mails(address)[0]))
    assert EmailAddress.objects.get(email=address).verified
    assert is_signed_in(visitor)


def test_a_disabled_person_cannot_sign_in_and_stays_out(visitor, person):
    sign_in(visitor, person.email)
    User.objects.filter(pk=person.pk).update(is_active=False)
    assert visitor.get("/account/")["Location"].startswith("/accounts/login/")
    assert sign_in(new_client(), person.email)["Location"] == "/accounts/inactive/"
