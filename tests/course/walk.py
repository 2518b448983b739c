"""The walk: from a part's starter to its server, one function after the other, a board after each.

    python -m tests.course walk

writes what it finds into tests/README.md, between the two marks. The bodies are the finished
ones, in the order of tests/stages.py, which the check advises too (test_starters.py sees to that).
"""

import concurrent.futures
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.course.selfcheck import Checked, run_check
from tests.parts import ROOT
from tests.stages import STAGES, stages_of
from tests.tools import starters

PAGE = ROOT / "tests" / "README.md"
TABLE = re.compile(r"(?<=<!-- walk: begin -->\n).*(?=<!-- walk: end -->)", re.DOTALL)
HEADING = "| part | stage | written | kept | turns green | turns red |\n|---|---|---|---|---|---|"
# Part 4 is not walked yet: each of its boards waits for deadlines, up to minutes while the starter
# is half written, and the clauses of its stage 3 are green or not run from the start.
WALKED = tuple(part for part in STAGES if part != 4)
AT_ONCE = 3  # boards side by side: a check waits more than it works


class Step(NamedTuple):
    """A point of the walk: what has been written last, in which stage, and the board then."""

    part: int
    stage: int  # 0 for the starter
    function: str  # "" where none has been written
    ended: Checked

    @property
    def kept(self) -> set[str]:
        """The clauses that are kept."""
        assert self.ended.result, self.ended.stdout + self.ended.stderr
        return set(self.ended.result.ids("kept"))

    @property
    def advised(self) -> str:
        """The function that the check says to write next; "" if it names none."""
        found = re.search(r"^  next +write ([\w.]+): ", self.ended.stdout, re.MULTILINE)
        return found[1] if found else ""


def texts(part: int) -> Iterator[tuple[int, str, str]]:
    """Yield (stage, function, the reader's file) of each point of the walk."""
    text = starters.starter_text(part)
    finished = starters.server_text(part, ROOT)
    yield 0, "", text
    for stage in stages_of(part):
        for name in stage.functions:
            text = starters.replace_body(text, name, starters.body_of(finished, name))
            yield stage.number, name, text


def walk(part: int) -> list[Step]:
    """Return every step of a part's walk, the starter's first.

    A step that is not as the page has it is checked again, alone: others may have been in its way.
    """
    points = list(texts(part))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, str(number), "mine.py") for number in range(len(points))]
        for path, (_, _, text) in zip(paths, points, strict=True):
            path.parent.mkdir()
            path.write_text(text, encoding="utf-8")

        def check(number: int) -> Step:
            stage, function, _ = points[number]
            return Step(part, stage, function, run_check(part, "--server", str(paths[number])))

        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            steps = list(pool.map(check, range(len(points))))
        known = set(committed_rows(part))
        for number, row in enumerate(rows_of(steps)):
            if row not in known:
                steps[number] = check(number)
    return steps


def rows_of(steps: list[Step]) -> list[str]:
    """Return the rows of the table for a part's walk."""
    titles = {stage.number: f"{stage.number} {stage.title}" for stage in STAGES[steps[0].part]}
    found, before = [], steps[0].kept
    for step in steps:
        written = f"`{step.function}`" if step.function else "the starter"
        green, red = sorted(step.kept - before), sorted(before - step.kept)
        cells = [str(step.part), titles.get(step.stage, ""), written, str(len(step.kept))]
        cells += [", ".join(green), ", ".join(red)]
        found.append("".join(f"| {cell} " if cell else "| " for cell in cells) + "|")
        before = step.kept
    return found


def committed_rows(part: int) -> list[str]:
    """Return the rows of the table that tests/README.md has for a part."""
    (table,) = TABLE.findall(PAGE.read_text(encoding="utf-8"))
    return [row for row in table.splitlines() if row.startswith(f"| {part} |")]


def write_table() -> None:
    """Walk through the parts, and write the table into tests/README.md."""
    rows = [row for part in WALKED for row in rows_of(walk(part))]
    text = PAGE.read_text(encoding="utf-8")
    assert len(TABLE.findall(text)) == 1, f"the two marks of the table are not in {PAGE.name}"
    table = "\n".join(["", HEADING, *rows, "", ""])
    PAGE.write_text(TABLE.sub(lambda _: table, text), encoding="utf-8")
