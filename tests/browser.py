"""A headless Chromium for pages; `make test` says how to get one where there is none."""

import shutil

import pytest


def open_browser(width: int = 1280, height: int = 1000):
    """Return a selenium driver, or skip the test where no Chromium with its driver is installed."""
    selenium = pytest.importorskip("selenium.webdriver")
    browser = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no Chromium with chromedriver: `apt-get install chromium chromium-driver` (tests/setup_browser.sh)")
    options = selenium.ChromeOptions()
    options.binary_location = browser
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", f"--window-size={width},{height}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return selenium.Chrome(options=options, service=selenium.ChromeService(driver))
