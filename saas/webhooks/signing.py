"""Signatures by the Standard Webhooks, and the secrets that make them.

The signature is over `id.timestamp.body`, the body's exact bytes: `webhook-signature: v1,<base64 of HMAC-SHA256>`.
While a secret is being replaced there are two signatures with a space between them, and a receiver accepts either.
"""

import base64
import hmac
import secrets
from base64 import urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from hashlib import sha256

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings

from saas.errors import Problem

PREFIX = "whsec_"
VERSION = "v1"
SECRET_BYTES = 32
FEWEST_BYTES, MOST_BYTES = 24, 64
TOLERANCE = timedelta(minutes=5)  # between the sender's clock and ours, both ways


class BadSignature(Problem):
    """Not ours, changed on the way, or too old."""


def new_secret() -> str:
    return PREFIX + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def key_of(secret: str) -> bytes:
    """The bytes of a `whsec_…` secret.  Raises ValueError for what is none."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (NotBase64, ValueError):
        raise ValueError("A secret is whsec_ and base64.") from None
    if not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        raise ValueError(f"A secret has {FEWEST_BYTES} to {MOST_BYTES} bytes.")
    return key


def sign(message_id: str, timestamp: int, body: str | bytes, keys: Iterable[str | bytes]) -> str:
    """The value of `webhook-signature`: one signature for each secret (`whsec_…`, or the bytes in it).

    `timestamp` is in seconds since 1970.  Raises ValueError for a message id with a dot in it, and for a bad secret.
    """
    if "." in message_id:
        raise ValueError("The id of a message has no dot in it.")
    content = b"%b.%d.%b" % (message_id.encode(), timestamp, body.encode() if isinstance(body, str) else body)
    raw = (key_of(key) if isinstance(key, str) else key for key in keys)
    return " ".join(f"{VERSION},{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}" for key in raw)


def verify_webhook_signature(
    payload: str | bytes, headers: Mapping[str, str], secret: str, *, at: datetime | None = None
) -> None:
    """Check a message by its headers and its body as it came.  Raises BadSignature, and ValueError for a bad secret.

    Entries of other versions and malformed ones are passed over.  Compares in constant time.
    """
    found = {name.lower(): value for name, value in headers.items()}
    message_id, sent_at, signatures = (found.get(f"webhook-{name}", "") for name in ("id", "timestamp", "signature"))
    if not (message_id and sent_at and signatures):
        raise BadSignature("The message has no webhook-id, webhook-timestamp or webhook-signature.")
    if not (sent_at.isascii() and sent_at.isdigit() and len(sent_at) < 12):
        raise BadSignature("The timestamp of the message is none.")
    if abs((at or datetime.now(UTC)).timestamp() - int(sent_at)) > TOLERANCE.total_seconds():
        raise BadSignature("The message is too old, or comes from the future.")
    content = b"%b.%b.%b" % (message_id.encode(), sent_at.encode(), as_bytes(payload))
    expected = hmac.digest(key_of(secret), content, "sha256")
    fitting = [given for given in signatures_in(signatures) if hmac.compare_digest(expected, given)]
    if not fitting:
        raise BadSignature("No signature fits: the message is not ours, or was changed on the way.")


def signatures_in(header: str) -> Iterable[bytes]:
    """The bytes of the signatures of our version."""
    for entry in header.split():
        version, _, signature = entry.partition(",")
        if version != VERSION:
            continue
        try:
            yield base64.b64decode(signature, validate=True)
        except (NotBase64, ValueError):
            continue


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


# -- at rest -----------------------------------------------------------------------------------------------------------


def encrypt(secret: str) -> str:
    return fernet().encrypt(secret.encode()).decode()


def decrypt(encrypted: str) -> str:
    """Raises cryptography.fernet.InvalidToken when SECRET_KEY was replaced and is not among its fallbacks."""
    return fernet().decrypt(encrypted.encode()).decode()


@cache
def fernet() -> MultiFernet:
    """Encrypts with SECRET_KEY and reads what its fallbacks have encrypted."""
    keys: list[str] = [settings.SECRET_KEY, *map(str, settings.SECRET_KEY_FALLBACKS)]
    return MultiFernet([Fernet(urlsafe_b64encode(sha256(f"saas.webhooks:{key}".encode()).digest())) for key in keys])
