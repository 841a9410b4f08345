import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.files.wallets import coin, keccak256

ADDRESSES = {
    "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa": "bitcoin",
    "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy": "bitcoin",
    "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq": "bitcoin",
    "bc1p5cyxnuxmeuwuvkwfem96lqzszd02n6xdcjrs20cac6yqjjwudpxqkedrcr": "bitcoin",
    "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed": "ethereum",
    "44AFFq5kSiGBoZ4NMDwYtN18obc8AemS33DBLWs3H7otXft3XjrpDtQGv7SqSsaBYBb98uNbr2VBBEt7f2wfn3RVGQBEP3A": "monero",
    "LM2WMpR1Rp6j3Sa59cMXMs1SPzj9eXpGc1": "litecoin",
    "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t": "tron",
    "DH5yaieqoZN36fDVciNyRueRGvGLR3mr7L": "dogecoin",
}
"""Published examples: the first block's, those of BIP 173, BIP 350 and EIP-55, donation and contract addresses."""


@pytest.mark.parametrize(("address", "name"), ADDRESSES.items())
def test_a_valid_address_has_its_coin(address: str, name: str) -> None:
    assert coin(address) == name


@pytest.mark.parametrize("address", ADDRESSES)
def test_an_address_with_one_other_character_is_none(address: str) -> None:
    for place in (len(address) - 1, len(address) // 2):
        other = "3" if address[place] != "3" else "4"
        assert coin(address[:place] + other + address[place + 1 :]) is None


@pytest.mark.parametrize(
    "address",
    [
        "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",  # nothing tells it from any other number
        "BC1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",  # two cases
        "bc1",
        "0x",
        "1" * 30,
        "z" * 95,
    ],
)
def test_what_has_no_checksum_is_no_address(address: str) -> None:
    assert coin(address) is None


def test_an_address_in_capitals_is_the_same(
    address: str = "BC1QAR0SRRR7XFKVY5L643LYDNW9RE59GTZZWF5MDQ",
) -> None:
    assert coin(address) == "bitcoin"


def test_keccak_is_that_of_the_coins() -> None:
    assert keccak256(b"").hex() == "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470"
    assert keccak256(b"a" * 136).hex() != keccak256(b"a" * 137).hex()


@given(st.text(st.sampled_from("123456789ABCDEFabcdefxlbtc01q-"), max_size=120))
def test_any_text_is_an_address_or_none(text: str) -> None:
    assert coin(text) in {None, *ADDRESSES.values(), "dash", "zcash"}
