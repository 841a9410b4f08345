"""Steps that keep track of what a process has open, and names of calls that give a handle only."""

from lib.cuckoo.behavior.handles import full_key
from lib.cuckoo.behavior.scene import Plan, Scene, Source, Texts
from lib.cuckoo.behavior.spelling import named

FILE, KEY, SERVICE, LIBRARY = "files", "keys", "services", "libraries"
_OPEN_KEYS = ("RegOpenKey*", "RegCreateKey*")
_OPEN_KERNEL_KEYS = ("NtOpenKey*", "NtCreateKey*")


def add_tracking(plan: Plan) -> None:
    """Let a plan keep track of the handles that its calls open or close."""
    kind = plan.kind
    if named(kind, ("NtCreateFile", "NtOpenFile")):
        _track_opening(plan, FILE, plan.text("FileHandle"), file_name(plan))
    elif named(kind, _OPEN_KEYS):
        _track_opening(plan, KEY, plan.text("Handle", "KeyHandle"), key_name(plan))
    elif named(kind, _OPEN_KERNEL_KEYS):
        _track_opening(plan, KEY, plan.text("KeyHandle"), key_name(plan))
    elif named(kind, ("OpenService[AW]", "CreateService[AW]")) and kind.return_at >= 0:
        _track_opening(plan, SERVICE, _handle_of_service(plan), plan.text("ServiceName"))
    elif named(kind, ("LdrLoadDll", "LoadLibrary*")):
        _track_opening(plan, LIBRARY, plan.text("BaseAddress"), plan.text("FileName", "ModuleName"))
    elif named(kind, ("NtClose", "RegCloseKey", "CloseServiceHandle")):
        _track_closing(plan)


def _handle_of_service(plan: Plan) -> Source:
    """Return the source of the handle: an argument in the second family, else what the call returned."""
    return plan.text("ServiceHandle") if plan.has("ServiceHandle") else plan.text_at(plan.kind.return_at)


def _track_opening(plan: Plan, sort: str, handle: Source, name: Source) -> None:
    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        if ok:
            getattr(scene.handles, sort).opened(handle(scene, texts), name(scene, texts))

    plan.feed(step, sort)


def _track_closing(plan: Plan) -> None:
    handle = plan.text("Handle", "KeyHandle", "ServiceHandle")

    def step(scene: Scene, texts: Texts, ok: bool) -> None:
        if ok:
            closed = handle(scene, texts)
            for names in (scene.handles.files, scene.handles.keys, scene.handles.services):
                names.closed(closed)

    plan.feed(step, FILE, KEY, SERVICE)


def file_name(plan: Plan) -> Source:
    """Return the source of the path that a call is about, without following handles."""
    return plan.text("FileName", "DirectoryName")


def file_behind_handle(plan: Plan) -> Source:
    """Return the source of the path of a call on an open file."""
    if plan.has("HandleName"):
        return plan.text("HandleName")
    plan.needs.add(FILE)
    handle = plan.text("FileHandle", "Handle")
    return lambda scene, texts: scene.handles.files.of(handle(scene, texts))


def service_name(plan: Plan) -> Source:
    """Return the source of the name of the service that a call is about."""
    if plan.has("ServiceName"):
        return plan.text("ServiceName")
    plan.needs.add(SERVICE)
    handle = plan.text("ServiceHandle", "Handle")
    return lambda scene, texts: scene.handles.services.of(handle(scene, texts))


def key_name(plan: Plan) -> Source:
    """Return the source of the full name of the key or value that a call is about."""
    if plan.has("FullName"):
        return plan.text("FullName")
    if named(plan.kind, _OPEN_KERNEL_KEYS):
        return _kernel_key(plan.text("ObjectAttributes"))
    plan.needs.add(KEY)
    handle = plan.text("Registry", "Handle", "KeyHandle")
    name = plan.text("SubKey", "ValueName", "KeyName")
    return lambda scene, texts: scene.handles.keys.below(handle(scene, texts), name(scene, texts))


def _kernel_key(name: Source) -> Source:
    def source(scene: Scene, texts: Texts) -> str | None:
        text = name(scene, texts)
        return text and full_key(text)

    return source
