"""Lists by cursor: a page begins where another ended, so nothing is skipped or shown twice while rows come and go.

    page = page_of(Project.objects.for_org(org), order="-created_at", cursor=request.GET.get("cursor", ""))
    page.rows                   plain dictionaries with `id`, a tenth of the cost of documents
    page.next, page.previous    cursors, "" where the list ends
    page.links(request)         {next_url, previous_url} for components/pagination.html, filters kept

The id breaks ties, so an order is always total: `-created_at` reads `-created_at, -id`. It needs an index that ends in
just these two, and a field that every row has.

A cursor is a place, not a right: the queryset says whose rows they are, whatever the cursor says. One that cannot be
read, belongs to another order, or points behind the last row leads to the first page, because a person with an old link
wants the list. An API that should refuse it instead asks `Cursor.read` first.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

import bson
from bson import ObjectId
from bson.errors import BSONError
from django.http import HttpRequest

from saas.errors import Problem
from saas.mongo.documents import AWARE

Row = TypeVar("Row")
#: (conditions as MongoDB takes them, whether the order is descending, how many) -> rows in that order
Fetch = Callable[[dict[str, Any], bool, int], Sequence[Row]]

PAGE_SIZE = 20
PARAMETER = "cursor"
LONGEST = 1000  # characters of a cursor; ours have under 500


class BadCursor(Problem):
    """The cursor is not one of ours, or is one of another order."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: beside the row with this value of the order's field and this id."""

    order: str
    is_backward: bool
    value: str | int | float | datetime
    id: str

    def __str__(self) -> str:
        place = {"o": self.order, "b": self.is_backward, "v": self.value, "i": ObjectId(self.id)}
        return urlsafe_b64encode(bson.encode(place)).decode().rstrip("=")

    @classmethod
    def read(cls, text: str, order: str) -> "Cursor":
        """Raises BadCursor."""
        try:
            if len(text) > LONGEST:
                raise ValueError
            place = bson.decode(urlsafe_b64decode(text + "=" * (-len(text) % 4)), codec_options=AWARE)
            cursor = cls(place["o"], place["b"], place["v"], str(place["i"]))
        except (ValueError, TypeError, KeyError, OverflowError, BSONError):
            raise BadCursor("This place in the list is not known. Start at its first page.") from None
        known = isinstance(cursor.value, (str, int, float, datetime)) and isinstance(cursor.is_backward, bool)
        if not known or cursor.order != order or not isinstance(place["i"], ObjectId):
            raise BadCursor("This place belongs to another list. Start at the first page.")
        return cursor

    def conditions(self) -> dict[str, Any]:
        """What a row beyond this place fulfills: the index begins at the value, and ties up to the id are left out.

        An `$or` says the same, but tempts MongoDB to answer it by the index on `_id` and to sort in memory.
        """
        field, id_ = self.order.removeprefix("-"), ObjectId(self.id)
        at_or_beyond, not_beyond = ("$lte", "$gte") if self.is_descending else ("$gte", "$lte")
        return {field: {at_or_beyond: self.value}, "$nor": [{field: self.value, "_id": {not_beyond: id_}}]}

    @property
    def is_descending(self) -> bool:
        """Whether the rows beyond this place are read in descending order."""
        return self.order.startswith("-") is not self.is_backward


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Some rows of a list, and the cursors of the pages after and before it."""

    rows: list[Row]
    next: str = ""
    previous: str = ""

    def links(self, request: HttpRequest) -> dict[str, str]:
        """`next_url` and `previous_url`: this address with another cursor; "" where the list ends."""
        return {"next_url": address(request, self.next), "previous_url": address(request, self.previous)}


def address(request: HttpRequest, cursor: str) -> str:
    """The address of this list at another place, with the same filters."""
    if not cursor:
        return ""
    query = request.GET.copy()
    query[PARAMETER] = cursor
    return f"{request.path}?{query.urlencode()}"


def page_of(
    queryset: Any, *, order: str = "-created_at", cursor: str = "", size: int = PAGE_SIZE, only: Sequence[str] = ()
) -> Page[dict[str, Any]]:
    """One page of a scoped queryset of documents, as dictionaries; `only` names the fields that are read.

    One read; a second one where an old or backward cursor leads to the first page.
    """
    field = order.removeprefix("-")

    def fetch(conditions: dict[str, Any], descending: bool, limit: int) -> list[dict[str, Any]]:
        sign = "-" if descending else ""
        found = queryset.filter(__raw__=conditions) if conditions else queryset
        found = found.order_by(f"{sign}{field}", f"{sign}id").limit(limit)
        return [plain(row) for row in (found.only(*only, field) if only else found).as_pymongo()]

    return read_page(fetch, order=order, cursor=cursor, size=size, key=lambda row: (row[field], row["id"]))


def read_page(
    fetch: Fetch[Row], *, order: str, cursor: str, size: int, key: Callable[[Row], tuple[Any, str]]
) -> Page[Row]:
    """One page of anything that can be fetched by conditions.

    `key` answers a row's value in the order's field, and its id.
    """

    def place(row: Row, *, is_backward: bool = False) -> str:
        return str(Cursor(order, is_backward, *key(row)))

    try:
        start = Cursor.read(cursor, order) if cursor else None
    except BadCursor:
        start = None
    descending, conditions = (start.is_descending, start.conditions()) if start else (order.startswith("-"), {})
    found = list(fetch(conditions, descending, size + 1))
    rows, has_more = found[:size], len(found) > size
    if start is None:
        return Page(rows, next=place(rows[-1]) if has_more else "")
    if not rows or (start.is_backward and len(rows) < size):
        return read_page(fetch, order=order, cursor="", size=size, key=key)
    if start.is_backward:
        rows.reverse()
        return Page(rows, next=place(rows[-1]), previous=place(rows[0], is_backward=True) if has_more else "")
    return Page(rows, next=place(rows[-1]) if has_more else "", previous=place(rows[0], is_backward=True))


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it came from MongoDB, with `id` in place of `_id` and every id as str."""
    values = {key: str(value) if isinstance(value, ObjectId) else value for key, value in row.items()}
    values["id"] = values.pop("_id")
    return values
