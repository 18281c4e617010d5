import json

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.http import HttpResponse
from django.test import RequestFactory
from django_htmx.middleware import HtmxDetails

from saas.htmx import form_again, is_htmx, redirect, toast

HX = {"HX-Request": "true"}


@pytest.fixture
def ask(rf):
    def make(**headers):
        request = rf.post("/", headers={name.replace("_", "-"): value for name, value in headers.items()})
        request.htmx = HtmxDetails(request)
        request._messages = CookieStorage(request)
        return request

    return make


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, False),
        (HX, True),
        (HX | {"HX-Boosted": "true"}, False),
        (HX | {"HX-History-Restore-Request": "true"}, False),
    ],
)
def test_only_a_part_of_a_page_is_htmx(ask, headers, expected):
    assert is_htmx(ask(**headers)) is expected


def test_a_request_that_no_middleware_has_seen_is_a_plain_one():
    assert is_htmx(RequestFactory().get("/")) is False


def test_a_redirect_is_303_and_a_moved_page_for_htmx(ask):
    plain, htmx = redirect(ask(), "home"), redirect(ask(**HX), "home")
    assert (plain.status_code, plain["Location"]) == (303, "/")
    assert (htmx.status_code, htmx["HX-Redirect"]) == (200, "/")


def test_a_redirect_takes_an_address_and_arguments(ask):
    assert redirect(ask(), "/o/acorn/")["Location"] == "/o/acorn/"
    assert redirect(ask(), "organizations:dashboard", "acorn")["Location"] == "/o/acorn/"
    assert redirect(ask(), "organizations:dashboard", org_slug="acorn")["Location"] == "/o/acorn/"


def test_a_toast_rides_on_a_part_of_a_page(ask):
    request = ask(**HX)
    response = toast(HttpResponse("part"), "Saved.", request=request)
    assert json.loads(response["HX-Trigger"]) == {"toast": {"text": "Saved.", "level": "success"}}
    assert list(get_messages(request)) == []


@pytest.mark.parametrize("headers", [{}, HX])
def test_a_toast_waits_for_the_next_page_when_this_one_is_left(ask, headers):
    request = ask(**headers)
    response = toast(redirect(request, "home"), "Gone.", level="error", request=request)
    assert "HX-Trigger" not in response
    ((message),) = get_messages(request)
    assert (message.message, message.level_tag) == ("Gone.", "error")


class Form(forms.Form):
    name = forms.CharField()


@pytest.mark.parametrize(("template", "partial"), [("test/form.html#form", ""), ("test/form.html", "form")])
def test_a_form_comes_back_whole_or_in_part(ask, settings, tmp_path, template, partial):
    (tmp_path / "test").mkdir()
    (tmp_path / "test/form.html").write_text(
        "{% load partials %}<html>{% partialdef form inline %}<form>{{ form.name.value }}</form>{% endpartialdef %}"
    )
    options = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**options, "DIRS": [tmp_path, *options["DIRS"]]}]
    context = {"form": Form({"name": "typed"})}
    page = form_again(ask(), template, context, partial=partial, target="#form")
    part = form_again(ask(**HX), template, context, partial=partial, target="#form")
    own = form_again(ask(**HX), template, context, partial=partial)
    assert page.status_code == part.status_code == 422
    assert (page.content, part.content) == (b"<html><form>typed</form>", b"<form>typed</form>")
    assert (part["HX-Retarget"], part["HX-Reswap"]) == ("#form", "outerHTML")
    assert "HX-Retarget" not in page
    assert "HX-Retarget" not in own
