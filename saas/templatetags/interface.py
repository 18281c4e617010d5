"""Small things that pages need and Django does not bring: initials, and a moment in time in the reader's words."""

from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince, timeuntil

register = template.Library()


@register.filter
def initials(name: object) -> str:
    """At most two letters for an avatar: "Ada Lovelace" gives AL, "ada@example.com" gives A, nothing gives "?"."""
    words = [word for word in str(name or "").split("@")[0].split() if word[0].isalnum()]
    if not words:
        return "?"
    return (words[0][0] + (words[-1][0] if len(words) > 1 else "")).upper()


@register.simple_tag
def moment(value: datetime | None, empty: str = "never") -> SafeString | str:
    """`<time>` with relative words, and the exact time in the reader's zone on hover. interface.js keeps it fresh.

    An aware datetime; None gives the word `empty`.
    """
    if value is None:
        return empty
    local = timezone.localtime(value)
    exact = f"{date_format(local, 'j F Y, H:i')} ({local.tzname()})"
    return format_html(
        '<time datetime="{}" title="{}" data-relative>{}</time>',
        local.isoformat(timespec="seconds"),
        exact,
        _words(value),
    )


def _words(value: datetime) -> str:
    seconds = (timezone.now() - value).total_seconds()
    if abs(seconds) < 60:
        return "just now"
    if seconds > 0:
        return f"{timesince(value, depth=1)} ago".replace("\xa0", " ")
    return f"in {timeuntil(value, depth=1)}".replace("\xa0", " ")
