"""The hash chain of each organization's events: what was changed, removed, moved or put in between is named."""

import hashlib
import secrets
from datetime import UTC
from typing import Any

import rfc8785
from bson import ObjectId

#: What says where an event came from and what it was about can be erased with a person; its digest stays in the chain.
PARTS = {
    "origin": ("actor", "ip_address", "user_agent", "session_id"),
    "details": ("targets", "before", "after", "metadata", "reason"),
}
FIXED = ("event", "action", "resource", "resource_id", "user_id", "organization_id", "request_id", "auth_method")


def seal(event: Any, *, sequence: int, previous_hash: str) -> dict[str, Any]:
    """The fields that give the event its place in the chain, as they stand in the database."""
    salts = {part: secrets.token_hex(16) for part in PARTS}
    seal_ = {part: {"salt": salt, "digest": digest_of(event, part, salt)} for part, salt in salts.items()}
    digests = {part: value["digest"] for part, value in seal_.items()}
    return {
        "sequence": sequence,
        "previous_hash": previous_hash,
        "seal": seal_,
        "hash": hash_of(event, sequence=sequence, previous_hash=previous_hash, digests=digests),
    }


def hash_of(event: Any, *, sequence: int, previous_hash: str, digests: dict[str, str]) -> str:
    content = {
        "id": str(event.id),
        "created_at": stamp(event.created_at),
        "sequence": sequence,
        "previous_hash": previous_hash,
        **{name: event[name] for name in FIXED},
        **digests,
    }
    return hashlib.sha256(rfc8785.dumps(plain(content))).hexdigest()


def digest_of(event: Any, part: str, salt: str) -> str:
    content = {"salt": salt, **{name: event[name] for name in PARTS[part]}}
    return hashlib.sha256(rfc8785.dumps(plain(content))).hexdigest()


def plain(value: Any) -> Any:
    """The value as JSON has it, the same before it is stored and after it is read back."""
    if isinstance(value, dict):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, ObjectId):
        return str(value)
    if hasattr(value, "isoformat"):
        return stamp(value)
    if isinstance(value, (str, bool)) or value is None:
        return value
    # RFC 8785 writes numbers as JavaScript does, which cannot hold a large integer.
    return value if isinstance(value, int) and abs(value) < 2**53 else str(value)


def stamp(moment: Any) -> str:
    """UTC to the millisecond, which is what MongoDB keeps."""
    if getattr(moment, "tzinfo", None) is None or not hasattr(moment, "astimezone"):
        return str(moment.isoformat())
    text: str = moment.astimezone(UTC).isoformat(timespec="milliseconds")
    return text
