"""How far the reader is: a line for each part, from the check of the reader's own files.

python -m tests.progress
"""

import re
import subprocess
import sys

from tests.clauses import CLAUSES
from tests.starters import FOLDERS, ROOT, fault

LETTERS = {1: "H", 2: "HW", 3: "HWP"}


def kept(part: int) -> tuple[int, str, str]:
    """Return how many clauses the reader's server keeps, the first red one, and what to write."""
    words = ["--quiet", "--board", "--tb=no", "-rN", "--capture=sys", f"--part={part}"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *words, "tests/contract"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    rows = dict(re.findall(r"^  ([HWP][0-9]{2}) (ok|RED|--|not run)", ended.stdout, re.MULTILINE))
    write = re.search(r"^  next +(write \w+)", ended.stdout, re.MULTILINE)
    explained = re.search(r"^([HWP][0-9]{2})  ", ended.stdout, re.MULTILINE)
    red = explained[1] if explained else next((id for id in rows if rows[id] != "ok"), "")
    return sum(mark == "ok" for mark in rows.values()), red, write[1] if write else ""


def main() -> None:
    """Print a line for each part, and the next step."""
    step = ""
    for part, folder in FOLDERS.items():
        total = sum(id[0] in LETTERS[part] for id in CLAUSES)
        mine = ROOT / folder / "mine.py"
        if not mine.is_file():
            print(f"  part {part}  not begun           {folder}/README.md")
            step = step or f"make start-part{part}, and read {folder}/README.md"
            continue
        if words := fault(mine):
            print(f"  part {part}  can't be run        {folder}/mine.py")
            step = step or f"{folder}/{words}"
            continue
        count, red, write = kept(part)
        print(f"  part {part}  {count:2} of {total} clauses   {folder}/mine.py")
        if red:
            hint = f"make hint CLAUSE={red}"
            what = f"{write} ({red})" if write else f"{red}, {hint}"
            step = step or f"{what}; make test-part{part} CLAUSE={red}"
    print(f"\nNext: {step or 'you have kept them all. Point the check at gunicorn.'}")


if __name__ == "__main__":
    main()
