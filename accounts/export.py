"""The export of an account: a zip with everything that we keep about the person, made in the background."""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from django.http import HttpRequest

from accounts.models import User
from saas import events, personal_data
from saas.db import atomic
from saas.jobs import Job, PermanentFailure, queue_processing, report
from saas.jobs.files import FILE_KEPT_FOR, store_file
from saas.jobs.models import QUEUED, RUNNING
from saas.jobs.pages import mine
from saas.product import product
from saas.tenancy import now

TASK = "accounts.tasks.export_account"
#: How often progress is looked at, in rows.
STEP = 50


@atomic
def request_export(*, user: Any, request: HttpRequest | None = None) -> Job:
    """Start the export; one that is under way is answered instead of a second one."""
    under_way: Job | None = exports_of(user).filter(state__in=[QUEUED, RUNNING]).first()
    if under_way:
        return under_way
    job = queue_processing(user=user, task=TASK)
    events.record("user.export_requested", actor=user, target=user, request=request)
    return job


def exports_of(user: Any) -> Any:
    """The person's exports that are still known."""
    return mine(user).filter(task=TASK)


def export_account(job: Job) -> dict[str, Any]:
    """Write the zip and keep it with the job.  Raises Cancelled, and PermanentFailure when the person is gone."""
    user = User.objects.filter(pk=job.user_id).first()
    if user is None:
        raise PermanentFailure("The account is gone.")
    parts = list(personal_data.parts_of(user))
    total = sum(part.size for part in parts)
    done = 0
    with TemporaryDirectory(prefix="export") as folder:
        path = Path(folder) / "export.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("README.txt", readme(user))
            for part in parts:
                report(job, done, total + 1, f"Collecting {words(part.name)}")
                if not part.size:
                    continue
                with archive.open(f"{part.name}.json", "w") as handle:
                    for text in as_json(part.rows()):
                        handle.write(text.encode())
                        done += 1
                        if done % STEP == 0:
                            report(job, min(done, total), total + 1)
        report(job, total, total + 1, "Packing it")
        file = store_file(
            job, path, name=f"{product()['name'].lower()}-export-{now():%Y-%m-%d}.zip", content_type="application/zip"
        )
    return {"file": file.name, "summary": f"{done} entries"}


def as_json(rows: Iterator[dict[str, Any]]) -> Iterator[str]:
    """A JSON list, piece by piece, so that a long one needs no memory."""
    separator = "["
    for row in rows:
        yield f"{separator}\n{json.dumps(row, default=personal_data.plain, ensure_ascii=False)}"
        separator = ","
    yield "\n]\n" if separator == "," else "[]\n"


def words(name: str) -> str:
    return name.replace("_", " ").replace(".", ", ")


def readme(user: User) -> str:
    return (
        f"{product()['name']}: everything that is kept about {user.display_name} ({user.email}).\n"
        f"Made on {now():%Y-%m-%d %H:%M} UTC.  One file in JSON for each kind of data; times are UTC.\n"
        "Passwords, keys and codes are left out: they are kept as fingerprints, or are secret also to you.\n"
    )


HOURS_KEPT = int(FILE_KEPT_FOR.total_seconds() // 3600)
