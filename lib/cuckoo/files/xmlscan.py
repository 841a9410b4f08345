"""Elements of XML from hostile files: one pass, no tree, no entities, no document types.

expat reads the text; a declared entity ends the reading, because nested ones grow without bound.
"""

from collections.abc import Collection
from dataclasses import dataclass
from xml.parsers import expat

from lib.cuckoo.common.exceptions import CuckooProcessingError
from lib.cuckoo.common.text import readable_name

_MAXIMUM_DEPTH = 1000


@dataclass
class Element:
    """One element: names are local, without name spaces.

    `text` is what stands in it, without that of wanted elements inside it.
    """

    tag: str
    attributes: dict[str, str]
    text: str = ""


def local_name(name: str) -> str:
    """Return a name without its prefix."""
    return name.rpartition(":")[2]


def elements(xml: bytes, wanted: Collection[str], maximum: int) -> list[Element]:
    """Return the first `maximum` elements whose local names are `wanted`, in the order of their ends.

    Of damaged XML those before the damage are returned.

    Raises:
        CuckooProcessingError: the XML declares a document type, or nothing of it can be read.
    """
    scan = _Scan(wanted, maximum)
    try:
        scan.parser.Parse(xml, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if not scan.started:
            raise CuckooProcessingError(f"no XML: {error}") from error
    return scan.found


class _Scan:
    """Collects elements while expat reads."""

    def __init__(self, wanted: Collection[str], maximum: int) -> None:
        self._wanted = wanted
        self._maximum = maximum
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._depth = 0
        self.started = False
        self.found: list[Element] = []
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.started = True
        self._depth += 1
        if self._depth > _MAXIMUM_DEPTH:
            raise CuckooProcessingError(f"the XML is nested deeper than {_MAXIMUM_DEPTH} elements")
        if local_name(name) in self._wanted and len(self.found) + len(self._open) < self._maximum:
            named = {local_name(key): readable_name(value) for key, value in attributes.items()}
            self._open.append(Element(name, named))
            self._texts.append([])

    def _end(self, name: str) -> None:
        self._depth -= 1
        if not self._open or self._open[-1].tag != name:
            return
        element = self._open.pop()
        element.tag = local_name(name)
        element.text = readable_name("".join(self._texts.pop()))
        self.found.append(element)

    def _text(self, text: str) -> None:
        if self._texts:
            self._texts[-1].append(text)

    def _refuse(self, *_: object) -> None:
        raise CuckooProcessingError("the XML declares a document type, which documents never do")
