"""Connections are made in memory by the interpreter's own TLS, which also writes their secrets."""

import contextlib
import ssl
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context
from lib.cuckoo.network.decrypt import SUITES, Connection, Tls13Opener
from lib.cuckoo.network.detect import Detecting, Place
from lib.cuckoo.network.keylog import Secrets
from tests.network.certificate import make_key_and_certificate
from tests.network.conversations import Segment, in_pieces, only, play

REQUEST = b"GET /secret HTTP/1.1\r\nHost: evil.test\r\n\r\n"
RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
pytest.importorskip("cryptography")


def connection(folder: Path, version: ssl.TLSVersion, ciphers: str = "") -> tuple[list[Segment], Secrets]:
    """Exchange a request and a response; return what went over the wire and the secrets."""
    server_context, client_context = _contexts(folder, version, ciphers)
    log = folder / "keys.log"
    client_context.keylog_filename = str(log)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(to_client, to_server, server_hostname="evil.test")
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    return _talk(client, server, to_client, to_server), _secrets(log)


def _contexts(folder: Path, version: ssl.TLSVersion, ciphers: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    key, certificate = make_key_and_certificate()
    (folder / "pair.pem").write_bytes(key + certificate)
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    server.load_cert_chain(folder / "pair.pem")
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    for context in (server, client):
        context.minimum_version = context.maximum_version = version
        context.set_alpn_protocols(["http/1.1"])
        if ciphers:
            context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return server, client


def _talk(
    client: ssl.SSLObject, server: ssl.SSLObject, to_client: ssl.MemoryBIO, to_server: ssl.MemoryBIO
) -> list[Segment]:
    wire: list[Segment] = []

    def carry(side: int, act: Callable[[], object], bio: ssl.MemoryBIO) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            act()
        if sent := bio.read():
            wire.append((side, sent))
            bio.write(sent)

    for _ in range(3):
        carry(CLIENT, client.do_handshake, to_server)
        carry(SERVER, server.do_handshake, to_client)
    carry(CLIENT, partial(client.write, REQUEST), to_server)
    assert server.read() == REQUEST
    carry(SERVER, partial(server.write, RESPONSE), to_client)
    return wire


def _secrets(log: Path) -> Secrets:
    secrets = Secrets()
    secrets.read(log.read_bytes())
    return secrets


def decrypted(wire: list[Segment], secrets: Secrets) -> list[dict[str, Any]]:
    return play(Detecting(Place(Context(secrets=secrets), (50000, 443), "192.0.2.1")), *wire)


@pytest.mark.parametrize(
    ("version", "ciphers", "name"),
    [
        (ssl.TLSVersion.TLSv1_3, "", "TLS 1.3"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM", "TLS 1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLS 1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+CHACHA20", "TLS 1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-CCM8", "TLS 1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES128-SHA", "TLS 1.2"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-SHA384", "TLS 1.2"),
    ],
)
def test_connections_with_known_secrets_are_read(
    tmp_path: Path, version: ssl.TLSVersion, ciphers: str, name: str
) -> None:
    records = decrypted(*connection(tmp_path, version, ciphers))
    (exchange,) = only(records, "https_ex")
    (summary,) = only(records, "tls")

    assert (exchange["uri"], exchange["status"], exchange["resp"]["size"]) == (
        "https://evil.test/secret",
        200,
        5,
    )
    assert (summary["version"], summary["decrypted"]) == (name, len(REQUEST) + len(RESPONSE))
    assert (summary["alpn_selected"], summary["flaws"]) == ("http/1.1", [])
    assert [certificate["common_name"] for certificate in summary["certificates"]] == ["evil.test"]


def test_without_secrets_nothing_is_decrypted(tmp_path: Path) -> None:
    wire, _ = connection(tmp_path, ssl.TLSVersion.TLSv1_3)
    (summary,) = decrypted(wire, Secrets())

    assert (summary["protocol"], summary["decrypted"], summary["certificates"]) == ("tls", 0, [])


def test_secrets_of_application_data_alone_are_enough(tmp_path: Path) -> None:
    wire, _ = connection(tmp_path, ssl.TLSVersion.TLSv1_3)
    secrets = Secrets()
    secrets.read(
        "\n".join(
            line for line in (tmp_path / "keys.log").read_text().splitlines() if "TRAFFIC_SECRET_0" in line
        )
    )

    assert len(only(decrypted(wire, secrets), "https_ex")) == 1


def test_a_gap_ends_decryption_of_its_side(tmp_path: Path) -> None:
    wire, secrets = connection(tmp_path, ssl.TLSVersion.TLSv1_2)
    place = max(number for number, (side, _) in enumerate(wire) if side == SERVER)
    wire[place] = (SERVER, 100)
    (exchange,) = only(decrypted(wire, secrets), "https_ex")

    assert (exchange["path"], exchange["status"]) == ("/secret", None)


def test_a_key_update_changes_the_secret() -> None:
    opener = Tls13Opener(SUITES[0x1301], bytes(32))
    before = opener._iv
    opener.update()

    assert opener._iv != before


def test_keys_of_older_versions_come_from_two_hashes() -> None:
    suite = SUITES[0x2F]
    blocks = {
        Connection(version, suite, b"c" * 32, b"s" * 32, bytes(48))._expand("key expansion", b"", 40)
        for version in (0x0301, 0x0303)
    }

    assert len(blocks) == 2


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[list[Segment], Secrets]]:
    settings = [
        (ssl.TLSVersion.TLSv1_3, ""),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AESGCM"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE+AES"),
    ]
    return [connection(tmp_path_factory.mktemp("tls"), *setting) for setting in settings]


@settings(max_examples=100)
@given(st.data())
def test_damaged_connections_give_the_same_records_in_any_pieces(
    sessions: list[tuple[list[Segment], Secrets]], data: st.DataObject
) -> None:
    wire, secrets = data.draw(st.sampled_from(sessions))
    place = data.draw(st.integers(0, len(wire) - 1))
    side, sent = wire[place]
    assert isinstance(sent, bytes)
    at = data.draw(st.integers(0, len(sent) - 1))
    changed = [
        *wire[:place],
        (side, sent[:at] + data.draw(st.binary(max_size=20)) + sent[at + 1 :]),
        *wire[place + 1 :],
    ]

    assert decrypted(in_pieces(changed, data.draw(st.integers(1, 50))), secrets) == decrypted(
        changed, secrets
    )
