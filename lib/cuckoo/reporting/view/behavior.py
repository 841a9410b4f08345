"""What processes did, in the words of the contract, whichever family's monitor told it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from lib.cuckoo.reporting.story.values import Record, mapping, records, sequence, text
from lib.cuckoo.reporting.view.base import View, Views, flag, moment_text, texts, views

_SECOND: Mapping[str, tuple[str, ...]] = {
    "files": (
        *("file_opened", "file_created", "file_recreated", "file_read", "file_written", "file_deleted"),
        *("file_exists", "file_failed", "file_copied", "file_moved"),
        *("directory_created", "directory_removed", "directory_enumerated"),
    ),
    "read_files": ("file_read",),
    "write_files": ("file_written", "file_created", "file_recreated"),
    "delete_files": ("file_deleted", "directory_removed"),
    "keys": ("regkey_opened", "regkey_read", "regkey_written", "regkey_deleted"),
    "read_keys": ("regkey_read",),
    "write_keys": ("regkey_written",),
    "delete_keys": ("regkey_deleted",),
    "executed_commands": ("command_line",),
    "mutexes": ("mutex",),
    "created_services": ("service_created",),
    "started_services": ("service_started",),
    "resolved_apis": (),
}
"""The lists of the contract, and what the second family calls what belongs into them."""
LISTS = tuple(_SECOND)
"""The lists of the contract."""
_OF_TWO_FILES = {"file_copied", "file_moved"}
_ARROW = " -> "


@dataclass(frozen=True)
class Argument:
    """One argument of a call; `meaning` is what a number stands for, "" when nobody says."""

    name: str
    value: str
    meaning: str = ""


class Call(View):
    """One API call."""

    known = frozenset(
        {"timestamp", "time", "thread_id", "tid", "category", "api", "status", "return", "return_value"}
        | {"pretty_return", "caller", "parentcaller", "arguments", "flags", "repeated", "id", "cid"}
    )

    @property
    def timestamp(self) -> str:
        """When, "2026-01-31 13:21:44,590"."""
        return moment_text(self.raw.get("timestamp", self.raw.get("time")))

    @property
    def thread_id(self) -> str:
        """The guest's number of the thread, as text; the second family calls it `tid`."""
        return self._text("thread_id", "tid")

    @property
    def category(self) -> str:
        """The group that the monitor counts the API to."""
        return self._text("category")

    @property
    def api(self) -> str:
        """The name of the function."""
        return self._text("api")

    @property
    def status(self) -> bool:
        """True when the call succeeded."""
        return flag(self.raw.get("status"))

    @property
    def returned(self) -> str:
        """The value that it returned, "0x00000000"."""
        value = self.raw.get("return", self.raw.get("return_value"))
        return _hexadecimal(value) if isinstance(value, int) and not isinstance(value, bool) else text(value)

    @property
    def meaning(self) -> str:
        """What the returned value stands for, "" when nobody says."""
        return self._text("pretty_return")

    @property
    def caller(self) -> str:
        """The address that called."""
        return self._text("caller")

    @property
    def repeated(self) -> int:
        """How often the same call followed at once."""
        return self._integer("repeated")

    @property
    def id(self) -> int:
        """Its place among the calls of the process."""
        return self._integer("id", "cid")

    @cached_property
    def arguments(self) -> tuple[Argument, ...]:
        """The arguments in their order."""
        value = self.raw.get("arguments")
        if isinstance(value, Mapping):
            flags = mapping(self.raw.get("flags"))
            return tuple(
                Argument(text(name), text(each), text(flags.get(name))) for name, each in value.items()
            )
        return tuple(
            Argument(text(each.get("name")), text(each.get("value")), text(each.get("pretty_value")))
            for each in records(value)
        )

    def argument(self, name: str) -> str | None:
        """Return the value of the first argument of that name, None when there is none."""
        return next((each.value for each in self.arguments if each.name == name), None)


def _hexadecimal(value: int) -> str:
    """Return a returned number as the contract has it: eight digits, more when it needs them."""
    return f"0x{value % (1 << (32 if value >= -(1 << 31) else 64)) if value < 0 else value:08x}"


class ProcessNode(View):
    """A process in the tree."""

    known = frozenset(
        {"name", "process_name", "pid", "process_id", "parent_id", "ppid", "module_path", "process_path"}
        | {"command_line", "children", "environ"}
    )

    @property
    def process_id(self) -> int:
        """The number of the process."""
        return self._integer("process_id", "pid")

    @property
    def parent_id(self) -> int:
        """The number of the process that started it."""
        return self._integer("parent_id", "ppid")

    @property
    def process_name(self) -> str:
        """The file name of the program."""
        return self._text("process_name", "name")

    @property
    def module_path(self) -> str:
        """The program in the guest."""
        return self._text("module_path", "process_path")

    @property
    def command_line(self) -> str:
        """How it was started."""
        return self._text("command_line") or text(mapping(self.raw.get("environ")).get("CommandLine"))

    @cached_property
    def children(self) -> "Views[ProcessNode]":
        """The processes that it started."""
        return views(self.raw.get("children"), ProcessNode)


class Process(ProcessNode):
    """A process and its calls."""

    known = ProcessNode.known | {"first_seen", "calls", "threads"}

    @property
    def first_seen(self) -> str:
        """When, "2026-01-31 13:21:44,590"."""
        return moment_text(self.raw.get("first_seen"))

    @cached_property
    def calls(self) -> Views[Call]:
        """The calls in their order."""
        return _calls(self.raw.get("calls"))

    @property
    def threads(self) -> tuple[str, ...]:
        """Its threads."""
        return self._texts("threads")

    @property
    def environ(self) -> dict[str, str]:
        """What the monitor told of the environment."""
        return {text(name): text(value) for name, value in mapping(self.raw.get("environ")).items()}


def _calls(value: object) -> Views[Call]:
    """Return the calls; a sequence that reads them from the logs, as our engine makes it, is left as it is."""
    if isinstance(value, list):
        return views(value, Call)
    return Views(sequence(value), lambda member: Call(mapping(member)))


class Summary(View):
    """What was touched: lists of text, first seen first."""

    known = frozenset({*_SECOND, *(word for words in _SECOND.values() for word in words)})

    def _list(self, name: str) -> tuple[str, ...]:
        found = [*texts(self.raw.get(name)), *_in_words(self.raw, _SECOND[name])]
        return tuple(dict.fromkeys(found))

    @property
    def files(self) -> tuple[str, ...]:
        """Files and folders touched in any way."""
        return self._list("files")

    @property
    def read_files(self) -> tuple[str, ...]:
        """Paths of which content was read, first seen first."""
        return self._list("read_files")

    @property
    def write_files(self) -> tuple[str, ...]:
        """Files written."""
        return self._list("write_files")

    @property
    def delete_files(self) -> tuple[str, ...]:
        """Files deleted."""
        return self._list("delete_files")

    @property
    def keys(self) -> tuple[str, ...]:
        """Registry keys touched in any way."""
        return self._list("keys")

    @property
    def read_keys(self) -> tuple[str, ...]:
        """Registry values read."""
        return self._list("read_keys")

    @property
    def write_keys(self) -> tuple[str, ...]:
        """Registry values written."""
        return self._list("write_keys")

    @property
    def delete_keys(self) -> tuple[str, ...]:
        """Registry keys and values deleted."""
        return self._list("delete_keys")

    @property
    def executed_commands(self) -> tuple[str, ...]:
        """Command lines."""
        return self._list("executed_commands")

    @property
    def mutexes(self) -> tuple[str, ...]:
        """Names of mutexes."""
        return self._list("mutexes")

    @property
    def created_services(self) -> tuple[str, ...]:
        """Names of services created."""
        return self._list("created_services")

    @property
    def started_services(self) -> tuple[str, ...]:
        """Names of services started."""
        return self._list("started_services")

    @property
    def resolved_apis(self) -> tuple[str, ...]:
        """Functions looked up at run time, `module.function`."""
        return self._list("resolved_apis")


def _in_words(raw: Record, words: tuple[str, ...]) -> Iterator[str]:
    """Yield the entries of the second family's lists; a copied or moved file stands under both names."""
    for word in words:
        for entry in sequence(raw.get(word)):
            if word in _OF_TWO_FILES:
                yield from _both(entry)
            else:
                yield from texts(entry)


def _both(entry: object) -> Iterator[str]:
    yield from filter(None, entry.split(_ARROW)) if isinstance(entry, str) else texts(entry)
