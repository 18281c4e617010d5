"""What the staff sees of background work: queues, workers, schedules, dead letters."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from saas.jobs.models import FAILED, QUEUED, RUNNING, SUCCEEDED, Schedule, jobs, schedules, workers
from saas.jobs.watching import ALIVE_FOR
from saas.paging import Page, page_of
from saas.queues import QUEUES
from saas.tenancy import now

#: Counting stops here: the page says "10,000+".
COUNTED = 10_000
#: A schedule that is this late has no clock.
LATE = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class QueueLine:
    name: str
    waiting: str
    running: str
    failed: str
    done: str  # in the last hour
    oldest: datetime | None
    workers: int

    @property
    def is_stuck(self) -> bool:
        return self.workers == 0 and self.waiting != "0"


def counted(found: Any) -> str:
    """How many, as words: counting is bounded."""
    number = found.limit(COUNTED + 1).count(True)
    return f"{COUNTED:,}+" if number > COUNTED else f"{number:,}"


def queue_lines(living: list[Any]) -> list[QueueLine]:
    return [queue_line(name, sum(name in worker.queues for worker in living)) for name in QUEUES]


def queue_line(name: str, workers_now: int) -> QueueLine:
    moment = now()
    of_queue = jobs().filter(queue=name)
    waiting = of_queue.filter(state=QUEUED, due_at__lte=moment)
    first = waiting.order_by("due_at").only("due_at").first()
    recent = of_queue.filter(state=SUCCEEDED, finished_at__gte=moment - timedelta(hours=1))
    return QueueLine(
        name=name,
        waiting=counted(waiting),
        running=counted(of_queue.filter(state=RUNNING)),
        failed=counted(of_queue.filter(state=FAILED)),
        done=counted(recent),
        oldest=first.due_at if first else None,
        workers=workers_now,
    )


def living_workers() -> list[Any]:
    """Workers and clocks that were seen in the last half minute."""
    return list(workers().filter(seen_at__gte=now() - timedelta(seconds=ALIVE_FOR)).order_by("name"))


def schedule_lines() -> list[dict[str, Any]]:
    return [{"schedule": each, **state_of(each)} for each in schedules().order_by("name")]


def state_of(schedule: Schedule) -> dict[str, str]:
    """`{state, badge}` of a schedule."""
    if schedule.next_run_at < now() - LATE:
        return {"state": "Late: no clock runs", "badge": "badge-danger"}
    if schedule.error:
        return {"state": "Failed", "badge": "badge-danger"}
    if schedule.missed_at and schedule.missed_at > now() - timedelta(days=1):
        return {"state": "Missed a run", "badge": "badge-warning"}
    if schedule.finished_at is None:
        return {"state": "Not run yet", "badge": ""}
    return {"state": "Works", "badge": "badge-success"}


def dead_letters(cursor: str = "") -> Page[dict[str, Any]]:
    """Failed jobs, the last to fail first."""
    fields = ("queue", "task", "title", "error", "attempts", "finished_at", "organization_id", "user_id")
    return page_of(jobs().filter(state=FAILED), order="-finished_at", cursor=cursor, only=fields)
