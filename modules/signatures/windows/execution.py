"""How code comes to run: documents that start shells, dropped programs, scripts, remote commands."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.patterns import CallSignature, SummaryPatterns

_OFFICE = frozenset(
    {
        "winword.exe",
        "excel.exe",
        "powerpnt.exe",
        "mspub.exe",
        "outlook.exe",
        "onenote.exe",
        "visio.exe",
        "eqnedt32.exe",
    }
)
_READERS = frozenset({"acrord32.exe", "acrobat.exe", "foxitreader.exe", "hh.exe", "hwp.exe"})
_INTERPRETERS = frozenset(
    {
        *("cmd.exe", "powershell.exe", "pwsh.exe", "wscript.exe", "cscript.exe", "mshta.exe", "rundll32.exe"),
        *("regsvr32.exe", "certutil.exe", "bitsadmin.exe", "schtasks.exe", "wmic.exe", "msiexec.exe"),
    }
)
_MOST_NODES = 10_000


class OfficeStartsShell(Signature):
    """A document's program starts a shell, a script host or another interpreter.

    Known false positives: add-ins of reporting systems.
    """

    name = "document_starts_shell"
    description = "A document starts a shell or a script"
    severity = 3
    confidence = 90
    categories = ["execution"]
    ttps = ["T1204.002", "T1059"]

    def run(self) -> bool:
        """Look at each parent and child in the tree of processes."""
        for parent, child in _families(self.results["behavior"]["processtree"]):
            if _name(parent) in _OFFICE | _READERS and _name(child) in _INTERPRETERS:
                self.data.append(
                    {"parent": parent.get("name"), "child": child.get("name"), "pid": child.get("pid")}
                )
        return self.has_matches()


def _families(roots: list[Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    waiting = list(roots)
    for _ in range(_MOST_NODES):
        if not waiting:
            return
        parent = waiting.pop()
        for child in parent.get("children") or ():
            yield parent, child
            waiting.append(child)


def _name(node: Mapping[str, Any]) -> str:
    return str(node.get("name", "")).lower()


class DropsAndRuns(Signature):
    """A program is written and then started.

    Known false positives: installers and self-extracting archives.
    """

    name = "drops_and_runs_program"
    description = "Writes a program and starts it"
    severity = 2
    confidence = 70
    categories = ["execution"]
    ttps = ["T1105", "T1204.002"]
    _program = re.compile(r"\.(?:exe|scr|com|pif|bat|cmd|ps1|vbs|js|jse|wsf|hta|dll)$", re.IGNORECASE)

    def run(self) -> bool:
        """Find each program that was written among the commands and the processes."""
        behavior = self.results["behavior"]
        started = [str(process.get("module_path") or "").lower() for process in behavior["processes"][1:]]
        text = "\n".join([*started, *map(str.lower, behavior["summary"]["executed_commands"])])
        written = [file for file in behavior["summary"]["write_files"] if self._program.search(file)]
        self.data.extend({"file": file} for file in written if file.lower() in text)
        return self.has_matches()


class DownloadsFile(CallSignature):
    """A file is fetched by the one call that downloads to disk.

    Known false positives: small installers that fetch their payload.
    """

    name = "downloads_file"
    description = "Downloads a file to disk"
    severity = 2
    confidence = 70
    categories = ["command_and_control"]
    ttps = ["T1105"]
    filter_apinames = {"URLDownloadToFileW", "URLDownloadToFileA", "URLDownloadToCacheFileW"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match at the first."""
        self.mark_call()
        return True


class ScriptFromTemporaryFolder(SummaryPatterns):
    """A script host runs a script from a folder to which anybody may write.

    Known false positives: installers that unpack helper scripts.
    """

    name = "script_from_temporary_folder"
    description = "Runs a script from a temporary or user folder"
    severity = 2
    confidence = 70
    categories = ["execution"]
    ttps = ["T1059.005", "T1059.007"]
    patterns = {
        "executed_commands": [
            (
                r"\b(?:wscript|cscript|mshta)(?:\.exe)?\"?\s(?=.*\\(?:Temp|AppData|ProgramData|Public|Downloads)\\)"
                r"(?=.*\.(?:vbs|vbe|js|jse|wsf|wsh|hta)\b)"
            )
        ]
    }


class WmiProcessCreate(SummaryPatterns):
    """A process is started through WMI, here or on another machine.

    Known false positives: administrators' scripts.
    """

    name = "starts_process_by_wmi"
    description = "Starts a process through WMI"
    severity = 3
    confidence = 80
    categories = ["execution", "lateral_movement"]
    ttps = ["T1047"]
    patterns = {
        "executed_commands": [
            r"\bwmic(?:\.exe)?\"?\s(?=.*\bprocess\b)(?=.*\bcall\b)(?=.*\bcreate\b)",
            r"\b(?:Invoke-WmiMethod|Invoke-CimMethod)\b.*\bWin32_Process\b",
        ]
    }


class RemoteExecution(SummaryPatterns):
    """Tools that run commands on other machines are used.

    Known false positives: administrators' scripts.
    """

    name = "remote_execution"
    description = "Runs commands on other machines"
    severity = 3
    confidence = 80
    categories = ["lateral_movement"]
    ttps = ["T1021.002", "T1569.002"]
    patterns = {
        "executed_commands": [
            r"\bpsexec(?:64)?(?:\.exe)?\"?\s.*\\\\",
            r"\bwmic(?:\.exe)?\"?\s.*/node:",
            r"\bsc(?:\.exe)?\"?\s+\\\\\S+\s+(?:create|start)\b",
            r"\bwinrs(?:\.exe)?\"?\s.*-r:",
            r"\bnet1?(?:\.exe)?\"?\s+use\s+.*\\\\[^\\]+\\(?:admin|c|ipc)\$",
        ],
        "created_services": [r"^PSEXESVC$"],
    }


class LongCommand(SummaryPatterns):
    """A shell or script host is given a command of more than a thousand characters, or one full of carets.

    Known false positives: compilers' and build tools' command lines; only interpreters are looked at.
    """

    name = "obfuscated_command"
    description = "Runs a very long or obfuscated command"
    severity = 2
    confidence = 70
    categories = ["execution", "defense_evasion"]
    ttps = ["T1027.010", "T1059"]
    patterns = {
        "executed_commands": [
            r"^[\"']?(?:[^\"']*\\)?(?:cmd|powershell|pwsh|wscript|cscript|mshta)(?:\.exe)?\b[^\x00]{1000}",
            r"^[\"']?(?:[^\"']*\\)?cmd(?:\.exe)?\b(?:[^\^]*\^){12}",
            r"^[\"']?(?:[^\"']*\\)?cmd(?:\.exe)?\b(?:[^&]*\bset\s+\w+=[^&]*&){3}[^%]*%\w+%",
        ]
    }


class PingAsTimer(SummaryPatterns):
    """A command pings the own machine to wait, and then does something.

    Known false positives: old batch files.
    """

    name = "ping_as_timer"
    description = "Waits with ping before it goes on"
    severity = 2
    confidence = 70
    categories = ["defense_evasion"]
    ttps = ["T1497.003"]
    patterns = {
        "executed_commands": [
            r"\bping(?:\.exe)?\"?\s(?=.*[-/]n\s+\d+)(?=.*\b(?:127\.0\.0\.1|localhost|1\.1\.1\.1)\b).*&",
            r"\bchoice(?:\.exe)?\"?\s(?=.*/t\s+\d+)(?=.*/d\s+\w).*&",
            r"\btimeout(?:\.exe)?\"?\s+(?:/t\s+)?\d+.*&",
        ]
    }
