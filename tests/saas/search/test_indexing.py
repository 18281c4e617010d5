"""The index follows what happens, in whatever order it hears of it, and can be written anew while it is in use."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from django.core.management import CommandError, call_command

from organizations import services
from organizations.models import Membership
from organizations.projects.models import Project
from organizations.projects.services import (
    archive_project,
    create_project,
    delete_project,
    share_project,
    update_project,
)
from saas import resources
from saas.events import dispatching, sinks
from saas.events.models import events
from saas.search import SYSTEM, index_document, indexing, rebuild, search
from saas.search.models import entries
from saas.tenancy import now
from tests.patience import quick


def find(world, query, actor=SYSTEM, **more):
    return [hit.title for hit in search(query, organization=world.org, actor=actor, **more).hits]


def create(world, name="Harbor wall", **more):
    return create_project(org=world.org, actor=world.owner, name=name, **more)


def rename(world, project, name):
    current = Project.objects.for_org(world.org).get(pk=project.pk)
    return update_project(
        org=world.org,
        actor=world.owner,
        project=current,
        version=current.version,
        name=name,
        description=current.description,
        status=current.status,
        tags=list(current.tags),
    )


def hide(world, project, *readers):
    return share_project(
        org=world.org,
        actor=world.owner,
        project=project,
        version=project.version,
        visibility="private",
        shared_with=[each.pk for each in readers],
    )


# -- By the events ---------------------------------------------------------------------------------------------------


def test_a_project_is_found_from_its_creation_to_its_end(world, dispatch_events):
    project = create(world, description="Stones and mortar", tags=["sea"])
    dispatch_events()
    assert find(world, "harbor") == find(world, "mortar") == find(world, "sea") == ["Harbor wall"]
    project = rename(world, project, "Lighthouse")
    dispatch_events()
    assert find(world, "lighthouse") == ["Lighthouse"]
    assert find(world, "wall") == []
    archive_project(org=world.org, actor=world.owner, project=project)
    dispatch_events()
    assert find(world, "lighthouse") == ["Lighthouse"]
    delete_project(org=world.org, actor=world.owner, project=project)
    dispatch_events()
    assert entries(world.org).count() == 0


def test_a_hit_leads_to_its_page(world, dispatch_events):
    project = create(world)
    dispatch_events()
    hit = search("harbor", organization=world.org, actor=world.viewer).hits[0]
    assert hit.url == f"/o/{world.org.slug}/projects/{project.id}/"
    assert (hit.label, hit.icon) == ("Project", "folder-kanban")


def test_rights_that_change_are_followed(world, dispatch_events):
    project = create(world)
    dispatch_events()
    assert find(world, "harbor", actor=world.viewer) == ["Harbor wall"]
    hide(world, project, world.member)
    dispatch_events()
    assert find(world, "harbor", actor=world.viewer) == []
    assert find(world, "harbor", actor=world.member) == ["Harbor wall"]
    assert find(world, "harbor", actor=world.admin) == ["Harbor wall"]


def test_an_index_that_lags_behind_tells_nothing(world, dispatch_events):
    hidden, deleted, renamed = create(world), create(world, "Harbor light"), create(world, "Harbor tea")
    dispatch_events()
    hide(world, hidden)
    delete_project(org=world.org, actor=world.owner, project=deleted)
    rename(world, renamed, "Harbor coffee")
    assert find(world, "harbor", actor=world.viewer) == ["Harbor coffee"]
    assert find(world, "harbor", actor=world.owner) == ["Harbor coffee", "Harbor wall"]


def test_a_member_is_found_as_long_as_there_is_a_membership(world, dispatch_events):
    rebuild(world.org)
    assert find(world, "Acorn Viewer") == ["Acorn Viewer"]
    services.change_role(org=world.org, actor=world.owner, membership=world.memberships["viewer"], role="member")
    dispatch_events()
    assert sorted(find(world, "acorn", tags=["member"])) == ["Acorn Member", "Acorn Viewer"]
    membership = Membership.objects.get(pk=world.memberships["viewer"].pk)
    services.remove_member(org=world.org, actor=world.owner, membership=membership)
    dispatch_events()
    assert "Acorn Viewer" not in find(world, "acorn viewer")


def test_a_person_is_found_by_the_new_name_everywhere(world, dispatch_events):
    from saas import events as spine

    Membership.objects.create(organization=world.other.org, user=world.member, role="viewer")
    for org in (world.org, world.other.org):
        rebuild(org)
    world.member.name = "Ludmila Novak"
    world.member.save()
    spine.record("user.updated", actor=world.member, target=world.member)
    dispatch_events()
    assert find(world, "ludmila") == ["Ludmila Novak"]
    assert [h.title for h in search("novak", organization=world.other.org, actor=SYSTEM).hits] == ["Ludmila Novak"]


def test_a_person_without_an_organization_is_no_problem(world, dispatch_events):
    from saas import events as spine

    spine.record("user.updated", actor=world.outsider, target=world.outsider)
    dispatch_events()
    assert not events().filter(is_pending=True).first()


def test_events_in_any_order_and_again_end_in_the_present(world):
    project = create(world)
    rename(world, project, "Harbor light")
    told = list(events().filter(resource_id=project.id))
    for event in [*reversed(told), *told]:
        assert indexing.follow(event) == {"indexed": 1, "removed": 0}
    assert find(world, "harbor") == ["Harbor light"]
    assert entries(world.org).count() == 1
    delete_project(org=world.org, actor=world.owner, project=project)
    for event in events().filter(resource_id=project.id):
        indexing.follow(event)
    assert entries(world.org).count() == 0


def test_a_replay_by_the_staff_has_no_second_effect(world, dispatch_events):
    project = create(world)
    dispatch_events()
    event = events().filter(resource_id=project.id).first()
    dispatching.replay(event, sinks.get("search"))
    assert entries(world.org).count() == 1


def test_what_is_no_resource_is_passed_over(world, dispatch_events):
    from saas import events as spine

    event = spine.record("organization.created", org=world.org, actor=world.owner, target=world.org)
    assert indexing.follow(event) is None


def test_following_an_event_is_cheap(world, count_queries, no_scans):
    project = create(world)
    event = events().filter(resource_id=project.id).first()
    with no_scans(), count_queries(at_most=3):  # read, write, commit
        indexing.follow(event)


def test_a_worker_indexes_within_two_seconds(world, worker):
    numbers = count(1)

    def indexed():
        name = f"Harbor{next(numbers)}"
        create(world, name)
        deadline = time.monotonic() + 30
        while not find(world, name):
            assert time.monotonic() < deadline, "it is not indexed"
            time.sleep(0.02)

    quick(indexed, seconds=2)


# -- Anew ------------------------------------------------------------------------------------------------------------


def test_a_rebuild_brings_everything_and_removes_what_has_gone(world):
    create(world)
    indexing.index_document(
        organization=world.org, resource="project", resource_id="0" * 24, title="Ghost", permission="project.read"
    )
    index_document(
        organization=world.org, resource="note", resource_id="n1", title="By hand", permission="project.read"
    )
    done = rebuild(world.org)
    assert (done.indexed, done.removed) == (1 + len(world.people), 1)
    assert find(world, "harbor") == ["Harbor wall"]
    assert find(world, "hand") == ["By hand"], "nobody but its author knows how to write it again"
    assert {entry.resource for entry in entries(world.org)} == {"project", "member", "note"}
    assert entries(world.other.org).count() == 0


def test_a_rebuild_leaves_no_gap(world, monkeypatch):
    """At each write of a rebuild, all that was found before it is found."""
    made = [create(world, f"Harbor {n}").name for n in range(30)]
    rebuild(world.org)
    monkeypatch.setattr(indexing, "BATCH", 7)
    seen, write = [], indexing.write

    def watched(*args, **more):
        seen.append(sorted(find(world, "harbor", limit=50)) == sorted(made))
        write(*args, **more)

    monkeypatch.setattr(indexing, "write", watched)
    rebuild(world.org)
    assert len(seen) > 5
    assert all(seen)


def test_nothing_that_happens_during_a_rebuild_is_lost(world, monkeypatch):
    """Between the read and the write of a batch its objects are renamed, deleted, and followed by another worker."""
    made = [create(world, f"Harbor {n}") for n in range(12)]
    rebuild(world.org)
    monkeypatch.setattr(indexing, "BATCH", 4)
    resource, rebuilding, met = resources.get("project"), threading.get_ident(), []

    def meanwhile(org_id, ids):
        found = resource.describe(org_id, ids)
        mine = [project for project in made if project.id in found and project.id not in met]
        if threading.get_ident() == rebuilding and mine:
            met.extend(project.id for project in mine)
            in_another_process(change, mine)
        return found

    def change(mine):
        renamed, deleted = mine[:2]
        first = now()
        create(world, f"Jetty of {renamed.name}")
        rename(world, renamed, f"Pier {renamed.name}")
        delete_project(org=world.org, actor=world.owner, project=deleted)
        for event in events().filter(organization_id=world.org.pk, created_at__gte=first):
            indexing.follow(event)

    monkeypatch.setitem(resources._resources, "project", replace(resource, describe=meanwhile))
    rebuild(world.org)
    assert len(met) == len(made)
    there = {project.id: project.name for project in Project.objects.for_org(world.org)}
    assert sorted(name.split()[0] for name in there.values()) == ["Harbor"] * 6 + ["Jetty"] * 3 + ["Pier"] * 3
    assert {entry.resource_id: entry.title for entry in entries(world.org).filter(resource="project")} == there


def in_another_process(function, *args):
    """As another worker does it: on a connection and in transactions of its own."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(function, *args).result()


def test_many_who_write_the_same_entry_end_in_the_present(world, in_parallel):
    project = create(world)
    event = events().filter(resource_id=project.id).first()

    def turn(number):
        if number % 4 == 0:
            rebuild(world.org)
        else:
            rename(world, project, f"Harbor {number}") if number % 4 == 1 else None
            indexing.follow(event)

    results = [r for r in in_parallel(turn, times=12) if isinstance(r, Exception)]
    assert [r for r in results if type(r).__name__ != "EditConflict"] == []
    indexing.follow(event)
    assert [e.title for e in entries(world.org).filter(resource="project")] == [
        Project.objects.for_org(world.org).get(pk=project.id).name
    ]


def test_the_command_rebuilds_one_or_all(world, capsys):
    create(world)
    call_command("reindex", "--org", world.org.slug)
    assert find(world, "harbor") == ["Harbor wall"]
    assert entries(world.other.org).count() == 0
    call_command("reindex", "--all")
    assert entries(world.other.org).count() == len(world.other.people)
    assert f"{world.org.slug}: 5 indexed, 0 removed" in capsys.readouterr().out


def test_the_command_says_what_it_needs(world):
    with pytest.raises(CommandError, match="--org"):
        call_command("reindex")
    with pytest.raises(CommandError, match="no-such"):
        call_command("reindex", "--org", "no-such")


def test_one_organization_that_fails_does_not_stop_the_others(world, monkeypatch, capsys):
    real = indexing.rebuild

    def fails_for_one(org):
        if org.pk == world.org.pk:
            raise ValueError("no")
        return real(org)

    monkeypatch.setattr("organizations.management.commands.reindex.rebuild", fails_for_one)
    with pytest.raises(CommandError, match=world.org.slug):
        call_command("reindex", "--all")
    assert entries(world.other.org).count() == len(world.other.people)
