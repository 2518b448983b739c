"""The clauses of the contract, read from the page that the reader sees: CONTRACT.md."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.checker.target import UsageError
from tests.parts import CLAUSE_ID, PARTS, ROOT, first_part_with
from tests.stages import stages_of

PAGE = ROOT / "tests" / "CONTRACT.md"
ROW = re.compile(rf"^\| ({CLAUSE_ID}) \|(.+)\|")
IN_SHORT_COLUMNS = 42  # that the board has for what a row says in short


class Clause(NamedTuple):
    """One row of the page; requirement as a sentence, read as path#section of a chapter."""

    id: str
    title: str
    requirement: str
    section: str
    permitted: str
    read: str


def read_clauses(page: Path = PAGE) -> dict[str, Clause]:
    """Return every clause of the page by id, in its order. Raises ValueError, with a sentence."""
    clauses, subject = {}, ""
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("| id |"):
            subject = line.split("|")[3].strip().rstrip("…")
        if not (row := ROW.fullmatch(line)):
            continue
        id, text = row.groups()
        cells = [
            cell.strip().replace("\\|", "|").replace("*policy*", "policy")
            for cell in re.split(r"(?<!\\)\|", text)
        ]
        if len(cells) != 5:
            raise ValueError(f"CONTRACT.md: the row of {id} has {len(cells) + 1} cells, not 6.")
        title, requirement, section, permitted, link = cells
        read = re.fullmatch(r"\[.+\]\(\.\./(.+)\)", link)
        if not read:
            raise ValueError(
                f"CONTRACT.md: the row of {id} does not end in a link to a section of a chapter, "
                "as in [Listen](../part1_single/README.md#listen)."
            )
        if id in clauses:
            raise ValueError(f"CONTRACT.md has two rows for {id}.")
        sentence = f"{subject.capitalize()} {requirement}.".replace("`", "")
        clauses[id] = Clause(id, title, sentence, section, permitted, read[1])
    return clauses


CLAUSES = read_clauses()


def clause(id: str) -> pytest.MarkDecorator:
    """Return the mark that says which clause a test proves."""
    return pytest.mark.clause(CLAUSES[id])


def check_ids(text: str, part: int) -> list[str]:
    """Return the clauses that text names, as in "H07, h08"; none for "".

    Raises UsageError, with a sentence.
    """
    ids = re.findall(r"[^\s,]+", text.upper())
    if text and not ids:
        raise UsageError("CLAUSE names no clause: CLAUSE=H07,H08; see tests/CONTRACT.md.")
    for id in ids:
        if id not in CLAUSES:
            raise UsageError(f"There is no clause {id}: CLAUSE=H07,H08; see tests/CONTRACT.md.")
        if id in PARTS[part].gives_way:
            raise UsageError(f"{id} gives way in part {part}: see tests/CONTRACT.md.")
        if id[0] not in PARTS[part].letters:
            first = first_part_with(id[0]).number
            raise UsageError(
                f"{id} is a clause of part {first}: make test-part{first} CLAUSE={id}."
            )
    return ids


def parse_stage(text: str, part: int) -> int:
    """Return the number of a stage that text names. Raises UsageError, with a sentence."""
    numbers = [str(stage.number) for stage in stages_of(part)]
    if text not in numbers:
        raise UsageError(f"Part {part} has the stages 1 to {numbers[-1]}: STAGE=1.")
    return int(text)
