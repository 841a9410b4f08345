"""What is taken from the user: keys, clipboard, screen, camera, files."""

from collections import Counter
from typing import Any

from lib.cuckoo.common.patterns import CallSignature, SummaryPatterns

_KEYBOARD_HOOKS = {2, 13}
"""WH_KEYBOARD and WH_KEYBOARD_LL."""


class KeyboardHook(CallSignature):
    """A hook is set that sees every key pressed.

    Known false positives: hotkey tools and games.
    """

    name = "keylogger_hook"
    description = "Sets a hook on the keyboard"
    severity = 3
    confidence = 70
    categories = ["collection", "credential_access"]
    ttps = ["T1056.001"]
    filter_apinames = {"SetWindowsHookExA", "SetWindowsHookExW"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match keyboard hooks for all threads."""
        hook = self.number(call, "HookIdentifier", "hook_identifier")
        if hook not in _KEYBOARD_HOOKS or self.number(call, "ThreadId", "thread_identifier"):
            return False
        self.mark_call()
        return True


class KeyboardPolling(CallSignature):
    """The state of keys is asked for again and again.

    Known false positives: games.
    """

    name = "keylogger_polling"
    description = "Polls the state of the keyboard"
    severity = 3
    confidence = 60
    categories = ["collection", "credential_access"]
    ttps = ["T1056.001"]
    filter_apinames = {"GetAsyncKeyState", "GetKeyState", "GetKeyboardState"}
    _least = 200

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._asked: Counter[int | None] = Counter()

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Count per process, folded repetitions included."""
        self._asked[self.pid] += 1 + int(call.get("repeated") or 0)
        if self._asked[self.pid] < self._least:
            return False
        self.mark_call()
        return True


class ClipboardMonitor(CallSignature):
    """The clipboard is watched or read repeatedly.

    Known false positives: clipboard managers, office programs.
    """

    name = "reads_clipboard"
    description = "Watches the clipboard"
    severity = 2
    confidence = 60
    categories = ["collection"]
    ttps = ["T1115"]
    filter_apinames = {"GetClipboardData", "SetClipboardViewer", "AddClipboardFormatListener"}
    _least_reads = 3

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reads: Counter[int | None] = Counter()

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match a viewer at once, reading at the third time."""
        self._reads[self.pid] += 1 + int(call.get("repeated") or 0)
        if call["api"] == "GetClipboardData" and self._reads[self.pid] < self._least_reads:
            return False
        self.mark_call()
        return True


class Screenshot(CallSignature):
    """The contents of the screen are copied into a bitmap.

    Known false positives: programs that draw with bitmaps; the source must be the screen's device context.
    """

    name = "takes_screenshot"
    description = "Takes a picture of the screen"
    severity = 2
    confidence = 60
    categories = ["collection"]
    ttps = ["T1113"]
    filter_apinames = {
        "GetDC",
        "GetWindowDC",
        "GetDesktopWindow",
        "CreateCompatibleBitmap",
        "BitBlt",
        "StretchBlt",
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stages: dict[int | None, int] = {}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Follow the three steps: device context, bitmap, copy."""
        steps = (
            {"GetDC", "GetWindowDC", "GetDesktopWindow"},
            {"CreateCompatibleBitmap"},
            {"BitBlt", "StretchBlt"},
        )
        stage = self._stages.get(self.pid, 0)
        if call["api"] not in steps[stage]:
            return False
        self.mark_call()
        self._stages[self.pid] = stage + 1
        return stage == 2


class Recording(CallSignature):
    """The microphone or a camera is opened.

    Known false positives: conference programs.
    """

    name = "records_audio_or_video"
    description = "Opens the microphone or a camera"
    severity = 3
    confidence = 60
    categories = ["collection"]
    ttps = ["T1123", "T1125"]
    filter_apinames = {
        *("waveInOpen", "capCreateCaptureWindowA", "capCreateCaptureWindowW"),
        *("mciSendStringA", "mciSendStringW"),
    }

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Match; a multimedia command must say that it records."""
        command = self.argument(call, "Command", "command").lower()
        if call["api"].startswith("mciSend") and "waveaudio" not in command and "record" not in command:
            return False
        self.mark_call()
        return True


class ArchivesFiles(SummaryPatterns):
    """Files are packed from the command line, with a password or into a temporary folder.

    Known false positives: backup scripts.
    """

    name = "archives_files"
    description = "Packs files into an archive"
    severity = 2
    confidence = 60
    categories = ["collection"]
    ttps = ["T1560.001"]
    patterns = {
        "executed_commands": [
            r"\b(?:rar|winrar|7z|7za|7zr)(?:\.exe)?\"?\s+a\s.*-h?p\S",
            r"\b(?:rar|winrar|7z|7za|7zr)(?:\.exe)?\"?\s+a\s.*\\(?:Temp|AppData|ProgramData|Public)\\",
            r"\bCompress-Archive\b.*\\(?:Temp|AppData|ProgramData|Public)\\",
        ]
    }


class CollectsMail(SummaryPatterns):
    """Mailboxes kept in files are read.

    Known false positives: mail programs and backup.
    """

    name = "collects_mail"
    description = "Reads mailboxes"
    severity = 3
    confidence = 60
    categories = ["collection"]
    ttps = ["T1114.001"]
    patterns = {
        "read_files": [r"\.(?:pst|ost|dbx|wab)$", r"\\Thunderbird\\Profiles\\[^\\]+\\(?:Imap)?Mail\\"]
    }
