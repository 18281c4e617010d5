"""The hash chain of each organization's events, and of the platform's own: what it covers, and how it is computed.

Each entry's hash is SHA-256 over the canonical JSON (RFC 8785) of its fixed fields, its place, the hash of the entry
before it, and the digests of its two parts. A part says where an event came from, or what it was about; it is digested
with a salt of its own. So a person can be erased (saas/audit/erasing.py): the part is blanked and its salt dropped, its
digest stays in the chain, and nobody can find out by trying what had been there.

Everything here works on rows as MongoDB gives them. docs/audit.md says how to verify a chain without this code.
"""

import base64
import hashlib
import json
import math
import secrets
from collections.abc import Mapping
from datetime import UTC
from typing import Any

import rfc8785
from bson import Decimal128, ObjectId

VERSION = 1
START = ""  # what the first entry follows

#: What says where an event came from and what it was about can be erased with a person; its digest stays in the chain.
PARTS = {
    "origin": ("actor", "ip_address", "user_agent", "session_id"),
    "details": ("targets", "before", "after", "metadata", "reason"),
}
FIXED = ("event", "action", "resource", "resource_id", "user_id", "organization_id", "request_id", "auth_method")
#: The fields that verification reads.
READ = ("created_at", "sequence", "previous_hash", "hash", "seal", *FIXED, *PARTS["origin"], *PARTS["details"])

Row = Mapping[str, Any]


def seal(row: Row, *, sequence: int, previous_hash: str) -> dict[str, Any]:
    """The fields that give a row of MongoDB its place in the chain, as they stand in the database."""
    salts = {part: secrets.token_hex(16) for part in PARTS}
    digests = {part: digest_of(row, part, salt) for part, salt in salts.items()}
    return {
        "sequence": sequence,
        "previous_hash": previous_hash,
        "seal": {"version": VERSION, **{part: {"salt": salts[part], "digest": digests[part]} for part in PARTS}},
        "hash": hash_of(row, sequence=sequence, previous_hash=previous_hash, digests=digests),
    }


def hash_of(row: Row, *, sequence: int, previous_hash: str, digests: Mapping[str, Any]) -> str:
    """The hash of an entry with this content at this place."""
    content = {
        "version": VERSION,
        "id": str(row["_id"]),
        "created_at": canonical(row.get("created_at")),
        "sequence": sequence,
        "previous_hash": previous_hash,
        **{name: row.get(name) or None for name in FIXED},
        **{part: digests.get(part) for part in PARTS},
    }
    return sha256(content)


def digest_of(row: Row, part: str, salt: str) -> str:
    """Nothing, none and empty are one: MongoDB and mongoengine do not keep them apart for a field."""
    content = {"salt": salt, **{name: row.get(name) or None for name in PARTS[part]}}
    return sha256(content)


def sha256(content: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()


def canonical_json(content: Any) -> bytes:
    """RFC 8785.  What the standard library writes alike, in C, is left to it: almost every entry."""
    if is_plain(content):
        return json.dumps(content, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()
    return rfc8785.dumps(canonical(content))


def is_plain(value: Any) -> bool:
    """Whether it holds nothing that JSON lacks, no fraction, and only keys that any order of characters sorts alike."""
    kind = type(value)
    if kind is str or value is None or kind is bool:
        return True
    if kind is dict:
        return all(type(key) is str and key.isascii() and is_plain(each) for key, each in value.items())
    if kind is list:
        return all(map(is_plain, value))
    return kind is int and abs(value) < 2**53


def canonical(value: Any) -> Any:
    """The value as JSON has it.  What JSON lacks is an object with one key that begins with "$", as no stored key does.

    Events hold plain JSON and one time (saas/events/values.py); the rest is for rows that somebody else wrote.
    """
    if isinstance(value, Mapping):
        return {str(key): canonical(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [canonical(each) for each in value]
    if value is None or isinstance(value, (str, bool)):
        return value
    if isinstance(value, (int, float)):
        # RFC 8785 writes numbers as JavaScript does, which holds no larger integers and only finite numbers.
        is_exact = abs(value) < 2**53 if isinstance(value, int) else math.isfinite(value)
        return value if is_exact else {"$number": repr(value)}
    return other(value)


def other(value: Any) -> dict[str, str]:
    if isinstance(value, ObjectId):
        return {"$oid": str(value)}
    if isinstance(value, Decimal128):
        return {"$decimal": str(value)}
    if isinstance(value, bytes):
        return {"$bytes": base64.b64encode(value).decode()}
    if hasattr(value, "astimezone"):
        return {"$date": value.astimezone(UTC).isoformat(timespec="milliseconds")}
    return {"$other": repr(value)}


# -- asking an entry ---------------------------------------------------------------------------------------------------


def digests_of(row: Row) -> dict[str, Any]:
    """The digests that the entry carries."""
    parts = row.get("seal") or {}
    return {part: (parts.get(part) or {}).get("digest") for part in PARTS}


def is_intact(row: Row, *, sequence: int | None = None) -> bool:
    """Whether the entry's hash is that of what it says, at its place or at another; its parts aside."""
    place = row.get("sequence") if sequence is None else sequence
    if not isinstance(place, int):
        return False
    expected = hash_of(row, sequence=place, previous_hash=row.get("previous_hash") or START, digests=digests_of(row))
    return secrets.compare_digest(expected, str(row.get("hash") or ""))


def changed_part(row: Row) -> str:
    """The name of the first part that is not what was sealed; "" when all are.  Erased parts are not looked at."""
    for part in PARTS:
        sealed = (row.get("seal") or {}).get(part) or {}
        if not sealed.get("erased") and not fits(row, part, sealed):
            return part
    return ""


def fits(row: Row, part: str, sealed: Mapping[str, Any]) -> bool:
    """Whether what the row says in a part is what this seal was made of."""
    salt = sealed.get("salt")
    return isinstance(salt, str) and digest_of(row, part, salt) == sealed.get("digest")


def erased_for(row: Row) -> dict[str, list[str]]:
    """By part: the ids of the people for whose sake it was blanked."""
    parts = row.get("seal") or {}
    found = {part: (parts.get(part) or {}).get("erased") or [] for part in PARTS}
    return {part: people for part, people in found.items() if people}
