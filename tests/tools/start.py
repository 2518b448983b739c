"""Begin a part of one's own: copy its starter to mine.py (make start-part1).

python -m tests.tools.start PART [force]
"""

import shutil
import sys

from tests.parts import PARTS
from tests.tools.terminal import prepare_stdout


def start(part: int, force: bool) -> str:
    """Copy a starter to mine.py; return what was done. Raises FileExistsError."""
    folder, mine, kept = PARTS[part].folder, PARTS[part].mine, ""
    if mine.exists():
        if not force:
            raise FileExistsError(
                f"{folder}/mine.py exists already, and was left alone.\n"
                f"To begin again: make start-part{part} FORCE=1 (the old one is kept beside it)."
            )
        taken = len(list(mine.parent.glob("mine.*.py")))
        old = mine.with_name(f"mine.{taken + 1}.py")
        mine.rename(old)
        kept = f"The old one is {folder}/{old.name} now.\n"
    shutil.copy(mine.with_name("starter.py"), mine)
    return (
        f"{kept}{folder}/mine.py is yours: a server whose functions you write.\n"
        f"make test-part{part} says which one is next, and make serve-part{part} serves it.\n"
        f"Delete it to go back to the finished server."
    )


def main() -> None:
    """Start the part that the command line names."""
    prepare_stdout()
    try:
        print(start(int(sys.argv[1]), force="force" in sys.argv[2:]))
    except FileExistsError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
