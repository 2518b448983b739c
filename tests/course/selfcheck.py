"""Run the self-check as make runs it, on a server made for one test."""

import re
import shutil
from pathlib import Path
from typing import NamedTuple

from tests.checker.result import Result
from tests.parts import CLAUSE_ID, PARTS, ROOT
from tests.tools.check import check_and_read

SECONDS = 400.0  # a deadline, not an expectation: some wrong servers make every client wait
FINISHED = PARTS[1].server
NAIVE = "part1_single/naive.py"
KEPT_BY_NAIVE = ("H01", "H03", "H04")  # by luck; the tests derive from this what else it shows
# How many forms are tried beside a red one depends on the time that they take.
FORMS_ROW = re.compile(r"(  forms +).+(?:\n {13}.+)*")


class Checked(NamedTuple):
    """An ended check: its exit status, what it printed, and its result, None if it has none."""

    status: int
    stdout: str
    stderr: str
    result: Result | None

    @property
    def red(self) -> set[str]:
        """The clauses that the server breaks."""
        assert self.result, self.stdout + self.stderr
        return set(self.result.ids("broken"))

    @property
    def outcomes(self) -> dict[str, str]:
        """The outcome of each clause."""
        assert self.result, self.stdout + self.stderr
        return {clause.id: clause.outcome for clause in self.result.clauses}


def run_check(part: int, *options: str, root: Path = ROOT, whole: bool = False) -> Checked:
    """Return the ended check of the contract, with options as for python -m tests.checker.

    whole adds the part's own tests.
    """
    only = [] if whole else ["--contract"]
    ended, result = check_and_read(part, *only, *options, root=root, seconds=SECONDS)
    return Checked(ended.returncode, ended.stdout, ended.stderr, result)


def copy_course(folder: Path) -> Path:
    """Copy the course without .venv to folder, as git would check it out; return folder."""
    for name in ("tests", *(part.folder for part in PARTS.values())):
        ignore = shutil.ignore_patterns("__pycache__", "mine*.py")
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder)
    return folder


def without_forms(text: str) -> str:
    """Return what a check printed, with a word in place of the forms that there was time for."""
    return FORMS_ROW.sub(r"\1as many as there was time for", text)


def without_ids(text: str) -> str:
    """Return text without ids of clauses, for parameters that pytest -k H07 is not to find."""
    return re.sub(f"{CLAUSE_ID}[_,]?", "", text)


def change(path: Path, *changes: tuple[str, str], source: Path = FINISHED) -> str:
    """Write source to path with each old text, found once, replaced by the new; return path."""
    text = source.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"stands {text.count(old)} times in {source.name}: {old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return str(path)
