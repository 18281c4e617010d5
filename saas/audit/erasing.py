"""Blanking a person in a sealed entry: what was there goes with its salt, the digest stays, so the chain holds.

The part says for whose sake it was blanked; verification believes that only when the platform's own chain holds the end
of that account, or while the account is being erased.
"""

from typing import Any

from pymongo import UpdateOne

from saas.audit.chain import PARTS


def blanking(row: dict[str, Any], change: dict[str, Any], user_id: str) -> UpdateOne:
    """The write that blanks a person in one entry: `change` holds the fields' new values.

    It does nothing to an entry that has been sealed since it was read: read that one again.
    """
    update: dict[str, Any] = {"$set": change}
    if row.get("sequence") is None:
        return UpdateOne({"_id": row["_id"], "sequence": None}, update)
    touched = [part for part, fields in PARTS.items() if change.keys() & set(fields)]
    if touched:
        update["$addToSet"] = {f"seal.{part}.erased": user_id for part in touched}
        update["$unset"] = {f"seal.{part}.salt": "" for part in touched}
    return UpdateOne({"_id": row["_id"], "sequence": row["sequence"]}, update)
