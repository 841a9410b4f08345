"""Ways to be started again: registry, services, tasks, WMI, accounts."""

from lib.cuckoo.common.patterns import SummaryPatterns

_SOFTWARE = r"\\Software\\(?:Wow6432Node\\)?"
_CURRENT_VERSION = _SOFTWARE + r"Microsoft\\Windows\\CurrentVersion\\"
_WINDOWS_NT = _SOFTWARE + r"Microsoft\\Windows NT\\CurrentVersion\\"
_SERVICES = r"\\SYSTEM\\(?:CurrentControlSet|ControlSet\d+)\\Services\\"
_CONTROL = r"\\SYSTEM\\(?:CurrentControlSet|ControlSet\d+)\\Control\\"


class RunKey(SummaryPatterns):
    """A value below Run, RunOnce, RunServices or the policies' Run is written.

    Known false positives: installers and updaters of ordinary programs.
    """

    name = "persistence_run_key"
    description = "Installs itself to run when a user logs on (Run key)"
    severity = 3
    confidence = 60
    categories = ["persistence"]
    ttps = ["T1547.001"]
    patterns = {
        "write_keys": [
            _CURRENT_VERSION + r"Run(?:Once|OnceEx|Services|ServicesOnce)?\\.",
            _CURRENT_VERSION + r"Policies\\Explorer\\Run\\.",
            _WINDOWS_NT + r"Windows\\(?:Load|Run)$",
        ],
        "executed_commands": [r"\breg(?:\.exe)?\"?\s+add\s.*\\CurrentVersion\\Run\b"],
    }


class StartupFolder(SummaryPatterns):
    """A file is written into a Startup folder of the start menu.

    Known false positives: installers that offer to start with Windows; desktop.ini, which is left out.
    """

    name = "persistence_startup_folder"
    description = "Writes a file into the Startup folder"
    severity = 3
    confidence = 80
    categories = ["persistence"]
    ttps = ["T1547.001"]
    patterns = {"write_files": [r"\\Start Menu\\Programs\\Startup\\[^\\]+$"]}
    exceptions = [r"\\desktop\.ini$"]


class ServiceInstalled(SummaryPatterns):
    """A service is created, by API, by command or by its ImagePath in the registry.

    Known false positives: installers of drivers and of programs with a background part.
    """

    name = "persistence_service"
    description = "Installs a service"
    severity = 2
    confidence = 80
    categories = ["persistence"]
    ttps = ["T1543.003"]
    patterns = {
        "created_services": [r"."],
        "write_keys": [_SERVICES + r"[^\\]+\\(?:ImagePath|Parameters\\ServiceDll)$"],
        "executed_commands": [r"\bsc(?:\.exe)?\"?\s+(?:\\\\\S+\s+)?create\s", r"\bNew-Service\b"],
    }


class ScheduledTask(SummaryPatterns):
    """A scheduled task is made with schtasks, at or PowerShell, or its file is written.

    Known false positives: updaters, which plan their next look this way.
    """

    name = "persistence_scheduled_task"
    description = "Creates a scheduled task"
    severity = 2
    confidence = 80
    categories = ["persistence", "execution"]
    ttps = ["T1053.005"]
    patterns = {
        "executed_commands": [
            r"\bschtasks(?:\.exe)?\"?\s.*[/-]create\b",
            r"\bat(?:\.exe)?\"?\s+(?:\\\\\S+\s+)?\d{1,2}:\d\d\b",
            r"\bRegister-ScheduledTask\b",
        ],
        "write_files": [r"^C:\\Windows\\(?:System32\\|SysWOW64\\)?Tasks\\[^\\]"],
    }


class WmiSubscription(SummaryPatterns):
    """A permanent WMI event subscription is made from the command line.

    Known false positives: management agents of a few vendors.
    """

    name = "persistence_wmi_subscription"
    description = "Subscribes to WMI events to run again"
    severity = 3
    confidence = 90
    categories = ["persistence"]
    ttps = ["T1546.003"]
    patterns = {
        "executed_commands": [
            r"__EventFilter",
            r"CommandLineEventConsumer|ActiveScriptEventConsumer",
            r"__FilterToConsumerBinding",
        ]
    }


class ImageFileExecutionOptions(SummaryPatterns):
    """A debugger or exit monitor is set for another program, so that it starts with or instead of it.

    Known false positives: developers' debuggers; Process Explorer in place of the Task Manager.
    """

    name = "persistence_ifeo"
    description = "Hooks the start of a program (Image File Execution Options)"
    severity = 3
    confidence = 90
    categories = ["persistence", "privilege_escalation"]
    ttps = ["T1546.012"]
    patterns = {
        "write_keys": [
            _WINDOWS_NT + r"Image File Execution Options\\[^\\]+\\(?:Debugger|VerifierDlls)$",
            _WINDOWS_NT + r"SilentProcessExit\\[^\\]+\\MonitorProcess$",
        ],
        "executed_commands": [
            r"\breg(?:\.exe)?\"?\s+add\s(?=.*Image File Execution Options)(?=.*\bDebugger\b)"
        ],
    }


class ComHijack(SummaryPatterns):
    """A COM server is registered for one user, where it goes before the one for all.

    Known false positives: programs installed for one user (chat clients, cloud drives).
    """

    name = "persistence_com_hijack"
    description = "Registers a COM server for the current user"
    severity = 2
    confidence = 60
    categories = ["persistence"]
    ttps = ["T1546.015"]
    patterns = {
        "write_keys": [
            (
                r"^HKEY_(?:CURRENT_USER\\Software\\Classes|USERS\\S-1-5-21[-\d]+_Classes)\\(?:Wow6432Node\\)?CLSID"
                r"\\\{[^\\]+\}\\(?:InprocServer32|LocalServer32|TreatAs|ScriptletURL)"
            )
        ]
    }


class Winlogon(SummaryPatterns):
    """What Windows starts at logon is replaced or added to.

    Known false positives: kiosk and remote-desktop products.
    """

    name = "persistence_winlogon"
    description = "Changes what Winlogon starts"
    severity = 3
    confidence = 90
    categories = ["persistence"]
    ttps = ["T1547.004"]
    patterns = {"write_keys": [_WINDOWS_NT + r"Winlogon\\(?:Shell|Userinit|Taskman|VmApplet|Notify\\.+)$"]}


class AppInitDlls(SummaryPatterns):
    """A library is set to be loaded into every process.

    Known false positives: a few old graphics drivers and input methods.
    """

    name = "persistence_appinit_dlls"
    description = "Has its library loaded into every process"
    severity = 3
    confidence = 90
    categories = ["persistence", "privilege_escalation"]
    ttps = ["T1546.010", "T1546.009"]
    patterns = {
        "write_keys": [
            _WINDOWS_NT + r"Windows\\(?:AppInit_DLLs|LoadAppInit_DLLs)$",
            _CONTROL + r"Session Manager\\AppCertDlls\\.",
        ]
    }


class Screensaver(SummaryPatterns):
    """The program that runs as screensaver is set.

    Known false positives: installers of screensavers.
    """

    name = "persistence_screensaver"
    description = "Sets the screensaver program"
    severity = 2
    confidence = 80
    categories = ["persistence"]
    ttps = ["T1546.002"]
    patterns = {"write_keys": [r"\\Control Panel\\Desktop\\SCRNSAVE\.EXE$"]}


class LsaPackage(SummaryPatterns):
    """A package is added that the local security authority loads, and hands passwords to.

    Known false positives: smart-card and single-sign-on products.
    """

    name = "persistence_lsa_package"
    description = "Adds a package to the local security authority"
    severity = 3
    confidence = 90
    categories = ["persistence", "credential_access"]
    ttps = ["T1547.002", "T1547.005", "T1556.002"]
    patterns = {
        "write_keys": [
            _CONTROL + r"Lsa\\(?:OSConfig\\)?(?:Authentication|Security|Notification) Packages$",
            _CONTROL + r"SecurityProviders\\SecurityProviders$",
        ]
    }


class ActiveSetup(SummaryPatterns):
    """A command is set that Active Setup runs once for each user.

    Known false positives: browsers' installers.
    """

    name = "persistence_active_setup"
    description = "Runs through Active Setup at each user's logon"
    severity = 2
    confidence = 80
    categories = ["persistence"]
    ttps = ["T1547.014"]
    patterns = {
        "write_keys": [_SOFTWARE + r"Microsoft\\Active Setup\\Installed Components\\[^\\]+\\StubPath$"]
    }


class OfficeStartup(SummaryPatterns):
    """A file is put where an Office program loads it at each start, or the test hook is set.

    Known false positives: installers of add-ins; Office itself writes Normal.dotm, which is left out.
    """

    name = "persistence_office_startup"
    description = "Is loaded whenever an Office program starts"
    severity = 3
    confidence = 70
    categories = ["persistence"]
    ttps = ["T1137"]
    patterns = {
        "write_files": [r"\\Microsoft\\(?:Word\\STARTUP|Excel\\XLSTART|AddIns)\\[^\\]+$"],
        "write_keys": [_SOFTWARE + r"Microsoft\\Office test\\Special\\Perf"],
    }
    exceptions = [r"\\~\$[^\\]*$"]


class AccountCreated(SummaryPatterns):
    """A local account is made or put into the group of administrators from the command line.

    Known false positives: set-up scripts of administrators.
    """

    name = "persistence_account_created"
    description = "Creates an account or makes it an administrator"
    severity = 3
    confidence = 90
    categories = ["persistence"]
    ttps = ["T1136.001", "T1098"]
    patterns = {
        "executed_commands": [
            r"\bnet1?(?:\.exe)?\"?\s+user\s.*\s/add\b",
            r"\bnet1?(?:\.exe)?\"?\s+localgroup\s.*\s/add\b",
            r"\bNew-LocalUser\b",
        ]
    }


class LogonScript(SummaryPatterns):
    """A script is set that runs when the user logs on.

    Known false positives: none known outside domains.
    """

    name = "persistence_logon_script"
    description = "Sets a logon script"
    severity = 3
    confidence = 90
    categories = ["persistence"]
    ttps = ["T1037.001"]
    patterns = {
        "write_keys": [r"\\Environment\\UserInitMprLogonScript$"],
        "executed_commands": [r"UserInitMprLogonScript"],
    }


class BitsJob(SummaryPatterns):
    """The background transfer service is told to fetch a file or to run a command.

    Known false positives: deployment scripts.
    """

    name = "persistence_bits_job"
    description = "Uses the background transfer service to fetch or run a file"
    severity = 2
    confidence = 80
    categories = ["persistence", "command_and_control"]
    ttps = ["T1197"]
    patterns = {
        "executed_commands": [
            r"\bbitsadmin(?:\.exe)?\"?\s.*/(?:transfer|addfile|SetNotifyCmdLine)\b",
            r"\bStart-BitsTransfer\b",
        ]
    }
