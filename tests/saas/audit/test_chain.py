"""The chain: whatever is stored is sealed as it is read, every kind of tampering is named, nobody forks it."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
import rfc8785
from bson import Decimal128, ObjectId
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saas import events
from saas.audit import chain as sealing
from saas.audit import verifying
from saas.audit.log import log_action
from saas.audit.verifying import verify_chain
from saas.db import atomic
from saas.events import dispatching
from saas.events.models import streams
from tests.saas.audit.conftest import make_chain, verdict_of


def place(row, number):
    """Another number, as somebody gives it who has dropped the unique index."""
    return {"$set": {"sequence": number}}


def without_index(rows):
    rows.drop_index("chain")


@pytest.fixture
def free_places(rows):
    """The intruder has dropped the index that keeps two entries from having one number."""
    options = {key: value for key, value in rows.index_information()["chain"].items() if key not in ("v", "ns")}
    without_index(rows)
    yield
    rows.delete_many({})
    rows.create_index(options.pop("key"), name="chain", **options)


def test_a_chain_that_nobody_touched_is_intact(world, chain):
    found = verify_chain(world.org)
    assert found.is_intact
    assert found.checked == 10
    assert found.head == (10, chain[-1]["hash"])
    assert chain[0]["previous_hash"] == ""


def test_a_log_without_entries_is_intact(world):
    assert verdict_of(world.org) == ("intact", 0)


@pytest.mark.parametrize(
    "change",
    [
        {"action": "read"},
        {"user_id": "0" * 24},
        {"resource_id": "1" * 24},
        {"created_at": datetime(2020, 1, 1, tzinfo=UTC)},
        {"after": {"name": "Another", "number": 5}},
        {"after": None},
        {"metadata": {"more": 1}},
        {"actor": {"type": "user", "id": None, "name": "Somebody else"}},
        {"ip_address": "10.0.0.1"},
        {"reason": "I was told to"},
        {"hash": "0" * 64},
        {"previous_hash": "0" * 64},
        {"seal.details.salt": "0" * 32},
        {"seal.origin.digest": "0" * 64},
        {"seal": {}},
    ],
    ids=str,
)
def test_a_changed_entry_is_named(world, chain, rows, change):
    rows.update_one({"_id": chain[4]["_id"]}, {"$set": change})
    assert verdict_of(world.org) == ("changed", 5)
    assert verify_chain(world.org).event_id == str(chain[4]["_id"])


def test_a_changed_entry_with_a_hash_made_to_fit_is_named(world, chain, rows):
    forged = {**chain[4], "after": {"name": "Forged"}}
    seal = sealing.seal(forged, sequence=5, previous_hash=chain[4]["previous_hash"])
    rows.update_one({"_id": chain[4]["_id"]}, {"$set": {"after": forged["after"], **seal}})
    assert verdict_of(world.org) == ("changed", 5)


def test_the_last_entry_with_a_hash_made_to_fit_is_named(world, chain, rows):
    forged = {**chain[9], "after": {"name": "Forged"}}
    seal = sealing.seal(forged, sequence=10, previous_hash=chain[9]["previous_hash"])
    rows.update_one({"_id": chain[9]["_id"]}, {"$set": {"after": forged["after"], **seal}})
    assert verdict_of(world.org) == ("changed", 10)


@pytest.mark.parametrize("number", [1, 5, 9, 10])
def test_a_removed_entry_is_named(world, chain, rows, number):
    rows.delete_one({"_id": chain[number - 1]["_id"]})
    assert verdict_of(world.org) == ("removed", number)


def test_a_cut_end_is_named(world, chain, rows):
    rows.delete_many({"_id": {"$in": [row["_id"] for row in chain[6:]]}})
    assert verdict_of(world.org) == ("removed", 7)
    assert "number 10" in verify_chain(world.org).words


def test_everything_removed_is_named(world, chain, rows):
    rows.delete_many({})
    assert verdict_of(world.org) == ("removed", 1)


def test_a_removed_end_mark_is_named(world, chain):
    streams().delete()
    assert verdict_of(world.org)[0] == "removed"


def test_a_removed_entry_is_named_when_the_others_move_up(world, chain, rows, free_places):
    rows.delete_one({"_id": chain[4]["_id"]})
    for row in chain[5:]:
        rows.update_one({"_id": row["_id"]}, place(row, row["sequence"] - 1))
    assert verdict_of(world.org) == ("removed", 5)


@pytest.mark.parametrize(("first", "second"), [(5, 6), (3, 9), (1, 2), (1, 10), (9, 10)])
def test_entries_that_changed_places_are_named(world, chain, rows, first, second, free_places):
    rows.update_one({"_id": chain[first - 1]["_id"]}, place(chain[first - 1], second))
    rows.update_one({"_id": chain[second - 1]["_id"]}, place(chain[second - 1], first))
    assert verdict_of(world.org) == ("reordered", first)


def test_entries_that_changed_places_with_their_seals_are_named(world, chain, rows, free_places):
    fields = ("sequence", "previous_hash", "hash", "seal")
    one, other = chain[3], chain[7]
    rows.update_one({"_id": one["_id"]}, {"$set": {name: other[name] for name in fields}})
    rows.update_one({"_id": other["_id"]}, {"$set": {name: one[name] for name in fields}})
    assert verdict_of(world.org) == ("reordered", 4)


def forged(row, **more):
    return {**row, "_id": ObjectId(), "resource_id": "f" * 24, **more}


def test_an_entry_put_in_between_is_named(world, chain, rows, free_places):
    for row in chain[4:]:
        rows.update_one({"_id": row["_id"]}, place(row, row["sequence"] + 1))
    new = forged(chain[4])
    new |= sealing.seal(new, sequence=5, previous_hash=chain[3]["hash"])
    rows.insert_one(new)
    assert verdict_of(world.org) == ("inserted", 5)
    assert verify_chain(world.org).event_id == str(new["_id"])


def test_an_entry_put_in_between_without_a_fitting_hash_is_named(world, chain, rows, free_places):
    for row in chain[4:]:
        rows.update_one({"_id": row["_id"]}, place(row, row["sequence"] + 1))
    rows.insert_one(forged(chain[4], sequence=5))
    assert verdict_of(world.org) == ("inserted", 5)


def test_a_second_entry_with_one_number_is_named(world, chain, rows, free_places):
    new = forged(chain[4])
    new |= sealing.seal(new, sequence=5, previous_hash=chain[3]["hash"])
    rows.insert_one(new)
    assert verdict_of(world.org) == ("inserted", 5)
    assert verify_chain(world.org).event_id == str(new["_id"])


def test_an_entry_put_at_the_end_is_named(world, chain, rows):
    new = forged(chain[9])
    new |= sealing.seal(new, sequence=11, previous_hash=chain[9]["hash"])
    rows.insert_one(new)
    assert verdict_of(world.org) == ("inserted", 11)


def test_an_entry_that_was_never_sealed_is_named(world, chain, rows):
    new = forged(chain[4])
    for name in ("sequence", "hash", "previous_hash", "seal"):
        new.pop(name)
    rows.insert_one(new)
    found = verify_chain(world.org)
    assert (found.kind, found.event_id) == ("inserted", str(new["_id"]))


def test_an_entry_that_waits_for_its_seal_is_no_intruder(world, chain):
    log_action("read", "project", organization=world.org)
    assert verdict_of(world.org) == ("intact", 10)


def test_an_entry_moved_to_another_organization_is_missed(world, chain, rows):
    rows.update_one({"_id": chain[4]["_id"]}, {"$set": {"organization_id": world.other.org.pk}})
    assert verdict_of(world.org) == ("removed", 5)
    assert verdict_of(world.other.org)[0] in ("removed", "inserted")


def test_a_chain_written_anew_as_a_whole_does_not_hold_what_was_noted_earlier(world, chain, rows):
    noted = (7, chain[6]["hash"])
    link = ""
    for row in chain:
        new = {**row, "metadata": {"forged": True}}
        fields = sealing.seal(new, sequence=row["sequence"], previous_hash=link)
        link = fields["hash"]
        rows.update_one({"_id": row["_id"]}, {"$set": {"metadata": new["metadata"], **fields}})
    streams().update(set__hash=link)
    assert verify_chain(world.org).is_intact, "nothing in the database tells"
    found = verify_chain(world.org, known=noted)
    assert (found.kind, found.sequence) == ("changed", 7)


def test_the_chain_of_another_organization_is_its_own(world, chain, rows):
    log_action("read", "project", organization=world.other.org)
    rows.update_one({"_id": chain[4]["_id"]}, {"$set": {"action": "read"}})
    assert verify_chain(world.other.org).is_intact
    assert verify_chain(None).is_intact


# -- the same before and after it is stored ----------------------------------------------------------------------------

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**53) - 3, max_value=2**53 + 3)
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=8)
    | st.decimals()
    | st.dates()
    | st.datetimes()
    | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45))]))
    | st.builds(ObjectId)
)
KEYS = st.text(max_size=8) | st.sampled_from(["_cls", "$set", "a.b", "", "_ref", "\0", "$"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4) | st.tuples(inner),
    max_leaves=12,
)
DICTS = st.dictionaries(KEYS, VALUES, max_size=4)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=st.none() | DICTS, after=DICTS, metadata=DICTS, reason=st.none() | st.text(max_size=20))
def test_whatever_is_recorded_is_intact_when_it_is_read_back(clean_database, before, after, metadata, reason):
    key = str(ObjectId())
    log_action("update", "thing", organization=key, before=before, after=after, metadata=metadata, reason=reason)
    dispatching.dispatch(key)
    assert verdict_of(key) == ("intact", 1)


@settings(max_examples=300, deadline=None)
@given(VALUES | DICTS | st.recursive(st.text() | st.integers(), lambda inner: st.dictionaries(st.text(), inner)))
def test_the_fast_way_writes_what_rfc_8785_does(value):
    assert sealing.canonical_json(value) == rfc8785.dumps(sealing.canonical(value))


@pytest.mark.parametrize(
    "value",
    [
        '\x00\x08\x1f\x7f\u2028"\\/é\U0001f642',
        {"b": 1, "a": [True, None], "A": {}},
        {"\uffff": 1, "\U0001f642": 2},
        2**53 - 1,
    ],
    ids=repr,
)
def test_the_fast_way_writes_what_rfc_8785_does_at_its_edges(value):
    assert sealing.canonical_json(value) == rfc8785.dumps(sealing.canonical(value))


def test_rows_of_somebody_elses_hand_are_sealed_too(world, dispatch_events, rows):
    odd = {
        "an id": ObjectId(), "a decimal": Decimal128(Decimal("0.1")), "bytes": b"\0\1", "large": 2**60,
        "not a number": float("nan"), "a time": datetime(2026, 1, 1, tzinfo=UTC), "half": 0.5,
    }  # fmt: skip
    event = log_action("update", "thing", organization=world.org)
    rows.update_one({"_id": ObjectId(event.id)}, {"$set": {"metadata": odd}})
    dispatch_events()
    assert verdict_of(world.org) == ("intact", 1)
    rows.update_one({"_id": ObjectId(event.id)}, {"$set": {"metadata.large": 2**60 + 1}})
    assert verdict_of(world.org) == ("changed", 1)


@pytest.mark.parametrize("empty", [{}, None])
def test_nothing_and_empty_are_one(world, dispatch_events, rows, empty):
    event = log_action("update", "thing", organization=world.org, after=empty)
    dispatch_events()
    rows.update_one({"_id": ObjectId(event.id)}, {"$unset": {"after": ""}})
    assert verdict_of(world.org) == ("intact", 1)


# -- many at once ------------------------------------------------------------------------------------------------------


def test_twenty_writers_and_many_dispatchers_leave_one_unbroken_chain(world, rows, in_parallel):
    @atomic
    def write(number):
        events.record("project.created", org=world.org, actor=world.owner, metadata={"number": number})
        log_action("read", "project", organization=world.org)

    def work(number):
        for _ in range(3):
            if number < 20:
                write(number)
            dispatching.dispatch(world.org.pk)

    assert in_parallel(work, times=26) == [None] * 26
    dispatching.dispatch(world.org.pk)
    assert verdict_of(world.org) == ("intact", 120)
    assert sorted(row["sequence"] for row in rows.find({"organization_id": world.org.pk})) == list(range(1, 121))


def test_a_chain_is_read_in_batches_and_by_an_index(world, dispatch_events, rows, count_queries, no_scans):
    make_chain(world, dispatch_events, rows, 30)
    with no_scans(sorted_by_index=True), count_queries(at_most=4):
        assert verify_chain(world.org).is_intact


def test_a_long_walk_tells_how_far_it_is(world, chain, monkeypatch):
    heard = []
    monkeypatch.setattr(verifying, "BATCH", 4)
    assert verify_chain(world.org, tell=lambda *progress: heard.append(progress)).is_intact
    assert heard == [(4, 10), (8, 10)]


# -- the command -------------------------------------------------------------------------------------------------------


def test_the_command_names_what_it_found(world, chain, rows, capsys):
    call_command("audit_verify", org=world.org.slug)
    assert f"{world.org.slug}: intact, 10 entries, ends in 10:{chain[-1]['hash']}" in capsys.readouterr().out
    rows.delete_one({"_id": chain[4]["_id"]})
    with pytest.raises(CommandError, match="1 chain is broken"):
        call_command("audit_verify", all=True)
    out = capsys.readouterr().out
    assert f"{world.org.slug}: entry 5 was removed." in out
    assert "platform: intact" in out


def test_the_command_compares_with_a_noted_end(world, chain, capsys):
    call_command("audit_verify", org=world.org.slug, known=f"10:{chain[-1]['hash']}")
    with pytest.raises(CommandError):
        call_command("audit_verify", org=world.org.slug, known=f"10:{'0' * 64}")
    with pytest.raises(CommandError, match="no organization"):
        call_command("audit_verify", org="nobody-here")
