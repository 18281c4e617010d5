"""Whether there is an account does not show: not in words, not in the status, not in the work that is done."""

import time

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher

from tests.accounts.conftest import PASSWORD, new_client, sign_in
from tests.accounts.test_sign_up import clean

ROUTES = {
    "sign-in": lambda client, email: sign_in(client, email, "a wrong one"),
    "sign-up": lambda client, email: client.post("/accounts/signup/", {"email": email, "password1": PASSWORD}),
    "reset": lambda client, email: client.post("/accounts/password/reset/", {"email": email}),
    "code": lambda client, email: client.post("/accounts/login/code/", {"email": email}),
}


@pytest.fixture
def hashes(monkeypatch):
    """How many passwords were hashed since the last look: the one thing that takes long on purpose."""
    counted = []
    encode = MD5PasswordHasher.encode
    monkeypatch.setattr(MD5PasswordHasher, "encode", lambda *args: counted.append(1) or encode(*args))

    def since() -> int:
        count = len(counted)
        counted.clear()
        return count

    return since


@pytest.mark.parametrize("route", ROUTES)
def test_known_and_unknown_addresses_get_the_same_answer_for_the_same_work(person, hashes, count_queries, route):
    seen = []
    hashes()
    for email in (person.email, f"x{person.email}"):
        client = new_client()
        with count_queries() as commands:
            answer = ROUTES[route](client, email)
        page = clean(client.get(answer["Location"]).content.decode() if answer.status_code == 302 else "", email)
        seen.append((answer.status_code, answer.headers.get("Location"), page, hashes(), len(commands)))
    known, unknown = seen
    assert known[:4] == unknown[:4]
    assert known[3] == (1 if route in ("sign-in", "sign-up") else 0)
    # A round trip takes a hundredth of what a hash takes; a dozen more of them do not stand out from the noise.
    assert abs(known[4] - unknown[4]) <= 16, seen


def test_signing_in_takes_the_same_time_for_both_within_noise(person, settings):
    """The quickest of tries that alternate; the margin is wide: without a hash it would be twentyfold."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
    person.set_password(PASSWORD)
    person.save()
    times = {True: [], False: []}
    for number in range(16):
        is_known = bool(number % 2)
        client = new_client()
        started = time.perf_counter()
        sign_in(client, person.email if is_known else f"{number}{person.email}", "a wrong one")
        times[is_known].append(time.perf_counter() - started)
    known, unknown = (min(times[key]) for key in (True, False))
    assert 0.4 < known / unknown < 2.5, times
