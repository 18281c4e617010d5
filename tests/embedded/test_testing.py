import os
import signal
from pathlib import Path

from saas.embedded.testing import ensure_test_servers, remove_leftovers
from tests.embedded.conftest import Outside, wait_until

RUN = """
    import os, sys, time
    from pathlib import Path
    from saas.embedded.testing import ensure_test_servers
    ensure_test_servers(Path({folder!r}))
    print("up", os.environ["MONGODB_URI"], os.environ["REDIS_URL"])
    if {seconds}:
        time.sleep({seconds})
"""


def folders(data: Path) -> list[Path]:
    return sorted(data.glob("*-*"))


def test_a_run_has_its_own_servers_and_leaves_nothing(outside: Outside, tmp_path: Path):
    data = tmp_path / "test"
    long = outside.script(RUN.format(folder=str(data), seconds=60))
    outside.says("up")
    [folder] = folders(data)

    (tmp_path / "other").mkdir()
    other = Outside(tmp_path / "other")
    assert other.script(RUN.format(folder=str(data), seconds=0)).wait() == 0
    other.leaves_nothing()

    assert folders(data) == [folder], "another run removed this one's folder, or left its own"
    first, second = outside.text.split()[1:], other.text.split()[1:]
    assert not set(first) & set(second)
    assert len(outside.left()) == 3
    long.send_signal(signal.SIGINT)
    long.wait()
    outside.leaves_nothing()
    assert folders(data) == []


def test_a_killed_run_leaves_no_process_and_the_next_removes_its_folder(outside: Outside, tmp_path: Path):
    data = tmp_path / "test"
    run = outside.script(RUN.format(folder=str(data), seconds=60))
    outside.says("up")
    run.kill()
    run.wait()
    outside.leaves_nothing()
    assert len(folders(data)) == 1

    remove_leftovers(data)

    assert folders(data) == []


def test_given_servers_are_used(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MONGODB_URI", "mongodb://elsewhere/")
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere/")
    ensure_test_servers(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert os.environ["MONGODB_URI"] == "mongodb://elsewhere/"


def test_only_the_missing_server_is_started(outside: Outside, tmp_path: Path):
    data = tmp_path / "test"
    run = outside.script(RUN.format(folder=str(data), seconds=60), MONGODB_URI="mongodb://elsewhere/")
    outside.says("up mongodb://elsewhere/ redis://localhost")
    assert not [command for command in outside.left().values() if "mongod " in command]
    run.terminate()
    wait_until(lambda: run.poll() is not None, "the end of the run")
    outside.leaves_nothing()
