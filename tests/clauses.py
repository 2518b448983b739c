"""The clauses of the contract, read from the page that the reader sees: CONTRACT.md."""

import re
from pathlib import Path
from typing import NamedTuple

import pytest

PAGE = Path(__file__).with_name("CONTRACT.md")
ROW = re.compile(r"^\| ([HWP][0-9]{2}) \|(.+)\|")


class Clause(NamedTuple):
    """One row of the page; requirement as a sentence, read as path#section of a chapter."""

    id: str
    title: str
    requirement: str
    section: str
    permitted: str
    read: str


def read_clauses() -> dict[str, Clause]:
    """Return every clause of the page by id, in the page's order. Raises ValueError."""
    clauses, subject = {}, ""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        if line.startswith("| id |"):
            subject = line.split("|")[3].strip().rstrip("…")
        if not (row := ROW.fullmatch(line)):
            continue
        id, cells = row.groups()
        title, requirement, section, permitted, link = (
            cell.strip().replace("\\|", "|").replace("*policy*", "policy")
            for cell in re.split(r"(?<!\\)\|", cells)
        )
        read = re.fullmatch(r"\[.+\]\(\.\./(.+)\)", link)
        if not read or id in clauses:
            raise ValueError(f"CONTRACT.md: the row of {id} has no link, or stands twice")
        sentence = f"{subject.capitalize()} {requirement}.".replace("`", "")
        clauses[id] = Clause(id, title, sentence, section, permitted, read[1])
    return clauses


CLAUSES = read_clauses()


def clause(id: str) -> pytest.MarkDecorator:
    """Return the mark that says which clause a test proves."""
    return pytest.mark.clause(CLAUSES[id])
