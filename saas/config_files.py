"""Reads `config/*.yaml` so that every mistake is answered with file, line and the way out.

data = load_yaml("config/roles.yaml", SCHEMA)
data["roles"]["viewer"]                                      # plain dicts, lists and scalars
raise data.error("Unknown parent 'foo'.", "roles", "viewer", "inherits", 0)   # config/roles.yaml:12: Unknown …
"""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Generic, TypeVar

import structlog
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

log = structlog.get_logger(__name__)

BASE_DIR = Path(__file__).resolve().parent.parent
T = TypeVar("T")
Keys = tuple[str | int, ...]


class ConfigError(Exception):
    """A mistake in a configuration file.  The text begins with `file:line:` and ends with the way out."""


class ConfigData(dict[str, Any]):
    """The top mapping of a file; it knows the line of everything in it."""

    def __init__(self, data: dict[str, Any], *, name: str, lines: dict[Keys, int]) -> None:
        super().__init__(data)
        self.name = name
        self._lines = lines

    def position(self, *keys: str | int) -> str:
        """`file:line` of the value at this path (`"roles", "viewer", "inherits", 0`), else of what is nearest above."""
        while keys not in self._lines:
            keys = keys[:-1]
        return f"{self.name}:{self._lines[keys]}"

    def error(self, message: str, *keys: str | int) -> ConfigError:
        """The exception to raise for a mistake at this path."""
        return ConfigError(f"{self.position(*keys)}: {message}")


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice in one mapping, which YAML would silently overwrite."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key, _ in node.value:
            if key.value in seen and isinstance(key, yaml.ScalarNode):
                problem = f"the key {key.value!r} stands here a second time; remove one of the two"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(key.value if isinstance(key, yaml.ScalarNode) else None)
        return super().construct_mapping(node, deep)


def load_yaml(path: str | Path, schema: dict[str, Any] | None = None) -> ConfigData:
    """Read one file, relative to the project's folder or absolute, and check it against a JSON Schema.

    Raises ConfigError for a missing file, a syntax mistake, a duplicate key, a top level that is not a mapping, and
    for the first breach of the schema.
    """
    name = str(path)
    try:
        text = (BASE_DIR / path).read_text(encoding="utf-8")
    except OSError as problem:
        raise ConfigError(
            f"{name}:1: the file cannot be read ({problem.strerror}). Restore it or fix its rights."
        ) from None
    data, lines = _parse(name, text)
    config = ConfigData(data, name=name, lines=lines)
    if schema is not None:
        _check(config, schema)
    return config


def _parse(name: str, text: str) -> tuple[dict[str, Any], dict[Keys, int]]:
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        data = loader.construct_document(node) if node else None
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        raise ConfigError(f"{name}:{mark.line + 1 if mark else 1}: {problem.problem or problem.context}.") from None
    except yaml.YAMLError as problem:
        raise ConfigError(f"{name}:1: this is not YAML ({problem}).") from None
    if node is None or not isinstance(data, dict):
        raise ConfigError(f"{name}:1: the file must hold a mapping (`key: value` lines).")
    return data, dict(_lines(node, ()))


def _lines(node: yaml.Node, keys: Keys) -> Iterator[tuple[Keys, int]]:
    """Every path below the node with its line; a mapping's entry counts from its key."""
    if not keys:
        yield keys, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        for key_node, value_node in node.value:
            path = (*keys, key_node.value)
            yield path, key_node.start_mark.line + 1
            yield from _lines(value_node, path)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            path = (*keys, index)
            yield path, item.start_mark.line + 1
            yield from _lines(item, path)


def _check(config: ConfigData, schema: dict[str, Any]) -> None:
    problem = best_match(Draft202012Validator(schema).iter_errors(dict(config)))
    if problem is not None:
        keys = _offending_path(problem)
        raise config.error(f"{_where(keys)}{_words(problem)}", *keys)


def _offending_path(problem: ValidationError) -> Keys:
    """Where the mistake stands.  For a key that should not be there that is the key, not the mapping around it."""
    keys = tuple(problem.absolute_path)
    instance: Any = problem.instance
    if problem.validator == "additionalProperties":
        known = problem.schema.get("properties", {}) if isinstance(problem.schema, dict) else {}
        return (*keys, next(key for key in instance if key not in known))
    if "propertyNames" in problem.absolute_schema_path:
        return (*keys, instance)
    return keys


def _words(problem: ValidationError) -> str:
    if problem.validator == "additionalProperties" and isinstance(problem.schema, dict):
        known = ", ".join(sorted(problem.schema.get("properties", {})))
        return f"this key is not known here. Known keys: {known or 'none'}."
    if problem.validator == "enum":
        allowed: Any = problem.validator_value
        return f"{problem.instance!r} is not one of {', '.join(map(str, allowed))}."
    return f"{problem.message}."


def _where(keys: Keys) -> str:
    return f"{'.'.join(map(str, keys))}: " if keys else ""


class ReloadingFile(Generic[T]):
    """A value made from a file, made again when the file changes.

    `get()` is for hot paths: it looks at the file at most once in `interval` seconds, otherwise it compares one
    clock. The new value replaces the old one in one assignment, so nobody sees half of it. A broken file keeps the
    old value and is logged once per change as `config_reload_failed`; only the very first load raises.
    """

    def __init__(self, path: str | Path, load: Callable[[], T], *, interval: float = 1.0) -> None:
        self.path = BASE_DIR / path
        self.load = load
        self.interval = interval
        self._lock = threading.Lock()
        self._next_look = 0.0
        self._stamp: tuple[int, int] | None = None
        self._value: T | None = None

    def get(self) -> T:
        """The current value.  Raises ConfigError only while nothing has been loaded yet."""
        if time.monotonic() >= self._next_look:
            self._look()
        return self._value  # type: ignore[return-value]  # _look has filled it or raised

    def _look(self) -> None:
        # One thread looks; the others go on with the value that is there.
        if not self._lock.acquire(blocking=self._stamp is None):
            return
        try:
            stamp = self._read_stamp()
            if self._stamp is None:
                self._value = self.load()
            elif stamp != self._stamp:
                self._reload()
            self._stamp = stamp
            self._next_look = time.monotonic() + self.interval
        finally:
            self._lock.release()

    def _reload(self) -> None:
        try:
            self._value = self.load()
        except ConfigError as problem:
            log.error("config_reload_failed", file=str(self.path), problem=str(problem), kept="the values before")
        else:
            log.info("config_reloaded", file=str(self.path))

    def _read_stamp(self) -> tuple[int, int]:
        try:
            stat = self.path.stat()
        except OSError:
            return (0, 0)
        return (stat.st_mtime_ns, stat.st_size)
