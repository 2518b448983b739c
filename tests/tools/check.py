"""Run the check as a reader would, and read its result as data."""

import errno
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.checker.result import Result, read_result
from tests.parts import ROOT


def words_of_check(part: int, *options: str) -> list[str]:
    """Return the command that checks a part's server; options as for python -m tests.checker."""
    return [sys.executable, "-u", "-m", "tests.checker", str(part), *options]


def check_and_read(
    part: int,
    *options: str,
    root: Path = ROOT,
    captures: bool = True,
    seconds: float | None = None,
) -> tuple[subprocess.CompletedProcess[str], Result | None]:
    """Return the ended check of a part's server, and its result, None if it came to none.

    root is where a copy of the course stands. Without captures what it prints goes to our stdout
    as it comes. Raises subprocess.TimeoutExpired after that many seconds.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        words = words_of_check(part, "--json", str(path), *options)
        ended = run(words, cwd=root, capture_output=captures, text=True, timeout=seconds)
        return ended, read_result(path) if path.is_file() else None


def run(words: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Return an ended program, as subprocess.run does.

    Some virtual machines refuse an exec with EFAULT, once in thousands: nothing has run then, and
    it is asked for once more.
    """
    try:
        return subprocess.run(words, **options)
    except OSError as error:
        if error.errno != errno.EFAULT:
            raise
        return subprocess.run(words, **options)


def check_quietly(part: int, *options: str) -> Result:
    """Return the result of a check that prints nothing.

    Raises RuntimeError with what it said, where it came to no result.
    """
    ended, result = check_and_read(part, *options)
    if result is None:
        raise RuntimeError(ended.stdout + ended.stderr)
    return result


def check_aloud(part: int, *options: str) -> Result | None:
    """Run a check that prints to our stdout as it goes; return its result, None if it has none."""
    return check_and_read(part, *options, captures=False)[1]
