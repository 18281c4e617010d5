"""What explains that something is missing from a chain: an account that was deleted, entries whose time was over."""

from typing import Any

from bson import ObjectId

from saas.audit import chain
from saas.audit.log import people
from saas.mongo.documents import get_collection
from saas.tenancy import now

PERSON_DELETED = "user.deleted"
EXPIRED = "audit.expired"


class Evidence:
    """Looks each thing up once; what it did not find may have come about when it is asked again."""

    def __init__(self, organization_id: str | None) -> None:
        self.organization_id = organization_id
        self.ended: set[str] = set()  # ids of people

    def missing_for(self, row: dict[str, Any]) -> str:
        """The id of a person for whose sake a part was blanked although the account was not deleted; "" for none."""
        for part, erased in chain.erased_for(row).items():
            for user_id in erased:
                is_other_person = part == "origin" and not concerns(row, user_id)
                if is_other_person or not self.is_deleted(user_id):
                    return str(user_id)
        return ""

    def is_deleted(self, user_id: str) -> bool:
        """Whether the account has come to its end: the platform's own chain says so, or it is being erased just now.

        The account's row goes in the transaction that writes `user.deleted`, so it is looked for first.
        """
        if user_id not in self.ended and (is_being_erased(user_id) or self.has_end(user_id)):
            self.ended.add(user_id)
        return user_id in self.ended

    def has_end(self, user_id: str) -> bool:
        said = {"organization_id": None, "resource_id": str(user_id), "event": PERSON_DELETED}
        return get_collection("events").find_one(said, {"_id": 1}) is not None

    def has_expiry(self, sequence: int, link: str) -> bool:
        """Whether an entry of this chain says that everything up to this one was removed when its time was over."""
        said = {
            "organization_id": self.organization_id,
            "event": EXPIRED,
            "after": {"sequence": sequence, "hash": link},
        }
        return get_collection("events").find_one(said, {"_id": 1}) is not None


def concerns(row: dict[str, Any], user_id: str) -> bool:
    """Whether where the entry came from may be about this person: who it was stays in the entry."""
    return row.get("user_id") in (None, user_id) or row.get("resource_id") == user_id


def is_being_erased(user_id: str) -> bool:
    """Whether the erasure of an account has begun: its time is over, and nothing stops it any more."""
    begun = {"deletes_at__lte": now(), "erasure_started_at__isnull": False}
    return bool(ObjectId.is_valid(user_id) and people().filter(pk=user_id, **begun).exists())
