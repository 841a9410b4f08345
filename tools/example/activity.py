"""What a program does, in calls as the successor's monitor logs them: one method for each thing done.

Arguments, their order and their formats are those the monitor writes. Time passes a little with every call.
"""

from collections.abc import Iterable, Mapping

from tools.example.behavior import Arguments, LogWriter, number, pointer
from tools.example.bson import Value

GENERIC_READ, GENERIC_WRITE, DELETE = 0x80100080, 0x40100080, 0x00110000
FILE_DISPOSITION = 13
FILE_OPEN, FILE_OVERWRITE_IF = 1, 5
HKEY_CURRENT_USER, HKEY_LOCAL_MACHINE = 0x80000001, 0x80000002
REG_SZ = 1
CREATE_SUSPENDED, CREATE_NO_WINDOW = 0x4, 0x08000000
THIS_PROCESS = 0xFFFFFFFF
EXECUTE_READ_WRITE = 0x40
TIMED_OUT = 0xFFFFFFFF

_ROOTS = {"HKEY_CURRENT_USER": HKEY_CURRENT_USER, "HKEY_LOCAL_MACHINE": HKEY_LOCAL_MACHINE}
_SHOWN_BYTES = 256
"""Monitors keep the beginning of a buffer only."""


class Activity:
    """The calls of one process; `now` is in milliseconds after its start."""

    def __init__(self, log: LogWriter) -> None:
        self.log = log
        self.now = 4
        self.thread = log.thread
        self._handles = 0x80

    def wait_until(self, milliseconds: float) -> None:
        """Let time pass up to a moment, unless that has passed already."""
        self.now = max(self.now, round(milliseconds))

    def call(
        self,
        api: str,
        category: str,
        arguments: Arguments | None = None,
        *,
        status: bool = True,
        returned: int = 0,
        repeated: int = 0,
        aux: Mapping[str, Value] | None = None,
    ) -> None:
        """Add one call and let 3 ms pass."""
        self.log.call(
            api,
            category,
            arguments,
            at=self.now,
            status=status,
            returned=returned,
            thread=self.thread,
            repeated=repeated,
            aux=aux,
        )
        self.now += 3

    def handle(self) -> int:
        """A handle that was not given out before."""
        self._handles += 4
        return self._handles

    def close(self, handle: int) -> None:
        """Give back any handle but those of keys, sockets and requests."""
        self.call("NtClose", "system", {"Handle": pointer(handle)})

    def load(self, library: str, functions: Iterable[str], base: int) -> None:
        """Load a library and look up functions of it."""
        flags: Arguments = {"Flags": number(0), "FileName": library, "BaseAddress": pointer(base)}
        self.call("LdrLoadDll", "system", flags)
        for index, function in enumerate(functions):
            self.resolve(library, function, base, base + 0x1000 + 0x34 * index)

    def resolve(self, library: str, function: str, base: int, address: int) -> None:
        """Look up one function."""
        arguments: Arguments = {
            "ModuleName": library,
            "ModuleHandle": pointer(base),
            "FunctionName": function,
        }
        found: Arguments = {"Ordinal": 0, "FunctionAddress": pointer(address)}
        self.call("LdrGetProcedureAddress", "system", arguments | found)

    def open_file(self, path: str, access: int, disposition: int = FILE_OPEN, *, existed: bool = True) -> int:
        """Open or create a file."""
        handle = self.handle()
        arguments: Arguments = {
            "FileHandle": pointer(handle),
            "DesiredAccess": number(access),
            "FileName": path,
            "CreateDisposition": disposition,
            "ShareAccess": 1,
            "FileAttributes": number(0x80),
            "ExistedBefore": "yes" if existed else "no",
            "StackPivoted": "no",
        }
        self.call("NtCreateFile", "filesystem", arguments)
        return handle

    def read_file(self, path: str, content: bytes) -> None:
        """Open, read and close a file."""
        handle = self.open_file(path, GENERIC_READ)
        self.call("NtReadFile", "filesystem", self._transfer(handle, path, content))
        self.close(handle)

    def write_file(self, path: str, content: bytes, *, existed: bool = False) -> None:
        """Create, write and close a file, in pieces of 4096 bytes."""
        handle = self.open_file(path, GENERIC_WRITE, FILE_OVERWRITE_IF, existed=existed)
        for start in range(0, len(content), 4096):
            piece = content[start : start + 4096]
            self.call("NtWriteFile", "filesystem", self._transfer(handle, path, piece))
        self.close(handle)

    def _transfer(self, handle: int, path: str, content: bytes) -> Arguments:
        shown = content[:_SHOWN_BYTES]
        return {"FileHandle": pointer(handle), "HandleName": path, "Buffer": shown, "Length": len(content)}

    def copy_file(self, source: str, target: str) -> None:
        """Copy a file that is not there yet."""
        names: Arguments = {"ExistingFileName": source, "NewFileName": target}
        flags: Arguments = {"CopyFlags": 0, "ExistedBefore": "no"}
        self.call("CopyFileExW", "filesystem", names | flags, returned=1)

    def move_file(self, source: str, target: str) -> None:
        """Give a file another name."""
        names: Arguments = {"ExistingFileName": source, "NewFileName": target, "Flags": number(2)}
        self.call("MoveFileWithProgressTransactedW", "filesystem", names, returned=1)

    def delete_file(self, path: str) -> None:
        """Delete a file through the Win32 interface."""
        self.call("DeleteFileW", "filesystem", {"FileName": path}, returned=1)

    def delete_file_on_close(self, path: str) -> None:
        """Delete a file as the native interface does: mark it, then close it."""
        handle = self.open_file(path, DELETE)
        mark: Arguments = {"FileInformationClass": FILE_DISPOSITION, "FileInformation": b"\x01"}
        target: Arguments = {"FileHandle": pointer(handle), "HandleName": path}
        self.call("NtSetInformationFile", "filesystem", target | mark)
        self.close(handle)

    def create_folder(self, path: str) -> None:
        """Make a folder; its parent exists."""
        self.call("CreateDirectoryW", "filesystem", {"DirectoryName": path}, returned=1)

    def find_files(self, pattern: str) -> None:
        """Begin to list a folder."""
        times: Arguments = {
            "FirstCreateTimeLow": number(0x5A1C2B00),
            "FirstCreateTimeHigh": number(0x01DB8A31),
        }
        self.call("FindFirstFileExW", "filesystem", {"FileName": pattern, **times}, returned=0x006B96C0)

    def open_key(self, key: str) -> int:
        """Open a registry key, given with its root."""
        root, _, rest = key.partition("\\")
        handle = self.handle()
        arguments: Arguments = {"Registry": pointer(_ROOTS[root]), "SubKey": rest}
        opened: Arguments = {"Handle": pointer(handle), "FullName": key}
        self.call("RegOpenKeyExW", "registry", arguments | opened)
        return handle

    def query_value(self, key: str, name: str, content: str | None) -> None:
        """Read one value; None if there is no such value."""
        handle = self.open_key(key)
        arguments: Arguments = {"Handle": pointer(handle), "ValueName": name}
        if content is not None:
            arguments |= {"Type": REG_SZ, "Data": content}
        arguments["FullName"] = rf"{key}\{name}"
        found = content is not None
        self.call("RegQueryValueExW", "registry", arguments, status=found, returned=0 if found else 2)
        self.call("RegCloseKey", "registry", {"Handle": pointer(handle)})

    def query_value_natively(self, key: str, name: str, content: str) -> None:
        """Read a value of HKEY_LOCAL_MACHINE through the native interface."""
        handle = self.handle()
        path = key.replace("HKEY_LOCAL_MACHINE", r"\Registry\Machine")
        attributes: Arguments = {"ObjectAttributesHandle": pointer(0), "ObjectAttributesName": path}
        opened: Arguments = {"KeyHandle": pointer(handle), "DesiredAccess": number(0x20019)}
        self.call("NtOpenKey", "registry", opened | attributes | {"ObjectAttributes": key})
        value: Arguments = {"KeyHandle": pointer(handle), "ValueName": name, "Type": REG_SZ}
        found: Arguments = {"Information": content, "FullName": rf"{key}\{name}"}
        self.call("NtQueryValueKey", "registry", value | found)
        self.close(handle)

    def delete_value(self, key: str, name: str) -> None:
        """Open a key, remove one value of it, close it."""
        handle = self.open_key(key)
        arguments: Arguments = {"Handle": pointer(handle), "ValueName": name, "FullName": rf"{key}\{name}"}
        self.call("RegDeleteValueW", "registry", arguments)
        self.call("RegCloseKey", "registry", {"Handle": pointer(handle)})

    def set_value(self, key: str, name: str, content: str) -> None:
        """Create a key and set a value of it."""
        root, _, rest = key.partition("\\")
        handle = self.handle()
        created: Arguments = {
            "Registry": pointer(_ROOTS[root]),
            "SubKey": rest,
            "Class": "",
            "Access": number(2),
        }
        opened: Arguments = {"Handle": pointer(handle), "FullName": key, "Disposition": 2}
        self.call("RegCreateKeyExW", "registry", created | opened)
        value: Arguments = {"Handle": pointer(handle), "ValueName": name, "Type": REG_SZ, "Buffer": content}
        size: Arguments = {"BufferLength": 2 * len(content) + 2, "FullName": rf"{key}\{name}"}
        self.call("RegSetValueExW", "registry", value | size)
        self.call("RegCloseKey", "registry", {"Handle": pointer(handle)})

    def create_mutex(self, name: str) -> None:
        """Make a mutex and own it."""
        arguments: Arguments = {"Handle": pointer(self.handle()), "MutexName": name, "InitialOwner": 1}
        self.call("NtCreateMutant", "synchronization", arguments)

    def create_service(self, name: str, display_name: str, path: str) -> None:
        """Create a service that starts with the system, and start it."""
        manager, service = 0x00A00F40, 0x00A01120
        opened: Arguments = {"MachineName": "", "DatabaseName": "", "DesiredAccess": number(2)}
        self.call("OpenSCManagerW", "services", opened, returned=manager)
        names: Arguments = {
            "ServiceControlHandle": pointer(manager),
            "ServiceName": name,
            "DisplayName": display_name,
        }
        kind: Arguments = {
            "DesiredAccess": number(0xF01FF),
            "ServiceType": 16,
            "StartType": 2,
            "ErrorControl": 1,
        }
        self.call(
            "CreateServiceW",
            "services",
            {**names, **kind, "BinaryPathName": path},
            returned=service,
            aux={"ServiceStartName": b"LocalSystem"},
        )
        start: Arguments = {"ServiceHandle": pointer(service), "ServiceName": name, "Arguments": ""}
        self.call("StartServiceW", "services", start, returned=1)

    def create_process(
        self, application: str, command: str, flags: int, pid: int, thread: int
    ) -> tuple[int, int]:
        """Start a process; the answer is the handles of the process and its first thread."""
        process, first_thread = self.handle(), self.handle()
        asked: Arguments = {
            "ApplicationName": application,
            "CommandLine": command,
            "CreationFlags": number(flags),
        }
        given: Arguments = {
            "ProcessId": pid,
            "ThreadId": thread,
            "ProcessHandle": pointer(process),
            "ThreadHandle": pointer(first_thread),
            "StackPivoted": "no",
        }
        self.call("CreateProcessInternalW", "process", asked | given, returned=1)
        return process, first_thread

    def allocate(self, process: int, base: int, size: int, protection: int) -> None:
        """Allocate memory in a process."""
        region: Arguments = {
            "BaseAddress": pointer(base),
            "RegionSize": pointer(size),
            "Protection": number(protection),
        }
        arguments: Arguments = {"ProcessHandle": pointer(process), **region, "StackPivoted": "no"}
        self.call("NtAllocateVirtualMemory", "process", arguments)

    def write_memory(self, process: int, base: int, content: bytes) -> None:
        """Write into the memory of a process."""
        shown: Arguments = {"Buffer": content[:_SHOWN_BYTES], "BufferLength": number(len(content))}
        arguments: Arguments = {"ProcessHandle": pointer(process), "BaseAddress": pointer(base), **shown}
        self.call("WriteProcessMemory", "process", {**arguments, "StackPivoted": "no"}, returned=1)

    def redirect_thread(self, thread: int, pid: int, address: int) -> None:
        """Point a suspended thread to other code and let it run."""
        target: Arguments = {
            "ThreadHandle": pointer(thread),
            "HollowedInstructionPointer": pointer(address),
        }
        rest: Arguments = {"CurrentInstructionPointer": pointer(0x77D4F583), "ProcessId": pid}
        self.call("NtSetContextThread", "threading", target | rest)
        resumed: Arguments = {"ThreadHandle": pointer(thread), "SuspendCount": 1, "ProcessId": pid}
        self.call("NtResumeThread", "threading", resumed)

    def create_thread(self, thread: int, start: int) -> None:
        """Start a thread of this process."""
        arguments: Arguments = {
            "StartRoutine": pointer(start),
            "Parameter": pointer(0),
            "CreationFlags": number(0),
        }
        self.call("CreateThread", "threading", arguments | {"ThreadId": thread}, returned=self.handle())

    def sleep(self, milliseconds: int, repeated: int = 0) -> None:
        """Sleep; the time passes only where the next step says when it happens."""
        self.call("NtDelayExecution", "system", {"Milliseconds": milliseconds}, repeated=repeated)

    def resolve_name(self, name: str, *, found: bool = True) -> None:
        """Ask for the address of a host."""
        arguments: Arguments = {"NodeName": name, "ServiceName": ""}
        self.call("GetAddrInfoW", "network", arguments, status=found, returned=0 if found else 11001)

    def request(self, host: str, port: int, verb: str, path: str, agent: str, sent: str = "") -> None:
        """Send an HTTP request through WinINet."""
        session, connection, request = 0x00CC0004, 0x00CC0008, 0x00CC000C
        opened: Arguments = {
            "Agent": agent,
            "AccessType": number(0),
            "ProxyName": "",
            "ProxyBypass": "",
            "Flags": number(0),
        }
        self.call("InternetOpenW", "network", opened, returned=session)
        self.resolve_name(host)
        target: Arguments = {"InternetHandle": pointer(session), "ServerName": host, "ServerPort": port}
        account: Arguments = {"Username": "", "Password": "", "Service": 3, "Flags": number(0)}
        self.call("InternetConnectW", "network", target | account, returned=connection)
        flags = number(0x84C03000 if port == 443 else 0x84000000)
        asked: Arguments = {
            "InternetHandle": pointer(connection),
            "Path": path,
            "Flags": flags,
            "Referrer": "",
            "Verb": verb,
        }
        self.call("HttpOpenRequestW", "network", asked, returned=request)
        data: Arguments = {"RequestHandle": pointer(request), "Headers": "", "PostData": sent}
        self.call("HttpSendRequestW", "network", data, returned=1)

    def read_answer(self, content: bytes) -> None:
        """Read the answer of an HTTP request in pieces, then close its handles."""
        for start in range(0, len(content), 4096):
            piece = content[start : start + 4096]
            read: Arguments = {
                "InternetHandle": pointer(0x00CC000C),
                "Buffer": piece[:_SHOWN_BYTES],
                "BufferLength": len(piece),
            }
            self.call("InternetReadFile", "network", read, returned=1)
        for handle in (0x00CC000C, 0x00CC0008, 0x00CC0004):
            self.call("InternetCloseHandle", "network", {"InternetHandle": pointer(handle)}, returned=1)

    def connect(self, ip: str, port: int, *, answered: bool = True) -> int:
        """Open a TCP connection; the answer is the socket."""
        socket = self.handle()
        kind: Arguments = {"af": 2, "type": 1, "protocol": 6, "socket": socket}
        self.call("socket", "network", kind, returned=socket)
        target: Arguments = {"socket": socket, "ip": ip, "port": port}
        self.call("connect", "network", target, status=answered, returned=0 if answered else TIMED_OUT)
        return socket

    def send(self, socket: int, content: bytes) -> None:
        """Send through a socket, if there is something to send."""
        if not content:
            return
        data: Arguments = {"socket": socket, "buffer": content[:_SHOWN_BYTES]}
        self.call("send", "network", data, returned=len(content))

    def receive(self, socket: int, content: bytes) -> None:
        """Receive from a socket, if something comes."""
        if not content:
            return
        data: Arguments = {"socket": socket, "buffer": content[:_SHOWN_BYTES]}
        self.call("recv", "network", data, returned=len(content))

    def close_socket(self, socket: int) -> None:
        """End a connection."""
        self.call("closesocket", "network", {"socket": socket})

    def exit(self, code: int = 0) -> None:
        """End this process."""
        arguments: Arguments = {"ProcessHandle": pointer(THIS_PROCESS), "ExitCode": number(code)}
        self.call("NtTerminateProcess", "process", arguments)
