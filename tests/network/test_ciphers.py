import ssl

import pytest

from lib.cuckoo.network.ciphers import cipher_name


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (0x1301, "TLS_AES_128_GCM_SHA256"),
        (0xC02B, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
        (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384"),
        (0x009F, "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384"),
        (0x0A0A, "0x0a0a"),
    ],
)
def test_suites_have_their_registered_names(number: int, name: str) -> None:
    assert cipher_name(number) == name


def test_names_agree_with_openssl() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:@SECLEVEL=0")
    known = [(cipher_name(suite["id"] & 0xFFFF), suite) for suite in context.get_ciphers()]
    named = [(name, suite) for name, suite in known if not name.startswith("0x")]

    assert len(named) > 20
    for name, suite in named:
        short_tag = name.endswith("CCM_8")  # newer versions of OpenSSL count the length of its tag
        assert short_tag or f"_{suite['strength_bits']}_" in name or "CHACHA20" in name or "3DES" in name
        assert ("GCM" in suite["name"], "CHACHA20" in suite["name"], "CCM" in suite["name"]) == (
            "GCM" in name,
            "CHACHA20" in name,
            "CCM" in name,
        )
