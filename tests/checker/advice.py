"""What to write next, for a file that grows out of a starter (tests/tools/starters.py)."""

import re
from pathlib import Path

from tests.parts import CLAUSE_ID

NEEDED = re.compile(r"NotImplementedError: (Next, write [^\n]+?)(?: \(|$)", re.MULTILINE)
FUNCTION = re.compile(r"^def (\w+)", re.MULTILINE)
UNWRITTEN = re.compile(
    rf"^ +(?:pass  )?# unwritten: ((?:{CLAUSE_ID}(?:, | to )?)+|no clause)", re.MULTILINE
)


def next_function(path: Path, clause: str, stderr: str) -> str:
    """Return a sentence that names the function to write for a red clause; "" if none is."""
    if needed := NEEDED.search(stderr):
        return needed[1]
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    for mark in UNWRITTEN.finditer(text):
        if is_among(clause, mark[1]):
            name = FUNCTION.findall(text, 0, mark.start())[-1]
            return f"Next, write {name}: {clause} needs it."
    return ""


def unwritten_functions(path: Path) -> list[str]:
    """Return the functions of path whose body is to be written, in their order."""
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    marks = [mark.start() for mark in UNWRITTEN.finditer(text)]
    marks += [mark.start() for mark in re.finditer(r"raise NotImplementedError\(", text)]
    return [FUNCTION.findall(text, 0, place)[-1] for place in sorted(marks)]


def is_among(clause: str, words: str) -> bool:
    """Return whether words name clause: "H07, H10", or "W01 to W19"."""
    first, _, last = words.partition(" to ")
    return clause in words or (bool(last) and first <= clause <= last)
