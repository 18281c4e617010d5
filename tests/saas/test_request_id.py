"""Every answer names its request, and the log names the same one."""

import pytest
import structlog
from django.http import HttpResponse
from django.test import Client

from saas.request_id import RequestIdMiddleware


def id_of(path):
    answer = Client().get(path)
    answer.close()  # a static file stays open until then
    return answer["X-Request-ID"]


@pytest.mark.parametrize("path", ["/healthz", "/robots.txt", "/static/css/app.css", "/nowhere/", "/o/acme/"])
def test_every_answer_carries_an_id(path, db):
    first, second = id_of(path), id_of(path)
    assert len(first) == 36
    assert first != second


def test_the_id_of_our_proxy_stays(db, settings):
    settings.TRUSTED_PROXIES = 1
    assert Client().get("/robots.txt", headers={"X-Request-ID": "edge-7f3a9c21"})["X-Request-ID"] == "edge-7f3a9c21"


def test_a_visitor_names_no_request(db):
    assert Client().get("/robots.txt", headers={"X-Request-ID": "edge-7f3a9c21"})["X-Request-ID"] != "edge-7f3a9c21"


@pytest.mark.parametrize("nonsense", ["", "short", "x" * 65, "<script>alert(1)</script>", "a b c d e f g h"])
def test_nonsense_is_replaced(nonsense, settings):
    settings.TRUSTED_PROXIES = 1
    answer = Client().get("/healthz", headers={"X-Request-ID": nonsense})
    assert len(answer["X-Request-ID"]) == 36


def test_the_log_has_the_same_id(rf):
    from django_structlog.middlewares import RequestMiddleware

    seen = []

    def view(_request):
        seen.append(structlog.contextvars.get_contextvars()["request_id"])
        return HttpResponse()

    request = rf.get("/")
    request.user = None
    answer = RequestIdMiddleware(RequestMiddleware(view))(request)
    assert seen == [answer["X-Request-ID"]]
