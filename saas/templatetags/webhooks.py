"""Addresses on the pages of endpoints, which are an organization's or the platform's."""

from typing import Any

from django import template

register = template.Library()


@register.simple_tag(takes_context=True)
def place_url(context: dict[str, Any], name: str, *args: str) -> str:
    """`{% place_url "webhook_detail" webhook.id %}`: that page of the context's `place`."""
    return str(context["place"].url(name, *args))
