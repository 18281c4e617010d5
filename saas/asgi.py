"""Streams alone (pages are WSGI): `granian --interface asgi saas.asgi:application`."""

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "saas.settings")
django.setup()

from saas.stream import application  # noqa: E402  it reads the settings

__all__ = ["application"]
