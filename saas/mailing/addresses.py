"""Switching an address off, and on again."""

from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from mongoengine import NotUniqueError

from saas import events, live
from saas.db import atomic
from saas.mailing.models import SwitchedOffAddress, switched_off
from saas.tenancy import now


def switch_off(
    *, address: str, reason: str, detail: str = "", actor: Any = None, request: HttpRequest | None = None
) -> SwitchedOffAddress:
    """Send nothing to this address any more.  A report that comes twice changes nothing."""
    try:
        return _switch_off(address=address.strip().lower(), reason=reason, detail=detail, actor=actor, request=request)
    except NotUniqueError:
        return switched_off().get(address=address.strip().lower())


@atomic
def _switch_off(
    *, address: str, reason: str, detail: str, actor: Any, request: HttpRequest | None
) -> SwitchedOffAddress:
    known: SwitchedOffAddress | None = switched_off().filter(address=address).first()
    if known:
        return known
    made: SwitchedOffAddress = switched_off().create(
        address=address, reason=reason, detail=detail[:500], reported_at=now()
    )
    after, metadata = {"reason": reason}, {"detail": detail[:200]}
    events.record(
        "mail_address.switched_off", actor=actor, target=made, after=after, metadata=metadata, request=request
    )
    people: Any = get_user_model()
    person = people.objects.filter(email=address).first()
    if person:
        words = f"We have stopped sending mail to {address}: {made.words}."
        live.publish(live.user_channel(person.pk), "toast", {"text": words, "level": "warning"})
    return made


@atomic
def switch_on(*, address: str, actor: Any, request: HttpRequest | None = None) -> bool:
    """Allow mail to this address again; False when it was allowed already."""
    found: SwitchedOffAddress | None = switched_off().filter(address=address.strip().lower()).first()
    if found is None:
        return False
    found.delete()
    before = {"reason": found.reason, "reported_at": found.reported_at}
    events.record("mail_address.switched_on", actor=actor, target=found, before=before, request=request)
    return True


def find(addresses: Iterable[str]) -> list[SwitchedOffAddress]:
    """Those of the addresses that are switched off.  One read."""
    return list(switched_off().filter(address__in=[address.strip().lower() for address in addresses]))
