"""Jobs that call an address outside: `saas.outbound` decides what may be called, and calls it."""

import json
import time
from typing import Any

from saas.jobs.models import Job
from saas.jobs.running import PermanentFailure
from saas.outbound import AddressRefused, Line, read_url

KEPT_ANSWER = 2000  # characters
METHODS = frozenset({"GET", "POST", "PUT", "PATCH", "DELETE"})
GONE = 410


class AnsweredBadly(Exception):
    """The other side did not say that it has accepted the call."""


def check_address(url: str) -> None:
    """Raises AddressRefused for what is no https:// address; in development http:// is one too."""
    read_url(url)


def call(job: Job) -> dict[str, Any]:
    """Make the job's call; answers `{status, milliseconds, answer}`.

    Any status of 2xx will do. Raises PermanentFailure for an address that is never called and for 410 (gone),
    AnsweredBadly or saas.outbound.CallFailed for what may be better later.
    """
    asked = job.payload
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
    try:
        line = Line(read_url(asked["url"]))
        answer = line.request(asked["method"], headers, (content or "").encode())
    except (AddressRefused, ValueError) as problem:
        raise PermanentFailure(str(problem)) from problem
    line.close()
    outcome = {
        "status": answer.status,
        "milliseconds": round((time.monotonic() - started) * 1000),
        "answer": answer.text[:KEPT_ANSWER],
    }
    if answer.status == GONE:
        raise PermanentFailure(f"The address answers 410: it is gone for good. {answer.text[:200]}")
    if not 200 <= answer.status < 300:
        raise AnsweredBadly(f"The address answers {answer.status}. {answer.text[:200]}")
    return outcome
