"""The words that were asked for, marked in a title, or in the part of a text around the first of them; escaped."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.html import conditional_escape, escape
from django.utils.safestring import SafeString, mark_safe

from saas.search import words

LENGTH = 180  # letters of a snippet
BEFORE = 50  # of them before the first mark
LIKE_ENOUGH = 0.4  # of the grams of an asked word


@dataclass(frozen=True, slots=True)
class Marker:
    """What to mark: words that begin with one of these, or are like one of them."""

    wanted: tuple[str, ...]
    is_similar: bool = False

    def title(self, text: str) -> SafeString:
        return self._marked(text, 0, len(text))

    def snippet(self, text: str) -> SafeString:
        """The part of the text around the first mark; without one its beginning."""
        first = next(self._places(text), (0, 0))[0]
        start = max(0, first - BEFORE) if first > LENGTH - BEFORE else 0
        start = text.find(" ", start, first) + 1 or start if start else 0
        end = min(len(text), start + LENGTH)
        cut = text.rfind(" ", start, end) if end < len(text) else -1
        end = cut if cut > start + LENGTH // 2 else end
        before, after = "…" if start else "", "…" if end < len(text) else ""
        return mark_safe(f"{before}{self._marked(text, start, end)}{after}")  # noqa: S308  _marked escapes

    def finds(self, texts: str, word: str) -> bool:
        """Whether the text has a word that is like this one."""
        grams = words.grams_of(word)
        return any(words.likeness(grams, run) >= LIKE_ENOUGH for run in words.runs_of(texts))

    def _marked(self, text: str, start: int, end: int) -> SafeString:
        parts, at = [], start
        for left, right in self._places(text[:end]):
            if left >= at:
                parts += [escape(text[at:left]), "<mark>", escape(text[left:right]), "</mark>"]
                at = right
        parts.append(conditional_escape(text[at:end]))
        return mark_safe("".join(parts))  # noqa: S308  every part is escaped

    def _places(self, text: str) -> Iterator[tuple[int, int]]:
        for start, end in words.spans(text):
            word = words.normalize(text[start:end])
            if words.is_unspaced(word):
                yield from self._places_within(word, start, end)
            elif self._is_wanted(word):
                yield start, end

    def _is_wanted(self, word: str) -> bool:
        if not self.is_similar:
            return word.startswith(self.wanted)
        return any(words.likeness(words.grams_of(each), word) >= LIKE_ENOUGH for each in self.wanted)

    def _places_within(self, word: str, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Of an unspaced run the letters that were asked for; the whole run where its letters cannot be told apart."""
        hit = [False] * len(word)
        for each in self.wanted:
            at = word.find(each)
            while each and at >= 0:
                hit[at : at + len(each)] = [True] * len(each)
                at = word.find(each, at + 1)
        if len(word) != end - start:
            if any(hit):
                yield start, end
            return
        at = 0
        while at < len(word):
            right = at
            while right < len(word) and hit[right]:
                right += 1
            if right > at:
                yield start + at, start + right
            at = right + 1
