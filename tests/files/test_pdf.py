import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files import pdfobjects
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.pdf import describe_pdf
from lib.cuckoo.files.pdfobjects import PdfObject, Reference, Scanner, decoded
from tests.files.reading import cuts, read, survives

SAMPLES = ["pdf-sample.pdf", "pdf0.pdf", "pdf1-stringjs.pdf"]
PIECES = [
    "1 0 obj",
    "<<",
    ">>",
    "[",
    "]",
    "/JS ",
    "/Type",
    "/ObjStm",
    "(",
    ")",
    "<41>",
    "1 0 R ",
    "stream\n",
    "endobj",
    "7",
]


def document(*bodies: bytes) -> bytes:
    objects = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, body) for number, body in enumerate(bodies, 1))
    return b"%PDF-1.7\n" + objects + b"trailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n"


def stream(entries: bytes, content: bytes) -> bytes:
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries, len(content), content)


def pdf(*bodies: bytes, budget: Budget | None = None) -> Any:
    return read(describe_pdf, document(*bodies), budget)


def truth(shared_data: Path, name: str) -> list[dict[str, Any]]:
    path = shared_data / "binaries" / "cuckoo" / f"{name}.truth" / "cuckoo2-target-static-strings.json"
    versions: list[dict[str, Any]] = json.loads(path.read_bytes())["static"]["pdf"]
    return versions


@pytest.mark.parametrize("name", SAMPLES)
def test_real_documents_agree_with_what_another_engine_found(shared_data: Path, name: str) -> None:
    ours = read(describe_pdf, (shared_data / "binaries" / "cuckoo" / name).read_bytes())
    theirs = truth(shared_data, name)

    assert ours["metadata"].get("author", "") == theirs[0]["author"]
    assert ours["metadata"].get("producer", "") == theirs[0]["producer"]
    assert ours["metadata"].get("title", "") == theirs[0]["title"]
    # theirs splits the document at each end and gives the object's closing brackets with a script that is a stream
    codes = {
        script["orig_code"].partition("stream\r")[2] or script["orig_code"]
        for v in theirs
        for script in v["javascript"]
    }
    # and lays scripts out anew
    assert {"".join(code.split()) for code in codes} == {
        "".join(script["code"].split()) for script in ours["javascript"]
    }
    assert ours["updates"] == len(theirs)


def test_a_script_that_is_a_stream_runs_when_the_real_document_is_opened(shared_data: Path) -> None:
    found = read(describe_pdf, (shared_data / "binaries" / "cuckoo" / "pdf0.pdf").read_bytes())

    assert (found["version"], found["open_action"], found["pages"]) == ("1.5", "JavaScript", 1)
    assert found["names"] == {"JS": 1, "JavaScript": 1, "OpenAction": 1}
    assert found["javascript"][0]["code"].startswith("var x = unescape('%48%65")


def test_real_documents_cut_or_damaged_anywhere_are_survived(shared_data: Path) -> None:
    for name in SAMPLES:
        for data in cuts((shared_data / "binaries" / "cuckoo" / name).read_bytes(), 40):
            survives(describe_pdf, data)


def test_names_hidden_by_numbers_are_seen_through() -> None:
    found = pdf(
        b"<< /Type /Catalog /Open#41ction 2 0 R >>", b"<< /S /J#61vaScript /#4a#53 (app.alert\\(1\\)) >>"
    )

    assert found["escaped_names"] == ["OpenAction", "JavaScript", "JS"]
    assert found["open_action"] == "JavaScript"
    assert found["javascript"] == [{"object": 2, "code": "app.alert(1)", "size": 12}]


def test_a_launched_program_with_its_arguments() -> None:
    found = pdf(
        b"<< /S /Launch /Win << /F (cmd.exe) /P (/c calc) >> >>", b"<< /S /URI /URI (http://x.example/) >>"
    )

    assert [(each["type"], each["target"]) for each in found["actions"]] == [
        ("Launch", "cmd.exe /c calc"),
        ("URI", "http://x.example/"),
    ]
    assert found["urls"] == ["http://x.example/"]


def test_an_embedded_file_is_named_and_hashed() -> None:
    content = stream(b"/Type /EmbeddedFile /Filter /FlateDecode", zlib.compress(b"MZ"))
    found = pdf(b"<< /Type /Filespec /F (a.exe) /UF <FEFF0062> /EF << /F 2 0 R >> >>", content)

    assert [(each["name"], each["size"], each["kind"]) for each in found["embedded"]] == [("b", 2, "dos")]


def test_objects_packed_into_a_stream_are_read() -> None:
    inside = b"5 0 6 11 << /A /B >> << /S /JavaScript /JS (packed) >>"
    content = stream(b"/Type /ObjStm /N 2 /First 9 /Filter /FlateDecode", zlib.compress(inside))

    assert [script["code"] for script in pdf(content)["javascript"]] == ["packed"]


def test_encryption_is_described() -> None:
    data = document(b"<< /Filter /Standard /V 4 /R 4 /Length 128 /P -1340 >>").replace(
        b"/Root", b"/Encrypt 1 0 R /Root"
    )

    assert read(describe_pdf, data)["encryption"] == {
        "filter": "Standard",
        "version": 4,
        "revision": 4,
        "bits": 128,
        "permissions": -1340,
    }


def test_objects_that_refer_to_each_other_in_a_circle_end() -> None:
    found = pdf(b"2 0 R", b"1 0 R", b"<< /JS 1 0 R /S 3 0 R /F 2 0 R /EF 1 0 R /OpenAction 1 0 R >>")

    assert found["javascript"] == []
    assert found["open_action"] == "missing"


def test_a_stream_that_unpacks_to_more_than_allowed_is_noted() -> None:
    bomb = zlib.compress(zlib.compress(bytes(64 << 20), 9), 9)
    budget = Budget(unpacked=1 << 20)

    found = pdf(
        stream(b"/Type /ObjStm /N 1 /First 4 /Filter [/FlateDecode /FlateDecode]", bomb), budget=budget
    )

    assert found["objects"] == 1
    assert budget.notes == ["pdf: object 1: the file unpacks to more than the option unpacked allows"]


def test_after_the_budget_is_used_up_nothing_is_unpacked() -> None:
    bomb = stream(b"/Type /ObjStm /Filter /FlateDecode", zlib.compress(bytes(2 << 20)))
    budget = Budget(unpacked=1 << 20)

    pdf(*[bomb] * 5, budget=budget)

    assert len(budget.notes) == 5
    assert budget.unpacked > -(1 << 20)


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        (b"ASCIIHexDecode", b"61 62 6>", b"ab`"),
        (b"A85", b"<~87cURD]i~>", b"Hello "),
        (b"RunLengthDecode", b"\2abc\xfed\x80zz", b"abcddd"),
        (b"LZWDecode", bytes.fromhex("800b6050220c0c8501"), b"-----A---B"),
        (b"FlateDecode", zlib.compress(b"cut short" * 9)[:-6], b"cut short"),
    ],
)
def test_each_filter_is_undone(name: bytes, raw: bytes, expected: bytes) -> None:
    value = Scanner(b"<< /Filter /" + name + b" >>").value()

    assert decoded(PdfObject(1, value, 0, raw), Budget())[:10].startswith(expected[:9])


@pytest.mark.parametrize("filters", [b"/DCTDecode", b"[" + b"/AHx " * 9 + b"]", b"7"])
def test_filters_that_hold_no_text_are_refused(filters: bytes) -> None:
    value = Scanner(b"<< /Filter " + filters + b" >>").value()

    with pytest.raises(CuckooProcessingError):
        decoded(PdfObject(1, value, 0, b"00"), Budget())


def test_rows_predicted_from_those_above_are_restored() -> None:
    value = Scanner(b"<< /Filter /Fl /DecodeParms << /Predictor 12 /Columns 2 >> >>").value()
    rows = zlib.compress(b"\2\1\2" + b"\2\1\1" + b"\1\1\1" + b"\0\5\6")

    assert decoded(PdfObject(1, value, 0, rows), Budget()) == bytes([1, 2, 2, 3, 1, 2, 5, 6])


def test_values_of_every_kind() -> None:
    scan = Scanner(b"<< /A [1 -2.5 true null] /B (a\\(b\\051 \\n(c)) /C <4 1> /D 3 0 R % no\n/E /F#20G >>")

    value = scan.value()

    assert value == {
        "A": [1, -2.5, True, None],
        "B": b"a(b) \n(c)",
        "C": b"A",
        "D": Reference(3),
        "E": "F G",
    }
    assert [name for name in scan.names if name.escaped] == ["F G"]


def test_values_nested_without_end_are_cut() -> None:
    value = Scanner(b"[" * 5000 + b"]" * 5000, 20_000).value()

    depth = 0
    while isinstance(value, list) and value:
        value, depth = value[0], depth + 1
    assert depth <= pdfobjects.MAXIMUM_DEPTH + 1


def test_a_document_of_too_many_values_is_cut_and_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdfobjects, "MAXIMUM_VALUES", 10)
    budget = Budget()

    found = pdf(b"[1 2 3 4 5 6 7 8 9]", b"<< /JS (x) >>", budget=budget)

    assert found["objects"] == 1
    assert budget.notes == ["pdf: only the first 10 values are read"]


@pytest.mark.parametrize(
    "trap", [b"1 0 obj << stream\n", b"1 0 obj (", b"<", b"1 0 obj <<", b"/", b"1 ", b"trailer<<"]
)
def test_a_trap_repeated_without_end_is_survived(trap: bytes) -> None:
    survives(describe_pdf, b"%PDF-1.7\n1 0 obj\n" + trap * 20_000)


def test_data_without_objects_is_refused() -> None:
    with pytest.raises(CuckooProcessingError, match="no objects"):
        read(describe_pdf, b"%PDF-1.7\n")


@given(
    st.lists(
        st.sampled_from(PIECES) | st.binary(max_size=4).map(lambda raw: raw.decode("latin-1")), max_size=40
    )
)
def test_any_document_is_survived(pieces: list[str]) -> None:
    survives(describe_pdf, b"%PDF-1.7\n1 0 obj " + " ".join(pieces).encode("latin-1"))
