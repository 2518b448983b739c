"""Counts of clauses and mistakes on the pages: where they stand, and how each is found out."""

import functools
import json
import re
from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

from tests.checker.clauses import CLAUSES
from tests.checker.result import Result
from tests.course.selfcheck import NAIVE, run_check
from tests.pages import pages
from tests.parts import PARTS, ROOT, first_part_with
from tests.stages import groups_of
from tests.tools.gallery import gallery

TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
WORDS = {
    "twelve": 12,
    **{word: number for number, word in enumerate(TEENS, 13)},
    **{ten: 10 * number for number, ten in enumerate(TENS, 2)},
    **{
        f"{ten}-{one}": 10 * number + at
        for number, ten in enumerate(TENS, 2)
        for at, one in enumerate(ONES, 1)
    },
}
# A dozen or more. Fewer are a few at hand, as in "two clauses".
COUNT = "(1[2-9]|[2-9][0-9]|[1-9][0-9]{2,}|" + "|".join(sorted(WORDS, key=len, reverse=True)) + ")"
BEFORE = re.compile(rf"What part (?P<part>[1-9]) kept: [0-9]+ of {COUNT}\b")  # a board's first line
OF_ALL = re.compile(rf"(?<!What part [1-9] kept: )\b(?P<kept>[0-9]+) of {COUNT}\b(?! of)")
ABOUT_CLAUSES = re.compile(r"clause|keep|kept|make test-part")
NEAR = 60  # characters before and after "28 of 46" in which such a word stands
OF_CHAPTER = re.compile(rf"\b{COUNT} (?:clauses )?of chapter ([1-9])\b")
SOME = re.compile(rf"(?<![0-9] of )\b{COUNT}(?: [a-z]+)? (clauses|mistakes)\b(?! of chapter)", re.I)

ALL = {number: sum(map(part.keeps, CLAUSES)) for number, part in PARTS.items()}
OWN = {
    number: sum(first_part_with(id[0]) == part for id in CLAUSES) for number, part in PARTS.items()
}
OF_GALLERY = {number: sum(one.part == number for one in gallery().values()) for number in PARTS}

NODE = "node tests/course/other/echo.mjs {port}"
GUNICORN = ".venv/bin/gunicorn --bind {host}:{port} {app}"
WAITRESS = ".venv/bin/waitress-serve --host={host} --port={port} {app}"
# Whom "keeps 3 of 27" is about: whoever is named last before it. (the name, part, server)
SERVERS = [
    (r"naive\.py", 1, NAIVE),
    (r"echo\.mjs", 1, NODE),
    ("gunicorn", 2, GUNICORN),
    ("waitress", 2, WAITRESS),
    *((f"make test-part{number}", number, "") for number in PARTS),
    *(
        (rf"{part.folder}/mine\.py|make start-part{number}", number, f"{part.folder}/starter.py")
        for number, part in PARTS.items()
    ),
]
NAMED = re.compile("|".join(f"({name})" for name, *_ in SERVERS))
NAMED_AND_KEPT = re.compile(
    r"(?:gunicorn|waitress) [0-9.]+ (?:kept )?about (?P<kept>[0-9]+)\b(?! of)"
)


class Count(NamedTuple):
    """A count on a page: the words, the number, and the numbers that would be true."""

    words: str
    number: int
    due: set[int]
    line: int


class Kept(NamedTuple):
    """What a page says that a server keeps: the words, the number, and of which server."""

    words: str
    number: int
    line: int
    part: int
    server: str  # as --server takes it, "" for the finished one

    @property
    def command(self) -> str:
        """The command that gives the number."""
        server = f"--server '{self.server}'" if " " in self.server else f"--server {self.server}"
        which = server if self.server else "--finished"
        return f".venv/bin/python -m tests.checker {self.part} {which}"


class Line(NamedTuple):
    """A text with its words one space apart, and where each of them stood."""

    text: str
    starts: list[int]
    lines: list[int]

    def line_at(self, at: int) -> int:
        """Return the line, from 1, that the character at had in the original."""
        return self.lines[bisect(self.starts, at) - 1]


def in_one_line(text: str) -> Line:
    """Return text with its words one space apart."""
    pairs = [
        (word, number) for number, line in enumerate(text.split("\n"), 1) for word in line.split()
    ]
    words = [word for word, _ in pairs]
    starts = list(accumulate((len(word) + 1 for word in words), initial=0))[: len(words)]
    return Line(" ".join(words), starts, [number for _, number in pairs])


def number_of(text: str) -> int:
    """Return the number that digits or a word say."""
    return WORDS.get(text.lower()) or int(text)


def of_all(text: str) -> Iterator[re.Match[str]]:
    """Yield each "3 of 27" that is about clauses."""
    for match in OF_ALL.finditer(text):
        if ABOUT_CLAUSES.search(text[max(0, match.start() - NEAR) : match.end() + NEAR]):
            yield match


def counts(page: str, part: int = 0) -> Iterator[Count]:
    """Yield each count on a page; part is that of the chapter, 0 for a page of another kind."""
    whole = in_one_line(page)
    text = whole.text
    found = [
        *((match, match[2], {ALL[part]} if part else {*ALL.values()}) for match in of_all(text)),
        *(
            (match, match[2], {kept_before(int(match["part"]) + 1)})
            for match in BEFORE.finditer(text)
        ),
        *((match, match[1], {OWN[int(match[2])]}) for match in OF_CHAPTER.finditer(text)),
        *((match, match[1], numbers_of(match[2].lower(), part)) for match in SOME.finditer(text)),
    ]
    for match, number, due in found:
        yield Count(match[0], number_of(number), due, whole.line_at(match.start()))


def kept_before(part: int) -> int:
    """Return how many clauses of a part no stage of it turns green: an earlier part has."""
    ids = [id for id in CLAUSES if part in PARTS and id[0] in PARTS[part].letters]
    return sum(len(group.clauses) for group in groups_of(part, ids) if group.earlier)


def numbers_of(kind: str, part: int) -> set[int]:
    """Return how many clauses or mistakes there are: in part, or in any part if it is 0."""
    tables = (ALL, OWN) if kind == "clauses" else (OF_GALLERY,)
    found = {table[number] for table in tables for number in ([part] if part else PARTS)}
    return found | ({sum(OF_GALLERY.values())} if kind == "mistakes" else set())


def kept(page: str) -> Iterator[Kept]:
    """Yield what a page says that servers keep. Raises ValueError where it names none before."""
    whole = in_one_line(page)
    for match in (*of_all(whole.text), *NAMED_AND_KEPT.finditer(whole.text)):
        line = whole.line_at(match.start("kept"))
        named = [one.lastindex for one in NAMED.finditer(whole.text, 0, match.start("kept"))]
        if not named or not named[-1]:
            raise ValueError(f"line {line}, {match[0]!r}: no server is named before it.")
        _, part, server = SERVERS[named[-1] - 1]
        yield Kept(match[0], int(match["kept"]), line, part, server)


def texts() -> dict[str, str]:
    """Return the text of every page, and the prose of every notebook, by path."""
    found = {path: path.read_text(encoding="utf-8") for path in pages()}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path] = "\n".join("".join(cell["source"]) for cell in cells)
    return {str(path.relative_to(ROOT)): text for path, text in found.items()}


def place(path: str, line: int) -> str:
    """Return where a count stands, for a sentence; the lines of a notebook are nobody's."""
    return f"{path}, line {line}" if path.endswith(".md") else path


def part_of(path: str) -> int:
    """Return the part whose chapter, or solutions, the page at path is; 0 for another page."""
    folder = Path(path).parts[0]
    return next((number for number, part in PARTS.items() if part.folder == folder), 0)


@functools.cache
def check_kept(part: int, server: str) -> Result | str:
    """Return the result of a server's check, or what it said instead; each is run once."""
    ended = run_check(part, *(["--server", server] if server else ["--finished"]))
    return ended.result or ended.stderr.strip().removeprefix("ERROR: ")


def compare_kept() -> bool:
    """Print each sentence and the truth; return whether each is known to be true."""
    true = True
    for path, text in texts().items():
        for one in kept(text):
            result = check_kept(one.part, one.server)
            if isinstance(result, str):
                truth = f"was not run. {result}"
            else:
                truth = f"is {result.kept} of {len(result.clauses)}"
            true = true and not isinstance(result, str) and result.kept == one.number
            print(f"{place(path, one.line)}, says {one.words!r}\n  it {truth}")
            print(f"  {one.command}", flush=True)
    return true
