"""The values that an event keeps: plain JSON, the same before it is stored and after it is read, without secrets."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

REDACTED = "[redacted]"
LONGEST = 10_000  # characters of one text
DEEPEST = 40  # levels

#: A key with one of these words, however it is spelled, holds something that opens something. Numbers of tokens do not.
SECRET_KEY = re.compile(
    r"passw|passphrase|pwd|secret|token|credential|cookie|authorization|bearer|recovery|passkey_data|key_hash|magic_?link"
    r"|(?:api|access|private|signing|session|encryption|ssh|hmac|client|master)_?key"
    r"|(?:backup|verification|confirmation|login|mfa|sms|one_?time)_?codes?"
    r"|(?:^|_)(?:t?otp|jwt|pin)(?:_|$)|^pass$|card_?number|^cv[cv]2?$",
    re.IGNORECASE,
)
COUNTS_TOKENS = re.compile(r"tokens$", re.IGNORECASE)
#: What only tells of a secret.
TELLS_OF_SECRET = re.compile(r"(_ids?|_names?|_prefix|_count|_at)$", re.IGNORECASE)
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
NO_LETTER = re.compile(r"[^A-Za-z0-9]+")
#: What looks like a secret wherever it stands, and the part of it that may stay.
SECRET_TEXTS = (
    (re.compile(r"(?i)\b(bearer)\s+[\w.~+/=-]{16,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b(authorization:\s*basic)\s+[\w+/=-]{4,}"), rf"\1 {REDACTED}"),
    (re.compile(r"(?i)\b(cookie:\s*[^\s=;]{1,80}=)[^\s;]{4,}"), rf"\1{REDACTED}"),
    (
        re.compile(r"\b(?:(?:sk|pk|rk|gw)_(?:live|test)_|whsec_|gh[opsu]_|github_pat_|glpat-|xox[abprs]-)[\w-]{8,}"),
        REDACTED,
    ),
    (re.compile(r"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{20,}"), REDACTED),
    (re.compile(r"\bre_[A-Za-z0-9]{6,}_[A-Za-z0-9]{8,}"), REDACTED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REDACTED),
    (
        re.compile(r"\b(?:AIza[\w-]{35}|ya29\.[\w-]{20,}|npm_[A-Za-z0-9]{36}|pypi-[\w-]{16,}|hv[bs]\.[\w-]{20,})"),
        REDACTED,
    ),
    (re.compile(r"\bSG\.[\w-]{16,64}\.[\w-]{16,}"), REDACTED),
    (re.compile(r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"), REDACTED),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), REDACTED),
    (re.compile(r"(?i)\b([a-z][a-z0-9+.-]{1,20}://)[^\s/@:]{0,200}:[^\s/@]{1,200}@"), rf"\1{REDACTED}@"),
    (
        re.compile(
            r"(?i)([?&#](?:(?:[\w.-]{0,40}[_-])?(?:token|secret|signature|password)"
            r"|(?:(?:api|access|private|signing|auth|login|otp|mfa)[_-])?(?:key|code))=)[^&\s#]+"
        ),
        rf"\1{REDACTED}",
    ),
    # as settings and JSON have it
    (
        re.compile(r'(?i)((?:passw(?:or)?d|passphrase|secret|api[_-]?key|token)"?(?:=|\s{0,9}:\s{0,9}"))[^\s"&]{4,}'),
        rf"\1{REDACTED}",
    ),
)


def plain(value: Any, depth: int = 0) -> Any:
    """The value as JSON has it.  What JSON lacks becomes text: decimals, large integers, times (ISO, UTC), ids.

    Bytes become their number: nobody reads them in a log.
    """
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        return plain_collection(value, depth) if depth < DEEPEST else text(repr(value))
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, (int, float)):
        return plain_number(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"({len(value)} bytes)"
    return moment(value) if isinstance(value, date) else text(str(getattr(value, "pk", None) or value))


def plain_collection(value: Any, depth: int) -> Any:
    if isinstance(value, Mapping):
        return {key_of(key): plain(each, depth + 1) for key, each in value.items()}
    found = [plain(each, depth + 1) for each in value]
    return sorted(found, key=repr) if isinstance(value, (set, frozenset)) else found


def plain_number(value: float) -> int | float | str:
    """RFC 8785 writes numbers as JavaScript does, which holds no larger integers."""
    if isinstance(value, int):
        return int(value) if abs(value) < 2**53 else str(int(value))
    return float(value) if math.isfinite(value) else str(float(value))


def text(value: str) -> str:
    """What BSON and UTF-8 can hold, cut to a length that a log needs."""
    clean = value.encode("utf-8", "replace").decode()
    return clean if len(clean) <= LONGEST else f"{clean[:LONGEST]}… ({len(clean)} characters)"


def key_of(key: Any) -> str:
    """A name that MongoDB and mongoengine take for nothing but a name."""
    name = text(str(key)).replace("\0", "").lstrip("$")
    return name.lstrip("_") if name in ("_cls", "_ref") else name


def moment(value: date | datetime) -> str:
    if isinstance(value, datetime) and value.tzinfo is not None:
        return value.astimezone(UTC).isoformat(timespec="milliseconds")
    return value.isoformat()


def redact(values: Any) -> Any:
    """The same structure with secrets replaced: by the name of their key, or because they look like one."""
    if isinstance(values, dict):
        return {
            redact_text(str(key)): REDACTED if is_secret(str(key), value) else redact(value)
            for key, value in values.items()
        }
    if isinstance(values, (list, tuple)):
        return [redact(value) for value in values]
    return redact_text(values) if isinstance(values, str) else values


def is_secret(key: str, value: Any) -> bool:
    if value is None or isinstance(value, bool) or value in ("", [], {}):
        return False  # whether there is one may be known
    name = NO_LETTER.sub("_", HUMP.sub("_", key))
    if name.replace("_", "").lower() == "sessionid":
        return True
    if TELLS_OF_SECRET.search(name) or (isinstance(value, (int, float)) and COUNTS_TOKENS.search(name)):
        return False
    return bool(SECRET_KEY.search(name))


def redact_text(value: str) -> str:
    for pattern, replacement in SECRET_TEXTS:
        value = pattern.sub(replacement, value)
    return value


def kept(value: Any) -> Any:
    """What an event keeps of a value: plain, and without secrets."""
    return redact(plain(value))
