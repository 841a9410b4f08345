import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network import keylog
from lib.cuckoo.network.keylog import Secrets

RANDOM, MASTER = bytes(range(32)), bytes(range(48))
NSS = f"# comment\r\nCLIENT_RANDOM {RANDOM.hex()} {MASTER.hex().upper()}\r\n"
TRAFFIC = f"CLIENT_TRAFFIC_SECRET_0 {RANDOM.hex()} {RANDOM.hex()}\n"
CLASSIC = f"RSA Session-ID:{b'id'.hex()} Master-Key:{MASTER.hex()}\n"


def test_secrets_of_both_formats_are_found() -> None:
    secrets = Secrets()

    assert secrets.read(NSS + TRAFFIC + CLASSIC) == 3
    assert secrets.master(RANDOM, b"") == MASTER
    assert secrets.master(b"", b"id") == MASTER
    assert secrets.find("CLIENT_TRAFFIC_SECRET_0", RANDOM) == RANDOM
    assert secrets.find("SERVER_TRAFFIC_SECRET_0", RANDOM) is None
    assert secrets.master(b"other", b"other") is None


def test_several_logs_are_added_up() -> None:
    secrets = Secrets()
    secrets.read(NSS.encode())

    assert secrets.read(CLASSIC.encode()) == 1
    assert len(secrets) == 2


def test_lines_that_are_no_secrets_are_skipped() -> None:
    secrets = Secrets()

    assert secrets.read("CLIENT_RANDOM 00 00\nCLIENT_RANDOM\n\nRSA Session-ID: Master-Key:\n\0\xff") == 0


@given(st.one_of(st.binary(), st.text()))
def test_any_log_is_read(log: bytes | str) -> None:
    assert Secrets().read(log) == 0


def test_secrets_are_bounded_and_the_rest_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keylog, "MAXIMUM_SECRETS", 2)
    secrets = Secrets()

    assert secrets.read(NSS + TRAFFIC + CLASSIC + "x" * 300) == 2
    assert (len(secrets), secrets.dropped) == (2, 1)
