import pytest
from django.test import RequestFactory
from django.utils import timezone, translation

from accounts.middleware import EXEMPT, PreferencesMiddleware, is_exempt
from accounts.models import User
from saas.access import routes
from tests.accounts.conftest import new_client
from tests.factories import UserFactory

HTMX = {"HX-Request": "true"}


@pytest.fixture
def unfinished():
    client = new_client()
    client.force_login(UserFactory(onboarded_at=None))
    return client


# -- getting started comes first -------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/", "/o/", "/o/new/", "/o/acme/", "/account/", "/no/such/page/"])
def test_an_unfinished_person_is_led_to_getting_started(unfinished, path):
    assert unfinished.get(path)["Location"] == "/onboarding/"
    assert unfinished.post(path)["Location"] == "/onboarding/"


def test_htmx_is_told_to_move_the_whole_page(unfinished):
    answer = unfinished.get("/o/", headers=HTMX)
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/onboarding/")


def test_following_the_redirects_ends_at_a_page(unfinished):
    answer = unfinished.get("/o/", follow=True)
    assert [url for url, _ in answer.redirect_chain] == ["/onboarding/", "/onboarding/welcome/"]
    assert answer.status_code == 200


@pytest.mark.parametrize("beginning", sorted(EXEMPT))
def test_an_exempt_address_is_left_alone(unfinished, beginning):
    for path in (beginning, f"{beginning.rstrip('/')}/some/thing/"):
        for client in (unfinished.get, unfinished.post):
            assert client(path).headers.get("Location") != "/onboarding/" or beginning == "/onboarding/"


@pytest.mark.parametrize("path", ["/accounts/logout/", "/accounts/confirm-email/", "/admin/", "/healthz", "/terms/"])
def test_what_must_go_on_working_is_exempt(path):
    assert is_exempt(path)


@pytest.mark.parametrize("path", ["/", "/o/", "/o/acme/", "/account/", "/accountsx/", "/adminx/", "/apix"])
def test_what_only_looks_like_it_is_not(path):
    assert not is_exempt(path)


def test_every_page_of_an_organization_waits_for_getting_started():
    inside = ["/" + route.pattern.replace("<slug:org_slug>", "acme") for route in routes() if route.mark.kind == "org"]
    assert inside
    assert not [path for path in inside if is_exempt(path)]


def test_an_unfinished_person_signs_out(unfinished):
    assert unfinished.post("/accounts/logout/")["Location"] == "/"
    assert unfinished.get("/").status_code == 200


def test_nobody_and_finished_people_are_left_alone(visitor, person):
    assert visitor.get("/").status_code == 200
    visitor.force_login(person)
    assert visitor.get("/o/").status_code == 200


def test_it_costs_no_read(unfinished, count_queries):
    unfinished.get("/o/")
    with count_queries(at_most=1):  # the user
        unfinished.get("/o/")


# -- preferences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("zone", "active"), [("Asia/Tokyo", "Asia/Tokyo"), ("Mars/Olympus", "UTC"), ("", "UTC")])
def test_times_are_in_the_persons_zone(zone, active):
    request = RequestFactory().get("/")
    request.user = User(time_zone=zone, theme="dark")
    seen = {}

    def view(request):
        seen.update(zone=timezone.get_current_timezone_name(), language=translation.get_language(), theme=request.theme)

    PreferencesMiddleware(view)(request)
    assert seen == {"zone": active, "language": "en", "theme": "dark"}
    assert timezone.get_current_timezone_name() == "UTC", "and the next request starts anew"


@pytest.mark.parametrize("cookie", ["light", "dark", "system", "purple"])
def test_a_visitors_theme_comes_from_the_cookie(visitor, cookie):
    visitor.cookies["theme"] = cookie
    theme = "system" if cookie == "purple" else cookie
    assert f'data-theme="{theme}"' in visitor.get("/terms/").content.decode()


def test_a_persons_theme_beats_the_cookie(visitor):
    visitor.force_login(UserFactory(theme="dark"))
    visitor.cookies["theme"] = "light"
    assert 'data-theme="dark"' in visitor.get("/terms/").content.decode()
