"""The queues of background work.  A new one is a line here and a line in the Procfile."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueRules:
    """How a queue is worked off.

    `concurrency`: tasks at a time in one worker.  `in_flight`: how many jobs of one organization (or person) may be
    with the broker or a worker at once; the rest wait in the database, so that nobody fills the queue for the others.
    `rate`: the most jobs that all workers together begin, as "10/second"; QUEUE_RATES sets it for a deployment.
    """

    concurrency: int
    in_flight: int
    rate: str = ""


QUEUES = {
    "email": QueueRules(concurrency=5, in_flight=10),
    "processing": QueueRules(concurrency=3, in_flight=4),
    "webhooks": QueueRules(concurrency=10, in_flight=15),
    "ai": QueueRules(concurrency=4, in_flight=6),
    "events": QueueRules(concurrency=4, in_flight=20),
    "default": QueueRules(concurrency=4, in_flight=8),
}
