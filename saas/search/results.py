"""What a search answers."""

from dataclasses import dataclass, field

from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Hit:
    """One object that was found, as it is now.

    `title_html` and `snippet_html` are escaped, with <mark> around what was asked for; the snippet is a part of the
    content, "" without one.  `score`: higher is better, comparable within one answer.  `url`: "" without a page.
    """

    resource: str
    resource_id: str
    label: str
    icon: str
    title: str
    title_html: SafeString
    snippet_html: SafeString
    tags: tuple[str, ...]
    url: str
    score: float


@dataclass(frozen=True, slots=True)
class Count:
    """How many entries there are of a resource, or with a tag.  Counted among the best COUNTED of all."""

    value: str
    label: str
    count: int


@dataclass(frozen=True, slots=True)
class Results:
    """One page of hits.

    `is_similar`: nothing has these words; the hits have similar ones.  `is_cut`: MongoDB was stopped at its time limit.
    `next`, `previous`: cursors, "" where the list ends.  `resources`, `tags`: counts, where they were asked for.
    """

    hits: list[Hit] = field(default_factory=list)
    is_similar: bool = False
    is_cut: bool = False
    next: str = ""
    previous: str = ""
    resources: list[Count] = field(default_factory=list)
    tags: list[Count] = field(default_factory=list)
