"""The facts of the example: who, where, when and with which files. Every other part takes them from here.

Names and addresses are reserved ones (RFC 2606, RFC 5737, RFC 1918); the programs do nothing but exit. What
happens is told in docs/example-analysis.md.
"""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice

from tools.example import tls
from tools.example.pcap import Host
from tools.example.pe import Program, build_pe

TASK_ID = 1
ADDED = datetime(2026, 3, 17, 9, 13, 58, 104000, tzinfo=UTC)
BEGAN = datetime(2026, 3, 17, 9, 14, 5, 312000, tzinfo=UTC)
SAMPLE_STARTED = datetime(2026, 3, 17, 9, 14, 25, 250000, tzinfo=UTC)
ENDED = datetime(2026, 3, 17, 9, 15, 41, 870000, tzinfo=UTC)

USER, COMPUTER, MACHINE = "maria", "FRONTDESK-PC", "win10-x86-1"
GUEST = Host("192.168.56.101", "08:00:27:1a:2b:3c")
ROUTER = Host("192.168.56.1", "0a:00:27:00:00:00")

CDN_NAME, EDGE_NAME, EDGE = "cdn.updates.example", "edge7.hosting.example", "192.0.2.44"
GATE_NAME, GATE = "gate.invoice-portal.test", "198.51.100.23"
PANEL_NAME, PANEL = "panel.invoice-portal.test", "198.51.100.24"
CHAT_NAME, CHAT = "irc.quietroom.example", "198.51.100.67"
PARTNER_NAME, MAIL_NAME, MAIL = "partner.example", "mx1.partner.example", "203.0.113.25"
LOST_NAME = "backup.invoice-portal.test"
DEAD = "203.0.113.99"
DEAD_PORT = 8443

PROFILE = rf"C:\Users\{USER}"
TEMP = rf"{PROFILE}\AppData\Local\Temp"
SAMPLE_PATH = rf"{TEMP}\Invoice_0417.exe"
INSTALL_FOLDER = rf"{PROFILE}\AppData\Roaming\WinSync"
STAGE_PATH = rf"{INSTALL_FOLDER}\winsync.exe"
STAGE_DOWNLOAD_PATH = rf"{TEMP}\~ws4C1.tmp"
SCRIPT_PATH = rf"{PROFILE}\AppData\Roaming\Microsoft\Windows\Start Menu\Programs\Startup\update.vbs"
HOST_PATH = r"C:\Windows\explorer.exe"
NOTE_PATHS = (rf"{PROFILE}\Desktop\README_RESTORE.txt", rf"{PROFILE}\Documents\README_RESTORE.txt")
LOCKED_SUFFIX = ".locked"
RUN_KEY = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Run"
RECENT_KEY = r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\RunMRU"
MUTEX, STAGE_MUTEX = r"Local\inv-7f3a9c", r"Global\WinSync-1"
SERVICE = "WinSyncSvc"
BOT_NAME, CHANNEL = "frontdesk-7f3a", "#accounts"
USER_AGENT = "Mozilla/5.0 (compatible; WinSync/1.4)"


@dataclass(frozen=True)
class Process:
    """One process the monitor saw; `started` is in seconds after the sample's start."""

    pid: int
    parent: int
    thread: int
    path: str
    command: str
    started: float


SHELL_PID = 1532
"""The desktop's own shell, which is not monitored."""
SAMPLE = Process(2840, SHELL_PID, 2844, SAMPLE_PATH, f'"{SAMPLE_PATH}" ', 0)
STAGE = Process(3124, SAMPLE.pid, 3128, STAGE_PATH, f'"{STAGE_PATH}" --silent', 5.6)
HOST = Process(3388, STAGE.pid, 3392, HOST_PATH, HOST_PATH, 6.9)
PROCESSES = (SAMPLE, STAGE, HOST)


def moment(seconds: float) -> datetime:
    """The time so many seconds after the sample's start."""
    return SAMPLE_STARTED + timedelta(seconds=seconds)


class At:
    """When things happen, in seconds after the sample's start."""

    DOWNLOAD = 1.4
    PERSISTENCE = 3.2
    LAUNCH = 5.5
    INJECTION = 6.6
    CHECK_IN = 8.2
    PANEL = 11.0
    CHAT = 14.0
    MAIL = 21.0
    LOCKING = 26.0
    NOTES = 38.0
    LOST = 40.0
    DEAD = 42.0
    END = 66.0


def _version(description: str, name: str, version: str) -> dict[str, str]:
    return {
        "CompanyName": "Northwind Example Ltd.",
        "FileDescription": description,
        "FileVersion": version,
        "InternalName": name,
        "LegalCopyright": "An example of the fledge project; does nothing",
        "OriginalFilename": name,
        "ProductName": description,
        "ProductVersion": version,
    }


_KERNEL = ("ExitProcess", "CreateFileW", "WriteFile", "CloseHandle", "CreateMutexW", "GetTempPathW", "Sleep")


def sample_file() -> bytes:
    """The submitted file: an "invoice" that fetches the second stage."""
    return build_pe(
        Program(
            imports={
                "KERNEL32.dll": (*_KERNEL, "CreateProcessW", "IsDebuggerPresent", "GetComputerNameW"),
                "ADVAPI32.dll": ("RegCreateKeyExW", "RegSetValueExW", "OpenSCManagerW", "CreateServiceW"),
                "WININET.dll": ("InternetOpenW", "InternetConnectW", "HttpOpenRequestW", "HttpSendRequestW"),
                "USER32.dll": ("MessageBoxW",),
            },
            strings=(
                f"http://{CDN_NAME}/pkg/stage2.bin",
                r"Software\Microsoft\Windows\CurrentVersion\Run",
                "WinSync",
                "%s\\~ws%X.tmp",
                USER_AGENT,
                r"D:\build\invoice\Release\invoice.pdb",
                "This file is part of the example analysis. It is harmless.",
            ),
            wide_strings=(MUTEX, SERVICE, "Invoice 0417 could not be opened.", "update.vbs"),
            version=_version("Invoice Viewer", "invoice.exe", "1.4.0.0"),
            padding=_noise(b"sample", 6000),
            built=1773651600,
        )
    )


def stage_file() -> bytes:
    """The second stage, which injects the payload."""
    return build_pe(
        Program(
            imports={
                "KERNEL32.dll": (*_KERNEL, "CreateProcessW", "VirtualAllocEx", "WriteProcessMemory"),
                "ntdll.dll": ("NtUnmapViewOfSection", "NtSetContextThread", "NtResumeThread"),
            },
            strings=(HOST_PATH, "--silent", r"D:\build\winsync\Release\winsync.pdb", "harmless example"),
            wide_strings=(STAGE_MUTEX,),
            version=_version("Windows Synchronisation", "winsync.exe", "2.0.1.0"),
            padding=_noise(b"stage", 9000),
            built=1773655200,
        )
    )


def payload_file() -> bytes:
    """The payload as found in the memory of the third process."""
    return build_pe(
        Program(
            imports={
                "KERNEL32.dll": (*_KERNEL, "FindFirstFileW", "MoveFileWithProgressW", "DeleteFileW"),
                "WS2_32.dll": ("WSAStartup", "socket", "connect", "send", "recv", "getaddrinfo"),
                "ADVAPI32.dll": ("CryptAcquireContextW", "CryptGenKey", "CryptEncrypt"),
            },
            strings=(
                f"http://{GATE_NAME}/gate.php",
                f"https://{PANEL_NAME}/api/tasks",
                f"{CHAT_NAME}:6667",
                f"{DEAD}:{DEAD_PORT}",
                LOST_NAME,
                "NICK %s\r\nUSER %s 0 * :%s\r\n",
                "MAIL FROM:<%s>",
            ),
            wide_strings=("README_RESTORE.txt", LOCKED_SUFFIX),
            padding=_noise(b"payload", 3000),
            built=1773655200,
            is_library=True,
        )
    )


def _noise(seed: bytes, size: int) -> bytes:
    """Bytes like those of a packed section, always the same for one seed."""
    return hashlib.shake_256(seed).digest(size)


def note_file() -> bytes:
    """The ransom note."""
    return (
        "YOUR FILES ARE LOCKED\r\n"
        "\r\n"
        "All documents on this computer have been encrypted.\r\n"
        "To get them back, visit your personal page:\r\n"
        f"  https://{PANEL_NAME}/restore/7f3a9c\r\n"
        "or write to restore@invoice-portal.test\r\n"
        "\r\n"
        "(An example. Nothing was encrypted.)\r\n"
    ).encode()


def script_file() -> bytes:
    """The script in the startup folder."""
    return (
        "' Windows Synchronisation\r\n"
        'Set shell = CreateObject("WScript.Shell")\r\n'
        f'shell.Run """{STAGE_PATH}"" --silent", 0, False\r\n'
    ).encode()


_SUBJECTS = (
    "budget",
    "café",
    "minutes",
    "contract",
    "holidays",
    "stock",
    "payroll",
    "letter",
    "plan",
    "survey",
)
_MONTHS = ("January", "February", "March", "April")


def documents() -> dict[str, bytes]:
    """Maria's documents before they were locked, by path, the budget of January first."""
    return {
        rf"{PROFILE}\Documents\{subject} {month}.csv": _table(f"{subject} {month}")
        for month in _MONTHS
        for subject in _SUBJECTS
    }


def _table(title: str) -> bytes:
    rows = (f"{week};{1000 + value};{900 + value}" for week, value in enumerate(_noise(title.encode(), 40)))
    return "\r\n".join((title, "week;planned;spent", *rows, "")).encode()


def locked(content: bytes) -> bytes:
    """What encryption made of a document."""
    return tls.Rc4(b"example key").crypt(content)


@dataclass(frozen=True)
class Stored:
    """A file the guest uploaded: where it lay, which processes touched it, and its metadata."""

    content: bytes
    guest_path: str
    pids: tuple[int, ...]
    folder: str = "files"
    metadata: str = ""

    @property
    def path(self) -> str:
        """The name inside the analysis folder."""
        return f"{self.folder}/{hashlib.sha256(self.content).hexdigest()}"


_INJECTED_PROGRAM = 3
"""The successor's number for a program image that one process wrote into another."""


def stored_files() -> list[Stored]:
    """Every uploaded file, once for each name it had in the guest."""
    stage, note = stage_file(), note_file()
    fields = (_INJECTED_PROGRAM, STAGE_PATH, STAGE_PATH, HOST_PATH, HOST.pid, "")
    return [
        Stored(stage, STAGE_DOWNLOAD_PATH, (SAMPLE.pid,)),
        Stored(stage, STAGE_PATH, (SAMPLE.pid,)),
        Stored(script_file(), SCRIPT_PATH, (SAMPLE.pid,)),
        *(
            Stored(locked(text), path + LOCKED_SUFFIX, (HOST.pid,))
            for path, text in islice(documents().items(), 3)
        ),
        *(Stored(note, path, (HOST.pid,)) for path in NOTE_PATHS),
        Stored(
            payload_file(),
            rf"C:\kqzRtW\CAPE\{STAGE.pid}_5231914",
            (STAGE.pid,),
            "CAPE",
            ";?".join(map(str, fields)),
        ),
    ]


def panel_session() -> tls.Session:
    """The encrypted session with the panel."""
    first = datetime(2026, 3, 2, tzinfo=UTC)
    proof = tls.certificate(PANEL_NAME, "Invoice Portal Test", first, first + timedelta(days=365), 0x7F3A9C)
    return tls.Session(PANEL_NAME, proof, b"example", moment(At.PANEL))
