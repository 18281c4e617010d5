"""What becomes of a person's data when the account ends: `config/personal_data.yaml`, read and carried out.

Each collection of the database has its entry there, with a reason. A test fails for one without, and for a field that
looks like a person's and that no rule names.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from bson import ObjectId
from django.core import checks
from django.utils.module_loading import import_string
from pymongo.collection import Collection

from saas.config_files import ConfigData, ConfigError, load_yaml
from saas.mongo.documents import get_collection

FILE = "config/personal_data.yaml"
ERASE, ANONYMIZE, KEEP = "erase", "anonymize", "keep"
#: What the fields of a rule may hold, beside the ids of another collection's rows.
ID, ADDRESS = "id", "address"
PASSES = 3  # over all rules: something may have been written while the first one was under way

TEXT = {"type": "string", "minLength": 1}
RULE = {
    "type": "object",
    "required": ["fields", "why"],
    "additionalProperties": False,
    "oneOf": [{"required": ["then"]}, {"required": ["by"]}],
    "properties": {
        "fields": {"type": "array", "items": TEXT, "minItems": 1},
        "hold": TEXT,
        "also": {"type": "array", "items": TEXT, "minItems": 1},
        "then": {"enum": [ERASE, ANONYMIZE, KEEP]},
        "by": {"type": "string", "pattern": r"^[a-z_]+(\.[a-z_]+)+$"},
        "why": TEXT,
    },
}
SCHEMA = {
    "type": "object",
    "required": ["people", "nobody"],
    "additionalProperties": False,
    "properties": {
        "people": {"type": "object", "additionalProperties": {"type": "array", "items": RULE, "minItems": 1}},
        "nobody": {"type": "object", "additionalProperties": TEXT},
    },
}


class PersonLeft(Exception):
    """Something of the person was still being written.  It will be tried again."""


@dataclass(frozen=True, slots=True)
class Person:
    """Whose data it is: the id, all addresses (lower-cased), the names; and what has been done, by collection."""

    id: str
    addresses: tuple[str, ...]
    names: tuple[str, ...]
    done: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """What becomes of the rows of one collection whose `fields` hold the person; `also` is personal in such a row."""

    collection: str
    fields: tuple[str, ...]
    why: str
    hold: str = ID
    also: tuple[str, ...] = ()
    then: str = ""
    by: str = ""

    def carry_out(self, person: Person) -> int:
        """How many rows were changed: none when there is nothing left to do."""
        if self.by:
            work: Callable[[Person], int] = import_string(self.by)
            return work(person)
        if self.then == KEEP:
            return 0
        rows, values = get_collection(self.collection), self.values(person)
        if self.then == ERASE:
            return rows.delete_many({"$or": [{name: {"$in": values}} for name in self.fields]}).deleted_count
        return sum(forget(rows, name, values) for name in self.fields)

    def values(self, person: Person) -> list[Any]:
        """What the fields hold when the row is the person's.  Ids are ObjectIds in most collections, str in some."""
        if self.hold == ID:
            return [person.id, ObjectId(person.id)]
        if self.hold == ADDRESS:
            return list(person.addresses)
        return list(get_collection(self.hold).distinct("_id", {"user_id": ObjectId(person.id)}))


def forget(rows: Collection[dict[str, Any]], name: str, values: list[Any]) -> int:
    """Take the person out of one field: of a list, or of a field of its own."""
    listed = {name: {"$type": "array", "$in": values}}
    return (
        rows.update_many(listed, {"$pull": {name: {"$in": values}}}).modified_count
        + rows.update_many({name: {"$in": values}}, {"$set": {name: None}}).modified_count
    )


@cache
def load() -> ConfigData:
    """Raises ConfigError with file and line, also for a function that does not exist."""
    data = load_yaml(FILE, SCHEMA)
    for collection, rules in data["people"].items():
        if collection in data["nobody"]:
            raise data.error(f"{collection} stands under nobody too; remove it from one of them.", "people", collection)
        for number, rule in enumerate(rules):
            check_function(data, rule.get("by"), "people", collection, number, "by")
    return data


def check_file(**_kwargs: Any) -> list[checks.CheckMessage]:
    """Let Django's checks refuse a start with a mistake in the file, instead of the first person's end."""
    try:
        load()
    except ConfigError as problem:
        return [checks.Error(str(problem), id="saas.E030")]
    return []


def check_function(data: ConfigData, name: str | None, *keys: str | int) -> None:
    if name is None:
        return
    try:
        import_string(name)
    except ImportError as problem:
        raise data.error(f"{name} cannot be imported ({problem}).", *keys) from problem


def rules() -> Iterator[Rule]:
    """In the order of the file, which is the order in which they are carried out."""
    for collection, entries in load()["people"].items():
        for entry in entries:
            lists = {name: tuple(entry.get(name, ())) for name in ("fields", "also")}
            yield Rule(collection=collection, **{**entry, **lists})


def erase(person: Person) -> dict[str, int]:
    """Carry out all rules, until there is nothing left to do; how many rows that was, by collection.

    Not a transaction: there is no limit to their number.  Safe to interrupt and to repeat.  The last rule, that of the
    person's own row, comes when all others are done.  Raises PersonLeft.
    """
    *others, own = rules()
    for _ in range(PASSES):
        if not sum([carried_out(rule, person) for rule in others]):
            carried_out(own, person)
            return person.done
    raise PersonLeft(person.id)


def carried_out(rule: Rule, person: Person) -> int:
    count = rule.carry_out(person)
    if count:
        person.done[rule.collection] = person.done.get(rule.collection, 0) + count
    return count
