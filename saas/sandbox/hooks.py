"""The sandbox's receivers of webhooks: each has a name, answers as one tells it to, and keeps what came.

A delivery is one file, named by its time, written before it is answered: a receiver that hangs shows it all the same.
The process that receives and the pages that show share nothing but the folder.
"""

import base64
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from standardwebhooks import Webhook, WebhookVerificationError
from standardwebhooks.webhooks import EmptyWebhookSecretError

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
KEY = re.compile(r"\d{20}-[0-9a-f]{8}")
KEPT = 100  # deliveries of one receiver
MOST_RECEIVERS = 100
HANGS_FOR = 20.0  # seconds; the product waits for fifteen
SLOW_FOR = 3.0
WAIT_SECONDS = 10  # what a busy receiver asks for
METADATA = "http://169.254.169.254/latest/meta-data/"


@dataclass(frozen=True, slots=True)
class Answer:
    """A way to answer.  `pause` in seconds comes before it."""

    key: str
    label: str
    words: str
    status: int
    pause: float = 0.0
    headers: Mapping[str, str] = field(default_factory=dict)


ANSWERS = {
    answer.key: answer
    for answer in (
        Answer("ok", "200 OK", "Takes every delivery.", 200),
        Answer("slow", "200, slowly", f"Takes it after {SLOW_FOR:.0f} seconds.", 200, pause=SLOW_FOR),
        Answer("error", "500", "Is broken: the sender tries again later.", 500),
        Answer("timeout", "Hang", f"Is silent for {HANGS_FOR:.0f} seconds: too long.", 200, pause=HANGS_FOR),
        Answer(
            "busy",
            "429, Retry-After",
            f"Asks the sender to wait {WAIT_SECONDS} seconds.",
            429,
            headers={"Retry-After": str(WAIT_SECONDS)},
        ),
        Answer(
            "redirect",
            "308, elsewhere",
            "Points to a cloud’s metadata address, where no sender must ever go.",
            308,
            headers={"Location": METADATA},
        ),
        Answer("gone", "410 Gone", "Wants nothing more: the sender switches the endpoint off.", 410),
    )
}


@dataclass(slots=True)
class Receiver:
    """What one has told a receiver.  `secret`: one or more signing secrets, with spaces between them."""

    name: str
    answer: str = "ok"
    secret: str = ""

    @property
    def url(self) -> str:
        """Where deliveries go."""
        return f"http://localhost:{settings.HOOKS_PORT}/{self.name}/"

    @property
    def way(self) -> Answer:
        return ANSWERS.get(self.answer, ANSWERS["ok"])


@dataclass(slots=True)
class Delivery:
    """One request as it came.  `verdict`: verified, refused (`reason` says why), or unchecked without a secret."""

    key: str
    status: int
    headers: list[tuple[str, str]]
    body: bytes
    verdict: str = "unchecked"
    reason: str = ""

    @property
    def received_at(self) -> datetime:
        return datetime.fromtimestamp(int(self.key.partition("-")[0]) / 1e9, tz=UTC)

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def webhook_id(self) -> str:
        return self.header("webhook-id")

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")

    @property
    def event(self) -> str:
        """The event's name by the body, "" for a body that says none."""
        try:
            content = json.loads(self.body)
        except ValueError:
            return ""
        return str(content.get("type", "")) if isinstance(content, dict) else ""


class NoRoom(Exception):
    """There are as many receivers as there may be."""


def folder() -> Path:
    return Path(settings.DATA_DIR) / "hooks"


def place_of(name: str) -> Path:
    """Raises ValueError for a name that is none: it becomes a folder."""
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a receiver")
    return folder() / name


# -- Receivers ---------------------------------------------------------------------------------------------------------


def names() -> list[str]:
    """All receivers, the one that heard something last first."""
    places = [place for place in folder().glob("*") if place.is_dir()]
    return [place.name for place in sorted(places, key=lambda place: place.stat().st_mtime, reverse=True)]


def find(name: str) -> Receiver:
    """The receiver; one that nobody has asked for yet takes every delivery.  Raises ValueError."""
    try:
        return Receiver(name, **json.loads((place_of(name) / "receiver.json").read_text()))
    except FileNotFoundError:
        return Receiver(name)


def make(name: str) -> Receiver:
    """The receiver, with a place of its own.  Raises ValueError, NoRoom."""
    place = place_of(name)
    if not place.exists() and len(names()) >= MOST_RECEIVERS:
        raise NoRoom(f"There are {MOST_RECEIVERS} receivers already. Remove one first.")
    place.mkdir(parents=True, exist_ok=True)
    return find(name)


def save(receiver: Receiver) -> None:
    make(receiver.name)
    values = asdict(receiver)
    del values["name"]
    write(place_of(receiver.name) / "receiver.json", values)


def remove(name: str) -> None:
    """The receiver with all that it keeps.  Raises ValueError."""
    place = place_of(name)
    for file in place.glob("*"):
        file.unlink(missing_ok=True)
    if place.exists():
        place.rmdir()


# -- Deliveries --------------------------------------------------------------------------------------------------------


def receive(name: str, headers: list[tuple[str, str]], body: bytes) -> Answer:
    """Check and keep a delivery; how to answer it.  Raises ValueError, NoRoom, OSError for a full disk."""
    receiver = make(name)
    key = f"{time.time_ns():020d}-{secrets.token_hex(4)}"
    delivery = Delivery(key, receiver.way.status, headers, body)
    check(delivery, receiver)
    keep(name, delivery)
    for old in sorted(place_of(name).glob("[0-9]*.json"))[:-KEPT]:
        old.unlink(missing_ok=True)
    return receiver.way


def is_secret(text: str) -> bool:
    """Whether this can sign anything."""
    try:
        Webhook(text).sign("msg", datetime.now(UTC), "")
    except (ValueError, RuntimeError, EmptyWebhookSecretError):
        return False
    return True


def check(delivery: Delivery, receiver: Receiver) -> None:
    """Write the verdict on a delivery: verified when it fits any of the receiver's secrets."""
    delivery.verdict, delivery.reason = "unchecked", ""
    for secret in receiver.secret.split():
        try:
            Webhook(secret).verify(delivery.body, dict(delivery.headers), json_parse=False)
        except (WebhookVerificationError, ValueError) as problem:  # a ValueError is a header or secret of another form
            delivery.verdict, delivery.reason = "refused", str(problem)
        else:
            delivery.verdict, delivery.reason = "verified", ""
            return


def check_again(receiver: Receiver) -> None:
    """Check the deliveries that came before the secret; those older than five minutes prove nothing any more."""
    for delivery in newest(receiver.name):
        recent = time.time() - delivery.received_at.timestamp() < 290
        if recent and delivery.verdict != "verified":
            check(delivery, receiver)
            keep(receiver.name, delivery)


def keep(name: str, delivery: Delivery) -> None:
    values = {**asdict(delivery), "body": base64.b64encode(delivery.body).decode()}
    del values["key"]
    write(place_of(name) / f"{delivery.key}.json", values)


def newest(name: str) -> list[Delivery]:
    """What the receiver keeps, newest first.  Raises ValueError."""
    keys = sorted((file.stem for file in place_of(name).glob("[0-9]*.json")), reverse=True)
    return [delivery for key in keys if (delivery := delivery_of(name, key)) is not None]


def delivery_of(name: str, key: str) -> Delivery | None:
    """One delivery, or None for one that is gone.  Raises ValueError."""
    if not KEY.fullmatch(key):
        return None
    try:
        values = json.loads((place_of(name) / f"{key}.json").read_text())
    except FileNotFoundError:
        return None
    headers = [(name, value) for name, value in values.pop("headers")]
    return Delivery(key, headers=headers, body=base64.b64decode(values.pop("body")), **values)


def times_seen(deliveries: list[Delivery]) -> dict[str, int]:
    """key -> the how manieth with its webhook-id it is; newest first, as `newest` answers them."""
    totals = Counter(delivery.webhook_id for delivery in deliveries if delivery.webhook_id)
    seen: dict[str, int] = {}
    for delivery in deliveries:
        seen[delivery.key] = totals[delivery.webhook_id] or 1
        totals[delivery.webhook_id] -= 1
    return seen


def write(file: Path, values: dict[str, Any]) -> None:
    """A whole file or none, also for who reads it now."""
    draft = file.with_suffix(f".{secrets.token_hex(4)}.tmp")
    draft.write_text(json.dumps(values))
    draft.replace(file)
