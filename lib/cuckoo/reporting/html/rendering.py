"""What every page of ours is made with: templates that escape by themselves, limits, and the policy of the page.

Rules for whoever edits templates:

- every value is escaped by Jinja2 and made visible by `_finalize`; only what we made ourselves is marked as `ours`
- no `style` attribute and no event attribute: the policy of the page forbids them
- no address but `#…`, the `data:` of pictures, and files beside the page that we wrote
- what a sample names is never a link
"""

import hashlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lib.cuckoo.common.exceptions import CuckooReportError
from lib.cuckoo.common.text import size_text, visible
from lib.cuckoo.reporting.html.drawing import arc, curve, host_y, map_height, process_y, ticks
from lib.cuckoo.reporting.story.network import link_text
from lib.cuckoo.reporting.story.parts import Limits
from lib.cuckoo.reporting.story.values import text

if TYPE_CHECKING:
    from jinja2 import Environment
    from jinja2.runtime import Context

_HERE = Path(__file__).parent
_TRIES = 12


@dataclass(frozen=True)
class Rendered:
    """A section of the page, ready to be put into it."""

    name: str
    title: str
    markup: str


def whole_page(
    environment: "Environment", template_name: str, *, styles: Sequence[str] = ("report.css",), **told: Any
) -> Iterator[bytes]:
    """Yield a page in UTF-8, with style sheets and script in it and a policy that lets nothing else run."""
    style, script = _read(*styles), _read("report.js")
    pieces = environment.get_template(template_name).generate(
        style=style,
        script=script,
        style_hash=_digest(style),
        script_hash=_digest(script),
        limits=Limits(),
        **told,
    )
    for piece in pieces:
        yield piece.encode()


def fitting(
    environment: "Environment",
    section: Any,
    parts: Callable[[Limits], Sequence[Any]],
    limits: Limits,
    room: int,
    template_name: str = "section.html",
) -> str:
    """Render a section with tighter and tighter limits until it fits in `room` bytes; "" where it has no parts.

    Raises:
        CuckooReportError: it never does.
    """
    template = environment.get_template(template_name)
    for _ in range(_TRIES):
        found = parts(limits)
        if not found:
            return ""
        markup = template.render(section=section, parts=found, limits=limits)
        if len(markup.encode()) <= room:
            return markup
        limits = limits.halved()
    raise CuckooReportError(f"the section {section.name} cannot be told in {size_text(room)}")


def page_environment() -> "Environment":
    """Return what renders our templates."""
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


def _lines(value: object) -> list[str]:
    """Return the lines of a text; as many as a screen or two can show."""
    return text(value)[:20_000].splitlines()[:200]


def _ours(markup: str) -> Any:
    """Let pass what templates rendered before, our own files, and the base64 of pictures; never a value."""
    from markupsafe import Markup  # noqa: PLC0415 - comes with Jinja2

    return Markup(markup)  # noqa: S704 - see above


def _read(*names: str) -> Any:
    return _ours("".join((_HERE / name).read_text(encoding="utf-8") for name in names))


def _digest(source: str) -> str:
    return b64encode(hashlib.sha256(source.encode()).digest()).decode()
