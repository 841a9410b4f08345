"""Cases of the signatures that look at calls, processes, traffic and files: on what each fires, and where not."""

from typing import Any

from tests.modules.signatures.cases.made import (
    OTHER,
    OWN,
    SAMPLE,
    call,
    dns,
    flow,
    http,
    imports,
    log,
    macro,
    network,
    pe,
    process,
    section,
    strings,
    summary,
    target,
)

RWX = "0x00000040"
READ_WRITE = "0x00000004"
THREAD = "0x000001b4"
CREATED = call(
    "CreateProcessInternalW", "process", CreationFlags="0x00000004", ProcessHandle=OTHER, ThreadHandle=THREAD
)
WRITTEN = call(
    "WriteProcessMemory", "process", ProcessHandle=OTHER, BaseAddress="0x00400000", Buffer="\\x90\\x90"
)
RESUMED = call("NtResumeThread", "threading", ThreadHandle=THREAD, SuspendCount="1")
CONTEXT = call("NtSetContextThread", "threading", ThreadHandle=THREAD)
UNMAPPED = call("NtUnmapViewOfSection", "process", ProcessHandle=OTHER, BaseAddress="0x00400000")
MZ = "MZ\\x90\\x00\\x03"
BASIC_TIMES = "\\x80\\x1b\\xcc\\xd1\\x01\\x02\\xd4\\x01"
AMSI = call(
    "LdrGetProcedureAddress",
    "system",
    ModuleName="amsi.dll",
    FunctionName="AmsiScanBuffer",
    FunctionAddress="0x74b6c010",
)
RANDOM = "".join(f"\\x{value:02x}" for value in range(128, 228)) + "abcdefghijklmnopqrstuvwxyz0123456789"
DOCUMENTS = [f"C:\\Users\\user\\Documents\\{number}.docx" for number in range(20)]
GENERATED = ["xkqzjvwpplmt", "qwrtzpsdfghk", "bnmvcxzlkjhg", "zxcvbnqwrtyp", "plmkqnjbhvgz", "wqzxkjvbnmpl"]
FLAT = [{"name": "EXCEL.EXE", "pid": 1, "children": []}, {"name": "cmd.exe", "pid": 2, "children": []}]


def times(number: int, *calls: dict[str, Any]) -> dict[str, Any]:
    return log(*calls * number)


def renamed(name: str, extension: str) -> dict[str, Any]:
    return call("MoveFileWithProgressW", "filesystem", ExistingFileName=name, NewFileName=name + extension)


def written(name: str, contents: str) -> dict[str, Any]:
    return call("NtWriteFile", "filesystem", HandleName=name, Buffer=contents, Length="136")


def tree(parent: str, child: str) -> dict[str, Any]:
    inner = {"name": child, "pid": 3, "children": []}
    root = {"name": "explorer.exe", "pid": 1, "children": [{"name": parent, "pid": 2, "children": [inner]}]}
    return {"behavior": {"processtree": [root]}}


Cases = dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]]]]

INJECTION: Cases = {
    "injection_remote_thread": (
        [
            log(
                call(
                    "CreateRemoteThread",
                    "threading",
                    ProcessHandle=OTHER,
                    StartRoutine="0x00180000",
                    ThreadId=1,
                )
            ),
            log(call("NtCreateThreadEx", "threading", ProcessHandle=OTHER, ProcessId=2000)),
            log(call("CreateRemoteThread", "process", process_handle=OTHER, process_identifier=2000)),
        ],
        [
            log(call("NtCreateThreadEx", "threading", ProcessHandle=OWN, ProcessId=1000)),
            log(call("NtCreateThreadEx", "threading", ProcessHandle=OTHER, ProcessId=1000)),
            log(call("CreateRemoteThread", "threading", status=False, ProcessHandle=OTHER)),
            log(call("CreateThread", "threading", ProcessHandle=OTHER)),
            log(call("NtCreateThreadEx", "threading", ProcessHandle="0x00000000")),
        ],
    ),
    "injection_process_hollowing": (
        [
            log(CREATED, UNMAPPED, WRITTEN, CONTEXT, RESUMED),
            log(CREATED, WRITTEN, CONTEXT, RESUMED),
            log(CREATED, UNMAPPED, WRITTEN, RESUMED),
        ],
        [
            log(CREATED, WRITTEN, RESUMED),
            log(UNMAPPED, WRITTEN, CONTEXT, RESUMED),
            log(CREATED, CONTEXT, RESUMED),
            log(
                call("CreateProcessInternalW", CreationFlags="0x0", ProcessHandle=OTHER, ThreadHandle=THREAD),
                *(WRITTEN, CONTEXT, RESUMED),
            ),
        ],
    ),
    "injection_apc": (
        [log(call("NtQueueApcThread", "threading", ThreadHandle=THREAD, ProcessId=2000))],
        [log(call("NtQueueApcThread", "threading", ThreadHandle=THREAD, ProcessId=1000))],
    ),
    "injection_section_mapping": (
        [log(call("NtMapViewOfSection", "process", ProcessHandle=OTHER, Win32Protect="0x00000040"))],
        [
            log(call("NtMapViewOfSection", "process", ProcessHandle=OWN, Win32Protect="0x00000040")),
            log(call("NtMapViewOfSection", "process", ProcessHandle=OTHER, Win32Protect="0x00000002")),
        ],
    ),
    "injection_remote_executable_memory": (
        [
            log(call("NtAllocateVirtualMemory", "process", ProcessHandle=OTHER, Protection=RWX)),
            log(
                call(
                    "NtProtectVirtualMemory", "process", ProcessHandle=OTHER, NewAccessProtection="0x00000020"
                )
            ),
            log(call("NtAllocateVirtualMemory", "process", process_handle=OTHER, protection="64")),
        ],
        [
            log(call("NtAllocateVirtualMemory", "process", ProcessHandle=OTHER, Protection=READ_WRITE)),
            log(call("NtAllocateVirtualMemory", "process", ProcessHandle=OWN, Protection=RWX)),
        ],
    ),
    "injection_writes_program": (
        [log(call("WriteProcessMemory", "process", ProcessHandle=OTHER, Buffer=MZ))],
        [
            log(call("WriteProcessMemory", "process", ProcessHandle=OTHER, Buffer="\\x90MZ")),
            log(call("WriteProcessMemory", "process", ProcessHandle=OWN, Buffer=MZ)),
        ],
    ),
    "injection_thread_hijacking": (
        [log(call("NtSuspendThread", "threading", ThreadHandle=THREAD, ProcessId=2000), CONTEXT, RESUMED)],
        [
            log(CONTEXT, RESUMED),
            log(call("NtSuspendThread", "threading", ThreadHandle=THREAD, ProcessId=1000), CONTEXT, RESUMED),
            log(call("NtSuspendThread", "threading", ThreadHandle="0x1", ProcessId=2000), CONTEXT, RESUMED),
            log(call("NtSuspendThread", "threading", ThreadHandle=THREAD, ProcessId=2000), RESUMED),
        ],
    ),
    "writable_executable_memory": (
        [
            log(call("NtAllocateVirtualMemory", "process", ProcessHandle=OWN, Protection=RWX)),
            log(call("VirtualProtectEx", "process", ProcessHandle=OWN, Protection="0x00000080")),
        ],
        [
            log(call("NtAllocateVirtualMemory", "process", ProcessHandle=OWN, Protection=READ_WRITE)),
            log(
                call("NtProtectVirtualMemory", "process", ProcessHandle=OWN, NewAccessProtection="0x00000020")
            ),
        ],
    ),
    "unpacks_program": (
        [log(call("RtlDecompressBuffer", "misc", UncompressedBuffer=MZ))],
        [log(call("RtlDecompressBuffer", "misc", UncompressedBuffer="text"))],
    ),
    "reads_process_memory": (
        [log(*(call("ReadProcessMemory", "process", ProcessHandle=hex(handle)) for handle in range(16, 21)))],
        [
            times(10, call("ReadProcessMemory", "process", ProcessHandle=OTHER)),
            times(10, call("ReadProcessMemory", "process", ProcessHandle=OWN)),
        ],
    ),
}

EVASION: Cases = {
    "timestomp": (
        [
            log(call("NtSetInformationFile", FileInformationClass="4", FileInformation=BASIC_TIMES * 4)),
            log(call("SetFileTime", "filesystem", FileHandle="0x10")),
        ],
        [
            log(
                call(
                    "NtSetInformationFile",
                    FileInformationClass="4",
                    FileInformation="\\x00" * 32 + "\\x80\\x00",
                )
            ),
            log(
                call(
                    "NtSetInformationFile",
                    FileInformationClass="4",
                    FileInformation="\\xff" * 32 + "\\x80\\x00",
                )
            ),
            log(call("NtSetInformationFile", FileInformationClass="14", FileInformation=BASIC_TIMES)),
        ],
    ),
    "self_delete": (
        [
            {"behavior": {**log()["behavior"], "summary": {"delete_files": [SAMPLE.upper()]}}},
            {"behavior": {**log()["behavior"], "summary": {"executed_commands": [f'cmd /c del "{SAMPLE}"']}}},
        ],
        [
            {"behavior": {**log()["behavior"], "summary": {"delete_files": ["C:\\other.exe"]}}},
            {"behavior": {**log()["behavior"], "summary": {"executed_commands": [f'"{SAMPLE}" /delete']}}},
            summary(delete_files=[SAMPLE]),
        ],
    ),
    "patches_amsi_or_etw": (
        [
            log(AMSI, call("VirtualProtectEx", ProcessHandle=OWN, Address="0x74b6c000", Protection=RWX)),
            log(
                call(
                    "NtProtectVirtualMemory",
                    BaseAddress="0x1000",
                    ModuleName="amsi.dll",
                    NewAccessProtection=RWX,
                )
            ),
        ],
        [
            log(AMSI),
            log(AMSI, call("VirtualProtectEx", ProcessHandle=OWN, Address="0x10000000", Protection=RWX)),
            log(
                AMSI,
                call("VirtualProtectEx", ProcessHandle=OWN, Address="0x74b6c000", Protection="0x00000002"),
            ),
        ],
    ),
    "long_sleep": (
        [
            log(call("NtDelayExecution", "system", Milliseconds=600000)),
            log({**call("NtDelayExecution", "system", Milliseconds=1000), "repeated": 200}),
        ],
        [
            log(call("NtDelayExecution", "system", Milliseconds=30)),
            log(call("NtDelayExecution", "system", Milliseconds=600000), name="svchost.exe"),
        ],
    ),
    "hidden_window": (
        [log(call("ShellExecuteExW", "process", FilePath="cmd.exe", Show="0"))],
        [log(call("ShellExecuteExW", "process", FilePath="cmd.exe", Show="1"))],
    ),
    "masquerades_as_system_process": (
        [
            {
                "behavior": {
                    "processes": [
                        process(1, "a.exe"),
                        process(2, "svchost.exe", path="C:\\Temp\\svchost.exe"),
                    ]
                }
            }
        ],
        [
            {
                "behavior": {
                    "processes": [
                        process(1, "a.exe"),
                        process(2, "explorer.exe", path="C:\\Windows\\explorer.exe"),
                    ]
                }
            },
            {"behavior": {"processes": [process(1, "a.exe"), process(2, "svchost.exe")]}},
            {"behavior": {"processes": [process(1, "svchost.exe", path="C:\\Temp\\svchost.exe")]}},
        ],
    ),
    "double_extension": (
        [target("PE32 executable", name="invoice.pdf.exe"), summary(write_files=["C:\\a\\photo.jpg   .scr"])],
        [
            target("PE32 executable", name="setup.1.2.exe"),
            summary(write_files=["C:\\a\\exe.pdf", "C:\\a\\x.tar.gz"]),
        ],
    ),
    "debugger_check": (
        [
            log(call("NtQueryInformationProcess", "process", ProcessInformationClass="7")),
            log(call("NtSetInformationThread", "threading", ThreadInformationClass="17")),
        ],
        [
            log(call("NtQueryInformationProcess", "process", ProcessInformationClass="0")),
            log(call("IsDebuggerPresent", "system")),
        ],
    ),
    "seeks_powerful_privilege": (
        [log(call("LookupPrivilegeValueW", "system", PrivilegeName="SeDebugPrivilege"))],
        [log(call("LookupPrivilegeValueW", "system", PrivilegeName="SeShutdownPrivilege"))],
    ),
}

DISCOVERY: Cases = {
    "enumerates_processes": (
        [log(*(call("Process32NextW", "process", ProcessName=f"{number}.exe") for number in range(25)))],
        [
            log(*(call("Process32NextW", "process", ProcessName=f"{number}.exe") for number in range(10))),
            times(50, call("Process32NextW", "process", ProcessName="same.exe")),
        ],
    ),
    "system_reconnaissance": (
        [summary(executed_commands=["systeminfo", "ipconfig /all"])],
        [
            summary(executed_commands=["ipconfig /all"]),
            summary(executed_commands=["net user x y /add", "dir"]),
        ],
    ),
    "lists_installed_software": (
        [
            summary(
                read_keys=[
                    f"HKEY_LOCAL_MACHINE\\X\\CurrentVersion\\Uninstall\\{n}\\DisplayName" for n in range(12)
                ]
            )
        ],
        [summary(read_keys=["HKEY_LOCAL_MACHINE\\X\\CurrentVersion\\Uninstall\\Vendor\\DisplayName"])],
    ),
}

PASSWORDS = "C:\\Users\\user\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\Login Data"
CREDENTIALS: Cases = {
    "steals_browser_credentials": (
        [
            summary(read_files=[PASSWORDS]),
            summary(
                files=["C:\\Users\\user\\AppData\\Roaming\\Mozilla\\Firefox\\Profiles\\a.default\\key4.db"]
            ),
        ],
        [
            {"behavior": {"summary": {"read_files": [PASSWORDS]}, "processes": [process(1, "chrome.exe")]}},
            summary(
                read_files=[
                    "C:\\Users\\user\\AppData\\Local\\Google\\Chrome\\User Data\\Default\\Preferences"
                ]
            ),
        ],
    ),
    "reads_lsass": (
        [log(call("NtOpenProcess", "process", ProcessIdentifier=500, DesiredAccess="0x00001410"))],
        [
            log(call("NtOpenProcess", "process", ProcessIdentifier=500, DesiredAccess="0x00001000")),
            log(call("NtOpenProcess", "process", ProcessIdentifier=1000, DesiredAccess="0x00001410")),
        ],
    ),
    "reads_credential_vault": (
        [log(call("CredEnumerateW", "system"))],
        [log(call("CredEnumerateW", "system", status=False)), log(call("CredReadW", "system"))],
    ),
}

COLLECTION: Cases = {
    "keylogger_hook": (
        [log(call("SetWindowsHookExW", "hooking", HookIdentifier="13", ThreadId="0"))],
        [
            log(call("SetWindowsHookExW", "hooking", HookIdentifier="2", ThreadId="1234")),
            log(call("SetWindowsHookExW", "hooking", HookIdentifier="5", ThreadId="0")),
        ],
    ),
    "keylogger_polling": (
        [
            times(200, call("GetAsyncKeyState", "windows", KeyCode="0x41")),
            log({**call("GetAsyncKeyState", "windows"), "repeated": 500}),
        ],
        [times(199, call("GetAsyncKeyState", "windows"))],
    ),
    "reads_clipboard": (
        [times(3, call("GetClipboardData", "misc")), log(call("AddClipboardFormatListener", "misc"))],
        [times(2, call("GetClipboardData", "misc"))],
    ),
    "takes_screenshot": (
        [log(call("GetDC", "windows"), call("CreateCompatibleBitmap", "windows"), call("BitBlt", "windows"))],
        [log(call("CreateCompatibleBitmap", "windows"), call("BitBlt", "windows"), call("GetDC", "windows"))],
    ),
    "records_audio_or_video": (
        [
            log(call("waveInOpen", "misc")),
            log(call("mciSendStringA", "misc", Command="open new type waveaudio")),
        ],
        [log(call("mciSendStringA", "misc", Command="play intro.mid")), log(call("waveOutOpen", "misc"))],
    ),
}

EXECUTION: Cases = {
    "document_starts_shell": (
        [tree("WINWORD.EXE", "powershell.exe"), tree("excel.exe", "cmd.exe")],
        [
            tree("explorer.exe", "cmd.exe"),
            tree("winword.exe", "splwow64.exe"),
            {"behavior": {"processtree": FLAT}},
        ],
    ),
    "drops_and_runs_program": (
        [
            {
                "behavior": {
                    "processes": [process(1, "a.exe"), process(2, "b.exe", path="C:\\Temp\\b.exe")],
                    "summary": {"write_files": ["C:\\temp\\B.exe"]},
                }
            },
            summary(write_files=["C:\\Temp\\b.vbs"], executed_commands=["wscript C:\\Temp\\b.vbs"]),
        ],
        [
            summary(write_files=["C:\\Temp\\b.exe"], executed_commands=["cmd.exe"]),
            summary(write_files=["C:\\Temp\\b.txt"], executed_commands=["notepad C:\\Temp\\b.txt"]),
        ],
    ),
    "downloads_file": (
        [log(call("URLDownloadToFileW", "network", URL="http://a/b", FileName="c:\\b"))],
        [log(call("InternetOpenUrlW", "network", URL="http://a/b"))],
    ),
}

IMPACT: Cases = {
    "ransomware_mass_rename": (
        [
            log(*(renamed(name, ".locked") for name in DOCUMENTS)),
            log(
                *(
                    call(
                        "MoveFileWithProgressW", "filesystem", oldfilepath=name, newfilepath=f"{name}.locked"
                    )
                    for name in DOCUMENTS
                )
            ),
        ],
        [
            log(*(renamed(name, ".locked") for name in DOCUMENTS[:9])),
            log(*(renamed(name, ".pdf") for name in DOCUMENTS)),
            log(*(renamed(f"C:\\build\\{number}.obj", ".tmp") for number in range(30))),
        ],
    ),
    "ransomware_mass_encryption": (
        [log(*(written(name, RANDOM) for name in DOCUMENTS))],
        [
            log(*(written(name, "Dear Sir or Madam, " * 8) for name in DOCUMENTS)),
            log(*(written(name, "\\x00\\x01\\x00\\x02" * 40) for name in DOCUMENTS)),
            log(*(written(DOCUMENTS[0], RANDOM) for _ in range(30))),
            log(*(written(f"C:\\build\\{number}.obj", RANDOM) for number in range(30))),
        ],
    ),
    "ransom_note": (
        [
            summary(write_files=["C:\\Users\\user\\Desktop\\HOW_TO_DECRYPT.txt"]),
            summary(write_files=[f"C:\\{number}\\_READ_ME_NOW_.html" for number in range(8)]),
        ],
        [
            summary(write_files=["C:\\Program Files\\Vendor\\README.txt", "C:\\decrypt_tool.exe"]),
            summary(write_files=[f"C:\\{number}\\index.html" for number in range(30)]),
        ],
    ),
    "ends_programs_and_services": (
        [summary(executed_commands=["taskkill /f /im a.exe", "net stop sql", "sc config b start= disabled"])],
        [summary(executed_commands=["taskkill /f /im a.exe", "net start sql", "sc query"])],
    ),
    "writes_raw_disk": (
        [
            log(
                call(
                    "NtCreateFile", "filesystem", FileName="\\\\.\\PhysicalDrive0", DesiredAccess="0xc0100080"
                )
            )
        ],
        [
            log(
                call(
                    "NtCreateFile", "filesystem", FileName="\\\\.\\PhysicalDrive0", DesiredAccess="0x80100080"
                )
            ),
            log(call("NtCreateFile", "filesystem", FileName="C:\\a.txt", DesiredAccess="0xc0100080")),
        ],
    ),
    "deletes_user_files": (
        [summary(delete_files=DOCUMENTS)],
        [
            summary(delete_files=DOCUMENTS[:19]),
            summary(delete_files=[f"C:\\Temp\\{n}.txt" for n in range(50)]),
        ],
    ),
}

NETWORK: Cases = {
    "raw_socket": (
        [log(call("socket", "network", af="2", type="3", protocol="1"))],
        [log(call("socket", "network", af="2", type="1", protocol="6"))],
    ),
    "dns_over_https": (
        [network(dns=[dns("dns.google", "8.8.8.8")]), network(tls=[{"sni": "mozilla.cloudflare-dns.com"}])],
        [network(dns=[dns("www.google.com", "1.2.3.4"), dns("notdns.google.example", "1.2.3.4")])],
    ),
    "tor": (
        [
            network(dns=[dns("abcdefghij234567.onion.ws")]),
            network(http=[http("abcdefghij234567.onion")]),
            summary(executed_commands=["C:\\Temp\\tor.exe -f torrc"]),
        ],
        [
            network(dns=[dns("onion.com"), dns("storproject.org")]),
            summary(executed_commands=["C:\\editor.exe -f a"]),
        ],
    ),
    "unusual_port": (
        [network(tcp=[flow("93.184.216.34", 4444)])],
        [
            network(tcp=[flow("93.184.216.34", 443), flow("192.168.1.9", 4444)]),
            network(tcp=[flow("93.184.216.34", 50000, sport=443)]),
        ],
    ),
    "generated_domain_names": (
        [network(dns=[dns(f"{name}.com") for name in GENERATED])],
        [
            network(dns=[dns(f"{name}.com", "1.2.3.4") for name in GENERATED]),
            network(dns=[dns(f"{name}.com") for name in GENERATED[:4]]),
            network(
                dns=[
                    dns(f"{name}.com")
                    for name in ("google", "microsoftonline", "wikipedia", "facebook", "bing")
                ]
            ),
            network(dns=[dns(f"{n}.255.255.239.in-addr.arpa") for n in range(9)]),
        ],
    ),
    "direct_address": (
        [network(tcp=[flow("93.184.216.34", 443)])],
        [
            network(tcp=[flow("93.184.216.34", 443)], dns=[dns("example.com", "93.184.216.34")]),
            network(
                tcp=[flow("93.184.216.34", 443)], domains=[{"domain": "example.com", "ip": "93.184.216.34"}]
            ),
            network(tcp=[flow("192.168.1.9", 443)]),
            network(tcp=[flow("93.184.216.34", 50000, sport=443)]),
        ],
    ),
    "http_to_address": (
        [network(http=[http("93.184.216.34")]), network(http=[http("93.184.216.34:8080")])],
        [network(http=[http("example.com"), http("192.168.1.1")])],
    ),
    "downloads_program": (
        [network(http=[http("example.com", "/a/b.exe?x=1")])],
        [network(http=[http("example.com", "/a/b.html"), http("example.com", "/exe")])],
    ),
    "sends_mail": (
        [network(tcp=[flow("93.184.216.34", 587)]), network(smtp=[{"dst": "93.184.216.34", "raw": "EHLO"}])],
        [network(tcp=[flow("93.184.216.34", 443), flow("192.168.1.9", 25)])],
    ),
    "irc": ([network(irc=[{"command": "JOIN", "params": "#x"}])], [network(irc=[])]),
    "dead_hosts": (
        [network(dead_hosts=[["93.184.216.1", 443], ["93.184.216.2", 443], ["93.184.216.3", 443]])],
        [
            network(dead_hosts=[["93.184.216.1", port] for port in range(9)]),
            network(dead_hosts=[[f"192.168.1.{number}", 443] for number in range(9)]),
        ],
    ),
    "abuses_web_service": (
        [
            network(dns=[dns("api.telegram.org", "1.2.3.4")]),
            network(domains=[{"domain": "abc.ngrok.io", "ip": ""}]),
        ],
        [network(dns=[dns("telegram.org"), dns("mydiscord.company.example")])],
    ),
    "dynamic_dns": (
        [network(dns=[dns("evil.duckdns.org", "1.2.3.4")])],
        [network(dns=[dns("duckdns.org"), dns("example.com")])],
    ),
    "asks_for_own_address": (
        [network(dns=[dns("api.ipify.org")]), network(http=[http("www.ip-adress.com")])],
        [network(dns=[dns("myipify.org.example")])],
    ),
    "mining_pool": (
        [network(dns=[dns("xmr.pool.minergate.com")])],
        [network(dns=[dns("minergate.example")])],
    ),
    "scans_network": (
        [network(tcp=[flow(f"10.0.0.{number}", 445) for number in range(20)])],
        [
            network(tcp=[flow(f"10.0.0.{number}", 443) for number in range(50)]),
            network(tcp=[flow("10.0.0.1", 445) for _ in range(50)]),
        ],
    ),
    "suricata_alert": (
        [{"suricata": {"alerts": [{"sid": 1, "signature": "ET MALWARE Zeus CnC Beacon"}]}}],
        [{"suricata": {"alerts": [{"sid": 2, "signature": "ET POLICY Outdated Java"}]}}],
    ),
}

RUNNING = [section(".text"), section(".rsrc", "4.00")]
DIRECTORY = {"name": "IMAGE_DIRECTORY_ENTRY_TLS", "virtual_address": "0x1000", "size": "0x00000018"}
DETECTED = {f"Product{n}": {"detected": True, "result": "Trojan"} for n in range(5)}

FILES: Cases = {
    "packer_sections": (
        [pe(sections=[section("UPX0")]), {"static": {"pe_sections": [section(".vmp0")]}}],
        [pe(sections=RUNNING), pe(sections=[section("Update"), section("newts")])],
    ),
    "packer_entropy": (
        [
            pe(sections=[section(".text"), section(".data", "7.90", "0x00010000")]),
            {"target": {"file": {"pe": {"sections": [section(".data", "7.90", "0x00010000")]}}}},
        ],
        [
            pe(sections=RUNNING),
            pe(sections=[section(".text", size="0x00100000"), section(".rsrc", "7.90", "0x00002000")]),
            pe(sections=[section(".data", "7.90", "0x00000200")]),
        ],
    ),
    "writable_code_section": (
        [
            pe(sections=[section(".text", raw="0xe0000020")]),
            pe(sections=[{"name": "x", "characteristics": "IMAGE_SCN_MEM_EXECUTE|IMAGE_SCN_MEM_WRITE"}]),
        ],
        [pe(sections=RUNNING), pe(sections=[section(".data", raw="0xc0000040")])],
    ),
    "tls_directory": (
        [pe(dirents=[DIRECTORY])],
        [
            pe(
                dirents=[
                    {**DIRECTORY, "size": "0x00000000"},
                    {**DIRECTORY, "name": "IMAGE_DIRECTORY_ENTRY_IMPORT"},
                ]
            )
        ],
    ),
    "large_overlay": (
        [pe(overlay={"offset": "0x00058200", "size": "0x0000754e"})],
        [pe(overlay=None), pe(overlay={"offset": "0x00058200", "size": "0x00000305"})],
    ),
    "invalid_digital_signature": (
        [
            pe(
                digital_signers=[{"sn": 1}],
                guest_signers={"aux_error": True, "aux_error_desc": "hash", "aux_valid": False},
            )
        ],
        [
            pe(
                digital_signers=[], guest_signers={"aux_error": True, "aux_error_desc": "No signature found."}
            ),
            pe(digital_signers=[{"sn": 1}], guest_signers={"aux_error": False, "aux_valid": True}),
            pe(digital_signers=[{"sn": 1}], guest_signers={}),
        ],
    ),
    "odd_compile_time": (
        [
            pe(timestamp="1970-01-01 00:00:00"),
            {**pe(timestamp="2026-02-01 00:00:00"), "info": {"started": "2026-01-31 13:21:44"}},
        ],
        [
            {**pe(timestamp="2018-06-26 07:07:12"), "info": {"started": "2026-01-31 13:21:44"}},
            pe(timestamp="not a time"),
        ],
    ),
    "few_imports": (
        [pe(imports=imports("GetProcAddress", "LoadLibraryA", "VirtualProtect"))],
        [pe(imports=imports("GetProcAddress", *map(str, range(20)))), pe(imports=imports("ExitProcess"))],
    ),
    "imports_for_injection": (
        [
            pe(imports=imports("WriteProcessMemory", "CreateRemoteThread")),
            pe(imports={"kernel32": imports("WriteProcessMemory", "SetThreadContext")[0]}),
        ],
        [
            pe(imports=imports("WriteProcessMemory", "CreateThread")),
            pe(imports=imports("CreateRemoteThread")),
        ],
    ),
    "document_macro": (
        [
            target("Composite Document File V2 Document", "Sub AutoOpen()", "CreateObject(x)"),
            target("Microsoft Word 2007+")
            | macro('Sub AutoOpen()\nSet p = GetObject("winmgmts:Win32_Process")'),
        ],
        [
            target("Microsoft Word 2007+") | macro("Sub AutoOpen()\nMsgBox 1"),
            target("Microsoft Word 2007+", "AutoOpen", "CreateObject") | macro("Sub Total()"),
            target("Composite Document File V2 Document", "Sub AutoOpen()", "MsgBox"),
            target("ASCII text", "Sub AutoOpen()", "CreateObject(x)"),
            target("Microsoft Word 2007+", "Shell of an egg"),
        ],
    ),
    "pdf_with_action": (
        [
            target("PDF document, version 1.5", "/OpenAction 5 0 R", "<</S/JavaScript/JS 6 0 R>>"),
            target("PDF document, version 1.5") | {"static": {"pdf": {"names": {"OpenAction": 1, "JS": 6}}}},
        ],
        [
            target("PDF document, version 1.5", "/OpenAction /JS")
            | {"static": {"pdf": {"names": {"JS": 1}}}},
            target("PDF document, version 1.5", "/OpenAction 5 0 R"),
            target("PDF document, version 1.5", "/JavaScript 6 0 R"),
            target("ASCII text", "/OpenAction", "/JavaScript"),
        ],
    ),
    "shortcut_starts_shell": (
        [
            target(
                "MS Windows shortcut, Item id list present", "..\\..\\Windows\\System32\\cmd.exe", "/c calc"
            )
        ],
        [
            target("MS Windows shortcut, Item id list present", "C:\\Program Files\\Vendor\\vendor.exe"),
            target("ASCII text", "cmd.exe"),
        ],
    ),
    "ransom_strings": (
        [strings("All your important files have been encrypted!", "Payment is accepted in Bitcoin only")],
        [
            strings("All your important files have been encrypted!"),
            strings("Files are encrypted at rest", "bitcoin"),
        ],
    ),
    "drops_program": (
        [
            {"dropped": [{"name": ["a"], "type": "PE32 executable (GUI) Intel 80386, for MS Windows"}]},
            {"dropped": [{"guest_paths": ["C:\\Temp\\a.ps1"], "type": "ASCII text"}]},
            {"dropped": [{"filepath": "C:\\Temp\\a.vbs", "type": "data"}]},
        ],
        [{"dropped": [{"name": ["a.txt"], "type": "ASCII text"}, {"name": "b", "type": "PNG image data"}]}],
    ),
    "yara_match": (
        [
            {"target": {"file": {"yara": [{"name": "Win32_Ransomware_X", "meta": {}}]}}},
            {"CAPE": {"payloads": [{"path": "p", "cape_yara": [{"name": "Qakbot"}]}]}},
        ],
        [
            {
                "target": {
                    "file": {
                        "yara": [{"name": "UPX_packer"}, {"name": "IsPE32"}, {"name": "shellcode_get_eip"}]
                    }
                }
            },
            {"target": {"file": {"yara": [{"name": "Any", "meta": {"severity": 0}}]}}},
        ],
    ),
    "virustotal_positives": (
        [
            {"virustotal": {"scans": DETECTED}},
            {"virustotal": {"results": [{"vendor": f"P{n}", "sig": "Trojan"} for n in range(5)]}},
        ],
        [
            {"virustotal": {"scans": dict(list(DETECTED.items())[:4])}},
            {"virustotal": {"error": True, "msg": "Unable to complete connection"}},
            {"virustotal": {"scans": {f"P{n}": {"detected": False, "result": None} for n in range(60)}}},
        ],
    ),
}

CASES: dict[str, Cases] = {
    "windows/injection.py": INJECTION,
    "windows/evasion.py": EVASION,
    "windows/discovery.py": DISCOVERY,
    "windows/credentials.py": CREDENTIALS,
    "windows/collection.py": COLLECTION,
    "windows/execution.py": EXECUTION,
    "windows/impact.py": IMPACT,
    "all/network.py": NETWORK,
    "all/files.py": FILES,
}
