"""Every line of the contract's Signature table, the odd ones included."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lib.cuckoo.common.abstracts import Signature


def call(api: str, category: str = "system", **arguments: object) -> dict[str, Any]:
    pairs = [{"name": name, "value": value} for name, value in arguments.items()]
    return {"api": api, "category": category, "status": True, "return": "0x00000000", "arguments": pairs}


RESULTS: dict[str, Any] = {
    "behavior": {
        "summary": {
            "files": ["C:\\Temp\\One.exe", "C:\\Temp\\two.exe", "D:\\three.txt"],
            "read_files": ["C:\\read.txt"],
            "write_files": ["C:\\write.txt"],
            "delete_files": ["C:\\delete.txt"],
            "keys": ["HKEY_CURRENT_USER\\Software\\Any"],
            "read_keys": ["HKEY_CURRENT_USER\\Software\\Read"],
            "write_keys": ["HKEY_CURRENT_USER\\Software\\Write"],
            "delete_keys": ["HKEY_CURRENT_USER\\Software\\Delete"],
            "mutexes": ["Global\\Mutex"],
            "started_services": ["Started"],
            "created_services": ["Created"],
            "executed_commands": ["cmd.exe /c dir"],
        },
        "processes": [
            {
                "process_id": 100,
                "process_name": "first.exe",
                "environ": {"UserName": "user"},
                "calls": [
                    call("NtCreateFile", "filesystem", FileName="C:\\One", Access="0x1"),
                    call("NtClose", Handle="0x00000010"),
                ],
            },
            {
                "process_id": 200,
                "process_name": "Second.exe",
                "calls": [
                    call("NtCreateFile", "filesystem", FileName="c:\\two"),
                    call("NtCreateKey", "registry"),
                ],
            },
            {"process_id": 100, "process_name": "third.exe", "calls": []},
        ],
    },
    "network": {
        "hosts": [{"ip": "10.1.2.3"}, {"ip": "8.8.8.8"}],
        "domains": [{"domain": "Example.com", "ip": ""}],
        "http": [{"uri": "http://example.com/A"}],
    },
}
SUMMARY_SEARCHES = {
    "check_file": "D:\\three.txt",
    "check_read_file": "C:\\read.txt",
    "check_write_file": "C:\\write.txt",
    "check_delete_file": "C:\\delete.txt",
    "check_key": "HKEY_CURRENT_USER\\Software\\Any",
    "check_read_key": "HKEY_CURRENT_USER\\Software\\Read",
    "check_write_key": "HKEY_CURRENT_USER\\Software\\Write",
    "check_delete_key": "HKEY_CURRENT_USER\\Software\\Delete",
    "check_mutex": "Global\\Mutex",
    "check_started_service": "Started",
    "check_created_service": "Created",
    "check_executed_command": "cmd.exe /c dir",
    "check_ip": "8.8.8.8",
    "check_domain": "Example.com",
    "check_url": "http://example.com/A",
}


@pytest.fixture
def signature() -> Signature:
    return Signature(RESULTS)


@pytest.mark.parametrize(("method", "value"), SUMMARY_SEARCHES.items())
def test_a_search_without_regex_is_equality_ignoring_case(
    signature: Signature, method: str, value: str
) -> None:
    search = getattr(signature, method)

    assert search(value) == value
    assert search(value.upper()) == value
    assert search(value[:-1]) is None


@pytest.mark.parametrize(("method", "value"), SUMMARY_SEARCHES.items())
def test_a_search_with_regex_matches_from_the_start_ignoring_case(
    signature: Signature, method: str, value: str
) -> None:
    search = getattr(signature, method)

    assert search(f"{value[0].lower()}.*", regex=True) is not None
    assert search(".*" + value[-3:].upper() + "$", regex=True) == value
    assert search(value[1:4].replace("\\", "."), regex=True) is None, "re.match, not re.search"
    assert search("nothing at all", regex=True, all=True) is None


@pytest.mark.parametrize("method", SUMMARY_SEARCHES)
def test_a_search_in_an_absent_section_finds_nothing(method: str) -> None:
    assert getattr(Signature({}), method)("x") is None
    assert getattr(Signature({"behavior": {}, "network": {}}), method)("x", regex=True, all=True) is None


def test_all_with_regex_gives_the_set_of_hits(signature: Signature) -> None:
    assert signature.check_file(r"c:\\temp\\.*", regex=True, all=True) == {
        "C:\\Temp\\One.exe",
        "C:\\Temp\\two.exe",
    }


def test_without_all_the_first_hit_is_given(signature: Signature) -> None:
    assert signature.check_file(r"c:\\temp\\.*", regex=True) == "C:\\Temp\\One.exe"


def test_all_without_regex_still_gives_the_hit_itself(signature: Signature) -> None:
    assert signature.check_file("c:\\temp\\one.exe", all=True) == "C:\\Temp\\One.exe"


def test_a_value_that_is_no_text_is_passed_over() -> None:
    signature = Signature({"behavior": {"summary": {"files": [None, 7, b"a", "a"]}}})

    assert signature.check_file("a") == "a"


def test_old_hosts_and_domains_are_bare_values() -> None:
    signature = Signature({"network": {"hosts": ["1.2.3.4"], "domains": ["a.example"]}})

    assert signature.check_ip("1.2.3.4") == "1.2.3.4"
    assert signature.check_domain("A.example") == "a.example"


def test_get_argument_gives_the_value_or_none(signature: Signature) -> None:
    one = call("NtCreateFile", FileName="C:\\One", Empty="")

    assert signature.get_argument(one, "FileName") == "C:\\One"
    assert signature.get_argument(one, "Empty") == ""
    assert signature.get_argument(one, "filename") is None
    assert signature.get_argument({"api": "NtClose"}, "Handle") is None


def test_of_two_arguments_with_one_name_the_first_counts(signature: Signature) -> None:
    twice = {"arguments": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}

    assert signature.get_argument(twice, "a") == "1"


def test_arguments_of_one_call_are_never_given_for_another(signature: Signature) -> None:
    calls = [call("NtClose", Handle=str(number)) for number in range(3)]

    assert [signature.get_argument(one, "Handle") for one in calls * 2] == ["0", "1", "2", "0", "1", "2"]


def test_get_raw_argument_gives_what_the_monitor_logged(signature: Signature) -> None:
    logged = {"arguments": [{"name": "Protection", "value": "0x00000040", "raw_value": 64}]}

    assert signature.get_raw_argument(logged, "Protection") == 64
    assert signature.get_raw_argument(logged, "Other") is None


@pytest.mark.parametrize(
    ("value", "raw"),
    [("0x00000040", 64), ("42", 42), ("0xzz", "0xzz"), ("text", "text"), ("", ""), ("²", "²")],
)
def test_a_raw_argument_of_a_call_from_a_report_is_read_from_its_text(value: str, raw: object) -> None:
    assert Signature().get_raw_argument(call("NtClose", Handle=value), "Handle") == raw


def test_check_api_searches_the_calls(signature: Signature) -> None:
    assert signature.check_api("NtCreateKey") == "NtCreateKey"
    assert signature.check_api("ntcreatekey") is None
    assert signature.check_api("NtCreate") is None
    assert signature.check_api("ntcreate.*", regex=True) == "NtCreateFile"
    assert signature.check_api("NtCreate.*", regex=True, all=True) == {"NtCreateFile", "NtCreateKey"}
    assert signature.check_api("Nothing") is None


def test_check_api_limits_itself_to_a_process_ignoring_case(signature: Signature) -> None:
    assert signature.check_api("NtClose", process="FIRST.EXE") == "NtClose"
    assert signature.check_api("NtClose", process="second.exe") is None


def test_check_argument_applies_every_filter_it_is_given(signature: Signature) -> None:
    assert signature.check_argument("C:\\One") == "C:\\One"
    assert (
        signature.check_argument("C:\\One", name="FileName", api="NtCreateFile", category="filesystem")
        == "C:\\One"
    )
    assert signature.check_argument("C:\\One", name="Access") is None
    assert signature.check_argument("C:\\One", api="NtClose") is None
    assert signature.check_argument("C:\\One", category="registry") is None
    assert signature.check_argument("C:\\One", process="Second.exe") is None


def test_check_argument_respects_case_unless_told(signature: Signature) -> None:
    assert signature.check_argument("c:\\one") is None
    assert signature.check_argument("c:\\one", ignorecase=True) == "C:\\One"
    assert signature.check_argument(r"c:\\.*", regex=True) == "c:\\two"
    assert signature.check_argument(r"c:\\.*", regex=True, all=True, ignorecase=True) == {
        "C:\\One",
        "c:\\two",
    }


def test_check_argument_call_looks_at_one_call_only(signature: Signature) -> None:
    one = RESULTS["behavior"]["processes"][0]["calls"][0]

    assert signature.check_argument_call(one, "C:\\One", name="FileName") == "C:\\One"
    assert signature.check_argument_call(one, "c:\\one") is None
    assert signature.check_argument_call(one, "c:\\one", ignorecase=True) == "C:\\One"
    assert signature.check_argument_call(one, "C:.*|0x.*", regex=True, all=True) == {"C:\\One", "0x1"}
    assert signature.check_argument_call(one, "C:\\One", api="NtClose") is None
    assert signature.check_argument_call(one, "C:\\One", category="registry") is None


class Log(list[dict[str, Any]]):
    """Calls that filter themselves, and count what was taken from them unfiltered."""

    iterated = 0

    def of(self, api: str = "", category: str = "") -> Iterator[dict[str, Any]]:
        return (c for c in list.__iter__(self) if api in {"", c["api"]} and category in {"", c["category"]})

    def __iter__(self) -> Iterator[dict[str, Any]]:
        self.iterated += 1
        return super().__iter__()


def test_searches_by_name_leave_the_filtering_to_a_log_that_can() -> None:
    log = Log([call("NtClose", Handle="1"), call("NtOpenKey", "registry", Handle="2")])
    signature = Signature({"behavior": {"processes": [{"process_name": "a", "calls": log}]}})

    assert signature.check_api("NtOpenKey") == "NtOpenKey"
    assert signature.check_argument("2", category="registry") == "2"
    assert signature.check_argument("1", category="registry") is None
    assert log.iterated == 0
    assert signature.check_argument("1") == "1"
    assert log.iterated == 1


def test_processes_are_looked_up(signature: Signature) -> None:
    assert signature.check_process_name("SECOND") == "Second.exe"
    assert signature.check_process_name(r"\.exe$", all=True) == {"first.exe", "Second.exe", "third.exe"}
    assert signature.check_process_name("fourth") is None
    assert signature.check_process_name("fourth", all=True) is None
    assert signature.get_pids() == [100, 200]


def test_the_initial_process_is_the_first(signature: Signature) -> None:
    initial = signature.get_initial_process()

    assert initial is not None
    assert initial["process_name"] == "first.exe"
    assert Signature({}).get_initial_process() is None


@pytest.mark.parametrize(("pid", "name"), [(200, "Second.exe"), ("200", "Second.exe"), (100, "first.exe")])
def test_a_process_is_named_by_its_id(signature: Signature, pid: int | str, name: str) -> None:
    assert signature.get_name_from_pid(pid) == name


@pytest.mark.parametrize("pid", [None, 0, 999, "x", ""])
def test_an_unknown_id_has_no_name(signature: Signature, pid: int | str | None) -> None:
    assert signature.get_name_from_pid(pid) is None


def test_an_environment_entry_is_read_or_none(signature: Signature) -> None:
    assert signature.get_environ_entry(signature.get_initial_process(), "UserName") == "user"
    assert signature.get_environ_entry(signature.get_initial_process(), "TempPath") is None
    assert signature.get_environ_entry({"process_name": "bare"}, "UserName") is None
    assert signature.get_environ_entry(None, "UserName") is None


def test_yara_hits_come_from_every_section() -> None:
    def record(path: str) -> dict[str, Any]:
        return {"path": path, "yara": [{"name": "Evil_Rule"}, {"name": "other"}], "cape_yara": []}

    unpacked = {"tool": {"extracted_files": [record("6")]}}
    results = {
        "target": {"category": "file", "file": {**record("0"), "selfextract": unpacked}},
        "dropped": [record("1")],
        "procdump": [record("2")],
        "procmemory": [record("3")],
        "CAPE": {"payloads": [{"path": "4", "cape_yara": [{"name": "EVIL_RULE_2"}]}]},
        "extracted": [record("5")],
    }
    hits = list(Signature(results).yara_detected("evil_rule"))

    assert [(source, path, match["name"]) for source, path, match, _block in hits] == [
        ("sample", "0", "Evil_Rule"),
        ("dropped", "1", "Evil_Rule"),
        ("procdump", "2", "Evil_Rule"),
        ("procmemory", "3", "Evil_Rule"),
        ("CAPE", "4", "EVIL_RULE_2"),
        ("extracted", "5", "Evil_Rule"),
        ("extracted", "6", "Evil_Rule"),
    ]
    assert hits[1][3] == record("1")


def test_yara_without_sections_detects_nothing() -> None:
    assert list(Signature({}).yara_detected(".*")) == []
    assert [
        hit[0] for hit in Signature({"CAPE": [{"path": "4", "yara": [{"name": "a"}]}]}).yara_detected("a")
    ] == ["CAPE"]


def test_suricata_alerts_are_searched_but_for_the_banned() -> None:
    signature = Signature({"suricata": {"alerts": [{"sid": 1, "signature": "ET MALWARE Something"}]}})

    assert signature.check_suricata_alerts("malware") is True
    assert signature.check_suricata_alerts("trojan") is False
    signature.banned_suricata_sids = (1,)
    assert signature.check_suricata_alerts("malware") is False
    assert Signature({}).check_suricata_alerts(".") is False


def test_earlier_matches_are_visible() -> None:
    signature = Signature({"signatures": [{"name": "earlier", "data": [{"a": 1}]}]})

    assert signature.signature_matched("earlier") is True
    assert signature.signature_matched("other") is False
    assert signature.get_signature_data("earlier") == [{"a": 1}]
    assert signature.get_signature_data("other") == []


def test_mark_call_adds_process_and_index_each_time(signature: Signature) -> None:
    signature.pid, signature.cid = 100, 0
    signature.mark_call()
    signature.mark_call("ignored", ioc="ignored")

    assert signature.data == [{"type": "call", "pid": 100, "cid": 0}] * 2


def test_add_match_keeps_what_identifies_the_process(signature: Signature) -> None:
    assert not signature.has_matches()
    signature.add_match(signature.get_initial_process(), "file", "a.exe")
    signature.add_match(None, "mutex", ["one", "two"])

    assert signature.has_matches()
    assert signature.new_data == [
        {
            "process": {"process_name": "first.exe", "process_id": 100},
            "signs": [{"type": "file", "value": "a.exe"}],
        },
        {"process": None, "signs": [{"type": "mutex", "value": "one"}, {"type": "mutex", "value": "two"}]},
    ]


def test_has_matches_counts_plain_data_too(signature: Signature) -> None:
    signature.data.append({"any": "thing"})

    assert signature.has_matches()


def test_as_result_has_the_documented_members() -> None:
    assert Signature().as_result() == {
        "name": "",
        "description": "",
        "categories": [],
        "severity": 1,
        "weight": 1,
        "confidence": 100,
        "references": [],
        "data": [],
        "new_data": [],
        "alert": False,
        "families": [],
    }


def test_documented_defaults() -> None:
    signature = Signature()
    attributes = ("authors", "enabled", "minimum", "maximum", "ttps", "mbcs", "order", "evented", "matched")

    assert [getattr(signature, name) for name in attributes] == [
        [],
        True,
        None,
        None,
        [],
        [],
        0,
        False,
        False,
    ]
    for name in ("processnames", "apinames", "categories", "analysistypes"):
        assert not getattr(signature, f"filter_{name}")
    assert not signature.banned_suricata_sids
    assert (signature.pid, signature.cid, signature.call) == (None, None, None)


def test_what_an_instance_appends_stays_with_it() -> None:
    class Growing(Signature):
        families = ["base"]  # noqa: RUF012 - as files of the field write it

    first, second = Growing(), Growing()
    first.families.append("more")
    first.references.append("https://example.com")

    assert first.as_result()["families"] == ["base", "more"]
    assert second.as_result()["families"] == ["base"]
    assert Signature().references == []


def test_set_path_sets_every_path_as_text(tmp_path: Path) -> None:
    signature = Signature()
    signature.set_path(tmp_path)

    assert signature.analysis_path == str(tmp_path)
    assert signature.dropped_path == str(tmp_path / "files")
    assert signature.pcap_path == str(tmp_path / "dump.pcap")
    assert signature.CAPE_path == str(tmp_path / "CAPE")


def test_a_statistic_is_filed_under_name_and_field(signature: Signature) -> None:
    signature.add_statistic("mine", "hits", 3)
    signature.add_statistic("mine", "misses", 1)

    assert signature.statistics == {"mine": {"hits": 3, "misses": 1}}


@pytest.mark.parametrize("method", ["run", "on_call"])
def test_a_method_that_a_subclass_leaves_out_says_so(method: str) -> None:
    arguments: tuple[Any, ...] = ({}, {}) if method == "on_call" else ()

    with pytest.raises(NotImplementedError, match=rf"Signature does not define {method}\(\)"):
        getattr(Signature(), method)(*arguments)


def test_on_complete_is_optional(signature: Signature) -> None:
    assert signature.on_complete() is None
