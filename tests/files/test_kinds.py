from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.filetype import describe_bytes
from lib.cuckoo.files.kinds import kind_of

BY_ENDING = {
    ".elf": "elf", ".exe": "pe", ".dll": "pe", ".pyd": "pe", ".docx": "ooxml", ".docm": "ooxml", ".pptx": "ooxml",
    ".pdf": "pdf", ".zip": "zip", ".rar": "rar", ".tgz": "gzip", ".txt": "text", ".msi": "msi", ".ex_": "cab",
    ".cat": "data",
}  # fmt: skip


def test_real_files_are_what_their_names_say(shared_data: Path) -> None:
    seen = set()
    for path in sorted((shared_data / "binaries").glob("*/*")):
        if path.is_file():
            data = path.read_bytes()
            assert kind_of(data, describe_bytes(data)) == BY_ENDING[path.suffix], path
            seen.add(path.suffix)
    assert seen == set(BY_ENDING)


@pytest.mark.parametrize(
    ("data", "described", "kind"),
    [
        (b"", "empty", "data"),
        (b"MZ" + bytes(62), "MS-DOS executable", "dos"),
        (b"MZ", "MS-DOS executable", "dos"),
        (b"\xca\xfe\xba\xbe\0\0\0\x02", "Mach-O universal binary", "macho"),
        (b"\xca\xfe\xba\xbe\0\0\0\x34", "compiled Java class data", "java"),
        (b"\xcf\xfa\xed\xfe", "Mach-O 64-bit", "macho"),
        (b"\n\n%PDF-1.4", "data", "pdf"),
        (b"#!/bin/sh\n", "POSIX shell script, ASCII text executable", "script"),
        (b"@echo off\r\n", "DOS batch file, ASCII text", "script"),
        (b"From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\n", "ASCII text", "eml"),
        (b"From: a@b.example\r\n\r\nTo: c\r\nSubject: x\r\n", "ASCII text", "text"),
        (bytes(257) + b"ustar", "POSIX tar archive", "tar"),
        (bytes(32769) + b"CD001", "ISO 9660", "iso"),
        (b"PK\3\4" + bytes(26) + b"META-INF/MANIFEST.MF", "Zip", "jar"),
        (b"PK\3\4" + bytes(26) + b"mimetypeapplication/vnd.oasis.opendocument.text", "OpenDocument", "odf"),
        (bytes.fromhex("4c0000000114020000000000c000000000000046"), "MS Windows shortcut", "lnk"),
        (b"{\\rtf1", "Rich Text Format", "rtf"),
    ],
)
def test_content_and_words_decide(data: bytes, described: str, kind: str) -> None:
    assert kind_of(data, described) == kind


@given(st.binary(), st.text())
def test_any_bytes_have_a_kind(data: bytes, described: str) -> None:
    assert kind_of(data, described)
