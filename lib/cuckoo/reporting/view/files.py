"""Files of a report: the sample, dropped files, payloads, and what YARA found in them."""

from functools import cached_property
from typing import ClassVar

from lib.cuckoo.common.text import last_part
from lib.cuckoo.reporting.story.values import first, mapping, records
from lib.cuckoo.reporting.view.base import View, Views, texts, views

_HASHES = ("crc32", "md5", "sha1", "sha256", "sha512", "ssdeep", "tlsh")
_REMARK = ";?"
"""Stands in what the successor's monitor says of a dump, which its reports give as the path in the guest."""


class YaraMatch(View):
    """A rule of YARA that matched."""

    known = frozenset({"name", "meta", "strings", "addresses"})

    @property
    def name(self) -> str:
        """The name of the rule."""
        return self._text("name", "rule")

    @property
    def meta(self) -> dict[str, str]:
        """What the rule says of itself."""
        return {str(key): self._value(value) for key, value in mapping(self.raw.get("meta")).items()}

    @property
    def strings(self) -> tuple[str, ...]:
        """What was found."""
        return self._texts("strings")

    @staticmethod
    def _value(value: object) -> str:
        return first(value)


class File(View):
    """A file record."""

    known: ClassVar[frozenset[str]] = frozenset(
        {*_HASHES, "name", "names", "path", "guest_paths", "filepath", "size", "type", "yara", "cape_yara"}
        | {"data", "urls", "pids", "pid"}
    )

    @property
    def name(self) -> str:
        """The name, in the guest where it is known."""
        return first(self.raw.get("name")) or last_part(self._text("path"))

    @property
    def names(self) -> tuple[str, ...]:
        """All names that the content has."""
        return self._texts("names", "name")

    @property
    def path(self) -> str:
        """Where the file lay on the machine that wrote the report."""
        return self._text("path")

    @property
    def guest_paths(self) -> tuple[str, ...]:
        """Where the file lay in the guest."""
        return tuple(path for path in self._texts("guest_paths", "filepath") if _REMARK not in path)

    @property
    def size(self) -> int:
        """Bytes."""
        return self._integer("size")

    @property
    def type(self) -> str:
        """What it is, in libmagic's words."""
        return self._text("type")

    @property
    def crc32(self) -> str:
        """Eight upper-case digits."""
        return self._text("crc32")

    @property
    def md5(self) -> str:
        """Hexadecimal digits; so for the other hashes."""
        return self._text("md5")

    @property
    def sha1(self) -> str:
        """SHA-1."""
        return self._text("sha1")

    @property
    def sha256(self) -> str:
        """SHA-256."""
        return self._text("sha256")

    @property
    def sha512(self) -> str:
        """SHA-512."""
        return self._text("sha512")

    @property
    def ssdeep(self) -> str:
        """Fuzzy hash."""
        return self._text("ssdeep")

    @property
    def tlsh(self) -> str:
        """Fuzzy hash."""
        return self._text("tlsh")

    @property
    def process_ids(self) -> tuple[int, ...]:
        """The processes that it belongs to."""
        found = (*texts(self.raw.get("pids")), self._text("pid"))
        return tuple(dict.fromkeys(int(each) for each in found if each.isdecimal() and len(each) <= 20))

    @property
    def data(self) -> str:
        """The beginning of a text file."""
        return self._text("data")

    @property
    def urls(self) -> tuple[str, ...]:
        """URLs in the file, where the report's engine looked for them."""
        return self._texts("urls")

    @cached_property
    def yara(self) -> Views[YaraMatch]:
        """Matches of all collections of rules."""
        return views(
            [*records(self.raw.get("yara")), *records(self.raw.get("cape_yara"))],
            YaraMatch,
        )


class Payload(File):
    """A payload, or the image of a process, that the monitor took out."""

    known = File.known | {
        *("cape_type", "cape_type_code", "process_name", "process_path", "module_path", "virtual_address"),
        *("target_pid", "target_process", "target_path"),
    }

    @property
    def kind(self) -> str:
        """What it is, in the sandbox's words: "Injected Shellcode/Data"."""
        return self._text("cape_type")

    @property
    def process_name(self) -> str:
        """The process that it was taken from."""
        return self._text("process_name")

    @property
    def process_path(self) -> str:
        """The program of that process."""
        return self._text("process_path")

    @property
    def module_path(self) -> str:
        """The module that ran there."""
        return self._text("module_path")

    @property
    def virtual_address(self) -> str:
        """Where it lay in memory."""
        return self._text("virtual_address")

    @property
    def target_process(self) -> str:
        """The process that it was injected into."""
        return self._text("target_process")

    @property
    def target_process_id(self) -> int:
        """Its number."""
        return self._integer("target_pid")


class ProcessMemory(View):
    """The dump of a process's memory."""

    known = frozenset({"pid", "file", "path", "process_name", "process_path", "yara", "cape_yara"})

    @property
    def process_id(self) -> int:
        """The guest's number of the process that the dump was taken from, 0 where it is not said."""
        return self._integer("pid", "process_id")

    @property
    def process_name(self) -> str:
        """Its name, where the report has it."""
        return self._text("process_name", "name")

    @property
    def path(self) -> str:
        """The dump on the machine that wrote the report."""
        return self._text("path", "file")

    @cached_property
    def yara(self) -> Views[YaraMatch]:
        """Matches of all collections of rules."""
        return views([*records(self.raw.get("yara")), *records(self.raw.get("cape_yara"))], YaraMatch)
