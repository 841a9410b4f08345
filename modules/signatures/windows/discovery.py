"""Looking around: processes, system, security products, software."""

from typing import Any

from lib.cuckoo.common.patterns import CallSignature, SummaryPatterns


class ProcessEnumeration(CallSignature):
    """A process walks through the list of all processes.

    Known false positives: many programs do it once to see whether they run already; alone it says little.
    """

    name = "enumerates_processes"
    description = "Lists the running processes"
    severity = 1
    confidence = 50
    categories = ["discovery"]
    ttps = ["T1057"]
    filter_apinames = {"Process32NextW", "Process32NextA"}
    _least = 20

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._names: dict[int | None, set[str]] = {}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Count different names per process."""
        names = self._names.setdefault(self.pid, set())
        names.add(self.argument(call, "ProcessName", "process_name"))
        if len(names) < self._least:
            return False
        self.mark_call()
        return True


class SystemReconnaissance(SummaryPatterns):
    """Several commands that describe the system, its users and its network are run.

    Known false positives: support and inventory scripts.
    """

    name = "system_reconnaissance"
    description = "Runs commands that describe the system and its network"
    severity = 2
    confidence = 70
    categories = ["discovery"]
    ttps = ["T1082", "T1016", "T1033"]
    least_hits = 2
    patterns = {
        "executed_commands": [
            r"\bsysteminfo\b",
            r"\bwhoami\b",
            r"\bipconfig(?:\.exe)?\"?\s+/all\b",
            r"\bnet1?(?:\.exe)?\"?\s+(?:view|user|group|localgroup|session|config)\b(?!.*\s/(?:add|delete)\b)",
            r"\btasklist\b",
            r"\bnltest(?:\.exe)?\"?\s+/",
            r"\barp(?:\.exe)?\"?\s+-a\b",
            r"\bnetstat(?:\.exe)?\"?\s+-",
            r"\bquser\b|\bquery\s+user\b",
            r"\bwmic(?:\.exe)?\"?\s.*\b(?:os|process|logicaldisk|nic|useraccount)\s+(?:get|list)\b",
        ]
    }


class SecuritySoftwareDiscovery(SummaryPatterns):
    """Antivirus products are asked for by WMI, or their keys and files are looked at.

    Known false positives: installers that warn of conflicts.
    """

    name = "security_software_discovery"
    description = "Looks for security products"
    severity = 2
    confidence = 70
    categories = ["discovery"]
    ttps = ["T1518.001"]
    patterns = {
        "executed_commands": [r"\b(?:AntiVirusProduct|FirewallProduct|SecurityCenter2?)\b"],
        "keys": [
            (
                r"\\Software\\(?:Wow6432Node\\)?(?:AVAST Software|AVG|Avira|Bitdefender|ESET|KasperskyLab|McAfee|Sophos"
                r"|Symantec|TrendMicro|Malwarebytes|G Data|Doctor Web)(?:\\|$)"
            )
        ],
        "files": [
            (
                r"\\(?:AVAST Software|AVG|Avira|Bitdefender|ESET|Kaspersky Lab|McAfee|Sophos|Symantec|Trend Micro"
                r"|Malwarebytes)\\[^\\]+\.(?:exe|dll|sys)$"
            )
        ],
    }


class SandboxDiscovery(SummaryPatterns):
    """Libraries or files of sandboxes and analysis tools are looked for.

    Known false positives: none known.
    """

    name = "detects_analysis_tools"
    description = "Looks for a sandbox or an analyst's tools"
    severity = 3
    confidence = 80
    categories = ["defense_evasion", "discovery"]
    ttps = ["T1497.001"]
    patterns = {
        "files": [
            r"\\(?:SbieDll|dbghelp_|api_log|dir_watch|pstorec_|vmcheck|wpespy|cmdvrt32|snxhk)\.dll$",
            r"^\\\\\.\\(?:SICE|NTICE|SIWVID|REGVXG|FILEVXG|REGSYS|FILEM|TRW|ICEEXT|PROCEXP\d*|PROCMON\d*)$",
        ],
        "keys": [
            r"\\Software\\(?:Wow6432Node\\)?(?:Wine|Sandboxie|Sysinternals\\Process Monitor|OllyDbg)(?:\\|$)"
        ],
    }


class InstalledSoftware(SummaryPatterns):
    """The list of installed programs is read through.

    Known false positives: installers and updaters that look for other versions; they read a few entries.
    """

    name = "lists_installed_software"
    description = "Reads the list of installed programs"
    severity = 2
    confidence = 60
    categories = ["discovery"]
    ttps = ["T1518"]
    least_hits = 10
    patterns = {
        "read_keys": [r"\\CurrentVersion\\Uninstall\\[^\\]+\\(?:DisplayName|DisplayVersion|Publisher)$"]
    }


class DomainTrusts(SummaryPatterns):
    """Domain controllers, trusts and directory objects are asked for.

    Known false positives: administrators' scripts.
    """

    name = "domain_discovery"
    description = "Explores the Windows domain"
    severity = 3
    confidence = 80
    categories = ["discovery"]
    ttps = ["T1482", "T1018"]
    patterns = {
        "executed_commands": [
            r"\bnltest(?:\.exe)?\"?\s.*/(?:domain_trusts|all_trusts|dclist)",
            r"\badfind(?:\.exe)?\"?\s",
            r"\bdsquery(?:\.exe)?\"?\s",
            r"\bnet1?(?:\.exe)?\"?\s+(?:group|view)\s.*/domain\b",
            r"\bGet-AD(?:Computer|User|Domain|Group\w*|Trust)\b",
        ]
    }


class KeyboardLanguage(SummaryPatterns):
    """The keyboard layouts and languages of the system are read from the registry.

    Known false positives: input methods and installers that choose a language.
    """

    name = "reads_system_language"
    description = "Reads the languages of the system"
    severity = 1
    confidence = 40
    categories = ["discovery"]
    ttps = ["T1614.001"]
    patterns = {
        "read_keys": [
            r"\\Keyboard Layout\\Preload\\\d+$",
            r"\\Control\\Nls\\Language\\(?:Default|InstallLanguage)$",
            r"\\Control Panel\\International\\(?:LocaleName|Locale|sCountry)$",
        ]
    }
