import pytest

from accounts.models import User
from tests.accounts.test_sign_up import events_of

VALUES = {
    "name": "  Anna   Ambler ",
    "theme": "light",
    "locale": "en",
    "time_zone": "America/New_York",
    "email_digest": "daily",
    "analytics_consent": "on",
}


@pytest.fixture
def browser(visitor, person):
    visitor.force_login(person)
    return visitor


def test_a_person_changes_the_profile(browser, person):
    assert browser.get("/account/").status_code == 200
    assert browser.post("/account/", VALUES)["Location"] == "/account/"
    person.refresh_from_db()
    assert (person.name, person.time_zone, person.analytics_consent) == ("Anna Ambler", "America/New_York", True)
    (event,) = events_of("user.updated")
    assert event.before["time_zone"] == "UTC"
    assert event.after["time_zone"] == "America/New_York"
    assert "name" not in event.after, "only what changed"


def test_saving_the_same_again_records_nothing(browser):
    browser.post("/account/", VALUES)
    browser.post("/account/", VALUES)
    assert len(events_of("user.updated")) == 1


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_mistake_changes_nothing_and_keeps_what_was_typed(browser, person, headers):
    answer = browser.post("/account/", {**VALUES, "name": "Berta", "time_zone": "Mars/Olympus"}, headers=headers)
    assert answer.status_code == 422
    assert 'value="Berta"' in answer.content.decode()
    assert User.objects.get(pk=person.pk).name == "Anna Ambler"


def test_no_form_writes_what_is_not_on_it(browser, person):
    before = User.objects.filter(pk=person.pk).values().get()
    everything = {field.name: "true" for field in User._meta.get_fields() if getattr(field, "editable", True)}
    browser.post("/account/", {**everything, "platform_role": "platform_admin", "is_superuser": "on", **VALUES})
    after = User.objects.filter(pk=person.pk).values().get()
    changed = {name for name in after if after[name] != before[name]}
    assert changed <= {"theme", "locale", "time_zone", "email_digest", "analytics_consent", "name"}


def test_a_visitor_switches_the_theme(visitor):
    answer = visitor.post("/account/theme/", {"theme": "dark", "next": "/terms/"})
    assert (answer.status_code, answer["Location"]) == (303, "/terms/")
    assert visitor.cookies["theme"].value == "dark"
    assert 'data-theme="dark"' in visitor.get("/terms/").content.decode()


def test_a_person_switches_the_theme_for_good(browser, person):
    browser.post("/account/theme/", {"theme": "dark"})
    assert User.objects.get(pk=person.pk).theme == "dark"


def test_an_unknown_theme_and_a_foreign_address_are_refused(visitor):
    assert visitor.post("/account/theme/", {"theme": "purple"}).status_code == 400
    answer = visitor.post("/account/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert answer["Location"] == "/"
    assert visitor.get("/account/theme/").status_code == 405
