"""People are invited, and answer: every screen, every way in, and what must hold while fifty try at once."""

import hashlib
import re
from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from accounts.models import User
from organizations import links, services
from organizations.models import Invitation, Membership, Organization
from saas import ratelimit
from saas.events.models import Event
from saas.jobs.models import jobs
from saas.tasks import send_email
from tests.factories import PASSWORD, UserFactory, make_world

NEW = "ada@example.com"


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def invite(world):
    def send(email, *, actor=None, role="member", note=""):
        return services.invite_member(org=world.org, actor=actor or world.admin, email=email, role=role, note=note)

    return send


@pytest.fixture
def invitation(world, invite):
    return invite(world.outsider.email.upper())


@pytest.fixture
def fresh(invite):
    """An invitation of somebody who has no account."""
    return invite(NEW)


def mailed_link(email):
    """The path in the newest mail to this address that a worker has not sent yet."""
    bodies = [job.payload["body"] for job in jobs().order_by("-id") if job.payload.get("to") == [email]]
    return re.search(r"/invitations/[^/\s]+/", bodies[0]).group()


def copied_link(invitation):
    return "/" + links.copied_link(invitation).split("/", 3)[3]


def stored(invitation):
    return Invitation.objects.get(pk=invitation.pk)


def is_member(org, user):
    return Membership.objects.filter(organization=org, user=user).exists()


def events_of(org, name):
    return list(Event.objects.for_org(org).filter(event=name))


# -- Inviting --------------------------------------------------------------------------------------------------------


def test_an_admin_invites_and_the_mail_says_who_where_and_how_to_report_abuse(world, invite):
    invitation = invite("  Ada@Example.com ", note="See you on Monday <b>!</b>")
    job = jobs().get(payload__to=[NEW])
    assert job.payload["subject"] == f"{world.admin.display_name} invites you to {world.org.name}"
    for part in (job.payload["body"], job.payload["html"]):
        assert world.admin.email in part
        assert mailed_link(NEW) in part
        assert "report abuse" in part
    assert "See you on Monday <b>!</b>" in job.payload["body"]
    assert "<b>!</b>" not in job.payload["html"]
    assert invitation.email == NEW
    [event] = events_of(world.org, "member.invited")
    assert (event.user_id, event.after) == (world.admin.pk, {"email": NEW, "role": "member"})


def test_only_the_hash_of_the_token_is_stored(fresh):
    token = mailed_link(NEW).split("/")[2]
    assert stored(fresh).token_hash == hashlib.sha256(token.encode()).hexdigest()
    rows = [str(row) for row in (*Invitation.objects.values(), *Event.objects.everything(reason="test").as_pymongo())]
    assert not any(token in row for row in rows)


def test_the_form_invites_many_and_says_of_each_line_what_became_of_it(world, invitation):
    lines = f"new@example.com, Ada Lovelace <{NEW}>; nonsense\n{world.member.email}\r\n{invitation.email}\n{NEW}"
    answer = world.client("admin").post(
        f"/o/{world.org.slug}/invitations/new/", {"addresses": lines, "role": "viewer", "note": ""}
    )
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "2 invitations sent, 3 not" in page
    assert "“nonsense” is not an e-mail address" in page
    assert f"{world.member.email} is a member already" in page
    assert f"{invitation.email} has an invitation already" in page
    waiting = Invitation.objects.filter(organization=world.org, role="viewer", status="pending")
    assert {each.email for each in waiting} == {NEW, "new@example.com"}
    typed = re.search(r"<textarea[^>]*name=\"addresses\"[^>]*>(.*?)</textarea>", page, re.DOTALL).group(1)
    assert typed.split() == ["nonsense", world.member.email, invitation.email], "what failed can be corrected"
    assert all(links.copied_link(each) in page for each in waiting)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"addresses": ""}, "This field is required"),
        ({"addresses": " , ;\n"}, "at least one"),
        ({"addresses": "\n".join(f"a{n}@example.com" for n in range(51))}, "Invite up to 50 at once"),
        ({"role": "owner"}, "owner is not one of the available choices"),
        ({"role": "platform_admin"}, "not one of the available choices"),
        ({"note": "Click https://evil.example/"}, "cannot contain links"),
        ({"note": "Click www.evil.example"}, "cannot contain links"),
        ({"note": "x" * 501}, "at most 500"),
    ],
)
def test_a_mistake_in_the_form_invites_nobody(world, values, words):
    before = Invitation.objects.count()
    data = {"addresses": NEW, "role": "member", "note": "Hello", **values}
    answer = world.client("admin").post(f"/o/{world.org.slug}/invitations/new/", data)
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert Invitation.objects.count() == before


def test_fifty_at_once_are_invited(world):
    data = {"addresses": "\n".join(f"a{n}@example.com" for n in range(50)), "role": "member"}
    answer = world.client("owner").post(f"/o/{world.org.slug}/invitations/new/", data)
    assert "50 invitations sent" in answer.content.decode()


def test_nobody_invites_above_what_he_may_manage(world, invite):
    with pytest.raises(services.RoleNotManageable):
        invite("boss@example.com", role="owner")
    with pytest.raises(services.RoleNotManageable):
        invite("boss@example.com", role="platform_admin", actor=world.owner)
    with pytest.raises(services.NotAllowed):
        invite("pal@example.com", role="viewer", actor=world.member)
    assert invite("boss@example.com", role="owner", actor=world.owner).role == "owner"


def test_a_rights_change_counts_at_once_for_who_acts(world, invite):
    Membership.objects.filter(user=world.admin, organization=world.org).update(role="viewer")
    with pytest.raises(services.NotAllowed):
        invite(NEW)


@pytest.mark.parametrize("verified", [True, False])
def test_a_member_is_found_by_any_confirmed_address(world, invite, verified):
    EmailAddress.objects.create(user=world.member, email=NEW, verified=verified)
    if verified:
        with pytest.raises(services.AlreadyMember):
            invite(NEW)
    else:
        assert invite(NEW)


def test_a_suspended_member_is_not_invited_around_the_suspension(world, invite):
    Membership.objects.filter(user=world.member, organization=world.org).update(suspended_at=timezone.now())
    with pytest.raises(services.AlreadyMember, match="suspended"):
        invite(world.member.email)


def test_a_full_organization_invites_nobody(world, invite, settings):
    settings.MEMBERSHIP_LIMIT = 4
    with pytest.raises(services.MemberLimitReached):
        invite(NEW)


def test_inviting_is_limited_by_organization_and_day(world, invite, monkeypatch):
    monkeypatch.setattr("organizations.services.invitations.MAILS", "2/day")
    first = invite("a@example.com")
    invite("b@example.com")
    with pytest.raises(ratelimit.RateLimited, match="2 invitations within a day"):
        invite("c@example.com")
    with pytest.raises(ratelimit.RateLimited):
        services.resend_invitation(org=world.org, actor=world.owner, invitation=first)
    answer = world.client("admin").post(
        f"/o/{world.org.slug}/invitations/new/", {"addresses": "d@example.com", "role": "member"}
    )
    assert "0 invitations sent, 1 not" in answer.content.decode()
    assert "Go on tomorrow" in answer.content.decode()
    other = services.invite_member(org=world.other.org, actor=world.other.admin, email=NEW, role="member")
    assert other.pk, "another organization has its own count"


def test_who_was_invited_in_vain_can_be_invited_anew(world, invite, fresh):
    Invitation.objects.filter(pk=fresh.pk).update(expires_at=timezone.now())
    old = mailed_link(NEW)
    again = invite(NEW, actor=world.owner, role="viewer")
    assert (again.role, again.invited_by_id) == ("viewer", world.owner.pk)
    assert Invitation.objects.filter(invitee_identifier=NEW).count() == 1
    assert Client().get(old).status_code == 404
    assert Client().get(mailed_link(NEW)).status_code == 200


# -- Sending again, withdrawing --------------------------------------------------------------------------------------


def test_sending_again_makes_a_new_link_and_a_new_week_and_ends_the_old_links(world, fresh):
    Invitation.objects.filter(pk=fresh.pk).update(expires_at=timezone.now() - timedelta(days=1))
    old = [mailed_link(NEW), copied_link(fresh)]
    answer = world.client("owner").post(f"/o/{world.org.slug}/invitations/{fresh.pk}/resend/")
    assert answer.status_code == 303
    now = stored(fresh)
    assert now.expires_at > timezone.now() + timedelta(days=6)
    assert now.invited_by_id == world.owner.pk, "who sends it stands behind it"
    assert [Client().get(link).status_code for link in old] == [404, 404]
    assert [Client().get(link).status_code for link in (mailed_link(NEW), copied_link(now))] == [200, 200]
    [event] = events_of(world.org, "member.invitation_resent")
    assert event.before != event.after


def test_a_withdrawn_invitation_is_no_way_in(world, invitation):
    link = mailed_link(invitation.email)
    answer = world.client("admin").post(f"/o/{world.org.slug}/invitations/{invitation.pk}/revoke/")
    assert answer.status_code == 303
    assert world.client("outsider").post(f"/o/invitations/{invitation.pk}/accept/").status_code == 303
    assert world.client("outsider").post(f"{link}join/").status_code == 409
    assert not is_member(world.org, world.outsider)
    [event] = events_of(world.org, "member.invitation_revoked")
    assert (event.before, event.after) == ({"status": "pending"}, {"status": "revoked"})
    with pytest.raises(services.InvitationUnusable):
        services.revoke_invitation(org=world.org, actor=world.admin, invitation=invitation)
    with pytest.raises(services.InvitationUnusable):
        services.resend_invitation(org=world.org, actor=world.admin, invitation=invitation)


def test_any_manager_withdraws_whoever_sent_it(world, invite):
    sent = invite(NEW, actor=world.owner, role="owner")
    services.revoke_invitation(org=world.org, actor=world.admin, invitation=sent)
    assert stored(sent).status == "revoked"


def test_an_admin_does_not_send_again_what_he_could_not_send(world, invite):
    sent = invite(NEW, actor=world.owner, role="owner")
    with pytest.raises(services.RoleNotManageable):
        services.resend_invitation(org=world.org, actor=world.admin, invitation=sent)


def test_the_list_shows_what_waits_and_the_link_to_copy(world, fresh):
    page = world.client("admin").get(f"/o/{world.org.slug}/invitations/").content.decode()
    assert NEW in page
    assert links.copied_link(stored(fresh)) in page
    assert world.tenant.invitation.email in page
    assert world.other.invitation.email not in page


def test_the_list_is_served_by_indexes(world, fresh, count_queries, no_scans):
    client = world.client("admin")
    client.get(f"/o/{world.org.slug}/invitations/")
    with no_scans(), count_queries(at_most=5):
        client.get(f"/o/{world.org.slug}/invitations/")


# -- The link: every screen ------------------------------------------------------------------------------------------


def spoil(world, invitation, how):
    """Bring an invitation into this state."""
    rows = Invitation.objects.filter(pk=invitation.pk)
    if how == "expired":
        rows.update(expires_at=timezone.now())
    elif how in ("revoked", "declined", "accepted"):
        rows.update(status=how)
    elif how == "role_gone":
        rows.update(role="poet")
    elif how == "organization_gone":
        Organization.objects.filter(pk=world.org.pk).update(is_active=False)


SCREENS = {
    "expired": "This invitation has expired",
    "revoked": "This invitation was withdrawn",
    "declined": "The invitation is declined",
    "accepted": "This invitation has been used",
    "role_gone": "The role does not exist any more",
    "organization_gone": "This organization is gone",
    "full": "There is no place left",
}


@pytest.mark.parametrize("how", SCREENS)
@pytest.mark.parametrize("who", ["nobody", "outsider", "other.member"])
@pytest.mark.parametrize("kind", ["mailed", "copied"])
def test_whatever_stands_in_the_way_is_said_to_everybody(world, invitation, settings, how, who, kind):
    link = mailed_link(invitation.email) if kind == "mailed" else copied_link(invitation)
    if how == "full":
        settings.MEMBERSHIP_LIMIT = 4
    spoil(world, invitation, how)
    status = stored(invitation).status
    client = world.client(who)
    answer = client.get(link)
    assert answer.status_code == 200
    assert SCREENS[how] in answer.content.decode()
    joined = client.post(f"{link}join/")
    assert joined.status_code == (303 if who == "nobody" else 409)
    assert stored(invitation).status == status
    assert not is_member(world.org, world.outsider)


@pytest.mark.parametrize(
    ("who", "email", "kind", "words", "buttons"),
    [
        ("nobody", NEW, "mailed", "needs no confirmation", {"Create an account and join", "Sign in and join"}),
        ("nobody", "outsider", "mailed", "There is an account with", {"Sign in and join"}),
        ("nobody", NEW, "copied", "Use an account with", {"Create an account and join", "Sign in and join"}),
        ("nobody", "outsider", "copied", "Use an account with", {"Create an account and join", "Sign in and join"}),
        ("outsider", "outsider", "mailed", "You are signed in as", {"Join Acorn"}),
        ("outsider", "outsider", "copied", "You are signed in as", {"Join Acorn"}),
        ("outsider", NEW, "mailed", "for another address", {"Join as outsider", f"Sign in as {NEW}"}),
        ("outsider", NEW, "copied", "for another address", {f"Sign in as {NEW}"}),
        ("member", NEW, "mailed", "You belong to it already", {"Open Acorn"}),
    ],
)
def test_an_open_invitation_shows_the_way_of_this_visitor(world, invite, who, email, kind, words, buttons):
    invitation = invite(world.outsider.email if email == "outsider" else email)
    link = mailed_link(invitation.email) if kind == "mailed" else copied_link(invitation)
    page = world.client(who).get(link).content.decode()
    assert words in page
    shown = re.findall(r"button-wide\">([^<]+)<|button-wide\"\s+href=\"[^\"]+\">([^<]+)<", page)
    labels = ["".join(pair).strip() for pair in shown]
    assert len(labels) == len(buttons)
    assert all(any(label.startswith(button) for label in labels) for button in buttons), labels


def test_a_suspended_member_learns_that_an_invitation_does_not_help(world, invite):
    invitation = invite(NEW)
    Membership.objects.filter(user=world.member, organization=world.org).update(suspended_at=timezone.now())
    page = world.client("member").get(mailed_link(invitation.email)).content.decode()
    assert "Your access is suspended" in page
    assert world.client("member").post(f"{mailed_link(NEW)}join/").status_code == 409
    assert stored(invitation).status == "pending"


@pytest.mark.parametrize(
    "token", ["x", "current", "a.b", "." * 5, "%C3%BC.%C3%BC", "f" * 24 + ".0", "f" * 43, "0" * 2000]
)
@pytest.mark.parametrize("who", ["nobody", "outsider"])
def test_a_link_that_leads_nowhere_says_so(world, token, who):
    client = world.client(who)
    answer = client.get(f"/invitations/{token}/")
    assert answer.status_code == 404
    assert "This link leads nowhere" in answer.content.decode()
    for step in ("enter", "refuse"):
        assert client.post(f"/invitations/{token}/{step}/").status_code == 404


def test_looking_uses_nothing_up(world, invitation):
    link = mailed_link(invitation.email)
    for client in (Client(), world.client("outsider")):
        for _ in range(2):
            assert client.get(link).status_code == client.head(link).status_code == 200
        assert client.get(f"{link}join/").status_code == 405
    assert stored(invitation).status == "pending"
    assert world.client("outsider").post(f"{link}join/").status_code == 303
    assert is_member(world.org, world.outsider)


def test_the_copied_link_of_one_invitation_opens_no_other(world, invitation, fresh):
    mac = links.copied_link(invitation).rstrip("/").rpartition(".")[2]
    assert Client().get(f"/invitations/{fresh.pk}.{mac}/").status_code == 404


# -- Joining ---------------------------------------------------------------------------------------------------------


def test_an_invited_person_joins_from_the_list(world, invitation):
    client = world.client("outsider")
    assert world.org.name in client.get("/o/").content.decode()
    answer = client.post(f"/o/invitations/{invitation.pk}/accept/")
    assert (answer.status_code, answer.url) == (303, f"/o/{world.org.slug}/")
    assert client.get(answer.url).status_code == 200
    assert Membership.objects.get(organization=world.org, user=world.outsider).role == "member"
    [event] = events_of(world.org, "member.joined")
    assert (event.user_id, event.after) == (world.outsider.pk, {"role": "member"})


@pytest.mark.parametrize("kind", ["mailed", "copied"])
def test_an_invited_person_joins_by_either_link(world, invitation, kind):
    link = mailed_link(invitation.email) if kind == "mailed" else copied_link(invitation)
    answer = world.client("outsider").post(f"{link}join/")
    assert (answer.status_code, answer.url) == (303, f"/o/{world.org.slug}/")
    assert is_member(world.org, world.outsider)


def test_a_second_confirmed_address_is_the_persons_own_too(world, invite):
    invitation = invite(NEW)
    EmailAddress.objects.create(user=world.outsider, email=NEW, verified=True)
    assert world.org.name in world.client("outsider").get("/o/").content.decode()
    world.client("outsider").post(f"/o/invitations/{invitation.pk}/accept/")
    assert is_member(world.org, world.outsider)
    [event] = events_of(world.org, "member.joined")
    assert event.metadata["by_another_address"] is False


def test_an_unconfirmed_address_proves_nothing(world, invite):
    invitation = invite(NEW)
    EmailAddress.objects.create(user=world.outsider, email=NEW, verified=False)
    assert world.client("outsider").post(f"/o/invitations/{invitation.pk}/accept/").status_code == 404
    assert world.client("outsider").post(f"{copied_link(invitation)}join/").status_code == 409
    assert not is_member(world.org, world.outsider)


def test_another_address_joins_by_the_mailed_link_alone_and_that_is_written_down(world, fresh):
    client = world.client("outsider")
    assert client.post(f"/o/invitations/{fresh.pk}/accept/").status_code == 404
    assert client.post(f"{copied_link(fresh)}join/").status_code == 409
    assert not is_member(world.org, world.outsider)
    assert client.post(f"{mailed_link(NEW)}join/").status_code == 303
    assert is_member(world.org, world.outsider)
    [event] = events_of(world.org, "member.joined")
    assert (event.metadata["invited_address"], event.metadata["by_another_address"]) == (NEW, True)


def test_a_member_uses_up_nobodys_invitation(world, fresh):
    with pytest.raises(services.AlreadyMember):
        services.accept_invitation(invitation=fresh, actor=world.member, is_mailed=True)
    assert stored(fresh).status == "pending"
    assert Membership.objects.get(user=world.member, organization=world.org).role == "member"


def test_an_invitation_works_only_for_its_address(world, invitation):
    assert world.client("other.admin").post(f"/o/invitations/{invitation.pk}/accept/").status_code == 404
    assert world.client("other.admin").post(f"/o/invitations/{invitation.pk}/decline/").status_code == 404
    with pytest.raises(services.InvitationUnusable):
        services.accept_invitation(invitation=invitation, actor=world.other.admin)
    assert stored(invitation).status == "pending"


def test_a_full_organization_takes_nobody_until_there_is_room(world, invitation, settings):
    settings.MEMBERSHIP_LIMIT = 4
    with pytest.raises(services.MemberLimitReached):
        services.accept_invitation(invitation=invitation, actor=world.outsider)
    assert stored(invitation).status == "pending"
    settings.MEMBERSHIP_LIMIT = 5
    assert services.accept_invitation(invitation=invitation, actor=world.outsider)


def test_an_expired_invitation_says_so_on_the_list_and_changes_nothing(world, invitation):
    spoil(world, invitation, "expired")
    answer = world.client("outsider").post(f"/o/invitations/{invitation.pk}/accept/", follow=True)
    assert "This invitation has expired" in answer.content.decode()
    assert not is_member(world.org, world.outsider)


def test_who_sent_it_and_was_removed_lets_nobody_in(world, invitation):
    admin = Membership.objects.get(user=world.admin, organization=world.org)
    services.remove_member(org=world.org, actor=world.owner, membership=admin)
    with pytest.raises(services.InvitationUnusable, match="withdrawn"):
        services.accept_invitation(invitation=invitation, actor=world.outsider)
    [event] = events_of(world.org, "member.invitation_revoked")
    assert event.reason


# -- Declining -------------------------------------------------------------------------------------------------------


def test_an_invited_person_declines_on_the_list(world, invitation):
    world.client("outsider").post(f"/o/invitations/{invitation.pk}/decline/")
    assert not is_member(world.org, world.outsider)
    assert world.org.name not in world.client("outsider").get("/o/").content.decode()
    assert len(events_of(world.org, "member.invitation_declined")) == 1


def test_who_has_the_mail_declines_without_an_account(world, fresh):
    page = Client().post(f"{mailed_link(NEW)}refuse/").content.decode()
    assert "The invitation is declined" in page
    assert stored(fresh).status == "declined"
    [event] = events_of(world.org, "member.invitation_declined")
    assert event.user_id is None


def test_who_was_only_handed_the_link_declines_for_nobody(world, fresh):
    for client in (Client(), world.client("outsider")):
        client.post(f"{copied_link(fresh)}refuse/")
    assert stored(fresh).status == "pending"


# -- Through sign-in and sign-up -------------------------------------------------------------------------------------


def sign_up(client, link, email):
    """From the invitation's page to the sent form of sign-up."""
    entered = client.post(f"{link}enter/", {"way": "signup"})
    assert entered.url.startswith("/accounts/signup/?")
    assert f'value="{NEW}"' in client.get(entered.url).content.decode(), "the address stands there already"
    return client.post(entered.url, {"email": email, "password1": PASSWORD, "next": "/invitations/current/"})


def user_of(email):
    return User.objects.filter(email=email).first()


def test_a_new_person_signs_up_from_the_mailed_link_and_stands_in_the_organization(world, fresh):
    client = Client()
    answer = sign_up(client, mailed_link(NEW), NEW)
    person = user_of(NEW)
    assert EmailAddress.objects.get(user=person).verified
    assert not jobs().filter(payload__to=[NEW], payload__subject__icontains="confirm")
    assert is_member(world.org, person)
    assert answer.url == "/invitations/current/"
    assert client.get(answer.url).url == f"/o/{world.org.slug}/"
    assert Organization.objects.filter(created_by=person).count() == 0
    assert "You need" not in client.get("/onboarding/", follow=True).content.decode()


def test_getting_started_asks_such_a_person_for_no_organization_and_leads_to_hers(world, fresh):
    client = Client()
    sign_up(client, mailed_link(NEW), NEW)
    steps = {"welcome": {}, "profile": {"name": "Ada"}}
    for step, data in steps.items():
        client.post(f"/onboarding/{step}/", data)
    assert client.get("/onboarding/").url == "/onboarding/preferences/"
    client.post("/onboarding/preferences/skip/")
    assert client.post("/onboarding/complete/").url == f"/o/{world.org.slug}/"


def test_another_address_at_sign_up_is_confirmed_as_usual(world, fresh):
    sign_up(Client(), mailed_link(NEW), "eve@example.com")
    assert not EmailAddress.objects.get(email="eve@example.com").verified
    assert not is_member(world.org, user_of("eve@example.com"))
    assert stored(fresh).status == "pending"


def test_the_copied_link_confirms_no_address(world, fresh):
    sign_up(Client(), copied_link(fresh), NEW)
    assert not EmailAddress.objects.get(email=NEW).verified
    assert not is_member(world.org, user_of(NEW))


@pytest.mark.parametrize("how", ["expired", "revoked", "resent"])
def test_a_link_that_has_ended_since_confirms_no_address(world, fresh, how):
    client = Client()
    entered = client.post(f"{mailed_link(NEW)}enter/", {"way": "signup"})
    if how == "resent":
        services.resend_invitation(org=world.org, actor=world.admin, invitation=fresh)
    else:
        spoil(world, fresh, how)
    client.post(entered.url, {"email": NEW, "password1": PASSWORD})
    assert not EmailAddress.objects.get(email=NEW).verified
    assert not is_member(world.org, user_of(NEW))


def test_who_confirms_by_mail_after_a_copied_link_joins_at_that_moment(world, fresh):
    client = Client()
    sign_up(client, copied_link(fresh), NEW)
    [body] = [job.payload["body"] for job in jobs() if "confirm-email" in job.payload.get("body", "")]
    path = re.search(r"/accounts/confirm-email/[^/\s]+/", body).group()
    client.post(path)
    assert is_member(world.org, user_of(NEW))


def test_a_known_person_signs_in_and_stands_in_the_organization(world, invitation):
    client = Client()
    entered = client.post(f"{mailed_link(invitation.email)}enter/", {"way": "signin"})
    assert entered.url.startswith("/accounts/login/?")
    answer = client.post(
        "/accounts/login/", {"login": world.outsider.email, "password": PASSWORD, "next": "/invitations/current/"}
    )
    assert is_member(world.org, world.outsider)
    assert client.get(answer.url).url == f"/o/{world.org.slug}/"
    assert client.get(f"/o/{world.org.slug}/").status_code == 200


def test_who_signs_in_with_another_account_is_asked(world, fresh):
    client = Client()
    client.post(f"{mailed_link(NEW)}enter/", {"way": "signin"})
    client.post("/accounts/login/", {"login": world.outsider.email, "password": PASSWORD})
    assert not is_member(world.org, world.outsider)
    assert "Join as outsider" in client.get("/invitations/current/").content.decode()
    assert client.post("/invitations/current/join/").url == f"/o/{world.org.slug}/"
    assert is_member(world.org, world.outsider)
    assert client.get("/invitations/current/").status_code == 404, "nothing is remembered any more"


def test_changing_to_the_other_account_signs_out_and_keeps_the_invitation(world, invitation):
    client = Client()
    client.force_login(world.other.member)
    client.post(f"{mailed_link(invitation.email)}enter/", {"way": "signin"})
    assert client.get("/o/").status_code == 302, "signed out"
    client.post("/accounts/login/", {"login": world.outsider.email, "password": PASSWORD})
    assert is_member(world.org, world.outsider)
    assert not is_member(world.org, world.other.member)


def test_the_session_keeps_no_token(world, fresh):
    client = Client()
    link = mailed_link(NEW)
    client.post(f"{link}enter/", {"way": "signup"})
    assert link.split("/")[2] not in str(dict(client.session))


def test_a_refused_membership_does_not_stop_the_sign_in(world, invitation, settings):
    client = Client()
    client.post(f"{mailed_link(invitation.email)}enter/", {"way": "signin"})
    settings.MEMBERSHIP_LIMIT = 4
    client.post("/accounts/login/", {"login": world.outsider.email, "password": PASSWORD})
    assert "There is no place left" in client.get("/invitations/current/").content.decode()


# -- What the database holds -----------------------------------------------------------------------------------------


def test_fifty_acceptances_of_one_token_make_one_member(world, fresh, in_parallel):
    people = [UserFactory() for _ in range(50)]
    results = in_parallel(
        lambda n: services.accept_invitation(invitation=fresh, actor=people[n], is_mailed=True), times=50
    )
    assert sum(isinstance(r, Membership) for r in results) == 1, results
    assert sum(isinstance(r, services.InvitationUnusable) for r in results) == 49, results
    assert Membership.objects.filter(organization=world.org, user__in=[p.pk for p in people]).count() == 1


def test_fifty_clicks_of_one_person_make_one_membership(world, invitation, in_parallel):
    results = in_parallel(lambda: services.accept_invitation(invitation=invitation, actor=world.outsider), times=50)
    assert sum(isinstance(r, Membership) for r in results) == 1
    assert Membership.objects.filter(organization=world.org, user=world.outsider).count() == 1
    assert len(events_of(world.org, "member.joined")) == 1


def test_fifty_invitations_of_one_address_are_one(world, invite, in_parallel):
    results = in_parallel(lambda: invite("new@example.com", actor=world.owner), times=50)
    assert sum(isinstance(r, Invitation) for r in results) == 1, results
    assert Invitation.objects.filter(invitee_identifier="new@example.com", status="pending").count() == 1
    assert jobs().filter(payload__to=["new@example.com"]).count() == 1, "and one mail"


def test_fifty_people_take_the_last_place_once(world, invite, settings, in_parallel):
    people = [UserFactory() for _ in range(50)]
    sent = [invite(person.email) for person in people]
    settings.MEMBERSHIP_LIMIT = 5
    results = in_parallel(lambda n: services.accept_invitation(invitation=sent[n], actor=people[n]), times=50)
    assert sum(isinstance(r, Membership) for r in results) == 1, results
    assert sum(isinstance(r, services.MemberLimitReached) for r in results) == 49, results
    assert Membership.objects.filter(organization=world.org).count() == 5


def test_the_database_itself_refuses_a_second_pending_invitation(world, invitation):
    with pytest.raises(IntegrityError):
        Invitation.objects.create(
            organization=world.org,
            invited_by=world.owner,
            invitee_identifier=invitation.email,
            role="viewer",
            expires_at=Invitation.default_expiry(),
        )


def test_the_invitation_reaches_the_mail_server(world, invite):
    invite(NEW)
    send_email(jobs().get(payload__to=[NEW]).id)
    [message] = [each for each in mail.outbox if each.to == [NEW]]
    assert message.alternatives
