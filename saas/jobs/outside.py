"""Calls to addresses that customers chose.  They never reach our own network.

The address is checked when it is asked for and again, by microsoft-antissrf, when the connection is made: to the very
address that was checked, so a name that points elsewhere a moment later gains nothing.
"""

import json
import time
from typing import Any
from urllib.parse import urlsplit

from AntiSSRF import AntiSSRFPolicy, PolicyConfigOptions
from AntiSSRF.antissrf_error import AntiSSRFError
from django.conf import settings
from requests import RequestException, Response

from saas.errors import Problem
from saas.jobs.models import Job
from saas.jobs.running import PermanentFailure

TIMEOUT = 15.0  # seconds, for the connection, for the pause between two bytes, and for the whole answer
LARGEST_ANSWER = 64 * 1024  # bytes; what comes after is not read
KEPT_ANSWER = 2000  # characters
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
LOOPBACK = ["127.0.0.0/8", "::1/128"]
GONE = 410


class AddressRefused(Problem):
    """An address that is never called."""


class AnsweredBadly(Exception):
    """The other side did not say that it has accepted the call."""


def check_address(url: str) -> None:
    """Raises AddressRefused for what is no https:// address; in development http:// is one too."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise AddressRefused("This is not an address.") from None
    allowed = ("https",) if settings.IS_DEPLOYED else ("https", "http")
    if parts.scheme not in allowed:
        raise AddressRefused("The address must begin with https://.")
    if not parts.hostname:
        raise AddressRefused("The address names no host.")
    if parts.username or parts.password:
        raise AddressRefused("The address must not hold a name or password.")


def policy() -> AntiSSRFPolicy:
    """Only addresses of the public internet; in development this machine too, where the simulations live."""
    found = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    if not settings.IS_DEPLOYED:
        found.allow_plain_text_http = True
        found.add_allowed_addresses(LOOPBACK)
    return found


def call(job: Job) -> dict[str, Any]:
    """Make the job's call; answers `{status, milliseconds, answer}`.

    Any status of 2xx will do. Raises PermanentFailure for an address that is never called and for 410 (gone),
    AnsweredBadly or the client's own error for what may be better later.
    """
    asked = job.payload
    try:
        check_address(asked["url"])
    except AddressRefused as problem:
        raise PermanentFailure(str(problem)) from problem
    if asked["method"] not in METHODS:
        raise PermanentFailure(f"{asked['method']} is no method that is used.")
    body = asked.get("body")
    content = body if isinstance(body, str) or body is None else json.dumps(body, separators=(",", ":"))
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "Groundwork-Webhooks/1.0",
        "Idempotency-Key": job.id,
        **asked.get("headers", {}),
    }
    started = time.monotonic()
    answer = request(asked["method"], asked["url"], content, headers)
    text = read(answer, started)
    outcome = {
        "status": answer.status_code,
        "milliseconds": round((time.monotonic() - started) * 1000),
        "answer": text[:KEPT_ANSWER],
    }
    if answer.status_code == GONE:
        raise PermanentFailure(f"The address answers 410: it is gone for good. {text[:200]}")
    if not 200 <= answer.status_code < 300:
        raise AnsweredBadly(f"The address answers {answer.status_code}. {text[:200]}")
    return outcome


def request(method: str, url: str, content: str | None, headers: dict[str, str]) -> Response:
    with policy().get_antissrf_session() as session:
        session.trust_env = False  # no proxy, no .netrc
        try:
            answer: Response = session.request(
                method,
                url,
                data=content.encode() if content is not None else None,
                headers=headers,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            )
        except AntiSSRFError as problem:
            raise PermanentFailure(f"The address leads to a network that is not called: {problem}") from problem
        except RequestException as problem:
            if isinstance(problem.__context__, AntiSSRFError):
                raise PermanentFailure("The address leads to a network that is not called.") from problem
            raise
        return answer


def read(answer: Response, started: float) -> str:
    """The beginning of the answer's body.  One that drips in slowly is cut at the time limit."""
    parts, size = [], 0
    with answer:
        for chunk in answer.iter_content(8192):
            parts.append(chunk)
            size += len(chunk)
            if size >= LARGEST_ANSWER or time.monotonic() - started > TIMEOUT:
                break
    return b"".join(parts)[:LARGEST_ANSWER].decode(errors="replace")
