"""Background work about a person."""

from typing import Any

from accounts import export
from saas.jobs import Job, processing_task


@processing_task(export.TASK, title="Export of your account")
def export_account(job: Job) -> dict[str, Any]:
    return export.export_account(job)
