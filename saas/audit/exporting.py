"""The log as a file: CSV for spreadsheets, JSON lines for machines, row by row, so that its length does not matter.

Both hold the same rows and fields; what is nested stands in CSV as JSON. A text that a spreadsheet would take for a
formula gets an apostrophe in front (defusedcsv).
"""

import io
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from defusedcsv import csv
from django.http import HttpRequest

from saas import events, hooks
from saas.audit.filters import Filters
from saas.audit.log import EVERYWHERE, TooSlow, in_time, people, stream
from saas.audit.watching import reader
from saas.jobs import Job, PermanentFailure, queue_processing, report
from saas.jobs.files import store_file
from saas.tenancy import now

TASK = "saas.tasks.export_audit_log"
AT_ONCE = 10_000  # rows that are handed out at once; more are collected in the background
COUNTED_WITHIN = 3.0  # seconds
STEP = 500  # rows between two reports of progress
CSV, JSONL = "csv", "jsonl"
CONTENT_TYPES = {CSV: "text/csv; charset=utf-8", JSONL: "application/x-ndjson; charset=utf-8"}
FIELDS = (
    "id", "created_at", "event", "action", "resource", "resource_id", "organization_id", "user_id", "actor", "targets",
    "before", "after", "metadata", "reason", "ip_address", "user_agent", "request_id", "session_id", "auth_method",
    "sequence", "previous_hash", "hash", "seal",
)  # fmt: skip
MAY_EXPORT, STAFF_SEES = "auditLog.export", "admin.monitor"


class Line:
    """Where csv writes to: the last line."""

    text = ""

    def write(self, text: str) -> None:
        self.text = text


def lines(rows: Iterable[dict[str, Any]], form: str) -> Iterator[str]:
    """The file's text, one entry after the other."""
    return csv_lines(rows) if form == CSV else (json_text(row) + "\n" for row in map(as_shown, rows))


def csv_lines(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    line = Line()
    writer = csv.writer(line)
    writer.writerow(FIELDS)
    yield line.text
    for row in map(as_shown, rows):
        writer.writerow([cell(row[name]) for name in FIELDS])
        yield line.text


def as_shown(row: dict[str, Any]) -> dict[str, Any]:
    """The entry's fields in their order; an empty one is null."""
    return {name: row.get(name) if row.get(name) not in ({}, [], "") else None for name in FIELDS}


def cell(value: Any) -> Any:
    if value is None or isinstance(value, int):
        return value
    text = (
        value
        if isinstance(value, str)
        else json_text(value).strip('"')
        if isinstance(value, datetime)
        else json_text(value)
    )
    # defusedcsv looks at the first character; spreadsheets skip blanks, tabs and line ends before a formula.
    return (
        f"'{text}" if text[:1] in ("\t", "\r", "\n") or (text[:1].isspace() and text.lstrip()[:1] in "=+-@") else text
    )


def json_text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=plain)


def plain(value: Any) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return str(value)


# -- at once -----------------------------------------------------------------------------------------------------------


def is_large(found: Any) -> bool:
    """Whether the export belongs into the background: many entries, or few that are hard to find.

    One read, which counts no further than it must.
    """
    try:
        with in_time(COUNTED_WITHIN):
            return bool(found.limit(AT_ONCE + 1).count(with_limit_and_skip=True) > AT_ONCE)
    except TooSlow:
        return True


def record_export(request: HttpRequest, *, org: Any, filters: Filters, form: str, in_background: bool) -> None:
    metadata = {"filters": asked_for(org, filters), "format": form, "in_background": in_background}
    owner = None if org == EVERYWHERE else org
    events.record(
        "audit.exported", org=owner, actor=reader(request, owner), target=owner, request=request, metadata=metadata
    )


def asked_for(org: Any, filters: Filters) -> dict[str, Any]:
    """What the log keeps of a question to it."""
    return {**filters.stored(), **({"log": EVERYWHERE} if org == EVERYWHERE else {})}


def file_name(name: str, form: str) -> str:
    return f"audit-log-{name}-{now():%Y-%m-%d}.{form}"


# -- in the background -------------------------------------------------------------------------------------------------


def request_export(*, user: Any, org: Any, filters: Filters, form: str, request: HttpRequest) -> Job:
    """Start an export, which the person finds on the page of background jobs.  Inside a transaction of the caller's."""
    payload = {
        "organization": EVERYWHERE if org == EVERYWHERE else org and org.pk,
        "filters": filters.stored(),
        "format": form,
    }
    record_export(request, org=org, filters=filters, form=form, in_background=True)
    owner = None if org == EVERYWHERE else org
    is_member = getattr(request, "org", None) is not None
    return queue_processing(user=user, org=owner if is_member else None, task=TASK, payload=payload)


def export(job: Job) -> dict[str, Any]:
    """Write the file and keep it with the job.  Raises Cancelled; PermanentFailure when the person may not any more."""
    scope, form = job.payload["organization"], job.payload["format"]
    org = scope_of(job, scope)
    found = Filters.restored(job.payload["filters"]).select(org)
    total = found.count()
    with TemporaryDirectory(prefix="audit") as folder:
        path = Path(folder) / "export"
        with path.open("w", encoding="utf-8", newline="") as handle:
            for done, text in enumerate(lines(stream(found), form)):
                handle.write(text)
                if done % STEP == 0:
                    report(job, min(done, total), total + 1, "Collecting entries")
        name = file_name(getattr(org, "slug", "all" if org == EVERYWHERE else "platform"), form)
        file = store_file(job, path, name=name, content_type=CONTENT_TYPES[form])
    return {"file": file.name, "summary": f"{total} entries"}


def scope_of(job: Job, organization_id: str | None) -> Any:
    """The organization whose log it is, if the person may still export it."""
    user = people().filter(pk=job.user_id, is_active=True).first()
    if organization_id in (None, EVERYWHERE):
        org, may = organization_id, bool(user) and hooks.can(user, STAFF_SEES, org=None)
    else:
        org = hooks.organizations([organization_id]).get(organization_id)
        may = bool(user and org) and (
            hooks.can(user, MAY_EXPORT, org=org) or (not job.organization_id and hooks.can(user, STAFF_SEES, org=None))
        )
    if not may:
        raise PermanentFailure("The person may not export this log any more.")
    return org


def as_bytes(texts: Iterator[str], *, size: int = 64 * 1024) -> Iterator[bytes]:
    """The text in pieces that are worth a packet."""
    buffer = io.StringIO()
    for text in texts:
        buffer.write(text)
        if buffer.tell() >= size:
            yield buffer.getvalue().encode()
            buffer = io.StringIO()
    yield buffer.getvalue().encode()
