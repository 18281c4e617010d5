"""The lines of `make bench` about background work: a worker as the Procfile starts it, with tasks that do nothing."""

import time

from tests.bench.processes import line, worker

NO_OPS = 1000
MANY = 10_000


def main() -> None:
    """Run with MONGODB_URI and REDIS_URL of servers of one's own; writes the table's lines."""
    import django

    django.setup()
    from bson import ObjectId

    from saas.db import atomic
    from saas.jobs import enqueue, enqueue_many
    from saas.jobs.models import QUEUED, RUNNING, jobs

    class Org:
        def __init__(self) -> None:
            self.pk = str(ObjectId())

    import tests.saas.jobs.work  # noqa: F401 - the task

    started = time.perf_counter()
    atomic(lambda: enqueue_many("tests.no_op", [{}] * MANY, org=Org()))()
    line(f"{MANY:,} enqueued in one transaction", f"{time.perf_counter() - started:.2f} s")
    jobs().delete()

    started = time.perf_counter()
    for _ in range(NO_OPS):
        enqueue("tests.no_op", payload={}, org=Org())
    line("enqueue(), one after the other", f"{(time.perf_counter() - started) / NO_OPS * 1000:.2f} ms each")

    with worker("default", app="tests.saas.jobs.work") as process:
        waiting = jobs().filter(state__in=[QUEUED, RUNNING])
        while waiting.clone().count() == NO_OPS and process.poll() is None:
            time.sleep(0.05)
        started, first = time.perf_counter(), waiting.clone().count()
        while waiting.clone().first():
            time.sleep(0.05)
        seconds = time.perf_counter() - started
    line("no-op jobs, four at a time", f"{first / seconds:.0f} per s")
    line("cost of a job for its worker", f"{seconds / first * 1000:.2f} ms")


if __name__ == "__main__":
    main()
