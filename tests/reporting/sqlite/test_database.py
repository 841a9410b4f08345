import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lib.cuckoo.reporting.sqlite.database import VERSION, write_database
from lib.cuckoo.reporting.sqlite.tables import TABLES
from tests.reporting.hostile import PAYLOADS, poisoned

Ask = Callable[[str], list[tuple[Any, ...]]]


@pytest.fixture
def ask(tmp_path: Path) -> Callable[..., Ask]:
    """Write a database and return what answers queries."""

    def written(results: dict[str, Any], *, calls: bool = True) -> Ask:
        target = tmp_path / "report.sqlite"
        write_database(target, results, calls=calls)

        def query(statement: str) -> list[tuple[Any, ...]]:
            with closing(sqlite3.connect(target)) as database:
                return database.execute(statement).fetchall()

        assert query("PRAGMA integrity_check") == [("ok",)]
        assert query("PRAGMA foreign_key_check") == []
        return query

    return written


def test_the_example_is_there_in_tables(
    ask: Callable[..., Ask], example: tuple[Path, dict[str, Any]]
) -> None:
    query = ask(example[1])

    counts = {table.name: query(f'SELECT count(*) FROM "{table.name}"')[0][0] for table in TABLES}
    assert 0 not in counts.values()
    assert counts["calls"] == sum(calls for (calls,) in query("SELECT calls FROM processes"))
    assert query("SELECT analysis, machine, score FROM analysis") == [("1", "win10-x86-1", 9.9)]
    assert query("SELECT name, size FROM target") == [("Invoice_0417.exe", 9216)]
    (first,) = query("SELECT p.name, c.api, json_extract(c.arguments, '$.FileName') FROM calls c "
                     "JOIN processes p ON p.id = c.process WHERE c.id = 1")  # fmt: skip
    assert first == ("Invoice_0417.exe", "LdrLoadDll", "kernel32.dll")
    assert query(f"SELECT user_version = {VERSION} FROM pragma_user_version") == [(1,)]


def test_evidence_leads_to_the_call(ask: Callable[..., Ask], example: tuple[Path, dict[str, Any]]) -> None:
    query = ask(example[1])

    marked = query(
        "SELECT e.api, c.api FROM evidence e JOIN calls c ON c.process = e.process AND c.number = e.number"
    )

    assert len(marked) > 10
    assert all(one == other for one, other in marked)


def test_answers_and_certificates_lead_to_their_question(ask: Callable[..., Ask]) -> None:
    tls = [{"certificates": []}, {"sni": "b.example", "certificates": [{"sha1": "00ff"}]}]
    dns = [
        {"request": "a.example"},
        {"request": "b.example", "answers": [{"type": "A", "data": "192.0.2.1"}]},
    ]
    query = ask({"network": {"tls": tls, "dns": dns}})

    assert query("SELECT request, data FROM dns_answers JOIN dns ON dns.id = query") == [
        ("b.example", "192.0.2.1")
    ]
    assert query("SELECT sni, sha1 FROM certificates JOIN tls ON tls.id = tls") == [("b.example", "00ff")]


def test_nothing_of_the_results_is_lost(
    ask: Callable[..., Ask], example: tuple[Path, dict[str, Any]]
) -> None:
    query = ask(example[1])

    names = {name for (name,) in query("SELECT name FROM sections")}
    assert {
        "static",
        "strings",
        "network.smtp",
        "network.irc",
        "behavior.processtree",
        "engine.limits",
    } <= names
    assert not names & {"info", "network", "behavior", "signatures", "network.dns", "behavior.processes"}
    ((record,),) = query("SELECT record FROM http WHERE list = 'http_ex' LIMIT 1")
    (request, *_) = example[1]["network"]["http_ex"]
    assert json.loads(record) == request
    ((analysis,),) = query("SELECT record FROM analysis")
    assert json.loads(analysis) == example[1]["info"]


def test_without_calls_only_those_tables_are_empty(
    ask: Callable[..., Ask], example: tuple[Path, dict[str, Any]]
) -> None:
    query = ask(example[1], calls=False)

    assert query("SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM events)") == [(0, 0)]
    assert query("SELECT sum(calls) > 100 FROM processes") == [(1,)]


def test_a_name_that_comes_again_keeps_both_values(ask: Callable[..., Ask]) -> None:
    arguments = [{"name": "a", "value": "1"}, {"name": "a", "value": "2", "pretty_value": "TWO"}]
    query = ask({"behavior": {"processes": [{"calls": [{"arguments": arguments}]}]}})

    assert query("SELECT arguments, meanings FROM calls") == [('{"a":"1","a#2":"2"}', '{"a":"TWO"}')]


def test_two_processes_with_one_id_keep_their_calls_apart(ask: Callable[..., Ask]) -> None:
    processes = [{"process_id": 4, "calls": [{"api": api}]} for api in ("A", "B")]
    query = ask({"behavior": {"processes": processes}})

    assert query("SELECT process, number, api FROM calls") == [(1, 0, "A"), (2, 0, "B")]


def test_hostile_text_everywhere_is_stored_and_read(
    ask: Callable[..., Ask], example: tuple[Path, dict[str, Any]]
) -> None:
    plain = json.loads(json.dumps(example[1], default=list))
    plain["dropped"][0]["name"] = "x" * 10_000_000
    query = ask(poisoned(plain))

    assert query("SELECT max(length(name)) FROM files")[0][0] >= 10_000_000
    for table in TABLES:
        for row in query(f'SELECT * FROM "{table.name}"'):
            assert not any(isinstance(cell, str) and "\0" in cell for cell in row)


@pytest.mark.parametrize("payload", PAYLOADS)
def test_names_of_members_may_be_hostile_too(ask: Callable[..., Ask], payload: str) -> None:
    call = {"arguments": [{"name": payload, "value": payload}], payload: payload}
    query = ask({
        payload: {payload: payload},
        "behavior": {"processes": [{"calls": [call], payload: 1}], "summary": {payload: [payload]}, payload: 1},
        "signatures": [{"name": payload, "data": [{payload: payload}]}],
    })  # fmt: skip

    ((value,),) = query("SELECT value FROM summary")
    assert value.replace("\\x00", "").isascii() or value
    assert query("SELECT count(*) FROM calls WHERE json_valid(arguments)") == [(1,)]
    assert query("SELECT count(*) FROM sections WHERE json_valid(json)") == [(2,)]


def test_an_error_leaves_the_database_of_the_earlier_run(tmp_path: Path) -> None:
    target = tmp_path / "report.sqlite"
    target.write_text("from before")

    with pytest.raises(TypeError):
        write_database(target, {"odd": object()})

    assert [path.read_text() for path in tmp_path.iterdir()] == ["from before"]


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "report.sqlite").symlink_to(tmp_path / "victim")

    write_database(tmp_path / "report.sqlite", {})

    assert (tmp_path / "victim").read_text() == "precious"
    assert (tmp_path / "report.sqlite").read_bytes().startswith(b"SQLite format 3\0")


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)
SECTIONS = (
    "target",
    "info",
    "dropped",
    "CAPE",
    "network",
    "behavior",
    "engine",
    "signatures",
    "ttps",
    "score",
)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.dictionaries(st.sampled_from(SECTIONS), json_like))
def test_sections_of_any_shape_become_a_database(ask: Callable[..., Ask], results: dict[str, Any]) -> None:
    assert ask(results)("SELECT count(*) FROM analysis") == [(1,)]
