"""The gallery of mistakes: partN_*/mistakes/NAME.patch, one wrong idea each.

python -m tests.mistakes list
python -m tests.mistakes broken part3/reap_once
python -m tests.mistakes quiz 3 8888
python -m tests.mistakes answer
"""

import base64
import difflib
import os
import random
import re
import socket
import sys
from pathlib import Path
from typing import NamedTuple

from tests.starters import FOLDERS

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build"
ANSWER = BUILD / "quiz.answer"
APPLICATIONS = {2: "flask_app:app", 3: "waterfall:app"}
AT_START = {"reuse_the_port"}  # no riddle: it does not start where a run has just ended
NAME = 26  # columns for a name, which leaves 46 for its title
HUNK = re.compile(r"^@@.*?@@.*\n", re.MULTILINE)
HEAD = re.compile(r"^([A-Z][a-z-]+): (.*)$", re.MULTILINE)


class Mistake(NamedTuple):
    """One wrong idea: where it stands, what its head says, its story, and the diff."""

    part: int
    name: str
    title: str
    caught_by: str
    also_red: tuple[str, ...]
    says: str
    serve: str  # how to serve it, {file}
    attempt: str  # what to type then to see the harm
    story: str
    diff: str

    @property
    def id(self) -> str:
        """part3/reap_once"""
        return f"part{self.part}/{self.name}"


def apply(diff: str, source: str) -> str:
    """Return source with every hunk of a unified diff applied; each must fit in one place.

    Raises ValueError where one does not.
    """
    for hunk in HUNK.split(diff)[1:]:
        lines = hunk.splitlines()
        old = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
        new = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("-"))
        if source.count(old) != 1:
            raise ValueError(f"This hunk fits in {source.count(old)} places:\n{hunk}")
        source = source.replace(old, new)
    return source


def read(path: Path, part: int) -> Mistake:
    """Return the mistake that a patch file tells. Raises ValueError, KeyError."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("\n\n")
    story, _, diff = rest.partition("\n--- ")
    title, _, lines = head.partition("\n")
    told = dict(HEAD.findall(lines))
    also = tuple(filter(None, re.split(r",\s*", told.get("Also-red", ""))))
    return Mistake(
        part,
        path.stem,
        title,
        told["Caught-by"],
        also,
        told["Says"],
        told.get("Serve") or default_serve(part, told.get("App")),
        told["Try"],
        story.strip(),
        f"--- {diff}",
    )


def default_serve(part: int, application: str | None) -> str:
    """Return the command that serves {file} with application, or with the chapter's own."""
    words = ["python3" if part == 1 else ".venv/bin/python", "{file}"]
    if part > 1:
        words.append(application or f"{FOLDERS[part]}.{APPLICATIONS[part]}")
    return " ".join(words)


def gallery() -> dict[str, Mistake]:
    """Return every mistake by its id, part by part."""
    found = [
        read(path, part)
        for part, folder in FOLDERS.items()
        for path in sorted((ROOT / folder / "mistakes").glob("*.patch"))
    ]
    found.sort(key=lambda mistake: (mistake.part, mistake.caught_by))
    return {mistake.id: mistake for mistake in found}


def broken(mistake: Mistake) -> str:
    """Return the source of the server that has made the mistake."""
    source = (ROOT / FOLDERS[mistake.part] / "server.py").read_text(encoding="utf-8")
    return apply(mistake.diff, source)


def write(mistake: Mistake, path: Path) -> Path:
    """Write the broken server to path, so that it finds its part's applications; return path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(broken(mistake), encoding="utf-8")
    return path


def relative(path: Path) -> str:
    """Return path as one types it in the root of the course."""
    return str(path.relative_to(ROOT))


def show_list() -> None:
    """Print a line for each mistake."""
    part = 0
    for mistake in gallery().values():
        if mistake.part != part:
            part = mistake.part
            print(f"\nPart {part}: make broken M=part{part}/NAME")
        print(f"  {mistake.caught_by}  {mistake.name:<{NAME}} {mistake.title}")


def show_broken(id: str) -> None:
    """Write one broken server, tell its story, and say what to try."""
    found = gallery()
    if not id:
        sys.exit("Which mistake? make broken M=part1/one_recv; make mistakes lists them all.")
    if id not in found:
        near = [one for one in found if id.rpartition("/")[2] in one]
        near += difflib.get_close_matches(id, found, 2)
        also = f" Did you mean {near[0]}?" if near else ""
        sys.exit(f"There is no mistake {id}.{also} make mistakes lists them all.")
    mistake = found[id]
    path = write(mistake, BUILD / f"part{mistake.part}" / f"{mistake.name}.py")
    diff = mistake.diff.partition("+++")[2].partition("\n")[2]
    print(f"{mistake.title}\n\n{mistake.story}\n\n{diff}")
    print(f"It is {relative(path)} now. Serve it:\n\n  {served(mistake, path)}\n")
    print(f"and in a second terminal:\n\n  {tried(mistake, path)}\n")
    print(f"or let the check find it:\n\n  {check(mistake, path)}")


def served(mistake: Mistake, path: Path) -> str:
    """Return the command that serves the mistake, written to path."""
    return mistake.serve.replace("{file}", relative(path))


def tried(mistake: Mistake, path: Path) -> str:
    """Return the command that shows the harm."""
    return mistake.attempt.replace("{file}", relative(path))


def check(mistake: Mistake, path: Path) -> str:
    """Return the command that checks the server at path."""
    return f"make test-part{mistake.part} SERVER={relative(path)}"


def quiz(part: int, port: str) -> None:
    """Serve a server with a mistake that is not named."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
            probe.listen()
        except OSError:
            sys.exit(
                f"Port {port} is taken, perhaps by an earlier quiz: end that with Ctrl-C,\n"
                f"or make quiz PART={part} PORT={int(port) + 1}. (make doctor says by whom.)"
            )
    asked = [one for one in gallery().values() if one.part == part and one.name not in AT_START]
    mistake = random.choice(asked)
    path = write(mistake, BUILD / "quiz.py")
    ANSWER.write_bytes(base64.b64encode(mistake.id.encode()))  # not to be read by accident
    print("This server has made one mistake. Find it, with a browser, curl, nc and ps,")
    print(f"and last with the check, in a second terminal:\n\n  {check(mistake, path)}\n")
    print("make quiz-answer names it. Ctrl-C ends the server.\n", flush=True)
    words = default_serve(part, None).replace("{file}", relative(path)).split()
    os.execvp(sys.executable, [sys.executable, *words[1:], "--port", port])


def show_answer() -> None:
    """Tell which mistake the last quiz made."""
    if not ANSWER.is_file():
        sys.exit("No quiz has been started: make quiz PART=3.")
    id = base64.b64decode(ANSWER.read_bytes()).decode()
    print(f"It was {id}, caught by {gallery()[id].caught_by}. End the quiz (Ctrl-C), and then:\n")
    show_broken(id)


def main() -> None:
    """Do what the command line says."""
    command, *arguments = sys.argv[1:]
    os.chdir(ROOT)
    if command == "list":
        show_list()
    elif command == "broken":
        show_broken(arguments[0] if arguments else "")
    elif command == "quiz":
        if arguments[0] not in ("1", "2", "3"):
            sys.exit("Of which part? make quiz PART=1, 2 or 3.")
        quiz(int(arguments[0]), arguments[1])
    else:
        show_answer()


if __name__ == "__main__":
    main()
