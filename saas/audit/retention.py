"""The end of old entries: the only place in the code that deletes from a living audit log.

`AUDIT_RETENTION_DAYS` says how long entries are kept at most (0: for ever); an organization's plan may say less
(`hooks.audit_retention`). What goes is the beginning of the chain, never something in between. First an entry says so,
with the number and the last hash, and the stream keeps that hash as the chain's new beginning; then the entries go.

The platform's own log is kept as long as the setting says: no organization's is kept longer, so the end of an account
can be proved as long as there is an entry from which that person was erased.
"""

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.conf import settings
from pymongo import ASCENDING, DESCENDING

from saas import events, hooks
from saas.audit.evidence import EXPIRED
from saas.db import atomic
from saas.events.models import EventStream, streams
from saas.mongo.documents import get_collection
from saas.tenancy import now

log = structlog.get_logger(__name__)

AT_ONCE = 1000  # entries deleted in one round trip
CHAIN = "chain"  # the index


def days_kept(organization_id: str | None) -> int:
    """For how many days entries are kept; 0 for ever."""
    of_plans = [provider(organization_id) for provider in hooks.audit_retention] if organization_id else []
    return min((days for days in (settings.AUDIT_RETENTION_DAYS, *of_plans) if days), default=0)


def expire_all() -> int:
    """End what is over in every chain; how many entries that were.  One chain that fails holds up no other."""
    count = 0
    for stream in streams().only("key", "organization_id").no_cache():
        try:
            count += expire(stream.organization_id, key=stream.key)
        except Exception:
            log.exception("audit_expiry_failed", stream=stream.key)
    return count


def expire(organization_id: str | None, *, key: str) -> int:
    """End what is over in one chain.  Safe to interrupt and to repeat."""
    days = days_kept(organization_id)
    count = move_anchor(organization_id, key=key, before=now() - timedelta(days=days)) if days else 0
    remove_up_to_anchor(organization_id, key=key)
    return count


@atomic
def move_anchor(organization_id: str | None, *, key: str, before: datetime) -> int:
    """Let the chain begin after its last old entry, and say so; how many entries that leaves behind."""
    stream: EventStream = streams().get(key=key)
    old = stream.anchor or {"sequence": 0, "hash": ""}
    last = last_of_beginning(organization_id, after=old["sequence"], before=before)
    if last is None:
        return 0
    anchor = {"sequence": last["sequence"], "hash": last["hash"]}
    count: int = anchor["sequence"] - old["sequence"]
    streams().filter(key=key).update(set__anchor=anchor)
    events.record(
        "audit.expired",
        org=organization_id,
        before={"sequence": old["sequence"], "hash": old["hash"]},
        after=anchor,
        metadata={"count": count, "before": before.isoformat()},
    )
    return count


def last_of_beginning(organization_id: str | None, *, after: int, before: datetime) -> dict[str, Any] | None:
    """The last entry of the chain's unbroken old beginning that every sink has had.

    None when there is none, and when only entries on earlier expiries are old: they would be followed by their like.
    """
    entries, fields = get_collection("events"), {"sequence": 1, "hash": 1}
    over = {"organization_id": organization_id, "sequence": {"$gt": after}}
    stays = {**over, "$or": [{"created_at": {"$gte": before}}, {"is_pending": True}]}
    # MongoDB walks along the chain: to read all that is over, in a transaction, would take too long.
    first = entries.find_one(stays, fields, sort=[("sequence", ASCENDING)], hint=CHAIN)
    if first:
        over["sequence"] = {"$gt": after, "$lt": first["sequence"]}
    if entries.find_one({**over, "event": {"$ne": EXPIRED}}, {"_id": 1}, hint=CHAIN) is None:
        return None
    return entries.find_one(over, fields, sort=[("sequence", DESCENDING)], hint=CHAIN)


def remove_up_to_anchor(organization_id: str | None, *, key: str) -> None:
    """Delete what stands before the chain's beginning."""
    stream = streams().filter(key=key).first()
    end = (stream.anchor or {}).get("sequence", 0) if stream else 0
    over = {"organization_id": organization_id, "sequence": {"$gt": 0, "$lte": end}}
    entries = get_collection("events")
    while end:
        ids = [row["_id"] for row in entries.find(over, {"_id": 1}).limit(AT_ONCE)]
        if not ids:
            return
        entries.delete_many({"_id": {"$in": ids}})
