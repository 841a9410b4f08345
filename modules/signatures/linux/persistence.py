"""Linux: ways to be started again, to hide and to come back."""

from lib.cuckoo.common.patterns import SummaryPatterns


class Cron(SummaryPatterns):
    """A job is added to cron.

    Known false positives: packages that bring a job of their own.
    """

    name = "linux_cron"
    description = "Adds a job to cron"
    severity = 3
    confidence = 75
    categories = ["persistence"]
    ttps = ["T1053.003"]
    patterns = {
        "write_files": [r"^/etc/cron(?:tab$|\.\w+/)", r"^/var/spool/cron/"],
        "executed_commands": [r"\bcrontab\s+(?:-(?!l\b)|/|\w)"],
    }


class SystemdService(SummaryPatterns):
    """A unit, an init script or rc.local is written.

    Known false positives: packages of servers.
    """

    name = "linux_service"
    description = "Installs a service"
    severity = 2
    confidence = 75
    categories = ["persistence"]
    ttps = ["T1543.002", "T1037.004"]
    patterns = {
        "write_files": [
            r"^(?:/etc|/usr/lib|/lib)/systemd/system/|/\.config/systemd/user/",
            r"^/etc/(?:init\.d/|rc\.local$|rc\d?\.d/)",
        ],
        "executed_commands": [r"\bsystemctl\s+(?:--user\s+)?enable\b|\bupdate-rc\.d\b|\bchkconfig\b.*\bon\b"],
    }


class PreloadedLibrary(SummaryPatterns):
    """A library is set to be loaded into every program.

    Known false positives: none in ordinary use.
    """

    name = "linux_preload"
    description = "Has its library loaded into every program"
    severity = 3
    confidence = 95
    categories = ["persistence", "defense_evasion"]
    ttps = ["T1574.006"]
    patterns = {"write_files": [r"^/etc/ld\.so\.preload$"]}


class SshKeys(SummaryPatterns):
    """A key is added to those that may log in.

    Known false positives: set-up scripts of administrators.
    """

    name = "linux_ssh_key"
    description = "Adds a key that may log in"
    severity = 3
    confidence = 80
    categories = ["persistence"]
    ttps = ["T1098.004"]
    patterns = {"write_files": [r"/\.ssh/authorized_keys2?$"]}


class ClearsTraces(SummaryPatterns):
    """Logs or the shell's history are removed.

    Known false positives: rotation of logs, which writes beside them.
    """

    name = "linux_clears_traces"
    description = "Removes logs or the shell's history"
    severity = 3
    confidence = 80
    categories = ["defense_evasion"]
    ttps = ["T1070.002", "T1070.003"]
    patterns = {
        "delete_files": [r"/\.\w*_history$", r"^/var/log/[\w./-]+$"],
        "executed_commands": [r"\bhistory\s+-c\b|\bunset\s+HISTFILE\b|\brm\s.*/var/log/|HISTSIZE=0"],
    }
