"""Each of our signatures fires on what it is for and is silent on what only looks like it."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.view import SHAPES
from lib.cuckoo.core.signatures.loading import load_signatures
from lib.cuckoo.core.signatures.selection import Definition
from lib.cuckoo.core.signatures.stage import run_signatures
from tests.modules.signatures.cases.behaviour import CASES
from tests.modules.signatures.cases.made import summary
from tests.modules.signatures.cases.windows_settings import ROWS

FOLDER = Path(__file__).resolve().parents[3] / "modules" / "signatures"


@cache
def definitions() -> dict[str, Definition]:
    loading = load_signatures([FOLDER])
    assert not loading.runs
    return {definition.name: definition for definition in loading.definitions}


def matched(name: str, given: dict[str, Any]) -> bool:
    stage = run_signatures([definitions()[name]], given)
    assert not [run.error for run in stage.runs if run.error]
    return bool(stage.matches)


def fires() -> Iterator[tuple[str, dict[str, Any]]]:
    for rows in ROWS.values():
        for name, member, values, _silent in rows:
            yield from ((name, summary(**{member: [value]})) for value in values)
    for cases in CASES.values():
        for name, (firing, _) in cases.items():
            yield from ((name, each) for each in firing)


def silent() -> Iterator[tuple[str, dict[str, Any]]]:
    for rows in ROWS.values():
        for name, member, _fires_on, values in rows:
            yield name, summary(**{member: values})
    for cases in CASES.values():
        for name, (_, alike) in cases.items():
            yield from ((name, each) for each in alike)


@pytest.mark.parametrize(("name", "given"), list(fires()))
def test_it_fires(name: str, given: dict[str, Any]) -> None:
    assert matched(name, given)


@pytest.mark.parametrize(("name", "given"), list(silent()))
def test_it_is_silent_on_what_looks_like_it(name: str, given: dict[str, Any]) -> None:
    assert not matched(name, given)


@pytest.mark.parametrize("name", sorted(definitions()))
def test_it_is_silent_without_any_results(name: str) -> None:
    assert not matched(name, {})


def test_every_signature_has_cases_of_both_kinds_under_its_file() -> None:
    found: dict[str, set[str]] = {}
    for definition in definitions().values():
        found.setdefault(str(Path(definition.file).relative_to(FOLDER)), set()).add(definition.name)
    named = {file: {row[0] for row in ROWS.get(file, [])} | set(CASES.get(file, {})) for file in found}

    assert named == found
    assert set(definitions()) == {name for name, _ in fires()}
    assert set(definitions()) == {
        name for name, given in silent() if str(given) != str(summary(created_services=[]))
    }


@pytest.mark.parametrize("definition", list(definitions().values()), ids=lambda each: each.name)
def test_it_is_described(definition: Definition) -> None:
    cls = definition.cls

    assert cls.description
    assert not cls.description.endswith(".")
    assert "Known false positives:" in (cls.__doc__ or "")
    assert cls.severity in {1, 2, 3}
    assert 0 < cls.confidence <= 100
    assert cls.categories


def test_the_set_is_as_large_as_promised() -> None:
    assert len(definitions()) >= 60


WORDS = (
    *(
        "wmic process call ",
        "net user ",
        "powershell -w ",
        "cmd set a=b& ",
        "ping -n 1 127.0.0.1 ",
        "netsh wlan ",
    ),
    *(
        "wscript \\Temp\\ ",
        "reg add Image File Execution Options ",
        "auditpol /set ",
        "FromBase64String(",
        "a\\",
    ),
    *("wmic shadowcopy ", "how to decrypt ", "your data ", "\\Software\\", "x.exe ", "\\xff", "A"),
)
"""Beginnings of what expressions look for: a thousand of one in a row give a careless one no end of ways to fail."""


def test_values_made_to_confuse_expressions_cost_little() -> None:
    values = [word * (100_000 // len(word)) for word in WORDS]
    lists = dict.fromkeys(SHAPES["behavior"]["summary"], values)
    processes = [
        {"process_id": pid, "process_name": values[0], "module_path": "C:\\a\\x.exe"} for pid in (1, 2)
    ]
    given = {
        "behavior": {"summary": lists, "processes": processes},
        "network": {
            "dns": [{"request": value} for value in values],
            "http": [{"uri": value} for value in values],
        },
        "target": {"file": {"type": "PDF document", "name": values[0]}},
        "static": {"pe": {"sections": [{"name": value} for value in values]}},
        "strings": values,
    }
    stage = run_signatures(list(definitions().values()), given)

    assert [run.error for run in stage.runs if run.error] == []
    assert len(stage.runs) == len(definitions())
