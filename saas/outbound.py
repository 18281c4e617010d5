"""Calls to addresses that customers chose.  They never reach a network of our own.

    target = read_url("https://example.com/hook")         # refuses what is no address for us; no network
    check_network(target)                                 # refuses a name that leads to a special network
    answer = Line(target).request("POST", headers, body)  # looks the name up, checks, and connects to what it checked

The check at registration is for the customer, who reads at once what is wrong. The one that guards us is in `Line`:
each connection looks its name up once, checks every address found, and connects to one of those very addresses, so a
name that points elsewhere a moment later gains nothing. No redirect is followed and no proxy used.
"""

import io
import ipaddress
import re
import select
import socket
import ssl
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as LookupTimeout
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import certifi
from AntiSSRF import IPAddressRanges
from django.conf import settings

from saas.errors import Problem

TIMEOUT = 15.0  # seconds for everything: the name, the connection, the call and its answer
LARGEST_ANSWER = 64 * 1024  # bytes; what comes after is not read
IDLE_LIMIT = 4.0  # seconds that a connection is kept for the next call; most servers close theirs after five
PORTS = (443, 8443)
#: Deprecated addresses that hold an IPv4 address, which the library's list leaves out.
IPV4_COMPATIBLE = "::/96"
HOST_NAME = re.compile(
    r"(?=.{1,253}\Z)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.?"
)
VISIBLE = re.compile(r"[!-~]+")
HEADER_NAME, HEADER_VALUE = re.compile(r"[A-Za-z0-9-]+"), re.compile(r"[\t -~]*")
LOOKUPS_AT_ONCE = 64  # of one process: as many as one sender of webhooks has on its way

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class AddressRefused(Problem):
    """An address that is never called."""


class CallFailed(Exception):
    """There was no answer.  The text says why, for the customer."""


class TimedOut(CallFailed):
    """There was no answer in time."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address taken apart.  `path` holds the query too."""

    url: str
    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """The header Host."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == usual_port(self.scheme) else f"{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back.  `body` is its beginning, at most LARGEST_ANSWER; header names are lower-cased."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode(errors="replace")


# -- the address -------------------------------------------------------------------------------------------------------


def read_url(url: str) -> Target:
    """Take an address apart.  Raises AddressRefused for all but plain https://; in development http:// is one too.

    Numbers are accepted as dotted quads and bracketed IPv6 alone: other ways to write them only serve to hide one.
    """
    if not VISIBLE.fullmatch(url) or "\\" in url:
        raise AddressRefused("This is not an address. Write an international name in its form with xn--.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise AddressRefused("This is not an address.") from None
    if parts.scheme not in (("https",) if settings.IS_DEPLOYED else ("https", "http")):
        raise AddressRefused("The address must begin with https://.")
    if not parts.hostname:
        raise AddressRefused("The address names no host.")
    if "@" in parts.netloc:
        raise AddressRefused("The address must not hold a name or password.")
    host = parts.hostname.lower()
    check_host(host, is_bracketed="[" in parts.netloc)
    port = usual_port(parts.scheme) if port is None else port
    check_port(port)
    path = parts.path or "/"
    return Target(url, parts.scheme, host, port, f"{path}?{parts.query}" if parts.query else path)


def check_host(host: str, *, is_bracketed: bool) -> None:
    """Raises AddressRefused for what is neither a host's name nor an address in its usual form."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        last = host.rstrip(".").rpartition(".")[2]
        if is_bracketed or not HOST_NAME.fullmatch(host) or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", last):
            raise AddressRefused("The address names no host that we know how to call.") from None
        return
    if (address.version == 6) is not is_bracketed or getattr(address, "scope_id", None):
        raise AddressRefused("The address names no host that we know how to call.")


def check_port(port: int) -> None:
    """Raises AddressRefused.  In development every port will do, for the simulations and tests have their own."""
    if settings.IS_DEPLOYED and port not in PORTS:
        raise AddressRefused("The address must use port 443 or 8443.")


def usual_port(scheme: str) -> int:
    return 443 if scheme == "https" else 80


# -- the network -------------------------------------------------------------------------------------------------------


def check_network(target: Target, *, timeout: float = 3.0) -> None:
    """Raises AddressRefused for a name that leads to a special network.

    One that leads nowhere is accepted: its owner may set it up later, and it is looked up anew for each connection.
    """
    try:
        look_up(target, timeout=timeout)
    except CallFailed:
        return


def look_up(target: Target, *, timeout: float) -> list[Address]:
    """The addresses of a target, all of them checked.  Raises AddressRefused, CallFailed."""
    found = literal(target.host) or resolve(target, timeout=timeout)
    if not found:
        raise CallFailed(f"The name {target.host} leads nowhere.")
    for address in found:
        check_address(address, target)
    return found


def literal(host: str) -> list[Address]:
    try:
        return [ipaddress.ip_address(host)]
    except ValueError:
        return []


def resolve(target: Target, *, timeout: float) -> list[Address]:
    """Ask the name service, which knows no time limit of ours, from a thread."""
    asked: Future[list[Any]] = resolvers().submit(
        socket.getaddrinfo, target.host, target.port, socket.AF_UNSPEC, socket.SOCK_STREAM
    )
    try:
        rows = asked.result(timeout=max(timeout, 0))
    except LookupTimeout:
        raise TimedOut(f"The name {target.host} could not be looked up in time.") from None
    except (OSError, UnicodeError):
        raise CallFailed(f"The name {target.host} is not known.") from None
    return [ipaddress.ip_address(row[4][0].partition("%")[0]) for row in rows]


@cache
def resolvers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(LOOKUPS_AT_ONCE, thread_name_prefix="lookup")


def check_address(address: Address, target: Target) -> None:
    """Raises AddressRefused for an address outside of the public internet; development may call itself."""
    plain = unwrapped(address)
    if plain.is_loopback and not settings.IS_DEPLOYED:
        return
    if target.scheme != "https":
        raise AddressRefused("The address leads to a network that is called by https:// alone, if at all.")
    if not plain.is_global or any(plain in network for network in special_networks(plain.version)):
        raise AddressRefused("The address leads to a network that is not called.")


def unwrapped(address: Address) -> Address:
    """The IPv4 address inside of a mapped one (::ffff:10.0.0.1)."""
    return getattr(address, "ipv4_mapped", None) or address


@cache
def special_networks(version: int) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """What microsoft-antissrf advises to refuse: private, link-local, metadata, NAT64, 6to4 and other ranges."""
    ranges = map(ipaddress.ip_network, (*IPAddressRanges.recommended_latest, IPV4_COMPATIBLE))
    return [network for network in ranges if network.version == version]


# -- the call ----------------------------------------------------------------------------------------------------------


class Line:
    """A connection to one target, kept for further calls for some seconds.  For one thread at a time."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.socket: socket.socket | None = None
        self.used_at = 0.0

    def request(
        self, method: str, headers: Mapping[str, str], body: bytes = b"", *, timeout: float = TIMEOUT
    ) -> Answer:
        """Make a call.  Raises AddressRefused, CallFailed, TimedOut."""
        deadline = time.monotonic() + timeout
        message = compose(method, self.target, headers, body)
        is_kept = self.is_open()
        try:
            return self.exchange(message, method, deadline)
        except BrokenOff:
            if not is_kept:
                raise
        return self.exchange(message, method, deadline)  # the kept connection was closed just as we used it

    def exchange(self, message: bytes, method: str, deadline: float) -> Answer:
        try:
            if self.socket is None:
                self.socket = connect(self.target, deadline)
            self.socket.settimeout(left(deadline))
            self.socket.sendall(message)
            answer, is_reusable = read_answer(self.socket, method, deadline)
        except BaseException as problem:
            self.close()
            if isinstance(problem, (OSError, HTTPException)):
                raise explained(problem) from problem
            raise
        self.used_at = time.monotonic()
        if not is_reusable:
            self.close()
        return answer

    def is_open(self) -> bool:
        """Whether the kept connection is still good; if not, it is closed."""
        if self.socket is None:
            return False
        if time.monotonic() - self.used_at > IDLE_LIMIT or is_readable(self.socket):
            self.close()
        return self.socket is not None

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None


class BrokenOff(CallFailed):
    """The other side closed the connection before it answered."""


def is_readable(connection: socket.socket) -> bool:
    """An idle connection has something to read only when the other side has closed it, or breaks the rules."""
    poll = select.poll()
    poll.register(connection, select.POLLIN)
    return bool(poll.poll(0))


def left(deadline: float) -> float:
    """Seconds until the deadline.  Raises TimeoutError when it is over."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise TimeoutError
    return seconds


def connect(target: Target, deadline: float) -> socket.socket:
    """A connection to an address that was checked.  Raises AddressRefused, CallFailed, OSError."""
    problem: OSError | None = None
    addresses = look_up(target, timeout=left(deadline))
    for number, address in enumerate(addresses):
        try:  # each gets its part of the time, so that one that is silent leaves some to the next
            found = connect_to(address, target.port, left(deadline) / (len(addresses) - number))
        except OSError as refused:
            problem = refused
            continue
        return encrypted(found, target.host, deadline) if target.scheme == "https" else found
    raise problem or OSError("no address")


def connect_to(address: Address, port: int, timeout: float) -> socket.socket:
    """A connection to just this address: nothing is looked up any more."""
    found = socket.socket(socket.AF_INET6 if address.version == 6 else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.settimeout(timeout)
        found.connect((str(address), port))
        found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        found.close()
        raise
    return found


def encrypted(connection: socket.socket, host: str, deadline: float) -> socket.socket:
    try:
        connection.settimeout(left(deadline))
        return tls().wrap_socket(connection, server_hostname=host)
    except BaseException:
        connection.close()
        raise


@cache
def tls() -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certifi.where())


def compose(method: str, target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    """The call's bytes.  Raises ValueError for a header that would not stay one line."""
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}", f"Content-Length: {len(body)}"]
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name) or not HEADER_VALUE.fullmatch(value):
            raise ValueError(f"{name} is no header that can be sent.")
        lines.append(f"{name}: {value}")
    return "\r\n".join([*lines, "", ""]).encode() + body


class Timed(io.RawIOBase):
    """Reads from a connection, and never beyond the deadline however slowly the bytes drip."""

    def __init__(self, connection: socket.socket, deadline: float) -> None:
        self.connection, self.deadline = connection, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self.connection.settimeout(left(self.deadline))
        return self.connection.recv_into(buffer)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """What http.client asks a socket for."""
        return io.BufferedReader(self)


def read_answer(connection: socket.socket, method: str, deadline: float) -> tuple[Answer, bool]:
    """The answer, and whether the connection may serve another call.  A body that drips in is cut at the deadline."""
    answer = HTTPResponse(Timed(connection, deadline), method=method)  # type: ignore[arg-type]  # all it asks is makefile
    answer.begin()
    headers = {name.lower(): value for name, value in answer.getheaders()}
    length, parts, size = answer.length, [], 0
    most = LARGEST_ANSWER if length is None else min(length, LARGEST_ANSWER)
    try:
        while size < most and (part := answer.read1(most - size)):
            parts.append(part)
            size += len(part)
    except (OSError, HTTPException):
        return Answer(answer.status, headers, b"".join(parts)), False
    is_whole = answer.isclosed() or size == length
    return Answer(answer.status, headers, b"".join(parts)), is_whole and not answer.will_close


def explained(problem: Exception) -> CallFailed:
    """The same for the customer."""
    match problem:
        case TimeoutError():
            return TimedOut("There was no answer in time.")
        case ssl.SSLCertVerificationError():
            words = f"The certificate was not accepted: {problem.verify_message}."
        case ssl.SSLError():
            words = f"No encrypted connection came about: {problem.reason}."
        case ConnectionRefusedError():
            words = "The connection was refused: nobody listens there."
        case ConnectionError():
            return BrokenOff("The connection was broken off before there was an answer.")
        case HTTPException():
            words = "The answer was not HTTP."
        case _:
            words = f"No connection came about: {getattr(problem, 'strerror', None) or problem}."
    return CallFailed(words)
