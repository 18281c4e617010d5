"""Every mail: HTML and text, with the same links, with words for every picture, and nothing missing."""

import copy
import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

import pytest
from django.template import engines

from saas import emails
from saas.mailing import samples

MISSING = "MISSING-"


class Anatomy(HTMLParser):
    """Links, pictures and the words of a mail."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[dict] = []
        self.language = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        values = dict(attrs)
        if tag == "a":
            self.links.append(values.get("href") or "")
        elif tag == "img":
            self.pictures.append(values)
        elif tag == "html":
            self.language = values.get("lang") or ""


@pytest.fixture
def strict(monkeypatch):
    """What a template names and nobody gives shows."""
    engine = engines["django"].engine
    monkeypatch.setattr(engine, "string_if_invalid", f"{MISSING}%s")
    return engine


@pytest.mark.parametrize("name", samples.names())
def test_a_mail_is_whole(name, strict):
    subject, text, html = emails.render(name, copy.copy(samples.context()))
    anatomy = Anatomy(html)
    assert MISSING not in subject + text, (subject, text)
    assert MISSING not in html, re.findall(rf"{MISSING}\S+", html)
    assert anatomy.language == "en"
    for link in anatomy.links:
        parts = urlsplit(link)
        assert parts.scheme in ("http", "https", "mailto"), link
        assert parts.netloc or parts.scheme == "mailto", link
        if parts.scheme != "mailto":
            assert link in text, f"{link} is in the HTML part alone"
    assert all(picture.get("alt") is not None for picture in anatomy.pictures)
    assert "prefers-color-scheme: dark" in html
    assert "javascript:" not in html
    assert "<script" not in html


def test_the_preview_shows_every_mail_in_both_themes(client):
    page = client.get("/styleguide/mail/").content.decode()
    for name in samples.names():
        assert f'value="{name}"' in page
    name = samples.names()[0]
    light, dark = (client.get(f"/styleguide/mail/{name}/{theme}/").content.decode() for theme in ("light", "dark"))
    assert "@media all" in dark
    assert "@media all" not in light
    assert client.get("/styleguide/mail/?mail=none").status_code == 404
