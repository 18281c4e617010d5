"""Many things, a round trip's worth at a time."""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Lists of `size` items, the last one of what is left.  Reads no further than it has handed out."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
