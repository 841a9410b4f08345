from lib.cuckoo.network.flows import endpoints, reversed_key
from lib.cuckoo.network.udp import Exchange, Exchanges

KEY = bytes([10, 0, 0, 2, 192, 0, 2, 1, 0xC0, 0, 0, 53])
KEY6 = bytes(15) + b"\1" + bytes(15) + b"\2" + b"\xc0\0\xc0\1"


def table(maximum: int, ended: list[Exchange]) -> Exchanges:
    return Exchanges(maximum, lambda _flow: None, ended.append)


def test_both_directions_are_one_flow() -> None:
    ended: list[Exchange] = []
    flows = table(10, ended)
    asked, answered = flows.side(KEY, 1.0, 24), flows.side(reversed_key(KEY), 2.0, 99)
    flows.end()

    assert (asked.side, answered.side) == (0, 1)
    assert ended == [asked.flow] == [answered.flow]
    assert (ended[0].first, ended[0].last, ended[0].offset) == (1.0, 2.0, 24)


def test_who_speaks_first_from_a_well_known_port_is_the_server() -> None:
    flows = table(10, [])

    assert flows.side(reversed_key(KEY), 1.0, 0).side == 1


def test_who_speaks_first_from_the_port_of_a_name_service_is_the_server() -> None:
    flows = table(10, [])
    answered = KEY[:-4] + (5355).to_bytes(2, "big") + (50_000).to_bytes(2, "big")

    assert flows.side(answered, 1.0, 0).side == 1
    assert flows.side(KEY[:-4] + 2 * (5353).to_bytes(2, "big"), 1.0, 0).side == 0


def test_of_two_well_known_ports_who_speaks_first_is_the_client() -> None:
    flows = table(10, [])

    assert flows.side(KEY[:-4] + b"\0\x7b\0\x35", 1.0, 0).side == 0


def test_keys_are_addresses_and_ports_of_either_version() -> None:
    assert endpoints(KEY) == ("10.0.0.2", 49152, "192.0.2.1", 53)
    assert endpoints(KEY6) == ("::1", 49152, "::2", 49153)
    assert endpoints(reversed_key(KEY6)) == ("::2", 49153, "::1", 49152)


def test_flows_are_bounded_and_the_quiet_ones_go_first() -> None:
    ended: list[Exchange] = []
    flows = table(10, ended)
    for number in range(100):
        flows.side(number.to_bytes(4, "big") + KEY[4:], float(number), 0)
        flows.side(KEY, float(number), 0)

    assert len(flows.halves) == 20
    assert flows.let_go == len(ended) == 91
    assert KEY in flows.halves
