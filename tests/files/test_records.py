"""The page about `static` lists every record of these modules, with its fields and their types."""

import re
import typing
from pathlib import Path
from types import ModuleType

import pytest

from lib.cuckoo.files import content, elf_records, installer, macho, mailrecords, pdf, script, shortcut
from lib.cuckoo.files.archives import records as archives
from lib.cuckoo.files.office import records as office
from lib.cuckoo.files.pe import records

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "static.md"


def written(annotation: object) -> str:
    text = (
        annotation.__name__
        if isinstance(annotation, type) and not typing.get_args(annotation)
        else str(annotation)
    )
    return re.sub(r"lib\.cuckoo\.[\w.]+\.|typing\.", "", text).replace("NoneType", "None").replace("|", "\\|")


@pytest.mark.parametrize(
    "module",
    [
        records,
        elf_records,
        macho,
        office,
        pdf,
        shortcut,
        installer,
        mailrecords,
        script,
        archives,
        content,
    ],
)
def test_every_record_stands_on_the_page_with_fields_and_types(module: ModuleType) -> None:
    page = PAGE.read_text(encoding="utf-8")
    shapes = [each for each in vars(module).values() if typing.is_typeddict(each)]

    assert shapes
    for shape in shapes:
        part = page.partition(f"### {shape.__name__}\n")[2].partition("\n#")[0]
        rows = re.findall(r"^\| `(\w+)` \| `(.+?)` \|", part, re.MULTILINE)
        assert rows == [(name, written(kind)) for name, kind in typing.get_type_hints(shape).items()], (
            shape.__name__
        )
