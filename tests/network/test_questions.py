import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.network.conversation import Record
from lib.cuckoo.network.questions import MOST_ANSWERS, MOST_OPEN, MOST_SETTLED, Questions, family_of
from tests.network.wire import name, query, resource, response

FLOW = b"flow"
POINTER = b"\xc0\x0c"


def address(last: int) -> bytes:
    return resource(POINTER, 1, bytes([192, 0, 2, last]))


def ask(questions: Questions, payload: bytes, time: float, family: str = "dns", flow: bytes = FLOW) -> None:
    if not questions.repeats(family, payload):
        questions.add(family, flow, payload, time)


def only(questions: Questions, family: str = "dns") -> Record:
    (record,) = questions.section(family)
    return record


def test_an_answer_is_matched_to_its_question() -> None:
    questions = Questions(10)
    ask(questions, query("example.com", identification=5), 100.0)
    ask(questions, response("example.com", [address(1)], identification=5), 100.25)

    assert only(questions) == {
        "request": "example.com",
        "type": "A",
        "answers": [{"type": "A", "data": "192.0.2.1", "ttl": 60}],
        "first_seen": 100.0,
        "count": 1,
        "rcode": "NOERROR",
        "latency": 0.25,
    }


def test_an_answer_of_another_flow_or_number_matches_no_question() -> None:
    questions = Questions(10)
    ask(questions, query("example.com", identification=5), 100.0)
    ask(questions, response("example.com", [], identification=6), 100.1)
    ask(questions, response("example.com", [], identification=5), 100.1, flow=b"other")

    assert only(questions)["latency"] is None


def test_the_same_question_again_is_counted_and_its_new_answers_are_added() -> None:
    questions = Questions(10)
    for last in (1, 2, 1):
        ask(questions, query("example.com"), 1.0)
        ask(questions, response("example.com", [address(last)]), 2.0)

    record = only(questions)

    assert record["count"] == 3
    assert [answer["data"] for answer in record["answers"]] == ["192.0.2.1", "192.0.2.2"]


def test_a_failure_is_overridden_by_a_later_success_but_not_the_other_way_round() -> None:
    questions = Questions(10)
    for flags, expected in (
        (0x8182, "SERVFAIL"),
        (0x8183, "NXDOMAIN"),
        (0x8180, "NOERROR"),
        (0x8183, "NOERROR"),
    ):
        ask(questions, response("example.com", [], flags=flags), 1.0)
        assert only(questions)["rcode"] == expected


def test_an_unanswered_question_has_no_outcome() -> None:
    questions = Questions(10)
    ask(questions, query("example.com"), 1.0)

    assert (only(questions)["rcode"], only(questions)["answers"]) == (None, [])


def test_names_are_learned_for_addresses_over_aliases() -> None:
    questions = Questions(10)
    alias = resource(POINTER, 5, name("cdn.example"))
    ask(
        questions,
        response("example.com", [alias, resource(name("cdn.example"), 1, bytes([192, 0, 2, 9]))]),
        1.0,
    )

    assert list(questions.names["192.0.2.9"]) == ["example.com", "cdn.example"]
    assert list(questions.domains()) == [("example.com", "192.0.2.9")]
    assert [answer.get("name") for answer in only(questions)["answers"]] == [None, "cdn.example"]


def test_reverse_lookups_name_hosts_and_are_no_domains() -> None:
    questions = Questions(10)
    pointer = "9.2.0.192.in-addr.arpa"
    ask(questions, response(pointer, [resource(POINTER, 12, name("host.example"))], kind=12), 1.0)

    assert questions.reverse_name(pointer) == "host.example"
    assert questions.reverse_name("1.2.0.192.in-addr.arpa") == ""
    assert list(questions.domains()) == []


def test_families_are_kept_apart() -> None:
    questions = Questions(10)
    ask(questions, query("example.com"), 1.0)
    ask(questions, query("printer.local"), 1.0, "mdns")
    ask(questions, query("FHEPFCELEHFCEPFFFACACACACACACABN", 32), 1.0, "nbns")

    assert only(questions)["request"] == "example.com"
    assert only(questions, "mdns")["request"] == "printer.local"
    assert (only(questions, "nbns")["request"], only(questions, "nbns")["type"]) == ("WORKGROUP<1d>", "NB")
    assert questions.section("llmnr") == []


def test_an_announcement_without_a_question_is_listed_by_its_owner() -> None:
    questions = Questions(10)
    announced = response("x", [resource(name("printer.local"), 1, bytes(4))])
    unasked = announced[:4] + b"\0\0" + announced[6:12] + announced[12 + len(name("x")) + 4 :]
    ask(questions, unasked, 1.0, "mdns")

    record = only(questions, "mdns")

    assert (record["request"], record["count"], record["answers"][0]["data"]) == (
        "printer.local",
        0,
        "0.0.0.0",
    )


@pytest.mark.parametrize("family", ["mdns", "llmnr", "nbns"])
def test_what_was_asked_of_all_is_answered_by_one(family: str) -> None:
    questions = Questions(10)
    ask(questions, query("FAEDCACACACACACACACACACACACACAAA", 32), 1.0, family, flow=b"to all")
    answered = resource(name("FAEDCACACACACACACACACACACACACAAA"), 32, b"\0\0\x0a\0\0\x09")
    unasked = response("", [answered])
    ask(questions, unasked[:4] + b"\0\0" + unasked[6:12] + answered, 1.5, family, flow=b"from one")

    record = only(questions, family)

    assert (record["latency"], record["rcode"], len(record["answers"])) == (0.5, "NOERROR", 1)


def test_what_is_kept_is_bounded_and_the_rest_counted() -> None:
    questions = Questions(2)
    for number in range(5):
        ask(questions, query(f"{number}.example"), 1.0)
    for last in range(MOST_ANSWERS + 10):
        content = bytes([10, 0, last >> 8, last & 255])
        ask(questions, response("0.example", [resource(POINTER, 1, content)]), 1.0)

    assert questions.truncated == {"dns": 3, "dns_answers": 10}
    assert len(questions.section("dns")[0]["answers"]) == MOST_ANSWERS
    assert len(questions.names) <= 2


def test_open_questions_are_bounded() -> None:
    questions = Questions(10)
    for number in range(MOST_OPEN + 5):
        ask(questions, query("example.com", identification=number & 0xFFFF), 1.0, flow=b"%d" % (number >> 16))
    ask(questions, response("example.com", [], identification=0), 2.0, flow=b"0")

    assert only(questions)["latency"] is None


def test_the_family_is_that_of_the_server_port() -> None:
    assert family_of(5353, 53) == "dns"
    assert family_of(53, 5000) == "dns"
    assert family_of(137, 137) == "nbns"
    assert family_of(1, 2) is None


def test_large_answers_are_bounded_together() -> None:
    questions = Questions(100, size=10_000)
    for number in range(20):
        ask(questions, response(f"{number}.example", [resource(POINTER, 65400, bytes(1000))]), 1.0)

    kept = [answer["data"] for record in questions.section("dns") for answer in record["answers"]]

    assert 2 < len(kept) < 5
    assert questions.truncated == {"dns_answers": 20 - len(kept)}


MESSAGES = [
    *(query(host, identification=number) for host in ("a.example", "b.example") for number in (1, 2)),
    *(
        response("a.example", answers, flags=flags, identification=number)
        for answers in ([], [address(1)], [address(1), address(2)])
        for flags in (0x8180, 0x8182, 0x8183)
        for number in (1, 2)
    ),
    response("a.example", [], flags=0x8185, identification=1),
    response("b.example", [address(3)], identification=1)[:-1],
]


@given(st.lists(st.sampled_from(MESSAGES), max_size=30), st.sampled_from(["dns", "mdns"]))
def test_messages_that_repeat_what_is_settled_change_only_the_count(
    payloads: list[bytes], family: str
) -> None:
    plain, quick = Questions(10), Questions(10)
    for time, payload in enumerate(payloads):
        plain.add(family, FLOW, payload, float(time))
        ask(quick, payload, float(time), family)

    assert quick.section(family) == plain.section(family)
    assert (quick.names, quick.truncated) == (plain.names, plain.truncated)


def test_a_question_that_was_answered_is_settled_and_one_of_another_family_is_not() -> None:
    questions = Questions(10)
    asked, answered = query("a.example"), response("a.example", [address(1)])
    questions.add("dns", FLOW, asked, 1.0)

    assert not questions.repeats("dns", asked)
    questions.add("dns", FLOW, answered, 2.0)
    assert questions.repeats("dns", answered)
    questions.add("dns", FLOW, asked, 3.0)
    assert questions.repeats("dns", asked)
    assert not questions.repeats("mdns", asked)
    assert only(questions)["count"] == 3


def test_what_is_settled_is_bounded() -> None:
    questions = Questions(10)
    questions.add("dns", FLOW, query("a.example"), 1.0)
    answers = [
        response("a.example", [resource(POINTER, 1, bytes(4), ttl=seconds)])
        for seconds in range(MOST_SETTLED + 1)
    ]
    for answer in answers:
        questions.add("dns", FLOW, answer, 2.0)

    assert [questions.repeats("dns", answer) for answer in (answers[0], answers[-1])] == [False, True]


def test_of_failures_the_last_one_is_told_however_often_they_repeat() -> None:
    questions = Questions(10)
    ask(questions, query("a.example"), 1.0)
    for flags in (0x8182, 0x8185, 0x8182):
        ask(questions, response("a.example", [], flags=flags), 2.0)

    assert only(questions)["rcode"] == "SERVFAIL"


def test_messages_with_two_questions_or_cut_short_are_never_settled() -> None:
    questions = Questions(10)
    both = query("a.example") + query("b.example")[12:]
    both = both[:4] + b"\0\2" + both[6:]
    cut = response("a.example", [address(1)])[:-1]
    for payload in (query("a.example"), response("a.example", []), cut, both, both):
        ask(questions, payload, 1.0)

    assert not questions.repeats("dns", cut)
    assert [record["count"] for record in questions.section("dns")] == [3, 2]
