"""The reader's own server beside the finished one (make diff-mine).

python -m tests.tools.compare PART
"""

import difflib
import sys

from tests.parts import PARTS, name_parts
from tests.tools.terminal import prepare_stdout


def compare(part: str) -> str:
    """Return what the finished server of part has instead of the reader's lines.

    Raises ValueError, in a sentence, where there is nothing to compare.
    """
    if part not in map(str, PARTS):
        raise ValueError(f"PART is {name_parts()}.")
    folder, mine, done = PARTS[int(part)].folder, PARTS[int(part)].mine, PARTS[int(part)].server
    if not mine.is_file():
        raise ValueError(f"There is no {folder}/mine.py yet: make start-part{part}.")
    # Windows line ends and a BOM do not count as a difference.
    yours, ours = (
        path.read_text(encoding="utf-8-sig", errors="replace").splitlines() for path in (mine, done)
    )
    lines = list(difflib.unified_diff(yours, ours, lineterm=""))[2:]
    if not lines:
        return f"{folder}/mine.py is identical to the finished server."
    return "\n".join([f"{folder}: - yours, + the finished server's", *lines])


def main() -> None:
    """Print what differs in the part that the command line names."""
    prepare_stdout()
    try:
        print(compare(sys.argv[1]))
    except ValueError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
