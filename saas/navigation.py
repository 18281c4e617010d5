"""The sidebar of an organization: each room registers its lines in `AppConfig.ready()`.

A member sees the lines that he may open.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from saas import hooks


@dataclass(frozen=True, slots=True)
class Item:
    """One line: `url_name` takes the organization's slug; lines stand in the order of `rank`.

    `also` names the pages elsewhere that belong to the line, with all that is below them.  A line `is_leaf` has nothing
    below it.
    """

    label: str
    icon: str
    url_name: str
    permission: str
    rank: int
    also: tuple[str, ...] = ()
    is_leaf: bool = False


_items: list[Item] = []


def register(item: Item) -> None:
    """Add a line; the same one twice is one."""
    if item not in _items:
        _items.append(item)
        _items.sort(key=lambda each: each.rank)


def for_request(request: HttpRequest) -> list[dict[str, Any]]:
    """`{label, url, icon, active}` of each line that this member may open; empty elsewhere.  No read."""
    org = getattr(request, "org", None)
    if org is None:
        return []
    mine = [item for item in _items if hooks.can(request.user, item.permission, org=org)]
    places = {address(name, org.slug): item for item in mine for name in (item.url_name, *item.also)}
    here = [
        place
        for place, item in places.items()
        if request.path == place or (request.path.startswith(place) and not item.is_leaf)
    ]
    current = places.get(max(here, key=len, default=""))
    return [
        {
            "label": item.label,
            "icon": item.icon,
            "url": address(item.url_name, org.slug),
            "active": item is current,
        }
        for item in mine
    ]


@lru_cache(maxsize=4096)
def address(url_name: str, slug: str) -> str:
    """The line's address.  Kept: a page has twenty, and Django builds each anew."""
    return reverse(url_name, args=[slug])
