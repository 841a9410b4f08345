from typing import Any

from lib.cuckoo.reporting.diff.record import Processes
from tests.reporting.diff.runs import difference, process, report

SAMPLE, TEMP = "C:\\a.exe", "C:\\Users\\maxine\\AppData\\Local\\Temp\\"
CMD = "C:\\Windows\\System32\\cmd.exe"


def matched(a: list[dict[str, Any]], b: list[dict[str, Any]], **more: Any) -> Processes:
    found = difference(report(*a), report(*b), "processes", **more).processes
    assert found is not None
    return found


def pids(found: Processes) -> list[tuple[str, str, str]]:
    return [(pair.a.pid, pair.b.pid, pair.how) for pair in found.pairs]


def test_numbers_of_processes_do_not_count() -> None:
    one = [process(10, SAMPLE), process(11, CMD, parent=10, command="cmd /c dir")]
    other = [process(80, SAMPLE), process(70, CMD, parent=80, command="cmd /c dir")]

    found = matched(one, other)

    assert pids(found) == [("10", "80", "all"), ("11", "70", "all")]
    assert (found.only_a, found.only_b) == ([], [])


def test_equal_processes_belong_together_in_their_order() -> None:
    one = [process(number, CMD, command="cmd") for number in (1, 2, 3)]
    other = [process(number, CMD, command="cmd") for number in (7, 8)]

    found = matched(one, other)

    assert pids(found) == [("1", "7", "all"), ("2", "8", "all")]
    assert [each.pid for each in found.only_a] == ["3"]


def test_the_command_line_tells_processes_of_one_program_apart() -> None:
    one = [process(1, CMD, command="cmd one"), process(2, CMD, command="cmd two")]
    other = [process(3, CMD, command="cmd two"), process(4, CMD, command="cmd one")]

    assert pids(matched(one, other)) == [("1", "4", "all"), ("2", "3", "all")]


def test_the_place_in_the_tree_tells_equal_commands_apart() -> None:
    one = [process(1, SAMPLE), process(2, "C:\\b.exe"), process(3, CMD, parent=1), process(4, CMD, parent=2)]
    other = [
        process(1, SAMPLE),
        process(2, "C:\\b.exe"),
        process(3, CMD, parent=2),
        process(4, CMD, parent=1),
    ]

    assert pids(matched(one, other))[2:] == [("3", "4", "all"), ("4", "3", "all")]


def test_the_place_in_the_tree_is_the_whole_chain_of_programs() -> None:
    def tree(first: str, second: str) -> list[dict[str, Any]]:
        return [
            *(process(1, first), process(2, CMD, parent=1), process(3, "C:\\x.exe", parent=2)),
            *(process(4, second), process(5, CMD, parent=4), process(6, "C:\\x.exe", parent=5)),
        ]

    found = matched(tree(SAMPLE, "C:\\b.exe"), tree("C:\\b.exe", SAMPLE))

    assert [(a, b) for a, b, _ in pids(found)] == [
        *(("1", "4"), ("2", "5"), ("3", "6"), ("4", "1"), ("5", "2"), ("6", "3")),
    ]


def test_what_they_have_in_common_is_told() -> None:
    moved = matched([process(1, SAMPLE), process(2, CMD, parent=1)], [process(1, SAMPLE), process(2, CMD)])
    command = matched([process(1, CMD, command="a")], [process(1, CMD, command="b")])
    name = matched([process(1, "C:\\x\\a.exe")], [process(1, "D:\\y\\a.exe")])
    folder = matched([process(1, TEMP + "qwe.exe")], [process(1, TEMP + "rty.exe")])

    assert [pids(found)[-1][2] for found in (moved, command, name, folder)] == [
        "program and command",
        "program and place",
        "name",
        "folder and place",
    ]


def test_two_programs_of_windows_are_never_the_same() -> None:
    found = matched([process(1, CMD)], [process(1, CMD.replace("cmd", "powershell"))])

    assert (pids(found), len(found.only_a), len(found.only_b)) == ([], 1, 1)


def test_samples_of_different_names_are_the_same_process() -> None:
    one = report(process(1, TEMP + "invoice.exe"), target={"file": {"name": "invoice.exe"}})
    other = report(process(1, TEMP + "order.exe"), target={"file": {"name": "order.exe"}})

    found = difference(one, other, "processes").processes

    assert found is not None
    assert pids(found) == [("1", "1", "all")]


def test_processes_of_the_second_family_have_other_words() -> None:
    one = {
        "pid": 5,
        "ppid": 1,
        "process_name": "a.exe",
        "process_path": SAMPLE,
        "command_line": "a 1",
        "calls": [],
    }

    assert pids(matched([one], [process(9, SAMPLE, command="a 1")])) == [("5", "9", "all")]


def test_a_very_deep_tree_is_matched() -> None:
    def chain(first: int) -> list[dict[str, Any]]:
        return [process(first + number, SAMPLE, parent=first + number - 1) for number in range(3000)]

    found = matched(chain(1), chain(9000))

    assert {how for _, _, how in pids(found)} == {"all"}
