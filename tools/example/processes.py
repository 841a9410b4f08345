"""The behaviour logs of the story's three processes."""

from collections.abc import Mapping

from tools.example import story, traffic
from tools.example.activity import (
    CREATE_NO_WINDOW,
    CREATE_SUSPENDED,
    EXECUTE_READ_WRITE,
    THIS_PROCESS,
    Activity,
)
from tools.example.behavior import Arguments, LogWriter, number, pointer
from tools.example.story import At, Process

_LIBRARIES = {
    "kernel32.dll": (
        "FlsAlloc FlsGetValue FlsSetValue FlsFree InitializeCriticalSectionEx CreateEventExW "
        "CreateSemaphoreExW SetThreadStackGuarantee CreateThreadpoolTimer GetTickCount64 "
        "GetFileInformationByHandleEx "
        "SetFileInformationByHandle GetSystemTimePreciseAsFileTime LCMapStringEx GetUserDefaultLocaleName "
        "IsValidLocaleName GetLocaleInfoEx GetDateFormatEx GetTimeFormatEx CompareStringEx"
    ),
    "advapi32.dll": (
        "RegOpenKeyExW RegQueryValueExW RegCreateKeyExW RegSetValueExW RegCloseKey OpenSCManagerW "
        "CreateServiceW StartServiceW CloseServiceHandle CryptAcquireContextW CryptGenKey CryptEncrypt "
        "CryptDestroyKey GetUserNameW"
    ),
    "shell32.dll": "SHGetFolderPathW SHGetKnownFolderPath ShellExecuteExW SHFileOperationW",
    "ole32.dll": "CoInitializeEx CoCreateInstance CoUninitialize CoTaskMemFree",
    "user32.dll": "MessageBoxW FindWindowW GetForegroundWindow GetWindowTextW GetCursorPos",
}
_NETWORK_LIBRARIES = {
    "wininet.dll": (
        "InternetOpenW InternetConnectW HttpOpenRequestW HttpSendRequestW InternetReadFile "
        "InternetCloseHandle HttpQueryInfoW InternetSetOptionW"
    ),
    "ws2_32.dll": "WSAStartup socket connect send recv closesocket GetAddrInfoW FreeAddrInfoW",
    "dnsapi.dll": "DnsQuery_W DnsFree",
}
_CODE_PAGES = r"HKEY_LOCAL_MACHINE\SYSTEM\ControlSet001\Control\Nls\CodePage"
_MACHINE_ID = "6f1d2c34-9a80-4c5e-8b1f-0242ac130002"
_SETTINGS = (
    (r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "ProductName", "Windows 10 Pro"),
    (r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "CurrentBuild", "19045"),
    (r"HKEY_LOCAL_MACHINE\SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName", "ComputerName",
     story.COMPUTER),
    (r"HKEY_LOCAL_MACHINE\SOFTWARE\Microsoft\Cryptography", "MachineGuid", _MACHINE_ID),
    (r"HKEY_LOCAL_MACHINE\HARDWARE\DESCRIPTION\System", "SystemBiosVersion", "EXAMPLE - 1"),
    (r"HKEY_LOCAL_MACHINE\SOFTWARE\Oracle\VirtualBox Guest Additions", "Version", None),
    (r"HKEY_CURRENT_USER\Control Panel\International", "LocaleName", "en-GB"),
    (r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Internet Settings", "ProxyServer", None),
    (r"HKEY_CURRENT_USER\Software\Microsoft\Windows\CurrentVersion\Explorer\Shell Folders", "Personal",
     rf"{story.PROFILE}\Documents"),
)  # fmt: skip
_RUNNING = ("[System Process]", "System", "smss.exe", "csrss.exe", "wininit.exe", "services.exe",
            "lsass.exe", "svchost.exe", "svchost.exe", "dwm.exe", "explorer.exe", "OneDrive.exe")  # fmt: skip
PAYLOAD_BASE = 0x02A40000


def logs() -> dict[int, bytes]:
    """The contents of each log by pid."""
    programs = {story.SAMPLE: _sample, story.STAGE: _stage, story.HOST: _host}
    written = {}
    for process, program in programs.items():
        activity = Activity(_log(process))
        program(activity)
        written[process.pid] = activity.log.contents()
    return written


def _log(process: Process) -> LogWriter:
    return LogWriter(
        process.pid,
        process.parent,
        process.path,
        story.moment(process.started),
        process.thread,
        _environ(process),
    )


def _environ(process: Process) -> Arguments:
    return {
        "UserName": story.USER,
        "ComputerName": story.COMPUTER,
        "WindowsPath": r"C:\Windows",
        "TempPath": story.TEMP + "\\",
        "CommandLine": process.command,
        "RegisteredOwner": story.USER,
        "RegisteredOrganization": "",
        "ProductName": "Windows 10 Pro",
        "SystemVolumeSerialNumber": "5c3a-8244",
        "SystemVolumeGUID": "5f0c3476-0000-0000-0000-100000000000",
        "MachineGUID": _MACHINE_ID,
        "MainExeBase": pointer(0x00400000),
        "MainExeSize": number(0x6000),
        "Bitness": 32,
    }


def _begin(activity: Activity, libraries: Mapping[str, str]) -> None:
    """What every program does first: look up functions, learn about the machine."""
    for index, (library, functions) in enumerate(libraries.items()):
        activity.load(library, functions.split(), 0x75000000 + index * 0x200000)
    activity.call("GetSystemTimeAsFileTime", "system", repeated=3)
    activity.query_value_natively(_CODE_PAGES, "ACP", "1252")
    for key, name, content in _SETTINGS:
        activity.query_value(key, name, content)


def _since(process: Process, at: float) -> float:
    """Milliseconds from a process' start to a moment of the story."""
    return (at - process.started) * 1000


def _sample(activity: Activity) -> None:
    _begin(activity, _LIBRARIES)
    _look_around(activity)
    activity.create_mutex(story.MUTEX)
    activity.sleep(200, repeated=2)
    _fetch_stage(activity)
    _persist(activity)
    activity.wait_until(At.LAUNCH * 1000)
    command = story.STAGE.command
    activity.create_process(story.STAGE_PATH, command, CREATE_NO_WINDOW, story.STAGE.pid, story.STAGE.thread)
    text: Arguments = {"Text": "Invoice 0417 could not be opened.", "Caption": "Invoice Viewer"}
    activity.call("MessageBoxTimeoutW", "windows", text, returned=1)
    activity.exit()


def _look_around(activity: Activity) -> None:
    """Look for a debugger, an analysis machine and other processes."""
    activity.call("IsDebuggerPresent", "system", status=False)
    activity.call("GlobalMemoryStatusEx", "misc", {"MemoryLoad": 41, "TotalPhysicalMB": 4096}, returned=1)
    activity.call("GetComputerNameW", "misc", {"ComputerName": story.COMPUTER}, returned=1)
    activity.call("GetUserNameW", "misc", {"Name": story.USER}, returned=1)
    window: Arguments = {"ClassName": "OLLYDBG", "WindowName": ""}
    activity.call("FindWindowW", "windows", window, status=False)
    snapshot: Arguments = {"Flags": number(2), "ProcessId": 0}
    activity.call("CreateToolhelp32Snapshot", "process", snapshot, returned=activity.handle())
    for index, name in enumerate(_RUNNING):
        api = "Process32NextW" if index else "Process32FirstW"
        activity.call(api, "process", {"ProcessName": name, "ProcessId": index * 92}, returned=1)


def _fetch_stage(activity: Activity) -> None:
    stage = story.stage_file()
    for index, (library, functions) in enumerate(_NETWORK_LIBRARIES.items()):
        activity.load(library, functions.split(), 0x74000000 + index * 0x100000)
    activity.wait_until(At.DOWNLOAD * 1000 - 8)
    activity.request(story.CDN_NAME, 80, "GET", "/pkg/stage2.bin", story.USER_AGENT)
    activity.wait_until(At.DOWNLOAD * 1000 + 120)
    activity.read_answer(stage)
    activity.write_file(story.STAGE_DOWNLOAD_PATH, stage)


def _persist(activity: Activity) -> None:
    activity.wait_until(At.PERSISTENCE * 1000)
    activity.create_folder(story.INSTALL_FOLDER)
    activity.copy_file(story.STAGE_DOWNLOAD_PATH, story.STAGE_PATH)
    activity.delete_file_on_close(story.STAGE_DOWNLOAD_PATH)
    activity.set_value(story.RUN_KEY, "WinSync", story.STAGE.command)
    activity.write_file(story.SCRIPT_PATH, story.script_file())
    activity.create_service(story.SERVICE, "Windows Synchronisation", story.STAGE.command)


def _stage(activity: Activity) -> None:
    _begin(activity, _LIBRARIES)
    activity.create_mutex(story.STAGE_MUTEX)
    activity.allocate(THIS_PROCESS, 0x00490000, 0x8000, 4)
    activity.wait_until(_since(story.STAGE, At.INJECTION))
    host, payload = story.HOST, story.payload_file()
    process, thread = activity.create_process(
        story.HOST_PATH, host.command, CREATE_SUSPENDED, host.pid, host.thread
    )
    activity.allocate(process, PAYLOAD_BASE, 0x6000, EXECUTE_READ_WRITE)
    for start in range(0, len(payload), 1024):
        activity.write_memory(process, PAYLOAD_BASE + start, payload[start : start + 1024])
    activity.redirect_thread(thread, host.pid, PAYLOAD_BASE + 0x1000)
    activity.exit()


def _host(activity: Activity) -> None:
    _begin(activity, _LIBRARIES | _NETWORK_LIBRARIES)
    activity.call("WSAStartup", "network", {"VersionRequested": number(0x202)})
    _unhooked(activity)
    _check_in(activity)
    _ask_panel(activity)
    _chat(activity)
    _send_mail(activity)
    _lock(activity)
    _say_goodbye(activity)


def _unhooked(activity: Activity) -> None:
    """The monitor itself reports that one of its hooks was removed."""
    found: Arguments = {
        "ThreadIdentifier": activity.thread,
        "Subcategory": "unhook",
        "FunctionName": "GetAddrInfoW",
        "FunctionAddress": pointer(0x76876220),
        "UnhookType": "removal",
    }
    activity.call("__anomaly__", "__notification__", found)


def _check_in(activity: Activity) -> None:
    activity.wait_until(_since(story.HOST, At.CHECK_IN) - 8)
    body = traffic.check_in_body().decode()
    activity.request(story.GATE_NAME, 80, "POST", "/gate.php", story.USER_AGENT, body)
    activity.wait_until(_since(story.HOST, At.CHECK_IN) + 110)
    activity.read_answer(traffic.GATE_ANSWER)


def _ask_panel(activity: Activity) -> None:
    activity.wait_until(_since(story.HOST, At.PANEL) - 8)
    request = traffic.panel_request()
    activity.request(story.PANEL_NAME, 443, "GET", traffic.PANEL_PATH, story.USER_AGENT)
    activity.wait_until(_since(story.HOST, At.PANEL) + 115)
    sealed: Arguments = {"Buffer": request, "SequenceNumber": 1, "BufferSize": len(request)}
    activity.call("SslEncryptPacket", "network", sealed)
    activity.wait_until(_since(story.HOST, At.PANEL) + 140)
    activity.read_answer(traffic.PANEL_ANSWER)


def _chat(activity: Activity) -> None:
    """The channel has a thread of its own."""
    main = activity.thread
    activity.create_thread(main + 20, PAYLOAD_BASE + 0x1A30)
    activity.thread = main + 20
    activity.wait_until(_since(story.HOST, At.CHAT) - 3)
    activity.resolve_name(story.CHAT_NAME)
    activity.wait_until(_since(story.HOST, At.CHAT) + 47)
    socket = activity.connect(story.CHAT, 6667)
    for sent, received in traffic.chat_dialogue():
        activity.send(socket, sent)
        activity.wait_until(activity.now + 730)
        activity.receive(socket, received)
    activity.close_socket(socket)
    activity.thread = main


def _send_mail(activity: Activity) -> None:
    activity.wait_until(_since(story.HOST, At.MAIL) - 120)
    activity.read_file(story.SAMPLE_PATH, story.sample_file())
    activity.wait_until(_since(story.HOST, At.MAIL) - 3)
    query: Arguments = {"Name": story.PARTNER_NAME, "Type": 15, "Options": number(0)}
    activity.call("DnsQuery_W", "network", query)
    activity.wait_until(_since(story.HOST, At.MAIL) + 37)
    activity.resolve_name(story.MAIL_NAME)
    activity.wait_until(_since(story.HOST, At.MAIL) + 97)
    socket = activity.connect(story.MAIL, 25)
    for sent, received in traffic.mail_dialogue():
        activity.send(socket, sent)
        activity.receive(socket, received)
    activity.close_socket(socket)


def _lock(activity: Activity) -> None:
    """Encrypt what lies in the documents folder, then leave the notes."""
    activity.wait_until(_since(story.HOST, At.LOCKING))
    activity.find_files(rf"{story.PROFILE}\Documents\*")
    provider: Arguments = {"Container": "", "Provider": "", "Flags": number(0xF0000000)}
    activity.call("CryptAcquireContextW", "crypto", provider, returned=1)
    for index, (path, content) in enumerate(story.documents().items()):
        activity.wait_until(_since(story.HOST, At.LOCKING) + 100 + index * 220)
        _lock_document(activity, path, content)
    activity.wait_until(_since(story.HOST, At.NOTES))
    for path in story.NOTE_PATHS:
        activity.write_file(path, story.note_file())


def _lock_document(activity: Activity, path: str, content: bytes) -> None:
    activity.read_file(path, content)
    sealed: Arguments = {
        "CryptKey": pointer(0x006C1A40),
        "HashObject": pointer(0),
        "Final": 1,
        "Flags": number(0),
    }
    plain: Arguments = {"Buffer": content[:256], "BufferSize": len(content)}
    activity.call("CryptEncrypt", "crypto", {**sealed, **plain}, returned=1)
    activity.write_file(path, story.locked(content), existed=True)
    activity.move_file(path, path + story.LOCKED_SUFFIX)


def _say_goodbye(activity: Activity) -> None:
    activity.wait_until(_since(story.HOST, At.LOST) - 3)
    activity.resolve_name(story.LOST_NAME, found=False)
    activity.wait_until(_since(story.HOST, At.DEAD) - 5)
    socket = activity.connect(story.DEAD, story.DEAD_PORT, answered=False)
    activity.close_socket(socket)
    activity.delete_file(story.SAMPLE_PATH)
    activity.delete_value(story.RECENT_KEY, "a")
    for _ in range(3):
        activity.wait_until(activity.now + 5000)
        activity.sleep(1000, repeated=4)
