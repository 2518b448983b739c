"""The gallery on the command line: make mistakes, make broken.

python -m tests.tools.mistakes list
python -m tests.tools.mistakes show part3/P03_reap_once
"""

import difflib
import shutil
import sys

from tests.tools.gallery import (
    BUILD,
    check_command,
    gallery,
    relative,
    serve_command,
    try_command,
    write,
)
from tests.tools.nc import STAND_IN
from tests.tools.terminal import prepare_stdout

NAME_COLUMNS, TITLE_COLUMNS = 30, 46  # of a line of the list


def show_list() -> None:
    """Print a line for each mistake."""
    part = 0
    for mistake in gallery().values():
        if mistake.part != part:
            part = mistake.part
            print(f"\nPart {part}: make broken M=part{part}/NAME")
        print(f"  {mistake.name:<{NAME_COLUMNS}} {mistake.title}")


def show_broken(id: str) -> None:
    """Write one broken server, tell its story, and say what to try."""
    found = gallery()
    if not id:
        sys.exit("Which mistake? make broken M=part1/H07_one_recv; make mistakes lists them all.")
    if id not in found:
        near = [one for one in found if id.rpartition("/")[2] in one] if id.strip("/") else []
        near += difflib.get_close_matches(id, found, 2)
        also = f" Did you mean {near[0]}?" if near else ""
        sys.exit(f"There is no mistake {id}.{also} make mistakes lists them all.")
    mistake = found[id]
    path = write(mistake, BUILD / f"part{mistake.part}" / f"{mistake.name}.py")
    diff = mistake.diff.partition("+++")[2].partition("\n")[2]
    print(f"{mistake.title}\n\n{mistake.story}\n\n{diff}")
    print(f"The broken server is {relative(path)}. Serve it:\n\n  {serve_command(mistake, path)}\n")
    print(f"and in a second terminal:\n\n  {try_command(mistake, path)}\n")
    if "nc " in mistake.attempt and not shutil.which("nc"):
        print(f"There is no nc here; this stands in for it: {STAND_IN}\n")
    print(f"or let the check find it:\n\n  {check_command(mistake, path)}")


def main() -> None:
    """Do what the command line says."""
    prepare_stdout()
    command, *arguments = sys.argv[1:]
    if command == "list":
        show_list()
    else:
        show_broken(arguments[0] if arguments else "")


if __name__ == "__main__":
    main()
