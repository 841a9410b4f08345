"""What other projects assert of public captures, beside the views that `test_ground_truth` compares."""

import gzip
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.network.analysis import Analysis, Settings
from lib.cuckoo.network.capture import Capture
from lib.cuckoo.network.conversation import Context
from lib.cuckoo.network.keylog import Secrets

Sections = dict[str, Any]
Read = Callable[..., Sections]

STREAM11 = (
    "RSA Session-ID:5ab7c9537928268ba71cd5fc790b6accb29707cfa7b3f85347e432a439eb1b4b "
    "Master-Key:50321cf5552ba2f3ed34cd6eee005cf6490f5d915c7db8e2cfbf54940140308aa09c0a4e94107df6b25d2509f5bf0f13"
)
"""The secret that httpreplay's tests give for this capture."""


@pytest.fixture
def read(shared_data: Path) -> Read:
    """A function that reads one capture into its sections."""

    def sections(name: str, log: str = "") -> Sections:
        source = (shared_data / "pcap" / name).read_bytes()
        secrets = Secrets()
        secrets.read(log)
        source = gzip.decompress(source) if name.endswith(".gz") else source
        return Analysis(Capture(BytesIO(source)), Settings(context=Context(secrets=secrets))).run()

    return sections


def requests(exchanges: list[dict[str, Any]]) -> list[tuple[str, int | None]]:
    return [(exchange["uri"], exchange["status"]) for exchange in exchanges]


def test_ja4_of_tcp_and_of_quic_agree_with_suricata(read: Read) -> None:
    sections = read("suricata-verify/ja4-tls-quic.pcap")

    assert [record["ja4"] for record in sections["tls"]] == ["t13d1516h2_8daaf6152771_e5627efa2ab1"]
    assert [record["ja4"] for record in sections["quic"]] == ["q13d0310h3_55b375c5d22e_cd85d2d88918"]


def test_ja3_and_ja3s_agree_with_httpreplay(read: Read) -> None:
    (record,) = read("httpreplay/stream11.pcap")["tls"]

    assert record["ja3"] == "2201d8e006f8f005a6b415f61e677532"
    assert record["ja3s"] == "d2e6f7ef558ea8036c7e21b163b2d1af"


def test_an_attachment_has_the_hash_that_suricata_found(read: Read) -> None:
    (session,) = read("suricata-verify/smtp-bug-5981.pcap")["smtp"]
    (attachment,) = session["messages"][0]["attachments"]

    assert attachment["name"] == "winmail.dat"
    assert attachment["sha256"] == "5f41c213e35d8421647181cc9b8925a5b2ab34c23102907581214fd574157fff"


def test_a_gap_in_a_pipeline_costs_its_body_alone(read: Read) -> None:
    first, second, third = read("suricata-verify/http-pipeline-files-with-gap.pcap")["http_ex"]

    assert (first["resp"]["size"], third["resp"]["size"]) == (24555, 34152)
    assert (second["resp"]["size"], second["resp"]["missing"]) == (0, 733)


def test_brotli_bodies_are_unpacked(read: Read) -> None:
    pytest.importorskip("brotli")
    (exchange, *_) = read("wireshark/http-brotli.pcapng")["http_ex"]

    assert "encoded" not in exchange["resp"]
    assert exchange["resp"]["size"] > 0


def test_secrets_in_a_capture_open_its_tls(read: Read) -> None:
    pytest.importorskip("cryptography")

    assert requests(read("wireshark/tls12-dsb.pcapng")["https_ex"]) == [
        ("https://example.com/", 200),
        ("https://example.net/", 200),
    ]
    assert len(read("wireshark/challenge01_ooo_stream.pcapng.gz")["https_ex"]) == 12


def test_a_master_secret_by_session_opens_rc4(read: Read) -> None:
    pytest.importorskip("cryptography")

    assert requests(read("httpreplay/stream11.pcap", STREAM11)["https_ex"]) == [
        ("https://script.ioam.de/iam.js", 200)
    ]


@pytest.mark.parametrize("name", ["zeek/ftp/ipv4.pcap", "zeek/ftp/ipv6.pcap"])
def test_files_sent_by_ftp_have_their_content(read: Read, name: str) -> None:
    transfers = [transfer for session in read(name)["ftp"] for transfer in session["transfers"]]
    contents = {transfer["content"]["sha256"] for transfer in transfers if transfer["name"] == "robots.txt"}

    assert contents == {"92101c97b7425d24309c923bbd4a554f85d8b0b1ce105666bc8f64c0c72d7fac"}


def test_a_renamed_file_has_both_its_names(read: Read) -> None:
    (session,) = read("suricata-verify/smb2-async.pcap")["smb"]
    rename = next(entry for entry in session["files"] if entry["action"] == "rename")

    assert rename["new_name"] == rename["name"] + ".hdcjuh"
