"""How a text is taken apart: the same for what is indexed and for what is asked."""

import pytest

from saas.search import words
from saas.search.snippets import LENGTH, Marker
from tests.patience import quick


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Website relaunch", ["website", "relaunch"]),
        ("Café ÉTÉ Ñandú", ["cafe", "ete", "nandu"]),
        ("Straße İstanbul ﬁne", ["strasse", "istanbul", "fine"]),
        ("anna.lee+x@example.com", ["anna", "lee", "x", "example", "com"]),
        ('"quoted" -not $where .* (a|b)', ["quoted", "not", "where", "a", "b"]),
        ("snake_case x2", ["snake", "case", "x2"]),
        ("自動化", ["自", "動", "化", "自動", "動化"]),
        ("が", ["が"]),
        ("हिन्दी भाषा", ["हिन्दी", "भाषा"]),
        ("Привет, мир!", ["привет", "мир"]),
        ("", []),
        ("  \t\n  ", []),
        ('"-$*', []),
        ("a\x00b", ["a", "b"]),
        ("\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), []),
    ],
)
def test_a_text_is_taken_apart(text, found):
    assert words.words_of(text) == found


def test_a_query_of_cjk_asks_for_its_pairs():
    assert words.wanted_of("自動化 harbor 車", at_most=10) == ["自動", "動化", "harbor", "車"]


def test_a_query_has_each_word_once_and_not_too_many():
    assert words.wanted_of("a b a c d", at_most=3) == ["a", "b", "c"]


def test_a_word_without_end_is_cut():
    assert words.words_of("x" * 10_000) == ["x" * words.LONGEST_WORD]


def test_taking_apart_is_linear():
    text = "a-" * 100_000 + "é" * 100_000
    quick(lambda: words.words_of(text), seconds=3)


def test_a_misspelled_word_shares_most_of_its_pieces():
    for asked, there in (("harbour", "harbor"), ("wbesite", "website"), ("relanch", "relaunch"), ("hallo", "hello")):
        assert words.likeness(words.grams_of(asked), there) >= 0.4, asked
    assert words.likeness(words.grams_of("harbor"), "website") == 0


def marked(text, *wanted, **more):
    return Marker(wanted, **more).title(text)


@pytest.mark.parametrize(
    ("text", "wanted", "shown"),
    [
        ("Website relaunch", ("web",), "<mark>Website</mark> relaunch"),
        ("The CAFÉ at Été", ("cafe", "ete"), "The <mark>CAFÉ</mark> at <mark>Été</mark>"),
        ("<b>web</b> & 'more'", ("web",), "&lt;b&gt;<mark>web</mark>&lt;/b&gt; &amp; &#x27;more&#x27;"),
        ("東京の自動化計画", ("自動", "動化"), "東京の<mark>自動化</mark>計画"),
        ("<mark>", ("mark",), "&lt;<mark>mark</mark>&gt;"),
        ("nothing here", ("web",), "nothing here"),
        ("", ("web",), ""),
    ],
)
def test_what_was_asked_for_is_marked_and_all_is_escaped(text, wanted, shown):
    assert marked(text, *wanted) == shown


def test_similar_words_are_marked():
    assert marked("The harbor wall", "harbour", is_similar=True) == "The <mark>harbor</mark> wall"


def test_a_snippet_is_the_part_around_the_first_mark():
    text = "word " * 200 + "the harbor of Tallinn " + "end " * 200
    snippet = Marker(("harbor",)).snippet(text)
    assert snippet.startswith("…word")
    assert snippet.endswith("…")
    assert "<mark>harbor</mark> of Tallinn" in snippet
    assert len(snippet) <= LENGTH + 20


def test_a_snippet_without_a_mark_is_the_beginning():
    assert Marker(("none",)).snippet("short text") == "short text"
    assert Marker(("none",)).snippet("x" * 1000) == "x" * LENGTH + "…"
