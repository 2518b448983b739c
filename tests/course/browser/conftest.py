"""A Chromium for each test: its spare connection holds a one-process server for a while."""

import os

import pytest

from tests.tools.browser import find_chromium

MILLISECONDS = 60_000  # a deadline for every step, not an expectation


@pytest.fixture
def page():
    """A page in a new browser. Skips where there is none, but never in CI."""
    path = find_chromium()
    if path is None and not os.environ.get("CI"):
        pytest.skip("there is no Chromium on PATH")
    assert path, "CI has to install Chromium"
    from playwright.sync_api import sync_playwright

    options = ["--disable-dev-shm-usage"]  # containers have a small /dev/shm
    if os.geteuid() == 0:
        options.append("--no-sandbox")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=options, timeout=MILLISECONDS
        )
        try:
            page = browser.new_page()
            page.set_default_timeout(MILLISECONDS)
            yield page
        finally:
            browser.close()
