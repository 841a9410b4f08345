import ssl
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import CLIENT, SERVER, Context
from lib.cuckoo.network.decrypt import SUITES, Connection
from lib.cuckoo.network.detect import Detecting, Place
from lib.cuckoo.network.http2 import PREFACE
from lib.cuckoo.network.keylog import Secrets
from lib.cuckoo.network.tls import MAXIMUM_FAILURES
from tests.network.conversations import Segment, in_pieces, only, play
from tests.network.hellos import message
from tests.network.sessions import REQUEST, RESPONSE, Session, known, opening, sealer, web
from tests.network.test_http2 import ANSWER, SETTINGS, headers
from tests.network.test_http2 import REQUEST as ASKED

pytest.importorskip("cryptography")
NO_ENCRYPT_THEN_MAC = 1 << 19
"""SSL_OP_NO_ENCRYPT_THEN_MAC of OpenSSL, for which `ssl` has no name."""
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


def decrypted(wire: list[Segment], secrets: Secrets) -> list[dict[str, Any]]:
    return play(Detecting(Place(Context(secrets=secrets), (50000, 443), "192.0.2.1")), *wire)


NAMES_13 = {0x1301: "AES_128_GCM", 0x1302: "AES_256_GCM", 0x1303: "CHACHA20"}
SUITES_12 = {
    "AES128-GCM-SHA256": 0x9C,
    "AES256-GCM-SHA384": 0x9D,
    "ECDHE-RSA-AES128-GCM-SHA256": 0xC02F,
    "ECDHE-RSA-AES256-GCM-SHA384": 0xC030,
    "ECDHE-RSA-CHACHA20-POLY1305": 0xCCA8,
    "ECDHE-ECDSA-AES128-GCM-SHA256": 0xC02B,
    "ECDHE-ECDSA-AES256-GCM-SHA384": 0xC02C,
    "ECDHE-ECDSA-CHACHA20-POLY1305": 0xCCA9,
    "ECDHE-ECDSA-AES128-CCM": 0xC0AC,
    "ECDHE-ECDSA-AES256-CCM8": 0xC0AF,
    "AES256-CCM": 0xC09D,
    "AES128-CCM8": 0xC0A0,
    "AES128-SHA": 0x2F,
    "AES256-SHA256": 0x3D,
    "ECDHE-ECDSA-AES128-SHA": 0xC009,
    "ECDHE-ECDSA-AES256-SHA384": 0xC024,
}


@pytest.mark.parametrize(("ciphers", "number"), SUITES_12.items(), ids=SUITES_12)
def test_connections_of_each_suite_of_version_12_are_read(tmp_path: Path, ciphers: str, number: int) -> None:
    session = web(tmp_path, TLS12, ciphers, rsa="ECDSA" not in ciphers)

    assert_read(decrypted(session.wire, session.secrets), "TLS 1.2", number)


def test_connections_of_version_13_are_read(tmp_path: Path) -> None:
    session = web(tmp_path, TLS13)
    name = str(session.client.cipher())

    number = next(number for number, part in NAMES_13.items() if part in name)
    assert_read(decrypted(session.wire, session.secrets), "TLS 1.3", number)


def assert_read(records: list[dict[str, Any]], version: str, cipher: int) -> None:
    (exchange,) = only(records, "https_ex")
    (summary,) = only(records, "tls")
    assert (exchange["uri"], exchange["status"], exchange["resp"]["size"]) == (
        "https://evil.test/secret",
        200,
        5,
    )
    assert (summary["version"], summary["cipher"]) == (version, cipher)
    assert (summary["decrypted"], summary["flaws"]) == (len(REQUEST) + len(RESPONSE), [])
    assert summary["alpn_selected"] == "http/1.1"
    assert [certificate["common_name"] for certificate in summary["certificates"]] == ["evil.test"]


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")
@pytest.mark.parametrize("options", [0, NO_ENCRYPT_THEN_MAC])
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1", "TLSv1_2"])
def test_block_ciphers_of_each_version_are_read(tmp_path: Path, version: str, options: int) -> None:
    try:
        session = web(tmp_path, ssl.TLSVersion[version], "ECDHE-ECDSA-AES128-SHA", options=options)
    except ssl.SSLError:
        pytest.skip(f"the interpreter's OpenSSL does not speak {version}")

    records = decrypted(session.wire, session.secrets)
    assert len(only(records, "https_ex")) == 1
    assert only(records, "tls")[0]["flaws"] == []


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_http_2_inside_is_read(tmp_path: Path, version: ssl.TLSVersion) -> None:
    session = Session(tmp_path, version, protocol="h2")
    session.send(CLIENT, PREFACE + SETTINGS + headers([*ASKED[:1], (":scheme", "https"), *ASKED[2:]], 1))
    session.send(SERVER, ANSWER)
    records = decrypted(session.wire, session.secrets)
    (exchange,), (summary,) = only(records, "https_ex"), only(records, "tls")

    assert (exchange["uri"], exchange["version"], exchange["status"]) == ("https://evil.test/a?b", "2", 200)
    assert (summary["alpn_selected"], summary["flaws"]) == ("h2", [])


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_certificates_of_clients_are_told(tmp_path: Path, version: ssl.TLSVersion) -> None:
    session = web(tmp_path, version, client_certificate=True)
    (summary,) = only(decrypted(session.wire, session.secrets), "tls")

    assert [each["common_name"] for each in summary["client_certificates"]] == ["evil.test"]
    assert (summary["decrypted"], summary["flaws"]) == (len(REQUEST) + len(RESPONSE), [])


@pytest.mark.parametrize("version", [TLS12, TLS13])
def test_a_resumed_session_is_read(tmp_path: Path, version: ssl.TLSVersion) -> None:
    first = web(tmp_path, version)
    again = web(tmp_path, version, contexts=first.contexts, resumed=first.client.session)
    records = decrypted(again.wire, again.secrets)
    (exchange,), (summary,) = only(records, "https_ex"), only(records, "tls")

    assert again.client.session_reused
    assert (exchange["uri"], exchange["status"]) == ("https://evil.test/secret", 200)
    assert (summary["resumed"], summary["certificates"], summary["flaws"]) == (True, [], [])


def test_without_secrets_nothing_is_decrypted(tmp_path: Path) -> None:
    (summary,) = decrypted(web(tmp_path, TLS13).wire, Secrets())

    assert (summary["protocol"], summary["decrypted"], summary["certificates"]) == ("tls", 0, [])
    assert summary["flaws"] == []


def test_secrets_of_application_data_alone_are_enough(tmp_path: Path) -> None:
    session, secrets = web(tmp_path, TLS13), Secrets()
    secrets.read("\n".join(line for line in session.log.splitlines() if "TRAFFIC_SECRET_0" in line))
    records = decrypted(session.wire, secrets)

    assert len(only(records, "https_ex")) == 1
    assert only(records, "tls")[0]["flaws"] == []


@pytest.mark.parametrize(
    ("version", "ciphers", "records"),
    [
        (TLS12, "AESGCM", (2, 2)),
        (TLS12, "CHACHA20", (2, 2)),
        (TLS12, "ECDHE-ECDSA-AES128-SHA", (2, 2)),
        (TLS13, "", (2, 7)),  # the rest of the handshake and tickets too
    ],
)
def test_wrong_secrets_open_nothing_and_are_a_flaw(
    tmp_path: Path, version: ssl.TLSVersion, ciphers: str, records: tuple[int, int]
) -> None:
    session, secrets = web(tmp_path, version, ciphers), Secrets()
    for line in session.log.splitlines()[1:]:
        label, random, secret = line.split()
        secrets.read(f"{label} {random} {secret[2:]}00")
    (summary,) = decrypted(session.wire, secrets)

    assert (summary["protocol"], summary["decrypted"]) == ("tls", 0)
    assert summary["flaws"] == [
        f"client: {records[0]} protected records could not be decrypted",
        f"server: {records[1]} protected records could not be decrypted",
    ]


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (TLS12, "ECDHE+AESGCM"),
        (TLS12, "CHACHA20"),
        (TLS12, "ECDHE-ECDSA-AES128-SHA"),
        (TLS12, "ECDHE-ECDSA-AES256-SHA384"),
        (TLS13, ""),
    ],
)
def test_damaged_records_cost_only_themselves(tmp_path: Path, version: ssl.TLSVersion, ciphers: str) -> None:
    session = Session(tmp_path, version, ciphers)
    session.send(CLIENT, REQUEST)
    session.send(SERVER, b"HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\nhello")
    for word in (b"cruel", b"world", b"which", b"spins"):
        session.send(SERVER, word)
    for place in (-4, -2):
        side, sent = session.wire[place]
        assert isinstance(sent, bytes)
        session.wire[place] = (side, sent[:-1] + bytes((sent[-1] ^ 1,)))
    records = decrypted(session.wire, session.secrets)
    (exchange,), (summary,) = only(records, "https_ex"), only(records, "tls")

    assert summary["flaws"] == ["server: 2 protected records could not be decrypted"]
    assert summary["decrypted"] == len(REQUEST) + len(RESPONSE) + 1 + 2 * 5
    assert (exchange["resp"]["size"], exchange["flaws"]) == (5, ["response: gap in the stream"])


def test_a_side_whose_records_do_not_open_is_given_up() -> None:
    client = sealer("CLIENT_TRAFFIC_SECRET_0")
    sound = client.seal(23, REQUEST)
    wire = [*opening(), *[(CLIENT, b"\x17\x03\x03\x00\x20" + bytes(32))] * MAXIMUM_FAILURES]

    (summary,) = decrypted([*wire, (CLIENT, sound)], known())

    assert summary["flaws"] == [f"client: {MAXIMUM_FAILURES} protected records could not be decrypted"]


def test_a_gap_ends_decryption_of_its_side(tmp_path: Path) -> None:
    session = web(tmp_path, TLS12)
    session.wire[-1] = (SERVER, 100)
    records = decrypted(session.wire, session.secrets)
    (exchange,), (summary,) = only(records, "https_ex"), only(records, "tls")

    assert (exchange["path"], exchange["status"]) == ("/secret", None)
    assert summary["flaws"] == ["server: nothing is decrypted behind a gap in the stream"]


def test_a_key_update_changes_the_secret_of_its_side() -> None:
    client, server = sealer("CLIENT_TRAFFIC_SECRET_0"), sealer("SERVER_TRAFFIC_SECRET_0")
    update = client.seal(22, message(24, b"\0"))
    client.update()
    wire = [
        *opening(),
        (CLIENT, update),
        (CLIENT, client.seal(23, REQUEST)),
        (SERVER, server.seal(23, RESPONSE)),
    ]
    records = decrypted(wire, known())

    assert [(each["uri"], each["status"]) for each in only(records, "https_ex")] == [
        ("https://evil.test/secret", 200)
    ]
    assert only(records, "tls")[0]["flaws"] == []


@pytest.mark.parametrize("suite", [0x1301, 0x1303, 0x1304])
def test_early_data_is_read(suite: int) -> None:
    server = sealer("SERVER_TRAFFIC_SECRET_0", suite)
    wire = [*opening(suite, early=REQUEST), (SERVER, server.seal(23, RESPONSE))]
    records = decrypted(wire, known())

    assert [(each["uri"], each["status"]) for each in only(records, "https_ex")] == [
        ("https://evil.test/secret", 200)
    ]
    assert only(records, "tls")[0]["flaws"] == []


def test_what_follows_early_data_is_read_without_its_secret() -> None:
    client, server = sealer("CLIENT_TRAFFIC_SECRET_0"), sealer("SERVER_TRAFFIC_SECRET_0")
    wire = [*opening(early=REQUEST), (CLIENT, client.seal(23, REQUEST)), (SERVER, server.seal(23, RESPONSE))]
    records = decrypted(wire, known("CLIENT_TRAFFIC_SECRET_0", "SERVER_TRAFFIC_SECRET_0"))

    assert len(only(records, "https_ex")) == 1
    assert only(records, "tls")[0]["flaws"] == []


def test_keys_of_older_versions_come_from_two_hashes() -> None:
    suite = SUITES[0x2F]
    blocks = {
        Connection(version, suite, b"c" * 32, b"s" * 32, bytes(48))._expand("key expansion", b"", 40)
        for version in (0x0301, 0x0303)
    }

    assert len(blocks) == 2


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[list[Segment], Secrets]]:
    kinds = [(TLS13, ""), (TLS12, "ECDHE+AESGCM"), (TLS12, "ECDHE+AES")]
    made = [web(tmp_path_factory.mktemp("tls"), *kind) for kind in kinds]
    return [(session.wire, session.secrets) for session in made]


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
