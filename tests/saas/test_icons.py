"""Icons in templates: the library's pictures, each drawn once."""

import lucide as library
import pytest
from django.template import Context, Template


def draw(text, **context):
    return Template("{% load lucide %}" + text).render(Context(context))


def test_an_icon_is_the_library_s_own():
    expected = library._render_icon("check", 18, aria_hidden="true")
    assert draw('{% lucide "check" size=18 aria_hidden="true" %}') == expected


def test_an_icon_is_drawn_once(monkeypatch):
    drawn = []
    monkeypatch.setattr(library, "_load_icon", lambda name, load=library._load_icon: drawn.append(name) or load(name))
    for name in ("tent-tree", "tent-tree", "sailboat"):
        draw("{% lucide name size=17 %}", name=name)
    assert drawn == ["tent-tree", "sailboat"]


def test_a_label_cannot_break_out_of_its_attribute():
    svg = draw("{% lucide 'check' aria_label=label %}", label='"><script>alert(1)</script>')
    assert "<script>" not in svg
    assert 'aria-label="&quot;&gt;&lt;script&gt;' in svg


def test_an_unknown_icon_is_an_error():
    with pytest.raises(library.IconDoesNotExist):
        draw('{% lucide "no-such-icon" %}')
