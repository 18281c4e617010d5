import pymongo.errors
import pytest
from django.test import Client

from saas import errors
from tests.factories import UserFactory

pytestmark = pytest.mark.urls("tests.saas.errors_urls")
HTMX = {"HX-Request": "true"}


@pytest.fixture
def browser():
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(
    ("what", "status", "words"),
    [
        ("bad", 400, "makes no sense"),
        ("denied", 403, "Only owners may do this."),
        ("missing", 404, "There is nothing here"),
        ("problem", 409, "All seats are taken. Remove somebody first."),
        ("bug", 500, "Something broke on our side"),
        ("database", 503, "the database"),
        ("nested", 503, "the database"),
        ("queue", 503, "the queue of background work"),
        ("cache", 503, "the cache"),
    ],
)
@pytest.mark.parametrize("debug", [False, True], ids=["deployed", "development"])
def test_an_error_is_a_page_in_words_with_the_id_of_the_request(browser, settings, what, status, words, debug):
    settings.DEBUG = debug
    response = browser.get(f"/fail/{what}/")
    assert response.status_code == status
    assert response["X-Request-ID"]
    if debug and what in ("bad", "missing", "bug"):
        return  # Django's own page for developers
    page = response.content.decode()
    assert words in page
    assert "secret reason" not in page
    assert "<html" in page
    if status >= 500:
        assert response["X-Request-ID"] in page


@pytest.mark.parametrize(("what", "status"), [("denied", 403), ("problem", 409), ("bug", 500), ("database", 503)])
def test_htmx_gets_the_words_as_a_toast_and_keeps_the_page(browser, what, status):
    response = browser.get(f"/fail/{what}/", headers=HTMX)
    assert (response.status_code, response["HX-Reswap"], response.content) == (status, "none", b"")
    assert '"level": "error"' in response["HX-Trigger"]


def test_an_outage_says_when_to_come_back(browser):
    assert browser.get("/fail/database/")["Retry-After"] == "5"


def test_an_outage_while_finding_out_who_it_is_is_one_too(browser, monkeypatch):
    user = UserFactory()
    browser.force_login(user)

    def away(*_args, **_kwargs):
        raise pymongo.errors.ServerSelectionTimeoutError("away")

    monkeypatch.setattr("accounts.backends.AuthenticationBackend.get_user", away)
    response = browser.get("/fine/")
    assert response.status_code == 503
    assert "the database" in response.content.decode()


def test_the_pages_from_500_on_touch_no_database(browser, count_queries):
    user = UserFactory()
    browser.force_login(user)
    browser.get("/fine/")
    with count_queries() as fine:
        browser.get("/fine/")
    with count_queries() as bug:
        browser.get("/fail/bug/")
    assert len(bug) == len(fine)


def test_a_page_that_cannot_be_rendered_becomes_plain_text(browser, monkeypatch):
    def broken(*_args, **_kwargs):
        raise RuntimeError("no template")

    monkeypatch.setattr(errors, "render_to_string", broken)
    response = browser.get("/fail/bug/")
    assert (response.status_code, response["Content-Type"]) == (500, "text/plain; charset=utf-8")
    assert response["X-Request-ID"] in response.content.decode()


@pytest.mark.parametrize("path", ["/fine/", "/o/", "/no-such-page/", "/accounts/login/"])
def test_every_answer_carries_an_id_of_its_own(browser, path):
    first, second = browser.get(path), browser.get(path)
    assert len(first["X-Request-ID"]) == 36
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_a_form_from_a_stale_page_is_refused_in_words():
    strict = Client(enforce_csrf_checks=True)
    response = strict.post("/accounts/login/", {"login": "x"})
    assert response.status_code == 403
    assert "open for too long" in response.content.decode()


def test_a_chain_of_causes_that_bites_its_tail_ends():
    first, second = RuntimeError("a"), RuntimeError("b")
    first.__cause__, second.__cause__ = second, first
    assert errors.missing_part(first) == ""
    assert errors.missing_part(None) == ""
