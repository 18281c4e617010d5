import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from accounts.models import User
from saas.product import product

ADA = User(email="ada.lovelace@analytical.example", name="Ada Lovelace")


@pytest.mark.parametrize(
    "password",
    [
        "password2026",
        "Summer-2026!!",
        "!!!Dragon1987",
        "p4ssw0rd!!2026",
        "qwertyuiop12",
        "asdfghjkl;12",
        "1q2w3e4r5t6y",
        "poiuytrewq99",
        "abcdefghijkl",
        "aaaaaaaaaaaa",
        "abcabcabcabc",
        "121212121212",
        product()["name"] + "2026",
        product()["name"].upper() + "!!1",
        "lovelace1815",
        "adalovelace1",
        "analytical12",
        "1234567890123",
        "short",
    ],
)
def test_what_is_guessed_first_is_refused(password):
    with pytest.raises(ValidationError):
        validate_password(password, ADA)


@pytest.mark.parametrize(
    "password",
    [
        "a quiet meadow 47",
        "correct-horse-battery",
        "another-long-password",
        "Tr4in at dusk, slow",
        "mK9#vLq2!xTz",
        "sommerregenüberdeich",
        "ледоход на реке",
    ],
)
def test_what_nobody_guesses_is_taken(password):
    validate_password(password, ADA)


def test_the_words_say_what_to_do():
    with pytest.raises(ValidationError) as refused:
        validate_password("Summer-2026!!")
    assert "several words" in refused.value.messages[0]


def test_the_page_says_the_length_that_counts(db, client, settings):
    rules = {rule["NAME"].rpartition(".")[2]: rule.get("OPTIONS", {}) for rule in settings.AUTH_PASSWORD_VALIDATORS}
    page = client.get("/accounts/signup/").content.decode()
    assert f"At least {rules['MinimumLengthValidator']['min_length']} characters" in page
    assert "too similar" not in page
