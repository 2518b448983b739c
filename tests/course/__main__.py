"""Run the tests of the course itself.

    python -m tests.course quick
    python -m tests.course pieces
    python -m tests.course counts
    python -m tests.course walk

quick: what takes a minute or two together. pieces: of these, what says in seconds whether a clause,
a mistake, a page or a starter has all that it needs. counts: how many clauses each server keeps
that a page says this of, and whether it is so; this takes minutes. walk: checks a starter after
each function that is written in it, and writes the table into tests/README.md; minutes, too.
everything: all, also what is slow, and the folders. Else the folder that is named: gallery,
browser, frameworks, notebooks.

With --only H18_ it runs those of them that have H18_ in their names, parameters included.
"""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path

from tests.checker.__main__ import run_pytest
from tests.course.counts import compare_kept
from tests.course.walk import write_table
from tests.parts import ROOT

HERE = ROOT / "tests" / "course"
# No test of the course is about the target of the check, which has to be there all the same.
ANY_TARGET = ("--part=1", "--finished")
PIECES = [
    "test_complete.py",
    "test_counts.py",
    "test_pages.py",
    "test_layout.py",
    "test_changes.py",
    "test_starters.py::test_the_starter_is_the_server_without_its_bodies",
]
# These take longest, in this order, and begin first: what begins last keeps everyone waiting.
LONGEST = [
    "gallery/test_gallery.py",
    "test_starters.py",
    "test_other_ways.py",
    "test_solutions.py",
    "test_selfcheck.py",
    "notebooks/test_notebooks.py",
    "frameworks/test_frameworks.py",
    "test_cause.py",
    "test_golden.py",
    "test_counts.py",
    "test_make.py",
]
IN_THIS_ORDER = "--no-loadscope-reorder"  # else xdist begins with the modules of the most tests
FOLDERS = sorted(path.parent.name for path in HERE.glob("*/__init__.py"))
WHICH = ["quick", "pieces", "counts", "walk", "everything", *FOLDERS]


def longest_first(paths: Iterable[Path]) -> list[Path]:
    """Return paths of test modules in the order in which they are to begin."""
    places = {HERE / name: number for number, name in enumerate(LONGEST)}
    return sorted(paths, key=lambda path: (places.get(path, len(LONGEST)), path))


def run_side_by_side(modules: Iterable[Path], only: str, slow: bool = False) -> int:
    """Run test modules, three at a time; return the exit status."""
    places = longest_first(modules)
    return run_pytest(places, *ANY_TARGET, IN_THIS_ORDER, parallel=True, slow=slow, only=only)


def main() -> int:
    """Run the tests that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m tests.course", description=__doc__)
    parser.add_argument("which", choices=WHICH)
    parser.add_argument("--only", default="", metavar="NAME", help="a part of the tests' names")
    asked = parser.parse_args()
    if asked.which == "quick":
        return run_side_by_side(HERE.glob("test_*.py"), asked.only)
    if asked.which == "pieces":
        return run_pytest((HERE / name for name in PIECES), *ANY_TARGET, only=asked.only)
    if asked.which == "counts":
        return 0 if compare_kept() else 1
    if asked.which == "walk":
        write_table()
        return 0
    if asked.which == "everything":
        return run_side_by_side(HERE.rglob("test_*.py"), asked.only, slow=True)
    return run_pytest([HERE / asked.which], *ANY_TARGET, slow=True, only=asked.only)


if __name__ == "__main__":
    sys.exit(main())
