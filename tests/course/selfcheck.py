"""Run the self-check as make runs it, on a server made for one test."""

import re
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from tests.checker.result import Result, read_result
from tests.parts import CLAUSE_ID, PARTS, ROOT
from tests.tools.check import check_command

SECONDS = 400.0  # a deadline, not an expectation: some wrong servers make every client wait
FINISHED = PARTS[1].server


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
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "result.json")
        only = [] if whole else ["--contract"]
        words = check_command(part, *only, "--json", str(path), *options)
        ended = subprocess.run(words, cwd=root, capture_output=True, text=True, timeout=SECONDS)
        result = read_result(path) if path.is_file() else None
        return Checked(ended.returncode, ended.stdout, ended.stderr, result)


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
