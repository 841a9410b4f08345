"""The walk on a real log in columns, read by either scanner."""

from collections.abc import Callable
from typing import Any

from lib.cuckoo.behavior.calls import Calls
from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.core.signatures.index import LoggedCalls
from lib.cuckoo.core.signatures.selection import Definition
from lib.cuckoo.core.signatures.stage import run_signatures
from tests.behavior.conftest import calls, read, scanner  # noqa: F401 - fixtures
from tests.behavior.writer import Int64, call, info, process

OPEN = info(9, "NtOpenFile", "filesystem", [["FileHandle", "p"], ["DesiredAccess", "h"], "FileName"])
KEY = info(10, "RegOpenKeyExA", "registry", [["Registry", "p"], "SubKey"])


class Opening(Signature):
    name = "opening"
    evented = True
    filter_apinames = frozenset({"NtOpenFile"})

    def on_call(self, call: dict[str, Any], process: Any) -> None:
        self.mark_call()
        self.data.append({"access": self.get_raw_argument(call, "DesiredAccess")})

    def on_complete(self) -> bool:
        return self.check_argument("Software", name="SubKey", api="RegOpenKeyExA") == "Software"


class Iterating(Signature):
    name = "iterating"

    def run(self) -> bool:
        (process,) = self.results["behavior"]["processes"]
        self.data.extend(
            {"api": call["api"], "raw": "raw_value" in call["arguments"][0]} for call in process["calls"]
        )
        return self.check_api("Reg.*", regex=True) == "RegOpenKeyExA"


def test_signatures_read_a_log_in_columns(calls: Callable[[bytes], Calls]) -> None:  # noqa: F811 - the fixture
    log = calls(
        process()
        + OPEN
        + KEY
        + call(9, Int64(0x40), 0x100080, b"C:\\a", time=1)
        + call(10, Int64(0x80000002), b"Software", time=2)
        + call(9, Int64(0x44), 0x100081, b"C:\\b", time=3)
    )
    assert isinstance(log, LoggedCalls)
    results = {"behavior": {"processes": [{"process_id": 3052, "process_name": "a.exe", "calls": log}]}}
    by_name = {
        match["name"]: match
        for match in run_signatures([Definition(Opening), Definition(Iterating)], results).matches
    }

    assert by_name["opening"]["data"] == [
        {"type": "call", "pid": 3052, "cid": 0},
        {"access": 0x100080},
        {"type": "call", "pid": 3052, "cid": 2},
        {"access": 0x100081},
    ]
    assert [each["arguments"]["FileName"] for each in by_name["opening"]["evidence"]["calls"]] == [
        "C:\\a",
        "C:\\b",
    ]
    assert [each["api"] for each in by_name["iterating"]["data"]] == [
        "NtOpenFile",
        "RegOpenKeyExA",
        "NtOpenFile",
    ]
    assert all(each["raw"] for each in by_name["iterating"]["data"])
