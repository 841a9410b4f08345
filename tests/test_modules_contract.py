"""Every shipped module keeps the contract: one file, one section, one key, and a docstring that is its manual."""

import re
import shutil
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fledge.testing import Outcome, run_module
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.core.limits import OPTION_NAMES
from lib.cuckoo.core.lint import lint_file

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("processing", "reporting")
MODULES = [
    pytest.param(stage, file, id=f"{stage}/{file.stem}")
    for stage in STAGES
    for file in sorted((ROOT / "modules" / stage).glob("[!_]*.py"))
]
NUMBERS = [
    pytest.param(section, option, id=f"{section}/{option}")
    for section, found in read_sections(ROOT / "conf" / "processing.conf").items()
    for option, value in found.options.items()
    if type(value) is int
    and option not in OPTION_NAMES
    and section not in {"hashlookup", "memory", "virustotal"}  # these ask for more than an analysis
]
OPTION = re.compile(r"^    (?P<name>\w+)  ", re.MULTILINE)


@pytest.mark.parametrize(("stage", "file"), MODULES)
def test_the_linter_has_nothing_to_say(stage: str, file: Path) -> None:
    assert lint_file(file) == [], stage


@pytest.mark.parametrize(("stage", "file"), MODULES)
def test_the_docstring_and_the_configuration_name_the_same_options(stage: str, file: Path) -> None:
    manual = file.read_text(encoding="utf-8").split('"""')[1]
    section = read_sections(ROOT / "conf" / f"{stage}.conf")[file.stem]
    configured = section.options.keys() - {"enabled"} - OPTION_NAMES

    assert set(OPTION.findall(manual)) == configured
    assert not configured or f"Options (``[{file.stem}]`` in {stage}.conf):" in manual


@pytest.mark.parametrize(("stage", "file"), MODULES)
def test_there_is_a_test_of_the_same_name(stage: str, file: Path) -> None:
    assert (ROOT / "tests" / "modules" / stage / f"test_{file.stem}.py").is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_every_section_has_a_file(stage: str) -> None:
    for name in read_sections(ROOT / "conf" / f"{stage}.conf"):
        assert (ROOT / "modules" / stage / f"{name}.py").is_file()


@pytest.mark.parametrize("stage", STAGES)
def test_every_configured_option_has_a_comment_above_it(stage: str) -> None:
    lines = (ROOT / "conf" / f"{stage}.conf").read_text(encoding="utf-8").splitlines()
    for before, line in pairwise(lines):
        if "=" in line and not line.startswith(("#", "enabled")):
            shared = line.startswith("limit_") and before.startswith(
                "limit_"
            )  # one comment for a group of limits
            assert shared or before.startswith("#"), line


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example with a dump of a process's memory."""
    folder = tmp_path_factory.mktemp("analyses") / "1"
    shutil.copytree(ROOT / "storage" / "analyses" / "1", folder)
    (folder / "memory").mkdir()
    region = struct.pack("<QIIII", 0x400000, 4096, 0x1000, 0x20000, 4) + bytes(4096)
    (folder / "memory" / "1.dmp").write_bytes(region)
    return folder


@pytest.mark.parametrize(("section", "option"), NUMBERS)
@pytest.mark.parametrize("value", ["many", -1, 10**30])
def test_what_is_no_number_is_refused_by_the_name_of_its_option(
    analysis: Path, section: str, option: str, value: object
) -> None:
    wrong: dict[str, Any] = {option: value}

    _, run = run_module(ROOT / "modules" / "processing" / f"{section}.py", analysis, **wrong)

    assert run.outcome is Outcome.FAILED
    assert f"the option {option} is {value!r}, " in run.reason
