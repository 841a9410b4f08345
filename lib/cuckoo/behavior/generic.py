"""The second family's own summary of each process, in its own words."""

from lib.cuckoo.behavior.handles import number
from lib.cuckoo.behavior.names import lists_of
from lib.cuckoo.behavior.processes import Process
from lib.cuckoo.behavior.reader import active
from lib.cuckoo.behavior.scene import Plan, Scene, Source, Step, Texts
from lib.cuckoo.behavior.shapes import GenericSummary
from lib.cuckoo.behavior.spelling import named

_CREATED = 2
"""IoStatusBlock.Information of NtCreateFile: FILE_CREATED (wdm.h)."""

ANY, DONE = False, True
_WORDS: tuple[tuple[str, bool, str, str], ...] = (
    ("file_opened", DONE, "filepath", "NtOpenFile"),
    ("file_read", DONE, "filepath", "NtReadFile"),
    ("file_written", DONE, "filepath", "NtWriteFile"),
    ("file_deleted", DONE, "filepath", "DeleteFile* NtDeleteFile"),
    ("directory_created", DONE, "dirpath", "CreateDirectory*"),
    ("directory_removed", DONE, "dirpath", "RemoveDirectory*"),
    ("directory_enumerated", ANY, "filepath", "FindFirstFile*"),
    ("dll_loaded", DONE, "module_name", "LdrLoadDll LoadLibrary*"),
    ("regkey_opened", DONE, "regkey", "RegOpenKeyEx* RegCreateKeyEx*"),
    ("regkey_read", ANY, "regkey", "RegQueryValueEx* NtQueryValueKey NtQueryMultipleValueKey"),
    ("regkey_written", DONE, "regkey", "RegSetValueEx* NtSetValueKey"),
    ("regkey_deleted", DONE, "regkey", "RegDelete* NtDeleteKey NtDeleteValueKey"),
    ("mutex", ANY, "mutant_name", "NtCreateMutant NtOpenMutant"),
    ("command_line", DONE, "command_line", "CreateProcessInternalW"),
    ("command_line", DONE, "command", "system"),
    ("resolves_host", ANY, "hostname", "getaddrinfo GetAddrInfoW gethostbyname DnsQuery_*"),
    ("connects_host", ANY, "hostname", "InternetConnect*"),
    ("connects_ip", ANY, "ip_address", "connect ConnectEx"),
    ("fetches_url", ANY, "url", "InternetOpenUrl*"),
    ("downloads_file", ANY, "url", "URLDownloadToFile*"),
    ("guid", ANY, "clsid", "CoCreateInstance*"),
    ("wmi_query", ANY, "query", "IWbemServices_ExecQuery*"),
)
"""Word, whether only successful calls count, argument, calls."""
_ALL_WORDS = sorted(
    {word for word, _, _, _ in _WORDS} | {"file_created", "file_failed", "file_copied", "file_moved"}
)


def add_generic(plan: Plan) -> None:
    """Let a plan collect the words of the second family."""
    for word, successful, argument, apis in _WORDS:
        if named(plan.kind, apis.split()) and plan.has(argument):
            plan.tell(_noting(word, successful, plan.text(argument)))
    if plan.kind.api == "NtCreateFile" and plan.has("filepath"):
        plan.tell(_noting_created(plan.text("filepath"), plan.text("status_info")))
    elif named(plan.kind, ("CopyFile*", "MoveFileWithProgress*")) and plan.has("oldfilepath"):
        word = "file_copied" if plan.kind.api.startswith("Copy") else "file_moved"
        plan.tell(_noting_pair(word, plan.text("oldfilepath"), plan.text("newfilepath")))


def _bit(word: str) -> int:
    return 1 << _ALL_WORDS.index(word)


def _note(scene: Scene, bit: int, text: str | None) -> None:
    if text:
        if scene.generic is None:
            scene.generic = active().NameLists(len(_ALL_WORDS))
        scene.generic.add(text, bit)


def _noting(word: str, successful: bool, source: Source) -> Step:
    bit = _bit(word)

    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        if ok or not successful:
            _note(scene, bit, source(scene, texts))

    return step


def _noting_created(path: Source, information: Source) -> Step:
    created, opened, failed = _bit("file_created"), _bit("file_opened"), _bit("file_failed")

    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        new = number(information(scene, texts)) == _CREATED
        _note(scene, (created if new else opened) if ok else failed, path(scene, texts))

    return step


def _noting_pair(word: str, old: Source, new: Source) -> Step:
    bit = _bit(word)

    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        if ok:
            _note(scene, bit, f"{old(scene, texts)} -> {new(scene, texts)}")

    return step


def generic_record(process: Process, scene: Scene) -> GenericSummary:
    """Return the summary of one process; words without a name are left out."""
    lists = lists_of(*scene.generic.finish()) if scene.generic is not None else []
    return {
        "first_seen": process.calls.first_seen,
        "pid": process.process_id,
        "ppid": process.span.parent_id,
        "process_name": process.name,
        "process_path": process.span.module_path,
        "summary": {word: found for word, found in zip(_ALL_WORDS, lists, strict=False) if found},
    }
