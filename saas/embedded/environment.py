"""The environment of a development process: the shell's variables, then `.env`, then the embedded servers'."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dotenv import dotenv_values

from .processes import EmbeddedError
from .servers import Servers, servers_of

BASE_DIR = Path(__file__).resolve().parents[2]
DEFAULT_PORTS = {
    "PORT": 8000,  # pages
    "STREAM_PORT": 8001,  # live updates
    "MAIL_PORT": 1025,  # the sandbox's SMTP server
    "OIDC_PORT": 8003,  # the sandbox's sign-in service
    "HOOKS_PORT": 8004,  # the sandbox's receivers of webhooks
    "MONGODB_PORT": 27117,
    "VALKEY_PORT": 6479,
}


@dataclass(frozen=True)
class Development:
    """What a development process needs to know before Django is loaded."""

    variables: dict[str, str]
    ports: dict[str, int]
    data_dir: Path
    servers: Servers

    def environment(self) -> dict[str, str]:
        """The variables for a process of the application.  The servers must be running: their ports are in it."""
        return {**self.variables, **self.servers.environment()}


def load(base_dir: Path = BASE_DIR, shell: Mapping[str, str] = os.environ) -> Development:
    """Read the environment; nothing is started.

    Raises EmbeddedError for a port that is no port, for two that are the same, and for a deployed ENVIRONMENT.
    """
    from_file = {name: value for name, value in dotenv_values(base_dir / ".env").items() if value is not None}
    variables = {**from_file, **shell}
    if variables.get("ENVIRONMENT", "development") != "development":
        raise EmbeddedError(
            f"ENVIRONMENT is {variables['ENVIRONMENT']}, and this is for development: it would write demo data.  "
            "Start a deployment from the Procfile, or leave ENVIRONMENT out."
        )
    ports = {name: _port(name, variables.get(name) or str(default)) for name, default in DEFAULT_PORTS.items()}
    _refuse_twins(ports)
    data_dir = base_dir / variables.get("DATA_DIR", ".data")
    servers = servers_of(
        data_dir,
        mongodb_port=None if variables.get("MONGODB_URI") else ports["MONGODB_PORT"],
        valkey_port=None if variables.get("REDIS_URL") else ports["VALKEY_PORT"],
    )
    return Development(variables=variables, ports=ports, data_dir=data_dir, servers=servers)


def _port(name: str, value: str) -> int:
    if value.isascii() and value.isdigit() and 0 < int(value) < 65536:
        return int(value)
    raise EmbeddedError(f"{name} is {value!r}; it must be a number from 1 to 65535.")


def _refuse_twins(ports: Mapping[str, int]) -> None:
    names: dict[int, str] = {}
    for name, port in ports.items():
        if port in names:
            raise EmbeddedError(
                f"{names[port]} and {name} are both {port}.  Choose another for one: {name}={port + 10}"
            )
        names[port] = name
