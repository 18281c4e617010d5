"""Visitors, each at an address of his own, so that no limit counts two of them together, and their mails."""

import re
from collections.abc import Callable
from random import randint
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.shortcuts import resolve_url
from django.test import Client

from accounts.models import User
from saas.jobs.models import Job

PASSWORD = "correct-horse-battery"


def new_client(**extra: Any) -> Client:
    """A browser at an address of its own."""
    address = f"10.{randint(0, 255)}.{randint(0, 255)}.{randint(1, 254)}"
    return Client(REMOTE_ADDR=address, raise_request_exception=False, **extra)


@pytest.fixture
def visitor() -> Client:
    return new_client()


@pytest.fixture
def address() -> str:
    return f"{uuid4().hex}@example.com"


def home() -> str:
    """Where somebody lands who signs in and wants no page in particular."""
    return resolve_url(settings.LOGIN_REDIRECT_URL)


def mails(to: str) -> list[Job]:
    """The mails that were queued for this address, oldest first."""
    queued = Job.objects.everything(reason="a test reads its mail")
    return list(queued.filter(queue="email", payload__to=to).order_by("created_at", "id"))


def link_in(mail: Job) -> str:
    """Path of the link in a mail that leads to a page of /accounts/."""
    (found,) = re.findall(r"https?://[^/\s]+(/accounts/[^\s]+)", mail.payload["body"])
    return found


@pytest.fixture
def sign_up(address: str) -> Callable[..., Any]:
    def sign_up(client: Client, email: str = address, password: str = PASSWORD) -> Any:
        return client.post("/accounts/signup/", {"email": email, "password1": password})

    return sign_up


@pytest.fixture
def person(address: str) -> User:
    """Somebody with a confirmed address, the password PASSWORD and everything done."""
    from django.contrib.auth.hashers import make_password

    from accounts.services import create_person

    return create_person(email=address, encoded=make_password(PASSWORD), name="Anna Ambler")


def sign_in(client: Client, email: str, password: str = PASSWORD) -> Any:
    return client.post("/accounts/login/", {"login": email, "password": password})
