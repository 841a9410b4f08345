"""Damage: backups deleted, files encrypted, services ended, disks overwritten, processors used."""

import re
from collections import Counter, defaultdict
from typing import Any

from lib.cuckoo.common.abstracts import Signature
from lib.cuckoo.common.patterns import CallSignature, SummaryPatterns, alternatives

_USER_FILE = re.compile(
    r"\.(?:docx?|xlsx?|pptx?|odt|ods|pdf|txt|rtf|csv|jpe?g|png|gif|bmp|mp[34]|avi|zip|7z|rar|sql|mdb|psd|html?)$",
    re.IGNORECASE,
)


class DeletesBackups(SummaryPatterns):
    """Shadow copies, backups or the recovery of Windows are removed.

    Known false positives: none in ordinary use.
    """

    name = "deletes_backups"
    description = "Deletes backups or switches off recovery"
    severity = 3
    confidence = 95
    categories = ["impact"]
    ttps = ["T1490"]
    patterns = {
        "executed_commands": [
            r"\bvssadmin(?:\.exe)?\"?\s.*\b(?:delete\s+shadows|resize\s+shadowstorage)\b",
            r"\bwmic(?:\.exe)?\"?\s(?=.*\bshadowcopy\b)(?=.*\bdelete\b)",
            r"\bwbadmin(?:\.exe)?\"?\s+delete\b",
            r"\bbcdedit(?:\.exe)?\"?\s.*\b(?:recoveryenabled\"?\s+no|bootstatuspolicy\"?\s+ignoreallfailures)\b",
            r"\bWin32_ShadowCopy\b.*(?:\bDelete\(|\bRemove-)",
            r"\bdiskshadow(?:\.exe)?\"?\s.*/s\b",
        ]
    }


class MassRename(CallSignature):
    """Many files of the user are moved to names with one new extension.

    Known false positives: tools that rename in bulk.
    """

    name = "ransomware_mass_rename"
    description = "Gives many files one new extension"
    severity = 3
    confidence = 90
    categories = ["impact", "ransomware"]
    ttps = ["T1486"]
    filter_apinames = {"MoveFileWithProgressW", "MoveFileWithProgressTransactedW", "MoveFileExW"}
    _least = 10
    _marked = 10

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._renamed: Counter[str] = Counter()

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Count by the extension that was added or put in place of the old one."""
        old = self.argument(call, "ExistingFileName", "oldfilepath").lower()
        new = self.argument(call, "NewFileName", "newfilepath").lower()
        extension = new.rpartition("\\")[2].rpartition(".")[2]
        if (
            not _USER_FILE.search(old)
            or not extension
            or old.endswith(f".{extension}")
            or _USER_FILE.search(new)
        ):
            return False
        self._renamed[extension] += 1
        self.mark_call()
        return self._renamed[extension] >= self._least


class MassEncryption(CallSignature):
    """Many documents of the user are overwritten with what looks random.

    Known false positives: programs that pack or encrypt at the user's wish.
    """

    name = "ransomware_mass_encryption"
    description = "Overwrites many documents with encrypted contents"
    severity = 3
    confidence = 85
    categories = ["impact", "ransomware"]
    ttps = ["T1486"]
    filter_apinames = {"NtWriteFile"}
    _least = 10

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._files: dict[int | None, set[str]] = defaultdict(set)

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Count different documents to which something unreadable is written."""
        file = self.argument(call, "HandleName", "filepath").lower()
        files = self._files[self.pid]
        if (
            file in files
            or not _USER_FILE.search(file)
            or not _looks_random(self.argument(call, "Buffer", "buffer"))
        ):
            return False
        files.add(file)
        self.mark_call()
        return len(files) >= self._least


def _looks_random(shown: str) -> bool:
    r"""Tell whether a buffer, as the report shows it (`\xNN` for the unprintable), has the spread of random bytes.

    Of random bytes 63 % are unprintable, and hardly any are zero; formats of documents have many zeros.
    """
    escaped = shown.count("\\x")
    length = len(shown) - 3 * escaped
    return length >= 32 and escaped / length > 0.45 and shown.count("\\x00") / length < 0.05


class RansomNote(Signature):
    """One text with the name of a ransom note is written, or a text of one name into many folders.

    Known false positives: programs that put a readme into each of their folders; these are called README only.
    """

    name = "ransom_note"
    description = "Leaves a ransom note"
    severity = 3
    confidence = 85
    categories = ["impact", "ransomware"]
    ttps = ["T1486"]
    _telling = alternatives(
        [
            r"(?:how|help|need)[\s_-]*(?:to[\s_-]*)?(?:you[\s_-]*)?(?:decrypt|restore|recover|unlock|return)",
            r"(?:decrypt|restore|recover|unlock)[\s_-]*(?:your[\s_-]*|my[\s_-]*|instructions?|files?|info)",
            r"(?:your[\s_-]*)?files?[\s_-]*(?:are[\s_-]*|were[\s_-]*)?(?:encrypted|locked)",
            r"readme[\s_-]*(?:to[\s_-]*|for[\s_-]*)?(?:decrypt|restore|now|!)|ransom[\s_-]*note|@please_read_me@",
        ]
    )
    _text = re.compile(r"\.(?:txt|html?|hta|rtf|url|bmp|png|jpe?g)$", re.IGNORECASE)
    _least_folders = 8

    def run(self) -> bool:
        """Group the written texts by name."""
        folders: dict[str, set[str]] = defaultdict(set)
        for file in self.results["behavior"]["summary"]["write_files"]:
            folder, _, name = str(file).rpartition("\\")
            if self._text.search(name):
                folders[name.lower()].add(folder.lower())
        for name, places in folders.items():
            if self._telling.search(name) or (len(places) >= self._least_folders and _looks_shouted(name)):
                self.data.append({"file": name, "folders": len(places)})
        return self.has_matches()


def _looks_shouted(name: str) -> bool:
    return bool(re.search(r"read.?me|decrypt|recover|restore|warning|!!|_{2,}|#{2,}", name, re.IGNORECASE))


class EndsProcesses(SummaryPatterns):
    """Several programs or services are ended by command, as before encryption.

    Known false positives: installers end the one program that they replace.
    """

    name = "ends_programs_and_services"
    description = "Ends several programs or services"
    severity = 3
    confidence = 75
    categories = ["impact", "defense_evasion"]
    ttps = ["T1489"]
    least_hits = 3
    patterns = {
        "executed_commands": [
            r"\btaskkill(?:\.exe)?\"?\s.*/(?:im|pid|f)\b",
            r"\bnet1?(?:\.exe)?\"?\s+stop\s",
            r"\bsc(?:\.exe)?\"?\s+(?:stop|delete|config\s.*start=\s*disabled)\b",
            r"\bStop-(?:Service|Process)\b",
        ]
    }


class RawDiskWrite(CallSignature):
    """A disk or its boot sector is opened for writing, past the file system.

    Known false positives: partitioning tools and writers of disk images.
    """

    name = "writes_raw_disk"
    description = "Opens a disk for writing past the file system"
    severity = 3
    confidence = 85
    categories = ["impact"]
    ttps = ["T1561.002", "T1542.003"]
    filter_apinames = {"NtCreateFile", "NtOpenFile", "CreateFileW", "CreateFileA"}
    _disk = re.compile(r"\\(?:PhysicalDrive\d+|Harddisk\d+\\(?:DR\d+|Partition0))$", re.IGNORECASE)
    _write = 0x40000000 | 0x10000000 | 0x2

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match by name and access."""
        name = self.argument(call, "FileName", "filepath")
        if (
            not self._disk.search(name)
            or not self.number(call, "DesiredAccess", "desired_access") & self._write
        ):
            return False
        self.mark_call()
        return True


class Shutdown(SummaryPatterns):
    """The machine is told to restart or to shut down.

    Known false positives: installers at their end.
    """

    name = "shuts_down"
    description = "Restarts or shuts down the machine"
    severity = 2
    confidence = 60
    categories = ["impact"]
    ttps = ["T1529"]
    patterns = {
        "executed_commands": [r"\bshutdown(?:\.exe)?\"?\s.*[-/][rsp]\b", r"\b(?:Restart|Stop)-Computer\b"]
    }


class Wallpaper(SummaryPatterns):
    """The wallpaper is changed through the registry.

    Known false positives: the user's own settings and themes.
    """

    name = "changes_wallpaper"
    description = "Changes the wallpaper"
    severity = 2
    confidence = 50
    categories = ["impact"]
    ttps = ["T1491.001"]
    patterns = {"write_keys": [r"\\Control Panel\\Desktop\\Wallpaper$", r"\\Policies\\System\\Wallpaper$"]}


class CoinMiner(SummaryPatterns):
    """A miner's protocol, pool or options stand in a command.

    Known false positives: miners that the user wants.
    """

    name = "coin_miner"
    description = "Mines cryptocurrency"
    severity = 3
    confidence = 95
    categories = ["impact"]
    ttps = ["T1496"]
    patterns = {
        "executed_commands": [
            r"\bstratum\+(?:tcp|ssl|udp)://",
            r"--(?:donate-level|cpu-max-threads-hint|randomx-\w+|nicehash)\b",
            r"\b(?:xmrig|xmr-stak|minerd|cpuminer|ethminer|nbminer|phoenixminer|t-rex)(?:\.exe)?\"?\s",
            r"\s-(?:a|-algo)[\s=](?:cryptonight|cn/|rx/|randomx|ethash|scrypt|argon2)\w*",
        ]
    }


class DeletesManyFiles(SummaryPatterns):
    """Many documents of the user are deleted.

    Known false positives: clean-up tools and uninstallers; only documents in users' folders count.
    """

    name = "deletes_user_files"
    description = "Deletes many documents of the user"
    severity = 3
    confidence = 70
    categories = ["impact"]
    ttps = ["T1485"]
    least_hits = 20
    patterns = {
        "delete_files": [
            (
                r"^C:\\Users\\[^\\]+\\(?:Desktop|Documents|Pictures|Downloads|Music|Videos)\\.*"
                r"\.(?:docx?|xlsx?|pptx?|pdf|txt|jpe?g|png|mp[34]|zip)$"
            )
        ]
    }
