"""What mail services report.  anymail checks the signature of each report and turns it into its own signal."""

from typing import Any

import structlog
from anymail.signals import EventType, tracking
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest

from saas.events.actors import Actor
from saas.mailing import addresses
from saas.mailing.models import BOUNCED, COMPLAINED

log = structlog.get_logger(__name__)

#: A rejection is the service's own list of addresses that bounce.  A deferred mail is the service's business.
REASONS = {EventType.BOUNCED: BOUNCED, EventType.REJECTED: BOUNCED, EventType.COMPLAINED: COMPLAINED}


def connect() -> None:
    tracking.connect(take_report, dispatch_uid="saas.mailing.report")
    user_logged_in.connect(tell_person, dispatch_uid="saas.mailing.tell")


def take_report(event: Any = None, esp_name: str = "", **_: Any) -> None:
    reason = REASONS.get(event.event_type)
    if reason is None or not event.recipient or is_passing(event):
        return
    detail = event.description or event.reject_reason or ""
    addresses.switch_off(
        address=event.recipient,
        reason=reason,
        detail=str(detail),
        actor=Actor.system(name=esp_name) if esp_name else None,
        request=getattr(event, "request", None),
    )
    log.warning("mail_address_switched_off", reason=reason, service=esp_name, message_id=event.message_id)


def is_passing(event: Any) -> bool:
    """Whether the mail came back for a reason that goes by, such as a full mailbox."""
    report = event.esp_event or {}
    return ((report.get("data") or {}).get("bounce") or {}).get("type") == "Transient"


def tell_person(request: HttpRequest | None = None, user: Any = None, **_: Any) -> None:
    """Say at sign-in that mail does not arrive: by mail it cannot be said."""
    if request is None or not hasattr(request, "_messages"):
        return
    for found in addresses.find([user.email]):
        way_out = "Choose another address, or allow it again."
        messages.warning(request, f"We have stopped sending mail to {found.address}: {found.words}. {way_out}")
