"""Take pictures of the HTML report of an analysis at three widths, light and dark.

python -m tools.screenshots storage/analyses/1/reports/report.html docs/images
"""

import argparse
import base64
from pathlib import Path
from typing import TYPE_CHECKING

from tools.browser import address_of, browser, emulate, install

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

SIZES = {"phone": (390, 844), "tablet": (820, 1180), "wide": (1440, 900)}
SCHEMES = ("light", "dark")
SECTIONS = ("summary", "processes", "network")
"""Taken one by one on the wide screen; on the others the top of the page is enough."""


def main() -> None:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("report", type=Path)
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    if not install():
        parser.error("needs Chromium: apt-get install chromium chromium-driver")
    options.folder.mkdir(parents=True, exist_ok=True)
    with browser() as driver:
        for size in SIZES:
            for scheme in SCHEMES:
                for file in take(driver, options.report, options.folder, size, scheme):
                    print(file)


def take(driver: "WebDriver", report: Path, folder: Path, size: str, scheme: str) -> list[Path]:
    """Take the pictures of one size and scheme; return their files."""
    width, height = SIZES[size]
    emulate(driver, width=width, height=height, scheme=scheme)
    files = []
    for section in SECTIONS if size == "wide" else SECTIONS[:1]:
        driver.get("about:blank")
        driver.get(f"{address_of(report)}{'' if section == 'summary' else f'#{section}'}")
        shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png", "optimizeForSpeed": False})
        file = folder / f"report-{section}-{size}-{scheme}.png"
        file.write_bytes(base64.b64decode(shot["data"]))
        files.append(file)
    return files


if __name__ == "__main__":
    main()
