"""The limits of the ways in.  The rules' own arithmetic is tested with saas.ratelimit."""

from collections import Counter

import pytest
from django.db import connections
from django.test import Client

from accounts import limits
from saas.access import PUBLIC, routes
from saas.ratelimit import hit
from saas.ratelimit.stores import COLLECTION
from tests.accounts.conftest import PASSWORD, home, mails, new_client, sign_in
from tests.accounts.test_sign_up import clean

#: Public pages of the libraries that check nothing and send nothing.
NOTHING_TO_GUESS = {
    "account_logout",
    "account_inactive",
    "account_email_verification_sent",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
    "mfa_trust",
    "socialaccount_login_cancelled",
    "socialaccount_login_error",
}


def test_every_way_in_has_limits():
    ways = {route.name for route in routes() if route.mark == PUBLIC and route.name.startswith(("account_", "mfa_"))}
    assert ways - NOTHING_TO_GUESS - set(limits.LIMITS) == set()
    assert "account_login" in ways


def test_known_and_unknown_addresses_are_refused_alike(person):
    pages = []
    for email in (person.email, f"x{person.email}"):
        client = new_client()
        assert [sign_in(client, email, "wrong").status_code for _ in range(5)] == [200] * 5
        refused = sign_in(client, email, PASSWORD)
        assert refused.status_code == 429
        assert int(refused["Retry-After"]) <= 300
        pages.append(clean(refused.content.decode(), email))
    assert pages[0] == pages[1]


def test_tries_at_one_moment_do_not_slip_through(person, in_parallel):
    address = new_client().defaults["REMOTE_ADDR"]
    answers = in_parallel(lambda: sign_in(Client(REMOTE_ADDR=address), person.email, "wrong").status_code, times=12)
    assert Counter(answers) == {200: 5, 429: 7}


def test_the_case_and_spaces_of_an_address_make_no_new_account(person):
    client = new_client()
    for email in (person.email, person.email.upper(), f" {person.email} ", person.email.title(), person.email):
        sign_in(client, email, "wrong")
    assert sign_in(client, f"{person.email.upper()} ").status_code == 429


def test_one_address_cannot_lock_an_account_for_everybody(person):
    attacker = new_client()
    answers = [sign_in(attacker, person.email, "wrong").status_code for _ in range(8)]
    assert answers[-1] == 429
    assert sign_in(new_client(), person.email)["Location"] == home()


def test_many_addresses_together_are_stopped(person):
    hit("100/hour", name="sign_in_account", key=f"own:{limits.account_key(person.email)}", cost=100)
    assert sign_in(new_client(), person.email).status_code == 429


def test_one_address_cannot_try_many_accounts(address):
    client = new_client()
    answers = [sign_in(client, f"{n}{address}", "wrong").status_code for n in range(31)]
    assert answers == [200] * 30 + [429]


def test_whoever_signs_in_starts_afresh(person):
    client = new_client()
    for _ in range(3):
        for _ in range(4):
            sign_in(client, person.email, "wrong")
        assert sign_in(client, person.email)["Location"] == home()
        client.post("/accounts/logout/")


@pytest.mark.parametrize("is_known", [True, False])
def test_reset_sends_five_mails_and_no_more(person, is_known):
    email = person.email if is_known else f"x{person.email}"
    answers = [new_client().post("/accounts/password/reset/", {"email": email}).status_code for _ in range(7)]
    assert answers == [302] * 5 + [429] * 2
    assert len(mails(email)) <= 5


def test_sign_up_is_limited(visitor, sign_up, address):
    answers = [sign_up(visitor, f"{n}{address}", "short").status_code for n in range(21)]
    assert answers == [200] * 20 + [429]


def test_looking_at_the_form_counts_nothing(visitor, person):
    for _ in range(35):
        assert visitor.get("/accounts/login/").status_code == 200
    assert sign_in(visitor, person.email)["Location"] == home()


def test_a_forged_form_of_another_site_counts_nothing(person):
    address = new_client().defaults["REMOTE_ADDR"]
    forged = Client(enforce_csrf_checks=True, REMOTE_ADDR=address)
    assert [sign_in(forged, person.email, "wrong").status_code for _ in range(6)] == [403] * 6
    assert sign_in(Client(REMOTE_ADDR=address), person.email)["Location"] == home()


def test_the_counters_hold_no_address_of_a_person(visitor, person):
    sign_in(visitor, person.email, "wrong")
    keys = [counter["_id"] for counter in connections["default"].database[COLLECTION].find()]
    assert len(keys) == 3
    assert not any(person.email in key for key in keys)


def test_without_the_store_nobody_gets_in(visitor, person, settings):
    settings.RATELIMIT_STORAGE, settings.REDIS_URL = "valkey", "redis://localhost:9/0"
    answer = sign_in(visitor, person.email)
    assert answer.status_code == 503
    assert "We cannot reach the cache right now." in answer.content.decode()
    assert "_auth_user_id" not in visitor.session
    assert visitor.get("/accounts/login/").status_code == 200


def test_codes_count_for_the_account_that_waits(rf, address):
    def waiting(**login):
        request = rf.post("/")
        request.session = {limits.LOGIN_SESSION_KEY: login} if login else {}
        return limits.pending_account(request)

    known = waiting(user_pk="a" * 24, email=address)
    assert known == waiting(user_pk="a" * 24, email=None)
    assert known != waiting(user_pk=None, email=address) is not None, "an unknown address waits, too"
    assert waiting() is None
