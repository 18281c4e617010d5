"""The sandbox's SMTP server: takes every mail and keeps it for the inbox page."""

import asyncio
import logging
from typing import Any

import structlog
from aiosmtpd.controller import Controller

from saas.sandbox import mailbox

log = structlog.get_logger(__name__)
logging.getLogger("mail.log").setLevel(logging.WARNING)  # aiosmtpd tells every line of the protocol
#: What the server answers for addresses of these domains, as real ones do: no such mailbox; come back later.
REFUSALS = {
    "refused.test": "550 5.1.1 There is no such mailbox",
    "busy.test": "451 4.3.0 The mailbox is busy, try again later",
}
LARGEST_MAIL = 25 * 1024 * 1024  # bytes


class Keeper:
    """aiosmtpd calls this with each mail; the answer is what the sending program reads."""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, _server: Any, _session: Any, envelope: Any, address: str, rcpt_options: list[str]
    ) -> str:
        refusal = REFUSALS.get(address.rpartition("@")[2].lower())
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 OK"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        try:
            key = await asyncio.to_thread(mailbox.keep, envelope.content, list(envelope.rcpt_tos))
        except OSError as problem:
            log.error("sandbox_mail_not_kept", problem=str(problem))
            return "451 The mail could not be stored, try again later"
        log.info("sandbox_mail_kept", to=envelope.rcpt_tos, key=key)
        return "250 OK"


def controller(port: int, host: str = "localhost") -> Controller:
    """A server for `start()` and `stop()`.  `start` raises OSError when the port is taken."""
    return Controller(Keeper(), hostname=host, port=port, data_size_limit=LARGEST_MAIL)
