"""Everything is wired to the spine: what changes something records it, and what is declared is documented.

The walk starts at each view that takes a POST, PUT, PATCH or DELETE and follows the names in its code, and in the code
of whatever of ours it names, to `events.record`. A view that does not lead there needs a line below.
"""

import ast
import importlib
import inspect
import textwrap
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from django import forms
from django.conf import settings
from django.views import View

from saas import htmx, http
from saas.access import routes
from saas.events import catalogue, documentation, recording
from tests.test_access import LINES

ROUTES = {route.name or route.pattern: route for route in routes("saas.urls")}
WRITES = sorted(name for method, name in LINES if method != "GET" and name in ROUTES)
RECORDERS = (recording.record, recording.write)

#: Views that change nothing of the product's data, with the reason.
NO_CHANGE = {
    "account_confirm_login_code": "a step of signing in; the last one records user.logged_in",
    "account_request_login_code": "a step of signing in: it sends a code",
    "account_reauthenticate": "a step before something dangerous, which records itself",
    "mfa_reauthenticate": "a step before something dangerous, which records itself",
    "mfa_reauthenticate_webauthn": "a step before something dangerous, which records itself",
    "account_reset_password": "it sends a mail; the reset itself records user.password_reset",
    "mfa_trust": "a step of signing in: a cookie of this browser",
    "openid_connect_login": "it leads to another service",
    "accounts:onboarding_draft": "what somebody has half typed, for nobody else to see",
    "accounts:onboarding_skip": "a step that is passed over; the end records user.onboarded",
    **dict.fromkeys(
        [f"notifications:{what}" for what in ("seen", "read", "unread", "read_all", "archive", "unarchive")],
        "what a person has seen of the own inbox",
    ),
    "webhooks:webhook_secret": "it takes a secret that was shown once out of the person's session",
    "platform_webhooks:webhook_secret": "it takes a secret that was shown once out of the person's session",
    "sandbox:hook_answer": "a simulated receiver, of development only",
    "sandbox:hook_detail": "a simulated receiver, of development only",
    "sandbox:hook_remove": "a simulated receiver, of development only",
    "sandbox:hook_secret": "a simulated receiver, of development only",
    "sandbox:mail_clear": "the inbox of development",
}
#: Views of libraries, and those that find their work in a registry: what is recorded where the walk does not see it.
#: A test names each of these events.
ELSEWHERE = {
    "account_login": ("user.logged_in", "user.login_failed"),
    "account_logout": ("user.logged_out",),
    "account_signup": ("user.created",),
    "account_confirm_email": ("user.email_confirmed",),
    "account_email": ("user.email_added", "user.email_removed", "user.email_changed"),
    "account_change_password": ("user.password_changed",),
    "account_set_password": ("user.password_changed",),
    "account_reset_password_from_key": ("user.password_reset",),
    "mfa_authenticate": ("user.logged_in", "user.second_step_failed", "user.recovery_code_used"),
    "mfa_login_webauthn": ("user.logged_in",),
    "openid_connect_callback": ("user.logged_in", "user.created"),
    "socialaccount_connections": ("user.account_connected", "user.account_disconnected"),
    "socialaccount_signup": ("user.created",),
    "accounts:onboarding_step": ("user.updated", "user.onboarded"),
    "invitations:invitation_enter": ("user.logged_out",),
    "mailing:resend_report": ("mail_address.switched_off",),
}


@cache
def reaches_the_spine(function):
    return function in RECORDERS or any(each in RECORDERS for each in reachable(function))


@cache
def reachable(start):
    """Every function of ours that this one may call, by the names in its code."""
    found, waiting = set(), [start]
    while waiting:
        function = waiting.pop()
        if function in found:
            continue
        found.add(function)
        if function not in RECORDERS:
            waiting.extend(named_in(function))
    return frozenset(found)


@cache
def named_in(function):
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    known = {**function.__globals__, **imported_in(tree)}
    values = [value_of(node, known) for node in ast.walk(tree) if isinstance(node, (ast.Name, ast.Attribute))]
    return tuple({each for value in values for each in functions_of(value)})


def imported_in(tree):
    """What the function itself imports."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in settings.OUR_APPS:
            module = importlib.import_module(node.module)
            for alias in node.names:
                value = getattr(module, alias.name, None)
                known[alias.asname or alias.name] = value or importlib.import_module(f"{node.module}.{alias.name}")
    return known


def value_of(node, known):
    """What `name` or `module.name` stands for; None for what is only known when it runs."""
    if isinstance(node, ast.Name):
        return known.get(node.id)
    holder = value_of(node.value, known) if isinstance(node.value, (ast.Name, ast.Attribute)) else None
    return getattr(holder, node.attr, None) if isinstance(holder, (ModuleType, type)) else None


def functions_of(value):
    """The functions behind a view, a service, a class of views or of forms; none for what is not ours."""
    if isinstance(value, type):
        ours = [base for base in value.__mro__ if is_ours(base)] if issubclass(value, (View, forms.BaseForm)) else []
        return [each for base in ours for item in vars(base).values() for each in functions_of(item)]
    value = inspect.unwrap(getattr(value, "__func__", value)) if callable(value) else None
    return [value] if isinstance(value, FunctionType) and is_ours(value) else []


def is_ours(value):
    return (value.__module__ or "").split(".")[0] in settings.OUR_APPS


def walked(name):
    """Whether the code of this URL's view leads to the spine."""
    view = ROUTES[name].view
    return any(reaches_the_spine(each) for each in functions_of(getattr(view, "view_class", view)))


# -- Every write is recorded -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITES)
def test_a_view_that_changes_something_records_it(name):
    assert walked(name) or name in NO_CHANGE or name in ELSEWHERE, (
        f"{name} takes a change and leads to no events.record(…). Record it in its service, or give the reason here."
    )


def test_the_lists_hold_nothing_else():
    assert sorted(name for name in {*NO_CHANGE, *ELSEWHERE} if name not in WRITES) == []
    assert sorted(NO_CHANGE.keys() & ELSEWHERE.keys()) == []
    assert [name for name in sorted({*NO_CHANGE, *ELSEWHERE}) if walked(name)] == [], "They lead there by themselves."


@pytest.mark.parametrize("name", sorted({event for events in ELSEWHERE.values() for event in events}))
def test_what_is_recorded_elsewhere_is_proved_there(name):
    assert name in catalogue.load().events
    root = Path(settings.BASE_DIR, "tests")
    proofs = [path for path in root.rglob("test_*.py") if path != Path(__file__)]
    assert any(f'"{name}"' in path.read_text(encoding="utf-8") for path in proofs)


def test_the_walk_sees_the_difference():
    """A view that only reads, and what every view uses, lead nowhere."""
    for name in ("organizations:project_list", "organizations:activity_list", "organizations:dashboard", "home"):
        assert not walked(name), name
    for helper in (htmx.toast, htmx.redirect, htmx.form_again, htmx.page_or_part, http.get_or_404):
        assert not reaches_the_spine(helper), helper
    assert walked("organizations:project_create")


# -- What is declared is documented ------------------------------------------------------------------------------------


def test_the_page_of_the_events_says_what_the_catalogue_says():
    assert documentation.is_current(), "docs/events.md is stale: run `make docs`."


def test_every_event_stands_in_the_page_of_the_events():
    page = documentation.text()
    for name in catalogue.load().events:
        assert f"### `{name}`" in page
