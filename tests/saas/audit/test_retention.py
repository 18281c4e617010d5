"""Old entries go from the beginning of the chain, an entry says so, and nothing else in the code removes any."""

import ast
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as django_settings

from saas import hooks
from saas.audit import retention
from saas.audit.log import log_action
from saas.audit.verifying import Walk, verify_chain
from saas.events.models import events, streams
from saas.tenancy import now
from tests.saas.audit.conftest import entries, make_chain, verdict_of


@pytest.fixture
def old_chain(world, dispatch_events, rows, monkeypatch):
    """Six entries of forty days ago, and four of today."""
    from saas import tenancy

    with monkeypatch.context() as then:
        field = events()._document._fields["created_at"]
        then.setattr(field, "default", lambda: tenancy.now() - timedelta(days=40))
        make_chain(world, dispatch_events, rows, 6)
    return make_chain(world, dispatch_events, rows, 4)


def test_nothing_is_removed_without_a_limit(world, old_chain):
    assert retention.expire_all() == 0
    assert verdict_of(world.org) == ("intact", 10)


def test_old_entries_go_and_the_chain_holds(world, old_chain, settings, dispatch_events, rows):
    settings.AUDIT_RETENTION_DAYS = 30
    assert retention.expire_all() == 6
    assert verdict_of(world.org) == ("intact", 4)
    dispatch_events()
    assert verdict_of(world.org) == ("intact", 5)
    (said,) = entries("audit.expired", world.org)
    assert said.metadata["count"] == 6
    assert said.after == {"sequence": 6, "hash": old_chain[5]["hash"]}
    assert streams().get(key=world.org.pk).anchor == said.after
    assert retention.expire_all() == 0, "a second run finds nothing"
    assert rows.count_documents({"organization_id": world.org.pk}) == 5


def test_a_plan_keeps_less_than_the_setting_and_never_more(world, old_chain, settings, monkeypatch):
    monkeypatch.setattr(hooks.audit_retention, "providers", [lambda org_id: 50 if org_id == world.org.pk else 0])
    assert retention.days_kept(world.org.pk) == 50
    settings.AUDIT_RETENTION_DAYS = 30
    assert retention.days_kept(world.org.pk) == 30
    settings.AUDIT_RETENTION_DAYS = 90
    assert retention.days_kept(world.org.pk) == 50
    assert retention.days_kept(None) == 90
    assert retention.expire_all() == 0


def test_what_a_sink_has_not_had_yet_stays_with_all_that_follows(world, old_chain, settings, rows):
    settings.AUDIT_RETENTION_DAYS = 30
    rows.update_one({"_id": old_chain[2]["_id"]}, {"$set": {"is_pending": True}})
    assert retention.expire_all() == 2
    assert verdict_of(world.org) == ("intact", 8)


def test_an_expiry_that_died_half_way_is_finished(world, old_chain, settings, rows, dispatch_events):
    settings.AUDIT_RETENTION_DAYS = 30
    before = now() - timedelta(days=30)
    assert retention.move_anchor(world.org.pk, key=world.org.pk, before=before) == 6
    assert rows.count_documents({"organization_id": world.org.pk, "sequence": {"$lte": 6}}) == 6
    assert verify_chain(world.org).is_intact
    assert retention.expire_all() == 0
    assert rows.count_documents({"organization_id": world.org.pk, "sequence": {"$lte": 6}}) == 0
    dispatch_events()
    assert verify_chain(world.org).is_intact


def test_a_log_in_which_nothing_happens_does_not_write_about_itself(world, old_chain, settings, rows, dispatch_events):
    settings.AUDIT_RETENTION_DAYS = 30
    retention.expire_all()
    dispatch_events()
    rows.update_many({"organization_id": world.org.pk}, {"$set": {"created_at": now() - timedelta(days=31)}})
    assert retention.expire_all() == 5
    dispatch_events()
    rows.update_many({"organization_id": world.org.pk}, {"$set": {"created_at": now() - timedelta(days=31)}})
    assert retention.expire_all() == 0


def test_a_forged_beginning_is_tampering(world, chain, rows):
    streams().filter(key=world.org.pk).update(set__anchor={"sequence": 4, "hash": chain[3]["hash"]})
    rows.delete_many({"organization_id": world.org.pk, "sequence": {"$lte": 4}})
    assert verdict_of(world.org) == ("removed", 4)


def test_after_an_expiry_tampering_is_still_found(world, old_chain, settings, rows):
    settings.AUDIT_RETENTION_DAYS = 30
    retention.expire_all()
    rows.delete_one({"_id": old_chain[6]["_id"]})
    assert verdict_of(world.org) == ("removed", 7)


def test_the_platforms_own_log_ends_by_the_setting(world, settings, dispatch_events, rows):
    settings.AUDIT_RETENTION_DAYS = 30
    log_action("login", "user", user=world.owner)
    dispatch_events()
    assert retention.expire_all() == 0
    rows.update_many({}, {"$set": {"created_at": now() - timedelta(days=31)}})
    assert retention.expire_all() == 1


# -- the one door ------------------------------------------------------------------------------------------------------

#: Who may change or remove what stands in the log, and why.
DOORS = {
    "saas/events/dispatching.py": "seals each entry once, and takes off the mark of waiting",
    "saas/events/erasure.py": "blanks a person whose account is gone",
    "saas/audit/retention.py": "removes what is over",
    "saas/audit/erasing.py": "makes the write that blanks",
}
WRITES = {
    "update", "update_one", "update_many", "modify", "delete", "delete_one", "delete_many", "replace_one", "bulk_write",
    "upsert_one", "find_one_and_update", "find_one_and_replace", "find_one_and_delete", "drop", "insert_one",
    "insert_many", "save",
}  # fmt: skip


def speaks_of_events(node):
    """`events().…`, `Event.objects.…`, `get_collection("events")` anywhere below."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and each.id == "Event":
            return True
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in ("events", "all_events"):
            return True
        if isinstance(each, ast.Constant) and each.value == "events":
            return True
    return False


def touches_the_log(text):
    """Whether a source has a write on the events, directly or by a name that was given to them."""
    tree = ast.parse(text)
    named = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and speaks_of_events(node.value)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in WRITES:
            place = node.func.value
            if speaks_of_events(place) or any(isinstance(e, ast.Name) and e.id in named for e in ast.walk(place)):
                return True
    return False


def test_no_other_code_changes_or_removes_entries():
    base = Path(django_settings.BASE_DIR)
    found = {
        str(path.relative_to(base))
        for app in django_settings.OUR_APPS
        for path in base.joinpath(app).rglob("*.py")
        if "management/commands" not in str(path) and touches_the_log(path.read_text(encoding="utf-8"))
    }
    assert found - DOORS.keys() == set(), "The audit log is append-only."


@pytest.mark.parametrize(
    "line",
    [
        "events().filter(id=1).delete()",
        "found = events().filter(id=1)\nfound.update(set__reason='x')",
        "Event.objects.for_org(org).delete()",
        'get_collection("events").delete_many({})',
        'log = get_collection("events")\nlog.update_one({}, {})',
    ],
)
def test_the_net_catches_a_write(line):
    assert touches_the_log(line)
    assert not touches_the_log("events().filter(id=1).first()")


def test_the_end_of_a_long_beginning_is_found_in_few_reads(world, old_chain, count_queries, no_scans):
    """However long it is: it is looked for in a transaction, which MongoDB gives a minute."""
    with no_scans(sorted_by_index=True), count_queries(at_most=3) as commands:
        last = retention.last_of_beginning(world.org.pk, after=0, before=now() - timedelta(days=30))
    assert last["sequence"] == 6
    assert all(command.command.get("limit") == 1 for command in commands)


def test_entries_that_go_while_they_are_verified_are_not_missed(world, old_chain, settings, monkeypatch):
    settings.AUDIT_RETENTION_DAYS = 30
    read, calls = Walk.entries, []

    def expired_meanwhile(walk):
        calls.append(retention.expire_all())
        return read(walk)

    monkeypatch.setattr(Walk, "entries", expired_meanwhile)
    assert verdict_of(world.org) == ("intact", 4)
    assert calls == [6, 0], "it has begun anew once"
