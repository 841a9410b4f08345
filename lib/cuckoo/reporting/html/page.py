"""The page: sections rendered one by one, each within its share of the size, then put together.

Rules for whoever edits templates:

- every value is escaped by Jinja2 and made visible by `_finalize`; only what we made ourselves is marked as `ours`
- no `style` attribute and no event attribute: the policy of the page forbids them
- no address but `#…`, the `data:` of pictures, and files beside the page that we wrote
- what a sample names is never a link
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.common.text import size_text, visible
from lib.cuckoo.reporting.html.drawing import arc, curve, host_y, map_height, process_y, ticks
from lib.cuckoo.reporting.html.pictures import gallery
from lib.cuckoo.reporting.story.network import link_text
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.sections import CALLS, LEDGER, SECTIONS, Section
from lib.cuckoo.reporting.story.values import Record, text
from lib.cuckoo.reporting.story.verdict import verdict

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

_HERE = Path(__file__).parent
_PICTURES = Section("screenshots", "Screenshots", lambda _results, _limits: iter(()))
_SHARE = 4
"""A section may take the fourth part of what is left of the page."""
_SHELL_BYTES = 100_000
"""Kept for style, script and head."""
_TRIES = 12


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large the page may become."""

    page_bytes: int = 8_000_000
    picture_bytes: int = 2_000_000
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class _Rendered:
    name: str
    title: str
    markup: str


def page_chunks(results: Record, folder: AnalysisFolder, bounds: Bounds) -> Iterator[bytes]:
    """Yield the page in UTF-8.

    Raises:
        CuckooReportError: a section has a shape that fits no page at all.
    """
    environment = _environment()
    environment.globals["calls_file"] = partial(_calls_file, folder)
    rendered = list(_sections(environment, results, folder, bounds))
    style, script = (_read(name) for name in ("report.css", "report.js"))
    yield from _encoded(
        environment.get_template("page.html").generate(
            headline=verdict(results, Limits(entries=1)),
            sections=rendered,
            style=style,
            script=script,
            style_hash=_digest(style),
            script_hash=_digest(script),
            limits=Limits(),
        )
    )


def _encoded(pieces: Iterator[str]) -> Iterator[bytes]:
    for piece in pieces:
        yield piece.encode()


def _sections(
    environment: "Environment", results: Record, folder: AnalysisFolder, bounds: Bounds
) -> Iterator[_Rendered]:
    """Yield the sections that have something to tell."""
    left = bounds.page_bytes - _SHELL_BYTES
    for section in (*SECTIONS, _PICTURES, CALLS, LEDGER):
        room = left // _SHARE
        parts: Callable[[Limits], Sequence[Any]] = partial(_parts, section, results)
        if section is _PICTURES:
            shots = list(gallery(folder, min(bounds.picture_bytes, room * 3 // 4 - 10_000)))
            parts = partial(_same, shots)
        markup = _fitting(environment, section, parts, bounds.limits, room)
        if markup:
            left -= len(markup.encode())
            yield _Rendered(section.name, section.title, markup)


def _parts(section: Section, results: Record, limits: Limits) -> list[Any]:
    return list(section.parts(results, limits))


def _same(parts: Sequence[Any], _limits: Limits) -> Sequence[Any]:
    return parts


def _fitting(
    environment: "Environment",
    section: Section,
    parts: Callable[[Limits], Sequence[Any]],
    limits: Limits,
    room: int,
) -> str:
    """Render a section with tighter and tighter limits until it fits."""
    template = environment.get_template("section.html")
    for _ in range(_TRIES):
        found = parts(limits)
        if not found:
            return ""
        markup = template.render(section=section, parts=found, limits=limits)
        if len(markup.encode()) <= room:
            return markup
        limits = limits.halved()
    raise CuckooReportError(f"the section {section.name} cannot be told in {size_text(room)}")


def _environment() -> "Environment":
    from jinja2 import ChainableUndefined, Environment, FileSystemLoader  # noqa: PLC0415 - 60 ms, only here

    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_pass_context(_finalize),
    )
    environment.filters |= {"size": size_text, "text": text, "lines": _lines, "ours": _ours}
    environment.globals |= {
        "arc": arc,
        "curve": curve,
        "host_y": host_y,
        "process_y": process_y,
        "map_height": map_height,
        "ticks": ticks,
        "link_text": link_text,
    }
    return environment


def _pass_context(function: Callable[["Context", object], object]) -> Callable[["Context", object], object]:
    from jinja2 import pass_context  # noqa: PLC0415 - as above

    return pass_context(function)


def _finalize(context: "Context", value: object) -> object:
    """Return what stands for a value on the page: cut, and with nothing in it that cannot be seen.

    Numbers and what the templates made themselves, which is marked as such, pass as they are.
    """
    if isinstance(value, int | float) or hasattr(value, "__html__"):
        return value
    limits = context.get("limits")
    most = limits.text if isinstance(limits, Limits) else 1000
    shown = text(value)
    if len(shown) <= most:
        return visible(shown)
    return f"{visible(shown[:most])}… ({len(shown) - most:,} more characters)"


def _calls_file(folder: AnalysisFolder, file: str) -> str:
    """Return where all calls of a process lie, relative to the page, or "" when they were not written apart."""
    return file if folder.exists(f"reports/{file}") else ""


def _lines(value: object) -> list[str]:
    """Return the lines of a text; as many as a screen or two can show."""
    return text(value)[:20_000].splitlines()[:200]


def _ours(markup: str) -> Any:
    """Let pass what templates rendered before, our own files, and the base64 of pictures; never a value."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    return Markup(markup)  # noqa: S704 - see above


def _read(name: str) -> Any:
    return _ours((_HERE / name).read_text(encoding="utf-8"))


def _digest(source: str) -> str:
    return b64encode(hashlib.sha256(source.encode()).digest()).decode()


def bounds_from(options: Mapping[str, Any]) -> Bounds:
    """Return what the section of the configuration asks for.

    Raises:
        CuckooReportError: a number is out of range.
    """
    megabytes = _positive(options, "megabytes", 8)
    return Bounds(
        page_bytes=megabytes * 1_000_000,
        picture_bytes=_positive(options, "picture_megabytes", 2, least=0) * 1_000_000,
        limits=Limits(
            entries=_positive(options, "entries", 500),
            text=_positive(options, "text", 1000, least=40),
            calls=_positive(options, "calls", 500),
        ),
    )


def _positive(options: Mapping[str, Any], name: str, default: int, *, least: int = 1) -> int:
    value = int(options.get(name, default))
    if value < least:
        raise CuckooReportError(f"the option {name} is {value}, the least is {least}")
    return value
