"""What works, what is simulated, what is off or broken, and the fix: for `manage.py doctor` and `/admin/`."""

import smtplib
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Literal

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from saas import health
from saas.celery import app

State = Literal["works", "simulated", "off", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table; `fix` is empty unless the state is off, simulated or broken."""

    part: str
    state: State
    detail: str
    fix: str = ""

    @property
    def badge(self) -> str:
        """The badge's class on a page."""
        return {"works": "badge-success", "simulated": "badge-info", "off": "", "broken": "badge-danger"}[self.state]

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def examine() -> list[Finding]:
    """Look at every part.  Takes up to a few seconds when something does not answer."""
    return [finding for check in CHECKS for finding in check()]


def services() -> list[Finding]:
    """The outside services alone, without connecting to any: for the banner."""
    return [mail_service(), sign_in_service(), sentry_service()]


def check_runtime() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("Python", "works", version)
    if settings.IS_DEPLOYED:
        yield Finding("Settings", "works", f"{settings.ENVIRONMENT}, checked at start")
    else:
        yield Finding("Settings", "works", "development: every variable has a default, see .env.example")


def check_mongodb() -> Iterator[Finding]:
    words = health.outcome(health.check_mongodb)
    if words != "ok":
        yield Finding("MongoDB", "broken", words, "Start `make dev`, or set MONGODB_URI to a running replica set.")
        return
    hello = connection.connection.admin.command("hello")
    version = connection.connection.server_info()["version"]
    if not hello.get("setName"):
        yield Finding("MongoDB", "broken", f"{version}, standalone", "Start it with --replSet: transactions need it.")
        return
    yield Finding("MongoDB", "works", f"{version}, replica set {hello['setName']}, database {settings.MONGODB_NAME}")
    yield migrations()


def migrations() -> Finding:
    try:
        call_command("migrate", check_unapplied=True, verbosity=0)
    except SystemExit:
        return Finding("Migrations", "broken", "some are not applied", "Run `manage.py migrate` and `ensure_indexes`.")
    return Finding("Migrations", "works", "all applied")


def check_valkey() -> Iterator[Finding]:
    words = health.outcome(health.check_valkey)
    if words != "ok":
        yield Finding("Valkey", "broken", words, "Start `make dev`, or set REDIS_URL to a running Valkey or Redis.")
        return
    with health.valkey(settings.REDIS_URL) as client:
        info = client.info("server")
    yield Finding("Valkey", "works", str(info.get("valkey_version") or info.get("redis_version")))
    answers = app.control.ping(timeout=1.0)
    if answers:
        yield Finding("Workers", "works", f"{len(answers)} answering")
    else:
        yield Finding("Workers", "broken", "none answers", "Start `make dev`, or the worker processes of the Procfile.")


def check_mail() -> Iterator[Finding]:
    finding = mail_service()
    if settings.RESEND_API_KEY:
        yield finding
        return
    try:
        with smtplib.SMTP(settings.EMAIL_HOST, settings.EMAIL_PORT, timeout=3):
            yield finding
    except (OSError, smtplib.SMTPException) as problem:
        address = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        yield Finding("Mail", "broken", f"{address}: {problem}", "Start `make dev`, or correct EMAIL_URL.")


def mail_service() -> Finding:
    if settings.RESEND_API_KEY:
        return Finding("Mail", "works", "real: Resend")
    if settings.EMAIL_URL:
        return Finding("Mail", "works", f"real: SMTP {settings.EMAIL_HOST}:{settings.EMAIL_PORT}")
    return Finding(
        "Mail", "simulated", f"inbox at {settings.SITE_URL}/sandbox/mail/", "Set RESEND_API_KEY or EMAIL_URL."
    )


def sign_in_service() -> Finding:
    """Google, GitHub, Microsoft: those that the settings name."""
    if settings.SIGN_IN_SERVICES:
        return Finding("Sign-in elsewhere", "works", f"real: {', '.join(sorted(settings.SIGN_IN_SERVICES))}")
    fix = "Set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET, or those of GITHUB or MICROSOFT."
    if settings.IS_DEPLOYED:
        return Finding("Sign-in elsewhere", "off", "by address, code and passkey alone", fix)
    return Finding("Sign-in elsewhere", "simulated", f"Sandbox ID on port {settings.OIDC_PORT}", fix)


def check_sign_in() -> Iterator[Finding]:
    yield sign_in_service()


def sentry_service() -> Finding:
    if settings.SENTRY_DSN:
        return Finding("Error reports", "works", "real: Sentry")
    return Finding("Error reports", "off", "errors stay in the log", "Set SENTRY_DSN.")


def check_sentry() -> Iterator[Finding]:
    yield sentry_service()


def check_configuration() -> Iterator[Finding]:
    """The data files were read at start; reaching this line means that they are right."""
    try:
        call_command("check", verbosity=0)
    except SystemCheckError as problem:
        yield Finding("Configuration", "broken", str(problem)[:400], "Correct the file that is named.")
        return
    yield Finding("Configuration", "works", "config/*.yaml and Django's checks")


CHECKS: tuple[Callable[[], Iterator[Finding]], ...] = (
    check_runtime,
    check_configuration,
    check_mongodb,
    check_valkey,
    check_mail,
    check_sign_in,
    check_sentry,
)
