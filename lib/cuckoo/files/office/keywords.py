"""Words in macros that run by themselves or that malware needs.

One pattern of fixed words is matched once over the text, in linear time.
"""

import re
from collections.abc import Iterable, Iterator

from lib.cuckoo.files.office.records import Keyword

_AUTOEXEC = {
    "runs when the document is opened": (
        "AutoExec AutoOpen Auto_Open DocumentOpen Document_Open Workbook_Open Workbook_Activate AutoNew NewDocument "
        "Document_New Document_ContentControlOnEnter Presentation_Open Auto_Exec Auto_Activate Slide_Show_Begin "
        "OnLoad OnConnection"
    ),
    "runs when the document is closed": (
        "AutoExit AutoClose Auto_Close Document_Close DocumentBeforeClose Workbook_Close Workbook_BeforeClose "
        "Workbook_Deactivate Auto_Deactivate SlideShowEnd OnSlideShowTerminate"
    ),
    "runs when the document is used": (
        "DocumentChange DocumentBeforePrint DocumentBeforeSave Workbook_BeforeSave Workbook_SheetActivate "
        "Workbook_NewSheet Workbook_SheetCalculate Worksheet_Change Worksheet_Calculate Worksheet_Activate "
        "OnSlideShowPageChange App_DocumentOpen App_NewDocument UserForm_Initialize UserForm_Activate"
    ),
}
_EVENTS = (
    "_Click _Change _GotFocus _LostFocus _MouseHover _MouseMove _Resize _Layout _Painted _BeforeNavigate2 "
    "_BeforeScriptExecute _DocumentComplete _DownloadBegin _DownloadComplete _FileDownload _NavigateComplete2 "
    "_NavigateError _ProgressChange _PropertyChange _SetSecureLockIcon _StatusTextChange _TitleChange _Enter _Exit"
)
_SUSPICIOUS = {
    "runs a program or a command": (
        "Shell WScript.Shell Shell.Application ShellExecute ShellExecuteA ShellExecuteW WinExec CreateProcessA "
        "CreateProcessW CreateProcess MacScript AppleScript popen Win32_Process Win32_ProcessStartup winmgmts "
        "ExecQuery ExecMethod SetScript MSScriptControl.ScriptControl ScriptControl ShellBrowserWindow ShellWindows"
    ),
    "runs a system program that runs others": (
        "powershell cmd.exe mshta rundll32 regsvr32 wscript cscript bitsadmin certutil schtasks wmic msiexec "
        "installutil regasm regsvcs msbuild forfiles pcalua"
    ),
    "hides a window or a command line": (
        "vbHide SW_HIDE vbMinimizedNoFocus EncodedCommand NoProfile WindowStyle ExecutionPolicy"
    ),
    "downloads": (
        "URLDownloadToFile URLDownloadToFileA URLDownloadToFileW Msxml2.XMLHTTP Microsoft.XMLHTTP "
        "MSXML2.ServerXMLHTTP WinHttp.WinHttpRequest WinHttpRequest Net.WebClient DownloadFile DownloadString "
        "InternetExplorer.Application XMLHTTP ResponseBody User-Agent"
    ),
    "writes or reads files": (
        "ADODB.Stream SaveToFile WriteText Scripting.FileSystemObject CreateTextFile FileCopy CopyFile Kill "
        "Environ Put Binary Output Append Write"
    ),
    "creates objects of other programs": "CreateObject GetObject",
    "changes the registry": "RegWrite RegRead RegDelete RegCreateKey RegSetValueEx StdRegProv",
    "calls code outside Office": (
        "Declare Lib CallByName VirtualAlloc VirtualAllocEx VirtualProtect VirtualProtectEx WriteProcessMemory "
        "RtlMoveMemory CreateThread CreateRemoteThread EnumSystemLanguageGroupsW EnumDateFormatsW SetTimer "
        "CallWindowProc LoadLibrary GetProcAddress NtAllocateVirtualMemory QueueUserAPC HeapAlloc DllImport"
    ),
    "takes strings apart to hide them": "Chr ChrB ChrW StrReverse Xor Base64 bin.base64 bin.hex Replace Split",
    "looks for a sandbox or a debugger": (
        "IsDebuggerPresent Application.RecentFiles RecentFiles.Count SbieDll vmware VirtualBox VBOX QEMU "
        "Application.MouseAvailable GetCursorPos Win32_ComputerSystem Win32_BIOS Win32_DiskDrive wireshark"
    ),
    "changes the security of Office or of its own code": (
        "AccessVBOM VBAWarnings ProtectedView DisableAttachementsInPV DisableInternetFilesInPV VBProject "
        "VBComponents CodeModule AddFromString ScreenUpdating DisplayAlerts"
    ),
    "sends keys or mail": "SendKeys AppActivate Outlook.Application CDO.Message",
}


def _table() -> dict[str, tuple[str, str, str]]:
    table: dict[str, tuple[str, str, str]] = {}
    for kind, group in (("suspicious", _SUSPICIOUS), ("autoexec", _AUTOEXEC)):
        for meaning, words in group.items():
            table |= {word.lower(): (kind, word, meaning) for word in words.split()}
    return table


_WORDS = _table()
_ANY_WORD = re.compile(
    rf"(?<![A-Za-z0-9_])(?:{'|'.join(map(re.escape, sorted(_WORDS, key=len, reverse=True)))})(?![A-Za-z0-9_])",
    re.IGNORECASE | re.ASCII,
)
_EVENT = re.compile(
    rf"(?i)\bSub[ \t]{{1,16}}(\w{{1,255}}?(?:{'|'.join(_EVENTS.split())}))[ \t]{{0,16}}\(", re.ASCII
)


def keywords(codes: Iterable[str]) -> list[Keyword]:
    """Return the telling words of macros, each once, those that run by themselves first."""
    found = {(each["type"], each["keyword"]): each for code in codes for each in _found(code)}
    return sorted(found.values(), key=lambda each: each["type"])


def _found(code: str) -> Iterator[Keyword]:
    for word in dict.fromkeys(match.group().lower() for match in _ANY_WORD.finditer(code)):
        kind, keyword, meaning = _WORDS[word]
        yield {"type": kind, "keyword": keyword, "meaning": meaning}
    for name in dict.fromkeys(match[1] for match in _EVENT.finditer(code)):
        yield {"type": "autoexec", "keyword": name, "meaning": "runs on an event of a control"}
