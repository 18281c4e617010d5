"""The sandbox's mails: a Maildir, one file for each, so that a crash loses none that was accepted."""

import mailbox
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from pathlib import Path

from django.conf import settings

#: How many of the newest mails the inbox looks at.
SHOWN = 200
ENVELOPE_HEADER = "X-Envelope-To"


@dataclass(frozen=True, slots=True)
class Mail:
    """One line of the inbox."""

    key: str
    subject: str
    sender: str
    recipients: str
    received_at: datetime

    def is_for(self, address: str) -> bool:
        return address.strip().lower() in self.recipients.lower()


def box() -> mailbox.Maildir:
    """The Maildir, made when it is missing."""
    path = Path(settings.MAIL_SANDBOX_DIR)
    path.parent.mkdir(parents=True, exist_ok=True)
    return mailbox.Maildir(path, create=True)


def keep(content: bytes, recipients: list[str]) -> str:
    """Store a mail with its envelope's recipients; answers its key.  It is on the disk when this returns."""
    return box().add(b"%s: %s\r\n" % (ENVELOPE_HEADER.encode(), ", ".join(recipients).encode()) + content)


def newest(recipient: str = "") -> list[Mail]:
    """The newest mails, newest first; those to `recipient` (a part of an address will do)."""
    return [mail for mail in _newest() if mail.is_for(recipient)]


def _newest() -> Iterator[Mail]:
    maildir = box()
    keys = sorted(maildir.keys(), key=received_at, reverse=True)
    parser = BytesHeaderParser(policy=policy.default)
    for key in keys[:SHOWN]:
        try:
            headers = parser.parsebytes(maildir.get_bytes(key))
        except KeyError:  # deleted meanwhile
            continue
        yield Mail(
            key=key,
            subject=str(headers["Subject"] or ""),
            sender=str(headers["From"] or ""),
            recipients=str(headers[ENVELOPE_HEADER] or headers["To"] or ""),
            received_at=received_at(key),
        )


def find(key: str) -> EmailMessage | None:
    """The whole mail, or None."""
    try:
        return message_from_bytes(box().get_bytes(key), policy=policy.default)
    except KeyError:
        return None


def part(message: EmailMessage, kind: str) -> str:
    """The words of the mail's `plain` or `html` part; empty when it has none."""
    body = message.get_body((kind,))
    return str(body.get_content()) if body else ""


def received_at(key: str) -> datetime:
    """A Maildir key starts with the second, and says the microsecond after an M."""
    seconds, _, rest = key.partition(".")
    micro = rest[1:].partition("P")[0] if rest.startswith("M") else ""
    return datetime.fromtimestamp(float(f"{seconds}.{micro.zfill(6)[:6] or 0}"), tz=UTC)


def clear() -> None:
    box().clear()
