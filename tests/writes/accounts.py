"""The writes of a person: profile, getting started, ways in, sessions, notifications, jobs, the end of the account."""

import json
import re
from urllib.parse import parse_qsl, urlsplit

import requests
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession

from accounts.deletion import request_deletion
from accounts.models import User
from accounts.onboarding import update_onboarding_step
from accounts.security import not_me_url
from organizations.models import Invitation, Organization
from saas.jobs import queue_processing
from saas.mailing.models import switched_off
from saas.notifications.mails import url_to_stop
from saas.notifications.models import NotificationPreference
from saas.tenancy import now
from tests.accounts.conftest import link_in, mails, new_client
from tests.accounts.test_code_sign_in import code_for
from tests.accounts.test_factors import totp
from tests.factories import PASSWORD
from tests.writes.organizations import ADDRESS, confirmed, invited
from tests.writes.passkeys import Passkey
from tests.writes.platform import switched_off_address
from tests.writes.recipes import Recorded, Visit, quiet, write

ANOTHER = "another quite good password 7"
OWN_INBOX = "what a person has seen of the own inbox"
STEP_BEFORE = "a step before something dangerous, which records itself"


# -- Profile -----------------------------------------------------------------------------------------------------------


@write("accounts:theme")
def theme(world):
    return Visit({"theme": "dark"}, [Recorded("user.updated", world.member, changed="theme")], "member", {"theme": "x"})


@quiet("accounts:theme", "a cookie of this browser alone", "of a visitor")
def theme_of_a_visitor(world):
    return Visit({"theme": "dark"}, by="nobody", wrong={"theme": "x"})


@quiet("accounts:cookies", "a cookie of this browser alone", "of a visitor")
def cookies_of_a_visitor(world):
    return Visit({"analytics": "yes"}, by="nobody", wrong={"analytics": "perhaps"})


@write("accounts:cookies")
def cookies(world):
    changed = Recorded("user.updated", world.member, changed="analytics_consent")
    return Visit({"analytics": "yes"}, [changed], "member", {"analytics": "perhaps"})


@write("accounts:profile")
def profile(world):
    fields = ("theme", "locale", "time_zone", "email_digest")
    data = {**{name: getattr(world.member, name) for name in fields}, "name": "Nora", "theme": "light"}
    return Visit(data, [Recorded("user.updated", world.member, changed="name theme")], "member", {"name": ""})


@write("accounts:export")
def export(world):
    asked = Recorded("user.export_requested", world.member)
    return Visit(recorded=[asked], by="member", client=confirmed(world, "member"))


@write("jobs:job_cancel", "one's own")
def job_cancel(world):
    job = queue_processing(user=world.member, task="accounts.tasks.export_account")
    cancelled = Recorded("job.cancelled", job, changed="state")
    return Visit(recorded=[cancelled], by="member", refused=("owner",), arguments={"job_id": job.id})


@write("jobs:job_cancel", "in an organization")
def job_cancel_in_an_organization(world):
    job = queue_processing(user=world.admin, org=world.org, task="saas.tasks.export_audit_log")
    cancelled = Recorded("job.cancelled", job, changed="state", org=world.org)
    return Visit(recorded=[cancelled], by="admin", refused=("owner",), arguments={"job_id": job.id})


@write("mailing:mail_switch_on")
def mail_switch_on(world):
    allowed = Recorded("mail_address.switched_on", switched_off_address(world), before="reason reported_at")
    return Visit(recorded=[allowed], by="member")


@write("mailing:resend_report")
def resend_report(world, settings):
    from svix.webhooks import Webhook

    settings.RESEND_SIGNING_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    bounce = {"email_id": "1", "to": [world.member.email], "bounce": {"type": "Permanent", "message": "no"}}
    body = json.dumps({"type": "email.bounced", "created_at": now().isoformat(), "data": bounce})
    moment = now()
    signature = Webhook(settings.RESEND_SIGNING_SECRET).sign("msg_1", moment, body)
    headers = {"svix-id": "msg_1", "svix-timestamp": str(int(moment.timestamp())), "svix-signature": signature}
    off = Recorded(
        "mail_address.switched_off",
        lambda: switched_off().get(address=world.member.email),
        after="reason",
        actor_type="system",
    )
    options = {"content_type": "application/json", "headers": headers}
    return Visit(body, [off], by="nobody", options=options)


# -- Getting started ---------------------------------------------------------------------------------------------------


def newcomer(world, *done):
    """The outsider has not got past these steps."""
    User.objects.filter(pk=world.outsider.pk).update(onboarded_at=None)
    user = User.objects.get(pk=world.outsider.pk)
    answers = {"profile": {"name": "Olga"}, "organization": {"name": "Olga's"}}
    preferences = ("theme", "locale", "time_zone", "email_digest")
    answers["preferences"] = {name: getattr(user, name) for name in preferences}
    for step in done:
        update_onboarding_step(user, step, answers.get(step, {}))
    return world.outsider


@quiet("accounts:onboarding_step", "somebody has read the first page, which asks for nothing", "welcome")
def onboarding_welcome(world):
    newcomer(world)
    return Visit(by="outsider", arguments={"step": "welcome"})


@write("accounts:onboarding_step", "profile")
def onboarding_profile(world):
    user = newcomer(world, "welcome")
    changed = Recorded("user.updated", user, changed="name")
    changed.actor = User(pk=user.pk, name="Outsider")
    return Visit({"name": "Olga"}, [changed], "outsider", {"name": ""}, arguments={"step": "profile"})


@write("accounts:onboarding_step", "organization")
def onboarding_organization(world):
    def made():
        return Organization.objects.get(name="Hazel")

    newcomer(world, "welcome", "profile")
    created = Recorded(
        "organization.created", made, after="name slug", org=made, actor=User(pk=world.outsider.pk, name="Olga")
    )
    return Visit({"name": "Hazel"}, [created], "outsider", {"name": ""}, arguments={"step": "organization"})


@write("accounts:onboarding_step", "organization, by an invitation")
def onboarding_joins(world):
    invited(world)
    user = newcomer(world, "welcome", "profile")
    joined = Recorded("member.joined", user, after="role", org=world.org, actor=User(pk=user.pk, name="Olga"))
    data = {"choice": world.invitation.pk}
    return Visit(data, [joined], "outsider", {"choice": "0" * 24}, arguments={"step": "organization"})


@write("accounts:onboarding_step", "preferences")
def onboarding_preferences(world):
    user = newcomer(world, "welcome", "profile", "organization")
    changed = Recorded("user.updated", user, changed="theme", actor=User(pk=user.pk, name="Olga"))
    data = {"theme": "dark", "locale": user.locale, "time_zone": user.time_zone, "email_digest": user.email_digest}
    return Visit(data, [changed], "outsider", {"theme": "x"}, arguments={"step": "preferences"})


@write("accounts:onboarding_step", "complete")
def onboarding_complete(world):
    newcomer(world, "welcome", "profile", "organization", "preferences")
    finished = Recorded(
        "user.onboarded", world.outsider, changed="onboarded_at", actor=User(pk=world.outsider.pk, name="Olga")
    )
    return Visit(recorded=[finished], by="outsider", arguments={"step": "complete"})


@quiet("accounts:onboarding_draft", "what somebody has half typed, for nobody else to see")
def onboarding_draft(world):
    newcomer(world, "welcome")
    return Visit({"name": "Ol"}, by="outsider", arguments={"step": "profile"})


@quiet("accounts:onboarding_skip", "nothing is answered; the end of the way records user.onboarded")
def onboarding_skip(world):
    newcomer(world, "welcome", "profile", "organization")
    return Visit(by="outsider", arguments={"step": "preferences"})


# -- Notifications -----------------------------------------------------------------------------------------------------


@quiet("notifications:seen", OWN_INBOX)
def notifications_seen(world):
    assert world.notification
    return Visit({"until": now().isoformat()}, by="member", wrong={"until": ""})


@quiet("notifications:read_all", OWN_INBOX)
def notifications_read_all(world):
    assert world.notification
    return Visit({"until": now().isoformat()}, by="member", wrong={"until": ""})


def one_notification(world):
    assert world.notification
    return Visit(by="member", refused=("owner",))


for name in ("read", "unread", "archive", "unarchive"):
    quiet(f"notifications:{name}", OWN_INBOX)(one_notification)


def preference_of(user):
    return lambda: NotificationPreference.objects.for_user(user).get()


@write("notifications:preferences")
def notification_preferences(world):
    changed = [
        Recorded("user.updated", world.member, changed="email_digest"),
        Recorded("notification_preference.updated", preference_of(world.member), changed="choices muted"),
    ]
    data = {"email_digest": "hourly", "projects-email": "off", "muted": [world.org.pk]}
    return Visit(data, changed, by="member", wrong={"projects-email": "perhaps"})


@write("notifications:unsubscribe")
def notifications_unsubscribe(world):
    stopped = Recorded(
        "notification_preference.updated", preference_of(world.member), changed="choices", actor=world.member
    )
    token = url_to_stop(world.member.pk, "projects").rstrip("/").rpartition("/")[2]
    return Visit(recorded=[stopped], by="nobody", arguments={"token": token})


# -- Ways in -----------------------------------------------------------------------------------------------------------


@quiet("account_reauthenticate", STEP_BEFORE)
def reauthenticate(world):
    return Visit({"password": PASSWORD}, by="member", wrong={"password": "wrong"}, attempt="user.login_failed")


@write("account_change_password")
def change_password(world):
    changed = Recorded("user.password_changed", world.member)
    return Visit({"oldpassword": PASSWORD, "password1": ANOTHER}, [changed], "member", {"oldpassword": "wrong"})


@write("account_set_password")
def set_password(world):
    world.member.password = "!"  # none that anybody could type
    world.member.save()
    client = world.client("member")
    return Visit(
        {"password1": ANOTHER},
        [Recorded("user.password_changed", world.member)],
        "member",
        {"password1": "x"},
        client=client,
    )


def second_address(world, **values):
    return EmailAddress.objects.create(user=world.member, email="second@example.com", **values)


@write("account_email", "another one")
def email_add(world):
    added = Recorded("user.email_added", world.member, after="email")
    data = {"action_add": "", "email": "second@example.com"}
    return Visit(data, [added], "member", {"email": "no address"}, client=confirmed(world, "member"))


@write("account_email", "one less")
def email_remove(world):
    second_address(world)
    removed = Recorded("user.email_removed", world.member, before="email")
    data = {"action_remove": "", "email": "second@example.com"}
    return Visit(data, [removed], "member", {"email": world.member.email}, client=confirmed(world, "member"))


@write("account_email", "another main one")
def email_primary(world):
    second_address(world, verified=True)
    changed = Recorded("user.email_changed", world.member, changed="email")
    data = {"action_primary": "", "email": "second@example.com"}
    return Visit(data, [changed], "member", {"email": "no@example.com"}, client=confirmed(world, "member"))


@quiet("account_email", "it sends a mail to confirm by, which records user.email_confirmed", "the mail again")
def email_send(world):
    second_address(world)
    return Visit({"action_send": "", "email": "second@example.com"}, by="member", client=confirmed(world, "member"))


@write("socialaccount_connections")
def disconnect(world):
    account = SocialAccount.objects.create(user=world.member, provider="sandbox", uid="1")
    gone = Recorded("user.account_disconnected", world.member, before="service")
    client = confirmed(world, "member")
    return Visit({"account": account.pk}, [gone], "member", {"account": "0" * 24}, client=client)


# -- The second step ---------------------------------------------------------------------------------------------------


def with_app(user):
    """The person's key of an app, and recovery codes."""
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return secret, RecoveryCodes.activate(user).get_unused_codes()


@quiet("mfa_reauthenticate", STEP_BEFORE, "by a code of the app")
def mfa_reauthenticate(world):
    secret, _ = with_app(world.member)
    return Visit({"code": totp(secret)}, by="member", wrong={"code": "000000"}, attempt="user.second_step_failed")


@write("mfa_reauthenticate", "by a recovery code")
def mfa_reauthenticate_by_a_recovery_code(world):
    _, codes = with_app(world.member)
    used = Recorded("user.recovery_code_used", world.member)
    return Visit({"code": codes[0]}, [used], "member", {"code": "00000000"}, attempt="user.second_step_failed")


@write("mfa_activate_totp")
def activate_totp(world):
    client = confirmed(world, "member")
    page = client.get("/accounts/2fa/totp/activate/").content.decode()
    code = totp(re.search(r'id="totp-secret">([A-Z2-7]+)<', page)[1])
    return Visit(
        {"code": code}, [Recorded("user.authenticator_added", world.member)], "member", {"code": "0"}, client=client
    )


@write("mfa_deactivate_totp")
def deactivate_totp(world):
    client = confirmed(world, "member")
    with_app(world.member)
    return Visit(recorded=[Recorded("user.authenticator_removed", world.member)], by="member", client=client)


@write("mfa_generate_recovery_codes")
def generate_recovery_codes(world):
    client = confirmed(world, "member")
    with_app(world.member)
    return Visit(recorded=[Recorded("user.recovery_codes_created", world.member)], by="member", client=client)


@write("mfa_add_webauthn")
def add_passkey(world):
    client = confirmed(world, "member")
    client.get("/accounts/2fa/passkeys/add/")
    data = {"name": "Laptop", "credential": Passkey().registration(client)}
    return Visit(data, [Recorded("user.passkey_added", world.member, after="name")], "member", client=client)


def with_passkey(world, client):
    """The person's passkey, added by the page, and its row."""
    passkey = Passkey()
    client.get("/accounts/2fa/passkeys/add/")
    client.post("/accounts/2fa/passkeys/add/", {"name": "Laptop", "credential": passkey.registration(client)})
    return passkey, Authenticator.objects.get(user_id=world.member.pk, type="webauthn")


@write("mfa_edit_webauthn")
def rename_passkey(world):
    client = confirmed(world, "member")
    _, row = with_passkey(world, client)
    renamed = Recorded("user.passkey_renamed", world.member, changed="name")
    return Visit({"name": "Desk"}, [renamed], "member", {"name": ""}, client=client, arguments={"pk": row.pk})


@write("mfa_remove_webauthn")
def remove_passkey(world):
    client = confirmed(world, "member")
    _, row = with_passkey(world, client)
    removed = Recorded("user.passkey_removed", world.member, before="name")
    return Visit(recorded=[removed], by="member", client=client, arguments={"pk": row.pk})


@quiet("mfa_reauthenticate_webauthn", STEP_BEFORE)
def mfa_reauthenticate_webauthn(world):
    client = confirmed(world, "member")
    passkey, _ = with_passkey(world, client)
    client.get("/accounts/2fa/passkeys/reauthenticate/")
    data, wrong = ({"credential": key.assertion(client, world.member)} for key in (passkey, Passkey()))
    return Visit(data, (), "member", wrong, attempt="user.second_step_failed", client=client)


# -- Signing in and up -------------------------------------------------------------------------------------------------


def logged_in(user):
    return Recorded("user.logged_in", user, actor=user)


@write("account_login")
def login(world):
    data = {"login": world.member.email, "password": PASSWORD}
    return Visit(data, [logged_in(world.member)], "nobody", {"password": "wrong"}, attempt="user.login_failed")


@write("account_login", "with a new browser", apart="the browser is told of after the sign-in")
def login_with_a_new_browser(world):
    world.client("member")
    data = {"login": world.member.email, "password": PASSWORD}
    new = Recorded("user.new_device", world.member, actor=world.member)
    return Visit(
        data,
        [logged_in(world.member), new],
        "nobody",
        {"password": "wrong"},
        attempt="user.login_failed",
        client=new_client(),
    )


@write("account_logout")
def logout(world):
    return Visit(recorded=[Recorded("user.logged_out", world.member)], by="member")


@write("account_signup")
def signup(world):
    def person():
        return User.objects.get(email="new@example.com")

    created = Recorded("user.created", person, after="email", actor=person)
    return Visit({"email": "new@example.com", "password1": ANOTHER}, [created], "nobody", {"password1": "x"})


@write("account_signup", "by the link of an invitation", apart="signing in and joining come after the account is made")
def signup_by_an_invitation(world):
    def person():
        return User.objects.get(email=ADDRESS)

    token = invited(world)
    Invitation.objects.filter(pk=world.invitation.pk).update(invitee_identifier=ADDRESS)
    client = new_client()
    client.post(f"/invitations/{token}/enter/", {"way": "signup"})
    created = Recorded("user.created", person, after="email", actor=person)
    data = {"email": ADDRESS, "password1": ANOTHER}
    entered = Recorded("user.logged_in", person, actor=person)
    joined = Recorded("member.joined", person, after="role", actor=person, org=world.org)
    return Visit(data, [created, entered, joined], "nobody", client=client)


# -- By a mail ---------------------------------------------------------------------------------------------------------


@write("account_confirm_email", apart="signing in comes after the address is confirmed")
def confirm_email(world):
    client = new_client()
    client.post("/accounts/signup/", {"email": "new@example.com", "password1": ANOTHER})
    person = User.objects.get(email="new@example.com")
    key = link_in(mails(person.email)[-1]).rstrip("/").rpartition("/")[2]
    recorded = [Recorded("user.email_confirmed", person, after="email", actor=person), logged_in(person)]
    return Visit(recorded=recorded, by="nobody", client=client, arguments={"key": key})


@quiet("account_request_login_code", "a step of signing in: it sends a code")
def request_login_code(world):
    return Visit({"email": world.member.email}, by="nobody", wrong={"email": ""})


@write("account_confirm_login_code")
def confirm_login_code(world):
    client = new_client()
    client.post("/accounts/login/code/", {"email": world.member.email})
    data = {"code": code_for(world.member.email)}
    return Visit(
        data, [logged_in(world.member)], "nobody", {"code": "WRNG-CODE"}, attempt="user.login_failed", client=client
    )


@quiet("account_reset_password", "it sends a mail; the reset itself records user.password_reset")
def reset_password(world):
    return Visit({"email": world.member.email}, by="nobody", wrong={"email": ""})


@write("account_reset_password_from_key")
def reset_password_from_key(world):
    client = new_client()
    client.post("/accounts/password/reset/", {"email": world.member.email})
    form = client.get(link_in(mails(world.member.email)[-1])).url
    uid, key = re.search(r"key/(\w+)-(.+)/$", form).groups()
    reset = Recorded("user.password_reset", world.member, actor=world.member)
    arguments = {"uidb36": uid, "key": key}
    return Visit({"password1": ANOTHER}, [reset], "nobody", {"password1": "x"}, client=client, arguments=arguments)


@write("accounts:not_me", "by somebody who is not signed in")
def not_me(world):
    locked = Recorded("user.locked", world.member, changed="locked_at", actor=world.member)
    return Visit(recorded=[locked], by="nobody", arguments={"token": claim_of(world.member)})


@write("accounts:not_me", "with the address back")
def not_me_with_the_address_back(world):
    token = claim_of_a_moved(world.member)
    return Visit(recorded=taken_back(world.member), by="nobody", arguments={"token": token})


@write("accounts:not_me", "with the address back from an account that nobody confirmed")
def not_me_with_the_address_of_an_unconfirmed_account(world):
    was = world.member.email
    token = claim_of_a_moved(world.member)
    other = User.objects.create_user(was)
    EmailAddress.objects.create(user=other, email=was, primary=True)
    recorded = [
        Recorded("user.email_removed", other, before="email", actor=world.member),
        Recorded("user.deletion_requested", other, changed="deletes_at", actor=world.member),
        *taken_back(world.member),
    ]
    return Visit(recorded=recorded, by="nobody", arguments={"token": token})


@write("accounts:not_me", "with the address confirmed by another account")
def not_me_with_the_address_of_a_confirmed_account(world):
    was = world.member.email
    token = claim_of_a_moved(world.member)
    EmailAddress.objects.create(user=world.outsider, email=was, verified=True)
    return Visit(recorded=taken_back(world.member), by="nobody", arguments={"token": token})


def claim_of_a_moved(user):
    """An intruder has made his own address the account's only one; the link of the mail that told the owner."""
    was = user.email
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email="intruder@example.com", verified=True, primary=True)
    user.email = "intruder@example.com"
    user.save()
    return not_me_url(user, mail="email_changed", address=was).rstrip("/").rpartition("/")[2]


def taken_back(user):
    return [
        Recorded("user.email_removed", user, before="email", actor=user),
        Recorded("user.email_changed", user, changed="email", actor=user),
        Recorded("user.locked", user, changed="locked_at", actor=user),
    ]


@write("accounts:not_me", "by the person", apart="the end of the session comes after the lock")
def not_me_by_the_person(world):
    recorded = [Recorded("user.locked", world.member, changed="locked_at"), Recorded("user.logged_out", world.member)]
    return Visit(recorded=recorded, by="member", arguments={"token": claim_of(world.member)})


def claim_of(user):
    return not_me_url(user, mail="password_changed", address=user.email).rstrip("/").rpartition("/")[2]


# -- By the second step, a passkey, an account elsewhere ---------------------------------------------------------------


def first_step(world):
    """A browser that has given the right password and is asked for the second step; the recovery codes."""
    _, codes = with_app(world.member)
    client = new_client()
    client.post("/accounts/login/", {"login": world.member.email, "password": PASSWORD})
    return client, codes


@write("mfa_authenticate")
def mfa_authenticate(world):
    client, codes = first_step(world)
    used = Recorded("user.recovery_code_used", world.member, actor=world.member)
    return Visit(
        {"code": codes[0]}, [used], "nobody", {"code": "00000000"}, attempt="user.second_step_failed", client=client
    )


@write("mfa_trust")
def mfa_trust(world):
    client, codes = first_step(world)
    client.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    return Visit({"action": "trust"}, [logged_in(world.member)], "nobody", client=client)


@write("mfa_login_webauthn", leaves="mfa_authenticator")  # when the passkey was used last
def mfa_login_webauthn(world):
    passkey, _ = with_passkey(world, confirmed(world, "member"))
    client = new_client()
    client.get("/accounts/2fa/passkeys/sign-in/", headers={"X-Requested-With": "XMLHttpRequest"})
    User.objects.filter(pk=world.member.pk).update(last_login=None)  # no new browser, but a first one
    data = {"credential": passkey.assertion(client, world.member)}
    wrong = {"credential": Passkey().assertion(client, world.member)}
    return Visit(data, [logged_in(world.member)], "nobody", wrong, attempt="user.login_failed", client=client)


@quiet("openid_connect_login", "it leads to another service")
def openid_connect_login(world, provider):
    return Visit(by="nobody", arguments={"provider_id": "sandbox"})


def way_back(client, process="login", **answer):
    """What the simulated service sends the browser back with."""
    away = client.post(f"/accounts/oidc/sandbox/login/?process={process}")["Location"]
    page = requests.get(away, timeout=5)
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    data = {**hidden, "answer": "yes", "verified": "yes", **answer}
    back = requests.post(away.split("?")[0], data=data, allow_redirects=False, timeout=5)
    return dict(parse_qsl(urlsplit(back.headers["Location"]).query))


@write("openid_connect_callback", "a newcomer", apart="signing in comes after the account is made")
def openid_connect_callback(world, provider):
    client = new_client()
    data = way_back(client, email="new@example.com", name="Nora")
    created = Recorded("user.created", newest_person, after="email service", actor=newest_person)
    entered = Recorded("user.logged_in", newest_person, actor=newest_person)
    arguments = {"provider_id": "sandbox"}
    return Visit(data, [created, entered], "nobody", {"state": "x"}, client=client, arguments=arguments, method="get")


@write("openid_connect_callback", "one more way in")
def openid_connect_callback_connects(world, provider):
    client = confirmed(world, "member")
    data = way_back(client, process="connect", email="elsewhere@example.org")
    connected = Recorded("user.account_connected", world.member, after="service")
    arguments = {"provider_id": "sandbox"}
    return Visit(data, [connected], "member", {"state": "x"}, client=client, arguments=arguments, method="get")


def newest_person():
    return User.objects.get(email="new@example.com")


@write("socialaccount_signup")
def socialaccount_signup(world, provider):
    provider.userinfo = lambda _token: {"sub": "1", "name": "Nora"}  # which tells no address
    provider.id_token = lambda _grant: None
    client = new_client()
    client.get("/accounts/oidc/sandbox/login/callback/", way_back(client, email="untold@example.com"))
    created = Recorded("user.created", newest_person, after="email service", actor=newest_person)
    return Visit({"email": "new@example.com"}, [created], "nobody", {"email": ""}, client=client)


# -- Sessions and the end of the account -------------------------------------------------------------------------------


@write("accounts:session_end")
def session_end(world):
    elsewhere = new_client()
    elsewhere.force_login(world.member)
    elsewhere.get("/terms/")
    other = UserSession.objects.get(session_key=elsewhere.session.session_key)
    client, ended = confirmed(world, "member"), Recorded("session.ended", world.member)
    return Visit(recorded=[ended], by="member", client=client, arguments={"session_id": str(other.pk)})


@write("usersessions_list")
def sign_out_elsewhere(world):
    ended = Recorded("session.others_ended", world.member)
    return Visit(recorded=[ended], by="member", client=confirmed(world, "member"))


@write("accounts:delete", apart="the end of the session comes after the account is closed")
def account_delete(world):
    recorded = [
        Recorded("user.deletion_requested", world.member, changed="deletes_at"),
        Recorded("user.logged_out", world.member),
    ]
    data, wrong = {"confirmation": world.member.email}, {"confirmation": "yes"}
    return Visit(data, recorded, "member", wrong, client=confirmed(world, "member"))


@write("accounts:keep", apart="signing in comes after the account is open again")
def account_keep(world):
    request_deletion(user=world.member)
    client = new_client()
    client.post("/accounts/login/", {"login": world.member.email, "password": PASSWORD})
    back = Recorded("user.deletion_cancelled", world.member, changed="deletes_at", actor=world.member)
    return Visit(recorded=[back, logged_in(world.member)], by="nobody", client=client)
