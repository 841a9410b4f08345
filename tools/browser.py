"""A headless Chromium that talks to nobody, for tests of the HTML report and for screenshots of it.

It is the one of Debian's packages `chromium` and `chromium-driver`; selenium drives it.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from selenium.webdriver.chrome.webdriver import WebDriver

PACKAGES = ("chromium", "chromium-driver")
_FLAGS = (
    *(
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-sync",
    ),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--disable-default-apps", "--hide-scrollbars", "--force-device-scale-factor=1"),
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
_INSTALL_SECONDS = 600


def missing() -> list[str]:
    """Return the packages whose programs are not there."""
    programs = dict(zip(PACKAGES, ("chromium", "chromedriver"), strict=True))
    return [package for package, program in programs.items() if shutil.which(program) is None]


def install() -> bool:
    """Install what is missing, if this is root on a Debian; return whether all is there."""
    if not missing():
        return True
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", *PACKAGES]):
        subprocess.run(command, check=False, capture_output=True, timeout=_INSTALL_SECONDS)  # noqa: S603 - fixed words
    return not missing()


@contextmanager
def browser(width: int = 1280, height: int = 900) -> Iterator["WebDriver"]:
    """Start a browser with a profile of its own, and end it."""
    from selenium.webdriver import Chrome, ChromeOptions  # noqa: PLC0415 - an extra
    from selenium.webdriver.chrome.service import Service  # noqa: PLC0415 - an extra

    with tempfile.TemporaryDirectory(prefix="fledge-browser-", ignore_cleanup_errors=True) as profile:
        options = ChromeOptions()
        for flag in (*_FLAGS, f"--user-data-dir={profile}", f"--window-size={width},{height}"):
            options.add_argument(flag)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        driver = Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            yield driver
        finally:
            driver.quit()


def emulate(driver: "WebDriver", *, width: int, height: int, scheme: str = "light") -> None:
    """Make the window as large as that of a device, in light or dark."""
    driver.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride",
        {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500},
    )
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})


def address_of(file: Path) -> str:
    """Return the address under which a browser opens a file from disk."""
    return file.resolve().as_uri()
