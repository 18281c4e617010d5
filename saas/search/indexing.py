"""Writing the index: by the events, by hand, and anew for a whole organization.

Everything about a registered resource goes through `refresh`: it reads the objects as they are now and writes or
removes their entries in one transaction. So it does not matter in which order, or how often, it is called: who writes
later has read later, and MongoDB lets only one of two at a time have an entry.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from bson import ObjectId
from pymongo import UpdateOne

from saas import hooks, resources
from saas.batches import batches
from saas.db import atomic
from saas.mongo.documents import get_collection
from saas.mongo.fields import new_key
from saas.resources import Description, Resource
from saas.search import words
from saas.search.models import COLLECTION, CONTENT_LENGTH, TAG_LENGTH, TAG_LIMIT, TITLE_LENGTH, entries
from saas.tenancy import id_of, now

BATCH = 100  # objects in one transaction of a rebuild
GRAMS_KEPT = 256
CONTENT_FOR_GRAMS = 300  # letters of the content in which a misspelled word is looked for


# -- by hand -----------------------------------------------------------------------------------------------------------


def index_document(
    *,
    organization: Any,
    resource: str,
    resource_id: str,
    title: str,
    content: str = "",
    tags: Iterable[str] = (),
    permission: str,
    readers: Iterable[str] | None = None,
) -> None:
    """Add an object to the organization's index, or change its entry.  One write, in the caller's transaction if any.

    For what is no registered resource; a registered one is followed by itself.  `permission` is what a member needs to
    find it; `readers` (ids) narrows it to them and to those whose role sees all of it.  Title, content and tags are cut
    to the lengths of models.py.
    """
    known = Description(resource_id, title, content, tuple(tags), None if readers is None else tuple(readers))
    write(organization, [(resource, permission, known)])


def remove_document(*, organization: Any, resource: str, resource_id: str) -> bool:
    """Take an object out of the index; whether it was there."""
    return bool(entries(organization).filter(resource=resource, resource_id=resource_id).delete())


# -- by the events -----------------------------------------------------------------------------------------------------


def follow(event: Any) -> dict[str, Any] | None:
    """The sink: bring the entry of an event's object up to date.  Runs in the dispatcher's transaction."""
    if not event.resource_id:
        return None
    if event.resource == "user":
        return follow_person(event.resource_id)
    resource = resources.get(event.resource)
    if resource is None or not resource.is_searched or not event.organization_id:
        return None
    return refresh(event.organization_id, resource, [event.resource_id])


def follow_person(user_id: str) -> dict[str, Any]:
    """A person has another name or address: the entries in all organizations of the person say so."""
    kinds = [resource for resource in searched() if resource.is_person]
    done = [refresh(org_id, kind, [user_id]) for org_id in hooks.organizations_of(user_id) for kind in kinds]
    return {key: sum(each[key] for each in done) for key in ("indexed", "removed")}


@atomic
def refresh(
    organization: Any, resource: Resource, ids: Iterable[str], *, generation: str | None = None
) -> dict[str, int]:
    """Bring the entries of these objects up to date: `{indexed, removed}`.  One read by the resource, two writes."""
    wanted = list(ids)
    found = resource.describe(id_of(organization), wanted)
    gone = [key for key in wanted if key not in found]
    write(organization, [(resource.name, resource.permission, each) for each in found.values()], generation=generation)
    removed = entries(organization).filter(resource=resource.name, resource_id__in=gone).delete() if gone else 0
    return {"indexed": len(found), "removed": removed}


# -- anew --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What a rebuild has done."""

    indexed: int
    removed: int


def rebuild(organization: Any) -> Rebuilt:
    """Write the index of an organization anew, while it is in use: nothing is missing from it at any time.

    First every object that there is, stamped with this rebuild's generation; then every entry that has another stamp is
    looked at again, and goes when its object has gone.  Writes of others meanwhile are kept.  Entries of resources that
    are not registered stay as they are.  Short transactions, so not to be called in one.
    """
    generation, indexed, removed = new_key(), 0, 0
    for resource in searched():
        for batch in batches((each.id for each in resource.describe_all(id_of(organization))), BATCH):
            indexed += refresh(organization, resource, batch, generation=generation)["indexed"]
        for batch in batches(left_behind(organization, resource, generation), BATCH):
            done = refresh(organization, resource, batch, generation=generation)
            indexed, removed = indexed + done["indexed"], removed + done["removed"]
    return Rebuilt(indexed, removed)


def left_behind(organization: Any, resource: Resource, generation: str) -> Iterator[str]:
    """Ids of the objects whose entries this rebuild has not written."""
    old = entries(organization).filter(resource=resource.name, generation__ne=generation)
    yield from [row["resource_id"] for row in old.only("resource_id").as_pymongo()]


def searched() -> list[Resource]:
    return [resource for resource in resources.every() if resource.is_searched]


# -- one entry ---------------------------------------------------------------------------------------------------------


def write(
    organization: Any, described: Iterable[tuple[str, str, Description]], *, generation: str | None = None
) -> None:
    """Add or change entries: (resource, permission, description) of each.  One round trip."""
    org_id = ObjectId(id_of(organization))
    moment = now()
    changes = []
    for resource, permission, known in described:
        values = {**values_of(known), "permission": permission, "updated_at": moment}
        absent = {}
        if known.readers is None:
            absent["readers"] = ""
        if generation:
            values["generation"] = generation
        change = {"$set": values, "$setOnInsert": {"created_at": moment}, **({"$unset": absent} if absent else {})}
        key = {"organization_id": org_id, "resource": resource, "resource_id": known.id}
        changes.append(UpdateOne(key, change, upsert=True))
    if changes:
        get_collection(COLLECTION).bulk_write(changes)


def values_of(known: Description) -> dict[str, Any]:
    """What an entry says of an object: cut to its lengths, with the words and grams that it is found by."""
    title, content = known.title.strip()[:TITLE_LENGTH] or known.id, known.content[:CONTENT_LENGTH]
    tags = [tag[:TAG_LENGTH] for tag in known.tags[:TAG_LIMIT]]
    in_title, in_tags = words.words_of(title), words.words_of(" ".join(tags))
    values = {
        "title": title,
        "content": content,
        "tags": tags,
        "title_words": " ".join(in_title),
        "tag_words": " ".join(in_tags),
        "content_words": " ".join(words.words_of(content)),
        "beginnings": " ".join(words.beginnings_of([*in_title, *in_tags])),
        "grams": grams_of([*in_title, *in_tags, *words.words_of(content[:CONTENT_FOR_GRAMS])]),
    }
    return values if known.readers is None else {**values, "readers": [str(reader) for reader in known.readers]}


def grams_of(found: Iterable[str]) -> list[str]:
    """The grams of words, those of the first words first, up to GRAMS_KEPT."""
    return list(dict.fromkeys(gram for word in found for gram in sorted(words.grams_of(word))))[:GRAMS_KEPT]
