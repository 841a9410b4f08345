"""What memory.conf may say."""

from pathlib import Path

import pytest

from lib.cuckoo.common.exceptions import CuckooOperationalError
from lib.cuckoo.common.ini import read_sections
from lib.cuckoo.common.root import SHIPPED
from lib.cuckoo.memory.settings import PluginSettings, plugin_settings

WANTED = {
    "windows": "info pslist psscan pstree cmdline envars dlllist ldrmodules handles malfind hollowprocesses svcscan "
    "modules modscan driverscan callbacks ssdt netscan netstat mutantscan sessions privileges getsids "
    "registry.hivelist vadyarascan",
    "linux": "pslist pstree psaux psscan lsmod check_modules check_syscall lsof sockstat bash malfind mountinfo "
    "elfs envars",
}


def read(tmp_path: Path, text: str) -> list[PluginSettings]:
    file = tmp_path / "memory.conf"
    file.write_text(text)
    return plugin_settings(read_sections(file))


def test_the_shipped_file_enables_what_malware_work_needs() -> None:
    shipped = plugin_settings(read_sections(SHIPPED / "conf" / "memory.conf"))

    for system, names in WANTED.items():
        assert [each.key for each in shipped if each.system == system] == names.split()
    assert all(each.enabled for each in shipped)
    assert any(each.system == "mac" for each in shipped)


def test_a_section_without_options_has_generous_limits(tmp_path: Path) -> None:
    (plugin,) = read(tmp_path, "[windows.registry.hivelist]\n")

    assert (plugin.system, plugin.key) == ("windows", "registry.hivelist")
    assert (plugin.enabled, plugin.timeout_seconds, plugin.memory_mb, plugin.rows) == (
        True,
        600,
        4096,
        100_000,
    )


def test_all_conditions_of_a_filter_must_hold(tmp_path: Path) -> None:
    (plugin,) = read(tmp_path, "[linux.x]\nfilter = Type = ^(file|key)$ ; Name != temp\n")

    def keeps(**row: object) -> bool:
        return all(condition.keeps(row) for condition in plugin.filters)

    assert keeps(Type="File", Name="a")
    assert not keeps(Type="File", Name="C:\\Temp\\a")
    assert not keeps(Type="Event", Name="a")
    assert keeps(Other=1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[pslist]\n", "starts with one of linux, mac, windows"),
        ("[linux.]\n", "starts with one of"),
        ("[linux.x]\ntimeout = 0\n", "timeout must be a whole number from 1, not 0"),
        ("[linux.x]\nrows = many\n", "rows must be a whole number"),
        ("[linux.x]\nfilter = Type\n", "'Type' is not column = pattern"),
        ("[linux.x]\nfilter = Type = (\n", "filter: missing"),
        ("[linux.x]\ntimeuot = 5\n", "unknown option 'timeuot'"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(CuckooOperationalError) as caught:
        read(tmp_path, text)

    assert words in str(caught.value)
    assert "memory.conf:1" in str(caught.value)
