"""The page of a comparison, as text and in a real browser."""

import copy
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lib.cuckoo.reporting.diff.record import Difference
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.html.difference import difference_chunks
from lib.cuckoo.reporting.story.parts import Limits
from tests.console.test_difference import ONE, TWO
from tests.reporting.conftest import EXAMPLE, Processed
from tests.reporting.diff.runs import difference
from tests.reporting.diff.test_compare import cape
from tests.reporting.hostile import FORBIDDEN, poisoned
from tests.reporting.html.test_browser import ATTRIBUTES, complaints, opened, violations

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver


def markup(found: Difference, limits: Limits | None = None) -> str:
    return b"".join(difference_chunks(found, limits or Limits())).decode()


def page(tmp_path: Path, found: Difference) -> Path:
    file = tmp_path / "diff.html"
    write_whole(file, difference_chunks(found, Limits()))
    return file


def test_what_differs_is_there_without_a_script() -> None:
    shown = re.sub(r"<script>.*?</script>", "", markup(difference(ONE, TWO)), flags=re.DOTALL)

    assert re.findall(r'<section id="(\w+)"', shown) == [
        *("overview", "summary", "sections", "modules", "signatures", "processes", "calls"),
        *("activity", "network", "dropped", "static"),
    ]
    for wanted in (
        "Different",
        "one.example",
        "NtWriteFile",
        "Differs in the function.",
        "cmd /c one → cmd /c two",
    ):
        assert wanted in shown
    assert "No difference" in markup(difference(ONE, copy.deepcopy(ONE)))


def test_nothing_is_loaded_from_elsewhere() -> None:
    shown = markup(difference(ONE, TWO))

    assert "default-src 'none'" in shown
    assert re.findall(r'(?:href|src)="(?!#)[^"]*"', shown) == []
    assert "<img" not in shown


def test_a_page_stays_small_whatever_differs() -> None:
    domains = [{"domain": f"{number}.{'x' * 900}.example"} for number in range(20_000)]
    found = difference({"network": {"domains": domains}, "strings": ["y" * 1_000_000]}, {"strings": ["z"]})

    assert len(markup(found, Limits(entries=100_000, text=1000))) < 8_000_000


def test_hostile_text_is_shown_and_nothing_else() -> None:
    shown = markup(difference(poisoned(ONE), TWO))

    assert not [hex(ord(char)) for char in FORBIDDEN if char in shown]
    assert "<script>window.canary" not in shown
    assert "{{ 7 * 191 }}" in shown


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_a_comparison_opens_silently_and_is_accessible(
    chromium: "WebDriver", shared_data: Path, tmp_path: Path, width: int, scheme: str
) -> None:
    found = difference(cape(shared_data, "fb7ade52"), cape(shared_data, "8b9aaf4f"))

    opened(chromium, page(tmp_path, found), width=width, scheme=scheme)

    assert complaints(chromium) == []
    assert violations(chromium) == []
    assert chromium.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert chromium.execute_script("return document.querySelectorAll('section').length") > 5


def test_hostile_text_runs_nothing_wherever_it_stands(chromium: "WebDriver", tmp_path: Path) -> None:
    one = poisoned(ONE)
    one["target"]["file"]["name"] += "A" * 10_000_000

    opened(chromium, page(tmp_path, difference(one, TWO)))
    chromium.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")

    assert complaints(chromium) == []
    assert chromium.execute_script("return typeof window.canary") == "undefined"
    assert chromium.execute_script("return document.querySelectorAll('script, style').length") == 2
    assert (
        chromium.execute_script("return document.querySelectorAll('img, iframe, object, embed, base').length")
        == 0
    )
    assert chromium.execute_script(ATTRIBUTES) == []


def test_two_runs_of_the_example_have_no_difference(processed: Processed) -> None:
    _, results = processed(EXAMPLE)

    assert not difference(results, copy.copy(results))
