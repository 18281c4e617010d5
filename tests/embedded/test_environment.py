import re
from pathlib import Path

import pytest

from saas.embedded import runner
from saas.embedded.environment import BASE_DIR, DEFAULT_PORTS, load
from saas.embedded.processes import EmbeddedError
from saas.queues import QUEUES as CELERY_QUEUES


def test_without_a_variable_everything_has_its_default(tmp_path: Path):
    development = load(tmp_path, {})
    assert development.ports["PORT"] == 8000
    assert development.data_dir == tmp_path / ".data"
    assert [server.port for server in development.servers.all] == [27117, 6479]


def test_the_shell_wins_over_the_file(tmp_path: Path):
    (tmp_path / ".env").write_text("PORT=9000\nSTREAM_PORT=9001\nDATA_DIR=elsewhere\n# a comment\n")
    development = load(tmp_path, {"PORT": "9100"})
    assert (development.ports["PORT"], development.ports["STREAM_PORT"]) == (9100, 9001)
    assert development.data_dir == tmp_path / "elsewhere"
    assert development.environment()["STREAM_PORT"] == "9001"


@pytest.mark.parametrize(("variable", "left"), [("MONGODB_URI", ["valkey"]), ("REDIS_URL", ["mongodb"])])
def test_a_server_that_runs_elsewhere_is_not_started(tmp_path: Path, variable: str, left: list[str]):
    (tmp_path / ".env").write_text(f"{variable}=somewhere://else/\n")
    development = load(tmp_path, {})
    assert [server.name for server in development.servers.all] == left
    assert development.environment()[variable] == "somewhere://else/"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"PORT": "http"}, r"PORT is 'http'; it must be a number"),
        ({"MAIL_PORT": "70000"}, r"MAIL_PORT is '70000'"),
        ({"PORT": "8001"}, r"PORT and STREAM_PORT are both 8001.*STREAM_PORT=8011"),
        ({"ENVIRONMENT": "production"}, r"ENVIRONMENT is production.*Procfile"),
    ],
)
def test_a_mistake_is_said_in_words(tmp_path: Path, variables: dict[str, str], words: str):
    with pytest.raises(EmbeddedError, match=words):
        load(tmp_path, variables)


def test_every_queue_has_a_worker_in_production_and_in_development():
    found = re.findall(r"^(\w+): celery .* --queues (\S+) --concurrency (\d+)", procfile(), re.MULTILINE)
    assert {queue: int(concurrency) for _, queue, concurrency in found} == {
        queue: rules.concurrency for queue, rules in CELERY_QUEUES.items()
    }
    assert all(name == queue for name, queue, _ in found)
    worker = next(child for child in runner.development_table(DEFAULT_PORTS, Path()) if child.name == "worker")
    assert set(worker.command[worker.command.index("--queues") + 1].split(",")) == set(CELERY_QUEUES)


def test_the_procfile_names_the_other_processes():
    assert set(re.findall(r"^(\w+):", procfile(), re.MULTILINE)) == {"web", "stream", "beat", *CELERY_QUEUES}


def procfile() -> str:
    return (BASE_DIR / "Procfile").read_text()


def test_the_example_explains_every_variable_of_the_settings():
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', (BASE_DIR / "saas" / "settings.py").read_text()))
    lines = (BASE_DIR / ".env.example").read_text().splitlines()
    explained = {match[1] for line in lines if (match := re.match(r"#?([A-Z_]+)=", line))}
    assert explained == read
