"""Words: how a text is taken apart, the same for what is indexed and for what is asked.

    words_of("Café-Öffnung 自動化")     ["cafe", "offnung", "自", "動", "化", "自動", "動化"]
    grams_of("offnung")                {"^o", "^of", "off", "ffn", "fnu", "nun", "ung"}

A word is a run of letters, digits and marks in one way to write them: NFKC, without case, Latin, Greek and Cyrillic
letters without accents. Chinese, Japanese and Korean put no spaces between words, so a run of theirs becomes its
letters and its pairs of letters. Nothing of what a person types is ever an operator or a pattern.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise

LONGEST_WORD = 40  # letters; what comes after makes no difference
LONGEST_BEGINNING = 16
PLAIN = re.compile(r"[a-zA-Z0-9]+")
ACCENTS = range(0x0300, 0x0370)
#: Kana, Han and Hangul.
UNSPACED = (
    range(0x3040, 0x3100),
    range(0x3400, 0x4DC0),
    range(0x4E00, 0xA000),
    range(0xAC00, 0xD7B0),
    range(0xF900, 0xFB00),
    range(0x20000, 0x32000),
)


def normalize(text: str) -> str:
    """The text in one way to write it.  Its length may differ."""
    if text.isascii():
        return text.lower()
    plain = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    return unicodedata.normalize("NFC", "".join(letter for letter in plain if ord(letter) not in ACCENTS))


def spans(text: str) -> Iterator[tuple[int, int]]:
    """Where the runs of letters, digits and marks stand.  Linear in the text's length."""
    if text.isascii():
        yield from (found.span() for found in PLAIN.finditer(text))
        return
    start = -1
    for at, letter in enumerate(text):
        if letter.isalnum() or unicodedata.category(letter)[0] == "M":
            start = at if start < 0 else start
        elif start >= 0:
            yield start, at
            start = -1
    if start >= 0:
        yield start, len(text)


def runs_of(text: str) -> list[str]:
    """The runs of a text, normalized and cut to LONGEST_WORD, as often as they stand there."""
    plain = normalize(text)
    return [plain[start:end][:LONGEST_WORD] for start, end in spans(plain)]


def is_unspaced(text: str) -> bool:
    return not text.isascii() and any(ord(letter) in block for letter in text for block in UNSPACED)


def pieces_of(run: str) -> list[str]:
    """What is indexed of one run: itself, or the letters and pairs of an unspaced script."""
    return [*run, *pairs_of(run)] if is_unspaced(run) else [run]


def words_of(text: str) -> list[str]:
    """Everything that is indexed of a text."""
    return [piece for run in runs_of(text) for piece in pieces_of(run)]


def wanted_of(text: str, *, at_most: int) -> list[str]:
    """The words of a query, each once: all of them must be found.  Of an unspaced run its pairs alone."""
    found = dict.fromkeys(
        piece for run in runs_of(text) for piece in (pairs_of(run) or [run] if is_unspaced(run) else [run])
    )
    return list(found)[:at_most]


def pairs_of(run: str) -> list[str]:
    return [a + b for a, b in pairwise(run)]


def beginnings_of(words: Iterable[str]) -> list[str]:
    """The beginnings of words, so that one is found while it is typed."""
    return list(dict.fromkeys(word[:end] for word in words for end in range(1, min(len(word), LONGEST_BEGINNING + 1))))


def grams_of(word: str) -> set[str]:
    """The three-letter pieces of a word, and its beginning marked as one: what a misspelled word still shares."""
    return {f"^{word[:1]}", f"^{word[:2]}", *(word[at : at + 3] for at in range(len(word) - 2))}


def likeness(asked: set[str], word: str) -> float:
    """How much of a query's word (its grams) a word has: 0 to 1."""
    return len(asked & grams_of(word)) / len(asked)
