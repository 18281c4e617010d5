"""A person can be erased and the chain holds; a blank that no deleted account explains is tampering."""

from datetime import timedelta

import pytest
from bson import ObjectId

from saas import events
from saas.audit.evidence import Evidence
from saas.audit.log import log_action
from saas.audit.verifying import verify_chain
from saas.events.actors import Actor
from saas.events.erasure import ADDRESSES, DELETED, IDS, about, erase_person
from saas.events.models import events as all_events
from saas.tenancy import now
from tests.saas.audit.conftest import verdict_of


def delete(world, person):
    """As the end of an account does it: blank, and then record that it is over."""
    count = erase_person(str(person.pk), addresses=[person.email], names=[person.name])
    events.record("user.deleted", target=person)
    return count


def test_erasing_a_person_keeps_the_chain(world, chain, rows, dispatch_events):
    before = {row["_id"]: row["hash"] for row in chain}
    assert delete(world, world.owner) == 10
    dispatch_events()
    assert verdict_of(world.org) == ("intact", 10)
    assert verify_chain(None).is_intact
    for row in rows.find({"organization_id": world.org.pk}):
        assert row["hash"] == before[row["_id"]]
        assert row["actor"]["name"] == DELETED
        assert row["user_id"] == world.owner.pk
        assert row["seal"]["origin"]["erased"] == [world.owner.pk]
        assert "salt" not in row["seal"]["origin"], "nobody can try what had been there"
        assert row["seal"]["details"]["salt"], "what was not blanked is still verified"


def test_a_name_that_others_have_too_is_blanked_beside_the_person_alone(world, dispatch_events):
    """Anybody may be called as somebody's project is."""
    theirs = log_action(
        "update", "project", user=world.other.owner, organization=world.other.org, after={"name": "Payroll"}
    )
    dispatch_events()
    erase_person(world.owner.pk, addresses=[world.owner.email], names=["Payroll"])
    kept = all_events().get(pk=theirs.id)
    assert kept.after == {"name": "Payroll"}
    assert kept.seal["details"]["salt"]


def test_what_was_not_blanked_is_still_verified(world, chain, rows):
    delete(world, world.owner)
    rows.update_one({"_id": chain[3]["_id"]}, {"$set": {"after": {"name": "Forged"}}})
    assert verdict_of(world.org) == ("changed", 4)


def test_a_blank_without_a_deleted_account_is_tampering(world, chain, rows):
    erase_person(world.owner.pk, names=[world.owner.name])
    assert verdict_of(world.org) == ("changed", 1)
    assert "no deletion of an account" in verify_chain(world.org).words


def close(person, *, begun):
    """The account's time is over; its erasure has begun, or has not yet."""
    person.is_active, person.deletes_at = False, now() - timedelta(minutes=1)
    person.erasure_started_at = now() if begun else None
    person.save()


def test_while_an_account_is_being_erased_its_blanks_are_no_tampering(world, chain, rows):
    close(world.owner, begun=True)
    erase_person(world.owner.pk, names=[world.owner.name])
    assert verdict_of(world.org) == ("intact", 10)


def test_an_account_that_is_closed_and_not_yet_erased_explains_no_blank(world, chain, rows):
    close(world.owner, begun=False)
    erase_person(world.owner.pk, names=[world.owner.name])
    assert verdict_of(world.org) == ("changed", 1)


def test_a_mark_on_an_account_that_nobody_closed_explains_no_blank(world, chain, rows):
    """Such an account never ends, so the blank would stay without a reason."""
    world.owner.erasure_started_at = now()
    world.owner.save()
    erase_person(world.owner.pk, names=[world.owner.name])
    assert verdict_of(world.org) == ("changed", 1)


def test_what_explains_a_blank_is_looked_for_anew_until_it_is_there(world, chain):
    evidence = Evidence(world.org.pk)
    assert not evidence.is_deleted(world.owner.pk)
    close(world.owner, begun=True)
    assert evidence.is_deleted(world.owner.pk)
    assert not evidence.is_deleted("no id at all")


def test_a_blank_for_the_sake_of_somebody_else_is_tampering(world, chain, rows):
    events.record("user.deleted", target=world.outsider)
    change = {
        "$set": {"actor.name": "X", "seal.origin.erased": [world.outsider.pk]},
        "$unset": {"seal.origin.salt": ""},
    }
    rows.update_one({"_id": chain[3]["_id"]}, change)
    assert verdict_of(world.org) == ("changed", 4)


def test_a_dropped_salt_alone_is_tampering(world, chain, rows):
    rows.update_one({"_id": chain[3]["_id"]}, {"$unset": {"seal.details.salt": ""}})
    assert verdict_of(world.org) == ("changed", 4)


def test_an_entry_that_is_not_sealed_yet_is_sealed_as_blanked(world, rows, dispatch_events):
    log_action("update", "project", user=world.member, organization=world.org)
    delete(world, world.member)
    dispatch_events()
    assert verdict_of(world.org) == ("intact", 1)
    (row,) = rows.find({"organization_id": world.org.pk})
    assert row["actor"]["name"] == DELETED
    assert "erased" not in row["seal"]["origin"]


def test_an_entry_that_is_sealed_meanwhile_is_blanked_after_all(world, rows, dispatch_events, monkeypatch):
    from saas.events import erasure

    log_action("update", "project", user=world.member, organization=world.org)
    write, calls = erasure.blanking, []

    def sealed_meanwhile(row, *more):
        if not calls:
            dispatch_events()
        calls.append(row)
        return write(row, *more)

    monkeypatch.setattr(erasure, "blanking", sealed_meanwhile)
    delete(world, world.member)
    (row,) = rows.find({"organization_id": world.org.pk})
    assert row["actor"]["name"] == DELETED
    assert verdict_of(world.org) == ("intact", 1)


def test_a_person_on_whose_behalf_an_agent_acted_is_blanked(world, rows, dispatch_events):
    actor = Actor.agent(str(ObjectId()), "Researcher", on_behalf_of=world.member)
    log_action("read", "project", user=actor, organization=world.org)
    dispatch_events()
    delete(world, world.member)
    (row,) = rows.find({"organization_id": world.org.pk})
    assert row["actor"]["name"] == "Researcher"
    assert row["actor"]["on_behalf_of"]["name"] == DELETED
    assert verdict_of(world.org) == ("intact", 1)


def test_two_people_of_one_entry(world, rows, dispatch_events):
    log_action("update", "member", user=world.admin, organization=world.org, target=world.member)
    dispatch_events()
    delete(world, world.member)
    delete(world, world.admin)
    (row,) = rows.find({"organization_id": world.org.pk})
    assert row["actor"]["name"] == row["targets"][0]["name"] == DELETED
    assert verdict_of(world.org) == ("intact", 1)


def test_a_person_is_found_by_indexes_alone(world, chain, no_scans):
    """Else the end of each account would read the whole log."""
    with no_scans() as commands:
        erase_person(world.member.pk, addresses=[world.member.email], names=[world.member.name])
    (reading,) = [event for event in commands if event.command_name == "find"]
    assert len(reading.command["filter"]["$or"]) == len([*IDS, *ADDRESSES])


@pytest.mark.parametrize("place", [*IDS, *ADDRESSES])
def test_a_person_is_found_at_each_place(world, dispatch_events, rows, place):
    event = log_action("read", "file", organization=world.org)
    value = world.member.pk if place in IDS else world.member.email
    rows.update_one({"_id": ObjectId(event.id)}, {"$set": written_at(place, value)})
    (found,) = rows.find(about(world.member.pk, [world.member.email]))
    assert found["_id"] == ObjectId(event.id)


def written_at(place, value):
    first, *more = place.split(".")
    for name in reversed(more):
        value = {name: value}
    return {first: [value] if first == "targets" else value}
