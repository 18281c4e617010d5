import os
import time
import timeit

import pytest
from structlog.testing import capture_logs

from saas.config_files import ConfigError, ReloadingFile, load_yaml

SCHEMA = {
    "type": "object",
    "required": ["roles"],
    "additionalProperties": False,
    "properties": {
        "roles": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]+$"},
            "additionalProperties": {
                "type": "object",
                "required": ["name"],
                "additionalProperties": False,
                "properties": {
                    "name": {"type": "string"},
                    "scope": {"enum": ["organization", "platform"]},
                    "inherits": {"type": "array", "items": {"type": "string"}},
                },
            },
        }
    },
}
GOOD = """\
# a comment
roles:
  viewer:
    name: Viewer
    inherits:
      - nobody
      - somebody
  member: { name: Member }
"""


@pytest.fixture
def file(tmp_path):
    def write(text):
        path = tmp_path / "file.yaml"
        path.write_text(text)
        return path

    return write


def problem_of(path):
    with pytest.raises(ConfigError) as caught:
        load_yaml(path, SCHEMA)
    return str(caught.value).removeprefix(str(path.parent) + "/")


def test_data_is_plain_and_knows_its_lines(file):
    path = file(GOOD)
    data = load_yaml(path, SCHEMA)
    assert data["roles"]["viewer"] == {"name": "Viewer", "inherits": ["nobody", "somebody"]}
    assert type(data["roles"]["viewer"]) is dict
    lines = {
        (): 2,
        ("roles",): 2,
        ("roles", "viewer"): 3,
        ("roles", "viewer", "inherits"): 5,
        ("roles", "viewer", "inherits", 1): 7,
        ("roles", "member", "name"): 8,
        ("roles", "member", "no", "such", "key"): 8,
    }
    assert {keys: int(data.position(*keys).rpartition(":")[2]) for keys in lines} == lines


def test_an_error_of_the_caller_names_file_and_line(file):
    path = file(GOOD)
    error = load_yaml(path).error("unknown role 'nobody'", "roles", "viewer", "inherits", 0)
    assert str(error) == f"{path}:6: unknown role 'nobody'"


def test_a_file_of_the_project_is_named_as_in_the_project():
    with pytest.raises(ConfigError, match=r"^config/no_such\.yaml:1: .*Restore it"):
        load_yaml("config/no_such.yaml")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("roles: [", "file.yaml:1: "),
        ("roles:\n  a: 1\n b: 2\n", "file.yaml:3: "),
        ("roles:\n\ta: 1\n", "file.yaml:2: "),
        ("", "file.yaml:1: the file must hold a mapping"),
        ("- a\n- b\n", "file.yaml:1: the file must hold a mapping"),
        ("roles: {}\nroles: {}\n", "file.yaml:2: the key 'roles' stands here a second time"),
        ("roles:\n  a: {name: A}\n  b: {name: B}\n  a: {name: C}\n", "file.yaml:4: the key 'a' stands here a second"),
        ("roles: !!python/object:os.system {}\n", "file.yaml:1: "),
        ("{}\n", "file.yaml:1: 'roles' is a required property"),
        ("roles: 5\n", "file.yaml:1: roles: 5 is not of type 'object'"),
        ("roles: {}\nextra: 1\n", "file.yaml:2: extra: this key is not known here. Known keys: roles."),
        ("roles:\n  a:\n    name: A\n    nmae: B\n", "file.yaml:4: roles.a.nmae: this key is not known here"),
        ("roles:\n  a:\n    inherits: []\n", "file.yaml:2: roles.a: 'name' is a required property"),
        ("roles:\n  a:\n    name: A\n    scope: moon\n", "file.yaml:4: roles.a.scope: 'moon' is not one of"),
        ("roles:\n  a:\n    name: A\n    inherits:\n      - x\n      - 5\n", "file.yaml:6: roles.a.inherits.1: 5"),
        ("roles:\n  good: {name: A}\n  B4D: {name: B}\n", "file.yaml:3: roles.B4D: "),
    ],
)
def test_a_mistake_is_named_with_its_line(file, text, words):
    assert problem_of(file(text)).startswith(words)


def test_a_merged_key_may_be_overridden(file):
    path = file("base: &base {name: A, size: 1}\nother:\n  <<: *base\n  size: 2\n")
    assert load_yaml(path)["other"] == {"name": "A", "size": 2}


# -- reloading -------------------------------------------------------------------------------------------------------


@pytest.fixture
def change():
    stamps = iter(range(1_000_000_000, 2_000_000_000))

    def write(path, text):
        path.write_text(text)
        os.utime(path, (stamp := next(stamps), stamp))

    return write


def reloading(path, interval=0.0):
    return ReloadingFile(path, lambda: load_yaml(path, SCHEMA)["roles"], interval=interval)


def test_a_change_is_seen(file, change):
    path = file(GOOD)
    roles = reloading(path)
    assert list(roles.get()) == ["viewer", "member"]
    change(path, "roles: {owner: {name: Owner}}")
    with capture_logs() as logs:
        assert list(roles.get()) == ["owner"]
    assert [entry["event"] for entry in logs] == ["config_reloaded"]


def test_an_unchanged_file_is_not_read_again(file):
    roles = reloading(file(GOOD))
    assert roles.get() is roles.get()


def test_a_broken_file_keeps_the_old_values_and_is_logged_once(file, change):
    path = file(GOOD)
    roles = reloading(path)
    before = roles.get()
    change(path, "roles: {owner: {}}")
    with capture_logs() as logs:
        assert roles.get() is before
        assert roles.get() is before
    (entry,) = logs
    assert entry["event"] == "config_reload_failed"
    assert "'name' is a required property" in entry["problem"]
    change(path, "roles: {owner: {name: Owner}}")
    assert list(roles.get()) == ["owner"]


def test_a_missing_file_keeps_the_old_values(file):
    path = file(GOOD)
    roles = reloading(path)
    before = roles.get()
    path.unlink()
    with capture_logs() as logs:
        assert roles.get() is before
    assert logs[0]["log_level"] == "error"


def test_a_broken_file_stops_the_first_load(file):
    with pytest.raises(ConfigError):
        reloading(file("roles: 5")).get()


def test_the_file_is_looked_at_once_in_an_interval(file, change):
    path = file(GOOD)
    roles = reloading(path, interval=3600)
    before = roles.get()
    change(path, "roles: {}")
    assert roles.get() is before
    roles._next_look = time.monotonic()
    assert roles.get() == {}


def test_threads_see_the_old_values_or_the_new_and_never_a_mixture(file, change, in_parallel):
    path = file("roles: {a: {name: old}, b: {name: old}}")
    roles = reloading(path)
    roles.get()

    def read(number):
        if number == 0:
            change(path, "roles: {a: {name: new}, b: {name: new}}")
        return {role["name"] for role in roles.get().values()}

    assert all(len(names) == 1 for names in in_parallel(read, times=20))


def test_the_hot_path_costs_less_than_a_microsecond(file):
    roles = reloading(file(GOOD), interval=3600)
    roles.get()
    assert min(timeit.repeat(roles.get, number=10_000, repeat=7)) / 10_000 < 1e-6
