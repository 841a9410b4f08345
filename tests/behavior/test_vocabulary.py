"""The tables themselves: well formed, complete in what they promise, free of duplicates."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lib.cuckoo.behavior.vocabulary as module
from lib.cuckoo.behavior.vocabulary import CODE_LISTS, TABLE_FILES, number_of, rules, vocabulary

ROOT = Path(__file__).resolve().parent.parent.parent
DATA = Path(module.__file__).parent / "data"
_COMPOSITE_ALLOWED = re.compile(
    r".*_ALL_ACCESS|STANDARD_RIGHTS_.*|(FILE_GENERIC|KEY|TOKEN)_(READ|WRITE|EXECUTE)"
    r"|TH32CS_SNAPALL|SERVICE_WIN32|SERVICE_STATE_ALL|SEC_IMAGE_NO_EXECUTE|CRYPT_VERIFYCONTEXT|WINHTTP_FLAG_SECURE_DEFAULTS"
)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    twice = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    assert not twice, f"named twice: {twice}"
    return dict(pairs)


def _tables() -> Iterator[tuple[str, dict[str, Any]]]:
    for file_name in TABLE_FILES:
        loaded = json.loads((DATA / file_name).read_text("utf-8"), object_pairs_hook=_without_duplicates)
        yield from loaded.items()


TABLES = dict(_tables())


def test_every_data_file_is_read_by_the_code() -> None:
    named = {*TABLE_FILES, *CODE_LISTS.values(), "arguments.json", "returns.json"}

    assert {path.name for path in DATA.iterdir()} == named


def test_no_table_is_in_two_files() -> None:
    assert len(list(_tables())) == len(TABLES)


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_names_its_source_and_has_known_parts_only(name: str) -> None:
    table = TABLES[name]

    assert re.search(r"\b\w+\.h\b|ntdll", table["source"])
    assert set(table) <= {"source", "values", "fields", "flags", "first", "last"}
    assert table.keys() & {"values", "fields", "flags"}


@pytest.mark.parametrize("name", sorted(TABLES))
def test_no_number_has_two_names(name: str) -> None:
    table = TABLES[name]

    for names in [table.get("values", {}), *(field["values"] for field in table.get("fields", []))]:
        numbers = [int(number, 0) for number in names.values()]
        assert len(numbers) == len(set(numbers))
    flags = [bits for bits, _ in vocabulary(name).flags]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("name", sorted(TABLES))
def test_flags_are_single_bits_or_composites_before_their_parts(name: str) -> None:
    flags = vocabulary(name).flags

    for position, (bits, flag) in enumerate(flags):
        assert 0 < bits <= 0xFFFFFFFF
        assert bits.bit_count() == 1 or _COMPOSITE_ALLOWED.fullmatch(flag), flag
        earlier = [other for other, _ in flags[:position]]
        assert not any(bits & other == other for other in earlier), f"{flag} stands after a part of it"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_fields_and_flags_do_not_overlap(name: str) -> None:
    table = vocabulary(name)
    taken = 0

    for field in table.fields:
        assert not field.mask & taken
        assert all(number & ~field.mask == 0 for number in field.names)
        taken |= field.mask
    assert not any(bits & taken for bits, _ in table.flags)


@pytest.mark.parametrize("file_name", sorted(CODE_LISTS.values()))
def test_a_code_list_names_its_source_and_each_code_once_in_order(file_name: str) -> None:
    lines = (DATA / file_name).read_text("utf-8").splitlines()
    codes = [int(line.split("\t")[0], 16) for line in lines if not line.startswith("#")]

    assert lines[0].startswith("# source: ")
    assert all(re.fullmatch(r"# .+|0x[0-9a-f]{8}\t[A-Z]\w+", line) for line in lines)
    assert codes == sorted(set(codes))


def test_names_of_a_code_list_are_unique_but_for_controls_that_changed_their_access() -> None:
    counted = Counter(name for file_name in CODE_LISTS.values() for name in module.codes(file_name).values())

    assert {name for name, count in counted.items() if count > 1} == {
        "IOCTL_MOUNTDEV_LINK_CREATED",
        "IOCTL_MOUNTDEV_LINK_DELETED",
    }


def test_severity_of_a_status_fits_the_number() -> None:
    statuses = module.codes("ntstatus.tsv")

    assert all(code >> 28 in {0x0, 0x4, 0x8, 0xC} for code in statuses)
    assert {name for name in statuses.values() if not name.startswith("STATUS_")} == {
        name for name in statuses.values() if name.startswith(("DBG_", "RPC_NT_"))
    }


def test_every_rule_names_a_table_and_every_table_is_named_by_a_rule() -> None:
    used = {rule["table"] for rule in rules("arguments.json")}
    parts = {table[part] for table in TABLES.values() for part in ("first", "last") if part in table}

    assert used <= {*TABLES, *CODE_LISTS, "exit_status"}
    assert set(TABLES) <= used | parts


def test_no_rule_is_hidden_by_an_earlier_one() -> None:
    earlier: dict[str, list[str]] = {}
    for rule in rules("arguments.json"):
        for name in {argument.replace("_", "").lower() for argument in rule["arguments"]}:
            for api in rule["apis"]:
                example = api.replace("[A-Z]", "X").replace("*", "").replace("?", "W")
                hiding = [pattern for pattern in earlier.get(name, []) if fnmatchcase(example, pattern)]
                assert not hiding, f"{name} of {api} never reaches {rule['table']}"
            earlier.setdefault(name, []).extend(rule["apis"])


def test_the_reference_page_lists_every_table() -> None:
    page = (ROOT / "docs" / "reference" / "readable-values.md").read_text("utf-8")
    told = set(re.findall(r"`([a-z][a-z0-9_]+)`", page))

    used = {rule["table"] for rule in rules("arguments.json")} | set(CODE_LISTS)
    assert used - told == set()


def test_returns_name_a_code_list_or_nothing() -> None:
    assert {rule["codes"] for rule in rules("returns.json")} == {None, "ntstatus", "win32_error", "hresult"}


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(KeyError, match="no_such_table"):
        vocabulary("no_such_table")


@pytest.mark.parametrize(
    ("value", "number"),
    [
        ("0", 0),
        ("-1", 0xFFFFFFFF),
        ("-2147483648", 0x80000000),
        ("-2147483649", 0xFFFFFFFF7FFFFFFF),
        ("0xffffffff80000000", 0x80000000),
        ("0xffffffff7fffffff", 0xFFFFFFFF7FFFFFFF),
        ("0X10", 16),
        ("9223372036854775808", 1 << 63),
        ("99999999999999999999", None),
        ("0x10000000000000000", None),
        ("0b1", None),
        ("1e3", None),
    ],
)
def test_numbers_are_unsigned_and_sign_extension_is_undone(value: str, number: int | None) -> None:
    assert number_of(value) == number


@given(st.text())
def test_any_text_is_a_number_of_64_bits_or_none(value: str) -> None:
    number = number_of(value)

    assert number is None or 0 <= number < 1 << 64


@given(st.sampled_from(sorted(TABLES)), st.integers(0, 2**64 - 1))
def test_flags_in_words_add_up_to_the_number(name: str, number: int) -> None:
    table = vocabulary(name)
    bits_of: dict[str, set[int]] = {}
    for bits, flag in table.flags:
        bits_of.setdefault(flag, set()).add(bits)
    text = table.words(number)

    if table.fields or table.values.get(number) or text is None:
        return
    total = 0
    for word in text.split("|"):
        total |= int(word, 16) if word.startswith("0x") else max(b for b in bits_of[word] if number & b == b)
    assert total == number
