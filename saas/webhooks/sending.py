"""Sending: an attempt, what its outcome means, and the sender that works lanes off.

A sender holds some lanes (lanes.py). Of each lane a few deliveries are on their way at once; their outcomes are written
together with those of the other lanes, in one bulk write, and only then do the lane's next ones leave. So when a sender
dies, what is sent again is at most IN_FLIGHT deliveries of a lane, each under the id that it had.
"""

import queue
import random
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from bson import ObjectId
from cryptography.fernet import InvalidToken
from pymongo import UpdateOne, WriteConcern
from pymongo.collection import Collection
from pymongo.errors import BulkWriteError, PyMongoError

from saas import outbound
from saas.mongo.documents import get_collection
from saas.outbound import AddressRefused, CallFailed, Line, TimedOut
from saas.tenancy import now
from saas.webhooks import health, lanes, signing
from saas.webhooks.models import (
    FAILED,
    KEPT_ATTEMPTS,
    SUCCEEDED,
    TEST,
    Webhook,
    WebhookDelivery,
    deliveries,
)

log = structlog.get_logger(__name__)

#: Seconds from each failed attempt to the next; after the last one the delivery has failed.
SCHEDULE = (5, 300, 1800, 7200, 18000, 36000, 36000)
JITTER = 0.2  # of the pause, on top of it
LONGEST_WAIT = timedelta(hours=24)  # that an endpoint may ask for by Retry-After
IN_FLIGHT = 4  # deliveries of one lane on their way at once; of one that fails, one
LANES = 16  # of one sender
LANES_OF_ORGANIZATION = 4  # of these, so that an organization with ten busy endpoints leaves room
BATCH = 64  # deliveries read at once
TURN = 2.0  # seconds that a lane is held while others wait
RUN_FOR = 10.0  # seconds after which a sender takes nothing new, so that the queue's other work gets its turn
RENEW_EVERY = 1.0
LOOK_EVERY = 0.1
GONE = 410
KEPT_HEADERS = ("content-type", "retry-after", "location", "server", "date")
KEPT_HEADER = 500  # characters of each
USER_AGENT = "Groundwork-Webhooks/1.0"
READ = ("message_id", "payload", "event", "trigger", "tries", "attempt_count", "webhook_id")


# -- one attempt -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Outcome:
    """What came of one attempt.  `problem` is empty after an answer of 2xx."""

    at: datetime
    headers: dict[str, str]
    status: int | None = None
    milliseconds: int = 0
    answer: str = ""
    answer_headers: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    is_timeout: bool = False

    @property
    def is_success(self) -> bool:
        return not self.problem

    @property
    def is_gone(self) -> bool:
        return self.status == GONE

    @property
    def retry_after(self) -> float:
        """Seconds that the endpoint asks us to wait, at most LONGEST_WAIT; 0 when it does not."""
        text = self.answer_headers.get("retry-after", "").strip()
        try:
            seconds = float(text) if text.isdigit() else (parsedate_to_datetime(text) - self.at).total_seconds()
        except (ValueError, TypeError, OverflowError):
            return 0
        return min(max(seconds, 0), LONGEST_WAIT.total_seconds())


def attempt(line: Line, keys: list[bytes], row: dict[str, Any]) -> Outcome:
    """Send one delivery (a row with READ) once.  Reads and writes no database."""
    at, body = now(), row["payload"].encode()
    sent_at, started = int(at.timestamp()), time.perf_counter()
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "webhook-id": row["message_id"],
        "webhook-timestamp": str(sent_at),
    }
    outcome = Outcome(at, headers)
    try:
        if not keys:
            raise CallFailed("The endpoint's secret cannot be read. Replace it.")
        headers["webhook-signature"] = signing.sign(row["message_id"], sent_at, body, keys)
        answer = line.request("POST", headers, body)
    except (AddressRefused, CallFailed) as problem:
        outcome.problem, outcome.is_timeout = str(problem), isinstance(problem, TimedOut)
    else:
        outcome.status, outcome.answer = answer.status, answer.text
        outcome.answer_headers = {
            name: answer.headers[name][:KEPT_HEADER] for name in KEPT_HEADERS if name in answer.headers
        }
        if not 200 <= answer.status < 300:
            outcome.problem = words_of(answer.status)
    outcome.milliseconds = round((time.perf_counter() - started) * 1000)
    return outcome


def words_of(status: int) -> str:
    if 300 <= status < 400:
        return f"The endpoint answered {status}; a redirect is not followed."
    if status == GONE:
        return "The endpoint answered 410: it is gone."
    return f"The endpoint answered {status}."


def keys_of(webhook: Webhook) -> list[bytes]:
    """What signs now: the secret, and for a day after a rotation the one before.  Empty when it cannot be read."""
    found = [webhook.secret]
    if webhook.is_rotating(now()):
        found.append(webhook.previous_secret)
    try:
        return [signing.key_of(signing.decrypt(each)) for each in found]
    except InvalidToken:
        log.error("webhook_secret_unreadable", webhook_id=webhook.id)
        return []


# -- what an outcome means for its delivery ----------------------------------------------------------------------------


def change_for(row: dict[str, Any], url: str, outcome: Outcome) -> dict[str, Any]:
    """The update of the delivery."""
    kept = {
        "at": outcome.at,
        "trigger": row["trigger"],
        "status_code": outcome.status,
        "latency_ms": outcome.milliseconds,
        "request": {"url": url, "headers": outcome.headers},
        "headers": outcome.answer_headers,
        "answer": outcome.answer,
        "error": outcome.problem or None,
    }
    values: dict[str, Any] = {
        "last_attempt_at": outcome.at,
        "status_code": outcome.status,
        "latency_ms": outcome.milliseconds,
        "error": outcome.problem or None,
        "tries": row["tries"] + 1,
    }
    following = next_attempt(row, outcome)
    if following:
        values |= {"next_attempt_at": following, "trigger": "scheduled"}
    else:
        values |= {"status": SUCCEEDED if outcome.is_success else FAILED, "finished_at": now()}
    push = {"attempts": {"$each": [kept], "$slice": -KEPT_ATTEMPTS}}
    change: dict[str, Any] = {"$set": values, "$push": push, "$inc": {"attempt_count": 1}}
    return change if following else {**change, "$unset": {"next_attempt_at": ""}}


def next_attempt(row: dict[str, Any], outcome: Outcome) -> datetime | None:
    """When to try again; None when this was the end, one way or the other."""
    if outcome.is_success or outcome.is_gone or row["trigger"] == TEST or row["tries"] >= len(SCHEDULE):
        return None
    pause = SCHEDULE[row["tries"]] * random.uniform(1, 1 + JITTER)  # noqa: S311 - no secret
    return outcome.at + timedelta(seconds=max(pause, outcome.retry_after))


def is_exhausted(row: dict[str, Any], outcome: Outcome) -> bool:
    return not outcome.is_success and row["trigger"] != TEST and next_attempt(row, outcome) is None


def update_of(row: dict[str, Any], url: str, outcome: Outcome) -> UpdateOne:
    """Written only over what was read, so that no outcome counts twice."""
    known = {"_id": row["_id"], "attempt_count": row["attempt_count"]}
    return UpdateOne(known, change_for(row, url, outcome))


def stored() -> Collection[dict[str, Any]]:
    """Where outcomes are written, without waiting for the disk or another node.

    Should the database lose one in a crash of its own, that delivery is sent again, under its id.
    """
    return get_collection("webhook_deliveries").with_options(write_concern=WriteConcern(w=1, j=False))


def send_now(webhook: Webhook, delivery: WebhookDelivery) -> WebhookDelivery:
    """Attempt a delivery here and now, outside of the lanes, and answer it with the outcome."""
    row = deliveries().filter(id=delivery.id).only(*READ).as_pymongo().first()
    line = Line(outbound.read_url(webhook.url))
    try:
        outcome = attempt(line, keys_of(webhook), row)
    finally:
        line.close()
    stored().bulk_write([update_of(row, webhook.url, outcome)])
    found: WebhookDelivery = deliveries().get(id=delivery.id)
    return found


# -- the sender --------------------------------------------------------------------------------------------------------


class Lane:
    """A lane that this sender holds."""

    def __init__(self, webhook: Webhook) -> None:
        self.waiting: deque[dict[str, Any]] = deque()
        self.in_flight: set[ObjectId] = set()
        self.lines: deque[Line] = deque()  # connections that are kept for the next delivery
        self.taken_at = time.monotonic()
        self.is_empty = False  # nothing due was left at the last look
        self.looked_at = 0.0
        self.is_stopped = False  # nothing new leaves
        self.webhook, self.keys = webhook, keys_of(webhook)

    def follow(self, webhook: Webhook) -> None:
        """The endpoint as it is now: it may have another address, or another secret."""
        if webhook.url != self.webhook.url:
            self.close()
        self.webhook, self.keys = webhook, keys_of(webhook)

    @property
    def room(self) -> int:
        return (1 if self.webhook.is_failing else IN_FLIGHT) - len(self.in_flight)

    @property
    def is_over(self) -> bool:
        return not self.in_flight and (self.is_stopped or (self.is_empty and not self.waiting))

    def stop(self) -> None:
        """What has not left stays as it is in the database."""
        self.is_stopped = True
        self.waiting.clear()

    @property
    def wants_more(self) -> bool:
        """Whether to look for what is due; not again and again while the last ones are on their way."""
        if self.is_stopped or self.waiting or self.room <= 0:
            return False
        return not self.is_empty or not self.in_flight or time.monotonic() - self.looked_at > 2 * LOOK_EVERY

    def refill(self) -> None:
        self.looked_at = time.monotonic()
        due = deliveries().filter(
            webhook_id=self.webhook.id, next_attempt_at__lte=now(), id__nin=[str(key) for key in self.in_flight]
        )
        self.waiting.extend(due.order_by("next_attempt_at").limit(BATCH).only(*READ).as_pymongo())
        self.is_empty = not self.waiting

    def attempt(self, row: dict[str, Any]) -> tuple[str, Outcome]:
        """Send one delivery, by a kept connection when there is one; the address and the outcome."""
        url, keys = self.webhook.url, self.keys
        try:
            line = self.line(url)
        except AddressRefused as problem:  # the rules have become stricter than the address
            return url, Outcome(now(), {}, problem=str(problem))
        outcome = attempt(line, keys, row)
        if line.target.url == self.webhook.url:
            self.lines.append(line)
        else:
            line.close()
        return url, outcome

    def line(self, url: str) -> Line:
        """Raises AddressRefused."""
        try:
            return self.lines.pop()
        except IndexError:
            return Line(outbound.read_url(url))

    def close(self) -> None:
        while self.lines:
            self.lines.pop().close()


#: What MongoDB says of a row that it will not take however often it is tried: too large, too deep, of a wrong type.
NEVER_TAKEN = {2, 9, 14, 15, 28, 10334, 17419, 17420}


class Sender:
    """Works lanes off for RUN_FOR seconds, or until nothing is due.  One thread decides and writes, others send."""

    def __init__(self) -> None:
        self.lanes: dict[str, Lane] = {}
        self.work: queue.SimpleQueue[tuple[Lane, dict[str, Any]] | None] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[tuple[Lane, dict[str, Any], str, Outcome]] = queue.SimpleQueue()
        self.threads: list[threading.Thread] = []
        self.on_the_way = 0
        self.ends_at = time.monotonic() + RUN_FOR
        self.looked_at = self.renewed_at = 0.0
        self.sent = 0

    def run(self) -> int:
        """How many attempts were made."""
        try:
            while self.goes_on():
                pass
        finally:
            self.close()
        if lanes.waiting(1):
            lanes.call_sender()
        return self.sent

    def goes_on(self) -> bool:
        """One step.  A database that is away for a moment loses no outcome; raises its error after that."""
        try:
            return self.step()
        except PyMongoError as problem:
            if time.monotonic() > self.ends_at + lanes.LEASE.total_seconds():
                raise
            log.warning("webhook_sender_waits_for_database", problem=str(problem))
            time.sleep(0.5)
            return True

    def step(self) -> bool:
        """Whether there is more to do."""
        moment = time.monotonic()
        if moment > self.ends_at:
            for lane in self.lanes.values():
                lane.stop()
        elif moment - self.looked_at > LOOK_EVERY:
            self.looked_at = moment
            self.look()
        if moment - self.renewed_at > RENEW_EVERY:
            self.renewed_at = moment
            self.renew()
        for lane in list(self.lanes.values()):
            self.advance(lane)
        if self.on_the_way:
            self.write(self.collect())
        return bool(self.lanes)

    # -- lanes

    def look(self) -> None:
        """Take lanes that wait; with no room left, those that have had their turn end it."""
        waiting = [each for each in lanes.waiting(LANES * 4) if each.id not in self.lanes]
        for webhook in waiting:
            if len(self.lanes) >= LANES:
                self.end_turns()
                return
            if self.has_room_for(webhook.organization_id) and (taken := lanes.take(webhook)):
                self.lanes[taken.id] = Lane(taken)

    def has_room_for(self, organization_id: str | None) -> bool:
        mine = [lane for lane in self.lanes.values() if lane.webhook.organization_id == organization_id]
        return len(mine) < LANES_OF_ORGANIZATION

    def end_turns(self) -> None:
        for lane in self.lanes.values():
            if time.monotonic() - lane.taken_at > TURN:
                lane.stop()

    def renew(self) -> None:
        """Hold on to the lanes; one whose endpoint went off, or that was lost, stops."""
        held = lanes.renew([lane.webhook for lane in self.lanes.values()]) if self.lanes else {}
        for key, lane in self.lanes.items():
            webhook = held.get(key)
            if webhook is None:
                lane.stop()
            else:
                lane.follow(webhook)

    def advance(self, lane: Lane) -> None:
        """Let leave what has room, and give the lane back when it is over."""
        if lane.wants_more:
            lane.refill()
        while lane.waiting and lane.room > 0:
            self.submit(lane, lane.waiting.popleft())
        if lane.is_over and lanes.give_back(lane.webhook, is_finished=not lane.is_stopped):
            lane.close()
            del self.lanes[lane.webhook.id]

    # -- sending

    def submit(self, lane: Lane, row: dict[str, Any]) -> None:
        lane.in_flight.add(row["_id"])
        self.on_the_way += 1
        if self.on_the_way > len(self.threads):
            thread = threading.Thread(target=self.send, name=f"webhook-{len(self.threads)}", daemon=True)
            self.threads.append(thread)
            thread.start()
        self.work.put((lane, row))

    def send(self) -> None:
        """What each thread does."""
        while (job := self.work.get()) is not None:
            lane, row = job
            try:
                url, outcome = lane.attempt(row)
            except Exception:  # whatever it is, the lane must hear of it
                log.exception("webhook_attempt_failed", message_id=row["message_id"])
                url, outcome = lane.webhook.url, Outcome(now(), {}, problem="The attempt failed on our side.")
            self.done.put((lane, row, url, outcome))

    def collect(self) -> list[tuple[Lane, dict[str, Any], str, Outcome]]:
        """What has come back; waits a moment for the first."""
        found = []
        try:
            found.append(self.done.get(timeout=LOOK_EVERY / 2))
            while True:
                found.append(self.done.get_nowait())
        except queue.Empty:
            return found

    # -- writing

    def write(self, found: list[tuple[Lane, dict[str, Any], str, Outcome]]) -> None:
        """Write outcomes, then let the next ones leave."""
        if not found:
            return
        updates = [update_of(row, url, outcome) for _, row, url, outcome in found]
        try:
            self.write_updates([row["_id"] for _, row, _, _ in found], updates)
        except PyMongoError:
            for each in found:  # still ours, and still on the way: their lanes wait for them
                self.done.put(each)
            raise
        self.sent += len(found)
        self.on_the_way -= len(found)
        by_lane: dict[Lane, list[tuple[dict[str, Any], Outcome]]] = {}
        for lane, row, _, outcome in found:
            lane.in_flight.discard(row["_id"])
            by_lane.setdefault(lane, []).append((row, outcome))
        for lane, outcomes in by_lane.items():
            self.judge(lane, outcomes)

    def write_updates(self, keys: list[Any], updates: list[UpdateOne]) -> None:
        """Until it is done, or the lanes may be somebody else's: what is not written is sent again.

        `keys` are the ids of the rows, in the order of their updates.
        """
        give_up_at = time.monotonic() + lanes.LEASE.total_seconds()
        while True:
            try:
                stored().bulk_write(updates, ordered=False)
            except BulkWriteError as problem:
                # What MongoDB never takes, such as a row that would be too large, must not be sent for ever.
                log.exception("webhook_outcomes_refused", problem=str(problem)[:500])
                give_up([keys[each["index"]] for each in problem.details["writeErrors"] if each["code"] in NEVER_TAKEN])
                return
            except PyMongoError as problem:
                if time.monotonic() > give_up_at:
                    raise
                log.warning("webhook_outcomes_wait_for_database", problem=str(problem))
                time.sleep(0.5)
            else:
                return

    def judge(self, lane: Lane, outcomes: list[tuple[dict[str, Any], Outcome]]) -> None:
        """What the outcomes mean for the endpoint."""
        judged = [outcome for row, outcome in outcomes if row["trigger"] != TEST]
        lane.webhook = health.follow(lane.webhook, judged)
        if any(is_exhausted(row, outcome) for row, outcome in outcomes):
            health.tell_exhausted(lane.webhook)
        if not lane.webhook.enabled or health.is_throttled(lane.webhook):
            lane.stop()

    def close(self) -> None:
        for _ in self.threads:
            self.work.put(None)
        for lane in self.lanes.values():
            lane.close()


def give_up(keys: list[Any]) -> None:
    """End deliveries whose outcome cannot be kept."""
    ended = {"status": FAILED, "finished_at": now(), "error": "The outcome of the attempt could not be kept."}
    stored().update_many({"_id": {"$in": keys}}, {"$set": ended, "$unset": {"next_attempt_at": ""}})


def send_due() -> int:
    """The task: work off what is due; how many attempts were made."""
    return Sender().run()
