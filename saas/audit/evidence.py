"""The events that explain what is missing from a chain: an account that was deleted, entries whose time was over."""

from typing import Any

from saas.audit import chain
from saas.mongo.documents import get_collection

PERSON_DELETED = "user.deleted"
EXPIRED = "audit.expired"


class Evidence:
    """Looks each thing up once."""

    def __init__(self, organization_id: str | None) -> None:
        self.organization_id = organization_id
        self.known: dict[str, bool] = {}

    def missing_for(self, row: dict[str, Any]) -> str:
        """The id of a person for whose sake a part was blanked although the account was not deleted; "" for none."""
        for part, people in chain.erased_for(row).items():
            for user_id in people:
                is_other_person = part == "origin" and not concerns(row, user_id)
                if is_other_person or not self.is_deleted(user_id):
                    return str(user_id)
        return ""

    def is_deleted(self, user_id: str) -> bool:
        """Whether the platform's own chain holds the end of this account."""
        if user_id not in self.known:
            said = {"organization_id": None, "resource_id": str(user_id), "event": PERSON_DELETED}
            self.known[user_id] = get_collection("events").find_one(said, {"_id": 1}) is not None
        return self.known[user_id]

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
