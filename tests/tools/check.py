"""Run the check as a reader would, and read its result as data."""

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.checker.result import Result, read_result
from tests.parts import ROOT


def words_of_check(part: int, *options: str) -> list[str]:
    """Return the command that checks a part's server; options as for python -m tests.checker."""
    return [sys.executable, "-u", "-m", "tests.checker", str(part), *options]


def check_quietly(part: int, *options: str) -> Result:
    """Return the result of a check that prints nothing.

    Raises RuntimeError with what it said, where it came to no result.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        words = words_of_check(part, *options, "--json", str(path))
        ended = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
        if not path.is_file():
            raise RuntimeError(ended.stdout + ended.stderr)
        return read_result(path)


def check_aloud(part: int, *options: str) -> Result | None:
    """Run a check that prints to our stdout as it goes; return its result, None if it has none."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        words = words_of_check(part, *options, "--json", str(path))
        subprocess.run(words, cwd=ROOT)
        return read_result(path) if path.is_file() else None
