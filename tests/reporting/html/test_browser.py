"""The report in a real browser: what it shows, what it runs, whom it shuts out."""

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import axe_core_python
import pytest

from lib.cuckoo.common.folder import AnalysisFolder
from lib.cuckoo.reporting.files import write_whole
from lib.cuckoo.reporting.html.page import Bounds, page_chunks
from tests.reporting.conftest import EXAMPLE, Processed
from tests.reporting.hostile import poisoned
from tools.browser import address_of, emulate

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

AXE = Path(axe_core_python.__file__).with_name("axe.min.js")
REAL = ("cuckoo2-2204-sanitised", "cape-etw-dns-app.exe")


def opened(driver: "WebDriver", page: Path, *, width: int = 1280, scheme: str = "light") -> None:
    emulate(driver, width=width, height=900, scheme=scheme)
    driver.get("about:blank")
    driver.get_log("browser")  # type: ignore[no-untyped-call]  # which empties it
    driver.get(address_of(page))


def complaints(driver: "WebDriver") -> list[str]:
    entries = driver.get_log("browser")  # type: ignore[no-untyped-call]  # selenium's own
    return [entry["message"] for entry in entries if entry["level"] in {"SEVERE", "WARNING"}]


def violations(driver: "WebDriver") -> list[str]:
    """Return what axe finds serious, with the first place of each."""
    driver.execute_cdp_cmd("Runtime.evaluate", {"expression": AXE.read_text(encoding="utf-8")})
    driver.set_script_timeout(120)
    script = """
        const done = arguments[0];
        for (const each of document.querySelectorAll("details:not(.process)"))
            each.open = each.querySelectorAll("li, tr").length < 30;
        const processes = [...document.querySelectorAll("details.process")];
        processes.sort((one, other) => one.querySelectorAll("tr").length - other.querySelectorAll("tr").length);
        if (processes.length) processes[0].open = true;
        axe.run(document, {resultTypes: ["violations"]}).then((found) => done(found.violations));
    """
    return [
        f"{found['id']}: {found['help']}: {found['nodes'][0]['html'][:200]}"
        for found in driver.execute_async_script(script)
        if found["impact"] in {"serious", "critical"}
    ]


@pytest.fixture(params=["example", *REAL])
def page(request: pytest.FixtureRequest, processed: Processed) -> Path:
    """The report of the example and of two real analyses."""
    if request.param == "example":
        source = EXAMPLE
    else:
        source = request.getfixturevalue("shared_data") / "analyses" / request.param
    folder, _ = processed(source)
    return folder / "reports" / "report.html"


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1440, "light")])
def test_a_report_opens_silently_and_is_accessible(
    chromium: "WebDriver", page: Path, width: int, scheme: str
) -> None:
    opened(chromium, page, width=width, scheme=scheme)

    assert complaints(chromium) == []
    assert violations(chromium) == []
    assert chromium.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_printing_gives_pages(chromium: "WebDriver", page: Path) -> None:
    opened(chromium, page)

    printed = base64.b64decode(chromium.print_page())

    assert printed.startswith(b"%PDF")
    assert printed.count(b"/Type /Page\n") + printed.count(b"/Type /Page ") >= 2


SHOWN = """
    const input = document.getElementById("call-text");
    input.value = arguments[0];
    document.getElementById("call-category").value = arguments[1];
    input.dispatchEvent(new Event("input", {bubbles: true}));
    const done = arguments[2];
    setTimeout(() => done([...document.querySelectorAll("table.calls tbody tr:not([hidden])")]
        .filter((row) => !row.closest("details").hidden).map((row) => row.textContent)), 300);
"""


def test_the_call_browser_filters(chromium: "WebDriver", example: tuple[Path, dict[str, Any]]) -> None:
    opened(chromium, example[0] / "reports" / "report.html")

    every = chromium.execute_async_script(SHOWN, "", "")
    mutexes = chromium.execute_async_script(SHOWN, "ntcreatemutant WinSync", "")
    registry = chromium.execute_async_script(SHOWN, "", "registry")
    nothing = chromium.execute_async_script(SHOWN, "no such call", "")

    assert len(every) > 300
    assert len(mutexes) == 1
    assert "Global\\WinSync-1" in mutexes[0]
    assert 0 < len(registry) < len(every)
    assert all("Reg" in row or "Key" in row for row in registry)
    assert nothing == []
    assert chromium.execute_script("return document.getElementById('call-count').textContent").startswith(
        "0 of"
    )


def test_a_copy_button_stands_beside_what_people_copy(
    chromium: "WebDriver", example: tuple[Path, dict[str, Any]]
) -> None:
    folder, results = example
    opened(chromium, folder / "reports" / "report.html")
    chromium.execute_cdp_cmd("Browser.grantPermissions", {"permissions": ["clipboardReadWrite"]})
    chromium.set_script_timeout(10)

    copied = chromium.execute_async_script(
        """
        const done = arguments[1];
        const code = [...document.querySelectorAll("code.copy")].find((each) => each.textContent === arguments[0]);
        navigator.clipboard.writeText = (text) => { done(text); return Promise.resolve(); };
        code.nextElementSibling.click();
        """,
        results["target"]["file"]["sha256"],
    )

    assert copied == results["target"]["file"]["sha256"]


ATTRIBUTES = """
    return [...document.querySelectorAll("*")].flatMap((element) => [...element.attributes])
        .filter(({name, value}) => name.startsWith("on") || name === "style" || name === "src"
            || (name === "href" && !value.startsWith("#")))
        .map(({name, value}) => `${name}=${value}`);
"""
"""Attributes that run something or lead away from the page."""


def test_hostile_text_runs_nothing_wherever_it_stands(
    chromium: "WebDriver", example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    report = json.loads((example[0] / "reports" / "report.json").read_text(encoding="utf-8"))
    results = poisoned(report)
    results["target"]["file"]["name"] += "A" * 10_000_000
    page = tmp_path / "report.html"
    write_whole(page, page_chunks(results, AnalysisFolder(tmp_path), Bounds()))

    opened(chromium, page)
    chromium.execute_script("for (const each of document.querySelectorAll('details')) each.open = true")

    assert complaints(chromium) == []
    assert chromium.execute_script("return typeof window.canary") == "undefined"
    assert chromium.execute_script("return document.querySelectorAll('script, style').length") == 2
    assert (
        chromium.execute_script("return document.querySelectorAll('img, iframe, object, embed, base').length")
        == 0
    )
    assert chromium.execute_script(ATTRIBUTES) == []


def test_the_policy_stops_a_script_that_got_in(
    chromium: "WebDriver", example: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    markup = (example[0] / "reports" / "report.html").read_text(encoding="utf-8")
    page.write_text(markup.replace("</main>", "<script>window.canary = 1</script></main>"), encoding="utf-8")

    opened(chromium, page)

    assert chromium.execute_script("return typeof window.canary") == "undefined"
    assert any("Content Security Policy" in message for message in complaints(chromium))
