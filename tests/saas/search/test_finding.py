"""What is found for which words, in which order, and by whom."""

import pytest
from pymongo.errors import ExecutionTimeout

from saas.mongo.documents import database
from saas.search import SYSTEM, finding, remove_document, search
from saas.search.models import TEXT_INDEX, SearchEntry, entries
from tests.patience import quick

NASTY = [
    "",
    "   ",
    '"',
    '"unbalanced',
    "-",
    "-harbor",
    "$",
    "$where",
    '{"$gt": ""}',
    "(a+)+$",
    "^(([a-z])+.)+[A-Z]([a-z])+$",
    ".*",
    "[",
    "\\",
    "\x00",
    "\ud800",
    "%00",
    "a" * 10_000,
    "harbor " * 1_500,
    "$" * 10_000,
    '"' * 10_000,
    "自動化" * 3_000,
    "é" * 10_000,
    "e\u0301" * 5_000,
    "\u202eharbor",
    "👩‍👩‍👧‍👦",
    "İ" * 200,
]


def find(world, query, *, actor=SYSTEM, org=None, **more):
    return search(query, organization=org or world.org, actor=actor, **more)


def titles(results):
    return [hit.title for hit in results.hits]


# -- Words -----------------------------------------------------------------------------------------------------------


def test_title_counts_more_than_tags_and_tags_more_than_content(world, put):
    put("Weather", content="the harbor")
    put("Harbor")
    put("Sea", tags=["harbor"])
    results = find(world, "harbor")
    assert titles(results) == ["Harbor", "Sea", "Weather"]
    first, second, third = (hit.score for hit in results.hits)
    assert first >= 2 * second > 4 * third


def test_every_word_must_be_there(world, put):
    put("Harbor wall", content="of stone")
    put("Harbor light")
    assert titles(find(world, "harbor stone")) == ["Harbor wall"]
    assert titles(find(world, "wall harbor")) == ["Harbor wall"]


def test_words_that_other_engines_leave_out_are_found(world, put):
    put("The Who")
    put("To be or not to be")
    assert titles(find(world, "the")) == ["The Who"]
    assert titles(find(world, "not to be")) == ["To be or not to be"]


def test_words_are_not_taken_for_their_stems(world, put):
    put("Organs")
    put("Organization")
    assert titles(find(world, "organs")) == ["Organs"]


@pytest.mark.parametrize(
    ("title", "query"),
    [
        ("Été à la plage", "ete"),
        ("Ete a la plage", "ÉTÉ"),
        ("E\u0301te\u0301", "été"),
        ("Große Straße", "GROSSE STRASSE"),
        ("İstanbul", "istanbul"),
        ("Привет", "ПРИВЕТ"),
        ("東京の自動化計画", "自動化"),
        ("東京の自動化計画", "自動"),
        ("東京の自動化計画", "東京 計画"),
        ("東京の自動化計画", "京"),
        ("서울특별시", "특별"),
        ("हिन्दी भाषा", "हिन्दी"),
        ("ﬁnance Ⅳ", "finance iv"),
        ("C++ & C#", "c++"),
        ("snake_case", "case"),
    ],
)
def test_a_word_is_found_however_it_is_written(world, put, title, query):
    put(title)
    put("Something else")
    results = find(world, query)
    assert titles(results) == [title]
    assert not results.is_similar
    assert "<mark>" in results.hits[0].title_html


def test_a_title_is_found_while_it_is_typed(world, put):
    put("Marketing plan")
    put("Mar")
    for typed in ("m", "ma", "mar"):
        assert set(titles(find(world, typed))) == {"Marketing plan", "Mar"}
    assert titles(find(world, "mar"))[0] == "Mar"
    assert titles(find(world, "market pl")) == ["Marketing plan"]


def test_operators_of_the_text_search_are_plain_words(world, put):
    put("Harbor wall")
    put("Harbor light")
    assert len(find(world, "harbor").hits) == 2
    assert len(find(world, '"harbor"').hits) == 2
    assert titles(find(world, "harbor -wall")) == ["Harbor wall"], "a dash excludes nothing"
    assert titles(find(world, '"wall harbor"')) == ["Harbor wall"], "quotes make no phrase"
    assert titles(find(world, '-"light"')) == ["Harbor light"]


@pytest.mark.parametrize("query", NASTY, ids=lambda query: ascii(query[:12]))
def test_whatever_is_typed_is_answered_quickly(world, put, query):
    put("Harbor wall", content="of stone " * 500)
    results = quick(lambda: find(world, query, actor=world.member), seconds=0.3)
    assert not results.is_cut


# -- Similar words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query", ["relanuch", "relunch", "relaumch", "rellaunch", "webside", "wbesite", "website relauch", "aunch"]
)
def test_a_slip_of_the_finger_still_finds(world, put, query):
    put("Website relaunch")
    put("Quarterly report")
    results = find(world, query)
    assert titles(results) == ["Website relaunch"]
    assert results.is_similar
    assert "<mark>" in results.hits[0].title_html


def test_the_likest_is_first(world, put):
    put("Harboring doubts")
    put("Harbor")
    assert titles(find(world, "harborr"))[0] == "Harbor"


def test_words_of_the_content_are_found_by_their_beginning(world, put):
    put("Notes", content="about the lighthouse")
    results = find(world, "lighth")
    assert titles(results) == ["Notes"]
    assert results.hits[0].snippet_html == "about the <mark>lighthouse</mark>"


def test_nonsense_finds_nothing(world, put):
    put("Website relaunch", content="A page, a shop and a newsletter for everybody who likes tea.")
    for query in ("zzz", "qwertz", "pelican", "$$$", "website zebra"):
        assert titles(find(world, query)) == [], query


def test_similar_words_respect_every_filter(world, put):
    put("Harbor", tags=["sea"], permission="project.delete")
    put("Harbor", resource="other", org=world.other.org)
    assert find(world, "harbour").hits
    assert not find(world, "harbour", actor=world.member).hits
    assert not find(world, "harbour", tags=["land"]).hits
    assert not find(world, "harbour", resource="other").hits


def test_without_a_text_index_search_goes_on(world, put):
    put("Harbor wall")
    collection = database()["search_entries"]
    definition = collection.index_information()[TEXT_INDEX]
    collection.drop_index(TEXT_INDEX)
    try:
        assert titles(find(world, "harb")) == ["Harbor wall"]
        assert titles(find(world, "harbour")) == ["Harbor wall"]
    finally:
        from saas.mongo.indexes import ensure_indexes

        ensure_indexes()
    assert collection.index_information()[TEXT_INDEX] == definition


def test_a_search_that_takes_too_long_ends(world, put, monkeypatch):
    put("Harbor")

    def never(*_args):
        raise ExecutionTimeout("operation exceeded time limit", 50)

    monkeypatch.setattr(finding, "run", never)
    results = find(world, "harbor")
    assert (results.hits, results.is_cut) == ([], True)


def test_the_database_is_told_the_limits(world, put, count_queries):
    put("Harbor")
    with count_queries() as commands:
        find(world, "harbor")
        find(world, "harbour")
    limits = [each.command["maxTimeMS"] for each in commands if each.command_name == "aggregate"]
    assert limits == [finding.TIME_LIMIT] * 3


# -- Who -------------------------------------------------------------------------------------------------------------


def test_an_actor_must_be_named(world):
    with pytest.raises(TypeError):
        search("harbor", organization=world.org)


def test_a_person_finds_what_the_role_allows(world, put):
    put("Harbor for all", permission="organization.read")
    put("Harbor for admins", permission="project.delete")
    assert len(find(world, "harbor", actor=world.owner).hits) == 2
    assert titles(find(world, "harbor", actor=world.viewer)) == ["Harbor for all"]
    assert titles(find(world, "harbor", actor=world.outsider)) == []
    assert titles(find(world, "harbor", actor=world.other.owner)) == []


def test_a_private_object_is_found_by_its_readers_and_those_who_see_all(world, put):
    put("Harbor", permission="project.read", readers=[world.member.pk])
    put("Harbor of nobody", permission="project.read", readers=[])
    assert titles(find(world, "harbor", actor=world.member)) == ["Harbor"]
    assert titles(find(world, "harbor", actor=world.viewer)) == []
    assert len(find(world, "harbor", actor=world.admin).hits) == 2


def test_another_organization_changes_neither_hits_nor_scores_nor_counts(world, put):
    for n in range(5):
        put(f"Harbor {n}", tags=["sea"])
    put("Rarity")
    before = [find(world, q, facets=True) for q in ("harbor", "rarity", "harbour", "sea")]
    for n in range(200):
        put(f"Harbor rarity {n}", org=world.other.org, tags=["sea", "secret"], resource="secret")
    after = [find(world, q, facets=True) for q in ("harbor", "rarity", "harbour", "sea")]
    assert after == before
    assert not find(world, "secret", facets=True).resources


def test_what_search_answers_needs_no_more_than_its_reads(world, put, count_queries, no_scans):
    for n in range(30):
        put(f"Harbor {n}")
    with no_scans(), count_queries(at_most=2) as commands:  # the hits with their counts; what they are now
        assert len(find(world, "harbor", actor=SYSTEM, facets=True).hits) == 20
    with no_scans(), count_queries(at_most=4):
        assert find(world, "harbour", actor=SYSTEM).hits
    assert commands[0].command["pipeline"][0]["$match"]["organization_id"]


def test_the_text_index_begins_with_the_organization():
    index = next(spec for spec in SearchEntry._meta["index_specs"] if spec.get("name") == TEXT_INDEX)
    assert index["fields"][0] == ("organization_id", 1)
    stored = database()["search_entries"].index_information()[TEXT_INDEX]
    assert stored["key"][0] == ("organization_id", 1)
    assert stored["default_language"] == "none"
    weights = dict(stored["weights"])
    assert weights["title_words"] > weights["tag_words"] > weights["content_words"]


# -- Narrowing and paging --------------------------------------------------------------------------------------------


def test_resource_and_tags_narrow_the_hits(world, put):
    put("Harbor a", tags=["sea", "stone"])
    put("Harbor b", tags=["sea"], resource="memo")
    put("Harbor c", tags=["stone"])
    assert len(find(world, "harbor").hits) == 3
    assert titles(find(world, "harbor", resource="memo")) == ["Harbor b"]
    assert titles(find(world, "harbor", tags=["sea", "stone"])) == ["Harbor a"]
    assert len(find(world, "harbor", tags=["sea", "stone"], any_tag=True).hits) == 3


def test_counts_are_of_what_the_actor_may_see(world, put):
    put("Harbor a", tags=["sea"])
    put("Harbor b", tags=["sea", "stone"], resource="memo")
    put("Harbor c", tags=["hidden"], resource="plan", permission="project.delete")
    counts = find(world, "harbor", actor=world.viewer, facets=True)
    assert {(each.value, each.count) for each in counts.resources} == {("note", 1), ("memo", 1)}
    assert {(each.value, each.count) for each in counts.tags} == {("sea", 2), ("stone", 1)}
    chosen = find(world, "harbor", actor=world.viewer, facets=True, resource="memo")
    assert {(each.value, each.count) for each in chosen.resources} == {("note", 1), ("memo", 1)}
    assert {(each.value, each.count) for each in chosen.tags} == {("sea", 1), ("stone", 1)}


def test_pages_hold_everything_once_while_entries_come_and_go(world, put):
    mine = [put(f"Harbor {n % 3} {n}", content="harbor " * (n % 4)) for n in range(25)]
    whole = find(world, "harbor", limit=50)
    seen, cursor = [], ""
    for turn in range(10):
        page = find(world, "harbor", limit=7, cursor=cursor)
        seen += [hit.resource_id for hit in page.hits]
        put(f"Harbor new {turn}", resource_id=f"new{turn}")
        cursor = page.next
        if not cursor:
            break
    assert [key for key in seen if not key.startswith("new")] == [hit.resource_id for hit in whole.hits]
    assert sorted(set(mine)) == sorted(key for key in seen if not key.startswith("new"))
    assert len(seen) == len(set(seen))


def test_pages_turn_back(world, put):
    for n in range(12):
        put(f"Harbor {n}")
    first = find(world, "harbor", limit=5)
    second = find(world, "harbor", limit=5, cursor=first.next)
    assert titles(find(world, "harbor", limit=5, cursor=second.previous)) == titles(first)
    assert first.previous == ""


def test_a_cursor_is_no_right(world, put):
    for n in range(8):
        put(f"Harbor {n}", org=world.other.org)
    cursor = find(world, "harbor", limit=3, org=world.other.org).next
    assert titles(find(world, "harbor", cursor=cursor)) == []
    put("Harbor")
    assert titles(find(world, "harbor", cursor=cursor)) == ["Harbor"]
    assert titles(find(world, "harbor", cursor="nonsense")) == ["Harbor"]


def test_the_number_of_hits_is_bounded(world, put):
    for n in range(finding.MOST + 5):
        put(f"Harbor {n}")
    assert len(find(world, "harbor", limit=10_000).hits) == finding.MOST
    assert len(find(world, "harbor", limit=-1).hits) == 1


# -- By hand ---------------------------------------------------------------------------------------------------------


def test_an_entry_is_changed_and_removed_by_hand(world, put):
    key = put("Harbor", readers=[world.member.pk], permission="project.read")
    put("Lighthouse", resource_id=key)
    assert titles(find(world, "lighthouse", actor=world.viewer)) == ["Lighthouse"]
    assert entries(world.org).count() == 1
    remove = {"resource": "note", "resource_id": key}
    assert remove_document(organization=world.org, **remove)
    assert not remove_document(organization=world.org, **remove)
    assert titles(find(world, "lighthouse")) == []


def test_the_same_id_in_two_organizations_is_two_objects(world, put):
    put("Harbor here", resource_id="same")
    put("Harbor there", resource_id="same", org=world.other.org)
    assert titles(find(world, "harbor")) == ["Harbor here"]
    remove_document(organization=world.org, resource="note", resource_id="same")
    assert titles(find(world, "harbor", org=world.other.org)) == ["Harbor there"]


def test_long_texts_are_cut(world, put):
    put("x" * 5_000, content="harbor " + "word " * 50_000, tags=["t" * 500] * 100)
    entry = entries(world.org).first()
    assert (len(entry.title), len(entry.content), len(entry.tags), len(entry.tags[0])) == (200, 5_000, 30, 60)
    assert len(entry.grams) <= 256
    assert find(world, "harbor").hits


def test_what_is_shown_is_escaped(world, put):
    put("<script>harbor</script>", content="<img src=x onerror=alert(1)> harbor")
    hit = find(world, "harbor").hits[0]
    assert hit.title_html == "&lt;script&gt;<mark>harbor</mark>&lt;/script&gt;"
    assert hit.snippet_html == "&lt;img src=x onerror=alert(1)&gt; <mark>harbor</mark>"
