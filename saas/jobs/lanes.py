"""Fairness: each organization has a lane in each queue, and only the first few jobs of a lane are with the broker.

The others wait in the database. Whoever ends a job hands the next one of its lane over; `sweeping` restarts a lane
whose chain broke. So ten thousand jobs of one organization stand in its own lane, not in front of everybody.
"""

from typing import Any

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from saas.celery import PRIORITIES, app
from saas.jobs.models import QUEUED, Job, jobs
from saas.queues import QUEUES
from saas.tenancy import now

log = structlog.get_logger(__name__)

PLATFORM = "platform"


def lane_of(*, org_id: str | None, user_id: str | None) -> str:
    return org_id or user_id or PLATFORM


def room_in(queue: str, lane: str) -> int:
    """How many more jobs of the lane the broker may have.  One read of a few index keys."""
    most = QUEUES[queue].in_flight
    taken: int = jobs().filter(queue=queue, lane=lane, handed_at__exists=True).limit(most).count(True)
    return max(0, most - taken)


def hand_over(queue: str, lane: str) -> int:
    """Give the broker the next jobs of the lane, as many as there is room for; answers how many."""
    handed = 0
    for _ in range(room_in(queue, lane)):
        job = take_next(queue, lane)
        if job is None:
            break
        if not publish(job):
            jobs().filter(id=job.id, state=QUEUED).update(unset__handed_at=1)
            break
        handed += 1
    return handed


def take_next(queue: str, lane: str) -> Job | None:
    """The first waiting job of the lane that is due, now marked as handed over: one conditional update."""
    waiting = {"handed_at": None, "priority": {"$in": list(PRIORITIES)}, "due_at": {"$lte": now()}}
    line = jobs().filter(queue=queue, lane=lane, state=QUEUED, __raw__=waiting).order_by("priority", "due_at")
    taken: Job | None = line.modify(new=True, set__handed_at=now())
    return taken


def publish(job: Job, *, countdown: float = 0) -> bool:
    """Tell a worker about the job; False when the broker does not answer, which is logged."""
    try:
        app.send_task(
            job.task, args=[job.id], queue=job.queue, priority=job.priority, countdown=countdown or None, retry=False
        )
    except (OperationalError, RedisError, OSError) as problem:
        log.warning("job_waits_for_broker", job_id=job.id, task=job.task, problem=str(problem))
        return False
    return True


def depth(queue: str) -> int:
    """How many messages the broker holds of a queue, over its priorities.  Raises what the broker's client raises."""
    with app.connection_for_read() as connection:
        channel: Any = connection.default_channel
        return int(channel._size(queue))  # noqa: SLF001 - kombu sums the priorities there
