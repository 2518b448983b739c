"""The gallery of mistakes: partN_*/mistakes/NAME.patch, one wrong idea each.

NAME begins with the clause that catches it. The file's first line is the title; its head is a
line for each key; a story of three paragraphs and the diff follow. The keys:

Caught-by  the clause that turns red first; the name begins with it
Also-red   other clauses that turn red, or may; may be left out
Says       words that the explanation of Caught-by has in it
Try        a command for a second terminal that shows the harm; {file} is the broken server
Serve      how to serve {file}; without it the part's own application is hosted
App        the application to host instead, MODULE:CALLABLE; may be left out, like Serve
"""

import re
from pathlib import Path
from typing import NamedTuple

from tests.parts import PARTS, ROOT
from tests.tools.patches import apply

BUILD = ROOT / "build"  # where broken servers are written to
PORT = 8888  # where a server listens that is told nothing else, and which every Try names
HEAD = re.compile(r"^([A-Z][a-z-]+): (.*)$")
DUE = ("Caught-by", "Says", "Try")  # the keys that every head has
KEYS = (*DUE, "Also-red", "Serve", "App")


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
        """Return what make broken calls it, as part3/P03_reap_once."""
        return f"part{self.part}/{self.name}"


def read(path: Path, part: int) -> Mistake:
    """Return the mistake that a patch file tells. Raises ValueError, with a sentence."""
    text = path.read_text(encoding="utf-8")
    head, _, rest = text.partition("\n\n")
    story, _, diff = rest.partition("\n--- ")
    title, *lines = head.split("\n")
    try:
        head_says = read_head(lines)
    except ValueError as error:
        raise ValueError(f"part{part}/{path.stem}: {error}") from None
    also = tuple(filter(None, re.split(r",\s*", head_says.get("Also-red", ""))))
    return Mistake(
        part,
        path.stem,
        title,
        head_says["Caught-by"],
        also,
        head_says["Says"],
        head_says.get("Serve") or default_serve(part, head_says.get("App")),
        head_says["Try"],
        story.strip(),
        f"--- {diff}",
    )


def read_head(lines: list[str]) -> dict[str, str]:
    """Return what a head says by its keys. Raises ValueError, with a sentence."""
    said = {}
    for line in lines:
        match = HEAD.match(line)
        if not match or match[1] not in KEYS:
            raise ValueError(f"its head has the line {line!r}; the keys are {', '.join(KEYS)}.")
        said[match[1]] = match[2]
    for key in DUE:
        if not said.get(key):
            raise ValueError(f"its head has no line {key}: it needs {', '.join(DUE)}.")
    return said


def default_serve(part: int, application: str | None) -> str:
    """Return the command that serves {file} with application, or with the chapter's own."""
    words = ["python3" if part == 1 else ".venv/bin/python", "{file}"]
    if part > 1:
        words.append(application or f"{PARTS[part].folder}.{PARTS[part].application}")
    return " ".join(words)


def gallery() -> dict[str, Mistake]:
    """Return every mistake by its id, part by part."""
    found = [
        read(path, number)
        for number, part in PARTS.items()
        for path in sorted((part.path / "mistakes").glob("*.patch"))
    ]
    found.sort(key=lambda mistake: (mistake.part, mistake.caught_by))
    return {mistake.id: mistake for mistake in found}


def break_server(mistake: Mistake) -> str:
    """Return the source of the server that has made the mistake."""
    return apply(mistake.diff, PARTS[mistake.part].server.read_text(encoding="utf-8"))


def write(mistake: Mistake, path: Path) -> Path:
    """Write the broken server to path, so that it finds its part's applications; return path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(break_server(mistake), encoding="utf-8")
    return path


def relative(path: Path) -> str:
    """Return path as one types it in the root of the course."""
    return str(path.relative_to(ROOT))


def serve_command(mistake: Mistake, path: Path, port: int = PORT) -> str:
    """Return the command that serves the mistake, written to path, on port."""
    serve, pipe, rest = mistake.serve.replace("{file}", relative(path)).partition(" | ")
    return f"{serve} --port {port}{pipe}{rest}" if port != PORT else f"{serve}{pipe}{rest}"


def try_command(mistake: Mistake, path: Path, port: int = PORT) -> str:
    """Return the command that shows the harm, where the mistake is served on port."""
    return mistake.attempt.replace("{file}", relative(path)).replace(str(PORT), str(port))


def check_command(mistake: Mistake, path: Path) -> str:
    """Return the command that checks the server at path."""
    return f"make test-part{mistake.part} SERVER={relative(path)}"
