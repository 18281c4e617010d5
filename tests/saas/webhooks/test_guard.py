"""Addresses that are never called: not when an endpoint is added, not when it is sent to, however they are written."""

import contextlib
import ipaddress
import socket
import ssl
import sys
import threading
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.urls import get_resolver

from saas import outbound
from saas.jobs import PermanentFailure, queue_webhook
from saas.jobs.outside import call as call_job
from saas.mongo.fields import new_key
from saas.outbound import AddressRefused, CallFailed, Line, TimedOut, read_url
from saas.webhooks import signing
from saas.webhooks.models import PENDING, webhooks
from tests.saas.webhooks.conftest import add_deliveries, again, make_endpoint, send_due

PUBLIC = "93.184.215.14"
#: What the names of the tests lead to; a list of lists: another answer each time.
NAMES = {
    "localhost.": ["127.0.0.1"],
    "loopback.test": ["127.0.0.1"],
    "private.test": ["10.1.2.3"],
    "private6.test": ["fd00::1"],
    "metadata.test": ["169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "nat64.test": ["64:ff9b::7f00:1"],
    "mixed.test": [PUBLIC, "127.0.0.1"],
    "carrier.test": ["100.64.0.1"],
    "zero.test": ["0.0.0.0"],
    "link.test": ["fe80::1"],
    "nowhere.test": [],
}
#: {port} is one on which somebody of ours listens.
HOSTILE = [
    # this machine, however it is written
    "https://127.0.0.1:{port}/",
    "https://127.1:{port}/",
    "https://2130706433:{port}/",
    "https://0x7f000001:{port}/",
    "https://0x7f.0.0.1:{port}/",
    "https://0177.0.0.1:{port}/",
    "https://017700000001:{port}/",
    "https://0:{port}/",
    "https://0.0.0.0:{port}/",
    "https://[::]:{port}/",
    "https://[::1]:{port}/",
    "https://[::ffff:127.0.0.1]:{port}/",
    "https://[::ffff:7f00:1]:{port}/",
    "https://[::127.0.0.1]:{port}/",
    "https://localhost:{port}/",
    "https://localhost.:{port}/",
    "https://LOCALHOST:{port}/",
    "https://127.0.0.1.:{port}/",
    "https://%6c%6f%63%61%6c%68%6f%73%74:{port}/",
    "https://①②⑦.⓪.⓪.①:{port}/",
    # networks inside
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://[fd00::1]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25lo]/",
    # metadata of clouds
    "https://169.254.169.254/latest/meta-data/",
    "https://2852039166/latest/meta-data/",
    "https://0xa9.0xfe.0xa9.0xfe/",
    "https://[::ffff:169.254.169.254]/",
    "https://[fd00:ec2::254]/",
    "https://168.63.129.16/",
    # IPv4 inside of IPv6
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    # special ranges
    "https://198.18.0.1/",
    "https://192.0.2.1/",
    "https://224.0.0.1/",
    "https://255.255.255.255/",
    # names that lead inside
    *(f"https://{name}:{{port}}/" for name in NAMES if name not in ("nowhere.test", "localhost.")),
    # names, passwords, confusing writing
    "https://user@127.0.0.1:{port}/",
    "https://user:password@public.test/",
    "https://public.test@127.0.0.1:{port}/",
    "https://public.test:443@127.0.0.1:{port}/",
    "https://127.0.0.1:{port}\\@public.test/",
    "https://public.test\\.127.0.0.1:{port}/",
    "https://127.0.0.1:{port}#@public.test/",
    "https://public.test\t/",
    "https://127.0.0.1\n:{port}/",
    " https://127.0.0.1:{port}/",
    "https:///127.0.0.1:{port}/",
    "https:127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    # other schemes and ports
    "http://public.test/",
    "http://127.0.0.1:{port}/",
    "ftp://127.0.0.1:{port}/",
    "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/_x",
    "dict://127.0.0.1:{port}/",
    "javascript:alert(1)",
    "https://public.test:22/",
    "https://public.test:6379/",
    "https://public.test:27017/",
    "https://public.test:80/",
    "https://public.test:0/",
    "https://public.test:99999/",
    "https://",
    "https://:443/",
    "",
]
assert len(HOSTILE) >= 40


class Wire:
    """Every connection that this process asks the system for, but to the databases of the tests."""

    heard: list[tuple] | None = None

    @classmethod
    def hook(cls, event, arguments):
        if event == "socket.connect" and cls.heard is not None and arguments[0].family != socket.AF_UNIX:
            cls.heard.append(arguments[1][:2])


sys.addaudithook(Wire.hook)


@pytest.fixture
def wire(settings):
    """What was connected to, in a deployment."""
    from saas.mongo.documents import database

    assert get_resolver().url_patterns  # the map of the site is read once, and has the sandbox in it
    settings.IS_DEPLOYED = True
    ours = {database().client.address[1]}
    Wire.heard = []
    yield lambda: [address for address in Wire.heard if address[1] not in ours]
    Wire.heard = None


@pytest.fixture
def names(monkeypatch):
    """The name service: what it says of the tests' names, and whom it was asked for."""
    real, asked = socket.getaddrinfo, []
    known = {**NAMES, "public.test": [PUBLIC]}

    def answer(host, port, *arguments, **more):
        asked.append(host)
        if host not in known:
            return real(host, port, *arguments, **more)
        found = known[host].pop(0) if known[host] and isinstance(known[host][0], list) else known[host]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [
            (socket.AF_INET6 if ":" in each else socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port))
            for each in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    answer.known, answer.asked = known, asked
    return answer


@pytest.fixture
def port(receiver, monkeypatch):
    """A port on which somebody listens, and which is one of those allowed."""
    monkeypatch.setattr(outbound, "PORTS", (443, 8443, receiver.server_port))
    return receiver.server_port


def hidden_endpoint(url):
    """An endpoint that has come past the check at its registration."""
    return webhooks().create(
        organization_id=new_key(), place=0, name="Hidden", url=url or "x", events=["*"],
        secret=signing.encrypt(signing.new_secret()),
    )  # fmt: skip


def is_refused(world, url):
    try:
        make_endpoint(world, url)
    except AddressRefused:
        return True
    return False


def test_hostile_addresses_are_refused_when_they_are_entered(world, wire, names, port, receiver):
    accepted = [address for address in HOSTILE if not is_refused(world, address.format(port=port))]
    assert accepted == []
    assert not webhooks().first()
    assert wire() == []
    assert receiver.connections == 0


def test_hostile_addresses_are_not_connected_to_when_they_are_sent_to(wire, names, port, receiver):
    hidden = []
    for address in HOSTILE:
        webhook = hidden_endpoint(address.format(port=port))
        hidden.append((address, webhook, add_deliveries(webhook, 1)[0]))
    while send_due():  # a sender of a busy machine leaves some to the next one
        pass
    for address, webhook, delivery in hidden:
        found = again(delivery)
        assert found.status == PENDING
        assert [each["status_code"] for each in found.attempts][:1] == [None], address
        assert "address" in found.error, (address, found.error)
        assert not again(webhook).leased_until
    assert wire() == []
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "url",
    [
        "http://10.0.0.1/",
        "http://public.test/",
        "http://169.254.169.254/",
        "https://private.test/",
        "https://[fe80::1]/",
    ],
)
def test_development_calls_this_machine_and_no_other_private_one(world, wire, names, settings, url):
    settings.IS_DEPLOYED = False
    with pytest.raises(AddressRefused):
        make_endpoint(world, url)
    assert wire() == []


@pytest.mark.parametrize(
    "url",
    ["https://public.test/", "https://public.test:8443/hook?x=1", f"https://{PUBLIC}/", "https://[2606:4700::1111]/",
     "https://nowhere.test/", "https://xn--faade-zra.test.public.test/"],
)  # fmt: skip
def test_a_public_address_is_accepted(world, wire, names, url):
    names.known["xn--faade-zra.test.public.test"] = [PUBLIC]
    assert make_endpoint(world, url).url == url


# -- rebinding ---------------------------------------------------------------------------------------------------------


def test_a_name_that_leads_elsewhere_after_its_registration_is_not_followed(world, wire, names, port, receiver):
    names.known["turning.test"] = [[PUBLIC], ["127.0.0.1"]]
    webhook = make_endpoint(world, f"https://turning.test:{port}/")
    (delivery,) = add_deliveries(webhook, 1)
    send_due()
    assert again(delivery).error == "The address leads to a network that is not called."
    assert wire() == []
    assert receiver.connections == 0


def test_a_connection_goes_to_the_very_address_that_was_checked(receiver, names, wire, settings):
    settings.IS_DEPLOYED = False
    names.known["turning.test"] = [["127.0.0.1"], ["10.0.0.1"], ["10.0.0.1"]]
    line = Line(read_url(f"http://turning.test:{receiver.server_port}/hook"))
    for _ in range(3):
        assert line.request("POST", {}, b"{}").status == 200
    assert names.asked == ["turning.test"], "one look for one connection"
    assert wire() == [("127.0.0.1", receiver.server_port)]
    assert receiver.came[0].headers["host"] == f"turning.test:{receiver.server_port}"
    line.close()
    with pytest.raises(AddressRefused):
        line.request("POST", {}, b"{}")


def test_a_redirect_to_the_metadata_is_not_followed(world, receiver, wire, settings):
    settings.IS_DEPLOYED = False
    receiver.answer = lambda call: (307, {"Location": "http://169.254.169.254/latest/meta-data/"}, b"")
    (delivery,) = add_deliveries(make_endpoint(world, receiver.url), 1)
    send_due()
    assert again(delivery).status_code == 307
    assert set(wire()) == {("127.0.0.1", receiver.server_port)}


def test_a_proxy_of_the_environment_is_not_used(world, receiver, wire, settings, monkeypatch):
    settings.IS_DEPLOYED = False
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://10.0.0.1:3128")
    add_deliveries(make_endpoint(world, receiver.url), 1)
    send_due()
    assert set(wire()) == {("127.0.0.1", receiver.server_port)}


def test_jobs_have_the_same_guard(wire, names, port):
    for host in ("127.0.0.1", "private.test", "[::ffff:169.254.169.254]"):
        with pytest.raises(PermanentFailure, match="network"):
            call_job(queue_webhook(url=f"https://{host}:{port}/", body={}))
    assert wire() == []


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1",
        "::ffff:10.0.0.1",
        "::10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "100.64.0.1",
        "fd00::1",
        "192.0.0.9",
    ],
)
def test_special_ranges(text, settings):
    settings.IS_DEPLOYED = True
    with pytest.raises(AddressRefused):
        outbound.check_address(ipaddress.ip_address(text), read_url("https://x.test/"))


# -- time, size, encryption --------------------------------------------------------------------------------------------


@pytest.fixture
def raw():
    """A server that does with its connection what the test says: `raw(function) -> port`."""
    made = []

    def start(function):
        server = socket.create_server(("127.0.0.1", 0))

        def serve():
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:
                    return
                with connection, contextlib.suppress(OSError):
                    function(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        made.append(server)
        return server.getsockname()[1]

    yield start
    for server in made:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def ask(port, *, timeout=20, scheme="http"):
    line = Line(read_url(f"{scheme}://127.0.0.1:{port}/"))
    try:
        return line.request("POST", {}, b"{}", timeout=timeout)
    finally:
        line.close()


def until_closed(connection, part=b""):
    """Send the part again and again, ten times a second, up to the end of the connection: the server has no end."""
    connection.settimeout(0.1)
    while True:
        try:
            if not connection.recv(1000):
                return
        except TimeoutError:
            connection.sendall(part)


def drip(connection, head):
    connection.recv(1000)
    connection.sendall(head)
    until_closed(connection, b"x")


def test_an_answer_that_never_comes_ends_in_time(raw):
    with pytest.raises(TimedOut):
        ask(raw(until_closed), timeout=0.4)


def test_a_head_that_drips_ends_in_time(raw):
    with pytest.raises(TimedOut):
        ask(raw(lambda connection: drip(connection, b"HTTP/1.1 200 OK\r\nX-Slow: ")), timeout=0.4)


def test_a_body_that_drips_is_cut(raw):
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    answer = ask(raw(lambda connection: drip(connection, head)), timeout=2)
    assert answer.status == 200
    assert 0 < len(answer.body) < 30


def test_a_body_without_end_is_cut(raw):
    def flood(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000)

    assert len(ask(raw(flood)).body) == outbound.LARGEST_ANSWER


@pytest.mark.parametrize("text", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"\x00" * 100])
def test_what_is_no_answer_is_a_failure(raw, text):
    with pytest.raises(CallFailed):
        ask(raw(lambda connection: (connection.recv(1000), connection.sendall(text))))


def test_a_connection_that_was_closed_meanwhile_is_made_anew(raw):
    def once(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    line = Line(read_url(f"http://127.0.0.1:{raw(once)}/"))
    for _ in range(3):
        assert line.request("POST", {}, b"{}", timeout=20).status == 200
    line.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(raw):
    def plain(connection):
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")

    with pytest.raises(CallFailed, match="encrypted"):
        ask(raw(plain), scheme="https")
    assert outbound.tls().verify_mode == ssl.CERT_REQUIRED
    assert outbound.tls().check_hostname


def test_a_header_stays_one_line(receiver):
    with pytest.raises(ValueError, match="no header"):
        Line(read_url(receiver.url)).request("POST", {"X-A": "1\r\nX-B: 2"})


def test_an_answer_in_chunks_is_read_and_its_connection_kept(raw):
    opened = []

    def chunks(connection):
        opened.append(connection)
        for _ in range(2):
            connection.recv(1000)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

    line = Line(read_url(f"http://127.0.0.1:{raw(chunks)}/"))
    answers = [line.request("POST", {}, b"{}", timeout=20).body for _ in range(2)]
    line.close()
    assert answers == [b"abcde", b"abcde"]
    assert len(opened) == 1


def certificate_for(name, folder):
    """The files of a certificate of our own and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(made.public_bytes(pem))
    (folder / "key.pem").write_bytes(secret)
    return folder / "certificate.pem", folder / "key.pem"


def test_the_certificate_is_that_of_the_name_although_the_address_is_pinned(tmp_path, raw, names, monkeypatch):
    certificate, key = certificate_for("hooks.test", tmp_path)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)

    def encrypted(connection):
        with server.wrap_socket(connection, server_side=True) as secure:
            secure.recv(1000)
            secure.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

    trusting = ssl.create_default_context(cafile=certificate)
    monkeypatch.setattr(outbound, "tls", lambda: trusting)
    names.known |= {"hooks.test": ["127.0.0.1"], "other.test": ["127.0.0.1"]}
    port = raw(encrypted)
    line = Line(read_url(f"https://hooks.test:{port}/"))
    assert line.request("POST", {}, b"{}", timeout=20).body == b"ok"
    line.close()
    for name in ("other.test", "127.0.0.1"):
        line = Line(read_url(f"https://{name}:{port}/"))
        with pytest.raises(CallFailed, match="certificate was not accepted"):
            line.request("POST", {}, b"{}", timeout=20)
