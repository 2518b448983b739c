"""How far the reader is: a line for each part, from the check of the reader's own files.

python -m tests.progress
"""

import re
import subprocess
import sys

from tests.clauses import CLAUSES
from tests.starters import FOLDERS, ROOT

LETTERS = {1: "H", 2: "HW", 3: "HWP"}


def kept(part: int) -> tuple[int, str]:
    """Return how many clauses the reader's server keeps, and the first that is red."""
    words = ["--quiet", "--board", "--tb=no", "-rN", "--capture=sys", f"--part={part}"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "tests/contract"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    rows = dict(re.findall(r"^  ([HWP][0-9]{2}) (ok|RED|--|not run)", ended.stdout, re.MULTILINE))
    first = re.search(r"^  next +(.+)|^([HWP][0-9]{2})  ", ended.stdout, re.MULTILINE)
    red = next((id for id, mark in rows.items() if mark != "ok"), "")
    if first and first[2]:
        red = first[2]
    return sum(mark == "ok" for mark in rows.values()), red


def main() -> None:
    """Print a line for each part, and the next step."""
    step = ""
    for part, folder in FOLDERS.items():
        total = sum(id[0] in LETTERS[part] for id in CLAUSES)
        if not (ROOT / folder / "mine.py").is_file():
            print(f"  part {part}  not begun           {folder}/README.md")
            step = step or f"make start-part{part}, and read {folder}/README.md"
            continue
        count, red = kept(part)
        print(f"  part {part}  {count:2} of {total} clauses   {folder}/mine.py")
        if red:
            step = step or f"{red}: make test-part{part} CLAUSE={red}, or make hint CLAUSE={red}"
    print(f"\nNext: {step or 'you have kept them all. Point the check at gunicorn.'}")


if __name__ == "__main__":
    main()
