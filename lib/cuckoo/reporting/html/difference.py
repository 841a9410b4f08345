"""The page of a comparison: the same parts as in the terminal, in one file that opens from disk and loads nothing."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from lib.cuckoo.reporting.diff.record import Difference
from lib.cuckoo.reporting.diff.story import CHAPTERS, OVERVIEW, Chapter
from lib.cuckoo.reporting.html.rendering import Rendered, fitting, page_environment, whole_page
from lib.cuckoo.reporting.story.parts import Limits

_PAGE_BYTES = 8_000_000
_SHARE = 3
"""A section may take the third part of what is left of the page."""


def difference_chunks(found: Difference, limits: Limits) -> Iterator[bytes]:
    """Yield the page in UTF-8.

    Raises:
        CuckooReportError: a section fits no page at all.
    """
    environment = page_environment()
    left, rendered = _PAGE_BYTES, []
    for chapter in (OVERVIEW, *CHAPTERS):
        parts = partial(_parts, chapter, found)
        markup = fitting(environment, chapter, parts, limits, left // _SHARE, "difference-section.html")
        if markup:
            left -= len(markup.encode())
            rendered.append(Rendered(chapter.name, chapter.title, markup))
    styles = ("report.css", "difference.css")
    yield from whole_page(environment, "difference.html", styles=styles, found=found, sections=rendered)


def _parts(chapter: Chapter, found: Difference, limits: Limits) -> list[Any]:
    return chapter.parts(found, limits)
