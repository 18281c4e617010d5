"""What other people were told of a person whose account is gone: it stays, without the name."""

from typing import Any

from pymongo import UpdateOne

from saas.data_map import Person
from saas.events.erasure import DELETED
from saas.mongo.documents import get_collection
from saas.notifications.sink import title_of

BATCH = 500  # rows written in one round trip


def forget_person(person: Person) -> int:
    """The entry of the data map: the titles that name the person say "Deleted person".  Safe to repeat."""
    rows, known = get_collection("notifications"), [person.id, *person.addresses]
    count, changes = 0, []
    for row in rows.find({"about": {"$in": known}}, {"wording": 1}):
        wording = without_person(row["wording"], person)
        change = {"$set": {"title": title_of(wording), "wording": wording}, "$pull": {"about": {"$in": known}}}
        changes.append(UpdateOne({"_id": row["_id"]}, change))
        if len(changes) == BATCH:
            count += rows.bulk_write(changes, ordered=False).modified_count
            changes = []
    return count + (rows.bulk_write(changes, ordered=False).modified_count if changes else 0)


def without_person(wording: dict[str, Any], person: Person) -> dict[str, Any]:
    """The same, nameless where the person stands; the id goes too, for nothing leads from it any more."""
    after = dict(wording)
    for part in ("actor", "target"):
        each = wording[part]
        if each["id"] == person.id or each["name"].lower() in person.addresses:
            after[part] = {"id": None, "name": DELETED}
    return after
