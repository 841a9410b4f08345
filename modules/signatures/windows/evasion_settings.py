"""Turning defences off and hiding, as seen in registry values and command lines."""

from lib.cuckoo.common.patterns import SummaryPatterns

_SOFTWARE = r"\\Software\\(?:Wow6432Node\\)?"
_POLICIES = _SOFTWARE + r"Microsoft\\Windows\\CurrentVersion\\Policies\\"


class DisablesDefender(SummaryPatterns):
    """Defender is switched off, or told to leave something out, by registry or command.

    Known false positives: set-up of another antivirus product; developers' exclusion of build folders.
    """

    name = "disables_defender"
    description = "Switches off or restricts Windows Defender"
    severity = 3
    confidence = 90
    categories = ["defense_evasion"]
    ttps = ["T1562.001"]
    patterns = {
        "write_keys": [
            r"\\Windows Defender\\(?:.+\\)?(?:Disable(?!d$)\w+|SubmitSamplesConsent|SpynetReporting)$",
            r"\\Windows Defender\\Exclusions\\\w+\\.",
            r"\\Services\\(?:WinDefend|WdFilter|WdNisSvc|SecurityHealthService)\\Start$",
        ],
        "executed_commands": [
            r"\b(?:Set|Add)-MpPreference\b.*-(?:Disable\w+|Exclusion\w+|MAPSReporting|\w+DefaultAction)",
            r"\b(?:sc|net1?)(?:\.exe)?\"?\s+(?:stop|delete|config)\s+\"?(?:WinDefend|WdNisSvc|SecurityHealthService)\b",
            r"\bMpCmdRun(?:\.exe)?\"?\s.*-RemoveDefinitions\b",
        ],
    }


class DisablesFirewall(SummaryPatterns):
    """The firewall is switched off or given a rule that lets a program through.

    Known false positives: installers of servers and games that add their own rule.
    """

    name = "disables_firewall"
    description = "Switches off the firewall or adds an exception"
    severity = 2
    confidence = 80
    categories = ["defense_evasion"]
    ttps = ["T1562.004"]
    patterns = {
        "write_keys": [r"\\FirewallPolicy\\\w+Profile\\(?:EnableFirewall|DisableNotifications)$"],
        "executed_commands": [
            r"\bnetsh(?:\.exe)?\"?\s+advfirewall\s+set\s.*\bstate\s+off\b",
            r"\bnetsh(?:\.exe)?\"?\s+advfirewall\s+firewall\s+add\s+rule\b.*\baction=\"?allow\b",
            r"\bnetsh(?:\.exe)?\"?\s+firewall\s+(?:set\s+opmode\s.*\bdisable\b|add\s+allowedprogram\b)",
        ],
    }


class DisablesUac(SummaryPatterns):
    """The values that govern elevation prompts are written.

    Known false positives: set-up scripts of kiosks.
    """

    name = "disables_uac"
    description = "Changes the settings of User Account Control"
    severity = 3
    confidence = 90
    categories = ["defense_evasion", "privilege_escalation"]
    ttps = ["T1548.002", "T1112"]
    patterns = {
        "write_keys": [
            _POLICIES + r"System\\(?:EnableLUA|ConsentPromptBehaviorAdmin|PromptOnSecureDesktop)$"
        ],
        "executed_commands": [r"\breg(?:\.exe)?\"?\s+add\s.*\b(?:EnableLUA|ConsentPromptBehaviorAdmin)\b"],
    }


class BypassesUac(SummaryPatterns):
    """A handler is registered that an elevating Windows program will open.

    Known false positives: none known; programs register these handlers for all users, not for one.
    """

    name = "bypasses_uac"
    description = "Registers a handler that Windows runs elevated without asking"
    severity = 3
    confidence = 95
    categories = ["privilege_escalation"]
    ttps = ["T1548.002"]
    patterns = {
        "write_keys": [
            (
                r"\\(?:ms-settings|mscfile|Folder|exefile|AppX82a6gwre4fdg3bt635tn5ctqjf8msdd2)\\shell\\(?:open|runas)"
                r"\\command(?:\\|$)"
            ),
            r"\\App Paths\\control\.exe(?:\\|$)",
            r"^HKEY_CURRENT_USER\\Environment\\windir$",
        ]
    }
    exceptions = [r"^HKEY_LOCAL_MACHINE", r"^HKEY_CLASSES_ROOT"]


class DisablesSystemTools(SummaryPatterns):
    """Task Manager, registry editor, command prompt, System Restore or their like are forbidden.

    Known false positives: kiosks.
    """

    name = "disables_system_tools"
    description = "Forbids the tools with which a user could find and remove it"
    severity = 3
    confidence = 90
    categories = ["defense_evasion", "impact"]
    ttps = ["T1562.001", "T1112"]
    patterns = {
        "write_keys": [
            _POLICIES + r"System\\Disable(?:TaskMgr|RegistryTools|CMD|LockWorkstation|ChangePassword)$",
            _POLICIES + r"Explorer\\No(?:Run|Control Panel|FolderOptions|ViewContextMenu|Close|Logoff)$",
            r"\\Policies\\Microsoft\\Windows\\System\\DisableCMD$",
            r"\\Windows NT\\(?:CurrentVersion\\)?SystemRestore\\Disable(?:SR|Config)$",
        ]
    }


class HidesFiles(SummaryPatterns):
    """Explorer is told not to show hidden files or extensions, or files are given the attributes.

    Known false positives: a user's own choice in Explorer; installers that hide a cache folder.
    """

    name = "hides_files"
    description = "Hides files, or makes Explorer hide them"
    severity = 2
    confidence = 70
    categories = ["defense_evasion"]
    ttps = ["T1564.001"]
    patterns = {
        "write_keys": [r"\\Explorer\\Advanced\\(?:Hidden|ShowSuperHidden|SuperHidden|HideFileExt)$"],
        "executed_commands": [r"\battrib(?:\.exe)?\"?\s(?:.*\s)?\+[hs]\b"],
    }


class ClearsEventLogs(SummaryPatterns):
    """Event logs or the change journal are cleared.

    Known false positives: none in ordinary use.
    """

    name = "clears_event_logs"
    description = "Clears event logs"
    severity = 3
    confidence = 95
    categories = ["defense_evasion"]
    ttps = ["T1070.001"]
    patterns = {
        "executed_commands": [
            r"\bwevtutil(?:\.exe)?\"?\s+(?:cl|clear-log)\b",
            r"\bClear-EventLog\b|\bRemove-EventLog\b",
            r"\bfsutil(?:\.exe)?\"?\s+usn\s+deletejournal\b",
        ]
    }


class EncodedPowershell(SummaryPatterns):
    """PowerShell is given an encoded command, or one that it decodes and runs.

    Known false positives: management agents and some installers pass encoded commands.
    """

    name = "powershell_encoded_command"
    description = "Runs an encoded PowerShell command"
    severity = 3
    confidence = 80
    categories = ["execution", "defense_evasion"]
    ttps = ["T1059.001", "T1027"]
    patterns = {
        "executed_commands": [
            r"\bp(?:owershell|wsh)(?:\.exe)?\"?\s.*[-/]e(?:c|n|nc|nco|ncod\w*)?\s+[\"']?[A-Za-z0-9+/=]{20,}",
            r"FromBase64String\(.*(?:\biex\b|Invoke-Expression|\.Invoke\()",
            r"(?:\biex\b|Invoke-Expression).*FromBase64String\(",
        ]
    }


class HiddenPowershell(SummaryPatterns):
    """PowerShell is started without a window and without regard to the policy on scripts.

    Known false positives: installers and logon scripts; both options together are rarer.
    """

    name = "powershell_hidden"
    description = "Starts PowerShell hidden and past its execution policy"
    severity = 2
    confidence = 80
    categories = ["execution", "defense_evasion"]
    ttps = ["T1059.001", "T1564.003"]
    patterns = {
        "executed_commands": [
            (
                r"\bp(?:owershell|wsh)\b(?=.*[-/]w(?:i|in|ind\w*)?\s+(?:h|hid\w*|1)\b)"
                r"(?=.*[-/](?:ep|ex\w*)\s+(?:bypass|unrestricted)\b)"
            )
        ]
    }


class PowershellDownload(SummaryPatterns):
    """A PowerShell command fetches something from the network.

    Known false positives: installers of package managers.
    """

    name = "powershell_download"
    description = "Downloads with PowerShell"
    severity = 3
    confidence = 80
    categories = ["execution", "command_and_control"]
    ttps = ["T1059.001", "T1105"]
    patterns = {
        "executed_commands": [
            r"\bDownload(?:String|File|Data)\b",
            r"\b(?:Invoke-WebRequest|Invoke-RestMethod|iwr|irm)\b.*https?:",
            r"Net\.WebClient",
        ]
    }


class SystemBinaryProxy(SummaryPatterns):
    """A signed Windows program is used to run a script or library from elsewhere.

    Known false positives: regsvr32 and rundll32 are ordinary; only their odd uses are looked for.
    """

    name = "system_binary_proxy"
    description = "Runs code through a program of Windows"
    severity = 3
    confidence = 80
    categories = ["defense_evasion", "execution"]
    ttps = ["T1218"]
    patterns = {
        "executed_commands": [
            r"\bmshta(?:\.exe)?\"?\s+[\"']?(?:https?:|javascript:|vbscript:)",
            r"\bregsvr32(?:\.exe)?\"?\s.*(?:/i:[\"']?https?:|scrobj(?:\.dll)?\b)",
            r"\brundll32(?:\.exe)?\"?\s.*(?:javascript:|vbscript:|mshtml,RunHTMLApplication|url\.dll,\w*OpenURL)",
            r"\b(?:installutil|regasm|regsvcs)(?:\.exe)?\"?\s.*/(?:u|logfile=)",
            r"\bmsiexec(?:\.exe)?\"?\s.*[/-](?:i|package|y|z)\s*[\"']?https?:",
            r"\bcmstp(?:\.exe)?\"?\s.*/s\b.*\.inf",
            r"\bforfiles(?:\.exe)?\"?\s.*/c\s+[\"']?(?:cmd|powershell)",
            r"\bodbcconf(?:\.exe)?\"?\s.*regsvr",
        ]
    }


class CertutilAbuse(SummaryPatterns):
    """Certutil fetches or decodes a file.

    Known false positives: administrators who decode certificates.
    """

    name = "certutil_abuse"
    description = "Fetches or decodes a file with certutil"
    severity = 3
    confidence = 85
    categories = ["command_and_control", "defense_evasion"]
    ttps = ["T1105", "T1140"]
    patterns = {
        "executed_commands": [
            r"\bcertutil(?:\.exe)?\"?\s.*[-/](?:urlcache|verifyctl|decode|decodehex)\b",
            r"\bcertutil(?:\.exe)?\"?\s.*https?:",
        ]
    }


class RemovesZoneIdentifier(SummaryPatterns):
    """The mark that says a file came from the Internet is deleted.

    Known false positives: browsers, when a user chooses to unblock a file.
    """

    name = "removes_zone_identifier"
    description = "Removes the mark of a file from the Internet"
    severity = 3
    confidence = 80
    categories = ["defense_evasion"]
    ttps = ["T1553.005"]
    patterns = {"delete_files": [r":Zone\.Identifier$"], "executed_commands": [r"\bUnblock-File\b"]}


class DisablesSecurityLogging(SummaryPatterns):
    """Recording of PowerShell, of audits or of errors is switched off.

    Known false positives: none in ordinary use.
    """

    name = "disables_logging"
    description = "Switches off the recording of what it does"
    severity = 2
    confidence = 85
    categories = ["defense_evasion"]
    ttps = ["T1562.002"]
    patterns = {
        "write_keys": [
            r"\\PowerShell\\(?:ScriptBlockLogging|ModuleLogging|Transcription)\\Enable\w+$",
            r"\\WINEVT\\Channels\\[^\\]+\\Enabled$",
        ],
        "executed_commands": [
            r"\bauditpol(?:\.exe)?\"?\s.*/(?:clear|remove|set\s(?=.*:disable))",
            r"\bwevtutil(?:\.exe)?\"?\s+(?:sl|set-log)\s.*/e:false",
        ],
    }


class DetectsVirtualMachine(SummaryPatterns):
    """Files, keys or services of virtual machines' guest tools are looked for.

    Known false positives: inventory tools; hardware drivers' installers; registry walks over all services.
    """

    name = "detects_virtual_machine"
    description = "Looks for traces of a virtual machine"
    severity = 2
    confidence = 60
    categories = ["defense_evasion", "discovery"]
    ttps = ["T1497.001"]
    patterns = {
        "files": [
            r"\\drivers\\(?:VBox(?:Mouse|Guest|SF|Video)|vm(?:mouse|hgfs|ci|usb)|prl_\w+|qemu\w*|vioser)\.sys$",
            r"\\(?:Oracle\\VirtualBox Guest Additions|VMware\\VMware Tools)(?:\\|$)",
            r"^\\\\\.\\(?:VBox(?:MiniRdrDN|Guest|TrayIPC)|HGFS|vmci|pipe\\VBox)",
        ],
        "keys": [
            r"\\(?:VirtualBox Guest Additions|VMware, Inc\.\\VMware Tools)(?:\\|$)",
            r"\\HARDWARE\\ACPI\\(?:DSDT|FADT|RSDT)\\(?:VBOX__|BOCHS_|QEMU|PTLTD_)",
            r"\\Services\\(?:VBox(?:Guest|Mouse|Service|SF)|vmhgfs|VMTools|vmdebug)(?:\\|$)",
            r"\\HARDWARE\\Description\\System\\(?:SystemBiosVersion|VideoBiosVersion)$",
        ],
        "executed_commands": [r"\bwmic\b(?=.*\b(?:bios|baseboard|computersystem)\b)(?=.*\b(?:get|list)\b)"],
    }
