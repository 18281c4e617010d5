"""What an answer leads to: the plan of attempts, pauses, switching off, telling people."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
import time_machine
from bson import ObjectId
from pymongo import UpdateOne

from saas.events.models import events as all_events
from saas.jobs.models import jobs
from saas.tenancy import now
from saas.webhooks import endpoints, health, lanes, sending, settling
from saas.webhooks.models import FAILED, PENDING, SUCCEEDED, deliveries, webhooks
from tests.saas.webhooks.conftest import add_deliveries, again, make_endpoint, run_webhook_jobs, send_due, verify

#: Near the present, for MongoDB forgets old deliveries by its own clock.
START = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def clock():
    """A clock that the test moves; time between two statements stands still."""
    with time_machine.travel(START, tick=False) as traveller:
        yield traveller


def later(clock, **delta):
    clock.shift(timedelta(**delta))
    lanes.sweep()


def recorded(name):
    return list(all_events().filter(event=name))


def attempts_of(delivery):
    return again(delivery).attempts


# -- success -----------------------------------------------------------------------------------------------------------


def test_an_attempt_is_kept_with_what_was_sent_and_answered(endpoint, receiver):
    receiver.answer = lambda call: (201, {"Content-Type": "text/plain", "X-Other": "x"}, "schön".encode())
    (delivery,) = add_deliveries(endpoint, 1)
    assert send_due() == 1
    found = again(delivery)
    assert (found.status, found.status_code, found.error, found.next_attempt_at) == (SUCCEEDED, 201, None, None)
    (attempt,) = found.attempts
    assert attempt["trigger"] == "scheduled"
    assert attempt["answer"] == "schön"
    assert attempt["headers"]["content-type"] == "text/plain"
    assert attempt["request"]["url"] == receiver.url
    assert attempt["request"]["headers"]["webhook-id"] == delivery.message_id
    assert attempt["latency_ms"] >= 0
    assert again(endpoint).due_at is None, "the lane sleeps"
    assert again(endpoint).lease is None
    assert send_due() == 0


def test_connections_are_kept(endpoint, receiver):
    add_deliveries(endpoint, 30)
    assert send_due() == 30
    assert receiver.connections <= sending.IN_FLIGHT


def test_the_beginning_of_a_long_answer_is_kept(endpoint, receiver):
    receiver.answer = lambda call: (200, {}, b"x" * 300_000)
    (delivery,) = add_deliveries(endpoint, 1)
    send_due()
    assert again(delivery).status == SUCCEEDED
    assert len(attempts_of(delivery)[0]["answer"]) == 64 * 1024


# -- the plan ----------------------------------------------------------------------------------------------------------


def test_a_delivery_is_tried_by_the_plan_and_then_given_up(clock, endpoint, receiver):
    receiver.status = 500
    (delivery,) = add_deliveries(endpoint, 1)
    pauses = []
    for _ in range(20):
        send_due()
        found = again(delivery)
        if found.status != PENDING:
            break
        pauses.append((found.next_attempt_at - now()).total_seconds())
        clock.move_to(found.next_attempt_at - timedelta(seconds=1))
        assert send_due() == 0, "never earlier"
        clock.move_to(found.next_attempt_at)
    assert found.status == FAILED
    assert len(found.attempts) == found.attempt_count == 8
    for pause, planned in zip(pauses, (5, 300, 1800, 7200, 18000, 36000, 36000), strict=True):
        assert planned <= pause <= planned * 1.2
    assert {call.id for call in receiver.came} == {delivery.message_id}
    stamps = [call.headers["webhook-timestamp"] for call in receiver.came]
    assert len(set(stamps)) == 8, "each attempt has its own time"
    (event,) = recorded("webhook.delivery_exhausted")
    assert event.resource_id == endpoint.id
    assert again(endpoint).enabled


def test_the_plan_has_jitter(endpoint):
    row = {"tries": 1, "trigger": "scheduled"}
    outcome = sending.Outcome(START, {}, status=500, problem="x")
    assert len({sending.next_attempt(row, outcome) for _ in range(20)}) > 10


def test_one_failure_and_then_a_success(clock, endpoint, receiver):
    receiver.status = 500
    (delivery,) = add_deliveries(endpoint, 1)
    send_due()
    failing = again(endpoint)
    assert (failing.failure_count, failing.failing_since) == (1, START)
    receiver.status = 200
    later(clock, seconds=6)
    send_due()
    found = again(delivery)
    assert found.status == SUCCEEDED
    assert [(each["status_code"], bool(each["error"])) for each in found.attempts] == [(500, True), (200, False)]
    healthy = again(endpoint)
    assert (healthy.failure_count, healthy.failing_since) == (0, None)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(receivers, world, status):
    other, receiver = receivers(), receivers()
    receiver.answer = lambda call: (status, {"Location": other.url}, b"")
    (delivery,) = add_deliveries(make_endpoint(world, receiver.url), 1)
    send_due()
    assert again(delivery).status == PENDING
    assert "redirect" in again(delivery).error
    assert attempts_of(delivery)[0]["headers"]["location"] == other.url
    assert not other.came


# -- what the endpoint asks for ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("3600", 3600), (format_datetime(START + timedelta(hours=2), usegmt=True), 7200), ("99999999", 86400), ("2", 5)],
    ids=["seconds", "a date", "too long", "shorter than planned"],
)
def test_retry_after_is_obeyed(clock, endpoint, receiver, header, seconds):
    receiver.answer = lambda call: (429, {"Retry-After": header}, b"")
    first, _ = add_deliveries(endpoint, 2)
    send_due()
    pause = (again(first).next_attempt_at - now()).total_seconds()
    assert seconds <= pause <= max(seconds, 6)
    assert again(endpoint).throttled_until >= now() + timedelta(seconds=min(seconds, 10))


@pytest.mark.parametrize("header", ["-5", "soon", "", "1.5", "Mon, 99 Foo"])
def test_nonsense_in_retry_after_is_no_pause(header):
    outcome = sending.Outcome(START, {}, status=429, answer_headers={"retry-after": header}, problem="x")
    assert outcome.retry_after == 0


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_endpoint_is_let_alone_for_a_while(clock, endpoint, receiver, status):
    receiver.status = status
    add_deliveries(endpoint, 20)
    send_due()
    assert len(receiver.came) <= sending.IN_FLIGHT
    assert send_due() == 0
    assert not lanes.poll()
    receiver.status = 200
    for _ in range(30):
        later(clock, minutes=6)
        send_due()
    assert deliveries().filter(status=SUCCEEDED).count() == 20


def test_a_busy_endpoint_is_let_alone_for_longer_each_time():
    outcome = sending.Outcome(START, {}, status=503, problem="x")
    assert [health.pause_after(outcome, failures) for failures in (0, 1, 2, 9)] == [10, 20, 40, 300]


def test_410_switches_the_endpoint_off_and_tells_its_people(world, endpoint, receiver):
    receiver.status = 410
    rows = add_deliveries(endpoint, 10)
    send_due()
    off = again(endpoint)
    assert (off.enabled, off.disabled_reason, off.state) == (False, "gone", "gone")
    assert len(receiver.came) <= sending.IN_FLIGHT
    (event,) = recorded("webhook.disabled")
    assert (event.resource_id, event.organization_id, event.after) == (
        off.id,
        world.org.pk,
        {"disabled_reason": "gone"},
    )
    assert {*mailed("webhook_disabled")} == {world.owner.email, world.admin.email}
    run_webhook_jobs()
    waiting = deliveries().filter(status=PENDING)
    assert waiting.count() >= len(rows) - sending.IN_FLIGHT
    assert all(each.is_held for each in waiting)
    assert send_due() == 0


def mailed(template):
    found = [job.payload for job in jobs().filter(task="saas.tasks.send_email")]
    words = {"webhook_disabled": "switched off", "webhook_failing": "has failed"}[template]
    return [each["to"][0] for each in found if words in each["subject"]]


# -- failing for long --------------------------------------------------------------------------------------------------


def fail_once(clock, endpoint):
    """One more failed attempt now."""
    (delivery,) = add_deliveries(endpoint, 1)
    send_due()
    deliveries().filter(id=delivery.id).delete()


def test_continuous_failure_warns_and_then_switches_off(clock, world, endpoint, receiver):
    receiver.status = 500
    fail_once(clock, endpoint)
    for day, warned, enabled in ((1, 0, True), (2, 0, True), (3, 2, True), (4, 2, True), (5, 2, False)):
        clock.move_to(START + timedelta(days=day))
        fail_once(clock, endpoint)
        assert len(mailed("webhook_failing")) == warned, day
        assert again(endpoint).enabled is enabled, day
    assert again(endpoint).disabled_reason == "failing"
    assert len(mailed("webhook_disabled")) == 2
    assert len(recorded("webhook.failing")) == len(recorded("webhook.disabled")) == 1
    assert {*mailed("webhook_disabled"), *mailed("webhook_failing")} == {world.owner.email, world.admin.email}


def test_one_success_clears_the_clock(clock, endpoint, receiver):
    for day in range(9):
        clock.move_to(START + timedelta(days=day))
        receiver.status = 200 if day == 4 else 500
        fail_once(clock, endpoint)
    assert again(endpoint).enabled
    assert again(endpoint).failing_since == START + timedelta(days=5)


def test_a_failure_and_then_silence_does_not_switch_off(clock, endpoint, receiver):
    receiver.status = 500
    fail_once(clock, endpoint)
    clock.move_to(START + timedelta(days=6))
    lanes.sweep()
    send_due()
    assert again(endpoint).enabled
    fail_once(clock, endpoint)
    assert again(endpoint).enabled
    assert again(endpoint).failing_since == START + timedelta(days=6)


def test_the_staff_is_told_of_the_platforms_own_endpoint(world, receiver):
    webhook = make_endpoint(world, receiver.url, org=None)
    receiver.status = 410
    add_deliveries(webhook, 1)
    send_due()
    assert mailed("webhook_disabled") == [world.staff.email]


def test_what_is_given_up_is_told_once_an_hour(clock, endpoint, receiver):
    receiver.status = 500
    rows = add_deliveries(endpoint, 6)
    deliveries().filter(webhook_id=endpoint.id).update(set__tries=7)
    send_due()
    assert {again(each).status for each in rows} == {FAILED}
    assert len(recorded("webhook.delivery_exhausted")) == 1
    clock.shift(timedelta(hours=2))
    add_deliveries(endpoint, 1)
    deliveries().filter(webhook_id=endpoint.id).update(set__tries=7)
    send_due()
    assert len(recorded("webhook.delivery_exhausted")) == 2


# -- pause, resume, replay, test ---------------------------------------------------------------------------------------


def test_a_paused_endpoint_gets_nothing_and_a_resumed_one_what_was_held(world, endpoint, receiver):
    rows = add_deliveries(endpoint, 3)
    endpoints.pause_endpoint(webhook=endpoint, actor=world.owner)
    lanes.sweep()
    assert send_due() == 0
    run_webhook_jobs()
    assert all(again(each).is_held for each in rows)
    endpoints.resume_endpoint(webhook=endpoint, actor=world.owner)
    run_webhook_jobs()
    assert send_due() == 3
    assert {again(each).status for each in rows} == {SUCCEEDED}


def test_a_switch_writes_in_batches_and_may_break_off(world, endpoint, receiver, monkeypatch):
    monkeypatch.setattr(settling, "BATCH", 3)
    rows = add_deliveries(endpoint, 8)
    endpoints.pause_endpoint(webhook=endpoint, actor=world.owner)
    deliveries().filter(id__in=[each.id for each in rows[:3]]).update(unset__next_attempt_at=1)  # where it broke off
    run_webhook_jobs()
    assert all(again(each).is_held for each in rows)
    endpoints.resume_endpoint(webhook=endpoint, actor=world.owner)
    run_webhook_jobs()
    assert send_due() == 8


def test_of_two_switches_at_once_the_later_one_holds(world, endpoint, receiver, monkeypatch):
    rows = add_deliveries(endpoint, 2)
    endpoints.pause_endpoint(webhook=endpoint, actor=world.owner)

    def hold_late(webhook_id):
        endpoints.resume_endpoint(webhook=endpoint, actor=world.owner)
        settling.settle(webhook_id)  # the other worker, which is done first
        return settling.hold(webhook_id)

    monkeypatch.setitem(settling.WRITE, settling.OFF, hold_late)
    assert settling.settle(endpoint.id)["state"] == settling.ON
    assert not any(again(each).is_held for each in rows)


def test_a_pending_test_is_not_sent_by_resuming(world, endpoint, receiver):
    endpoints.pause_endpoint(webhook=endpoint, actor=world.owner)
    delivery = endpoints.start_test(webhook=endpoint, event="project.created", actor=world.owner)
    endpoints.resume_endpoint(webhook=endpoint, actor=world.owner)
    run_webhook_jobs()
    assert send_due() == 0
    assert again(delivery).next_attempt_at is None


def test_what_a_fan_out_adds_beside_a_deletion_goes_too(clock, world, endpoint, receiver):
    endpoints.delete_endpoint(webhook=endpoint, actor=world.owner)
    run_webhook_jobs()
    add_deliveries(endpoint, 2)
    later(clock, seconds=6)
    lanes.sweep()
    assert not deliveries().first()
    assert not receiver.came


def test_a_replay_has_the_same_id_and_all_tries_anew(clock, endpoint, receiver):
    receiver.status = 500
    (delivery,) = add_deliveries(endpoint, 1)
    deliveries().filter(id=delivery.id).update(set__tries=7)
    send_due()
    assert again(delivery).status == FAILED
    endpoints.replay(again(delivery))
    send_due()
    found = again(delivery)
    assert (found.status, found.tries) == (PENDING, 1)
    receiver.status = 200
    later(clock, seconds=6)
    send_due()
    found = again(delivery)
    assert found.status == SUCCEEDED
    assert [each["trigger"] for each in found.attempts] == ["scheduled", "manual", "scheduled"]
    assert receiver.ids == [delivery.message_id] * 3
    endpoints.replay(found)
    send_due()
    assert receiver.ids == [delivery.message_id] * 4, "what has arrived can be sent again too"


def test_all_that_failed_since_a_time_is_replayed(clock, endpoint, receiver):
    old = add_deliveries(endpoint, 2)
    clock.shift(timedelta(hours=1))
    new = add_deliveries(endpoint, 3)
    ended = {"set__status": FAILED, "set__finished_at": now(), "unset__next_attempt_at": 1}
    deliveries().filter(webhook_id=endpoint.id).update(**ended)
    assert endpoints.replay_failed(endpoint, START + timedelta(minutes=30)) == 3
    send_due()
    assert {again(each).status for each in new} == {SUCCEEDED}
    assert {again(each).status for each in old} == {FAILED}


def test_nothing_is_replayed_to_an_endpoint_that_is_off(world, endpoint):
    (delivery,) = add_deliveries(endpoint, 1)
    endpoints.pause_endpoint(webhook=endpoint, actor=world.owner)
    with pytest.raises(endpoints.EndpointIsOff):
        endpoints.replay(delivery)
    with pytest.raises(endpoints.EndpointIsOff):
        endpoints.replay_failed(endpoint, START)


@pytest.mark.parametrize(("status", "outcome"), [(200, SUCCEEDED), (500, FAILED), (410, FAILED)])
def test_a_test_tells_the_true_result_and_leaves_no_trace(world, endpoint, receiver, status, outcome):
    receiver.status = status
    endpoints.pause_endpoint(webhook=endpoint, actor=world.owner)
    delivery = endpoints.send_test(webhook=endpoint, event="project.created", actor=world.owner)
    assert (delivery.status, delivery.status_code, delivery.is_test) == (outcome, status, True)
    (call,) = receiver.came
    verify(call, endpoint.plain_secret)
    assert again(endpoint).failure_count == 0
    assert again(endpoint).state == "paused"
    endpoints.resume_endpoint(webhook=endpoint, actor=world.owner)
    assert send_due() == 0, "a test is not repeated"


def test_a_test_is_not_replayed(world, endpoint, receiver):
    delivery = endpoints.send_test(webhook=endpoint, event="project.created", actor=world.owner)
    client = world.client("admin")
    address = f"/o/{world.org.slug}/webhooks/{endpoint.id}/deliveries/{delivery.id}/"
    assert "A test is sent once." in client.post(f"{address}replay/", follow=True).content.decode()
    assert send_due() == 0
    assert len(receiver.came) == 1


def test_a_test_that_nobody_answers(world, receivers):
    receiver = receivers()
    webhook = make_endpoint(world, receiver.url.replace(str(receiver.server_port), "9"))
    delivery = endpoints.send_test(webhook=webhook, event="project.created", actor=world.owner)
    assert (delivery.status, delivery.status_code) == (FAILED, None)
    assert delivery.error == "The connection was refused: nobody listens there."


def test_a_worker_makes_a_test_too(world, endpoint, receiver):
    from saas.tasks import test_webhook

    delivery = endpoints.start_test(webhook=endpoint, event="member.joined", actor=world.owner)
    assert delivery.status == PENDING
    (job,) = jobs().filter(task="saas.tasks.test_webhook")
    test_webhook(job.id)
    test_webhook(job.id)
    assert again(delivery).status == SUCCEEDED
    assert len(receiver.came) == 1


def test_an_outcome_that_cannot_be_kept_ends_its_delivery_and_no_other(endpoint):
    good, bad = add_deliveries(endpoint, 2)
    keys = [ObjectId(each.id) for each in (good, bad)]
    updates = [
        UpdateOne({"_id": keys[0]}, {"$set": {"status": SUCCEEDED}}),
        UpdateOne({"_id": keys[1]}, {"$inc": {"status": 1}}),  # refused, whenever it is tried
    ]
    sending.Sender().write_updates(keys, updates)
    assert again(good).status == SUCCEEDED
    found = again(bad)
    assert (found.status, found.error, found.next_attempt_at) == (
        FAILED,
        "The outcome of the attempt could not be kept.",
        None,
    )


# -- lanes -------------------------------------------------------------------------------------------------------------


def test_a_lane_has_one_holder(endpoint, in_parallel):
    add_deliveries(endpoint, 1)
    assert sum(taken is not None for taken in in_parallel(lambda: lanes.take(endpoint), times=20)) == 1


def test_what_nobody_woke_is_found(clock, endpoint, receiver):
    add_deliveries(endpoint, 2)
    webhooks().filter(id=endpoint.id).update(unset__due_at=1)
    assert send_due() == 0
    later(clock, seconds=6)
    assert send_due() == 2


def test_what_comes_while_a_lane_goes_to_sleep_is_not_forgotten(endpoint, receiver):
    add_deliveries(endpoint, 1)
    held = lanes.take(endpoint)
    deliveries().filter(webhook_id=endpoint.id).delete()
    add_deliveries(endpoint, 1)
    assert not lanes.give_back(held, is_finished=True), "the holder looks again"


def test_a_deleted_endpoint_leaves_nothing(world, endpoint, receiver):
    add_deliveries(endpoint, 2)
    endpoints.delete_endpoint(webhook=endpoint, actor=world.owner)
    run_webhook_jobs()
    assert not deliveries().first()
    assert send_due() == 0
    assert not receiver.came
    assert len(recorded("webhook.deleted")) == 1


def test_ten_endpoints_and_no_eleventh_however_many_ask(world, in_parallel):
    results = in_parallel(lambda: make_endpoint(world, "http://127.0.0.1:9/"), times=20)
    refused = [each for each in results if isinstance(each, endpoints.EndpointLimitReached)]
    assert (webhooks().count(), len(refused)) == (10, 10), results
    make_endpoint(world, "http://127.0.0.1:9/", org="birch")


def test_the_sender_finds_its_work_by_indexes(endpoint, receiver, no_scans):
    add_deliveries(endpoint, 3)
    with no_scans():
        send_due()
        lanes.poll()
        lanes.sweep()
