"""config/roles.yaml: what each role may do, and which mistakes in the file stop the boot."""

from pathlib import Path

import pytest
import rules

from organizations import roles
from saas.config_files import ConfigError

TABLE = Path(__file__).with_name("role_table.txt").read_text().splitlines()[1:]
NAMES = TABLE[0].split()[1:]
ROWS = [
    (line.split()[0], name, mark == "+")
    for line in TABLE[1:]
    for name, mark in zip(NAMES, line.split()[1:], strict=True)
]

HEADER = """\
resources:
  project: [create, read, update, delete]
  billing: [read, update]
platform_resources:
  admin: [monitor]
roles:
"""
OWNER = "  owner: { name: Owner, permissions: ['*'] }\n"


@pytest.fixture
def read(tmp_path):
    def read_text(text, *, header=HEADER):
        path = tmp_path / "roles.yaml"
        path.write_text(header + text)
        return roles.read(str(path))

    return read_text


def line_of(text, part):
    return next(number for number, line in enumerate((HEADER + text).splitlines(), 1) if part in line)


@pytest.mark.parametrize(("permission", "role", "expected"), ROWS)
def test_each_role_has_what_the_table_says(permission, role, expected):
    assert roles.has_permission(role, *permission.split(".")) is expected


def test_the_table_names_every_role_and_permission():
    assert set(NAMES) == set(roles._file.get())
    assert {row[0] for row in ROWS} == roles.get_role("platform_admin").permissions


def test_an_unknown_role_or_permission_is_refused():
    assert not roles.has_permission("nobody", "project", "read")
    assert not roles.has_permission("owner", "project", "fly")
    with pytest.raises(roles.UnknownRole, match="nobody"):
        roles.get_role("nobody")


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        (
            "['*']",
            {"project.create", "project.read", "project.update", "project.delete", "billing.read", "billing.update"},
        ),
        ("{project: ['*']}", {"project.create", "project.read", "project.update", "project.delete"}),
        ("{'*': [read]}", {"project.read", "billing.read"}),
        ("['project.*']", {"project.create", "project.read", "project.update", "project.delete"}),
        ("['*.read']", {"project.read", "billing.read"}),
        ("['project']", {"project.create", "project.read", "project.update", "project.delete"}),
        ("['project.read', 'billing.update']", {"project.read", "billing.update"}),
        ("{project: [read]}", {"project.read"}),
        ("[]", set()),
    ],
)
def test_a_wildcard_works_on_either_side_in_both_shapes(read, permissions, expected):
    found = read(f"{OWNER}  guest: {{ name: Guest, permissions: {permissions} }}\n")
    assert found["guest"].permissions == expected


def test_an_organization_role_never_reaches_the_platform_by_a_wildcard(read):
    assert "admin.monitor" not in read(OWNER)["owner"].permissions


def test_a_child_adds_to_its_parent_on_the_same_resource(read):
    found = read(
        OWNER
        + "  reader: { name: Reader, permissions: { project: [read] } }\n"
        + "  writer: { name: Writer, inherits: [reader], permissions: { project: [update] } }\n"
    )
    assert found["writer"].permissions == {"project.read", "project.update"}


def test_a_diamond_joins_both_sides(read):
    found = read(
        "  owner: { name: Owner, inherits: [left, right], permissions: [] }\n"
        "  left: { name: Left, inherits: [base], permissions: { project: [update] } }\n"
        "  right: { name: Right, inherits: [base], permissions: { billing: [read] } }\n"
        "  base: { name: Base, permissions: { project: [read] } }\n"
    )
    assert found["owner"].permissions == {"project.read", "project.update", "billing.read"}


def test_denial_wins_over_grant_inheritance_and_wildcard(read):
    found = read(
        OWNER
        + "  careful: { name: Careful, inherits: [owner], permissions: ['project.delete'], deny: ['*.delete'] }\n"
        + "  heir: { name: Heir, inherits: [careful], permissions: ['project.delete'] }\n"
    )
    assert "project.delete" not in found["careful"].permissions
    assert "project.delete" not in found["heir"].permissions
    assert "project.update" in found["careful"].permissions


@pytest.mark.parametrize(
    ("text", "at", "words"),
    [
        (
            "  a: { name: A, permissions: [], inherits: [b] }\n  b: { name: B, permissions: [], inherits: [a] }\n",
            "b: {",
            "circle",
        ),
        ("  a: { name: A, permissions: [], inherits: [ghost] }\n", "a: {", "ghost"),
        ("  a:\n    name: A\n    permissions:\n      plane: [fly]\n", "plane", "plane.fly"),
        ("  a:\n    name: A\n    permissions:\n      project: [fly]\n", "project: [fly]", "project.fly"),
        ("  a: { name: A, permissions: ['project.fly'] }\n", "a: {", "project.fly"),
        ("  a: { name: A, permissions: ['admin.monitor'] }\n", "a: {", "admin.monitor"),
        ("  a: { name: A, permissions: [], manageable_roles: [ghost] }\n", "a: {", "ghost"),
        ("  a: { name: A, permissions: [], scope: platform, inherits: [owner] }\n", "a: {", "another scope"),
        ("  a: { name: A, permissions: { project: [{action: read, when: moon_is_full}] } }\n", "moon", "moon_is_full"),
        ("  a: { name: A, permissions: [], colour: red }\n", "colour", "colour"),
        ("  a: { name: A }\n", "a: {", "permissions"),
    ],
)
def test_a_mistake_is_named_with_its_line(read, text, at, words):
    with pytest.raises(ConfigError, match=words) as refused:
        read(OWNER + text)
    assert f"roles.yaml:{line_of(OWNER + text, at)}:" in str(refused.value)


def test_a_file_without_an_owner_is_refused(read):
    with pytest.raises(ConfigError, match="owner"):
        read("  a: { name: A, permissions: [] }\n")


def test_a_condition_is_asked_of_the_object(read, monkeypatch):
    rules.add_rule("is_mine", rules.predicate(lambda user, thing: thing == user.pk))
    try:
        found = read(
            OWNER
            + "  guest:\n    name: Guest\n    permissions:\n      project: [read, {action: update, when: is_mine}]\n"
        )
        monkeypatch.setattr(roles, "role_of", lambda actor, org: "guest")
        monkeypatch.setattr(roles._file, "get", lambda: found)
        actor = type("Actor", (), {"pk": "me"})()
        assert roles.can(actor, "project.update", org="an organization")
        assert roles.can(actor, "project.update", org="an organization", obj="me")
        assert not roles.can(actor, "project.update", org="an organization", obj="another's")
        assert roles.can(actor, "project.read", org="an organization", obj="another's")
    finally:
        rules.remove_rule("is_mine")


def test_a_role_counts_only_in_its_scope(monkeypatch):
    monkeypatch.setattr(roles, "role_of", lambda actor, org: "platform_admin" if org else "owner")
    assert not roles.can(object(), "project.read", org="an organization")
    assert not roles.can(object(), "organization.read")


def test_a_good_change_is_taken_up_and_a_broken_one_keeps_the_old(tmp_path):
    path = tmp_path / "roles.yaml"
    path.write_text(HEADER + OWNER)
    file = roles.ReloadingFile(path, lambda: roles.read(str(path)), interval=0)
    assert set(file.get()) == {"owner"}
    path.write_text(HEADER + OWNER + "  guest: { name: Guest, permissions: [] }\n")
    assert set(file.get()) == {"owner", "guest"}
    path.write_text(HEADER + OWNER + "  guest: { name: Guest, permissions: ['plane.fly'] }\n")
    assert set(file.get()) == {"owner", "guest"}
