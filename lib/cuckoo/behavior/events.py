"""Which calls are meaningful events, and what each event tells."""

from dataclasses import dataclass
from functools import lru_cache

from lib.cuckoo.behavior.follow import LIBRARY, file_behind_handle, key_name, service_name
from lib.cuckoo.behavior.handles import number
from lib.cuckoo.behavior.kinds import Kind
from lib.cuckoo.behavior.scene import Plan, Scene, Source, Texts
from lib.cuckoo.behavior.spelling import named, position

NAME = "*"
"""Stands for the name behind the handle that a call gives, in the place of an argument."""
_CONTROL_ACTIONS = {1: "stop", 2: "pause", 3: "continue", 4: "info"}
_FIRST_USER_CONTROL = 128


@dataclass(frozen=True, slots=True)
class EventKind:
    """One row of the table of events: keys of `data`, each with the arguments that may hold its value."""

    event: str
    object: str
    apis: tuple[str, ...]
    data: tuple[tuple[str, tuple[str, ...]], ...]


def _kind(event: str, thing: str, apis: str, **data: str) -> EventKind:
    return EventKind(
        event, thing, tuple(apis.split()), tuple((key, tuple(names.split())) for key, names in data.items())
    )


_TWO_PATHS = {"from": "ExistingFileName", "to": "NewFileName"}
EVENTS = (
    _kind("move", "file", "MoveFileWithProgress*", **_TWO_PATHS),
    _kind("copy", "file", "CopyFile*", **_TWO_PATHS),
    _kind("delete", "file", "DeleteFile* NtDeleteFile", file="FileName"),
    _kind("delete", "dir", "RemoveDirectory*", file="DirectoryName"),
    _kind("create", "dir", "CreateDirectoryW CreateDirectoryExW", file="DirectoryName"),
    _kind("write", "file", "URLDownloadToFile*", file="FileName"),
    _kind("write", "file", "NtWriteFile", file="HandleName"),
    _kind("read", "file", "NtReadFile", file="HandleName"),
    _kind(
        "execute",
        "file",
        "CreateProcess[AW] CreateProcessAsUser[AW] NtCreateProcess NtCreateProcessEx",
        file="FileName",
    ),
    _kind(
        "execute",
        "file",
        "CreateProcessInternalW CreateProcessWithLogonW CreateProcessWithTokenW",
        file="CommandLine",
    ),
    _kind("execute", "file", "ShellExecuteEx*", file="FilePath"),
    _kind(
        "load",
        "library",
        "LoadLibrary* LdrLoadDll LdrGetDllHandle",
        file="FileName ModuleName",
        pathtofile="PathToFile",
        moduleaddress="BaseAddress",
    ),
    _kind("findwindow", "windowname", "FindWindow*", classname="ClassName", windowname="WindowName"),
    _kind("write", "registry", "RegSetValueEx*", regkey="FullName", content="Buffer Value"),
    _kind("write", "registry", "RegCreateKeyEx*", regkey="FullName"),
    _kind("read", "registry", "RegQueryValueEx*", regkey="FullName", content="Data Value"),
    _kind("read", "registry", "NtQueryValueKey", regkey="FullName", content="Information Value"),
    _kind("delete", "registry", "RegDeleteKey* RegDeleteValue* NtDeleteValueKey", regkey="FullName"),
    _kind(
        "create",
        "windowshook",
        "SetWindowsHookEx*",
        id="HookIdentifier",
        moduleaddress="ModuleAddress",
        procedureaddress="ProcedureAddress HookProcedure",
        module=NAME,
    ),
    _kind("start", "service", "StartService*", service="ServiceName"),
    _kind(
        "modify",
        "service",
        "ControlService",
        service="ServiceName",
        controlcode="ControlCode",
        action="ControlCode",
    ),
    _kind("delete", "service", "DeleteService", service="ServiceName"),
)
_FOLLOWED = {"HandleName", "FullName", "ServiceName", NAME}


@lru_cache(maxsize=65536)
def event_number(api: str) -> int | None:
    """Return the place of an API's event in `EVENTS`, None when its calls are no events."""
    kind = Kind(api, "", (), b"")
    return next((place for place, event in enumerate(EVENTS) if named(kind, event.apis)), None)


class EventPlan:
    """How the events of one kind of call are told."""

    def __init__(self, kind: Kind) -> None:
        place = event_number(kind.api)
        self.event = EVENTS[place or 0]
        slots = [(key, names, position(kind, *names)) for key, names in self.event.data]
        self.positions = tuple(sorted({at for _, _, at in slots if at is not None}))
        self.keys = [
            (
                key,
                None if at is None else self.positions.index(at),
                at is None and not _FOLLOWED.isdisjoint(names),
            )
            for key, names, at in slots
        ]
        """Key, place among the texts read, whether the followed name stands in for it."""

    def data(self, texts: Texts, followed: str | None) -> dict[str, str | None]:
        """Return the `data` of an event from the texts at `positions`."""
        told = {
            key: (followed if stands_in else None) if slot is None else texts[slot]
            for key, slot, stands_in in self.keys
        }
        if "action" in told:
            told["action"] = _action(told["action"])
        return told


def _action(code: str | None) -> str:
    control = number(code)
    if control is None:
        return "notify"
    return "user" if control >= _FIRST_USER_CONTROL else _CONTROL_ACTIONS.get(control, "notify")


def add_event_names(plan: Plan) -> None:
    """Let a plan remember the name behind the handle of an event that gives no name."""
    place = event_number(plan.kind.api)
    if place is None:
        return
    source = next((one for _, names in EVENTS[place].data if (one := _followed_name(plan, names))), None)
    if source is None:
        return

    def step(scene: Scene, texts: Texts, _ok: bool) -> None:
        name = source(scene, texts)
        if name:
            scene.followed.add(scene.row, scene.findings.lists.add(name, 0))

    plan.tell(step)


def _followed_name(plan: Plan, names: tuple[str, ...]) -> Source | None:
    """Return the source of a name that is not among the arguments; None when it is, or is no name."""
    if plan.has(*names):
        return None
    if names[0] == "HandleName":
        return file_behind_handle(plan)
    if names[0] == "FullName":
        return key_name(plan)
    if names[0] == "ServiceName":
        return service_name(plan)
    return _library_at(plan) if names[0] == NAME else None


def _library_at(plan: Plan) -> Source:
    plan.needs.add(LIBRARY)
    address = plan.text("ModuleAddress")
    return lambda scene, texts: scene.handles.libraries.of(address(scene, texts))
