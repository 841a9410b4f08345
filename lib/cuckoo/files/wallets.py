"""Addresses of crypto wallets, taken only when their checksum is right.

base58check: https://en.bitcoin.it/wiki/Base58Check_encoding; Bech32 and Bech32m: BIP 173 and BIP 350; capital letters
as checksum of Ethereum addresses: EIP-55; Monero: 8 bytes are 11 characters, the checksum is Keccak-256.
"""

import hashlib
from functools import reduce

BASE58 = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BASE58_VALUES = {character: value for value, character in enumerate(BASE58.decode())}
_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_BECH32_VALUES = {character: value for value, character in enumerate(_BECH32)}
_BECH32_GENERATORS = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_BECH32_CHECKS = {1: "bech32", 0x2BC830A3: "bech32m"}
_BECH32_COINS = {"bc": "bitcoin", "ltc": "litecoin"}
_VERSIONS = {
    b"\x00": "bitcoin",
    b"\x05": "bitcoin",
    b"\x30": "litecoin",
    b"\x32": "litecoin",
    b"\x1e": "dogecoin",
    b"\x4c": "dash",
    b"\x41": "tron",
    b"\x1c\xb8": "zcash",
}
_MONERO_NETWORKS = {18, 19, 42}
_MONERO_LENGTHS = {95, 106}
_BLOCK_BYTES = {11: 8, 7: 5, 6: 4}
"""Characters of a block of a Monero address to its bytes."""
_MASK = (1 << 64) - 1
_KECCAK_RATE = 136


def coin(address: str) -> str | None:
    """Name the coin of an address in any of the forms above; None when it is no valid address."""
    if address.startswith("0x"):
        return "ethereum" if _is_ethereum(address) else None
    prefix, separator, _ = address.lower().rpartition("1")
    if separator and prefix in _BECH32_COINS:
        return _BECH32_COINS[prefix] if _is_bech32(address) else None
    if len(address) in _MONERO_LENGTHS:
        return "monero" if _is_monero(address) else None
    return _base58check(address)


def _base58check(address: str) -> str | None:
    if not 25 <= len(address) <= 36 or not all(character in _BASE58_VALUES for character in address):
        return None
    number = reduce(lambda total, character: total * 58 + _BASE58_VALUES[character], address, 0)
    zeros = len(address) - len(address.lstrip("1"))
    raw = bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
    payload, check = raw[:-4], raw[-4:]
    if hashlib.sha256(hashlib.sha256(payload).digest()).digest()[:4] != check:
        return None
    return _VERSIONS.get(payload[:-20]) if len(payload) > 20 else None


def _is_bech32(address: str) -> bool:
    if address not in {address.lower(), address.upper()}:
        return False
    prefix, _, rest = address.lower().rpartition("1")
    if not 14 <= len(rest) <= 64 or not all(character in _BECH32_VALUES for character in rest):
        return False
    expanded = [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix]
    check = 1
    for value in expanded + [_BECH32_VALUES[character] for character in rest]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_BECH32_GENERATORS):
            check ^= generator * (top >> bit & 1)
    return check in _BECH32_CHECKS


def _is_ethereum(address: str) -> bool:
    digits = address[2:]
    if digits in {digits.lower(), digits.upper()}:  # no checksum: any other number looks the same
        return False
    check = keccak256(digits.lower().encode()).hex()
    return all(
        digit.isdigit() or digit.isupper() == (int(nibble, 16) > 7)
        for digit, nibble in zip(digits, check, strict=False)
    )


def _is_monero(address: str) -> bool:
    try:
        blocks = [address[start : start + 11] for start in range(0, len(address), 11)]
        raw = b"".join(_monero_block(block) for block in blocks)
    except (KeyError, OverflowError):
        return False
    return raw[0] in _MONERO_NETWORKS and keccak256(raw[:-4])[:4] == raw[-4:]


def _monero_block(block: str) -> bytes:
    number = reduce(lambda total, character: total * 58 + _BASE58_VALUES[character], block, 0)
    return number.to_bytes(_BLOCK_BYTES[len(block)], "big")


def keccak256(message: bytes) -> bytes:
    """Return the Keccak-256 hash as coins use it, with the padding from before FIPS 202."""
    padded = bytearray(message) + bytes(_KECCAK_RATE - len(message) % _KECCAK_RATE)
    padded[len(message)] ^= 0x01
    padded[-1] ^= 0x80
    lanes = [0] * 25
    for start in range(0, len(padded), _KECCAK_RATE):
        for index in range(_KECCAK_RATE // 8):
            place = start + 8 * index
            lanes[index] ^= int.from_bytes(padded[place : place + 8], "little")
        lanes = _permuted(lanes)
    return b"".join(lane.to_bytes(8, "little") for lane in lanes[:4])


def _permuted(lanes: list[int]) -> list[int]:
    """Apply Keccak-f[1600]; lane (x, y) stands at x + 5 y."""
    register = 1
    for _ in range(24):
        columns = [reduce(int.__xor__, lanes[x::5]) for x in range(5)]
        lanes = [
            lane ^ columns[(index - 1) % 5] ^ _rotated(columns[(index + 1) % 5], 1)
            for index, lane in enumerate(lanes)
        ]
        lanes = _moved(lanes)
        lanes = [
            lanes[i] ^ (~lanes[i - i % 5 + (i + 1) % 5] & _MASK & lanes[i - i % 5 + (i + 2) % 5])
            for i in range(25)
        ]
        for power in range(7):
            register = (register << 1 ^ (register >> 7) * 0x171) & 0xFF
            if register & 2:
                lanes[0] ^= 1 << (1 << power) - 1
    return lanes


def _moved(lanes: list[int]) -> list[int]:
    """Rotate the lanes and put them in their new places (the steps rho and pi)."""
    moved, (x, y) = lanes[:], (1, 0)
    for step in range(24):
        moved[y + 5 * ((2 * x + 3 * y) % 5)] = _rotated(lanes[x + 5 * y], (step + 1) * (step + 2) // 2)
        x, y = y, (2 * x + 3 * y) % 5
    return moved


def _rotated(lane: int, count: int) -> int:
    count %= 64
    return (lane << count | lane >> (64 - count)) & _MASK
