"""Hiding from the user, the analyst and the sandbox, as seen in the calls."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.patterns import MOST_CHARACTERS, CallSignature, alternatives

_SYSTEM_NAMES = frozenset(
    {
        *("svchost.exe", "lsass.exe", "services.exe", "csrss.exe", "winlogon.exe", "smss.exe", "wininit.exe"),
        *(
            "explorer.exe",
            "taskhost.exe",
            "taskhostw.exe",
            "dllhost.exe",
            "conhost.exe",
            "spoolsv.exe",
            "dwm.exe",
        ),
        *("rundll32.exe", "regsvr32.exe", "sihost.exe", "runtimebroker.exe", "searchindexer.exe"),
    }
)
_SYSTEM_FOLDERS = re.compile(
    r"\\windows\\(?:(?:system32|syswow64|sysnative|winsxs|servicing)\\|[^\\]+$)", re.IGNORECASE
)


class Timestomp(CallSignature):
    """The times of a file are set to a moment before the analysis.

    Known false positives: archivers and installers restore the times of what they unpack.
    """

    name = "timestomp"
    description = "Sets the times of a file"
    severity = 2
    confidence = 50
    categories = ["defense_evasion"]
    ttps = ["T1070.006"]
    filter_apinames = {"NtSetInformationFile", "SetFileTime"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match a FileBasicInformation (class 4) whose creation time is not 0; 0 leaves the times alone."""
        if call["api"] == "NtSetInformationFile":
            if self.number(call, "FileInformationClass", "information_class") != 4:
                return False
            content = self.argument(call, "FileInformation", "file_information")
            if not content.replace("\\x00", "")[:1] or content.startswith("\\x00" * 8):
                return False
            if content.startswith("\\xff" * 8):
                return False
        self.mark_call()
        return True


class SelfDelete(Signature):
    """The sample's own file is deleted, by itself or by a command that waits for it to end.

    Known false positives: uninstallers and self-extracting installers.
    """

    name = "self_delete"
    description = "Deletes its own file"
    severity = 3
    confidence = 80
    categories = ["defense_evasion"]
    ttps = ["T1070.004"]

    def run(self) -> bool:
        """Compare what was deleted with where the first process came from."""
        path = str((self.get_initial_process() or {}).get("module_path") or "")
        if not path:
            return False
        deleted = self.check_delete_file(path)
        if deleted:
            self.data.append({"file_deleted": deleted})
        self.data.extend({"command": command} for command in self._commands(path))
        return self.has_matches()

    def _commands(self, path: str) -> Iterator[str]:
        file_name = path.rpartition("\\")[2]
        deleting = re.compile(
            rf"\b(?:del|erase|Remove-Item|type\s.+>)\s.*{re.escape(file_name)}", re.IGNORECASE
        )
        for command in self.results["behavior"]["summary"]["executed_commands"]:
            if deleting.search(str(command)[:MOST_CHARACTERS]):
                yield command


class PatchesScanInterface(CallSignature):
    """The interface for antivirus scans (AMSI) or event tracing is looked up and its code made writable.

    Known false positives: security products' own hooks.
    """

    name = "patches_amsi_or_etw"
    description = "Patches the interface for antivirus scans or event tracing"
    severity = 3
    confidence = 80
    categories = ["defense_evasion"]
    ttps = ["T1562.001", "T1562.006"]
    filter_apinames = {
        *("LdrGetProcedureAddress", "LdrGetProcedureAddressForCaller"),
        *("NtProtectVirtualMemory", "VirtualProtectEx", "WriteProcessMemory", "NtWriteVirtualMemory"),
    }
    _functions = frozenset(
        {"AmsiScanBuffer", "AmsiScanString", "AmsiOpenSession", "EtwEventWrite", "NtTraceEvent"}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._pages: set[tuple[int | None, int]] = set()

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Remember where the functions are; match a write or a change of protection there."""
        if call["api"].startswith("LdrGetProcedureAddress"):
            if self.argument(call, "FunctionName", "function_name") in self._functions:
                address = self.number(call, "FunctionAddress", "function_address")
                self._pages.add((self.pid, address >> 12))
            return False
        address = self.number(call, "BaseAddress", "Address", "base_address")
        in_amsi = self.argument(call, "ModuleName").lower() == "amsi.dll"
        writable = self.number(call, "NewAccessProtection", "Protection", "protection") & 0xCC
        by_write = "Write" in call["api"]
        if not (by_write or writable) or not (in_amsi or (self.pid, address >> 12) in self._pages):
            return False
        self.mark_call()
        return True


class LongSleep(CallSignature):
    """A process asks to sleep for more than three minutes in all, or for very long at once.

    Known false positives: services and programs that wait in the background.
    """

    name = "long_sleep"
    description = "Sleeps to outlast the analysis"
    severity = 2
    confidence = 50
    categories = ["defense_evasion"]
    ttps = ["T1497.003"]
    filter_apinames = {"NtDelayExecution"}
    _most_milliseconds = 180_000
    _innocent = frozenset(
        {"svchost.exe", "services.exe", "explorer.exe", "dwm.exe", "taskhost.exe", "lsass.exe"}
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._slept: Counter[int | None] = Counter()

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Add up, folded repetitions included."""
        if str(process.get("process_name", "")).lower() in self._innocent:
            return False
        milliseconds = self.number(call, "Milliseconds", "milliseconds")
        self._slept[self.pid] += milliseconds * (1 + int(call.get("repeated") or 0))
        if self._slept[self.pid] < self._most_milliseconds:
            return False
        self.mark_call()
        self.data.append(
            {"process": process.get("process_name"), "seconds_asked": self._slept[self.pid] // 1000}
        )
        return True


class HiddenWindow(CallSignature):
    """A program is started with its window hidden.

    Known false positives: console tools that programs start in the background.
    """

    name = "hidden_window"
    description = "Starts a program without showing its window"
    severity = 2
    confidence = 50
    categories = ["defense_evasion"]
    ttps = ["T1564.003"]
    filter_apinames = {"ShellExecuteExW", "ShellExecuteExA"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match SW_HIDE."""
        if self.argument(call, "Show", "show_type") != "0":
            return False
        self.mark_call()
        return True


class Masquerades(Signature):
    """A process bears the name of a part of Windows and runs from another folder.

    Known false positives: none in ordinary use.
    """

    name = "masquerades_as_system_process"
    description = "Runs under the name of a Windows process from another folder"
    severity = 3
    confidence = 90
    categories = ["defense_evasion"]
    ttps = ["T1036.005"]

    def run(self) -> bool:
        """Compare name and folder of each process, but for the sample that was submitted under such a name."""
        for process in self.results["behavior"]["processes"][1:]:
            path = str(process.get("module_path") or "")
            if path.rpartition("\\")[2].lower() in _SYSTEM_NAMES and not _SYSTEM_FOLDERS.search(path):
                self.add_match(process, "path", path)
        return self.has_matches()


class DoubleExtension(Signature):
    """An executable file is named like a document.

    Known false positives: none known.
    """

    name = "double_extension"
    description = "Uses an executable file named like a document"
    severity = 3
    confidence = 90
    categories = ["defense_evasion"]
    ttps = ["T1036.007"]
    _name = alternatives(
        [
            r"\.(?:pdf|docx?|xlsx?|pptx?|jpe?g|png|gif|txt|rtf|mp[34]|zip)\s*\.(?:exe|scr|pif|com|bat|cmd|js|vbs|lnk)$"
        ]
    )

    def run(self) -> bool:
        """Look at the sample's name and at what was written."""
        names = [self.results["target"]["file"]["name"], *self.results["behavior"]["summary"]["write_files"]]
        self.data.extend({"file": name} for name in names if self._name.search(str(name).strip()))
        return self.has_matches()


class DebuggerCheck(CallSignature):
    """A process asks in an uncommon way whether it is debugged, or hides its threads from debuggers.

    Known false positives: copy protection. IsDebuggerPresent, which every C runtime calls, does not count.
    """

    name = "debugger_check"
    description = "Looks for a debugger or hides from it"
    severity = 2
    confidence = 70
    categories = ["defense_evasion"]
    ttps = ["T1622"]
    filter_apinames = {"NtQueryInformationProcess", "NtSetInformationThread", "CheckRemoteDebuggerPresent"}
    _classes = {
        "NtQueryInformationProcess": frozenset({7, 30, 31}),
        "NtSetInformationThread": frozenset({17}),
    }

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match the information classes about debugging."""
        number = self.number(
            call, "ProcessInformationClass", "ThreadInformationClass", "information_class", "InformationClass"
        )
        classes = self._classes.get(call["api"])
        if classes is not None and number not in classes:
            return False
        self.mark_call()
        return True


class DebugPrivilege(CallSignature):
    """A process looks up a privilege that gives power over others or over drivers.

    Known false positives: task managers, backup programs.
    """

    name = "seeks_powerful_privilege"
    description = "Asks for a privilege over other processes or drivers"
    severity = 2
    confidence = 60
    categories = ["privilege_escalation"]
    ttps = ["T1134"]
    filter_apinames = {"LookupPrivilegeValueW", "LookupPrivilegeValueA"}
    _privileges = frozenset(
        {"sedebugprivilege", "seloaddriverprivilege", "setcbprivilege", "setakeownershipprivilege"}
    )

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match the privilege's name."""
        if self.argument(call, "PrivilegeName", "privilege_name").lower() not in self._privileges:
            return False
        self.mark_call()
        return True
