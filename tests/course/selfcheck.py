"""Run the self-check as make runs it, on a server made for one test."""

import subprocess
import sys
from pathlib import Path

from tests.board import ROOT

SECONDS = 400.0  # a deadline, not an expectation: some wrong servers make every client wait
FINISHED = ROOT / "part1_single" / "server.py"


def run_check(*options: str, root: Path = ROOT, board: bool = True) -> subprocess.CompletedProcess:
    """Return the ended run of the contract with these options; its stdout is text."""
    words = ["--board", "--tb=no", "-rN"] if board else []
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--quiet", *words, "--part=1", *options, "tests/contract"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


def changed(path: Path, *changes: tuple[str, str], source: Path = FINISHED) -> str:
    """Write source to path with each old text, found once, replaced by the new; return path."""
    text = source.read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1, f"stands {text.count(old)} times in {source.name}: {old}"
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    return str(path)


def board_of(output: str) -> dict[str, str]:
    """Return the mark of each clause that the board shows: "ok", "RED", "--" or "not run"."""
    marks = {}
    for line in output.splitlines():
        id, _, rest = line.strip().partition(" ")
        if line.startswith("  ") and len(id) == 3 and id[0] in "HWP" and id[1:].isdigit():
            marks[id] = "not run" if rest.startswith("not run") else rest.split()[0]
    return marks


def red(output: str) -> set[str]:
    """Return the clauses that the board shows as red."""
    return {id for id, mark in board_of(output).items() if mark == "RED"}
