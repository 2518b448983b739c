"""The outcome of a check as data: what --json writes, and every tool of the course reads.

tests/README.md documents the form. A field is added without a new VERSION; one that goes, or
changes its meaning, makes VERSION one higher.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

VERSION = 2


class Explanation(NamedTuple):
    """Why a clause is red. sent and got have an entry for each connection: lines of text."""

    asked: str  # the requirement that was tried, as a sentence, and in which form
    sent: list[list[str]]
    permitted: str
    got: list[list[str]]
    problem: str  # what is wrong with what came back
    stderr: str  # what the server wrote there, in one line
    likely: str  # what was probably done
    next: str  # the function to write, or to call, in a file that grows out of a starter
    read: str  # path#section of a chapter
    hint: str  # a command that shows a hint
    again: str  # a command that runs the clause again
    test: str  # the name of the test in words, and which form: a sign of the mistake


class ClauseResult(NamedTuple):
    """One clause: outcome is "kept", "broken", "skipped" (by every test) or "not run"."""

    id: str
    title: str
    section: str
    requirement: str
    outcome: str
    seconds: float  # that its tests took, side by side with those of other clauses
    held: int = 0  # how many forms of its tests held, of those that were tried
    red: tuple[str, ...] = ()  # the forms that did not, as in "a folded line is refused [space]"
    explanation: Explanation | None = None  # of the first test that was red


class OtherResult(NamedTuple):
    """A test outside the contract: outcome "passed", "failed" or "skipped", and why."""

    name: str
    outcome: str
    text: str


class Cause(NamedTuple):
    """What is likely behind all that is red: the clause to explain first.

    mistake is the one of the gallery that the server looks like, "" for none, title its title, and
    shared how much of all signs they have in common, from 0 to 1.
    """

    clause: str
    mistake: str = ""
    title: str = ""
    shared: float = 0.0


class Result(NamedTuple):
    """A check: the server, the part, each clause in the board's order, and other tests."""

    target: str
    part: int
    checked: bool  # False: the plainest request got no answer, so nothing else was tried
    clauses: list[ClauseResult]
    others: list[OtherResult]
    cause: Cause | None = None  # what is explained first where something is red

    @property
    def kept(self) -> int:
        """How many clauses the target keeps."""
        return len(self.ids("kept"))

    def ids(self, outcome: str) -> list[str]:
        """Return the ids of the clauses with that outcome, in the board's order."""
        return [clause.id for clause in self.clauses if clause.outcome == outcome]

    def clause(self, id: str) -> ClauseResult:
        """Return the result of one clause. Raises KeyError."""
        return {clause.id: clause for clause in self.clauses}[id]


def write_result(result: Result, path: Path) -> None:
    """Write result to path as JSON. Raises OSError."""
    rows = []
    for clause in result.clauses:
        why = clause.explanation
        row = clause._asdict() | (why._asdict() if why else dict.fromkeys(Explanation._fields))
        del row["explanation"]
        rows.append(row)
    data = {
        "version": VERSION,
        "target": result.target,
        "part": result.part,
        "checked": result.checked,
        "kept": result.kept,
        "clauses": rows,
        "others": [other._asdict() for other in result.others],
        "cause": result.cause._asdict() if result.cause else None,
    }
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def read_result(path: Path) -> Result:
    """Return what write_result wrote. Raises OSError, ValueError for another version."""
    data = json.loads(path.read_text(encoding="utf-8"))
    if data["version"] != VERSION:
        raise ValueError(f"{path} has version {data['version']}; this reads {VERSION}")
    return Result(
        data["target"],
        data["part"],
        data["checked"],
        [read_clause(row) for row in data["clauses"]],
        [OtherResult(**row) for row in data["others"]],
        Cause(**data["cause"]) if data["cause"] else None,
    )


def read_clause(row: dict[str, Any]) -> ClauseResult:
    """Return the result of a clause from its row."""
    why = None
    if row["asked"] is not None:
        why = Explanation(*(row[name] for name in Explanation._fields))
    return ClauseResult(
        row["id"],
        row["title"],
        row["section"],
        row["requirement"],
        row["outcome"],
        row["seconds"],
        row["held"],
        tuple(row["red"]),
        why,
    )
