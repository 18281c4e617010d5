"""Why can't I?  Every decision explains itself, and every refusal says who can change it."""

import html
import json
import re

import pytest
import rules

from organizations import explanations, matrix, roles
from organizations.models import Membership
from saas import hooks
from saas.config_files import ConfigError
from tests.factories import UserFactory, make_world

HEADER = """\
resources:
  project: [read, update, delete]
  organization: [read, manage_members]
platform_resources:
  admin: [monitor]
words:
  project: { title: Projects, delete: Delete projects }
conditions:
  test_is_mine: only one's own
roles:
  owner: { name: Owner, permissions: ['*'], manageable_roles: ['*'] }
  reader: { name: Reader, permissions: { project: [read] } }
  writer: { name: Writer, inherits: [reader], permissions: { project: [{ action: update, when: test_is_mine }] } }
  careful: { name: Careful, inherits: [owner], permissions: [], deny: ['project.delete'] }
  heir: { name: Heir, inherits: [careful], permissions: [] }
  paying: { name: Paying, permissions: ['project.*'], plan_required: pro }
  staff: { name: Staff, scope: platform, permissions: ['admin.*'] }
"""


@pytest.fixture
def world():
    return make_world()


@pytest.fixture
def file(tmp_path, monkeypatch):
    """config/roles.yaml for this test."""
    rules.add_rule("test_is_mine", rules.predicate(lambda user, thing: thing == user.pk, name="test_is_mine"))
    path = tmp_path / "roles.yaml"
    path.write_text(HEADER)
    found = roles.read(str(path))
    monkeypatch.setattr(roles._file, "get", lambda: found)
    yield found
    rules.remove_rule("test_is_mine")


@pytest.fixture
def as_role(world, file):
    """Somebody of the organization with this role."""

    def person(name):
        Membership.objects.filter(user_id=world.member.pk).update(role=name)
        world.member.__dict__.pop("_memberships", None)
        return world.member

    return person


def names(explanation):
    return [(step.name, step.is_passed) for step in explanation.steps]


# -- The trace -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "permission", "steps", "reason"),
    [
        ("reader", "project.read", "role inheritance", "Reader includes “Read: projects”."),
        ("writer", "project.read", "role inheritance", "Writer inherits “Read: projects” from Reader."),
        ("writer", "project.delete", "role !inheritance",
            "Writer does not include “Delete projects”, and inherits nothing from Reader that does."),
        ("reader", "project.delete", "role !inheritance", "Reader does not include “Delete projects”."),
        ("careful", "project.delete", "role inheritance !deny",
            "Careful denies “Delete projects”, whatever else is granted."),
        ("heir", "project.delete", "role inheritance !deny",
            "Careful, from which Heir inherits, denies “Delete projects”, whatever else is granted."),
        ("writer", "project.update", "role inheritance condition", "With a condition: only one's own."),
        ("ghost", "project.read", "!role", "Your role, “ghost”, does not exist in Acorn Works."),
        ("staff", "admin.monitor", "!role", "Your role, “staff”, does not exist in Acorn Works."),
    ],
)  # fmt: skip
def test_each_step_is_said_in_words(world, as_role, role, permission, steps, reason):
    found = roles.explain(as_role(role), permission, org=world.org)
    assert [f"{'' if step.is_passed else '!'}{step.name}" for step in found.steps] == steps.split()
    assert found.reason == reason
    assert found.is_allowed is ("!" not in steps)


def test_a_condition_is_asked_of_the_object(world, as_role):
    actor = as_role("writer")
    mine = roles.explain(actor, "project.update", org=world.org, obj=actor.pk)
    theirs = roles.explain(actor, "project.update", org=world.org, obj="another's")
    assert (mine.is_allowed, theirs.is_allowed) == (True, False)
    assert names(theirs)[-1] == ("condition", False)
    assert "only one's own" in theirs.reason


def test_a_role_of_a_plan_counts_only_with_the_plan(world, as_role, monkeypatch):
    actor, plans = as_role("paying"), {"free"}
    assert roles.can(actor, "project.read", org=world.org), "where nobody sells plans nothing is missing"
    monkeypatch.setattr(hooks.plan_covers, "providers", [lambda org, plan: org == world.org and plan in plans])
    assert not roles.can(actor, "project.read", org=world.org)
    assert not roles.can_everywhere(actor, "project.read", org=world.org)
    found = roles.explain(actor, "project.read", org=world.org)
    assert names(found)[-1] == ("plan", False)
    assert found.reason == "The role Paying needs the plan Pro or a higher one."
    plans.add("pro")
    assert roles.can(actor, "project.read", org=world.org)
    assert names(roles.explain(actor, "project.read", org=world.org))[-1] == ("plan", True)


def test_an_outsider_has_no_role_and_staff_one_of_the_platform(world):
    assert roles.explain(world.outsider, "project.read", org=world.org).reason == "You have no role in Acorn Works."
    assert roles.explain(world.owner, "admin.monitor").reason == "You have no role in the platform."
    found = roles.explain(world.staff, "admin.monitor")
    assert (found.is_allowed, [role.name for role in found.roles]) == (True, ["platform_admin"])


@pytest.mark.parametrize("who", ["owner", "admin", "member", "viewer", "outsider", "staff"])
def test_the_trace_and_the_decision_are_never_of_two_minds(world, who):
    """Every permission of config/roles.yaml, in the organization and on the platform."""
    person = world.person(who)
    for permission in roles.get_role("platform_admin").permissions:
        for org in (world.org, None):
            found = roles.explain(person, permission, org=org)
            assert found.is_allowed is roles.can(person, permission, org=org) is all(s.is_passed for s in found.steps)


# -- Who can change it -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("permission", "able", "granting"),
    [
        ("organization.update", ["Admin", "Owner"], ["Acorn Owner", "Acorn Admin"]),
        ("organization.delete", ["Owner"], ["Acorn Owner"]),
        ("project.create", ["Member", "Admin", "Owner"], ["Acorn Owner", "Acorn Admin"]),
    ],
)
def test_those_are_named_who_may_give_a_role_that_has_it(world, permission, able, granting):
    found = roles.explain(world.viewer, permission, org=world.org)
    assert [role.title for role in found.roles] == able
    assert {user.name for user in found.granters} == set(granting)
    assert {user.pk for user in found.granters} <= {m.pk for m in world.people.values()}, "of this organization"


def test_nobody_is_named_who_cannot_help(world):
    Membership.objects.filter(user_id=world.owner.pk).update(suspended_at="2026-01-01T00:00:00Z")
    found = roles.explain(world.viewer, "organization.delete", org=world.org)
    assert found.granters == []
    assert found.summary == found.reason


def test_not_everybody_is_named_and_the_first_who_came_comes_first(world):
    for _ in range(5):
        Membership.objects.create(organization=world.org, user=UserFactory(), role="admin")
    found = roles.explain(world.viewer, "organization.update", org=world.org)
    assert len(found.granters) == explanations.NAMED


def test_somebody_is_not_told_to_ask_himself(world):
    found = roles.explain(world.admin, "organization.delete", org=world.org)
    assert [user.name for user in found.granters] == ["Acorn Owner"]


def test_a_decision_costs_two_reads_more_only_when_it_is_a_refusal(world, count_queries, no_scans):
    roles.can(world.viewer, "project.read", org=world.org)
    from organizations.access import find_membership

    find_membership(world.org.slug, world.viewer)
    with count_queries(at_most=0):
        assert roles.explain(world.viewer, "organization.read", org=world.org).is_allowed
    with no_scans(), count_queries(at_most=2):
        roles.explain(world.viewer, "organization.update", org=world.org)


# -- What a person sees ----------------------------------------------------------------------------------------------


def text_of(answer):
    return " ".join(re.sub(r"<[^>]+>", " ", html.unescape(answer.content.decode())).split())


def test_a_refused_page_says_why_and_whom_to_ask(world):
    answer = world.client("member").get(f"/o/{world.org.slug}/settings/")
    assert answer.status_code == 403
    text = text_of(answer)
    assert "Your role in Acorn Works is Member." in text
    assert "Member does not include “Change the organization’s settings”, and inherits nothing from Viewer" in text
    assert "A role that includes it: Admin , Owner" in text
    assert world.admin.email in text
    assert world.owner.email in text
    assert f'href="/o/{world.org.slug}/roles/"' in answer.content.decode()


def test_htmx_says_it_in_a_message(world):
    answer = world.client("member").post(f"/o/{world.org.slug}/settings/", {}, headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Reswap"]) == (403, "none")
    toast = json.loads(answer["HX-Trigger"])["toast"]
    assert toast["level"] == "error"
    assert toast["text"].startswith("Member does not include “Change the organization’s settings”")
    assert "can give you a role that does." in toast["text"]


def test_a_refusal_about_one_project_explains_the_condition(world):
    from organizations.projects import services

    project = services.create_project(org=world.org, actor=world.owner, name="Open")
    answer = world.client("viewer").get(f"/o/{world.org.slug}/projects/{project.pk}/edit/")
    assert answer.status_code == 403
    assert "Viewer does not include “Change and archive projects”." in text_of(answer)


def test_an_outsider_gets_no_explanation(world):
    answer = world.client("outsider").get(f"/o/{world.org.slug}/settings/")
    assert answer.status_code == 404
    assert world.org.name not in answer.content.decode()


# -- The table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("who", ["owner", "viewer"])
def test_the_table_of_roles_says_what_the_file_says(world, who):
    answer = world.client(who).get(f"/o/{world.org.slug}/roles/")
    assert answer.status_code == 200
    page = answer.content.decode()
    for name, role in roles.current().items():
        assert (f">{role.title}" in page or role.title in text_of(answer)) is (role.scope == "organization"), name
    shown = dict(re.findall(r'<tr id="([a-zA-Z.]+\w*)">(.*?)</tr>', page, re.DOTALL))
    wanted = {f"{resource}.{action}" for resource, actions in roles.current().resources.items() for action in actions}
    assert shown.keys() == wanted
    for permission, row in shown.items():
        words = re.findall(r'<span class="visually-hidden">([^<]+)</span>', row)
        assert [word != "No" for word in words] == [
            roles.has_permission(role.name, *permission.split(".")) for role in roles.organization_roles()
        ]
    assert page.count('scope="col" class="is-mine"') == 1
    assert f'{roles.get_role(who).title}<span class="visually-hidden"> (your role)' in page


def test_a_condition_stands_in_the_table(world):
    page = text_of(world.client("viewer").get(f"/o/{world.org.slug}/roles/"))
    assert roles.current().conditions["sees_project"][1:] in page


def test_the_table_follows_the_file(world, file):
    (projects, _) = matrix.groups()
    assert projects.title == "Projects"
    assert [(row.title, [cell.state for cell in row.cells]) for row in projects.rows][2] == (
        "Delete projects",
        ["yes", "no", "no", "no", "no", "yes"],
    )


@pytest.mark.parametrize(
    ("addition", "words"),
    [
        ("words:\n  plane: { title: Planes }\n", "plane.title"),
        ("words:\n  project: { fly: Fly }\n", "project.fly"),
        ("conditions: { moon_is_full: at full moon }\n", "moon_is_full"),
    ],
)
def test_words_for_what_does_not_exist_are_refused_with_their_line(tmp_path, addition, words):
    path = tmp_path / "roles.yaml"
    path.write_text(
        "resources: { project: [read] }\nroles: { owner: { name: Owner, permissions: ['*'] } }\n" + addition
    )
    with pytest.raises(ConfigError, match=words) as refused:
        roles.read(str(path))
    assert re.search(r"roles\.yaml:[34]:", str(refused.value))


# -- Work ------------------------------------------------------------------------------------------------------------


class Counted(dict):
    """Counts how often it is asked."""

    asked = 0

    def get(self, *arguments):
        Counted.asked += 1
        return super().get(*arguments)


def test_a_decision_is_two_lookups_and_no_read(world, monkeypatch, count_queries):
    """In place of a clock: what would make it slow is a read, a walk over roles, or resolving the file again."""
    from organizations.access import find_membership

    find_membership(world.org.slug, world.member)
    known = Counted(roles.current())
    for name, role in known.items():
        known[name] = roles.Role(
            **{slot: getattr(role, slot) for slot in role.__dataclass_fields__} | {"grants": Counted(role.grants)}
        )
    monkeypatch.setattr(roles._file, "get", lambda: known)
    Counted.asked = 0
    with count_queries(at_most=0):
        assert roles.can(world.member, "project.create", org=world.org)
    assert Counted.asked == 2
