"""Each endpoint is a lane: one sender at a time holds it, and the lanes take turns.

What is due stands in the deliveries (`next_attempt_at`). `Webhook.due_at` says when a lane has something to do, so that
a sender finds its work by one index, however much waits. Whoever adds a delivery wakes the lane after the commit; what
a dying process did not wake is found by `sweep`.

Turns: the lane that waits longest comes first, and a sender gives a lane back after a short time, to the end of the
line. So ten thousand deliveries of one organization wait in its own lanes, and an endpoint that hangs holds up itself.
"""

import threading
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Any

import structlog
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from saas.celery import app
from saas.db import on_commit
from saas.mongo.fields import new_key
from saas.tenancy import now
from saas.webhooks.models import Webhook, deliveries, webhooks

log = structlog.get_logger(__name__)

TASK = "saas.tasks.send_webhooks"
LEASE = timedelta(seconds=20)  # of a lane, renewed while its sender lives
POLL_EVERY = 2.0  # seconds between two looks of the clock for lanes that are due
SWEEP_EVERY = 15.0  # seconds
#: A due delivery that is older has been forgotten by whoever should have woken its lane.
LOST_AFTER = timedelta(seconds=5)

NO_ID = "0" * 24

_woken = threading.local()


# -- waking ------------------------------------------------------------------------------------------------------------


def wake_soon(webhook_ids: Iterable[str]) -> None:
    """After the commit, note that these lanes have something to do now, and tell a sender.  Once for a transaction."""
    waiting: set[str] = _woken.__dict__.setdefault("ids", set())
    waiting.update(webhook_ids)
    on_commit(wake_waiting)


def wake_waiting() -> None:
    waiting: set[str] = _woken.__dict__.setdefault("ids", set())
    if waiting:
        ids, _woken.ids = sorted(waiting), set()
        wake(ids)
        call_sender()


def wake(webhook_ids: Collection[str], *, at: datetime | None = None) -> None:
    webhooks().filter(id__in=list(webhook_ids), enabled=True).update(min__due_at=at or now(), inc__wakes=1)


def call_sender() -> bool:
    """Tell a worker that there is something to send; False without an answer of the broker.  The clock tells it too."""
    try:
        app.send_task(TASK, queue="webhooks", expires=30, retry=False, priority=0)
    except (OperationalError, RedisError, OSError) as problem:
        log.warning("webhooks_wait_for_broker", problem=str(problem))
        return False
    return True


def poll() -> bool:
    """The clock's look: calls a sender when a lane is due that nobody holds."""
    return bool(webhooks().filter(__raw__=free(now())).only("id").first()) and call_sender()


def sweep() -> int:
    """Wake the lanes whose due deliveries nobody has woken them for; how many.

    What is due for an endpoint that is off is held, and deleted with one that is gone: a fan-out beside the switch, or
    a job that was lost, left it.
    """
    from saas.webhooks import settling

    # Every webhook_id is greater than this one: the index begins with it.
    late = deliveries().filter(webhook_id__gt=NO_ID, next_attempt_at__lt=now() - LOST_AFTER).distinct("webhook_id")
    if not late:
        return 0
    asleep = webhooks().filter(id__in=late, enabled=True, due_at=None).update(set__due_at=now(), inc__wakes=1)
    on = {str(row["_id"]) for row in webhooks().filter(id__in=late, enabled=True).only("id").as_pymongo()}
    for webhook_id in {str(each) for each in late} - on:
        settling.settle(webhook_id)
    return int(asleep)


# -- holding -----------------------------------------------------------------------------------------------------------


def free(moment: datetime) -> dict[str, Any]:
    """Conditions of a lane that has something to do and that nobody holds."""
    return {
        "due_at": {"$lte": moment},
        "enabled": True,
        "$and": [{"$or": [{field: None}, {field: {"$lt": moment}}]} for field in ("leased_until", "throttled_until")],
    }


def waiting(limit: int) -> list[Webhook]:
    """Lanes to take, the one that waits longest first."""
    return list(webhooks().filter(__raw__=free(now())).order_by("due_at").limit(limit))


def take(webhook: Webhook) -> Webhook | None:
    """The lane under a new lease, or None when another sender was faster: one conditional update."""
    moment = now()
    taken: Webhook | None = (
        webhooks()
        .filter(id=webhook.id, __raw__=free(moment))
        .modify(new=True, set__lease=new_key(), set__leased_until=moment + LEASE)
    )
    return taken


def renew(held: Collection[Webhook]) -> dict[str, Webhook]:
    """Hold lanes on; answers the endpoints as they are now, by id, of those that are still ours and still on."""
    mine = webhooks().filter(id__in=[each.id for each in held], lease__in=[each.lease for each in held])
    mine.update(set__leased_until=now() + LEASE)
    return {webhook.id: webhook for webhook in mine.filter(enabled=True)}


def give_back(webhook: Webhook, *, is_finished: bool) -> bool:
    """Let go of a lane.  False: something was added while it seemed finished, so the holder looks again.

    A finished lane sleeps until its next delivery is due; one that is not goes to the end of the line.
    """
    mine = webhooks().filter(id=webhook.id, lease=webhook.lease)
    let_go = {"unset__lease": 1, "unset__leased_until": 1}
    if not is_finished:
        mine.update(set__due_at=now(), **let_go)
        return True
    seen = mine.only("wakes").as_pymongo().first()
    if seen is None:
        return True  # it is another's now, or gone
    due_at = next_due_at(webhook.id)
    if due_at is not None and due_at <= now():
        return False
    change: dict[str, Any] = {"set__due_at": due_at} if due_at else {"unset__due_at": 1}
    return bool(mine.filter(wakes=seen.get("wakes", 0)).update(**change, **let_go)) or mine.first() is None


def next_due_at(webhook_id: str) -> datetime | None:
    """When the next delivery of the endpoint is due."""
    found = deliveries().filter(webhook_id=webhook_id, next_attempt_at__ne=None).order_by("next_attempt_at")
    row = found.only("next_attempt_at").as_pymongo().first()
    moment: datetime | None = row["next_attempt_at"] if row else None
    return moment
