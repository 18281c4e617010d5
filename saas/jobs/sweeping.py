"""Finding what was lost on the way: jobs whose messages vanished, whose workers died, whose lane stands still.

Safe at any time and from any number of processes: `claim` decides who does a job.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from saas.jobs.lanes import depth, hand_over, publish
from saas.jobs.models import CANCELLED, FAILED, KEPT_FOR, QUEUED, RUNNING, Job, jobs
from saas.queues import QUEUES
from saas.tenancy import now

log = structlog.get_logger(__name__)

SWEEP_EVERY = 10.0  # seconds
#: A message that nobody has taken for so long is sent again when the broker has fewer messages than there should be …
SUSPECT_AFTER = timedelta(seconds=15)
#: … and after this in any case.
RESEND_AFTER = timedelta(seconds=120)
AT_ONCE = 500
#: A job whose worker died this often is what kills them.
DEATHS = 5


def sweep(moment: datetime | None = None) -> int:
    """Put every lost job back on its way; answers how many were sent or handed over."""
    moment = moment or now()
    return free_abandoned(moment) + resend_lost(moment) + move_lanes(moment)


def free_abandoned(moment: datetime) -> int:
    """Take over the jobs of dead workers.  One that has killed its worker again and again is a dead letter."""
    freed = 0
    for job in jobs().filter(state=RUNNING, leased_until__lt=moment).limit(AT_ONCE):
        mine = jobs().filter(id=job.id, state=RUNNING, attempts=job.attempts, leased_until__lt=moment)
        if job.is_cancel_requested:
            mine.update(**ended(CANCELLED, moment), set__forget_at=moment + KEPT_FOR)
        elif job.attempts >= DEATHS:
            mine.update(**ended(FAILED, moment), set__error=f"The worker died {job.attempts} times while doing this.")
            log.error("job_failed", job_id=job.id, task=job.task, attempts=job.attempts, problem="worker died")
        elif mine.update(set__state=QUEUED, set__handed_at=moment, unset__leased_until=1):
            freed += publish(job)
    return freed


def ended(state: str, moment: datetime) -> dict[str, Any]:
    return {"set__state": state, "set__finished_at": moment, "unset__handed_at": 1, "unset__leased_until": 1}


def resend_lost(moment: datetime) -> int:
    """Send the messages again that the broker seems to have lost."""
    return sum(resend(queue, moment) for queue in QUEUES)


def resend(queue: str, moment: datetime) -> int:
    waiting = jobs().filter(queue=queue, state=QUEUED, due_at__lte=moment, handed_at__lte=moment - SUSPECT_AFTER)
    quiet = waiting.filter(__raw__=not_sent_since(moment - SUSPECT_AFTER))
    suspects: list[Job] = list(
        quiet.order_by("due_at").limit(AT_ONCE).only("task", "queue", "priority", "handed_at", "sent_at")
    )
    if not suspects:
        return 0
    try:
        missing = len(suspects) - depth(queue)
    except (OperationalError, RedisError, OSError):
        return 0  # there is no broker to send to
    sent = 0
    for number, job in enumerate(suspects):
        is_old = (job.sent_at or job.handed_at) < moment - RESEND_AFTER
        if number >= missing and not is_old:
            continue
        if not publish(job):
            break
        jobs().filter(id=job.id).update(set__sent_at=moment)
        sent += 1
    return sent


def not_sent_since(moment: datetime) -> dict[str, Any]:
    return {"$or": [{"sent_at": None}, {"sent_at": {"$lt": moment}}]}


def move_lanes(moment: datetime) -> int:
    """Hand over what waits and is due, lane by lane."""
    match = {"state": QUEUED, "due_at": {"$lte": moment}, "handed_at": None}
    lanes = jobs().aggregate([{"$match": match}, {"$group": {"_id": {"queue": "$queue", "lane": "$lane"}}}])
    return sum(hand_over(each["_id"]["queue"], each["_id"]["lane"]) for each in lanes)
