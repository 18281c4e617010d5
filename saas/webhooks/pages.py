"""What the pages show of endpoints and deliveries."""

import json
import time
from typing import Any

from bson import ObjectId
from cryptography.fernet import InvalidToken
from django.http import HttpRequest

from saas.tenancy import now
from saas.webhooks import endpoints, forms, payloads, signing
from saas.webhooks.models import (
    ENDPOINT_LIMIT,
    EVERYTHING,
    FAILED,
    FAILING,
    GONE,
    KEPT_FOR,
    MANUAL,
    PAUSED,
    PENDING,
    SCHEDULED,
    SUCCEEDED,
    TEST,
    Webhook,
    WebhookDelivery,
    webhooks,
)
from saas.webhooks.places import Place

STATE_BADGES = {
    "enabled": ("On", "badge-success"),
    PAUSED: ("Paused", ""),
    GONE: ("Switched off", "badge-danger"),
    FAILING: ("Switched off", "badge-danger"),
}
BADGES = {
    PENDING: ("Pending", "badge-info"),
    SUCCEEDED: ("Arrived", "badge-success"),
    FAILED: ("Failed", "badge-danger"),
}
HELD = ("Held", "badge-warning")
TRYING = ("Trying again", "badge-warning")
TRIGGERS = {SCHEDULED: "by the plan", MANUAL: "replayed", TEST: "test"}
OVERLAP_HOURS = int(endpoints.OVERLAP.total_seconds() // 3600)
RATED = 100  # how many of the latest deliveries a success rate is made of
SOON, LATER = 3, 30  # seconds until a page asks again
SECRETS = "webhook_secrets"  # session key: endpoint's id -> [encrypted secret, time after which it is not shown]
SHOWN_FOR = 15 * 60  # seconds


def known_events(place: Place) -> list[payloads.PublicEvent]:
    return payloads.public_events(is_platform=place.is_platform)


def context(place: Place, label: str = "", webhook: Webhook | None = None, /, **values: Any) -> dict[str, Any]:
    """What every page has: the place, what `user` may there, and the way up."""
    steps = [{"label": "Webhooks", "url": place.url("webhook_list")}]
    if place.is_platform:
        steps[0]["label"] = "Platform webhooks"
    if webhook is not None:
        steps.append({"label": webhook.name, "url": place.url("webhook_detail", webhook.id)})
        values |= {"webhook": webhook}
    may = {action: place.may(action) for action in ("create", "update", "delete")}
    return {"place": place, "may": may, "breadcrumbs": [*steps, {"label": label, "url": ""}] if label else [], **values}


# -- Endpoints ---------------------------------------------------------------------------------------------------------


def endpoint_rows(place: Place) -> list[dict[str, Any]]:
    """The lines of the list, the oldest first.  Two reads."""
    found = sorted(place.endpoints().limit(ENDPOINT_LIMIT), key=lambda webhook: webhook.created_at)
    latest = latest_deliveries([webhook.id for webhook in found])
    return [endpoint_row(webhook, latest.get(webhook.id, [])) for webhook in found]


def endpoint_row(webhook: Webhook, latest: list[dict[str, Any]]) -> dict[str, Any]:
    label, badge = STATE_BADGES[webhook.state]
    return {
        "webhook": webhook,
        "label": label,
        "badge": badge,
        "hears": hears(webhook),
        "last": delivery_row(latest[0]) if latest else None,
        "rate": success_rate(latest),
        "rated": len(latest),
    }


def hears(webhook: Webhook) -> str:
    if EVERYTHING in webhook.events:
        return "All events"
    first, *others = webhook.events
    return f"{first} and {len(others)} more" if others else str(first)


def latest_deliveries(ids: list[str]) -> dict[str, list[dict[str, Any]]]:
    """For each endpoint its latest deliveries with an outcome, without tests.  One read, at most RATED of each."""
    shown = {"status": 1, "status_code": 1, "latency_ms": 1, "last_attempt_at": 1, "event": 1, "trigger": 1, "error": 1}
    lookup = {
        "from": "webhook_deliveries",
        "localField": "_id",
        "foreignField": "webhook_id",
        "let": {},
        "pipeline": [
            {"$match": {"status": {"$in": [SUCCEEDED, FAILED]}, "event_id": {"$ne": None}}},
            {"$sort": {"created_at": -1, "_id": -1}},
            {"$limit": RATED},
            {"$project": shown},
        ],
        "as": "latest",
    }
    steps = [
        {"$match": {"_id": {"$in": [ObjectId(each) for each in ids]}}},
        {"$project": {"_id": 1}},
        {"$lookup": lookup},
    ]
    return {str(row["_id"]): row["latest"] for row in webhooks().aggregate(steps)} if ids else {}


def success_rate(latest: list[dict[str, Any]]) -> int | None:
    """Percent of these deliveries that have arrived; None for none."""
    if not latest:
        return None
    return round(100 * sum(row["status"] == SUCCEEDED for row in latest) / len(latest))


def about(place: Place, webhook: Webhook) -> dict[str, Any]:
    """What an endpoint's page says besides its log.  One read."""
    known = known_events(place)
    return {
        "webhook": webhook,
        "row": endpoint_row(webhook, latest_deliveries([webhook.id]).get(webhook.id, [])),
        "is_rotating": is_rotating(webhook),
        "hears_all": EVERYTHING in webhook.events,
        "test_form": forms.TestForm(known=known, initial={"event": likely_event(webhook, known)}),
        "replay_form": forms.ReplayForm(),
        "kept_days": KEPT_FOR.days,
    }


def likely_event(webhook: Webhook, known: list[payloads.PublicEvent]) -> str:
    """What to offer for a test: the first that the endpoint hears."""
    return next((event.name for event in known if webhook.hears(event.name)), "")


def samples(place: Place) -> list[dict[str, str]]:
    """Each event with its words and the body of a sample message, for people to read."""
    return [
        {"name": event.name, "words": event.description, "body": pretty(endpoints.sample_payload(event.name))}
        for event in known_events(place)
    ]


# -- The secret, between its making and its page -----------------------------------------------------------------------


def put_secret(request: HttpRequest, webhook: Webhook, secret: str) -> None:
    """Keep a new secret, encrypted, for the page that shows it."""
    kept = request.session.get(SECRETS, {})
    request.session[SECRETS] = {**kept, webhook.id: [signing.encrypt(secret), time.time() + SHOWN_FOR]}


def secret_of(request: HttpRequest, webhook: Webhook) -> str:
    """The new secret; "" once it is stored or too much time has gone by."""
    encrypted, until = request.session.get(SECRETS, {}).get(webhook.id, ("", 0))
    if until < time.time():
        return ""
    try:
        return signing.decrypt(encrypted)
    except InvalidToken:  # SECRET_KEY was replaced in between
        return ""


def forget_secret(request: HttpRequest, webhook: Webhook) -> None:
    kept = request.session.get(SECRETS, {})
    request.session[SECRETS] = {
        key: value for key, value in kept.items() if key != webhook.id and value[1] > time.time()
    }


def is_rotating(webhook: Webhook) -> bool:
    return webhook.is_rotating(now())


# -- Deliveries --------------------------------------------------------------------------------------------------------


def log(request: HttpRequest, place: Place, webhook: Webhook) -> dict[str, Any]:
    """A page of the endpoint's deliveries, as the filters want them.  One read."""
    filters = forms.FilterForm(request.GET, known=known_events(place))
    values = filters.values()
    page = endpoints.get_deliveries(
        webhook, state=values["state"], event=values["event"], cursor=request.GET.get("cursor", "")
    )
    rows = [delivery_row(row) for row in page.rows]
    return {
        "webhook": webhook,
        "filters": filters,
        "is_filtered": any(values.values()),
        "deliveries": rows,
        "asks_again": asks_again(rows) or LATER,  # for what is added meanwhile
        **page.links(request),
    }


def delivery_row(row: dict[str, Any]) -> dict[str, Any]:
    """A delivery as dictionary, with its state in words."""
    status = row["status"]
    is_held = status == PENDING and not row.get("next_attempt_at") and row.get("trigger") != TEST
    label, badge = BADGES[status]
    if is_held:
        label, badge = HELD
    elif status == PENDING and row.get("attempt_count"):
        label, badge = TRYING
    return {**row, "label": label, "badge": badge, "is_test": row.get("trigger") == TEST, "is_held": is_held}


def asks_again(rows: list[dict[str, Any]]) -> int:
    """Seconds until the page looks again at these deliveries; 0 where nothing is about to change."""
    waiting = [row for row in rows if row["status"] == PENDING and not row["is_held"]]
    if not waiting:
        return 0
    soon = any(
        not row.get("next_attempt_at") or (row["next_attempt_at"] - now()).total_seconds() < 60 for row in waiting
    )
    return SOON if soon else LATER


def one(place: Place, webhook: Webhook, delivery: WebhookDelivery) -> dict[str, Any]:
    """What a delivery's page shows."""
    row = delivery_row({name: getattr(delivery, name) for name in (*endpoints.LISTED, "payload")} | {"id": delivery.id})
    attempts = [attempt_row(number, each) for number, each in enumerate(delivery.attempts, first_number(delivery))]
    return {
        "webhook": webhook,
        "delivery": row,
        "body": pretty(delivery.payload),
        "attempts": attempts[::-1],
        "left_out": first_number(delivery) - 1,
        "last": attempts[-1] if attempts else None,
        "asks_again": asks_again([row]),
        "may_replay": place.may("update") and not row["is_test"] and webhook.enabled,
    }


def first_number(delivery: WebhookDelivery) -> int:
    """The number of the oldest attempt that is kept."""
    return max(1, delivery.attempt_count - len(delivery.attempts) + 1)


def attempt_row(number: int, attempt: dict[str, Any]) -> dict[str, Any]:
    """`request` and `answer` are text: its lines, as they went over the wire."""
    request = attempt.get("request") or {}
    status = attempt.get("status_code")
    return {
        **attempt,
        "number": number,
        "trigger": TRIGGERS.get(attempt.get("trigger", ""), ""),
        "is_success": status is not None and 200 <= status < 300,
        "request": lines(f"POST {request.get('url', '')}", request.get("headers") or {}),
        "answer": lines(f"HTTP {status}", attempt.get("headers") or {}, attempt.get("answer") or "") if status else "",
    }


def lines(first: str, headers: dict[str, Any], body: str = "") -> str:
    head = "\n".join([first, *(f"{name}: {value}" for name, value in headers.items())])
    return f"{head}\n\n{body}" if body else head


def pretty(body: str) -> str:
    """JSON for people; what is none stays as it is."""
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body
