"""A person deletes the account, keeps it after all, or the clock erases it for good."""

import re
from datetime import timedelta

import pytest
import time_machine
from allauth.account.models import EmailAddress
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from django.utils import timezone

from accounts import deletion, tasks
from accounts.models import User
from organizations import services
from organizations.models import Membership
from saas import data_map
from saas.events.models import Event
from saas.jobs.models import SUCCEEDED, jobs
from tests.accounts.conftest import new_client, sign_in
from tests.factories import PASSWORD, MembershipFactory, make_world

PAGE = "/account/delete/"
KEEP = "/account/keep/"


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def member(world):
    """The member's browser, in which she has just confirmed who she is."""
    return confirmed(world.member)


def confirmed(user):
    client = new_client()
    client.force_login(user)
    client.post("/accounts/reauthenticate/", {"password": PASSWORD})
    return client


@pytest.fixture
def closed(world):
    """The member's account, closed."""
    deletion.request_deletion(user=world.member)
    return stored(world.member)


def stored(user):
    return User.objects.filter(pk=user.pk).first()


def mails(user, words):
    """The mails to this person with such a subject."""
    return [job for job in jobs() if user.email in job.payload.get("to", []) and words in job.payload["subject"]]


def later(**time):
    return time_machine.travel(timezone.now() + timedelta(**time), tick=True)


def of_person(user, name):
    return Event.objects.everything(reason="a test").filter(event=name, user_id=user.pk)


# -- Asking for it ---------------------------------------------------------------------------------------------------


def test_a_person_types_the_address_and_the_account_closes(world, member):
    elsewhere = world.client("member")
    assert elsewhere.get("/account/").status_code == 200
    page = member.get(PAGE)
    assert page.status_code == 200
    assert "For 14 days" in page.content.decode()
    answer = member.post(PAGE, {"confirmation": f"  {world.member.email.upper()} "})
    assert (answer.status_code, answer.url) == (303, "/account/deleted/")
    assert member.get("/account/deleted/").status_code == 200
    user = stored(world.member)
    assert not user.is_active
    assert timedelta(days=13) < user.deletes_at - timezone.now() <= timedelta(days=14)
    for browser in (member, elsewhere):  # every session has ended
        assert browser.get("/account/").url.startswith("/accounts/login/")
        assert browser.get(f"/o/{world.org.slug}/").url.startswith("/accounts/login/")
    event = of_person(world.member, "user.deletion_requested").get()
    assert (event.action, event.after) == ("delete", {"deletes_at": user.deletes_at.isoformat()})
    assert len(mails(user, "Your account is being deleted")) == 1


@pytest.mark.parametrize("typed", ["", "yes", "somebody@example.com"])
def test_another_address_deletes_nothing(world, member, typed):
    answer = member.post(PAGE, {"confirmation": typed})
    assert answer.status_code == 422
    assert stored(world.member).is_active


def test_who_confirmed_long_ago_says_again_who_she_is(world, member):
    with later(hours=1):
        for answer in (member.get(PAGE), member.post(PAGE, {"confirmation": world.member.email})):
            assert (answer.status_code, answer.url.partition("?")[0]) == (303, "/accounts/reauthenticate/")
    assert stored(world.member).is_active


def test_a_second_request_changes_nothing(world, closed):
    again = deletion.request_deletion(user=world.member)
    assert again.deletes_at == closed.deletes_at
    assert of_person(world.member, "user.deletion_requested").count() == 1


def test_six_requests_at_once_are_one(world, in_parallel):
    in_parallel(lambda _number: deletion.request_deletion(user=world.member), times=6)
    assert of_person(world.member, "user.deletion_requested").count() == 1
    assert len(mails(world.member, "Your account is being deleted")) == 1


# -- What must be settled first --------------------------------------------------------------------------------------


def test_who_owns_an_organization_alone_hands_it_over_or_deletes_it_first(world):
    browser = confirmed(world.owner)
    page = browser.get(PAGE).content.decode()
    assert world.org.name in page
    assert f"/o/{world.org.slug}/ownership/" in page
    assert f"/o/{world.org.slug}/settings/delete/" in page
    assert "confirmation" not in page
    answer = browser.post(PAGE, {"confirmation": world.owner.email})
    assert (answer.status_code, answer.url) == (303, PAGE)
    assert stored(world.owner).is_active
    with pytest.raises(deletion.DeletionBlocked, match=world.org.name):
        deletion.request_deletion(user=world.owner)


def test_with_another_owner_nothing_is_in_the_way(world):
    services.change_role(org=world.org, actor=world.owner, membership=world.memberships["admin"], role="owner")
    assert deletion.blockers(world.owner) == []
    deletion.request_deletion(user=world.owner)
    assert not stored(world.owner).is_active


def test_an_organization_that_is_being_deleted_is_not_in_the_way(world):
    services.delete_organization(org=world.org, actor=world.owner)
    assert deletion.blockers(world.owner) == []


def test_the_owner_of_nothing_but_oneself_is_told_so(world):
    alone = MembershipFactory(role="owner")
    (blocker,) = deletion.blockers(alone.user)
    assert [label for label, _ in blocker.ways] == ["Delete it", "Invite somebody"]


def test_an_owner_with_a_closed_account_is_none_for_the_others(world):
    second = MembershipFactory(organization=world.org, role="owner")
    deletion.request_deletion(user=world.owner)
    with pytest.raises(services.LastOwner):
        services.leave_organization(org=world.org, actor=second.user)
    with pytest.raises(deletion.DeletionBlocked):
        deletion.request_deletion(user=second.user)


def test_two_owners_who_close_their_accounts_at_one_moment_do_not_leave_it_alone(world, in_parallel):
    second = MembershipFactory(organization=world.org, role="owner")
    owners = [world.owner, second.user]

    def close(number):
        try:
            return deletion.request_deletion(user=owners[number])
        except deletion.DeletionBlocked:
            return None

    assert sum(done is None for done in in_parallel(close, times=2)) == 1
    assert User.objects.filter(pk__in=[owner.pk for owner in owners], is_active=True).count() == 1


def test_an_owner_who_leaves_while_the_other_closes_the_account_does_not_leave_it_alone(world, in_parallel):
    second = MembershipFactory(organization=world.org, role="owner")

    def go(number):
        try:
            if number == 0:
                deletion.request_deletion(user=world.owner)
            else:
                services.leave_organization(org=world.org, actor=second.user)
        except (deletion.DeletionBlocked, services.LastOwner) as problem:
            return problem
        return None

    assert sum(problem is None for problem in in_parallel(go, times=2)) == 1


# -- Coming back -----------------------------------------------------------------------------------------------------


def test_signing_in_leads_to_the_way_back_and_not_in(world, closed):
    browser = new_client()
    answer = sign_in(browser, closed.email, PASSWORD)
    assert (answer.status_code, answer.url) == (302, KEEP)
    assert browser.get("/account/").url.startswith("/accounts/login/")
    assert "Keep my account" in browser.get(KEEP).content.decode()
    assert not stored(closed).is_active  # looking changes nothing
    assert browser.post(KEEP).status_code == 303
    assert stored(closed).is_active
    assert stored(closed).deletes_at is None
    assert browser.get(f"/o/{world.org.slug}/").status_code == 200
    assert of_person(closed, "user.deletion_cancelled").count() == 1
    assert len(mails(closed, "Your account is back")) == 1


def test_a_wrong_password_leads_nowhere(closed):
    browser = new_client()
    assert sign_in(browser, closed.email, "not the password").status_code == 200
    assert browser.get(KEEP).url == "/accounts/login/"
    browser.post(KEEP)
    assert not stored(closed).is_active


def test_the_second_step_comes_first(world):
    codes = with_recovery_codes(world.member)
    deletion.request_deletion(user=world.member)
    browser = new_client()
    answer = sign_in(browser, world.member.email, PASSWORD)
    assert answer.url.startswith("/accounts/2fa/authenticate/")
    assert browser.get(KEEP).url == "/accounts/login/"
    browser.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert browser.get(KEEP).url == "/accounts/login/"
    assert browser.post("/accounts/2fa/trust/", {"action": "skip"}).url == KEEP
    browser.post(KEEP)
    assert stored(world.member).is_active


def with_recovery_codes(user):
    from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret

    TOTP.activate(user, generate_totp_secret())
    return RecoveryCodes.activate(user).get_unused_codes()


def test_a_mailed_code_leads_to_the_way_back(closed):
    browser = new_client()
    browser.post("/accounts/login/code/", {"email": closed.email})
    (mail,) = [
        job for job in jobs().filter(queue="email", payload__to=closed.email) if "code" in job.payload["subject"]
    ]
    code = re.search(r"\b([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\b", mail.payload["body"]).group(1)
    assert browser.post("/accounts/login/code/confirm/", {"code": code}).url == KEEP


def test_who_forgot_the_password_chooses_another_one_and_comes_back(closed):
    browser = new_client()
    browser.post("/accounts/password/reset/", {"email": closed.email})
    (mail,) = mails(closed, "password")
    link = re.search(r"https?://[^/\s]+(/accounts/password/reset/\S+)", mail.payload["body"]).group(1)
    form = browser.get(link).url
    browser.post(form, {"password1": "a quite new password 8"})
    assert sign_in(new_client(), closed.email, "a quite new password 8").url == KEEP


def test_the_way_back_is_open_for_a_quarter_of_an_hour(closed):
    browser = new_client()
    sign_in(browser, closed.email, PASSWORD)
    with later(minutes=16):
        assert browser.post(KEEP).url == "/accounts/login/"
    assert not stored(closed).is_active


def test_after_fourteen_days_there_is_no_way_back(closed):
    with later(days=15):
        answer = sign_in(new_client(), closed.email, PASSWORD)
        assert answer.url == "/accounts/inactive/"
        with pytest.raises(deletion.TooLate):
            deletion.cancel_deletion(user=closed)


def test_whose_account_was_closed_by_somebody_else_locks_it_and_comes_back(closed):
    (mail,) = mails(closed, "being deleted")
    link = re.search(r"https?://[^/\s]+(/account/not-me/\S+)", mail.payload["body"]).group(1)
    browser = new_client()
    assert browser.post(link).status_code == 303
    assert stored(closed).locked_at
    assert sign_in(new_client(), closed.email, PASSWORD).url == "/account/locked/"


# -- The clock -------------------------------------------------------------------------------------------------------


def test_the_person_is_warned_once_three_days_before(closed):
    for _ in range(2):
        tasks.end_accounts()
    assert mails(closed, "in a few days") == []
    with later(days=12):
        for _ in range(2):
            tasks.end_accounts()
    assert len(mails(closed, "in a few days")) == 1
    assert stored(closed)


def erased(user):
    """Run the clock after the time is over: once for the last mail and, when it has gone out, once for the rest."""
    with later(days=15):
        tasks.end_accounts()
        assert stored(user), "the last mail is still on its way"
        jobs().filter(payload__to=user.email).update(set__state=SUCCEEDED)
        tasks.end_accounts()
    assert stored(user) is None


def test_the_clock_ends_the_account_and_the_address_is_free(world, closed):
    erased(closed)
    assert not EmailAddress.objects.filter(email=closed.email).exists()
    report = Event.objects.everything(reason="a test").get(event="user.deleted", resource_id=closed.pk)
    assert {"collection": "account_emailaddress", "rows": 1} in report.metadata["changed"]
    browser = new_client()
    browser.post("/accounts/signup/", {"email": closed.email, "password1": "correct-horse-battery"})
    assert User.objects.filter(email=closed.email).exclude(pk=closed.pk).exists()


def test_the_person_leaves_each_organization_with_an_event(world, closed):
    erased(closed)
    assert not Membership.objects.filter(user_id=closed.pk).exists()
    event = Event.objects.for_org(world.org).get(event="member.left")
    assert (event.user_id, event.reason) == (closed.pk, "The account was deleted.")
    assert event.actor["name"] == event.targets[0]["name"] == "Deleted person"


def test_the_end_waits_a_day_for_the_last_mail_and_no_longer(closed):
    with later(days=15):
        tasks.end_accounts()
        (mail,) = mails(closed, "Your account is deleted")
        tasks.end_accounts()
        assert stored(closed)
    with later(days=16, hours=1):
        tasks.end_accounts()
    assert stored(closed) is None
    assert jobs().filter(id=mail.id).first() is None


def test_keeping_and_ending_at_one_moment_do_not_both_happen(closed, in_parallel):
    """Its time ends between the two: who reads first decides, and the other one is too late."""
    moment = timezone.now() + timedelta(seconds=0.3)
    User.objects.filter(pk=closed.pk).update(deletes_at=moment)

    def go(number):
        if number % 2:
            try:
                return deletion.cancel_deletion(user=closed)
            except deletion.TooLate:
                return None
        while timezone.now() < moment:
            pass
        return deletion.begin_erasure(user=closed)

    kept, begun = in_parallel(go, times=2)[1], stored(closed).erasure_started_at
    assert (kept is None) != (begun is None)
    assert stored(closed).is_active is (begun is None)


def test_an_account_that_is_kept_is_not_erased(closed):
    deletion.cancel_deletion(user=closed)
    with later(days=15):
        tasks.end_accounts()
        tasks.end_accounts()
    assert stored(closed).is_active


def test_a_failure_holds_up_no_other_account(world, closed, monkeypatch):
    deletion.request_deletion(user=world.viewer)
    whole = data_map.erase

    def failing(person):
        if person.id == world.member.pk:
            raise RuntimeError("the machine is on fire")
        return whole(person)

    monkeypatch.setattr(data_map, "erase", failing)
    with later(days=15):
        tasks.end_accounts()
        jobs().filter(queue="email").update(set__state=SUCCEEDED)
        tasks.end_accounts()
    assert stored(world.viewer) is None
    assert stored(world.member)


@pytest.mark.parametrize("dies_at", range(len(list(data_map.rules()))))
def test_an_erasure_that_dies_anywhere_is_done_by_the_next_run(world, closed, monkeypatch, dies_at):
    """A kill between two rules leaves the same as an exception there: nothing is undone, the rest is not begun."""
    carried_out, count = data_map.carried_out, iter(range(1000))

    def dying(rule, person):
        if next(count) == dies_at:
            raise SystemExit(137)
        return carried_out(rule, person)

    with later(days=15):
        tasks.end_accounts()
        jobs().filter(queue="email").update(set__state=SUCCEEDED)
        monkeypatch.setattr(data_map, "carried_out", dying)
        with pytest.raises(SystemExit):
            deletion.erase_account(user=closed)
        monkeypatch.setattr(data_map, "carried_out", carried_out)
        assert stored(closed)
        deletion.erase_account(user=closed)
        assert stored(closed) is None
        assert deletion.erase_account(user=closed) is None  # nothing is left to do
    reports = Event.objects.everything(reason="a test").filter(event="user.deleted", resource_id=closed.pk)
    assert reports.count() == 1
    assert Event.objects.for_org(world.org).filter(event="member.left").count() == 1


def test_an_address_that_was_never_confirmed_is_not_the_persons():
    user = make_world().member
    EmailAddress.objects.create(user=user, email="somebody.else@example.com", verified=False)
    assert deletion.person(user).addresses == (user.email,)
