"""The browser that the tests of make test-all drive."""

import shutil

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find_chromium() -> str | None:
    """Return the path of the first Chromium on PATH, or None."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)
