"""Getting started: every way through it, by htmx and without JavaScript."""

from typing import Any

import pytest
from django.core.checks import run_checks

from accounts.models import User
from accounts.onboarding import (
    StepInvalid,
    StepNotReached,
    StepNotSkippable,
    UnknownStep,
    configuration,
    get_onboarding,
    save_draft,
    skip_onboarding_step,
    update_onboarding_step,
)
from organizations.models import Invitation, Membership, Organization
from saas.config_files import ConfigError
from tests.accounts.conftest import home, new_client
from tests.accounts.test_sign_up import events_of
from tests.factories import OrganizationFactory, UserFactory, make_world

PREFERENCES = {
    "theme": "dark",
    "locale": "en",
    "time_zone": "Europe/Berlin",
    "email_digest": "off",
    "analytics_consent": "on",
}
HTMX = {"HX-Request": "true"}


@pytest.fixture
def newcomer() -> User:
    return UserFactory(name="", onboarded_at=None)


@pytest.fixture
def browser(newcomer: User) -> Any:
    client = new_client()
    client.force_login(newcomer)
    return client


def url(step: str) -> str:
    return f"/onboarding/{step}/"


def invite(user: User, name: str = "Birch Works") -> Invitation:
    org = OrganizationFactory(name=name)
    return Invitation.objects.create(
        organization=org,
        invited_by=UserFactory(),
        invitee_identifier=user.email,
        role="member",
        expires_at=Invitation.default_expiry(),
    )


def start(client: Any) -> str:
    return client.get("/onboarding/")["Location"]


# -- the ways through ------------------------------------------------------------------------------------------------


def test_a_newcomer_goes_through_every_step_and_stands_in_the_new_organization(browser, newcomer):
    assert start(browser) == url("welcome")
    assert browser.post(url("welcome"))["Location"] == url("profile")
    assert browser.post(url("profile"), {"name": "  Nina   New "})["Location"] == url("organization")
    assert browser.post(url("organization"), {"name": "Acme"})["Location"] == url("preferences")
    assert browser.post(url("preferences"), PREFERENCES)["Location"] == url("complete")
    assert browser.get(url("complete")).status_code == 200
    assert browser.post(url("complete"))["Location"] == "/o/acme/"
    assert browser.get("/o/acme/").status_code == 200

    newcomer.refresh_from_db()
    assert newcomer.name == "Nina New"
    assert (newcomer.theme, newcomer.time_zone, newcomer.email_digest) == ("dark", "Europe/Berlin", "off")
    assert newcomer.analytics_consent
    assert newcomer.onboarded_at
    assert Membership.objects.get(user=newcomer).role == "owner"
    assert len(events_of("user.onboarded")) == 1
    onboarding = get_onboarding(newcomer)
    assert onboarding.completed_steps == ["welcome", "profile", "organization", "preferences", "complete"]
    assert onboarding.completed_at
    assert start(browser) == "/o/acme/", "who has finished is led to the product"
    assert browser.get(url("profile"))["Location"] == "/o/acme/"


def test_htmx_brings_the_next_step_in_place(browser):
    browser.get(url("welcome"))
    answer = browser.post(url("welcome"), headers=HTMX)
    assert answer.status_code == 200
    assert answer["HX-Push-Url"] == url("profile")
    page = answer.content.decode()
    assert "<html" not in page
    assert 'id="onboarding"' in page
    assert "Who are you?" in page
    assert "<title>" in page
    browser.post(url("profile"), {"name": "Nina"}, headers=HTMX)
    browser.post(url("organization"), {"name": "Acme"}, headers=HTMX)
    assert browser.post(url("preferences"), PREFERENCES, headers=HTMX)["HX-Push-Url"] == url("complete")
    assert browser.post(url("complete"), headers=HTMX)["HX-Redirect"] == "/o/acme/"


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_mistake_is_shown_with_what_was_typed(browser, headers):
    browser.post(url("welcome"))
    answer = browser.post(url("profile"), {"name": "x" * 200}, headers=headers)
    assert answer.status_code == 422
    assert "x" * 200 in answer.content.decode()
    assert ("<html" in answer.content.decode()) is not bool(headers)


def test_an_invited_person_joins(browser, newcomer):
    invitation = invite(newcomer)
    other = invite(newcomer, "Cedar Works")
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    page = browser.get(url("organization")).content.decode()
    assert "Join Birch Works" in page
    assert "Create a new organization" in page
    browser.post(url("organization"), {"choice": invitation.pk})
    assert [m.organization_id for m in Membership.objects.filter(user=newcomer)] == [invitation.organization_id]
    other.refresh_from_db()
    assert other.status == "pending"
    browser.post(url("preferences"), PREFERENCES)
    assert browser.post(url("complete"))["Location"] == invitation.organization.get_absolute_url()


def test_an_invited_person_may_create_instead(browser, newcomer):
    invite(newcomer)
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    assert browser.post(url("organization"), {"choice": "create"}).status_code == 422, "a name is needed"
    browser.post(url("organization"), {"choice": "create", "name": "Own"})
    assert Organization.objects.get(slug="own")


def test_somebody_elses_invitation_is_no_choice(browser, newcomer):
    invite(newcomer)
    foreign = invite(UserFactory(), "Secret Works")
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    answer = browser.post(url("organization"), {"choice": foreign.pk})
    assert answer.status_code == 422
    assert "Secret Works" not in answer.content.decode()
    assert not Membership.objects.filter(user=newcomer).exists()


def test_an_invitation_that_is_withdrawn_meanwhile_is_a_message(browser, newcomer, monkeypatch):
    invitation = invite(newcomer)
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    from organizations import onboarding, services

    def withdrawn(**_: Any) -> None:
        raise services.InvitationUnusable("This invitation cannot be used any more.")

    monkeypatch.setattr(onboarding.services, "accept_invitation", withdrawn)
    answer = browser.post(url("organization"), {"choice": invitation.pk})
    assert answer.status_code == 422
    assert "cannot be used any more" in answer.content.decode()


def test_a_member_is_not_asked_for_an_organization():
    world = make_world()
    User.objects.filter(pk=world.member.pk).update(onboarded_at=None)
    client = new_client()
    client.force_login(world.member)
    client.post(url("welcome"))
    assert client.post(url("profile"), {"name": "Nina"})["Location"] == url("preferences")
    client.post(url("preferences"), PREFERENCES)
    assert client.post(url("complete"))["Location"] == f"/o/{world.org.slug}/"


def test_where_nobody_may_create_only_joining_is_offered(browser, newcomer, settings):
    settings.ALLOW_USER_TO_CREATE_ORGANIZATION = False
    invitation = invite(newcomer)
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    page = browser.get(url("organization")).content.decode()
    assert "Create a new organization" not in page
    assert ">Skip<" not in page
    assert browser.post(url("organization"), {"choice": "create", "name": "Mine"}).status_code == 422
    browser.post(url("organization"), {"choice": invitation.pk})
    assert Membership.objects.get(user=newcomer).organization_id == invitation.organization_id


def test_where_nobody_may_create_a_person_without_an_invitation_goes_on_without(browser, newcomer, settings):
    settings.ALLOW_USER_TO_CREATE_ORGANIZATION = False
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    assert "No invitation is waiting" in browser.get(url("organization")).content.decode()
    assert browser.post(url("organization")).status_code == 422
    assert browser.post(f"{url('organization')}skip/")["Location"] == url("preferences")
    browser.post(url("preferences"), PREFERENCES)
    assert browser.post(url("complete"))["Location"] == home()
    assert browser.get("/o/").status_code == 200
    assert not Organization.objects.exists()


# -- back, skipping, resuming ----------------------------------------------------------------------------------------


def test_going_back_changes_an_answer_and_keeps_the_place(browser, newcomer):
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    browser.post(url("organization"), {"name": "Acme"})
    page = browser.get(url("preferences")).content.decode()
    assert f'href="{url("organization")}"' in page
    assert browser.get(url("profile")).status_code == 200
    assert browser.post(url("profile"), {"name": "Nora"})["Location"] == url("organization")
    assert "Acme" in browser.get(url("organization")).content.decode()
    assert browser.post(url("organization"))["Location"] == url("preferences")
    assert Organization.objects.count() == 1, "the organization is not made again"
    newcomer.refresh_from_db()
    assert newcomer.name == "Nora"


def test_a_step_that_is_not_reached_leads_to_the_one_that_is(browser):
    for step in ("profile", "preferences", "complete", "no-such-step"):
        assert browser.get(url(step))["Location"] == "/onboarding/"
        assert browser.post(url(step))["Location"] == "/onboarding/"
    assert start(browser) == url("welcome")


def test_only_what_the_data_says_can_be_skipped(browser, newcomer):
    browser.post(url("welcome"))
    assert browser.post(f"{url('profile')}skip/")["Location"] == "/onboarding/"
    assert start(browser) == url("profile")
    browser.post(url("profile"), {"name": "Nina"})
    browser.post(url("organization"), {"name": "Acme"})
    assert browser.post(f"{url('preferences')}skip/", headers=HTMX)["HX-Push-Url"] == url("complete")
    assert get_onboarding(newcomer).skipped_steps == ["preferences"]
    browser.post(url("preferences"), PREFERENCES)
    assert get_onboarding(newcomer).skipped_steps == []


def test_a_person_goes_on_on_another_device_with_what_was_typed(browser, newcomer):
    browser.post(url("welcome"))
    answer = browser.post(f"{url('profile')}draft/", {"name": "Nin", "platform_role": "platform_admin"}, headers=HTMX)
    assert answer.status_code == 204
    phone = new_client()
    phone.force_login(newcomer)
    assert start(phone) == url("profile")
    assert 'value="Nin"' in phone.get(url("profile")).content.decode()
    assert get_onboarding(newcomer).data == {"profile": {"name": "Nin"}}, "only fields of the form are kept"
    phone.post(url("profile"), {"name": "Nina"})
    assert get_onboarding(newcomer).data == {}


def test_a_draft_keeps_an_empty_box_empty(browser, newcomer):
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    browser.post(url("organization"), {"name": "Acme"})
    User.objects.filter(pk=newcomer.pk).update(analytics_consent=True)
    browser.post(f"{url('preferences')}draft/", {"theme": "light"})
    form = browser.get(url("preferences")).context["form"]
    assert form["analytics_consent"].value() is False
    assert form["theme"].value() == "light"


def test_a_draft_of_an_unreached_step_is_refused(browser):
    assert browser.post(f"{url('complete')}draft/", {"name": "x"}).status_code == 400


def test_a_double_click_makes_one_organization(browser, newcomer, in_parallel):
    browser.post(url("welcome"))
    browser.post(url("profile"), {"name": "Nina"})
    clients = [new_client() for _ in range(6)]
    for client in clients:
        client.force_login(newcomer)
    answers = in_parallel(lambda n: clients[n].post(url("organization"), {"name": "Acme"}).status_code, times=6)
    assert set(answers) <= {303}
    assert Organization.objects.count() == 1


def test_finishing_six_times_at_once_finishes_once(newcomer, in_parallel, settings):
    for step, data in (("welcome", {}), ("profile", {"name": "Nina"}), ("organization", {"name": "Acme"})):
        update_onboarding_step(newcomer, step, data)
    skip_onboarding_step(newcomer, "preferences")
    in_parallel(lambda: update_onboarding_step(User.objects.get(pk=newcomer.pk), "complete", {}), times=6)
    assert len(events_of("user.onboarded")) == 1


# -- the functions ---------------------------------------------------------------------------------------------------


def test_the_first_call_begins_it_once(newcomer, in_parallel):
    ids = in_parallel(lambda: get_onboarding(newcomer).id, times=10)
    assert len(set(ids)) == 1
    assert get_onboarding(newcomer).current_step == "welcome"


def test_the_functions_say_what_is_wrong(newcomer):
    with pytest.raises(UnknownStep):
        update_onboarding_step(newcomer, "nonsense", {})
    with pytest.raises(StepNotReached):
        update_onboarding_step(newcomer, "preferences", PREFERENCES)
    with pytest.raises(StepNotSkippable):
        skip_onboarding_step(newcomer, "welcome")
    update_onboarding_step(newcomer, "welcome", {})
    with pytest.raises(StepInvalid) as problem:
        update_onboarding_step(newcomer, "profile", {"name": ""})
    assert "name" in problem.value.form.errors
    with pytest.raises(UnknownStep):
        save_draft(newcomer, "nonsense", {})


# -- the file --------------------------------------------------------------------------------------------------------


@pytest.fixture
def file(tmp_path, monkeypatch):
    path = tmp_path / "onboarding.yaml"
    monkeypatch.setattr(configuration, "FILE", str(path))

    def write(old: str = "", new: str = "") -> None:
        from pathlib import Path

        text = Path("config/onboarding.yaml").read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))

    return write


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - step: profile\n", "  - step: welcome\n", "a second time"),
        ("label: You\n", "labl: You\n", "label"),
        ("skippable: true\n", "skippable: maybe\n", "skippable"),
        ("  - step: complete\n", "  - step: other\n", "the last step must be 'complete'"),
    ],
)
def test_a_mistake_in_the_file_is_named_with_its_line(file, old, new, words):
    file(old, new)
    with pytest.raises(ConfigError, match=r"onboarding\.yaml:\d+: ") as problem:
        configuration.load()
    assert words in str(problem.value)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("step: profile", "step: horoscope", "no room provides the step 'horoscope'"),
        ("[has_organization]", "[is_tall]", "no room provides the condition 'is_tall'"),
        ("[cannot_get_organization]", "[is_tall]", "no room provides the condition 'is_tall'"),
    ],
)
def test_a_name_that_nobody_provides_is_refused_at_the_start(file, old, new, words):
    file(old, new)
    (problem,) = configuration.check_names()
    assert words in problem.msg
    assert "onboarding.yaml:" in problem.msg


def test_the_real_file_is_right():
    assert not [problem for problem in run_checks() if (problem.id or "").startswith("accounts.")]
