"""Signing in by an account elsewhere, against the simulated provider over real HTTP."""

import re
import threading
import time
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount

from accounts.models import User
from saas.sandbox import oidc
from tests.accounts.conftest import PASSWORD, link_in, mails, new_client, sign_in
from tests.accounts.test_password import NEW, ask_for_reset
from tests.accounts.test_sessions import confirm
from tests.accounts.test_sign_up import events_of

LOGIN = "/accounts/oidc/sandbox/login/"


@pytest.fixture
def provider(settings):
    """The provider of the sandbox on a port of its own, which the settings name."""
    issuer = oidc.Provider(
        issuer="", client_id="groundwork", client_secret="sandbox-secret", redirect_uri="http://testserver/"
    )
    server = oidc.Server(0, issuer)
    issuer.issuer = f"http://localhost:{server.server_port}"
    issuer.redirect_uri = "http://testserver/accounts/oidc/sandbox/login/callback/"
    app = {**settings.SANDBOX_ID, "settings": {**settings.SANDBOX_ID["settings"], "server_url": issuer.issuer}}
    settings.SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [app]}}
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield issuer
    server.shutdown()
    server.server_close()


def go_there(client, *, process="login", **answer):
    """Press the button, answer the provider's page, and come back; the answer of the callback."""
    away = client.post(f"{LOGIN}?process={process}")
    assert away.status_code == 302, away.content.decode()
    page = requests.get(away["Location"], timeout=5)
    assert page.status_code == 200, page.text
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page.text))
    place = away["Location"].split("?")[0]
    back = requests.post(
        place, data={**hidden, "answer": "yes", "verified": "yes", **answer}, allow_redirects=False, timeout=5
    )
    assert back.status_code == 303, back.text
    parts = urlsplit(back.headers["Location"])
    return client.get(f"{parts.path}?{parts.query}")


def test_the_sign_in_page_offers_the_services_of_the_settings(visitor, provider, settings):
    assert "Continue with Sandbox ID" in visitor.get("/accounts/login/").content.decode()
    settings.SOCIALACCOUNT_PROVIDERS = {}
    assert "Continue with" not in visitor.get("/accounts/login/").content.decode()


def test_a_newcomer_signs_up_elsewhere(visitor, provider, address):
    answer = go_there(visitor, email=address, name="Nora Newcomer")
    assert answer["Location"] == "/onboarding/"
    user = User.objects.get(email=address)
    assert user.name == "Nora Newcomer"
    assert not user.has_usable_password()
    assert EmailAddress.objects.get(user=user).verified
    assert [event.after["service"] for event in events_of("user.created")] == ["sandbox"]
    visitor.post("/accounts/logout/")
    go_there(visitor, email=address)
    assert visitor.session["_auth_user_id"] == user.pk
    assert User.objects.count() == 1


def test_an_unconfirmed_address_has_to_be_confirmed_here(visitor, provider, address):
    answer = go_there(visitor, email=address, verified="no")
    assert answer["Location"] == "/accounts/confirm-email/"
    assert "_auth_user_id" not in visitor.session


def test_an_account_elsewhere_does_not_open_an_account_here_by_its_address(visitor, provider, person):
    answer = go_there(visitor, email=person.email)
    assert answer["Location"] == "/accounts/confirm-email/"
    assert "_auth_user_id" not in visitor.session
    assert not SocialAccount.objects.exists()
    assert mails(person.email)[-1].payload["subject"] == "You have an account already"


def test_coming_back_without_signing_in(visitor, provider, address):
    assert go_there(visitor, email=address, answer="no")["Location"].endswith("/login/cancelled/")


def test_a_callback_that_nobody_asked_for_lets_nobody_in(visitor, provider):
    answer = visitor.get("/accounts/oidc/sandbox/login/callback/?code=x&state=invented")
    assert answer.status_code == 401
    assert "That did not work" in answer.content.decode()


def test_a_service_that_is_away_is_said_in_words(visitor, provider):
    provider.codes = None  # the provider breaks
    away = visitor.post(LOGIN)
    state = parse_qs(urlsplit(away["Location"]).query)["state"][0]
    answer = visitor.get(f"/accounts/oidc/sandbox/login/callback/?code=x&state={state}")
    assert answer.status_code == 401


@pytest.fixture
def connected(visitor, provider, person):
    sign_in(visitor, person.email)
    confirm(visitor)
    answer = go_there(visitor, process="connect", email="me.elsewhere@example.org")
    assert answer["Location"] == "/accounts/connected/"
    return visitor


def disconnect(client):
    return client.post("/accounts/connected/", {"account": SocialAccount.objects.first().pk})


def test_a_person_connects_and_disconnects(connected, person):
    assert "me.elsewhere@example.org" in connected.get("/accounts/connected/").content.decode()
    assert mails(person.email)[-1].payload["subject"] == "An account was connected"
    assert disconnect(connected)["Location"] == "/accounts/connected/"
    assert not SocialAccount.objects.exists()
    assert len(events_of("user.account_connected")) == len(events_of("user.account_disconnected")) == 1
    assert mails(person.email)[-1].payload["subject"] == "An account was disconnected"


def test_who_did_not_confirm_lately_is_asked_before_an_account_is_disconnected(visitor, person):
    account = SocialAccount.objects.create(user=person, provider="sandbox", uid="1")
    sign_in(visitor, person.email)
    asked = visitor.post("/accounts/connected/", {"account": account.pk})
    assert (asked.status_code, asked["Location"].partition("?")[0]) == (302, "/accounts/reauthenticate/")
    assert SocialAccount.objects.filter(pk=account.pk).exists()
    assert not events_of("user.account_disconnected")
    done = visitor.post(asked["Location"], {"password": PASSWORD})
    assert done["Location"] == "/accounts/connected/"
    assert not SocialAccount.objects.exists()
    assert len(events_of("user.account_disconnected")) == 1


def test_the_account_of_somebody_else_is_not_disconnected(connected, person):
    other = new_client()
    stranger = User.objects.create_user("stranger@example.com", PASSWORD)
    other.force_login(stranger)
    disconnect(other)
    assert SocialAccount.objects.filter(user=person).exists()


def test_the_last_way_in_stays(connected, person):
    user = User.objects.get(pk=person.pk)
    user.set_unusable_password()
    user.save()
    connected.force_login(user)
    answer = disconnect(connected)
    assert "last way in" in answer.content.decode()
    assert SocialAccount.objects.exists()
    Authenticator.objects.create(user=user, type="webauthn", data={"name": "Laptop", "credential": {}})
    confirm_by_passkey(connected)
    assert disconnect(connected)["Location"] == "/accounts/connected/"
    assert not SocialAccount.objects.exists()


def test_in_whatever_order_the_ways_are_given_up_the_mailbox_stays_one(connected, person):
    """Without a password: first the account elsewhere goes, for there is a passkey, and then the passkey."""
    user = User.objects.get(pk=person.pk)
    user.set_unusable_password()
    user.save()
    connected.force_login(user)
    passkey = Authenticator.objects.create(user=user, type="webauthn", data={"name": "Laptop", "credential": {}})
    confirm_by_passkey(connected)
    assert disconnect(connected)["Location"] == "/accounts/connected/"
    assert not SocialAccount.objects.exists()
    connected.post(f"/accounts/2fa/passkeys/{passkey.pk}/remove/")
    assert not Authenticator.objects.exists()
    connected.post("/accounts/email/", {"email": person.email, "action_remove": ""})
    assert EmailAddress.objects.filter(user=user, verified=True, primary=True).exists()
    stranger = new_client()
    ask_for_reset(stranger, person.email)
    form = stranger.get(link_in(mails(person.email)[-1]))["Location"]
    assert stranger.post(form, {"password1": NEW})["Location"] == "/accounts/password/reset/key/done/"
    assert sign_in(stranger, person.email, NEW)["Location"].startswith("/o/")


def confirm_by_passkey(client):
    """As after confirming with the passkey."""
    session = client.session
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "reauthenticated": True}]
    session["account_authentication_methods_user"] = session["_auth_user_id"]
    session.save()


def test_two_are_not_disconnected_at_the_same_time(connected, person, in_parallel):
    SocialAccount.objects.create(user=person, provider="openid_connect", uid="second")
    user = User.objects.get(pk=person.pk)
    user.set_unusable_password()
    user.save()
    pks = list(SocialAccount.objects.values_list("pk", flat=True))
    clients = []
    for _ in pks:
        client = new_client()
        client.force_login(user)
        clients.append(client)
    in_parallel(lambda n: clients[n].post("/accounts/connected/", {"account": pks[n]}), times=2)
    assert SocialAccount.objects.count() == 1


# -- the provider refuses what a real one refuses ---------------------------------------------------------------------

ASK = {"client_id": "c", "redirect_uri": "http://site/back/", "response_type": "code", "scope": "openid email"}


@pytest.fixture
def rules():
    return oidc.Provider(issuer="http://issuer", client_id="c", client_secret="s", redirect_uri="http://site/back/")


@pytest.mark.parametrize(
    "wrong",
    [
        {"client_id": "d"},
        {"redirect_uri": "http://evil/"},
        {"response_type": "token"},
        {"scope": "email"},
        {"code_challenge": "x", "code_challenge_method": "plain"},
    ],
)
def test_a_wrong_request_is_refused(rules, wrong):
    rules.check_request(ASK)
    with pytest.raises(oidc.Refused):
        rules.check_request({**ASK, **wrong})


def code_of(rules, **more):
    place = rules.answer({**ASK, "answer": "yes", "email": "a@example.com", **more})
    return parse_qs(urlsplit(place).query)["code"][0]


def exchange(rules, code, *, secret="s", **more):
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": ASK["redirect_uri"], **more}
    return rules.exchange(form, client_id="c", client_secret=secret)


def test_a_code_is_exchanged_once(rules):
    code = code_of(rules)
    assert rules.userinfo(f"Bearer {exchange(rules, code)['access_token']}")["email"] == "a@example.com"
    with pytest.raises(oidc.Refused, match="invalid_grant"):
        exchange(rules, code)


def test_a_wrong_secret_verifier_or_token_is_refused(rules):
    with pytest.raises(oidc.Refused, match="invalid_client"):
        exchange(rules, code_of(rules), secret="x")
    challenge = {"code_challenge": oidc.challenge_of("verifier"), "code_challenge_method": "S256"}
    with pytest.raises(oidc.Refused, match="code_verifier"):
        exchange(rules, code_of(rules, **challenge), code_verifier="other")
    assert exchange(rules, code_of(rules, **challenge), code_verifier="verifier")
    with pytest.raises(oidc.Refused, match="invalid_token"):
        rules.userinfo("Bearer x")
