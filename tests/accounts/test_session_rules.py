"""How long a session lives, when its key changes, and who may end it."""

import re
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
import time_machine
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts import sessions
from tests.accounts.conftest import PASSWORD, link_in, mails, new_client, sign_in
from tests.accounts.test_code_sign_in import code_for
from tests.accounts.test_sessions import confirm, is_in
from tests.accounts.test_sign_up import events_of
from tests.accounts.test_social import go_there, provider  # noqa: F401 - a fixture
from tests.factories import UserFactory, make_world
from tests.writes.passkeys import Passkey

CURRENT = settings.SESSION_COOKIE_NAME


def later(**time):
    return time_machine.travel(timezone.now() + timedelta(**time), tick=True)


def test_a_session_that_is_not_used_for_two_weeks_is_over(visitor, person):
    sign_in(visitor, person.email)
    with later(days=13):
        assert is_in(visitor)
    with later(days=26):  # used on the 13th day, so it lives on
        assert is_in(visitor)
    with later(days=41):
        assert not is_in(visitor)


def test_a_session_is_over_thirty_days_after_signing_in_however_much_it_is_used(visitor, person):
    sign_in(visitor, person.email)
    for day in range(1, 30, 4):
        with later(days=day):
            assert is_in(visitor)
    with later(days=30, minutes=1):
        assert not is_in(visitor)
        sign_in(visitor, person.email)
        assert is_in(visitor)


def test_a_session_in_use_is_written_once_a_day(visitor, person, monkeypatch):
    sign_in(visitor, person.email)
    is_in(visitor)
    before = visitor.session[sessions.SEEN_AT]
    with later(hours=23):
        is_in(visitor)
        assert visitor.session[sessions.SEEN_AT] == before
    with later(hours=25):
        is_in(visitor)
        assert visitor.session[sessions.SEEN_AT] > before


def test_keys_are_long_random_and_new_for_each_session(person):
    keys = set()
    for _ in range(3):
        client = new_client()
        sign_in(client, person.email)
        keys.add(client.cookies[CURRENT].value)
    assert len(keys) == 3
    assert all(re.fullmatch("[a-z0-9]{32}", key) for key in keys)  # 165 bits, by Python's `secrets`


def test_an_invented_key_opens_nothing(visitor, person):
    visitor.cookies[CURRENT] = "a" * 32
    assert not is_in(visitor)


def test_confirming_who_it_is_changes_the_key_and_the_old_one_is_dead(visitor, person):
    sign_in(visitor, person.email)
    before = visitor.cookies[CURRENT].value
    visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
    assert visitor.cookies[CURRENT].value != before
    assert is_in(visitor)
    thief = new_client()
    thief.cookies[CURRENT] = before
    assert not is_in(thief)
    page = visitor.get("/accounts/sessions/").content.decode()
    assert page.count("This browser") == 1


def test_after_signing_out_the_old_cookie_opens_nothing(visitor, person):
    sign_in(visitor, person.email)
    before = visitor.cookies[CURRENT].value
    visitor.post("/accounts/logout/")
    thief = new_client()
    thief.cookies[CURRENT] = before
    assert not is_in(thief)


def test_ending_sessions_asks_first_who_it_is(visitor, person):
    other = new_client()
    sign_in(other, person.email)
    sign_in(visitor, person.email)
    (place,) = [p for p in sessions.places(person, current=visitor.session.session_key) if not p.is_current]
    with later(hours=1):
        for path in ("/accounts/sessions/", f"/account/sessions/{place.id}/end/"):
            answer = visitor.post(path)
            assert (answer.status_code, answer["Location"].partition("?")[0]) == (303, "/accounts/reauthenticate/")
        assert is_in(other)
        visitor.post("/accounts/reauthenticate/", {"password": PASSWORD})
        assert visitor.get(f"/account/sessions/{place.id}/end/")["Location"] == "/accounts/sessions/"
        assert is_in(other)  # opening ends nothing
        visitor.post(f"/account/sessions/{place.id}/end/")
        assert not is_in(other)


@pytest.mark.parametrize("path", ["/account/", "/account/security/", "/o/", "/o/{org}/", "/o/{org}/members/"])
def test_every_page_has_the_way_out(path):
    world = make_world()
    page = world.client("member").get(path.format(org=world.org.slug)).content.decode()
    assert 'action="/accounts/logout/"' in page


def test_the_staff_end_the_sessions_of_a_person_or_of_everybody(person):
    mine, others = new_client(), new_client()
    somebody = UserFactory()
    mine.force_login(person)
    others.force_login(somebody)
    assert is_in(mine)
    assert is_in(others)
    call_command("end_sessions", person.email, stdout=StringIO())
    assert not is_in(mine)
    assert is_in(others)
    assert [event.targets[0]["id"] for event in events_of("session.others_ended")] == [person.pk]
    call_command("end_sessions", all=True, stdout=StringIO())
    assert not is_in(others)


@pytest.mark.parametrize("arguments", [[], ["nobody@example.com"], ["a@example.com", "--all"]])
def test_the_command_wants_one_address_or_all(arguments):
    with pytest.raises(CommandError):
        call_command("end_sessions", *arguments)


def test_an_account_elsewhere_does_not_skip_the_second_step(visitor, provider, address):  # noqa: F811
    go_there(visitor, email=address, name="Nora")
    from accounts.models import User

    TOTP.activate(User.objects.get(email=address), generate_totp_secret())
    visitor.post("/accounts/logout/")
    assert go_there(visitor, email=address)["Location"].startswith("/accounts/2fa/authenticate/")
    assert "_auth_user_id" not in visitor.session


# -- a key that somebody planted in the browser before -----------------------------------------------------------------


def by_password(client, person):
    sign_in(client, person.email)


def by_code(client, person):
    client.post("/accounts/login/code/", {"email": person.email})
    client.post("/accounts/login/code/confirm/", {"code": code_for(person.email)})


def by_recovery_code(client, person):
    TOTP.activate(person, generate_totp_secret())
    code = RecoveryCodes.activate(person).generate_codes()[0]
    sign_in(client, person.email)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    client.post("/accounts/2fa/trust/", {"action": ""})


def by_passkey(client, person):
    owner = new_client()
    sign_in(owner, person.email)
    confirm(owner)
    owner.get("/accounts/2fa/passkeys/add/")
    passkey = Passkey()
    owner.post("/accounts/2fa/passkeys/add/", {"name": "Phone", "credential": passkey.registration(owner)})
    client.get("/accounts/2fa/passkeys/sign-in/", headers={"X-Requested-With": "XMLHttpRequest"})
    client.post("/accounts/2fa/passkeys/sign-in/", {"credential": passkey.assertion(client, person)})


def by_confirming_the_address(client, _person):
    email = f"{uuid4().hex}@example.com"
    client.post("/accounts/signup/", {"email": email, "password1": PASSWORD})
    client.post(link_in(mails(email)[-1]))


def by_an_account_elsewhere(client, _person):
    go_there(client, email=f"{uuid4().hex}@example.com", name="Nora")


WAYS = [by_password, by_code, by_recovery_code, by_passkey, by_confirming_the_address, by_an_account_elsewhere]


@pytest.mark.parametrize("way", WAYS)
def test_no_way_in_goes_on_under_a_key_that_was_there_before(visitor, person, provider, way):  # noqa: F811
    planted = visitor.session
    planted["planted"] = True
    planted.save()
    before = visitor.cookies[CURRENT].value
    way(visitor, person)
    assert visitor.session["_auth_user_id"]
    assert visitor.cookies[CURRENT].value != before
    thief = new_client()
    thief.cookies[CURRENT] = before
    assert not is_in(thief)
    assert "_auth_user_id" not in thief.session
