"""Charts as SVG, drawn by the server: no script, and the colors of the theme.

    chart = charts.line("Agent runs per day", days, {"Succeeded": [90, 120], "Failed": [5, None]})
    {% include "components/chart.html" %}

The page shows the title, a legend, the drawing, and the numbers as a table that can be opened; a point or a bar says
its value when the pointer rests on it.  pygal draws; its styles, scripts and tooltips are taken out, and
static/css/components.css dresses what is left, so that the page's policy needs no exception.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Any
from xml.etree import ElementTree

import pygal
from django.utils.safestring import SafeString, mark_safe

# pygal hangs a loader for its maps into Python's imports, of a kind that Python has given up and warns of.
sys.meta_path[:] = [finder for finder in sys.meta_path if not isinstance(finder, pygal.PluginImportFixer)]

Number = int | float
Values = Sequence[Number | None]
Format = Callable[[Number], str]

#: A drawing is made for a wide and for a narrow place, so that its letters have one size; the styles show one of them.
WIDE = {"width": 880, "height": 240, "most_labels": 12}
NARROW = {"width": 340, "height": 220, "most_labels": 5}
TICKS = 4
#: Parts of pygal's drawing that we do not use: its styles and script, grounds, its name, and what its script fills.
UNUSED = ("defs", "desc", "title")
UNUSED_CLASSES = {"background", "titles", "plot text-overlay", "plot tooltip-overlay"}


@dataclass(frozen=True, slots=True)
class Chart:
    """What components/chart.html shows.  `rows` are the labels with their values in words, in the order of `names`."""

    title: str
    summary: str
    names: list[str]
    rows: list[tuple[str, list[str]]]
    wide: SafeString
    narrow: SafeString

    @property
    def is_empty(self) -> bool:
        return not self.wide


def number(value: Number) -> str:
    """1234 as "1,234", 0.5 as "0.5"."""
    return f"{value:,.2f}".rstrip("0").rstrip(".")


def line(
    title: str, labels: Sequence[str], series: Mapping[str, Values], *, words: Format = number, summary: str = ""
) -> Chart:
    """How values went over time; at most six series, None where nothing is known.

    `words` writes a value with its unit.  `summary` is what a screen reader says; by default the title, the first and
    last label, and the range of each series.
    """
    return _chart(pygal.Line, title, labels, series, words=words, summary=summary, dots_size=3)


def bar(
    title: str, labels: Sequence[str], series: Mapping[str, Values], *, words: Format = number, summary: str = ""
) -> Chart:
    """How values compare; otherwise as `line`."""
    return _chart(pygal.Bar, title, labels, series, words=words, summary=summary, rounded_bars=2)


def _chart(
    kind: Any,
    title: str,
    labels: Sequence[str],
    series: Mapping[str, Values],
    *,
    words: Format,
    summary: str,
    **options: Any,
) -> Chart:
    names = list(series)
    rows = [
        (label, ["–" if value is None else words(value) for value in values])
        for label, *values in zip(labels, *series.values(), strict=True)
    ]
    known = [value for values in series.values() for value in values if value is not None]
    summary = summary or _summary(title, labels, series, words)

    def draw(*, width: int, height: int, most_labels: int) -> SafeString:
        if not known:
            return mark_safe("")
        drawing = kind(
            width=width,
            height=height,
            margin=4,
            margin_right=8,
            css=[],
            js=[],
            show_legend=False,
            truncate_label=-1,
            allow_interruptions=True,
            range=(min(0, *known), max(_ticks(max(known)))),
            x_labels_major_every=ceil(len(labels) / most_labels),
            show_minor_x_labels=False,
            formatter=words,
            **options,
        )
        drawing.x_labels = list(labels)
        drawing.y_labels = [{"label": words(tick), "value": tick} for tick in _ticks(max(known))]
        for name, values in series.items():
            drawing.add(name, list(values))
        return _cleaned(drawing.render_tree(), summary)

    return Chart(title, summary, names, rows, wide=draw(**WIDE), narrow=draw(**NARROW))


def _summary(title: str, labels: Sequence[str], series: Mapping[str, Values], words: Format) -> str:
    parts = [f"{title}, {labels[0]} to {labels[-1]}" if labels else title]
    for name, values in series.items():
        known = [value for value in values if value is not None]
        parts.append(f"{name}: {words(min(known))} to {words(max(known))}" if known else f"{name}: nothing")
    return ". ".join(parts) + "."


def _ticks(highest: Number) -> list[float]:
    """Round numbers from 0 to the first one that is not below `highest`: 240 gives 0, 100, 200, 300."""
    if highest <= 0:
        return [0, 1]
    rough = highest / TICKS
    power = 10.0 ** floor(log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough)
    return [round(step * n, 10) for n in range(ceil(highest / step) + 1)]


def _cleaned(tree: ElementTree.Element, summary: str) -> SafeString:
    """The SVG without pygal's styles, scripts and tooltips, with a name of its own and a title on each value."""
    for parent in list(tree.iter()):
        _say_value(parent)
        for child in list(parent):
            if child.tag in UNUSED or child.get("class") in UNUSED_CLASSES or not isinstance(child.tag, str):
                parent.remove(child)
        for name in ("style", "id"):
            parent.attrib.pop(name, None)
    for said in tree.iter("said"):
        said.tag = "title"
    tree.attrib.pop("xmlns", None)
    tree.attrib.update({"role": "img", "aria-label": summary, "focusable": "false"})
    return mark_safe(ElementTree.tostring(tree, encoding="unicode"))  # noqa: S308 - ElementTree has escaped all text


def _say_value(parent: ElementTree.Element) -> None:
    """pygal describes a dot or bar beside it, for its script; a title in it is shown by the browser itself."""
    shape = next((child for child in parent if child.tag in ("circle", "rect")), None)
    said = {child.get("class", "").split()[0]: child.text for child in parent if child.tag == "desc"}
    if shape is not None and "value" in said:
        ElementTree.SubElement(shape, "said").text = f"{said.get('x_label', '')}: {said['value']}".lstrip(": ")
