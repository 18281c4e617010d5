""" "This was not me": the link in every mail about security."""

import re

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from accounts.models import User
from accounts.tasks import end_accounts
from saas.product import product
from tests.accounts.conftest import PASSWORD, link_in, mails, new_client, sign_in
from tests.accounts.test_factors import turn_on
from tests.accounts.test_password import NEW, ask_for_reset, choose
from tests.accounts.test_sessions import confirm, is_in
from tests.accounts.test_sign_up import events_of
from tests.factories import UserFactory


def not_me_link(mail) -> str:
    (path,) = re.findall(r"https?://[^/\s]+(/account/not-me/\S+)", mail.payload["body"])
    assert path in mail.payload["html"]
    return path


@pytest.fixture
def burgled(person):
    """An intruder signs in with the right password: the intruder's browser, and the link of the mail that tells."""
    sign_in(new_client(), person.email)
    intruder = new_client()
    sign_in(intruder, person.email)
    return intruder, not_me_link(mails(person.email)[-1])


def test_the_button_locks_the_account_and_leads_to_a_new_password(person, burgled, visitor):
    intruder, link = burgled
    assert "Lock my account" in visitor.get(link).content.decode()
    answer = visitor.post(link)
    assert answer.status_code == 303
    assert not is_in(intruder)
    assert sign_in(new_client(), person.email)["Location"] == "/account/locked/"
    form = visitor.get(answer["Location"])["Location"]
    assert visitor.post(form, {"password1": NEW})["Location"] == "/accounts/password/reset/key/done/"
    assert sign_in(visitor, person.email, NEW)["Location"].startswith("/o/")
    assert sign_in(intruder, person.email).status_code == 200
    assert [event.user_id for event in events_of("user.locked")] == [person.pk]


@pytest.mark.parametrize("method", ["get", "head"])
def test_a_mail_scanner_locks_nothing(person, burgled, method):
    for _ in range(3):
        assert getattr(new_client(), method)(burgled[1]).status_code == 200
    assert is_in(burgled[0])
    assert User.objects.get(pk=person.pk).locked_at is None


def test_a_link_used_six_times_at_once_locks_once(person, burgled, in_parallel):
    answers = in_parallel(lambda: new_client().post(burgled[1]).status_code, times=6)
    assert sorted(answers) == [303] + [404] * 5
    assert len(events_of("user.locked")) == 1


def test_an_invented_link_says_so(visitor):
    answer = visitor.post("/account/not-me/WyJ4Il0:1abc:xyz/")
    assert answer.status_code == 404
    assert "no longer works" in answer.content.decode()


def test_an_ordinary_reset_opens_a_locked_account_too(person, burgled, visitor):
    visitor.post(burgled[1])
    other = new_client()
    ask_for_reset(other, person.email)
    reset = [mail for mail in mails(person.email) if "/accounts/password/reset/key/" in mail.payload["body"]]
    (path,) = re.findall(r"https?://[^/\s]+(/accounts/\S+)", reset[-1].payload["body"])
    choose(other, path)
    assert sign_in(other, person.email, NEW)["Location"].startswith("/o/")


def test_what_the_intruder_added_is_taken_away(person, burgled, visitor):
    intruder, link = burgled
    confirm(intruder)
    turn_on(intruder)
    SocialAccount.objects.create(user=person, provider="google", uid="intruder")
    visitor.post(link)
    assert not Authenticator.objects.exists()
    assert not SocialAccount.objects.exists()
    assert set(events_of("user.locked")[0].metadata["removed"]) == {"totp", "recovery_codes", "google"}


def test_what_was_there_before_stays(person, visitor):
    owner = new_client()
    sign_in(owner, person.email)
    confirm(owner)
    turn_on(owner)
    Authenticator.objects.update(created_at=person.created_at.replace(year=2024))
    owner.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW})
    visitor.post(not_me_link(mails(person.email)[-1]))
    assert Authenticator.objects.count() == 2


def test_a_changed_address_is_given_back(person, visitor):
    """The main address is changed after confirming the new one; the old one is told, and can undo it."""
    intruder = new_client()
    sign_in(intruder, person.email)
    confirm(intruder)
    EmailAddress.objects.create(user=person, email="intruder@example.com", verified=True)
    intruder.post("/accounts/email/", {"email": "intruder@example.com", "action_primary": ""})
    assert User.objects.get(pk=person.pk).email == "intruder@example.com"
    mail = mails(person.email)[-1]
    assert mail.payload["subject"] == "Your e-mail address was changed"
    visitor.post(not_me_link(mail))
    assert User.objects.get(pk=person.pk).email == person.email
    (address,) = EmailAddress.objects.filter(user=person)
    assert (address.email, address.primary, address.verified) == (person.email, True, True)
    assert not is_in(intruder)


def test_a_locked_account_is_not_told_from_another_without_the_password(person, burgled, visitor):
    visitor.post(burgled[1])
    assert sign_in(new_client(), person.email, "wrong").status_code == 200


# -- what an intruder may try with links of his own --------------------------------------------------------------------

EVIL, WORSE = "intruder@example.com", "second.intruder@example.com"


def move_to(client, user, address):
    """Make another address the main one, as somebody who can read its mail; the mail that tells of it."""
    before = User.objects.get(pk=user.pk).email
    EmailAddress.objects.get_or_create(user=user, email=address, defaults={"verified": True})
    client.post("/accounts/email/", {"email": address, "action_primary": ""})
    assert User.objects.get(pk=user.pk).email == address
    return mails(before)[-1]


@pytest.fixture
def inside(person):
    """The browser of an intruder who has the password."""
    client = new_client()
    sign_in(client, person.email)
    confirm(client)
    return client


@pytest.fixture
def taken_over(person, inside):
    """An intruder went from one address of his to another: the owner's mail, and the one at the first address."""
    return move_to(inside, person, EVIL), move_to(inside, person, WORSE)


def owns(person) -> set[str]:
    assert EmailAddress.objects.get(user=person, primary=True).email == User.objects.get(pk=person.pk).email
    return set(EmailAddress.objects.filter(user=person).values_list("email", flat=True))


def test_no_address_of_the_intruder_stays(person, taken_over, visitor):
    told_owner, _ = taken_over
    visitor.post(not_me_link(told_owner))
    assert owns(person) == {person.email}
    assert {event.before["email"] for event in events_of("user.email_removed")} == {EVIL, WORSE}


def test_a_link_that_the_intruder_was_mailed_takes_nothing_back(person, taken_over, visitor):
    told_owner, told_intruder = taken_over
    assert visitor.post(not_me_link(told_owner)).status_code == 303
    assert new_client().post(not_me_link(told_intruder)).status_code == 404
    assert owns(person) == {person.email}
    assert len(events_of("user.locked")) == 1


def test_the_owner_wins_also_when_the_intruder_locks_first(person, taken_over, visitor):
    told_owner, told_intruder = taken_over
    intruder = new_client()
    form = intruder.get(intruder.post(not_me_link(told_intruder))["Location"])["Location"]
    intruder.post(form, {"password1": NEW})
    assert owns(person) == {EVIL}
    assert visitor.post(not_me_link(told_owner)).status_code == 303
    assert owns(person) == {person.email}
    assert sign_in(intruder, EVIL, NEW).status_code == 200


def test_both_links_at_once_leave_the_account_to_the_owner(person, taken_over, in_parallel):
    links = [not_me_link(mail) for mail in taken_over]
    in_parallel(lambda: [new_client().post(link).status_code for link in links.copy()], times=2)
    assert owns(person) == {person.email}


def test_an_older_mail_than_that_of_the_change_gives_the_address_back_too(person, burgled, visitor):
    intruder, link = burgled
    confirm(intruder)
    move_to(intruder, person, EVIL)
    visitor.post(link)
    assert owns(person) == {person.email}


def test_a_mail_after_the_account_was_opened_again_has_a_link_that_works(person, burgled, visitor):
    visitor.get("/")
    form = visitor.get(visitor.post(burgled[1])["Location"])["Location"]
    visitor.post(form, {"password1": NEW})
    sign_in(new_client(), person.email, NEW)
    assert new_client().post(not_me_link(mails(person.email)[-1])).status_code == 303
    assert len(events_of("user.locked")) == 2


def test_a_link_of_an_erased_account_says_that_it_no_longer_works(person, burgled, visitor):
    EmailAddress.objects.filter(user=person).delete()
    User.objects.filter(pk=person.pk).delete()
    assert visitor.post(burgled[1]).status_code == 404


# -- the address is another account's by now ---------------------------------------------------------------------------


@pytest.fixture
def given_up(person, inside):
    """An intruder made another address the main one and removed the owner's: the mail that told the owner."""
    mail = move_to(inside, person, EVIL)
    inside.post("/accounts/email/", {"email": person.email, "action_remove": ""})
    assert owns(person) == {EVIL}
    return mail


def reset_links(address) -> list[str]:
    return [mail for mail in mails(address) if "/accounts/password/reset/key/" in mail.payload["body"]]


@pytest.mark.parametrize("way", ["sign-up", "elsewhere"])
def test_an_account_that_nobody_confirmed_gives_the_address_back(person, inside, given_up, visitor, way):
    squatter = new_client()
    if way == "sign-up":
        squatter.post("/accounts/signup/", {"email": person.email, "password1": PASSWORD})
    else:
        theirs = User.objects.create(email=person.email)
        SocialAccount.objects.create(user=theirs, provider="google", uid="squatter")
        EmailAddress.objects.create(user=theirs, email=person.email, primary=True)
    theirs = User.objects.get(email=person.email)
    answer = visitor.post(not_me_link(given_up))
    assert answer.status_code == 303
    assert owns(person) == {person.email}
    form = visitor.get(answer["Location"])["Location"]
    assert visitor.post(form, {"password1": NEW})["Location"] == "/accounts/password/reset/key/done/"
    assert sign_in(visitor, person.email, NEW)["Location"].startswith("/o/")
    assert not is_in(squatter)
    assert not EmailAddress.objects.filter(user=theirs).exists()
    (gone,) = [event for event in events_of("user.email_removed") if event.targets[0]["id"] == theirs.pk]
    assert (gone.user_id, gone.before) == (person.pk, {"email": person.email})
    end_accounts()
    assert not User.objects.filter(pk=theirs.pk).exists()
    assert not SocialAccount.objects.filter(uid="squatter").exists()
    assert User.objects.get(email=person.email).pk == person.pk


def test_the_mail_that_would_confirm_the_other_account_is_worth_nothing_after_that(person, given_up, visitor):
    squatter = new_client()
    squatter.post("/accounts/signup/", {"email": person.email, "password1": PASSWORD})
    visitor.post(not_me_link(given_up))
    confirmation = mails(person.email)[-1]
    squatter.post(link_in(confirmation))
    assert owns(person) == {person.email}
    assert not is_in(squatter)


def test_an_address_that_another_person_only_wrote_down_is_given_back(person, given_up, visitor):
    other = UserFactory(last_login=person.created_at)
    EmailAddress.objects.create(user=other, email=person.email)
    visitor.post(not_me_link(given_up))
    assert owns(person) == {person.email}
    assert not EmailAddress.objects.filter(user=other, email=person.email).exists()
    other.refresh_from_db()
    assert other.is_active


@pytest.fixture
def confirmed_elsewhere(person, given_up):
    """Another account has proved to own the address."""
    other = User.objects.create_user(person.email, PASSWORD, last_login=person.created_at)
    EmailAddress.objects.create(user=other, email=person.email, verified=True, primary=True)
    return other


def test_an_address_that_another_account_confirmed_leaves_the_intruder_without_a_way_in(
    person, inside, given_up, confirmed_elsewhere, visitor
):
    SocialAccount.objects.create(user=person, provider="google", uid="intruder")
    page = visitor.post(not_me_link(given_up)).content.decode()
    assert "belongs to another account" in page
    assert product()["support_email"] in page
    assert not is_in(inside)
    person_now = User.objects.get(pk=person.pk)
    assert person_now.locked_at
    assert not person_now.has_usable_password()
    assert not EmailAddress.objects.filter(user=person).exists()
    assert not SocialAccount.objects.filter(user=person).exists()
    intruder = new_client()
    ask_for_reset(intruder, EVIL)
    assert not reset_links(EVIL)
    assert sign_in(intruder, EVIL).status_code == 200
    assert len(events_of("user.locked")) == 1
    confirmed_elsewhere.refresh_from_db()
    assert (confirmed_elsewhere.email, confirmed_elsewhere.is_active) == (person.email, True)


def test_the_owner_is_told_what_to_do_and_gets_the_address_once_it_is_free(
    person, given_up, confirmed_elsewhere, visitor
):
    visitor.post(not_me_link(given_up))
    told = mails(person.email)[-1]
    assert told.payload["subject"] == "Your account is locked"
    assert product()["support_email"] in told.payload["body"]
    EmailAddress.objects.filter(user=confirmed_elsewhere).delete()
    User.objects.filter(pk=confirmed_elsewhere.pk).update(email="another@example.com")
    answer = new_client().post(not_me_link(told))
    assert answer.status_code == 303
    assert owns(person) == {person.email}
    form = visitor.get(answer["Location"])["Location"]
    visitor.post(form, {"password1": NEW})
    assert sign_in(visitor, person.email, NEW)["Location"].startswith("/o/")


def test_a_void_link_locks_nothing_also_when_its_address_is_another_account_s(person, taken_over, visitor):
    told_owner, told_intruder = taken_over
    visitor.post(not_me_link(told_owner))
    EmailAddress.objects.create(user=UserFactory(), email=EVIL, verified=True)
    assert new_client().post(not_me_link(told_intruder)).status_code == 404
    assert owns(person) == {person.email}


def test_an_intruder_who_gives_up_the_account_s_last_address_does_not_keep_the_owner_out(person, taken_over, visitor):
    """The link at his first address leaves the account without any, once another account of his has confirmed that."""
    told_owner, told_intruder = taken_over
    EmailAddress.objects.filter(user=person, email=EVIL).delete()
    EmailAddress.objects.create(user=UserFactory(), email=EVIL, verified=True)
    assert new_client().post(not_me_link(told_intruder)).status_code == 200
    assert not EmailAddress.objects.filter(user=person).exists()
    assert visitor.post(not_me_link(told_owner)).status_code == 303
    assert owns(person) == {person.email}
