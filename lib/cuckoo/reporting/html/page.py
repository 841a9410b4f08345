"""The page: sections rendered one by one, each within its share of the size, then put together."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.options import whole_number
from lib.cuckoo.reporting.html.pictures import gallery
from lib.cuckoo.reporting.html.rendering import Rendered, fitting, page_environment, whole_page
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.sections import CALLS, LEDGER, SECTIONS, Section
from lib.cuckoo.reporting.story.values import Record
from lib.cuckoo.reporting.story.verdict import verdict

if TYPE_CHECKING:
    from jinja2 import Environment

_PICTURES = Section("screenshots", "Screenshots", lambda _results, _limits: iter(()))
_SHARE = 4
"""A section may take the fourth part of what is left of the page."""
_SHELL_BYTES = 100_000
"""Kept for style, script and head."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the page may become."""

    page_bytes: int = 8_000_000
    picture_bytes: int = 2_000_000
    limits: Limits = field(default_factory=Limits)


def page_chunks(results: Record, folder: AnalysisFolder, bounds: Bounds) -> Iterator[bytes]:
    """Yield the page in UTF-8.

    Raises:
        CuckooReportError: a section has a shape that fits no page at all.
    """
    environment = page_environment()
    environment.globals["calls_file"] = partial(_calls_file, folder)
    yield from whole_page(
        environment,
        "page.html",
        headline=verdict(results, Limits(entries=1)),
        sections=list(_sections(environment, results, folder, bounds)),
    )


def _sections(
    environment: "Environment", results: Record, folder: AnalysisFolder, bounds: Bounds
) -> Iterator[Rendered]:
    """Yield the sections that have something to tell."""
    left = bounds.page_bytes - _SHELL_BYTES
    for section in (*SECTIONS, _PICTURES, CALLS, LEDGER):
        room = left // _SHARE
        parts: Callable[[Limits], Sequence[Any]] = partial(_parts, section, results)
        if section is _PICTURES:
            shots = list(gallery(folder, min(bounds.picture_bytes, room * 3 // 4 - 10_000)))
            parts = partial(_same, shots)
        markup = fitting(environment, section, parts, bounds.limits, room)
        if markup:
            left -= len(markup.encode())
            yield Rendered(section.name, section.title, markup)


def _parts(section: Section, results: Record, limits: Limits) -> list[Any]:
    return list(section.parts(results, limits))


def _same(parts: Sequence[Any], _limits: Limits) -> Sequence[Any]:
    return parts


def _calls_file(folder: AnalysisFolder, file: str) -> str:
    """Return where all calls of a process lie, relative to the page, or "" when they were not written apart."""
    return file if folder.exists(f"reports/{file}") else ""


def bounds_from(options: Mapping[str, Any]) -> Bounds:
    """Return what the section of the configuration asks for.

    Raises:
        CuckooOperationalError: a number is none, or out of range.
    """
    megabytes = whole_number(options, "megabytes", 8, least=1)
    return Bounds(
        page_bytes=megabytes * 1_000_000,
        picture_bytes=whole_number(options, "picture_megabytes", 2) * 1_000_000,
        limits=Limits(
            entries=whole_number(options, "entries", 500, least=1),
            text=whole_number(options, "text", 1000, least=40),
            calls=whole_number(options, "calls", 500, least=1),
        ),
    )
