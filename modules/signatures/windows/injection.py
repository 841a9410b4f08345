"""Code put into other processes, and memory that is written and run."""

from collections import defaultdict
from typing import Any

from lib.cuckoo.common.patterns import CallSignature, as_number

_EXECUTABLE = 0xF0
"""PAGE_EXECUTE, _READ, _READWRITE and _WRITECOPY."""
_WRITABLE_EXECUTABLE = 0xC0
_CREATE_SUSPENDED = 0x4
_PROTECTION = ("Protection", "NewAccessProtection", "Win32Protect", "protection", "win32_protect")


class RemoteThread(CallSignature):
    """A thread is started in another process.

    Known false positives: debuggers, and accessibility tools that load themselves into others this way.
    """

    name = "injection_remote_thread"
    description = "Starts a thread in another process"
    severity = 3
    confidence = 80
    categories = ["injection"]
    ttps = ["T1055"]
    filter_apinames = {
        "CreateRemoteThread",
        "CreateRemoteThreadEx",
        "NtCreateThreadEx",
        "RtlCreateUserThread",
    }

    def on_call(self, call: dict[str, Any], process: Any) -> None:
        """Mark each thread that starts elsewhere."""
        if call["status"] and self.other_process(call, process):
            self.mark_call()

    def on_complete(self) -> bool:
        """Match when there was one."""
        return self.has_matches()


class ProcessHollowing(CallSignature):
    """A process is created suspended, its memory is unmapped or written, its thread's context set or resumed.

    Known false positives: a few copy-protection schemes. Writing into a suspended child alone is what Windows
    itself does, so the change of context or the unmapping must be there too.
    """

    name = "injection_process_hollowing"
    description = "Replaces the program in a process that it created suspended"
    severity = 3
    confidence = 90
    categories = ["injection"]
    ttps = ["T1055.012"]
    filter_apinames = {
        *("CreateProcessInternalW", "NtUnmapViewOfSection", "NtUnmapViewOfSectionEx", "NtMapViewOfSection"),
        *(
            "WriteProcessMemory",
            "NtWriteVirtualMemory",
            "NtSetContextThread",
            "SetThreadContext",
            "NtResumeThread",
        ),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._process_handles: dict[tuple[int | None, str], set[str]] = {}
        self._thread_handles: dict[tuple[int | None, str], set[str]] = {}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Follow each suspended child by its handles."""
        api = call["api"]
        if api == "CreateProcessInternalW":
            self._created(call)
            return False
        steps = self._steps(call)
        if steps is None:
            return False
        self.mark_call()
        steps.add(_STEP.get(api, ""))
        return steps >= {"written", "set", "resumed"} or steps >= {"unmapped", "written", "resumed"}

    def _created(self, call: dict[str, Any]) -> None:
        if self.number(call, "CreationFlags", "creation_flags") & _CREATE_SUSPENDED and call["status"]:
            steps: set[str] = set()
            self._process_handles[self.pid, self.argument(call, "ProcessHandle", "process_handle")] = steps
            self._thread_handles[self.pid, self.argument(call, "ThreadHandle", "thread_handle")] = steps

    def _steps(self, call: dict[str, Any]) -> set[str] | None:
        process_handle = self.argument(call, "ProcessHandle", "process_handle")
        thread_handle = self.argument(call, "ThreadHandle", "thread_handle")
        by_process = self._process_handles.get((self.pid, process_handle)) if process_handle else None
        return by_process if by_process is not None else self._thread_handles.get((self.pid, thread_handle))


_STEP = {
    **dict.fromkeys(("NtUnmapViewOfSection", "NtUnmapViewOfSectionEx"), "unmapped"),
    **dict.fromkeys(("WriteProcessMemory", "NtWriteVirtualMemory", "NtMapViewOfSection"), "written"),
    **dict.fromkeys(("NtSetContextThread", "SetThreadContext"), "set"),
    "NtResumeThread": "resumed",
}


class AsynchronousProcedureCall(CallSignature):
    """A procedure is queued to a thread of another process.

    Known false positives: none known for threads of other processes; queues to own threads do not count.
    """

    name = "injection_apc"
    description = "Queues a procedure to a thread of another process"
    severity = 3
    confidence = 80
    categories = ["injection"]
    ttps = ["T1055.004"]
    filter_apinames = {"NtQueueApcThread", "NtQueueApcThreadEx"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Compare the thread's process with the caller's."""
        pid = self.number(call, "ProcessId", "process_identifier")
        if not pid or pid == process.get("process_id"):
            return False
        self.mark_call()
        return True


class _ExecutableElsewhere(CallSignature):
    """Matches the first call that asks for memory of another process which may be executed."""

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Look at the protection asked for."""
        if not self.number(call, *_PROTECTION) & _EXECUTABLE or not self.other_process(call, process):
            return False
        self.mark_call()
        return True


class SectionMapping(_ExecutableElsewhere):
    """A section of executable memory is mapped into another process.

    Known false positives: Windows' own services that start programs; these map images without asking for a
    protection that is executable.
    """

    name = "injection_section_mapping"
    description = "Maps executable memory into another process"
    severity = 3
    confidence = 80
    categories = ["injection"]
    ttps = ["T1055"]
    filter_apinames = {"NtMapViewOfSection", "NtMapViewOfSectionEx"}


class RemoteExecutableMemory(_ExecutableElsewhere):
    """Memory of another process is made executable.

    Known false positives: debuggers and just-in-time compilers of a few browsers, which work for their children.
    """

    name = "injection_remote_executable_memory"
    description = "Allocates or makes executable memory in another process"
    severity = 3
    confidence = 70
    categories = ["injection"]
    ttps = ["T1055"]
    filter_apinames = {"NtAllocateVirtualMemory", "NtProtectVirtualMemory", "VirtualProtectEx"}


class WritesProgramIntoProcess(CallSignature):
    """A whole program, by its MZ header, is written into another process.

    Known false positives: installers' bootstrappers that patch their child.
    """

    name = "injection_writes_program"
    description = "Writes a program into the memory of another process"
    severity = 3
    confidence = 90
    categories = ["injection"]
    ttps = ["T1055.002"]
    filter_apinames = {"WriteProcessMemory", "NtWriteVirtualMemory"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Look at the first bytes."""
        if not self.argument(call, "Buffer", "buffer").startswith("MZ") or not self.other_process(
            call, process
        ):
            return False
        self.mark_call()
        return True


class ThreadHijacking(CallSignature):
    """A thread of a process that was running is suspended, given another context and resumed.

    Known false positives: debuggers and profilers, which set contexts all the time.
    """

    name = "injection_thread_hijacking"
    description = "Redirects a thread of another process"
    severity = 3
    confidence = 70
    categories = ["injection"]
    ttps = ["T1055.003"]
    filter_apinames = {"NtSuspendThread", "NtSetContextThread", "SetThreadContext", "NtResumeThread"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._steps: dict[tuple[int | None, str], int] = defaultdict(int)

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Follow each thread through the three steps, in their order."""
        owner = self.number(call, "ProcessId", "process_identifier")
        if owner and owner == process.get("process_id"):
            return False
        key = (self.pid, self.argument(call, "ThreadHandle", "thread_handle"))
        wanted = ("Suspend", "SetContext", "Resume")[self._steps[key]]
        if wanted.replace("Set", "") not in call["api"].replace("SetThreadContext", "NtSetContext").replace(
            "Set", ""
        ):
            return False
        self.mark_call()
        self._steps[key] += 1
        return self._steps[key] == 3


class WritableExecutableMemory(CallSignature):
    """A process gives itself memory that can be written and run.

    Known false positives: just-in-time compilers (browsers, .NET, Java, scripting hosts), so it weighs little.
    """

    name = "writable_executable_memory"
    description = "Uses memory that is writable and executable at once"
    severity = 2
    confidence = 40
    categories = ["injection", "unpacking"]
    ttps = ["T1027.002"]
    filter_apinames = {"NtAllocateVirtualMemory", "NtProtectVirtualMemory", "VirtualProtectEx"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Look at the protection asked for."""
        if not self.number(call, *_PROTECTION) & _WRITABLE_EXECUTABLE or self.other_process(call, process):
            return False
        self.mark_call()
        return True


class UnpacksProgram(CallSignature):
    """A program, by its MZ header, comes out of a decompression or decryption.

    Known false positives: installers and self-extracting archives.
    """

    name = "unpacks_program"
    description = "Decompresses or decrypts a program in memory"
    severity = 2
    confidence = 80
    categories = ["unpacking"]
    ttps = ["T1027.002", "T1140"]
    filter_apinames = {"RtlDecompressBuffer", "CryptDecrypt", "BCryptDecrypt"}

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Look at the first bytes of what came out."""
        output = self.argument(call, "UncompressedBuffer", "Buffer", "uncompressed", "buffer")
        if not output.startswith("MZ"):
            return False
        self.mark_call()
        return True


class ReadsOtherProcess(CallSignature):
    """A process reads the memory of several others.

    Known false positives: task managers and monitoring agents.
    """

    name = "reads_process_memory"
    description = "Reads the memory of other processes"
    severity = 2
    confidence = 50
    categories = ["discovery", "credential_access"]
    ttps = ["T1057"]
    filter_apinames = {"ReadProcessMemory", "NtReadVirtualMemory"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._handles: set[tuple[int | None, str]] = set()

    def on_call(self, call: dict[str, Any], process: Any) -> bool:
        """Count the processes by handle."""
        handle = self.other_process(call, process)
        if not handle or not as_number(handle) or (self.pid, handle) in self._handles:
            return False
        self._handles.add((self.pid, handle))
        self.mark_call()
        return len(self._handles) >= 5
