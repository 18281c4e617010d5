"""docs/security/asvs.md is complete, and what it names exists; and the few of its lines that have no other test."""

import ast
import inspect
import math
import re
from pathlib import Path

import pytest
from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa import app_settings as mfa_settings
from allauth.mfa.recovery_codes.internal import auth as recovery_codes
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings

from accounts import returning
from accounts.adapter import AccountAdapter

ROOT = Path(settings.BASE_DIR)
TABLE = ROOT / "docs/security/asvs.md"
WORDS = ROOT / "docs/security/authentication.md"
STATES = ("met", "partly", "not met", "not applicable")
#: The requirements of ASVS 5.0.0 at levels 1 and 2: section -> how many, where they are numbered from 1.
REQUIREMENTS = {
    "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4,
    "7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2,
}  # fmt: skip


def lines() -> list[list[str]]:
    """The cells of each requirement's line: id, level, requirement, state, where, tests."""
    rows = [[cell.strip() for cell in row.strip("|").split("|")] for row in TABLE.read_text().splitlines()]
    return [cells for cells in rows if re.fullmatch(r"\d+\.\d+\.\d+", cells[0])]


LINES = lines()
TESTS = sorted({name for line in LINES for name in re.findall(r"`(tests/[^`]+)`", line[5])})


def test_every_requirement_has_its_line_and_no_other():
    wanted = [f"{section}.{number}" for section, count in REQUIREMENTS.items() for number in range(1, count + 1)]
    assert [line[0] for line in LINES] == wanted
    assert {line[1] for line in LINES} == {"1", "2"}


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_says_how_it_is_met_where_and_by_which_test(line):
    _, _, requirement, state, where, tests = line
    kind, _, reason = state.partition(": ")
    assert requirement
    assert kind in STATES
    assert reason or kind == "met"
    if kind == "not applicable":
        return
    paths = re.findall(r"`([^`]+)`", where)
    assert paths
    assert [path for path in paths if not (ROOT / path).exists()] == []
    assert re.findall(r"`(tests/[^`]+)`", tests)


@pytest.mark.parametrize("name", TESTS)
def test_each_named_test_exists(name):
    path, _, function = name.partition("::")
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_the_documents_say_what_the_settings_say():
    text = WORDS.read_text()
    days = 24 * 60 * 60
    assert f"after {settings.SESSION_COOKIE_AGE // days} days" in text
    assert f"used, {settings.SESSION_LIFETIME // days} days after signing in" in text
    assert f"not older than {settings.ACCOUNT_REAUTHENTICATION_TIMEOUT // 60} minutes" in text
    assert f"{settings.ACCOUNT_LOGIN_BY_CODE_TIMEOUT // 60} minutes, once" in text
    assert settings.PASSWORD_RESET_TIMEOUT == 60 * 60
    assert "one hour, once" in text
    assert 30 * days == settings.MFA_TRUST_COOKIE_AGE
    assert settings.ACCOUNT_REAUTHENTICATION_TIMEOUT == returning.WITHIN


def test_codes_and_seeds_come_from_the_systems_random_source():
    """`secrets`, or Django's `get_random_string` on it; never `random`."""
    for thing in (totp, recovery_codes, DefaultAccountAdapter):
        source = inspect.getsource(inspect.getmodule(thing))
        assert not re.search(r"^(import random|from random)", source, re.MULTILINE)
    assert len(totp.generate_totp_secret()) == 32  # base32 of 160 bits
    assert totp.generate_totp_secret() != totp.generate_totp_secret()


def test_codes_are_long_enough():
    """Twenty bits at least, counted by the letters that really come."""
    code = AccountAdapter().generate_login_code().replace("-", "")
    assert len(code) * math.log2(16) >= 20  # at least 16 different signs are in use
    signs = {sign for _ in range(60) for sign in AccountAdapter().generate_login_code() if sign != "-"}
    assert len(signs) >= 16
    assert mfa_settings.RECOVERY_CODE_DIGITS * math.log2(10) >= 20
