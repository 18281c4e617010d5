"""Nothing that was accepted is lost, and nothing has two effects: workers that die, a broker that forgets, many clocks.

JOBS_MANY=500 runs the proofs with that many mails and jobs.
"""

import os
import signal
import time
from collections import Counter
from datetime import timedelta

from bson import ObjectId

from saas.jobs import enqueue, enqueue_many, queue_email
from saas.jobs.models import FAILED, QUEUED, RUNNING, SUCCEEDED, jobs, workers
from saas.jobs.sweeping import DEATHS, sweep
from saas.mongo.documents import database
from saas.tenancy import now
from tests.saas.jobs.work import EFFECTS

MANY = int(os.environ.get("JOBS_MANY", "40"))
TRIES = int(os.environ.get("JOBS_TRIES", "4"))


class Org:
    """As much of an organization as a queue knows."""

    def __init__(self) -> None:
        self.pk = str(ObjectId())


def effects() -> Counter:
    return Counter(row["job"] for row in database()[EFFECTS].find({"job": {"$exists": True}}))


def unfinished() -> int:
    return jobs().filter(state__in=[QUEUED, RUNNING]).count()


def is_done() -> bool:
    sweep()  # what the clock asks for every ten seconds
    return unfinished() == 0


def queue_mails_and_jobs() -> tuple[list[str], list[str]]:
    org = Org()
    mails = [queue_email(to="a@x.test", subject=f"Mail {n}", body="Hello", org=org).id for n in range(MANY)]
    made = enqueue_many("tests.effect", [{"seconds": 0.05}] * MANY, org=org)
    return mails, [job.id for job in made]


def test_a_killed_worker_loses_nothing_and_repeats_only_what_was_in_flight(processes, until, inbox):
    endless = enqueue("tests.effect", payload={"seconds": 3600}, org=Org())
    mails, work = queue_mails_and_jobs()
    worker = processes.worker()
    until(lambda: sum(effects().values()) >= MANY // 4 and len(inbox.ids) >= MANY // 4)
    until(lambda: jobs().get(id=endless.id).state == RUNNING)
    processes.kill(worker)
    in_flight = {job.id for job in jobs().filter(state=RUNNING)}
    assert endless.id in in_flight, "it was killed at work"
    jobs().filter(id=endless.id).update(set__payload={"seconds": 0.05})
    processes.worker()
    if "JOBS_MANY" not in os.environ:  # do not wait half a minute until the leases end
        jobs().filter(state=RUNNING, id__in=list(in_flight)).update(set__leased_until=now().replace(year=2020))
    took = until(is_done, seconds=120 + MANY)

    assert jobs().filter(state=SUCCEEDED).count() == 2 * MANY + 1
    done = effects()
    assert set(done) == {endless.id, *work}
    assert {job for job, times in done.items() if times > 1} <= in_flight
    sent = Counter(mail.strip("<>").split("@")[0] for mail in inbox.ids)
    assert set(sent) == set(mails)
    assert {mail for mail, times in sent.items() if times > 1} <= in_flight
    twice = [job for job, times in (done + sent).items() if times > 1]
    print(f"\nkill -9: {2 * MANY} jobs, {len(in_flight)} in flight, {len(twice)} repeated, all done {took:.1f} s later")


def test_a_worker_told_to_stop_ends_what_it_does(processes, until):
    made = enqueue_many("tests.effect", [{"seconds": 1.0}] * 6, org=Org())
    worker = processes.worker("processing")
    until(lambda: jobs().filter(state=RUNNING).count() >= 3)
    started = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=60)
    print(f"\nSIGTERM: drained in {time.monotonic() - started:.1f} s")
    assert jobs().filter(state=RUNNING).count() == 0
    processes.worker("processing")
    until(is_done)
    assert effects() == Counter({job.id: 1 for job in made})


def test_a_worker_does_not_wait_for_a_long_task_beyond_its_limit(processes, until):
    job = enqueue("tests.effect", payload={"seconds": 60}, org=Org())
    worker = processes.worker("processing", WORKER_DRAIN_SECONDS="3")
    until(lambda: jobs().get(id=job.id).state == RUNNING)
    started = time.monotonic()
    worker.send_signal(signal.SIGTERM)
    worker.wait(timeout=50)
    spent = time.monotonic() - started
    print(f"\nSIGTERM with a task of a minute and a limit of 3 s: ended in {spent:.1f} s")
    assert 2.5 < spent < 45, "the task takes a minute"
    jobs().filter(id=job.id).update(set__leased_until=now().replace(year=2020), set__payload={"seconds": 0})
    processes.worker("processing")
    until(is_done)
    assert jobs().get(id=job.id).state == SUCCEEDED


def test_a_broker_that_comes_back_empty_has_cost_nothing(processes, until, broker):
    processes.worker(concurrency=2)
    organizations = [Org() for _ in range(3)]
    accepted = []
    for number in range(MANY):
        if number == MANY // 4:
            broker.stop()  # it keeps nothing
        accepted.append(enqueue("tests.effect", payload={}, org=organizations[number % 3]).id)
    time.sleep(float(os.environ.get("JOBS_AWAY", "1")))
    accepted += [enqueue("tests.effect", payload={}, org=organizations[0]).id for _ in range(3)]
    broker.start()
    jobs().filter(state=QUEUED, handed_at__exists=True).update(set__handed_at=now().replace(year=2020))
    took = until(is_done, seconds=90)
    assert effects() == Counter(accepted)
    print(f"\nValkey away and empty: {len(accepted)} jobs, all done {took:.1f} s after its return")


def test_three_clocks_fire_each_schedule_once(processes, until):
    processes.worker("default", TEST_TICKS="2")
    for _ in range(3):
        processes.beat(TEST_TICKS="2")
    until(lambda: database()["schedules"].find_one({"name": "tick"}))
    first = database()["schedules"].find_one({"name": "tick"})
    until(lambda: workers().count() >= 4)
    until(lambda: database()[EFFECTS].count_documents({"tick": {"$exists": True}}) >= 4)
    ticks = database()[EFFECTS].count_documents({"tick": {"$exists": True}})
    schedule = database()["schedules"].find_one({"name": "tick"})
    planned = (schedule["next_run_at"] - first["next_run_at"]) / timedelta(seconds=2) + bool(first.get("sent_at"))
    assert ticks <= round(planned), "one for each time that was planned"
    assert schedule["runs"] >= 3
    assert schedule["duration_ms"] is not None
    assert schedule.get("missed", 0) == 0


def test_one_organizations_flood_does_not_delay_another_one(processes, until):
    """How much of a flood is worked off before a single job of another organization that came after it."""
    processes.worker("processing")
    flood = int(os.environ.get("JOBS_FLOOD", "1000"))

    def overtaken(count: int) -> list[int]:
        busy, before = Org(), []
        for _ in range(TRIES):
            enqueue_many("tests.effect", [{"seconds": 0.05}] * (count - unfinished()), org=busy)
            until(lambda: jobs().filter(state=RUNNING).count() > 0)
            job = enqueue("tests.effect", payload={"seconds": 0.01}, org=Org())
            until(lambda job=job: jobs().get(id=job.id).state == SUCCEEDED)
            assert unfinished() > 0, "the flood must outlast the try"
            job = jobs().get(id=job.id)
            done = jobs().filter(
                organization_id=busy.pk, finished_at__gt=job.created_at, finished_at__lt=job.started_at
            )
            before.append(done.count())
        database()["jobs"].delete_many({"state": QUEUED})
        until(lambda: unfinished() == 0)
        return sorted(before)

    few, many = overtaken(100), overtaken(flood)
    print(f"\nfairness: done before it of 100 {few}, of {flood} {many}")
    assert many[-1] < 50


def test_a_job_that_kills_its_workers_is_cut_off(processes, until):
    job = enqueue("tests.deadly", payload={}, org=Org())
    jobs().filter(id=job.id).update(set__attempts=DEATHS - 2)  # it has killed some already
    processes.worker("processing", concurrency=1)

    def gave_up() -> bool:
        jobs().filter(id=job.id, state=RUNNING).update(set__leased_until=now().replace(year=2020))
        sweep()
        return jobs().get(id=job.id).state == FAILED

    until(gave_up, seconds=90)
    assert jobs().get(id=job.id).attempts == DEATHS
    assert "worker died" in jobs().get(id=job.id).error
