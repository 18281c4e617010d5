"""The log as a file: CSV for spreadsheets, JSON lines for machines, row by row, so that its length does not matter.

Both hold the same rows and fields; what is nested stands in CSV as JSON. A text that a spreadsheet would take for a
formula gets an apostrophe in front (defusedcsv).
"""

import io
import json
import unicodedata
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import IO, Any

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
KEPT_IN_MEMORY = 1024 * 1024  # bytes of a file
SIGNS, WIDE = "=+-@|%", "＝＋－＠"
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
    return f"'{text}" if hides_formula(text) else text


def hides_formula(text: str) -> bool:
    """Whether a spreadsheet may find a formula where defusedcsv, which looks at the first character, sees none.

    Spreadsheets skip blanks, controls and what cannot be seen, and some take the wide forms of the signs for the signs.
    """
    start = next((each for each in text if unicodedata.category(each)[0] not in "CZ"), "")
    return text[:1] in ("\t", "\r", "\n") or (start != "" and (start in WIDE or (start in SIGNS and start != text[0])))


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


def collected(rows: Iterable[dict[str, Any]], form: str) -> IO[bytes]:
    """The whole file, on the disk when it is large.

    A server that sends rows as they come ends the answer properly when reading them fails, and nobody sees that the
    rest is missing. Sent with its length, a file that breaks off cannot pass for a complete one; and a slow reader
    holds no cursor of MongoDB open.
    """
    handle: IO[bytes] = io.BytesIO()
    try:
        for piece in as_bytes(lines(rows, form)):
            if isinstance(handle, io.BytesIO) and handle.tell() > KEPT_IN_MEMORY:
                handle = on_disk(handle)
            handle.write(piece)
    except BaseException:
        handle.close()
        raise
    handle.seek(0)
    return handle


def on_disk(begun: io.BytesIO) -> IO[bytes]:
    handle = TemporaryFile()  # noqa: SIM115 - the answer closes it
    handle.write(begun.getvalue())
    return handle


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


def as_bytes(texts: Iterable[str], *, size: int = 64 * 1024) -> Iterator[bytes]:
    """The text in pieces that are worth a packet."""
    buffer = io.StringIO()
    for text in texts:
        buffer.write(text)
        if buffer.tell() >= size:
            yield buffer.getvalue().encode()
            buffer = io.StringIO()
    yield buffer.getvalue().encode()
