"""Passwords, sessions and keys of users and of Windows."""

from itertools import chain
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.patterns import CallSignature, SummaryPatterns, alternatives

_BROWSERS = frozenset(
    {
        *("chrome.exe", "msedge.exe", "firefox.exe", "iexplore.exe", "opera.exe", "brave.exe", "vivaldi.exe"),
        *("microsoftedge.exe", "microsoftedgecp.exe", "setup.exe", "thunderbird.exe"),
    }
)
_STORES = alternatives(
    [
        r"\\User Data\\[^\\]+\\(?:Network\\)?(?:Login Data|Cookies|Web Data)$",
        r"\\User Data\\Local State$",
        r"\\Mozilla\\Firefox\\Profiles\\[^\\]+\\(?:logins\.json|key[34]\.db|signons\.sqlite|cookies\.sqlite)$",
        r"\\Opera Software\\[^\\]+\\(?:Login Data|Cookies)$",
        r"\\Thunderbird\\Profiles\\[^\\]+\\(?:logins\.json|key[34]\.db)$",
    ]
)


class BrowserCredentials(Signature):
    """The files in which browsers keep passwords and sessions are read by something else.

    Known false positives: backup programs; browsers themselves are left out when they are what was analysed.
    """

    name = "steals_browser_credentials"
    description = "Reads the passwords or cookies of browsers"
    severity = 3
    confidence = 85
    categories = ["credential_access"]
    ttps = ["T1555.003", "T1539"]

    def run(self) -> bool:
        """Look through the files, unless every process is a browser."""
        processes = self.results["behavior"]["processes"]
        if processes and all(str(each.get("process_name", "")).lower() in _BROWSERS for each in processes):
            return False
        summary = self.results["behavior"]["summary"]
        files = chain(summary["read_files"], summary["files"])
        found = dict.fromkeys(file for file in files if _STORES.search(str(file)))
        self.data.extend({"file": file} for file in found)
        return self.has_matches()


class LsassAccess(CallSignature):
    """The process that holds the passwords of logged-on users is opened to read its memory.

    Known false positives: security products and a few monitoring tools.
    """

    name = "reads_lsass"
    description = "Opens the local security authority to read its memory"
    severity = 3
    confidence = 80
    categories = ["credential_access"]
    ttps = ["T1003.001"]
    filter_apinames = {"NtOpenProcess"}
    _read_memory = 0x10

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match by the name of the opened process, where the analysis knows it."""
        opened = self.get_name_from_pid(self.argument(call, "ProcessIdentifier", "process_identifier"))
        by_name = self.argument(call, "ProcessName")
        if "lsass.exe" not in {str(opened).lower(), by_name.lower()} or process.get("process_name") == opened:
            return False
        if not self.number(call, "DesiredAccess", "desired_access") & self._read_memory:
            return False
        self.mark_call()
        return True


class CredentialDump(SummaryPatterns):
    """Memory of the security authority or the registry hives with password hashes are written to a file.

    Known false positives: none in ordinary use.
    """

    name = "dumps_credentials"
    description = "Dumps the credentials of Windows"
    severity = 3
    confidence = 95
    categories = ["credential_access"]
    ttps = ["T1003.001", "T1003.002"]
    patterns = {
        "executed_commands": [
            r"comsvcs(?:\.dll)?[\s\",]+(?:MiniDump|#\+?0*24)",
            r"\bprocdump(?:64)?(?:\.exe)?\"?\s.*\blsass\b",
            r"\breg(?:\.exe)?\"?\s+save\s+\"?(?:HKLM|HKEY_LOCAL_MACHINE)\\(?:SAM|SECURITY|SYSTEM)\b",
            r"\bsekurlsa::|\blsadump::|\bInvoke-Mimikatz\b",
            r"\bntdsutil\b.*\bifm\b",
        ],
        "read_files": [r"\\System32\\config\\(?:SAM|SECURITY)$", r"\\NTDS\\ntds\.dit$"],
        "write_files": [r"\\lsass[^\\]*\.dmp$"],
    }


class ApplicationCredentials(SummaryPatterns):
    """Settings in which file-transfer, mail and remote-access programs keep passwords are read.

    Known false positives: the programs themselves, and installers that migrate their settings.
    """

    name = "steals_application_credentials"
    description = "Reads passwords kept by mail, file-transfer or remote-access programs"
    severity = 3
    confidence = 70
    categories = ["credential_access"]
    ttps = ["T1552.001", "T1552.002"]
    patterns = {
        "files": [
            r"\\FileZilla\\(?:recentservers|sitemanager)\.xml$",
            r"\\(?:WinSCP\.ini|CoreFTP\\sites\.idx|\.purple\\accounts\.xml|ws_ftp\.ini|wcx_ftp\.ini)$",
            r"\\\.ssh\\(?:id_\w+|known_hosts)$",
            r"\\\.aws\\credentials$|\\\.azure\\accessTokens\.json$",
            r"\\Telegram Desktop\\tdata\\",
        ],
        "keys": [
            r"\\Software\\Martin Prikryl\\WinSCP 2\\Sessions",
            r"\\Software\\SimonTatham\\PuTTY\\Sessions",
            r"\\Windows Messaging Subsystem\\Profiles\\.*9375CFF0413111d3B88A00104B2A6676",
            r"\\Software\\(?:RealVNC|TightVNC|ORL\\WinVNC3)\\.*Password",
            r"\\Software\\Ghisler\\(?:Total|Windows) Commander",
        ],
    }


class CryptocurrencyWallets(SummaryPatterns):
    """The files of cryptocurrency wallets are looked for.

    Known false positives: the wallet programs themselves.
    """

    name = "steals_wallets"
    description = "Looks for cryptocurrency wallets"
    severity = 3
    confidence = 85
    categories = ["credential_access", "collection"]
    ttps = ["T1005"]
    patterns = {
        "files": [
            r"\\wallet\.dat$",
            (
                r"\\(?:Electrum\\wallets|Exodus\\exodus\.wallet|Ethereum\\keystore|atomic\\Local Storage|Coinomi|Armory"
                r"|Bytecoin|Jaxx|MultiBit|Monero\\wallets)(?:\\|$)"
            ),
        ]
    }


class CredentialVault(CallSignature):
    """The entries of Windows' own store of passwords are enumerated.

    Known false positives: the control panel; mail and chat programs read their own entry by name instead.
    """

    name = "reads_credential_vault"
    description = "Lists the passwords that Windows keeps for the user"
    severity = 3
    confidence = 80
    categories = ["credential_access"]
    ttps = ["T1555.004"]
    filter_apinames = {"CredEnumerateW", "CredEnumerateA", "VaultEnumerateItems"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match each enumeration that succeeds."""
        if not call["status"]:
            return False
        self.mark_call()
        return True


class SearchesForPasswords(SummaryPatterns):
    """Files are searched for passwords by command.

    Known false positives: developers at work.
    """

    name = "searches_for_passwords"
    description = "Searches files or the registry for passwords"
    severity = 3
    confidence = 80
    categories = ["credential_access"]
    ttps = ["T1552.001", "T1552.002"]
    patterns = {
        "executed_commands": [
            r"\bfindstr(?:\.exe)?\"?\s.*pass(?:word|wd)?",
            r"\breg(?:\.exe)?\"?\s+query\s.*/f\s+\"?pass",
            r"\b(?:cmdkey|vaultcmd)\b.*/list",
            r"\bnetsh\b(?=.*\bwlan\b)(?=.*\bkey=clear)",
        ]
    }
