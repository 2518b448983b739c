"""Check a server against the contract, clause by clause. Exit status 0 kept, 1 broken, 2 usage.

tests/README.md has the other two: 3 where the suite itself could not run, 130 after Ctrl-C.

    python -m tests.checker 1 --server my.py --clause H07 --json result.json

Without --server it checks the part's own: mine.py, or the finished server. This is the only
place that knows how the check calls pytest.
"""

import argparse
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.parts import PARTS, ROOT

QUIET = [
    "--quiet",
    "--board",
    "--tb=no",
    "-rN",
    # No test prints; to capture by file descriptor would take a third of the time.
    "--capture=sys",
    "-p",
    "no:logging",
    "-o",
    "console_output_style=classic",
]
STATUS = {
    pytest.ExitCode.OK: 0,
    pytest.ExitCode.TESTS_FAILED: 1,
    pytest.ExitCode.USAGE_ERROR: 2,
    pytest.ExitCode.NO_TESTS_COLLECTED: 2,
    pytest.ExitCode.INTERNAL_ERROR: 3,
    pytest.ExitCode.INTERRUPTED: 3,  # by a module that can't be imported
}
CTRL_C = 130  # what a shell says of a command that SIGINT has ended


class Interruption:
    """A plugin of pytest, which gives both the same status: did the reader end it, or pytest?"""

    by_reader = False

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        """Remember whether it was Ctrl-C."""
        self.by_reader = not isinstance(excinfo.value, pytest.Session.Interrupted)


def read_arguments(words: list[str]) -> argparse.Namespace:
    """Return what the command line says; exits with 2 where it can't be read."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.checker", description=__doc__.splitlines()[0]
    )
    parser.add_argument("part", type=int, choices=list(PARTS), help="the part of the course")
    parser.add_argument("--server", default="", help="a .py file, or a command with {port} in it")
    parser.add_argument("--clause", default="", help="only these, as in H07 or H07,H08")
    parser.add_argument("--stage", default="", help="only the stages up to this one, as in 3")
    parser.add_argument("--all", action="store_true", help="explain every red clause")
    parser.add_argument("--json", default="", metavar="FILE", help="write the result there")
    parser.add_argument("--contract", action="store_true", help="without the part's own tests")
    parser.add_argument("--finished", action="store_true", help="never take mine.py")
    parser.add_argument("--slow", action="store_true", help="also what takes minutes")
    parser.add_argument("--jobs", type=int, default=0, help="copies of the server to run")
    return parser.parse_args(words)


def pytest_options(asked: argparse.Namespace) -> list[str]:
    """Return the options of ours that pytest gets."""
    named = [(name, getattr(asked, name)) for name in ("server", "clause", "stage", "json")]
    flags = [("all-red", asked.all), ("finished", asked.finished)]
    return [
        f"--part={asked.part}",
        f"--jobs={asked.jobs}",
        *(f"--{name}={text}" for name, text in named if text),
        *(f"--{name}" for name, wanted in flags if wanted),
    ]


def run_pytest(
    places: Iterable[Path],
    *options: str,
    parallel: bool = False,
    slow: bool = False,
    only: str = "",
) -> int:
    """Run pytest on tests of the course, with our board; return the exit status.

    parallel runs three modules at a time; only is a part of the names of the tests to run.
    """
    words = [*QUIET, f"--config-file={ROOT / 'pyproject.toml'}", *options]
    words += ["--numprocesses=3", "--dist=loadfile"] if parallel else []
    words += ["--slow"] if slow else []
    words += ["-k", only] if only else []
    words += map(os.path.relpath, places)  # a [ in a folder above would begin a parameter
    interruption = Interruption()
    try:
        status = pytest.main(words, [interruption])
    except BrokenPipeError:  # as with | head: whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return CTRL_C if interruption.by_reader else STATUS[pytest.ExitCode(status)]


def main() -> int:
    """Run the check that the command line asks for."""
    asked = read_arguments(sys.argv[1:])
    own = ROOT / "tests" / f"part{asked.part}"  # which a part may do without
    places = [ROOT / "tests" / "contract", *([own] if own.is_dir() and not asked.contract else [])]
    return run_pytest(places, *pytest_options(asked), slow=asked.slow)


if __name__ == "__main__":
    sys.exit(main())
