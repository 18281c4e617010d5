"""What the event log keeps of a person whose account is gone: that somebody did it and when, no longer who.

Names, addresses, browsers and network addresses are blanked; ids, times and everything about others stay, so the trail
stays whole.
"""

from collections.abc import Collection
from typing import Any

from pymongo import UpdateOne

from saas.data_map import Person
from saas.mongo.documents import get_collection

DELETED = "Deleted person"
REPORT = "user.deleted"  # which says what was erased, and nothing about whom
BATCH = 500  # events written in one round trip
ORIGIN = ("ip_address", "user_agent")
VALUES = ("before", "after", "metadata")
#: Where an event that is not about the person may hold the address: an invitation, a transfer, a failed sign-in.
PLACES = (
    "targets.name",
    "metadata.email",
    "metadata.invited_address",
    *(f"{side}.{name}" for side in ("before", "after") for name in ("email", "to", "primary_owner")),
)


def of_person(person: Person) -> int:
    """The entry of the data map."""
    return erase_person(person.id, names=[*person.addresses, *person.names])


def erase_person(user_id: str, *, names: Collection[str] = ()) -> int:
    """Blank one person in all events; how many were changed.  `names` are the name and addresses.

    Reads the whole log once.  Safe to repeat: what is blanked already is not counted.
    """
    log = get_collection("events")
    count, changes = 0, []
    for event in log.find(about(user_id, names)):
        change = blanked(event, user_id, names)
        if change:
            changes.append(UpdateOne({"_id": event["_id"]}, {"$set": change}))
        if len(changes) == BATCH:
            count, changes = count + log.bulk_write(changes, ordered=False).modified_count, []
    return count + (log.bulk_write(changes, ordered=False).modified_count if changes else 0)


def about(user_id: str, names: Collection[str]) -> dict[str, Any]:
    """The events in which the person may stand."""
    by_id = [{field: user_id} for field in ("user_id", "actor.id", "targets.id", "resource_id")]
    by_name = [{place: {"$in": list(names)}} for place in PLACES] if names else []
    return {"$or": [*by_id, *by_name]}


def blanked(event: dict[str, Any], user_id: str, names: Collection[str]) -> dict[str, Any]:
    """The fields to write, with their new values; empty when nothing is left to blank."""
    is_about = event.get("resource") == "user" and event.get("resource_id") == user_id
    is_own = is_about and event.get("event") != REPORT
    after = {**event, **{field: without(event.get(field), names, all_of_it=is_own) for field in VALUES}}
    if (event.get("actor") or {}).get("id") == user_id:
        after["actor"] = {**event["actor"], "name": DELETED}
    after["targets"] = [
        {**each, "name": DELETED} if each.get("id") == user_id or each.get("name") in names else each
        for each in event.get("targets") or []
    ]
    if event.get("reason"):
        after["reason"] = without(event["reason"], names)
    is_of_person = event.get("user_id") == user_id or (event.get("user_id") is None and after != event)
    if is_of_person or is_own:
        after |= {field: None for field in ORIGIN if event.get(field)}
    return {field: value for field, value in after.items() if value != event.get(field)}


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
