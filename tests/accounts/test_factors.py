"""The second step: an authenticator app, recovery codes, a trusted browser.  Each code works once."""

import base64
import hashlib
import hmac
import re
import struct
import time
from urllib.parse import urlsplit

import pytest
import time_machine
from allauth.mfa.models import Authenticator

from accounts import factors
from accounts.models import User
from accounts.security import not_me_url
from tests.accounts.conftest import PASSWORD, mails, new_client, sign_in
from tests.accounts.test_password import NEW
from tests.accounts.test_sessions import confirm, is_in
from tests.accounts.test_sign_up import events_of
from tests.factories import UserFactory


def totp(secret: str, at: float | None = None) -> str:
    """The six digits that an app shows (RFC 6238)."""
    counter = int((time.time() if at is None else at) // 30)
    digest = hmac.new(base64.b32decode(secret), struct.pack(">Q", counter), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[offset : offset + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


def turn_on(client) -> str:
    """Turn the app on as a person does; answers the key that the app holds."""
    page = client.get("/accounts/2fa/totp/activate/")
    secret = re.search(r'id="totp-secret">([A-Z2-7]+)<', page.content.decode())[1]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": totp(secret)})
    assert answer["Location"] == "/accounts/2fa/recovery-codes/", answer.content.decode()[-3000:]
    return secret


def codes_of(client) -> list[str]:
    return re.findall(r"<code>(\d{8})</code>", client.get("/accounts/2fa/recovery-codes/").content.decode())


@pytest.fixture
def protected(person):
    """Somebody with an app: her browser, the app's key, her recovery codes.  The code of this moment is used."""
    client = new_client()
    sign_in(client, person.email)
    confirm(client)
    secret = turn_on(client)
    return client, secret, codes_of(client)


def first_step(person, client=None):
    """A browser that has given the right password and is asked for the second step."""
    client = client or new_client()
    assert sign_in(client, person.email)["Location"] == "/accounts/2fa/authenticate/"
    return client


def send(client, code):
    return client.post("/accounts/2fa/authenticate/", {"code": code})


def test_turning_the_app_on_asks_first_who_it_is(visitor, person):
    sign_in(visitor, person.email)
    assert visitor.get("/accounts/2fa/totp/activate/")["Location"].startswith("/accounts/reauthenticate/")


def test_turning_the_app_on_is_recorded_told_and_ends_the_other_sessions(person):
    here, other = new_client(), new_client()
    sign_in(here, person.email)
    sign_in(other, person.email)
    confirm(here)
    turn_on(here)
    assert is_in(here)
    assert not is_in(other)
    assert [event.user_id for event in events_of("user.authenticator_added")] == [person.pk]
    assert mails(person.email)[-1].payload["subject"] == "An authenticator app was turned on"
    assert "On since" in here.get("/account/security/").content.decode()


def test_six_activations_at_once_make_one_app_with_its_recovery_codes(person, in_parallel):
    client = new_client()
    sign_in(client, person.email)
    confirm(client)
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    code = totp(re.search(r'id="totp-secret">([A-Z2-7]+)<', page)[1])
    cookie = client.cookies["session"].value

    def activate():
        again = new_client()
        again.cookies["session"] = cookie
        return again.post("/accounts/2fa/totp/activate/", {"code": code}).status_code

    assert set(in_parallel(activate, times=6)) <= {302, 400}
    assert sorted(Authenticator.objects.values_list("type", flat=True)) == ["recovery_codes", "totp"]
    assert len(events_of("user.authenticator_added")) == 1


def test_the_apps_key_and_the_seed_of_the_codes_are_encrypted(protected):
    _, secret, codes = protected
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))
    assert secret not in stored
    assert not any(code in stored for code in codes)
    assert factors.fernet().decrypt(Authenticator.objects.get(type="totp").data["secret"].encode()).decode() == secret


def test_signing_in_asks_for_a_code_of_the_app(person, protected):
    client = first_step(person)
    assert not is_in(client)
    assert "Use a passkey" not in client.get("/accounts/2fa/authenticate/").content.decode()
    assert "not right" in send(client, "000000").content.decode()
    with time_machine.travel(time.time() + 60):
        assert send(client, totp(protected[1]))["Location"] == "/accounts/2fa/trust/"
        client.post("/accounts/2fa/trust/", {"action": "skip"})
    assert is_in(client)
    assert len(events_of("user.second_step_failed")) == 1


def test_the_code_that_turned_the_app_on_signs_nobody_in(person):
    client = new_client()
    sign_in(client, person.email)
    confirm(client)
    with time_machine.travel(time.time(), tick=False):  # half a minute later it would be another code
        secret = turn_on(client)
        assert "used before" in send(first_step(person), totp(secret)).content.decode()


def test_an_older_code_is_refused_after_a_newer_one(person, protected):
    moment = time.time() + 120
    with time_machine.travel(moment, tick=False):
        send(first_step(person), totp(protected[1], moment))
        assert "used before" in send(first_step(person), totp(protected[1], moment - 30)).content.decode()


@pytest.mark.parametrize("kind", ["app", "recovery"])
def test_one_code_used_six_times_at_once_works_once(person, protected, in_parallel, kind):
    clients = [first_step(person, new_client()) for _ in range(6)]
    with time_machine.travel(time.time() + 60, tick=True):
        code = totp(protected[1]) if kind == "app" else protected[2][0]
        answers = in_parallel(lambda number: send(clients[number], code).status_code, times=6)
    assert sorted(answers) == [200] * 5 + [302]


def test_recovery_codes_are_shown_counted_downloaded_and_made_anew(person, protected):
    client, _, codes = protected
    assert len(set(codes)) == 10
    assert send(first_step(person), codes[3]).status_code == 302
    assert "9 of 10 left" in client.get("/account/security/").content.decode()
    assert codes[3] not in codes_of(client)
    file = client.get("/accounts/2fa/recovery-codes/download/")
    assert "attachment" in file["Content-Disposition"]
    assert re.findall(r"^\d{8}$", file.content.decode(), re.MULTILINE) == codes_of(client)
    client.post("/accounts/2fa/recovery-codes/generate/")
    fresh = codes_of(client)
    assert len(fresh) == 10
    assert not set(fresh) & set(codes)
    assert send(first_step(person), codes[0]).status_code == 200
    assert [event.metadata["left"] for event in events_of("user.recovery_code_used")] == [9]
    assert len(events_of("user.recovery_codes_created")) == 1
    assert mails(person.email)[-1].payload["subject"] == "New recovery codes were made"


def test_few_codes_are_warned_of(person, protected):
    client, _, codes = protected
    for code in codes[:8]:
        send(first_step(person, new_client()), code)
    assert "Only 2 recovery codes left" in client.get("/account/security/").content.decode()


def test_looking_at_the_codes_asks_first_who_it_is(person, protected):
    later = new_client()
    send(first_step(person, later), protected[2][0])
    later.post("/accounts/2fa/trust/", {"action": "skip"})
    assert later.get("/accounts/2fa/recovery-codes/").status_code == 302


def test_a_trusted_browser_is_not_asked_for_thirty_days(person, protected):
    client = first_step(person)
    send(client, protected[2][0])
    client.post("/accounts/2fa/trust/", {"action": "trust"})
    client.post("/accounts/logout/")
    assert sign_in(client, person.email)["Location"].startswith("/o/")
    client.post("/accounts/logout/")
    with time_machine.travel(time.time() + 31 * 24 * 3600):
        first_step(person, client)


def test_a_change_of_the_second_step_ends_the_trust(person, protected):
    client = first_step(person)
    send(client, protected[2][0])
    client.post("/accounts/2fa/trust/", {"action": "trust"})
    client.post("/accounts/logout/")
    protected[0].post("/accounts/2fa/recovery-codes/generate/")
    first_step(person, client)


@pytest.mark.parametrize("how", ["changed", "claimed"])
def test_a_new_password_ends_the_trust(person, protected, how):
    client = first_step(person)
    send(client, protected[2][0])
    client.post("/accounts/2fa/trust/", {"action": "trust"})
    client.post("/accounts/logout/")
    if how == "changed":
        protected[0].post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": NEW})
    else:
        Authenticator.objects.update(created_at=person.created_at.replace(year=2024))
        owner = new_client()
        link = urlsplit(not_me_url(person, mail="new_sign_in", address=person.email)).path
        form = owner.get(owner.post(link)["Location"])["Location"]
        owner.post(form, {"password1": NEW})
    assert sign_in(client, person.email, NEW)["Location"] == "/accounts/2fa/authenticate/"


def test_who_waits_at_the_second_step_while_the_account_is_locked_stays_outside(person, protected):
    client = first_step(person)
    Authenticator.objects.update(created_at=person.created_at.replace(year=2024))
    link = urlsplit(not_me_url(person, mail="new_sign_in", address=person.email)).path
    new_client().post(link)
    assert send(client, protected[2][0])["Location"] == "/accounts/2fa/trust/"
    assert not is_in(client)
    assert client.post("/accounts/2fa/trust/", {"action": "trust"})["Location"] == "/account/locked/"
    assert not is_in(client)


def test_turning_the_app_off_takes_the_codes_along(person, protected):
    client = protected[0]
    assert client.get("/accounts/2fa/totp/deactivate/").status_code == 200
    assert Authenticator.objects.count() == 2, "looking changes nothing"
    assert client.post("/accounts/2fa/totp/deactivate/")["Location"] == "/accounts/2fa/"
    assert not Authenticator.objects.exists()
    assert len(events_of("user.authenticator_removed")) == 1
    assert sign_in(new_client(), person.email)["Location"].startswith("/o/")


def test_wrong_codes_end_with_the_limit_whoever_sends_them_together(person, protected, in_parallel):
    client = first_step(person)
    cookie, address = client.cookies["session"].value, client.defaults["REMOTE_ADDR"]

    def guess(number):
        again = new_client()
        again.defaults["REMOTE_ADDR"] = address
        again.cookies["session"] = cookie
        return send(again, f"{number:06}").status_code

    answers = in_parallel(guess, times=14)
    assert answers.count(200) == 10
    assert answers.count(429) == 4
    assert User.objects.get(pk=person.pk)


def test_somebody_else_takes_no_passkey_of_another_person(person, visitor):
    passkey = Authenticator.objects.create(user=person, type="webauthn", data={"name": "Laptop", "credential": {}})
    stranger = UserFactory()
    stranger.set_password("correct-horse-battery")
    stranger.save()
    visitor.force_login(stranger)
    confirm(visitor)
    for action in ("edit", "remove"):
        assert visitor.post(f"/accounts/2fa/passkeys/{passkey.pk}/{action}/", {"name": "Mine"}).status_code == 404
    assert visitor.get("/accounts/2fa/passkeys/17/edit/").status_code == 404
