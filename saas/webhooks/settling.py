"""What becomes of the deliveries of an endpoint that was switched off or on, or deleted.

off        what waits is held: it leaves the line
on         what was held is due now
gone       all are deleted

There may be a hundred thousand, too many for the transaction of the switch: that one enqueues a job, which writes in
batches outside of any. Each run goes by what the endpoint is at that moment and looks again at the end, so that of two
switches at once the later one holds; it may break off anywhere and begin again.
"""

from typing import Any

from saas.batches import batches
from saas.tenancy import now
from saas.webhooks import lanes
from saas.webhooks.models import PENDING, Webhook, deliveries, webhooks

TASK = "saas.tasks.settle_webhook"
BATCH = 1000  # deliveries of one write
#: Two indexes of the deliveries: the planner takes one that begins with all of the endpoint's history.
BY_TIME = [("webhook_id", 1), ("next_attempt_at", 1)]
BY_STATUS = [("webhook_id", 1), ("status", 1), ("created_at", -1), ("_id", -1)]
ON, OFF, GONE = "on", "off", "gone"


def settle_soon(webhook: Webhook) -> None:
    """Enqueue `settle` in the caller's transaction."""
    from saas.jobs import enqueue

    enqueue(TASK, payload={"webhook_id": webhook.id})


def settle(webhook_id: str) -> dict[str, Any]:
    """Write what an endpoint's state means for its deliveries; `{state, count}` of the last look."""
    state, count = None, 0
    while (found := state_of(webhook_id)) != state:
        state, count = found, WRITE[found](webhook_id)
    if state == ON and count:
        lanes.wake([webhook_id])
        lanes.call_sender()
    return {"state": state, "count": count}


def state_of(webhook_id: str) -> str:
    row = webhooks().filter(id=webhook_id).only("enabled").as_pymongo().first()
    if row is None:
        return GONE
    return ON if row["enabled"] else OFF


def hold(webhook_id: str) -> int:
    """Take what waits out of the line."""
    waiting = deliveries().filter(webhook_id=webhook_id, status=PENDING, next_attempt_at__exists=True)
    return in_batches(
        waiting.hint(BY_TIME), lambda batch: batch.filter(status=PENDING).update(unset__next_attempt_at=1)
    )


def release(webhook_id: str) -> int:
    """Make due what is held; a test is not: its own job sends it."""
    held = deliveries().filter(webhook_id=webhook_id, status=PENDING, next_attempt_at=None, event_id__ne=None)
    due = now()
    return in_batches(
        held.hint(BY_STATUS),
        lambda batch: batch.filter(status=PENDING, next_attempt_at=None).update(set__next_attempt_at=due),
    )


def delete(webhook_id: str) -> int:
    return in_batches(deliveries().filter(webhook_id=webhook_id), lambda batch: batch.delete())


WRITE = {ON: release, OFF: hold, GONE: delete}


def in_batches(found: Any, write: Any) -> int:
    """Write all that is found, BATCH by BATCH, until nothing is found any more; how many.  `write` ends each one."""
    count = 0
    while (written := one_pass(found, write)) > 0:
        count += written
    return count


def one_pass(found: Any, write: Any) -> int:
    """Write what one walk over the index finds: what is written already is not read again for each batch."""
    ids = (row["_id"] for row in found.clone().only("id").as_pymongo().batch_size(BATCH))
    return sum(write(deliveries().filter(id__in=batch)) for batch in batches(ids, BATCH))
