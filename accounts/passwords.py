"""Passwords that a guessing program tries first, refused without asking anybody on the network."""

import re
from functools import cache
from itertools import pairwise
from typing import Any

from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError

from saas.product import product

LEAST_CORE = 4  # letters: a shorter word at the heart of a password says nothing about the rest
#: Rows of keyboards, walked in both directions; and the alphabet and the digits, which people walk as well.
ROWS = (
    "1234567890",
    "qwertyuiop",
    "asdfghjkl",
    "zxcvbnm",
    "qwertzuiop",
    "yxcvbnm",
    "azertyuiop",
    "qsdfghjklm",
    "wxcvbn",
    "abcdefghijklmnopqrstuvwxyz",
    "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    "1q2w3e4r5t6y7u8i9o0p",
)
LEET = str.maketrans("013457@$!|", "oleastasil")
COMMON = (
    "This is a common password with a few signs around it. Take several words that have nothing to do with each other."
)
WALK = (
    "This follows the keys of a keyboard or repeats itself. Take several words that have nothing to do with each other."
)
OWN = (
    "This is made of your own name or address, or of ours. Take several words that have nothing to do with each other."
)


class GuessablePasswordValidator:
    """Refuses a word of the common list with years and signs around it, keyboard walks, repetition, own names."""

    def validate(self, password: str, user: Any = None) -> None:
        """Raises ValidationError with words for the person."""
        text = password.lower()
        if is_walk(text):
            raise ValidationError(WALK, code="password_is_a_walk")
        hearts = {heart for heart in (core(text), core(text.translate(LEET))) if len(heart) >= LEAST_CORE}
        if hearts & own_words(user):
            raise ValidationError(OWN, code="password_is_a_name")
        if hearts & common_words():
            raise ValidationError(COMMON, code="password_is_common")

    def get_help_text(self) -> str:
        return "Not a well-known password with a year or a sign added, and no walk over the keyboard."


def core(text: str) -> str:
    """What is left without the digits and signs at both ends: "Summer-2026!" gives "summer"."""
    return re.sub(r"^[\W\d_]+|[\W\d_]+$", "", text)


@cache
def common_words() -> frozenset[str]:
    """The 20,000 passwords that Django knows, and their hearts."""
    known = CommonPasswordValidator().passwords
    return frozenset(known) | {heart for heart in map(core, known) if len(heart) >= LEAST_CORE}


def own_words(user: Any) -> set[str]:
    """Names that belong to this person or to the product, as one word and in parts."""
    name = product()["name"]
    email = (getattr(user, "email", "") or "").lower()
    texts = [name, name.replace(" ", ""), getattr(user, "name", "") or "", *email.split("@")[:1]]
    texts += email.partition("@")[2].split(".")[:1]
    words = {text.lower() for text in texts} | {"".join(text.lower().split()) for text in texts}
    words |= {part for text in texts for part in re.split(r"[\W\d_]+", text.lower())}
    return {core(word) for word in words if len(core(word)) >= LEAST_CORE}


def is_walk(text: str) -> bool:
    """Whether two thirds of the steps from sign to sign stand still, repeat the steps before, or follow a row."""
    steps = list(pairwise(text))
    if not steps:
        return False
    lazy = sum(a == b or a + b in walks() for a, b in steps)
    return lazy * 3 >= len(steps) * 2 or is_repeated(text)


def is_repeated(text: str) -> bool:
    """ "abcabcabc", "12ab12ab1": one short piece, at least three times."""
    return any(text == (text[:size] * len(text))[: len(text)] for size in range(1, len(text) // 3 + 1))


@cache
def walks() -> frozenset[str]:
    return frozenset(a + b for row in ROWS for way in (row, row[::-1]) for a, b in pairwise(way))
