"""Verifying a chain: is every entry as it was sealed, in its place, and is none missing?  Names the first that is not.

    verdict = verify_chain(org)            # None for the platform's own chain
    verdict.is_intact, verdict.checked, verdict.kind, verdict.sequence, verdict.words

Reads in batches, so a chain of any length needs the same memory.  Only when something is wrong it looks around, to say
what was done.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from saas.audit import chain
from saas.audit.evidence import Evidence
from saas.events.dispatching import PLATFORM
from saas.events.models import EventStream, streams
from saas.mongo.documents import get_collection
from saas.tenancy import id_of

CHANGED, REMOVED, REORDERED, INSERTED = "changed", "removed", "reordered", "inserted"
BATCH = 500  # entries read at once
Row = dict[str, Any]
Progress = Callable[[int, int], None]
PART_WORDS = {"origin": "where it came from", "details": "what it was about"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found.  `kind` is "" for an intact chain, else that of the first entry that is not as it was.

    `head`: sequence and hash of the chain's end, to be kept elsewhere and given as `known` the next time.
    """

    checked: int
    head: tuple[int, str] = (0, "")
    kind: str = ""
    sequence: int = 0
    event_id: str = ""
    words: str = ""

    @property
    def is_intact(self) -> bool:
        return not self.kind


def verify_chain(org: Any = None, *, known: tuple[int, str] | None = None, tell: Progress | None = None) -> Verdict:
    """Verify an organization's chain (it or its id), or the platform's own.

    `known` is a head from an earlier time: a chain that was written anew as a whole cannot contain it.  `tell` hears
    now and then how many entries have been verified, of how many.
    """
    organization_id = id_of(org) if org is not None else None
    while True:
        walk = Walk(organization_id, known, tell)
        found = walk.verdict()
        if found.is_intact or not walk.has_lost_its_start():
            return found


class Broken(Exception):
    """The first entry that is not as it was."""

    def __init__(self, kind: str, sequence: int, words: str, row: Row | None = None) -> None:
        super().__init__(words)
        self.kind, self.sequence, self.words = kind, sequence, words
        self.event_id = str(row["_id"]) if row else ""


class Walk:
    """One verification, from the anchor to the end."""

    def __init__(
        self, organization_id: str | None, known: tuple[int, str] | None, tell: Progress | None = None
    ) -> None:
        self.tell = tell
        self.scope = {"organization_id": organization_id}
        self.key = organization_id or PLATFORM
        self.known = known
        self.evidence = Evidence(organization_id)
        self.rows = get_collection("events")
        self.checked = 0
        self.last: Row | None = None
        self.before_last: Row | None = None

    def verdict(self) -> Verdict:
        stream: EventStream | None = streams().filter(key=self.key).first()
        self.end = (stream.sequence, stream.hash) if stream else (0, chain.START)
        anchor = (stream.anchor or {}) if stream else {}
        self.start = (int(anchor.get("sequence") or 0), str(anchor.get("hash") or chain.START))
        self.place, self.link = self.start
        try:
            self.check_start()
            for row in self.entries():
                self.step(row)
                if self.tell and self.checked % BATCH == 0:
                    self.tell(self.checked, self.end[0] - self.start[0])
            self.check_end()
            self.check_unsealed()
        except Broken as found:
            return Verdict(self.checked, self.end, found.kind, found.sequence, found.event_id, found.words)
        return Verdict(self.checked, (self.place, self.link))

    def entries(self) -> Iterator[Row]:
        """What was sealed when the walk began, in the chain's order."""
        place = {"sequence": {"$gt": self.start[0], "$lte": self.end[0]}}
        fields = dict.fromkeys(chain.READ, 1)
        cursor = self.rows.find({**self.scope, **place}, fields).sort("sequence", 1)
        yield from cursor.batch_size(BATCH)

    def has_lost_its_start(self) -> bool:
        """Whether the time of entries was over while we looked: then they may have gone, and nothing is wrong."""
        stream: EventStream | None = streams().filter(key=self.key).first()
        return stream is not None and int((stream.anchor or {}).get("sequence") or 0) > self.start[0]

    def step(self, row: Row) -> None:
        """Check one entry.  Raises Broken."""
        if row["sequence"] != self.place + 1 or row.get("previous_hash") != self.link or not chain.is_intact(row):
            raise self.diagnose(row)
        part = chain.changed_part(row)
        if part:
            raise self.changed(row, part)
        unexplained = self.evidence.missing_for(row)
        if unexplained:
            words = f"It says that a person was erased from it ({unexplained}), and no deletion of an account does."
            raise Broken(CHANGED, row["sequence"], words, row)
        if self.known and self.known[0] == row["sequence"] and self.known[1] != row["hash"]:
            raise Broken(CHANGED, row["sequence"], "It has another hash than the one that was noted earlier.", row)
        self.before_last, self.last = self.last, row
        self.place, self.link = row["sequence"], row["hash"]
        self.checked += 1

    # -- both ends -----------------------------------------------------------------------------------------------------

    def check_start(self) -> None:
        """What is missing before the anchor went because its time was over, and an entry says so."""
        if self.start[0] and not self.evidence.has_expiry(*self.start):
            words = f"Entries up to {self.start[0]} are missing, and no entry says that their time was over."
            raise Broken(REMOVED, self.start[0], words)

    def check_end(self) -> None:
        sequence, link = self.end
        if self.place < sequence:
            raise Broken(REMOVED, self.place + 1, f"The end is missing: the last entry was number {sequence}.")
        if self.link != link:
            raise Broken(CHANGED, self.place, "The chain ends in another hash than was sealed.", self.last)
        if self.known and self.known[0] > self.place:
            raise Broken(REMOVED, self.place + 1, f"There was an entry {self.known[0]} once.")
        # Sealing goes on while we look: what is beyond the end as it is now is nobody's work but an intruder's.
        beyond = self.rows.find_one({**self.scope, "sequence": {"$gt": sequence}}, sort=[("sequence", 1)])
        if beyond and not sequence:
            raise Broken(REMOVED, beyond["sequence"], "Nothing says where the chain ends.", beyond)
        if beyond and not self.is_sealed_now(beyond["sequence"]):
            raise Broken(INSERTED, beyond["sequence"], "It stands beyond the end of the chain.", beyond)

    def is_sealed_now(self, sequence: int) -> bool:
        stream = streams().filter(key=self.key).first()
        return stream is not None and bool(sequence <= stream.sequence)

    def check_unsealed(self) -> None:
        """An entry that was never sealed waits for it; one that does not wait was put in by somebody."""
        stray = self.rows.find_one({**self.scope, "sequence": None, "is_pending": None})
        if stray:
            raise Broken(INSERTED, 0, "It was never sealed.", stray)

    # -- saying what was done ------------------------------------------------------------------------------------------

    def diagnose(self, row: Row) -> Broken:
        """What was done to the chain, of which this is the first entry that does not fit."""
        if row["sequence"] > self.place + 1:
            return Broken(REMOVED, self.place + 1, "It is missing.")
        if row["sequence"] <= self.place:
            return self.doubled(row)
        if row.get("previous_hash") == self.link:
            return self.out_of_itself(row)
        return self.out_of_line(row)

    def doubled(self, row: Row) -> Broken:
        """Two entries with one number: the next one knows which of them was there first."""
        following = self.one({"sequence": row["sequence"] + 1})
        intruder = self.last if following and following.get("previous_hash") == row.get("hash") else row
        return Broken(INSERTED, row["sequence"], "There are two entries with this number.", intruder)

    def out_of_itself(self, row: Row) -> Broken:
        """It follows the entry before it, and is not what was sealed."""
        successor = self.one({"previous_hash": self.link, "_id": {"$ne": row["_id"]}})
        if successor:
            return Broken(INSERTED, row["sequence"], "Another entry once followed the one before it.", row)
        if self.has_other_seal(row):
            return Broken(REORDERED, row["sequence"], "It has changed places with another entry.", row)
        part = chain.changed_part(row)
        return self.changed(row, part) if part else Broken(CHANGED, row["sequence"], "It is not what was sealed.", row)

    def out_of_line(self, row: Row) -> Broken:
        """It does not follow the entry before it."""
        if self.last and row.get("previous_hash") == self.last.get("previous_hash"):
            return Broken(INSERTED, self.last["sequence"], "The next entry does not know it.", self.last)
        if chain.is_intact(row):
            words = "The next entry knows it with another hash."
            return Broken(CHANGED, self.place, words, self.last) if self.last else self.without_start(row)
        if self.once_stood_elsewhere(row):
            if self.one({"hash": row.get("previous_hash")}):
                return Broken(REORDERED, row["sequence"], "It stood at another place.", row)
            return Broken(REMOVED, row["sequence"], "An entry is missing, and those after it were numbered anew.")
        if self.one({"previous_hash": self.link, "_id": {"$ne": row["_id"]}}):
            return Broken(INSERTED, row["sequence"], "Another entry once followed the one before it.", row)
        return Broken(CHANGED, row["sequence"], "It is not what was sealed.", row)

    def without_start(self, row: Row) -> Broken:
        return Broken(REMOVED, row["sequence"], "What was before it is missing, and the chain was numbered anew.", row)

    def changed(self, row: Row, part: str) -> Broken:
        if self.has_other_seal(row):
            return Broken(REORDERED, row["sequence"], "It has changed places with another entry.", row)
        return Broken(CHANGED, row["sequence"], f"It says something else about {PART_WORDS[part]}.", row)

    def once_stood_elsewhere(self, row: Row) -> bool:
        """Whether the entry was sealed under another number."""
        return any(chain.is_intact(row, sequence=place) for place in range(self.start[0] + 1, self.end[0] + 2))

    def has_other_seal(self, row: Row) -> bool:
        """Whether the seal of another entry is that of what this one says."""
        seals = self.rows.find({**self.scope, "_id": {"$ne": row["_id"]}}, {"seal": 1}).batch_size(BATCH)
        return any(chain.fits(row, "details", (each.get("seal") or {}).get("details") or {}) for each in seals)

    def one(self, conditions: dict[str, Any]) -> Row | None:
        return self.rows.find_one({**self.scope, **conditions}, dict.fromkeys(chain.READ, 1))
