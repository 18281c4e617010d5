"""What other people were told of a person whose account is gone: it stays, without the name."""

from typing import Any

from pymongo import UpdateOne

from saas.batches import batches
from saas.data_map import Person
from saas.events.erasure import DELETED
from saas.mongo.documents import get_collection
from saas.notifications.sink import title_of

BATCH = 500  # rows written in one round trip


def forget_person(person: Person) -> int:
    """The entry of the data map: the titles that name the person say "Deleted person".  Safe to repeat."""
    rows, known = get_collection("notifications"), [person.id, *person.addresses]
    found = rows.find({"about": {"$in": known}}, {"wording": 1})
    changes = (UpdateOne({"_id": row["_id"]}, nameless(row["wording"], person, known)) for row in found)
    return sum(rows.bulk_write(batch, ordered=False).modified_count for batch in batches(changes, BATCH))


def nameless(wording: dict[str, Any], person: Person, known: list[str]) -> dict[str, Any]:
    after = without_person(wording, person)
    return {"$set": {"title": title_of(after), "wording": after}, "$pull": {"about": {"$in": known}}}


def without_person(wording: dict[str, Any], person: Person) -> dict[str, Any]:
    """The same, nameless where the person stands; the id goes too, for nothing leads from it any more."""
    after = dict(wording)
    for part in ("actor", "target"):
        each = wording[part]
        if each["id"] == person.id or each["name"].lower() in person.addresses:
            after[part] = {"id": None, "name": DELETED}
    return after
