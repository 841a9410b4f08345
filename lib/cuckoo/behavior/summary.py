"""The summary: which files, keys, mutexes, commands and services the processes touched."""

from lib.cuckoo.behavior.follow import file_behind_handle, file_name, key_name, service_name
from lib.cuckoo.behavior.handles import number
from lib.cuckoo.behavior.scene import Plan, Scene, Source, Step, Texts, adding, lists_named
from lib.cuckoo.behavior.spelling import category, named

READING = 0x80000000 | 0x10000000 | 0x02000000 | 0x1
"""GENERIC_READ, GENERIC_ALL, MAXIMUM_ALLOWED, FILE_READ_DATA."""
WRITING = 0x40000000 | 0x10000000 | 0x02000000 | 0x6
"""GENERIC_WRITE, GENERIC_ALL, MAXIMUM_ALLOWED, FILE_WRITE_DATA, FILE_APPEND_DATA."""
_TOUCHED, _READ, _WRITTEN = (lists_named([name]) for name in ("files", "read_files", "write_files"))
_KEY, _KEY_WRITTEN = lists_named(["keys"]), lists_named(["write_keys"])
_DISPOSITION_INFORMATION = 13
_NEWLY_CREATED = 1

_COPIES = ("CopyFile*",)
_MOVES = ("MoveFileWithProgress*",)
_DELETIONS = ("DeleteFile*", "RemoveDirectory*", "NtDeleteFile")
_KEY_QUERIES = ("RegQueryValue*", "NtQueryValueKey", "NtQueryMultipleValueKey")
_KEY_SETS = ("RegSetValue*", "NtSetValueKey")
_KEY_CREATIONS = ("RegCreateKey*", "NtCreateKey")
_KEY_DELETIONS = ("RegDelete*", "NtDeleteKey", "NtDeleteValueKey")
_KEY_OPENINGS = ("RegOpenKey*", "NtOpenKey*")
_PROCESS_CREATIONS = (
    "CreateProcessInternalW",
    "NtCreateUserProcess",
    "CreateProcessWithTokenW",
    "CreateProcessWithLogonW",
)


def add_summary(plan: Plan) -> None:
    """Let a plan add to the lists of the summary."""
    kind = plan.kind
    if category(kind) == "filesystem":
        _add_files(plan)
    _add_keys(plan)
    _add_commands(plan)
    if category(kind) == "synchronization" and plan.has("MutexName"):
        plan.tell(adding(["mutexes"], plan.text("MutexName")))
    if named(kind, ("CreateService*",)):
        plan.tell(adding(["created_services"], service_name(plan)))
    elif named(kind, ("StartService*",)):
        plan.tell(adding(["started_services"], service_name(plan)))
    elif kind.api == "LdrGetProcedureAddress":
        plan.tell(_resolved(plan))
    elif kind.api in {"SHGetFileInfoW", "ShellExecuteExW"}:
        plan.tell(_on_a_drive(plan.text("Path" if kind.api == "SHGetFileInfoW" else "FilePath")))


def _add_files(plan: Plan) -> None:
    kind = plan.kind
    if named(kind, _COPIES):
        plan.tell(adding(("files", "read_files"), plan.text("ExistingFileName")))
        plan.tell(adding(("files", "write_files"), plan.text("NewFileName")))
    elif named(kind, _MOVES):
        plan.tell(adding(("files", "delete_files"), plan.text("ExistingFileName")))
        plan.tell(adding(("files", "write_files"), plan.text("NewFileName")))
    elif named(kind, _DELETIONS):
        plan.tell(adding(("files", "delete_files"), file_name(plan)))
    elif kind.api == "NtSetInformationFile":
        plan.tell(_deleted_by_disposition(plan))
    elif plan.has("FileName", "DirectoryName"):
        plan.tell(_accessed(plan) if plan.has("DesiredAccess") else adding(["files"], file_name(plan)))


def _accessed(plan: Plan) -> Step:
    path, access = file_name(plan), plan.text("DesiredAccess")

    def step(scene: Scene, texts: Texts, _ok: bool) -> None:
        name = path(scene, texts)
        if name:
            mask = number(access(scene, texts)) or 0
            reading, writing = _READ if mask & READING else 0, _WRITTEN if mask & WRITING else 0
            scene.findings.lists.add(name, _TOUCHED | reading | writing)

    return step


def _deleted_by_disposition(plan: Plan) -> Step:
    path = file_behind_handle(plan)
    sort, content = plan.text("FileInformationClass"), plan.text("FileInformation")
    add = adding(("files", "delete_files"), path)

    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        if number(sort(scene, texts)) == _DISPOSITION_INFORMATION and _first_byte_is_set(
            content(scene, texts)
        ):
            add(scene, texts, ok)

    return step


def _first_byte_is_set(shown: str | None) -> bool:
    return bool(shown) and not str(shown).startswith("\\x00")


def _on_a_drive(source: Source) -> Step:
    def drive_path(scene: Scene, texts: Texts) -> str | None:
        path = source(scene, texts)
        return path if path and path[1:2] == ":" else None

    return adding(["files"], drive_path)


def _add_keys(plan: Plan) -> None:
    kind = plan.kind
    if named(kind, _KEY_QUERIES):
        plan.tell(adding(("keys", "read_keys"), key_name(plan)))
    elif named(kind, _KEY_SETS):
        plan.tell(adding(("keys", "write_keys"), key_name(plan)))
    elif named(kind, _KEY_DELETIONS):
        plan.tell(adding(("keys", "delete_keys"), key_name(plan)))
    elif named(kind, _KEY_CREATIONS):
        plan.tell(_created_key(plan))
    elif named(kind, _KEY_OPENINGS):
        plan.tell(adding(["keys"], key_name(plan)))


def _created_key(plan: Plan) -> Step:
    key, disposition = key_name(plan), plan.text("Disposition")

    def step(scene: Scene, texts: Texts, _ok: bool) -> None:
        name = key(scene, texts)
        if name:
            created = number(disposition(scene, texts)) == _NEWLY_CREATED
            scene.findings.lists.add(name, _KEY | _KEY_WRITTEN if created else _KEY)

    return step


def _add_commands(plan: Plan) -> None:
    kind = plan.kind
    if named(kind, _PROCESS_CREATIONS):
        plan.tell(adding(["executed_commands"], command_line(plan)))
    elif kind.api == "ShellExecuteExW":
        plan.tell(adding(["executed_commands"], _joined(plan.text("FilePath"), plan.text("Parameters"))))
    elif named(kind, ("NtCreateProcess", "NtCreateProcessEx")):
        plan.tell(adding(["executed_commands"], plan.text("FileName")))


def command_line(plan: Plan) -> Source:
    """Return the source of a command, with the program in front when its name is not the first word."""
    program, command = plan.text("ApplicationName"), plan.text("CommandLine")

    def source(scene: Scene, texts: Texts) -> str | None:
        path, line = program(scene, texts) or "", command(scene, texts) or ""
        base = path.rpartition("\\")[2]
        return (line if base in _first_word(line) else f"{path} {line}").strip()

    return source


def _first_word(command: str) -> str:
    quoted = command.startswith('"')
    return command[1:].partition('"')[0] if quoted else command.partition(" ")[0]


def _joined(first: Source, second: Source) -> Source:
    def source(scene: Scene, texts: Texts) -> str | None:
        return f"{first(scene, texts) or ''} {(second(scene, texts) or '').strip()}".strip()

    return source


def _resolved(plan: Plan) -> Step:
    module, function, ordinal = (
        plan.text("ModuleName", "Module"),
        plan.text("FunctionName"),
        plan.text("Ordinal"),
    )

    def name(scene: Scene, texts: Texts) -> str | None:
        library = module(scene, texts)
        symbol = function(scene, texts) or f"#{ordinal(scene, texts)}"
        return f"{library.lower()}.{symbol}" if library else None

    add = adding(["resolved_apis"], name)

    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        if ok:
            add(scene, texts, ok)

    return step
