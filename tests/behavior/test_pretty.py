"""Readable values: what the tables say, which table is meant, and whether other engines' reports agree."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.cuckoo.behavior.pretty import pretty_return, pretty_value
from lib.cuckoo.behavior.vocabulary import rules

# Where the engine that wrote the real reports says otherwise, and why ours differs. Reviewed value by value.
_SIGN_EXTENDED = "a 32-bit mask that was logged with its sign: the upper half carries nothing"
_IOCTL_NAME = "FILE_READ_ACCESS and FILE_WRITE_ACCESS are for control codes; the rights of a file are …_DATA"
_COMPOSITE = "the same bits, told by the names of winnt.h that cover several of them"
_WOW64 = "winnt.h has a name for 0x200"
_SYNCHRONIZE = "winnt.h has a name for 0x100000"
_ORDER = "the same names in another order"
_WRONG_TABLE = "theirs names a file's disposition"
DIFFERENCES = {
    ("NtCreateFile", "DesiredAccess", "0xffffffff80100080"): (
        "GENERIC_READ|FILE_READ_ATTRIBUTES|SYNCHRONIZE",
        _SIGN_EXTENDED,
    ),
    ("NtCreateFile", "DesiredAccess", "0xffffffffc0100080"): (
        "GENERIC_READ|GENERIC_WRITE|FILE_READ_ATTRIBUTES|SYNCHRONIZE",
        _SIGN_EXTENDED,
    ),
    ("NtCreateFile", "DesiredAccess", "0xffffffff80000000"): ("GENERIC_READ", _SIGN_EXTENDED),
    ("NtCreateFile", "DesiredAccess", "0x00100001"): ("FILE_READ_DATA|SYNCHRONIZE", _IOCTL_NAME),
    ("NtCreateFile", "DesiredAccess", "0x00000003"): ("FILE_READ_DATA|FILE_WRITE_DATA", _IOCTL_NAME),
    ("NtOpenFile", "DesiredAccess", "0x00100001"): ("FILE_READ_DATA|SYNCHRONIZE", _IOCTL_NAME),
    ("NtOpenFile", "DesiredAccess", "0x00100021"): ("FILE_READ_DATA|FILE_EXECUTE|SYNCHRONIZE", _IOCTL_NAME),
    ("NtOpenDirectoryObject", "DesiredAccess", "0x00020001"): (
        "DIRECTORY_QUERY|READ_CONTROL",
        "an object folder is no file",
    ),
    ("NtCreateKey", "DesiredAccess", "0x0003001f"): (
        "KEY_READ|KEY_WRITE|DELETE",
        "0x30000 is less than STANDARD_RIGHTS_REQUIRED",
    ),
    ("NtOpenKey", "DesiredAccess", "0x00020119"): ("KEY_READ|KEY_WOW64_64KEY", _COMPOSITE),
    ("NtOpenKeyEx", "DesiredAccess", "0x00020119"): ("KEY_READ|KEY_WOW64_64KEY", _COMPOSITE),
    ("NtOpenKeyEx", "DesiredAccess", "0x00000201"): ("KEY_QUERY_VALUE|KEY_WOW64_32KEY", _WOW64),
    ("RegCreateKeyExW", "Access", "0x000f023f"): ("KEY_ALL_ACCESS|KEY_WOW64_32KEY", _WOW64),
    ("NtOpenThread", "DesiredAccess", "0x00100000"): ("SYNCHRONIZE", _SYNCHRONIZE),
    ("NtOpenThread", "DesiredAccess", "0x00100010"): ("THREAD_SET_CONTEXT|SYNCHRONIZE", _SYNCHRONIZE),
    ("NtCreateSection", "DesiredAccess", "0x000f0005"): (
        "SECTION_QUERY|SECTION_MAP_READ|STANDARD_RIGHTS_REQUIRED",
        _ORDER,
    ),
    ("NtCreateSection", "DesiredAccess", "0x000f0007"): (
        "SECTION_QUERY|SECTION_MAP_READ|SECTION_MAP_WRITE|STANDARD_RIGHTS_REQUIRED",
        _ORDER,
    ),
    ("NtDeviceIoControlFile", "IoControlCode", "0x000120bf"): (
        "IOCTL_AFD_TRANSPORT_IOCTL",
        "0x12 << 12 | 47 << 2 | METHOD_NEITHER",
    ),
    ("NtQuerySystemInformation", "SystemInformationClass", "0"): ("SystemBasicInformation", _WRONG_TABLE),
    ("NtQuerySystemInformation", "SystemInformationClass", "1"): ("SystemProcessorInformation", _WRONG_TABLE),
    ("NtSetInformationFile", "FileInformationClass", "41"): (
        "FileIoCompletionNotificationInformation",
        "FILE_INFORMATION_CLASS counts 40 ShortName, 41 IoCompletionNotification, 42 IoStatusBlockRange",
    ),
}


def _calls(shared_data: Path) -> Iterator[dict[str, Any]]:
    for path in sorted((shared_data / "reports" / "cape").glob("*.json.gz")):
        behavior = json.loads(gzip.decompress(path.read_bytes())).get("behavior") or {}
        for process in behavior.get("processes") or []:
            yield from process["calls"]


def test_values_agree_with_real_reports_except_where_theirs_are_wrong(shared_data: Path) -> None:
    theirs = {
        (call["api"], argument["name"], argument["value"]): argument["pretty_value"]
        for call in _calls(shared_data)
        for argument in call["arguments"]
        if "pretty_value" in argument
    }

    different = {key: pretty_value(*key) for key, text in theirs.items() if pretty_value(*key) != text}

    assert len(theirs) == 185
    assert different == {key: ours for key, (ours, _) in DIFFERENCES.items()}


def test_returns_agree_with_real_reports(shared_data: Path) -> None:
    theirs = {
        (call["api"], call["category"], call["status"], call["return"]): call["pretty_return"]
        for call in _calls(shared_data)
        if "pretty_return" in call
    }

    assert len(theirs) == 49
    assert {key: pretty_return(*key) for key in theirs} == theirs


@pytest.mark.parametrize(
    ("api", "name", "value", "text"),
    [
        ("NtCreateFile", "desired_access", "0x80100080", "GENERIC_READ|FILE_READ_ATTRIBUTES|SYNCHRONIZE"),
        ("NtCreateFile", "create_disposition", "5", "FILE_OVERWRITE_IF"),
        ("NtCreateFile", "CreateOptions", "0x60", "FILE_SYNCHRONOUS_IO_NONALERT|FILE_NON_DIRECTORY_FILE"),
        ("NtCreateFile", "status_info", "2", "FILE_CREATED"),
        ("ZwAllocateVirtualMemory", "allocation_type", "12288", "MEM_COMMIT|MEM_RESERVE"),
        ("NtAllocateVirtualMemory", "protection", "64", "PAGE_EXECUTE_READWRITE"),
        ("NtProtectVirtualMemory", "NewAccessProtection", "0x104", "PAGE_READWRITE|PAGE_GUARD"),
        ("NtQueryValueKey", "information_class", "2", "KeyValuePartialInformation"),
        ("NtQueryValueKey", "reg_type", "7", "REG_MULTI_SZ"),
        ("RegOpenKeyExW", "base_handle", "0x80000001", "HKEY_CURRENT_USER"),
        ("RegOpenKeyExW", "Registry", "0xffffffff80000002", "HKEY_LOCAL_MACHINE"),
        ("OpenSCManagerA", "desired_access", "983103", "SC_MANAGER_ALL_ACCESS"),
        ("CreateServiceW", "ServiceType", "0x110", "SERVICE_WIN32_OWN_PROCESS|SERVICE_INTERACTIVE_PROCESS"),
        ("CreateServiceW", "start_type", "2", "SERVICE_AUTO_START"),
        ("ControlService", "ControlCode", "1", "SERVICE_CONTROL_STOP"),
        ("DeviceIoControl", "ControlCode", "0x0007c088", "SMART_RCV_DRIVE_DATA"),
        ("NtOpenProcess", "DesiredAccess", "0x1f0fff", "PROCESS_ALL_ACCESS"),
        ("NtOpenProcess", "DesiredAccess", "0x1fffff", "PROCESS_ALL_ACCESS"),
        ("NtOpenProcessToken", "DesiredAccess", "0x28", "TOKEN_QUERY|TOKEN_ADJUST_PRIVILEGES"),
        ("InternetConnectW", "Service", "1", "INTERNET_SERVICE_FTP"),
        ("InternetCrackUrlW", "Scheme", "-2", "INTERNET_SCHEME_PARTIAL"),
        ("SetWindowsHookExA", "hook_identifier", "13", "WH_KEYBOARD_LL"),
        ("SHGetFolderPathW", "Folder", "0x8007", "CSIDL_FLAG_CREATE|CSIDL_STARTUP"),
        ("MessageBoxTimeoutW", "Type", "0x40031", "MB_TOPMOST|MB_OKCANCEL|MB_ICONWARNING"),
        ("CryptGenKey", "algorithm_identifier", "0x00006610", "CALG_AES_256"),
        ("CryptGenKey", "Flags", "0x01000001", "CRYPT_EXPORTABLE|0x01000000"),
        ("NtTerminateProcess", "status_code", "0xc0000005", "STATUS_ACCESS_VIOLATION"),
        ("__exception__", "ExceptionCode", "0xe06d7363", "EH_EXCEPTION_NUMBER"),
        ("socket", "type", "3", "SOCK_RAW"),
    ],
)
def test_either_family_s_argument_is_put_into_words(api: str, name: str, value: str, text: str) -> None:
    assert pretty_value(api, name, value) == text


def test_the_same_bit_means_another_right_for_another_kind_of_object() -> None:
    apis = ["NtOpenFile", "NtOpenKey", "NtOpenProcess", "NtOpenThread", "NtOpenSection", "OpenServiceW"]

    assert [pretty_value(api, "DesiredAccess", "0x1") for api in apis] == [
        "FILE_READ_DATA",
        "KEY_QUERY_VALUE",
        "PROCESS_TERMINATE",
        "THREAD_TERMINATE",
        "SECTION_QUERY",
        "SERVICE_QUERY_CONFIG",
    ]


def test_an_exit_code_of_the_program_s_own_choice_has_no_name() -> None:
    assert pretty_value("NtTerminateProcess", "ExitCode", "1") is None
    assert pretty_value("NtTerminateProcess", "ExitCode", "0x40010004") == "DBG_TERMINATE_PROCESS"


def test_an_object_of_unknown_kind_has_the_rights_that_all_objects_have() -> None:
    assert (
        pretty_value("NtOpenEnlistment", "DesiredAccess", "0x80020001")
        == "GENERIC_READ|READ_CONTROL|0x00000001"
    )


def test_a_name_shared_by_many_calls_means_something_in_some_of_them_only() -> None:
    assert pretty_value("socket", "type", "1") == "SOCK_STREAM"
    assert pretty_value("RegSetValueExW", "Type", "1") == "REG_SZ"
    assert pretty_value("FindResourceExW", "Type", "1") is None
    assert pretty_value("CreateToolhelp32Snapshot", "Flags", "2") == "TH32CS_SNAPPROCESS"
    assert pretty_value("LdrLoadDll", "Flags", "2") is None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", None),
        ("0x00000000", None),
        ("0x00000200", "PAGE_NOCACHE"),
        ("0x100000004", "PAGE_READWRITE|0x100000000"),
        ("0x00000800", None),
        ("-1073741824", "PAGE_TARGETS_INVALID|0x80000000"),
        ("18446744073709551615", pretty_value("NtProtectVirtualMemory", "Protection", "0xffffffff")),
        ("18446744073709551616", None),
        ("-9223372036854775808", None),
        ("-9223372036854775809", None),
        ("0x", None),
        ("-0x4", None),
        ("+4", None),
        (" 4", None),
        ("4\n", None),
        ("1_0", None),
        ("٤", None),
        ("04", "PAGE_READWRITE"),
        ("", None),
        ("PAGE_READWRITE", None),
        ("4" * 1_000_000, None),
    ],
)
def test_numbers_at_the_boundaries(value: str, text: str | None) -> None:
    assert pretty_value("NtProtectVirtualMemory", "Protection", value) == text


def test_all_bits_name_each_flag_once_and_leave_the_rest() -> None:
    text = pretty_value("NtOpenKey", "DesiredAccess", "0xffffffff")

    assert text is not None
    *names, rest = text.split("|")
    assert names[:5] == ["GENERIC_READ", "GENERIC_WRITE", "GENERIC_EXECUTE", "GENERIC_ALL", "KEY_ALL_ACCESS"]
    assert rest == "0x0ce0fcc0"
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("api", "value", "text"),
    [
        ("NtCreateFile", "0xc0000022", "ACCESS_DENIED"),
        ("ZwCreateFile", "-1073741790", "ACCESS_DENIED"),
        ("NtReadFile", "0x00000103", "PENDING"),
        ("NtDeviceIoControlFile", "0xffffffffc00700bb", "NTSTATUS_FROM_WIN32(ERROR_SEM_NOT_FOUND)"),
        ("RegOpenKeyExW", "0x00000002", "FILE_NOT_FOUND"),
        ("RegisterHotKey", "0x00000002", None),
        ("GetAdaptersAddresses", "0x0000006f", "BUFFER_OVERFLOW"),
        ("CoCreateInstance", "0x80040154", "REGDB_E_CLASSNOTREG"),
        ("CoCreateInstance", "0xffffffff80070422", "HRESULT_FROM_WIN32(ERROR_SERVICE_DISABLED)"),
        ("CoCreateInstance", "0xd0000034", "HRESULT_FROM_NT(STATUS_OBJECT_NAME_NOT_FOUND)"),
        ("NtUserGetForegroundWindow", "0x00000103", None),
        ("RtlAddVectoredExceptionHandler", "0x00000103", None),
        ("CreateToolhelp32Snapshot", "0xffffffff", None),
        ("NtCreateFile", "0x00000000", None),
        ("NtCreateFile", "0xc7654321", None),
        ("NtCreateFile", "", None),
        ("NtCreateFile", "9" * 1_000_000, None),
    ],
)
def test_a_failed_call_names_its_error(api: str, value: str, text: str | None) -> None:
    assert pretty_return(api, "", False, value) == text


def test_a_successful_call_names_information_but_no_win32_error() -> None:
    assert pretty_return("NtMapViewOfSection", "process", True, "0x40000003") == "IMAGE_NOT_AT_BASE"
    assert pretty_return("RegQueryValueExW", "registry", True, "0x00000002") is None


def test_a_monitor_s_own_note_has_no_error() -> None:
    assert pretty_return("LdrRegisterDllNotification", "__notification__", False, "0xc0000022") is None


@given(api=st.text(max_size=80), name=st.text(max_size=80), value=st.text())
def test_any_text_gives_words_or_nothing(api: str, name: str, value: str) -> None:
    assert pretty_value(api, name, value) is None or value
    assert pretty_return(api, name, False, value) is None or value


_RULED = [
    (api, name) for rule in rules("arguments.json") for api in rule["apis"] for name in rule["arguments"]
]


@given(where=st.sampled_from(_RULED), number=st.integers(-(2**63), 2**64 - 1))
def test_spelling_of_a_number_does_not_matter(where: tuple[str, str], number: int) -> None:
    api, name = where[0].replace("[A-Z]*", "X").replace("?", "A").replace("*", ""), where[1]

    assert pretty_value(api, name, str(number)) == pretty_value(api, name, f"0x{number % 2**64:08x}")


def test_names_agree_with_those_that_a_second_family_log_carries(shared_data: Path) -> None:
    folder = shared_data / "analyses" / "cuckoo2-2204-sanitised.truth"
    behavior = json.loads((folder / "cuckoo2-behavior.json").read_bytes())

    different = {
        (call["api"], name, theirs): pretty_value(call["api"], name, str(call["arguments"][name]))
        for process in behavior["processes"]
        for call in process["calls"]
        for name, theirs in call["flags"].items()
        if pretty_value(call["api"], name, str(call["arguments"][name])) != theirs
    }

    assert different == {  # that log knows no rights of its own for keys
        ("NtOpenKeyEx", "desired_access", ""): "KEY_QUERY_VALUE",
        ("NtOpenKey", "desired_access", "READ_CONTROL"): "KEY_READ",
    }
