"""Another address: confirmed at the new one, told at the old one, other sessions end."""

from uuid import uuid4

import pytest
from allauth.account.models import EmailAddress

from accounts.models import User
from tests.accounts.conftest import link_in, mails, new_client, sign_in
from tests.accounts.test_sessions import confirm, is_in
from tests.accounts.test_sign_up import events_of

NEW = "a.new.one@example.com"


@pytest.fixture
def here(visitor, person):
    """A browser of somebody who has just confirmed to be who it is."""
    sign_in(visitor, person.email)
    confirm(visitor)
    return visitor


def add(client, email=NEW):
    return client.post("/accounts/email/", {"email": email, "action_add": ""})


def make_main(client, email=NEW):
    return client.post("/accounts/email/", {"email": email, "action_primary": ""})


def test_changing_asks_first_who_it_is(visitor, person):
    sign_in(visitor, person.email)
    assert add(visitor)["Location"].startswith("/accounts/reauthenticate/")
    assert not EmailAddress.objects.filter(email=NEW).exists()


def test_an_address_is_changed(person, here):
    other = new_client()
    sign_in(other, person.email)
    add(here)
    make_main(here)
    assert User.objects.get(pk=person.pk).email == person.email, "not before it is confirmed"
    link = link_in(mails(NEW)[-1])
    new_client().get(link)
    here.post(link)
    make_main(here)
    assert User.objects.get(pk=person.pk).email == NEW
    assert mails(person.email)[-1].payload["subject"] == "Your e-mail address was changed"
    assert NEW in mails(person.email)[-1].payload["body"]
    assert is_in(here)
    assert not is_in(other)
    (changed,) = events_of("user.email_changed")
    assert (changed.before["email"], changed.after["email"]) == (person.email, NEW)
    assert len(events_of("user.email_added")) == 1
    here.post("/accounts/email/", {"email": person.email, "action_remove": ""})
    assert [address.email for address in EmailAddress.objects.filter(user=person)] == [NEW]
    assert len(events_of("user.email_removed")) == 1


def test_the_address_of_somebody_else_is_not_told_from_a_free_one(here, sign_up, fresh):
    sign_up(new_client(), "taken@example.com")
    pages = [add(here, email)["Location"] for email in ("taken@example.com", fresh)]
    assert pages[0] == pages[1]


def test_the_main_address_cannot_be_removed(person, here):
    here.post("/accounts/email/", {"email": person.email, "action_remove": ""})
    assert EmailAddress.objects.filter(user=person).count() == 1


def test_a_main_address_that_somebody_else_has_is_refused_in_words(person, here):
    EmailAddress.objects.create(user=person, email=NEW, verified=True)
    User.objects.create_user(NEW, "x")
    make_main(here)
    assert User.objects.get(pk=person.pk).email == person.email
    assert "belongs to another account" in here.get("/accounts/email/").content.decode()
    assert EmailAddress.objects.get(user=person, primary=True).email == person.email


@pytest.fixture
def fresh() -> str:
    """An address that no other test has been sent a confirmation to."""
    return f"{uuid4().hex}@example.com"


@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/accounts/login/code/"])
def test_no_way_in_is_mailed_to_one_more_address_before_it_is_confirmed(here, path, fresh):
    """Who mistypes an address gives the account to nobody; who waits there is answered like everybody."""
    add(here, fresh)
    known, unknown = (new_client().post(path, {"email": email}) for email in (fresh, f"x{fresh}"))
    assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])
    subjects = [mail.payload["subject"] for mail in mails(fresh)]
    assert subjects[0] == "Confirm your address"
    assert not [mail for mail in mails(fresh) if "password/reset/key" in mail.payload["body"]]
    assert not [subject for subject in subjects if "sign-in code" in subject]


@pytest.mark.parametrize("path", ["/accounts/password/reset/", "/accounts/login/code/"])
def test_a_way_in_is_mailed_to_a_second_address_that_is_confirmed(here, path, fresh):
    add(here, fresh)
    here.post(link_in(mails(fresh)[-1]))
    before = len(mails(fresh))
    new_client().post(path, {"email": fresh.upper()})
    (mail,) = mails(fresh)[before:]
    assert "password/reset/key" in mail.payload["body"] or "sign-in code" in mail.payload["subject"]
