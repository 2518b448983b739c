"""One of the three hints for a clause, out of hints.md.

python -m tests.tools.hint CLAUSE [LEVEL]
"""

import re
import sys
from pathlib import Path

from tests.parts import CLAUSE_ID
from tests.tools.terminal import prepare_stdout

PAGE = Path(__file__).with_name("hints.md")
SECTION = re.compile(rf"^## ({CLAUSE_ID})$", re.MULTILINE)
ITEM = re.compile(r"^([123])\. ", re.MULTILINE)


def hints(page: Path = PAGE) -> dict[str, dict[int, str]]:
    """Return the hints by clause and level; text without its number and indent."""
    parts = SECTION.split(page.read_text(encoding="utf-8"))
    found = {}
    for clause, section in zip(parts[1::2], parts[2::2], strict=True):
        items = ITEM.split(section)
        found[clause] = {
            int(level): re.sub(r"^ {3}", "", text, flags=re.MULTILINE).strip()
            for level, text in zip(items[1::2], items[2::2], strict=True)
        }
    return found


def main() -> None:
    """Print the hint that the command line asks for, and how to get the next one."""
    prepare_stdout()
    clause = sys.argv[1].upper() if sys.argv[1:] else ""
    level = sys.argv[2] if sys.argv[2:] else "1"
    found = hints()
    if clause not in found:
        none = f"There is no clause {clause[:20]}: name one, with two digits. " if clause else ""
        sys.exit(f"{none}Which clause? make hint CLAUSE=H07")
    if level not in ("1", "2", "3"):
        sys.exit(f"LEVEL is 1 (a question), 2 (a pointer) or 3 (nearly the code), not {level}.")
    kinds = {1: "a question", 2: "a pointer", 3: "nearly the code"}
    print(f"{clause}, hint {level} of 3: {kinds[int(level)]}\n")
    for line in found[clause][int(level)].splitlines():
        if not line.startswith("```"):
            print(f"  {line}".rstrip())
    if level != "3":
        print(f"\nMore: make hint CLAUSE={clause} LEVEL={int(level) + 1}")


if __name__ == "__main__":
    main()
