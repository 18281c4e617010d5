"""What the pages show of jobs."""

from typing import Any

from saas.jobs import files
from saas.jobs.models import CANCELLED, DISCARDED, FAILED, QUEUED, RUNNING, SUCCEEDED, Job, jobs

BADGES = {
    QUEUED: ("Waiting", ""),
    RUNNING: ("Running", "badge-info"),
    SUCCEEDED: ("Done", "badge-success"),
    FAILED: ("Failed", "badge-danger"),
    CANCELLED: ("Cancelled", ""),
    DISCARDED: ("Given up", ""),
}
USUAL_PROBLEM = "Something went wrong on our side, and we know of it. You can start it again."


def mine(user: Any) -> Any:
    """What this person has started."""
    return jobs().filter(user_id=user.pk, title__exists=True)


def organizations(org: Any, user: Any = None) -> Any:
    """What was started in an organization, by this person or by anybody."""
    found = Job.objects.for_org(org).filter(title__exists=True)
    return found.filter(user_id=user.pk) if user else found


def shown(rows: list[dict[str, Any]], viewer: Any) -> list[dict[str, Any]]:
    """The rows as a page shows them to this person.  At most one read."""
    own = [row["id"] for row in rows if row.get("user_id") == viewer.pk]
    known = files.files_of(viewer.pk, own) if own else {}
    return [as_shown(row, known.get(row["id"]), is_own=row["id"] in own) for row in rows]


def as_shown(row: dict[str, Any], file: Any, *, is_own: bool) -> dict[str, Any]:
    state = row["state"]
    label, badge = BADGES[state]
    is_ending = bool(row.get("is_cancel_requested")) and state == RUNNING
    return {
        **row,
        "label": "Ending" if is_ending else label,
        "badge": badge,
        "is_active": state in (QUEUED, RUNNING),
        "is_own": is_own,
        "may_cancel": is_own and state in (QUEUED, RUNNING) and not is_ending,
        "file": file,
        "words": words(row, file, is_own=is_own),
    }


def words(row: dict[str, Any], file: Any, *, is_own: bool) -> str:
    """The line below the title."""
    state = row["state"]
    if state == FAILED:
        return row.get("problem") or USUAL_PROBLEM
    if state == QUEUED:
        return "It did not work at once and is tried again." if row.get("attempts") else "It starts as soon as it can."
    if state == RUNNING:
        return row.get("note") or "It is being worked on."
    if state == SUCCEEDED and is_own and (row.get("result") or {}).get("file") and not file:
        return "The file has expired. Start it again to get a new one."
    return (row.get("result") or {}).get("summary", "") if state == SUCCEEDED else ""
