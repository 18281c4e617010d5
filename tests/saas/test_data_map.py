"""Whatever is about a person has its rule in config/personal_data.yaml, and after the end nothing tells who it was."""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from allauth.account.models import EmailAddress, EmailConfirmation
from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from bson import ObjectId
from django.apps import apps
from django.db.models import ForeignKey
from django.utils import timezone
from mongoengine import StringField

from accounts import deletion, export
from accounts.models import User
from accounts.onboarding import get_onboarding
from organizations import services
from organizations.models import Membership
from organizations.projects.services import create_project, share_project
from saas import data_map
from saas.config_files import ConfigError
from saas.events.erasure import erase_person
from saas.events.models import Event
from saas.jobs.files import store_file
from saas.jobs.models import SUCCEEDED, jobs
from saas.mailing.models import COMPLAINED, switched_off
from saas.mongo.documents import concrete_documents, database
from saas.mongo.indexes import ensure_indexes, import_models_of_services
from saas.tenancy import IdField, TenantDocument, UserDocument, now
from tests.accounts.conftest import new_client, sign_in
from tests.factories import PASSWORD, UserFactory, make_world

#: How a field is called that says who somebody is, or was.
PERSONAL = re.compile(
    r"(^|_)(users?|persons?|people|members?|actors?|authors?|owners?|creators?|senders?|recipients?|invitees?|emails?"
    r"|phones?|address(es)?|ips?|user_agent|by|shared_with|identifier)(_ids?|_address)?$"
)
#: Fields that are called so and mean something else, by collection.
OTHERWISE: dict[str, set[str]] = {}


class Diary(UserDocument):
    """A document of the tests that nobody has thought about."""

    text = StringField()
    read_by = IdField()

    meta = {"collection": "test_diaries"}


def fields_by_collection() -> dict[str, set[str]]:
    """What the product keeps: every document and model, with the names of its fields as they are stored."""
    import_models_of_services()
    found = {
        document._get_collection_name(): {field.db_field for field in document._fields.values()} - {"_id"}
        for document in concrete_documents(TenantDocument)
        if not document.__module__.startswith("tests.") and not document._get_collection_name().startswith("test_")
    }
    for model in apps.get_models(include_auto_created=True):
        found[model._meta.db_table] = {field.attname for field in model._meta.local_fields}
    return found


def declared() -> dict[str, set[str]]:
    """The fields that the map names, by collection."""
    fields = {name: set() for name in data_map.load()["nobody"]}
    for rule in data_map.rules():
        fields.setdefault(rule.collection, set()).update(rule.fields, rule.also)
    return fields


def without_a_rule(kept: Mapping[str, set[str]]) -> list[str]:
    """`collection` without an entry, `collection.field` that looks like a person's and that no rule names."""
    known = declared()
    relations = {
        (model._meta.db_table, field.attname)
        for model in apps.get_models(include_auto_created=True)
        for field in model._meta.local_fields
        if isinstance(field, ForeignKey) and field.related_model is User
    }
    found = []
    for name, fields in kept.items():
        personal = {each for each in fields if PERSONAL.search(each) or (name, each) in relations}
        if name not in known:
            found.append(name)
        elif name not in data_map.load()["nobody"] or any((name, each) in relations for each in personal):
            found += [f"{name}.{each}" for each in sorted(personal - known[name] - OTHERWISE.get(name, set()))]
        else:
            found += [f"{name}.{each}" for each in sorted(personal - OTHERWISE.get(name, set()))]
    return found


# -- The map ---------------------------------------------------------------------------------------------------------


def test_every_collection_and_every_field_about_a_person_has_its_rule():
    assert without_a_rule(fields_by_collection()) == []


def test_a_document_that_nobody_has_thought_about_is_found():
    stored = {field.db_field for field in Diary._fields.values()}
    assert without_a_rule({"test_diaries": stored}) == ["test_diaries"]
    assert without_a_rule({"projects": {"created_by", "read_by"}, "workers": {"email"}}) == [
        "projects.read_by",
        "workers.email",
    ]


def test_what_is_neither_a_document_nor_a_model_has_its_entry_too():
    ensure_indexes()
    ours = {name for name in database().list_collection_names() if not name.startswith(("test_", "system."))}
    others = {d._get_collection_name() for d in concrete_documents() if d.__module__.startswith("tests")}
    assert sorted(ours - others - declared().keys() - {"django_migrations"}) == []


def test_the_map_names_nothing_that_is_gone():
    kept = fields_by_collection()
    gone = [f"{name}.{field}" for name, fields in declared().items() for field in fields if name in kept
            if field.split(".")[0] not in kept[name]]  # fmt: skip
    assert gone == []
    assert sorted(declared().keys() - kept.keys()) == ["rate_limit_windows"]


def test_the_person_goes_last():
    assert list(data_map.rules())[-1].collection == "accounts_user"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("people: {a: [{fields: [x], by: accounts.no.such, why: y}]}\nnobody: {}", "cannot be imported"),
        ("people: {a: [{fields: [x], then: keep, why: y}]}\nnobody: {a: y}", "under nobody too"),
        ("people: {a: [{fields: [x], then: shred, why: y}]}\nnobody: {}", "shred"),
    ],
)
def test_a_mistake_in_the_map_is_answered_with_its_line(tmp_path, monkeypatch, text, words):
    file = tmp_path / "personal_data.yaml"
    file.write_text(text)
    monkeypatch.setattr(data_map, "FILE", file)
    monkeypatch.setattr(data_map, "load", data_map.load.__wrapped__)
    with pytest.raises(ConfigError, match=words) as raised:
        data_map.load()
    assert re.search(r"personal_data\.yaml:\d+: ", str(raised.value))
    assert [problem.msg for problem in data_map.check_file()] == [str(raised.value)]  # so the start is refused


def test_the_file_is_right():
    assert data_map.check_file() == []


# -- Carried out -----------------------------------------------------------------------------------------------------

NAME, EMAIL, SECOND = "Zenobia Quillfeather", "zenobia.quillfeather@example.com", "zq@elsewhere.example"
ADDRESS = "203.0.113.77"
BROWSER = "Mozilla/5.0 (Zenobia's own) Firefox/140.0"


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def person(world):
    """Somebody who has left traces everywhere, and whose time is over."""
    user = UserFactory(name=NAME, email=EMAIL)
    EmailAddress.objects.create(user=user, email=EMAIL, verified=True, primary=True)
    invite_and_accept(world, user)
    use_the_product(world, user)
    live_in(world, user)
    deletion.request_deletion(user=user)
    User.objects.filter(pk=user.pk).update(deletes_at=timezone.now() - timedelta(minutes=1))
    return User.objects.get(pk=user.pk)


def invite_and_accept(world, user):
    invitation = services.invite_member(org=world.org, actor=world.owner, email=EMAIL, role="admin")
    services.accept_invitation(invitation=invitation, actor=user)
    services.invite_member(org=world.other.org, actor=world.other.owner, email=SECOND, role="member")
    services.invite_member(org=world.org, actor=user, email="friend@example.com", role="viewer")


def use_the_product(world, user):
    """What she does in a browser."""
    browser = new_client(HTTP_USER_AGENT=BROWSER)
    browser.defaults["REMOTE_ADDR"] = ADDRESS
    assert sign_in(browser, EMAIL, "a wrong one").status_code == 200
    assert sign_in(browser, EMAIL, PASSWORD).status_code == 302
    profile = {"theme": "dark", "locale": "en", "time_zone": "UTC", "email_digest": "off"}
    for name in ("Zenobia Q.", NAME):
        browser.post("/account/", {"name": name, **profile})
    browser.post("/accounts/email/", {"action_add": "", "email": SECOND})
    browser.get(f"/o/{world.org.slug}/")
    assert User.objects.get(pk=user.pk).name == NAME


def live_in(world, user):
    """Everything else that names her."""
    second = EmailAddress.objects.filter(email=SECOND).first()
    second = second or EmailAddress.objects.create(user=user, email=SECOND, verified=False, primary=False)
    EmailAddress.objects.filter(pk=second.pk).update(verified=True)
    EmailConfirmation.create(second)
    TOTP.activate(user, generate_totp_secret())
    social = SocialAccount.objects.create(user=user, provider="google", uid="77", extra_data={"name": NAME})
    app = SocialApp.objects.create(provider="google", name="Google", client_id="x")
    SocialToken.objects.create(account=social, app=app, token="t")
    get_onboarding(user)
    job = export.request_export(user=user)
    made_file(job)
    create_project(org=world.org, actor=user, name="A plain name")
    shared = create_project(org=world.org, actor=world.owner, name="Another plain name")
    share_project(
        org=world.org, actor=world.owner, project=shared, version=shared.version, visibility="private",
        shared_with=[user.pk],
    )  # fmt: skip
    mine = membership_of(world.org, user)
    services.change_role(org=world.org, actor=world.owner, membership=mine, role="owner")
    services.request_transfer(org=world.org, actor=world.owner, membership=mine, role_after="admin")
    services.accept_transfer(org=world.org, actor=user)
    services.change_role(org=world.org, actor=user, membership=membership_of(world.org, world.owner), role="owner")


def membership_of(org, user):
    return Membership.objects.get(organization_id=org.pk, user_id=user.pk)


def made_file(job):
    with TemporaryDirectory() as folder:
        path = Path(folder, "x")
        path.write_text(f"{NAME} {EMAIL}")
        store_file(job, path, name="x.txt", content_type="text/plain")


def end(user):
    """As the clock does it, with the last mail gone out."""
    deletion.erase_account(user=user)
    jobs().filter(payload__to=user.email).update(set__state=SUCCEEDED)
    assert deletion.erase_account(user=user) is not None


def traces(*words):
    """`collection.field: text` for every text in the database that holds one of the words."""
    here = database()
    return sorted(
        f"{name}.{path}: {text[:60]}"
        for name in here.list_collection_names()
        for row in here[name].find()
        for path, text in texts(row)
        if any(word.casefold() in text.casefold() for word in words)
    )


def texts(value, path=""):
    if isinstance(value, dict):
        for key, each in value.items():
            yield from texts(each, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, path)
    elif isinstance(value, (str, bytes)):
        yield path, value.decode(errors="replace") if isinstance(value, bytes) else value


WORDS = (NAME, "Zenobia", EMAIL, SECOND, ADDRESS)


def told(*words):
    """The same without what the map keeps, and without what it says that expires: counters, ended sessions."""
    kept = tuple(
        f"{rule.collection}.{field}:"
        for rule in data_map.rules()
        if rule.then == data_map.KEEP
        for field in rule.fields
    )
    return [line for line in traces(*words) if not line.startswith((*kept, "rate_limit_windows.", "django_session."))]


def test_after_the_end_no_collection_tells_who_it_was(world, person):
    before = {line.partition(".")[0] for line in traces(*WORDS)}
    assert {"accounts_user", "account_emailaddress", "events", "jobs", "organizations_invitation"} <= before
    end(person)
    assert told(*WORDS) == []
    assert jobs().filter(user_id=person.pk).first() is None
    assert jobs().filter(payload__to=EMAIL).first() is None


def test_after_the_end_the_id_stands_only_where_the_map_keeps_it(world, person):
    end(person)
    kept = {rule.collection for rule in data_map.rules() if rule.then == data_map.KEEP} | {"events"}
    here = database()
    found = {
        name
        for name in here.list_collection_names()
        for row in here[name].find()
        if person.pk in str({**row, "session_data": ""}) and not name.startswith("rate_limit")
    }
    assert found <= kept
    assert {"events", "projects"} <= found


def test_the_event_log_keeps_its_trail(world, person):
    log = Event.objects.everything(reason="a test")
    before = {event.id: (event.event, event.user_id, event.created_at) for event in log.filter(user_id=person.pk)}
    assert before
    end(person)
    after = {event.id: (event.event, event.user_id, event.created_at) for event in log.filter(id__in=list(before))}
    assert after == before
    assert {event.actor["name"] for event in log.filter(user_id=person.pk)} == {"Deleted person"}
    assert erase_person(person.pk, addresses=(EMAIL, SECOND), names=(NAME,)) == 0  # a second run changes nothing


def test_what_is_about_others_stays_as_it_was(world, person):
    theirs = Event.objects.everything(reason="a test").filter(event="user.created")
    made = [event.to_mongo() for event in theirs]
    invited = services.invite_member(org=world.org, actor=world.owner, email="someone@example.com", role="viewer")
    people = list(User.objects.exclude(pk=person.pk).order_by("pk").values_list("email", "name"))
    end(person)
    assert [event.to_mongo() for event in theirs.clone()] == made
    assert list(User.objects.order_by("pk").values_list("email", "name")) == people
    event = Event.objects.for_org(world.org).get(event="member.invited", resource_id=invited.pk)
    assert (event.actor["name"], event.after["email"]) == (world.owner.name, "someone@example.com")


def test_work_that_was_shared_stays_with_the_organization(world, person):
    end(person)
    projects = database()["projects"]
    assert projects.count_documents({"created_by": ObjectId(person.pk)}) == 1
    assert projects.count_documents({"shared_with": ObjectId(person.pk)}) == 0
    page = world.client("owner").get(f"/o/{world.org.slug}/projects/").content.decode()
    assert "A plain name" in page
    assert "Former member" in page


def test_an_address_that_wants_no_mail_is_kept_as_the_map_says(world, person):
    switched_off().create(address=EMAIL, reason=COMPLAINED, reported_at=now())
    end(person)
    assert f"switched_off_addresses.address: {EMAIL}" in traces(EMAIL)
    assert told(*WORDS) == []
