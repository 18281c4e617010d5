"""What a password may be, and that nothing stands in the way of a good one."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.contrib.auth.password_validation import CommonPasswordValidator, validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.models import User
from tests.accounts.conftest import PASSWORD, link_in, mails, new_client, sign_in

EXACT = "  A Strange-heron walks, ÄÖ at 5  "
LONG = " ".join(f"{number} herons walk past {number * 7} lakes" for number in range(3, 8))


def is_in(client) -> bool:
    return client.get("/account/security/").status_code == 200


def test_ten_characters_are_the_least():
    with pytest.raises(ValidationError, match="at least 10"):
        validate_password("k7!wQ z2e")
    validate_password("k7!wQ z2ep")


@pytest.mark.parametrize(
    "password",
    ["quietheronswalk", "QUIETHERONSWALK", "80417250936", "#;!§ %=(~<>", "äöü ßäüö ßöüä", "漢字仮名交じり文例です"],
    ids=["small", "capital", "digits", "signs", "umlauts", "Japanese"],
)
def test_no_kind_of_character_is_asked_for_or_refused(password):
    validate_password(password)


def test_a_long_password_works_and_counts_to_its_last_letter(visitor, sign_up, address):
    sign_up(visitor, password=LONG)
    visitor.post(link_in(mails(address)[0]))
    assert len(LONG) > 64
    client = new_client()
    sign_in(client, address, LONG[:-2])
    assert not is_in(client)
    sign_in(client, address, LONG)
    assert "_auth_user_id" in client.session


@pytest.mark.parametrize("changed", [EXACT.strip(), EXACT.lower(), EXACT.upper(), f"{EXACT} "])
def test_a_password_is_compared_exactly_as_it_was_typed(person, changed):
    client = new_client()
    sign_in(client, person.email)
    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": EXACT})
    other = new_client()
    sign_in(other, person.email, changed)
    assert not is_in(other)
    sign_in(other, person.email, EXACT)
    assert is_in(other)


@pytest.mark.parametrize("path", ["/accounts/login/", "/accounts/signup/"])
def test_the_field_hides_what_is_typed_and_lets_a_password_manager_fill_it(visitor, path):
    (field,) = re.findall(r'<input type="password"[^>]*>', visitor.get(path).content.decode())
    assert re.search(r'autocomplete="(current|new)-password"', field)
    assert "onpaste" not in field
    assert "maxlength" not in field


def test_nothing_in_our_scripts_hinders_pasting():
    from pathlib import Path

    from django.conf import settings

    assert not [path.name for path in Path(settings.BASE_DIR, "static/js").glob("*.js") if "paste" in path.read_text()]


def test_common_passwords_are_refused_at_sign_up_and_at_a_change(visitor, sign_up, person):
    known = [each for each in CommonPasswordValidator().passwords if len(each) >= 10]
    assert len(CommonPasswordValidator().passwords) > 19_000
    assert sign_up(visitor, password=known[0]).status_code == 200
    client = new_client()
    sign_in(client, person.email)
    answer = client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": known[0]})
    assert answer.status_code == 200
    assert is_in(client)
    assert User.objects.get(pk=person.pk).check_password(PASSWORD)


def test_a_password_does_not_grow_old(person):
    with time_machine.travel(timezone.now() + timedelta(days=3 * 365), tick=True):
        client = new_client()
        sign_in(client, person.email)
        assert is_in(client)


def test_a_reset_does_not_skip_the_second_step(visitor, person):
    TOTP.activate(person, generate_totp_secret())
    visitor.post("/accounts/password/reset/", {"email": person.email})
    form = visitor.get(link_in(mails(person.email)[-1]))["Location"]
    visitor.post(form, {"password1": "another-long-password"})
    assert not is_in(visitor)
    assert sign_in(visitor, person.email, "another-long-password")["Location"].startswith("/accounts/2fa/authenticate/")


def test_a_reset_link_lives_for_an_hour(visitor, person):
    visitor.post("/accounts/password/reset/", {"email": person.email})
    link = link_in(mails(person.email)[-1])
    with time_machine.travel(timezone.now() + timedelta(minutes=61), tick=True):
        assert new_client().get(link).status_code == 200  # the page that says so, and no form
        assert "password1" not in new_client().get(link).content.decode()
    assert new_client().get(link).status_code == 302


def test_nobody_is_asked_for_a_hint_or_a_secret_question(visitor):
    for path in ("/accounts/signup/", "/accounts/password/reset/", "/accounts/login/"):
        page = visitor.get(path).content.decode().lower()
        assert not re.search(r"hint|secret question|maiden|first pet", page)
