"""Writing by hand, reading by filters and cursor, actors, where something came from, and what is not kept: secrets."""

from datetime import UTC, date, datetime, timedelta

import pytest
from bson import ObjectId
from django.test import RequestFactory

from saas import events
from saas.audit.log import EVERYWHERE, get_audit_logs, log_action
from saas.events.actors import Actor
from saas.events.values import REDACTED, redact
from saas.mongo.documents import database, get_collection
from saas.tenancy import now
from tests.saas.audit.conftest import entries


def ids(page):
    return [row["id"] for row in page.rows]


def test_an_action_becomes_one_entry_and_nothing_else(world, dispatch_events):
    event = log_action("archive", "invoice", user=world.owner, organization=world.org, resource_id="42", reason="Paid")
    dispatch_events()
    (row,) = get_audit_logs(organization=world.org).rows
    assert (row["id"], row["event"], row["action"], row["resource"]) == (
        event.id,
        "invoice.archive",
        "archive",
        "invoice",
    )
    assert row["actor"] == {"type": "user", "id": world.owner.pk, "name": world.owner.display_name}
    assert row["sinks"] == []
    assert row["hash"]


@pytest.fixture
def history(world):
    made = {}
    for number, (action, resource, who) in enumerate(
        [
            ("create", "project", "owner"),
            ("update", "project", "member"),
            ("delete", "project", "owner"),
            ("read", "file", "owner"),
        ]
    ):
        made[action] = log_action(
            action, resource, user=world.person(who), organization=world.org, resource_id=f"{number}"
        ).id
    made["other"] = log_action("delete", "project", user=world.owner, organization=world.other.org).id
    made["platform"] = log_action("login", "user", user=world.owner).id
    return made


def test_filters(world, history):
    def found(**filters):
        return set(ids(get_audit_logs(organization=world.org, **filters)))

    assert found() == {history[name] for name in ("create", "update", "delete", "read")}
    assert found(action="delete") == {history["delete"]}
    assert found(event="project.delete") == {history["delete"]}
    assert found(resource="project") == {history[name] for name in ("create", "update", "delete")}
    assert found(user=world.member) == found(user=world.member.pk) == {history["update"]}
    assert found(resource_id="3") == {history["read"]}
    assert found(user=world.owner, action="delete", resource="file") == set()
    times = [row["created_at"].astimezone(UTC) for row in get_audit_logs(organization=world.org).rows]
    first, last = min(times).date(), max(times).date()  # two days, once in a while
    assert found(start_date=first, end_date=last) == found()
    assert found(end_date=first - timedelta(days=1)) == set()
    assert found(start_date=last + timedelta(days=1)) == set()
    assert found(start_date=now() + timedelta(minutes=1)) == set()
    assert found(start_date=date.min, end_date=date.max) == found()
    assert ids(get_audit_logs()) == [history["platform"]]
    assert set(ids(get_audit_logs(organization=EVERYWHERE, user=world.owner))) == set(history.values()) - {
        history["update"]
    }


@pytest.mark.parametrize(
    "filters",
    [{}, {"action": "update"}, {"event": "project.update"}, {"user": "x"}, {"resource": "project"},
     {"resource_id": "1"},
     {"action": "update", "user": "x"}, {"start_date": datetime(2026, 1, 1, tzinfo=UTC)}],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("whose", ["org", None, EVERYWHERE])
def test_a_page_is_one_read_by_an_index_in_its_order(world, history, count_queries, no_scans, filters, whose):
    organization = world.org if whose == "org" else whose
    with no_scans(sorted_by_index=True), count_queries(at_most=1):
        get_audit_logs(organization=organization, **filters)


def test_pages_are_stable_while_entries_arrive(world, dispatch_events):
    made = [log_action("read", "project", organization=world.org).id for _ in range(60)]
    seen, cursor = [], ""
    while True:
        page = get_audit_logs(organization=world.org, limit=7, cursor=cursor)
        seen += ids(page)
        for _ in range(12):
            log_action("read", "project", organization=world.org)
        dispatch_events()
        cursor = page.next
        if not cursor:
            break
    assert seen == made[::-1], "each once, in order, none missed"


def test_limits_hold(world, history):
    assert len(get_audit_logs(organization=world.org, limit=2).rows) == 2
    assert len(get_audit_logs(organization=world.org, limit=0).rows) == 1
    assert len(get_audit_logs(organization=world.org, limit=10**9).rows) == 4
    assert len(get_audit_logs(organization=world.org, cursor="nonsense").rows) == 4


# -- who ---------------------------------------------------------------------------------------------------------------


def test_each_kind_of_actor(world):
    key, run = str(ObjectId()), str(ObjectId())
    actors = [
        world.owner,
        Actor.api_key(key, "Deploy key", on_behalf_of=world.member),
        Actor.agent(run, "Researcher", on_behalf_of=world.member),
        Actor.support(world.staff, on_behalf_of=world.owner),
        Actor.system("saas.tasks.expire_audit_logs"),
        None,
    ]
    made = [events.record("project.created", org=world.org, actor=actor) for actor in actors]
    assert [event.actor["type"] for event in made] == ["user", "api_key", "agent", "support", "system", "system"]
    assert [event.user_id for event in made] == [
        world.owner.pk, world.member.pk, world.member.pk, world.staff.pk, None, None,
    ]  # fmt: skip
    assert made[2].actor["on_behalf_of"]["name"] == world.member.display_name
    assert made[4].actor["id"] == "saas.tasks.expire_audit_logs"


def test_an_unknown_kind_of_actor_is_refused():
    with pytest.raises(ValueError, match="no type of actor"):
        Actor("wizard", "1", "Merlin")


def test_a_task_is_named_by_itself(world):
    from saas.celery import app

    @app.task(name="tests.audit.probe")
    def probe():
        return events.record("project.created", org=world.org).actor

    assert probe.apply().get() == {"type": "system", "id": "tests.audit.probe", "name": "System"}


def test_a_visitor_is_no_system(world):
    world.client().post("/accounts/login/", {"login": "nobody@example.com", "password": "wrong password 1"})
    (failed,) = entries("user.login_failed")
    assert failed.actor["type"] == "visitor"
    assert failed.action == "login_failed"


@pytest.mark.parametrize("field", ["login", "password"])
def test_a_password_is_nowhere_in_the_log_whichever_field_it_was_typed_into(world, field):
    typed = "Corr3ct-H0rse!"
    answers = {"login": world.owner.email, "password": "another one", field: typed}
    world.client().post("/accounts/login/", answers)
    assert typed.lower() not in str(list(get_collection("events").find())).lower()


# -- from where --------------------------------------------------------------------------------------------------------


def test_a_request_says_where_it_came_from(world):
    client = world.client("owner")
    client.post(
        f"/o/{world.org.slug}/projects/new/",
        {"name": "Lantern", "status": "planned", "visibility": "organization", "tags": "", "description": ""},
        headers={"User-Agent": "Browser/1.0"},
        REMOTE_ADDR="203.0.113.9",
    )
    (event,) = entries("project.created", world.org)
    assert event.ip_address == "203.0.113.9"
    assert event.user_agent == "Browser/1.0"
    assert event.request_id
    key = client.session.session_key
    assert event.session_id
    assert key not in event.session_id
    assert event.session_id not in key
    assert len(event.session_id) == 32


@pytest.mark.parametrize(("proxies", "expected"), [(0, "10.0.0.1"), (1, "198.51.100.7"), (2, "6.6.6.6")])
def test_the_address_is_believed_only_behind_trusted_proxies(settings, proxies, expected):
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"X-Forwarded-For": "6.6.6.6, 198.51.100.7"}, REMOTE_ADDR="10.0.0.1")
    assert log_action("read", "project", request=request).ip_address == expected


def test_the_way_of_signing_in_is_kept(world, settings):
    client = world.client("nobody")
    from tests.factories import PASSWORD

    client.post("/accounts/login/", {"login": world.owner.email, "password": PASSWORD})
    client.post("/accounts/logout/")
    (out,) = entries("user.logged_out")
    assert out.auth_method == "password"


# -- secrets -----------------------------------------------------------------------------------------------------------

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"


@pytest.mark.parametrize(
    "value",
    [
        {"password": "x"}, {"newPassword": "x"}, {"api-key": "x"}, {"apiKey": "x"}, {"client_secret": "x"},
        {"access_token": "x"}, {"Authorization": "Basic eA=="}, {"cookie": "a=b"}, {"session_key": "x"},
        {"otp": 123456},
        {"passphrase": "x"}, {"pass": "x"}, {"otp_code": "x"}, {"totpCode": "x"}, {"access_key": "x"}, {"SSH key": "x"},
        {"API key": "x"}, {"api.key": "x"}, {"backupCodes": ["x"]}, {"jwt": "x"}, {"sessionid": "x"},
        {"sessionId": "x"}, {"OTPCode": "x"},
        {"pin_code": "x"},
        {"cardNumber": "x"}, {"cvc2": "x"}, {"verification_code": "x"}, {"magic-link": "x"}, {"encryptionKey": "x"},
        {"deep": {"list": [{"token": "x"}]}}, {"secrets": ["x", "y"]}, {"credentials": {"user": "x"}},
    ],
    ids=str,
)  # fmt: skip
def test_a_secret_is_known_by_the_name_of_its_key(value):
    assert "x" not in str(redact(value)).replace(REDACTED, "").split("'")
    assert REDACTED in str(redact(value))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("Authorization: Bearer abcdefghijklmnop1234", "abcdefghijklmnop1234"),
        ("key sk_live_abcdef1234567890", "sk_live_abcdef1234567890"),
        ("gw_test_abcdef_1234567890abcdef_crc", "abcdef_1234567890abcdef"),
        ("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
        ("sk-proj-abcdefghijklmnopqrstuvwxyz", "abcdefghijklmnopqrstuvwxyz"),
        ("AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
        (f"see {JWT} there", JWT),
        ("mongodb://root:hunter2@db.example.com/x", "hunter2"),
        ("https://example.com/?token=abc123&page=2", "abc123"),
        ("-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----", "MIIE"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz"),
        ("Authorization: Basic dXNlcjpwYXNz", "dXNlcjpwYXNz"),
        ("Set-Cookie: sessionid=abcd1234abcd; Path=/", "abcd1234abcd"),
        ("AIzaSyA1234567890abcdefghijklmnopqrstuv12", "SyA1234567890"),
        ("npm_abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnop"),
        ("SG.abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuv"),
        ("https://example.com/#access_token=abc123", "abc123"),
        ("https://example.com/?X-Amz-Signature=abc123", "abc123"),
        ('{"password": "hunter2"}', "hunter2"),
        ("DB_PASSWORD=hunter2 is set", "hunter2"),
    ],
)
def test_a_secret_is_known_by_its_looks(world, text, secret):
    event = log_action(
        "update", "thing", organization=world.org, before={"note": [text]}, metadata={"a": {"b": text}}, reason=text
    )
    stored = event.reload()
    assert secret not in f"{stored.before} {stored.metadata} {stored.reason}"
    assert REDACTED in stored.before["note"][0]


def test_a_secret_is_no_name_of_a_field_and_of_nothing_else(world):
    key = "sk_live_abcdef1234567890"
    world.tenant.project.name = key
    event = log_action("update", "thing", organization=world.org, after={key: 1}, target=world.tenant.project)
    stored = event.reload()
    assert stored.after == {REDACTED: 1}
    assert stored.targets[0]["name"] == REDACTED


@pytest.mark.parametrize(
    "value",
    [
        {"name": "The basic membership"}, {"total_tokens": 512}, {"api_key_id": "64b"}, {"token_count": 3},
        {"password_changed_at": "2026-01-01"}, {"password": None}, {"has_password": True},
        {"note": "re-authentication-is-needed"}, {"url": "https://example.com/a:b@c"}, {"note": "sk-1"},
        {"spinning": "x"}, {"opinion": "x"}, {"passed": 3}, {"note": "Token: see the docs"}, {"zip_code": "8000"},
        {"monkey": "x"}, {"note": "the password must be long"}, {"note": "?code_of=1"}, {"sort_key": "name"},
        {"totalTokens": 5}, {"url": "https://example.com/?country_code=DE&sort_key=name"}, {"note": "eyJ-" * 2500},
    ],
    ids=str,
)  # fmt: skip
def test_what_is_no_secret_stays(value):
    assert redact(value) == value


# -- speed -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "filters",
    [{"event": "file.burned"}, {"action": "burn"}, {"resource": "file"}, {"resource_id": "42"}, {"user": "somebody"}],
    ids=str,
)
@pytest.mark.parametrize("whose", ["org", None, EVERYWHERE])
def test_what_is_rare_is_found_without_looking_at_the_rest(world, count_queries, examined, filters, whose):
    org = None if whose is None else world.org
    for _ in range(60):
        log_action("update", "project", user=world.owner, organization=org)
    rare = log_action("burn", "file", user="somebody", organization=org, event="file.burned", resource_id="42")
    with count_queries(at_most=1) as commands:
        page = get_audit_logs(organization=EVERYWHERE if whose == EVERYWHERE else org, **filters)
    assert ids(page) == [rare.id]
    assert examined(commands[0]) == 1


@pytest.fixture
def examined():
    """How many documents MongoDB looks at for a find that was sent."""

    def count(event):
        keys = ("find", "filter", "sort", "limit")
        command = {key: event.command[key] for key in keys if key in event.command}
        stats = database().command("explain", command, verbosity="executionStats")["executionStats"]
        return stats["totalDocsExamined"]

    return count
