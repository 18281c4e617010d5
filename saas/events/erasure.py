"""What the event log keeps of a person whose account is gone: that somebody did it and when, no longer who.

Names, addresses, browsers and network addresses are blanked; ids, times and everything about others stay, so the trail
stays whole.
"""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from pymongo import UpdateOne

from saas.audit.erasing import blanking
from saas.batches import batches
from saas.data_map import Person
from saas.events.models import RARE_PLACES
from saas.mongo.documents import get_collection

DELETED = "Deleted person"
REPORT = "user.deleted"  # which says what was erased, and nothing about whom
BATCH = 500  # events written in one round trip
ORIGIN = ("ip_address", "user_agent")
VALUES = ("before", "after", "metadata")
IDS = ("user_id", "resource_id", "actor.id", "actor.on_behalf_of.id", "targets.id")
#: Where an event that is not about the person may hold the address: an invitation, a transfer, a failed sign-in.
ADDRESSES = ("targets.name", *(place for place in RARE_PLACES if place not in IDS))


def of_person(person: Person) -> int:
    """The entry of the data map."""
    return erase_person(person.id, addresses=person.addresses, names=person.names)


def erase_person(user_id: str, *, addresses: Collection[str] = (), names: Collection[str] = ()) -> int:
    """Blank one person in all events; how many were changed.

    `addresses` are looked for everywhere; `names`, which somebody or something else may have too, only in events that
    hold the person's id.  Finds them by indexes.  Safe to repeat: what is blanked already is not counted.
    """
    count, missed = erase_once(user_id, addresses, names)
    while missed:  # sealed between our reading and our writing
        more, missed = erase_once(user_id, addresses, names)
        count += more
    return count


def erase_once(user_id: str, addresses: Collection[str], names: Collection[str]) -> tuple[int, int]:
    """How many events were changed, and how many were not because they changed meanwhile."""
    log, count, missed = get_collection("events"), 0, 0
    for changes in batches(blankings(log.find(about(user_id, addresses)), user_id, addresses, names), BATCH):
        done = log.bulk_write(changes, ordered=False)
        count, missed = count + done.modified_count, missed + len(changes) - done.matched_count
    return count, missed


def blankings(
    found: Iterable[dict[str, Any]], user_id: str, addresses: Collection[str], names: Collection[str]
) -> Iterator[UpdateOne]:
    """The writes for those in which something is left to blank."""
    for event in found:
        change = blanked(event, user_id, addresses, names if holds_id(event, user_id) else ())
        if change:
            yield blanking(event, change, user_id)


def about(user_id: str, addresses: Collection[str]) -> dict[str, Any]:
    """The events in which the person may stand.  Each place has its index, else MongoDB would use none of them."""
    by_id = [{place: user_id} for place in IDS]
    by_address = [{place: {"$in": list(addresses)}} for place in ADDRESSES] if addresses else []
    return {"$or": [*by_id, *by_address]}


def holds_id(event: dict[str, Any], user_id: str) -> bool:
    """Whether the event says by an id that it is by the person, for the person, or about the person."""
    actor = event.get("actor") or {}
    targets = [each.get("id") for each in event.get("targets") or []]
    behalf = (actor.get("on_behalf_of") or {}).get("id")
    return user_id in (event.get("user_id"), event.get("resource_id"), actor.get("id"), behalf, *targets)


def blanked(
    event: dict[str, Any], user_id: str, addresses: Collection[str], names: Collection[str] = ()
) -> dict[str, Any]:
    """The fields to write, with their new values; empty when nothing is left to blank."""
    is_about = event.get("resource") == "user" and event.get("resource_id") == user_id
    is_own = is_about and event.get("event") != REPORT
    words = [*addresses, *names]
    after = {**event, **{field: without(event.get(field), words, all_of_it=is_own) for field in VALUES}}
    after["actor"] = without_name(event.get("actor"), user_id)
    after["targets"] = [
        {**each, "name": DELETED} if each.get("id") == user_id or each.get("name") in addresses else each
        for each in event.get("targets") or []
    ]
    if event.get("reason"):
        after["reason"] = without(event["reason"], words)
    is_of_person = event.get("user_id") == user_id or (event.get("user_id") is None and after != event)
    if is_of_person or is_own:
        after |= {field: None for field in ORIGIN if event.get(field)}
    return {field: value for field, value in after.items() if value != event.get(field)}


def without_name(actor: dict[str, Any] | None, user_id: str) -> dict[str, Any] | None:
    """The same actor, nameless where it is the person, or acts on the person's behalf."""
    if not actor:
        return actor
    after = {**actor, "name": DELETED} if actor.get("id") == user_id else dict(actor)
    if actor.get("on_behalf_of"):
        after["on_behalf_of"] = without_name(actor["on_behalf_of"], user_id)
    return after


def without(value: Any, names: Collection[str], *, all_of_it: bool = False) -> Any:
    """The same structure with the names blanked, or with all texts blanked."""
    if isinstance(value, dict):
        return {key: without(each, names, all_of_it=all_of_it) for key, each in value.items()}
    if isinstance(value, list):
        return [without(each, names, all_of_it=all_of_it) for each in value]
    if isinstance(value, str) and (all_of_it or any(mentions(value, name) for name in names)):
        return DELETED
    return value


def mentions(text: str, name: str) -> bool:
    """Whether a text is this name, or holds this address."""
    return text.casefold() == name.casefold() or ("@" in name and name.casefold() in text.casefold())
