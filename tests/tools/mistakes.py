"""The gallery on the command line: make mistakes, make broken.

python -m tests.tools.mistakes list
python -m tests.tools.mistakes show part3/P03_reap_once 8888 tell
"""

import difflib
import shutil
import sys

from tests.tools.gallery import (
    BUILD,
    PORT,
    Mistake,
    check_command,
    gallery,
    relative,
    serve_command,
    try_command,
    write,
)
from tests.tools.nc import STAND_IN
from tests.tools.terminal import parse_port, prepare_stdout

NAME_COLUMNS, TITLE_COLUMNS = 30, 46  # of a line of the list


def show_list() -> None:
    """Print a line for each mistake."""
    part = 0
    for mistake in gallery().values():
        if mistake.part != part:
            part = mistake.part
            print(f"\nPart {part}: make broken M=part{part}/NAME")
        print(f"  {mistake.name:<{NAME_COLUMNS}} {mistake.title}")


def show_broken(id: str, port: int = PORT, tell: bool = False) -> None:
    """Write one broken server, and say what to try; tell: also what is wrong with it."""
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
    print(f"{mistake.title}\n\n{story_of(mistake, tell)}\n")
    serve, attempt = serve_command(mistake, path, port), try_command(mistake, path, port)
    print(f"The broken server is {relative(path)}. Serve it:\n\n  {serve}\n")
    print(f"and in a second terminal:\n\n  {attempt}\n")
    if "nc " in mistake.attempt and not shutil.which("nc"):
        print(f"There is no nc here; this stands in for it: {STAND_IN}\n")
    print(f"or let the check find it:\n\n  {check_command(mistake, path)}")
    if not tell:
        print(f"\nAnd this tells what is wrong:\n\n  make broken M={id} TELL=1")


def story_of(mistake: Mistake, tell: bool) -> str:
    """Return what one thinks; tell: also what happens, what a user notices, and the diff."""
    if not tell:
        return mistake.story.partition("\nWhat happens:")[0]
    diff = mistake.diff.partition("+++")[2].partition("\n")[2].rstrip("\n")
    return f"{mistake.story}\n\n{diff}"


def main() -> None:
    """Do what the command line says."""
    prepare_stdout()
    command, *arguments = sys.argv[1:]
    if command == "list":
        show_list()
    else:
        id, port, tell = arguments
        show_broken(id, parse_port(port), bool(tell))


if __name__ == "__main__":
    main()
