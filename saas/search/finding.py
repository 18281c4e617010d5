"""Asking the index: by MongoDB's text index, and by pieces of words where that finds nothing.

A query is words and nothing else (words.py): quotes, dashes, dollars and brackets only part them. Every word must be
found; a word of a title or tag is found by its beginning. Nothing is scored by how frequent a word is, so what another
organization has can change neither the hits nor their order.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import structlog
from pymongo.errors import ExecutionTimeout, OperationFailure

from saas import hooks, resources
from saas.paging import read_page
from saas.resources import Description, Resource
from saas.search import words
from saas.search.models import SearchEntry, entries
from saas.search.results import Count, Hit, Results
from saas.search.snippets import LIKE_ENOUGH, Marker
from saas.tenancy import id_of

log = structlog.get_logger(__name__)

QUERY_LENGTH = 200  # letters; the rest is left out
WORD_LIMIT = 10
MOST = 50  # hits on a page
COUNTED = 1000  # best entries among which facets are counted
TAGS_COUNTED = 12
CANDIDATES = 3000  # entries that share pieces of words, of which the likest are taken
LOOKED_AT = 60
TIME_LIMIT = 250  # milliseconds in MongoDB
ORDER = "-score"
NO_TEXT_INDEX = 27
#: Without the content: it is long, and read of the hits alone.
READ = {"resource": 1, "resource_id": 1, "readers": 1, "title": 1, "tags": 1}


class System:
    """Nobody in particular: the actor of code that may know everything of the organization."""

    def __repr__(self) -> str:
        return "SYSTEM"


SYSTEM = System()


@dataclass(frozen=True, slots=True)
class Question:
    """A query within its bounds, with all that narrows it."""

    organization: Any
    actor: Any
    wanted: tuple[str, ...]
    resource: str = ""
    tags: tuple[str, ...] = ()
    any_tag: bool = False
    limit: int = 20
    cursor: str = ""
    has_facets: bool = False

    @property
    def allowed(self) -> dict[str, Any]:
        """What the actor may know of, with the tags that were asked for."""
        mine = {} if self.actor is SYSTEM else hooks.search_filter(self.actor, self.organization)
        tags = {"tags": {"$in" if self.any_tag else "$all": list(self.tags)}} if self.tags else {}
        return {"$and": [each for each in (mine, tags) if each]} if mine or tags else {}

    @property
    def kind(self) -> dict[str, Any]:
        return {"resource": self.resource} if self.resource else {}


def search(
    query: str,
    *,
    organization: Any,
    actor: Any,
    resource: str | None = None,
    tags: Iterable[str] | None = None,
    any_tag: bool = False,
    limit: int = 20,
    cursor: str = "",
    facets: bool = False,
) -> Results:
    """What an organization has for these words, the best first.

    `actor` is the person who asks, or SYSTEM; a person finds only what the role and the readers of an object allow.
    `tags`: all of them must be there, with `any_tag` one of them.  `limit` is at most MOST; `cursor` is `next` or
    `previous` of another answer.  `facets` counts by resource and by tag.  An empty query finds nothing.

    One read, two more where the text index finds nothing, and one by each resource of the hits, whose objects are
    described as they are now: what is gone, or may not be seen any more, is left out, so a page may be shorter.
    """
    wanted = tuple(words.wanted_of(query[:QUERY_LENGTH], at_most=WORD_LIMIT))
    if not wanted:
        return Results()
    question = Question(
        organization=organization,
        actor=actor,
        wanted=wanted,
        resource=resource or "",
        tags=tuple(tags or ()),
        any_tag=any_tag,
        limit=max(1, min(limit, MOST)),
        cursor=cursor,
        has_facets=facets,
    )
    try:
        rows, found = by_words(question)
        if not rows:
            rows, found = by_pieces(question)
    except ExecutionTimeout:
        log.warning("search_cut", organization_id=id_of(organization))
        return Results(is_cut=True)
    return replace(found, hits=hits_of(question, rows, Marker(wanted, is_similar=found.is_similar)))


# -- by words ----------------------------------------------------------------------------------------------------------


def by_words(question: Question) -> tuple[list[dict[str, Any]], Results]:
    """One page of the entries that have every word."""
    found = entries(question.organization).filter(__raw__=words_condition(question))
    counts: dict[str, Any] = {}

    def fetch(conditions: dict[str, Any], descending: bool, limit: int) -> list[dict[str, Any]]:
        answer = run(found, pipeline_of(question, conditions, descending=descending, limit=limit))
        counts.update(answer)
        return [dict(row, id=str(row["_id"])) for row in answer["hits"]]

    try:
        page = read_page(
            fetch,
            order=ORDER,
            cursor=question.cursor,
            size=question.limit,
            key=lambda row: (row["score"], row["id"]),
        )
    except OperationFailure as problem:
        if problem.code != NO_TEXT_INDEX:
            raise
        log.error("search_without_text_index", hint="manage.py ensure_indexes")
        return [], Results()
    results = Results(next=page.next, previous=page.previous, **facets_of(counts))
    return page.rows, results


def words_condition(question: Question) -> dict[str, Any]:
    """Several words are quoted: MongoDB takes words without quotes as alternatives.  One is not: that is quicker."""
    quoted = [f'"{word}"' for word in question.wanted] if len(question.wanted) > 1 else question.wanted
    return {"$text": {"$search": " ".join(quoted)}, **question.allowed}


def pipeline_of(
    question: Question, conditions: dict[str, Any], *, descending: bool, limit: int
) -> list[dict[str, Any]]:
    """The best entries, and, where they are asked for, the counts of all resources beside those of the one chosen."""
    sign = -1 if descending else 1
    order: dict[str, Any] = {"$sort": {"score": sign, "_id": sign}}
    scored = {"$project": {**READ, "score": {"$meta": "textScore"}}}
    page = [{"$match": {**question.kind, **conditions}}, order, {"$limit": limit}]
    if not question.has_facets:
        return [scored, *page, {"$group": {"_id": None, "hits": {"$push": "$$ROOT"}}}]
    counted: list[dict[str, Any]] = [{"$sort": {"score": -1, "_id": -1}}, {"$limit": COUNTED}]
    by_tag = [*counted, {"$match": question.kind}, {"$unwind": "$tags"}, *count_by("$tags")]
    parts = {
        "hits": page,
        "resources": [*counted, *count_by("$resource")],
        "tags": [*by_tag, {"$limit": TAGS_COUNTED}],
    }
    return [scored, {"$facet": parts}]


def count_by(field: str) -> list[dict[str, Any]]:
    """$sortByCount, with one order for equal counts."""
    return [{"$group": {"_id": field, "count": {"$sum": 1}}}, {"$sort": {"count": -1, "_id": 1}}]


def run(found: Any, pipeline: list[dict[str, Any]]) -> dict[str, Any]:
    """The one row that the pipeline answers.  Raises ExecutionTimeout."""
    return next(iter(found.aggregate(pipeline, maxTimeMS=TIME_LIMIT)), {"hits": []})


def facets_of(counts: dict[str, Any]) -> dict[str, Any]:
    def label(name: str) -> str:
        resource = resources.get(name)
        return resource.plural if resource else name.replace("_", " ").capitalize()

    return {
        "resources": [Count(row["_id"], label(row["_id"]), row["count"]) for row in counts.get("resources", ())],
        "tags": [Count(row["_id"], row["_id"], row["count"]) for row in counts.get("tags", ())],
    }


# -- by pieces of words ------------------------------------------------------------------------------------------------


def by_pieces(question: Question) -> tuple[list[dict[str, Any]], Results]:
    """Entries that share most pieces with the words: beginnings, one or two wrong letters.  One page, no more."""
    pipeline, condition = pieces_pipeline(question)
    found = entries(question.organization).filter(__raw__=condition).aggregate(pipeline, maxTimeMS=TIME_LIMIT)
    scores = {str(row["_id"]): row["score"] for row in found}
    rows = entries(question.organization).filter(pk__in=list(scores)).as_pymongo() if scores else []
    known = {str(row["_id"]): row for row in rows}
    likest = [{**known[key], "score": score} for key, score in scores.items() if key in known]
    return [row for row in likest if has_like_words(row, question.wanted)][: question.limit], Results(is_similar=True)


def pieces_pipeline(question: Question) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The pipeline and the condition before it.  The score is the part of the query's pieces that an entry has.

    A single letter picks no candidates, unless there is nothing else: too many entries have it.
    """
    grams = sorted({gram for word in question.wanted for gram in words.grams_of(word)})
    telling = [gram for gram in grams if len(gram) > 2] or grams
    shared = {"$divide": [{"$size": {"$setIntersection": ["$grams", grams]}}, len(grams)]}
    pipeline: list[dict[str, Any]] = [
        {"$limit": CANDIDATES},
        {"$project": {"score": shared}},
        {"$match": {"score": {"$gte": LIKE_ENOUGH}}},
        {"$sort": {"score": -1, "_id": -1}},
        {"$limit": LOOKED_AT},
    ]
    return pipeline, {"grams": {"$in": telling}, **question.kind, **question.allowed}


def has_like_words(row: dict[str, Any], wanted: Sequence[str]) -> bool:
    """Whether each asked word has one that is like it: pieces that are strewn over a text are no word."""
    there = [words.grams_of(run) for run in set(words.runs_of(" ".join([row["title"], *row["tags"], row["content"]])))]
    asked = [words.grams_of(word) for word in wanted]
    return all(any(len(each & grams) >= LIKE_ENOUGH * len(each) for grams in there) for each in asked)


# -- as it is now ------------------------------------------------------------------------------------------------------


def hits_of(question: Question, rows: list[dict[str, Any]], marker: Marker) -> list[Hit]:
    """The rows whose objects are still there and may still be seen, with what these say now."""
    described = describe(question.organization, rows)
    hits = []
    for row in rows:
        resource, known = resources.get(row["resource"]), described[row["resource"]].get(row["resource_id"])
        if known is not None and may_see(question.actor, row, known):
            hits.append(hit_of(question.organization, resource, row, known, marker))
    return hits


def describe(organization: Any, rows: list[dict[str, Any]]) -> dict[str, dict[str, Description]]:
    """What the resources say of their objects now, by resource and id.  One read by each."""
    ids = defaultdict(list)
    for row in rows:
        ids[row["resource"]].append(row["resource_id"])
    return {name: describer(organization, name)(id_of(organization), wanted) for name, wanted in ids.items()}


def describer(organization: Any, name: str) -> Callable[[str, list[str]], dict[str, Description]]:
    """Who knows of the objects: the resource that is registered, or, for what was written by hand, their entries."""
    registered = resources.get(name)
    if registered:
        return registered.describe
    written = entries(organization).filter(resource=name).only(*READ, "content")

    def of_entries(_org_id: str, ids: list[str]) -> dict[str, Description]:
        return {each.resource_id: description_of(each) for each in written.filter(resource_id__in=ids)}

    return of_entries


def description_of(entry: SearchEntry) -> Description:
    readers = None if entry.readers is None else tuple(entry.readers)
    return Description(entry.resource_id, entry.title, entry.content or "", tuple(entry.tags), readers)


def may_see(actor: Any, row: dict[str, Any], known: Description) -> bool:
    """Whether what the index has let through holds of the object as it is now.

    Where the readers have changed since, only somebody who is one of them now can be sure.
    """
    if actor is SYSTEM or known.readers is None:
        return True
    unchanged = row.get("readers") is not None and set(row["readers"]) == set(known.readers)
    return unchanged or str(actor.pk) in known.readers


def hit_of(
    organization: Any, resource: Resource | None, row: dict[str, Any], known: Description, marker: Marker
) -> Hit:
    name = row["resource"]
    return Hit(
        resource=name,
        resource_id=row["resource_id"],
        label=resource.label if resource else name.replace("_", " ").capitalize(),
        icon=resource.icon if resource else "file",
        title=known.title,
        title_html=marker.title(known.title),
        snippet_html=marker.snippet(known.content),
        tags=tuple(known.tags),
        url=resources.url_of(organization, name, row["resource_id"]),
        score=row["score"],
    )
