"""What search engines and Lighthouse read."""

import re

import pytest
from django.test import Client

from saas.product import product
from tests.factories import make_world


@pytest.mark.parametrize("path", ["/", "/accounts/login/", "/terms/"])
def test_a_public_page_describes_itself_and_may_be_found(path, db):
    html = Client().get(path).content.decode()
    assert len(re.findall(r'<meta name="description"\s+content="[^"]{30,}"', html)) == 1
    assert "noindex" not in html


def test_signed_in_pages_are_described_too():
    world = make_world()
    html = world.client("viewer").get(f"/o/{world.org.slug}/").content.decode()
    assert product()["description"] in html


def test_robots_keep_out_of_the_administration_and_of_repeated_sign_in_pages():
    assert Client().get("/robots.txt").content.decode().splitlines() == [
        "User-agent: *",
        "Disallow: /admin/",
        "Disallow: /*?next=",
    ]
