"""What a reader is told about a red clause, put together from the verdict and the clause."""

import re
import shlex

import pytest

from tests.checker.advice import next_function
from tests.checker.clauses import CLAUSES, Clause
from tests.checker.result import Explanation
from tests.checker.target import Target
from tests.checker.verdict import Red
from tests.pages import section_of
from tests.parts import CLAUSE_ID, PARTS

ADVICE = re.compile(rf"write (\w+): ({CLAUSE_ID}) needs it")


def explain(item: pytest.Item, clause: Clause, red: Red, target: Target, again: str) -> Explanation:
    """Return why clause is red, as item found it; again is the command that runs it again."""
    path = target.path
    words = next_function(path, clause.id, red.stderr) if path and path.is_file() else ""
    return Explanation(
        asked=question_of(item),
        sent=red.sent_lines(),
        permitted=red.permitted,
        got=red.got_lines(),
        problem=red.problem,
        stderr=red.stderr,
        likely="" if words and words in red.stderr else red.likely,
        next=words.removeprefix("Next, "),
        read=section_about(words, target.part) or red.read or clause.read,
        hint=f"make hint CLAUSE={clause.id}",
        again=again,
    )


def explain_alone(item: pytest.Item, red: Red) -> Explanation:
    """Return the same for a test outside the contract, which has no clause to point to."""
    asked = question_of(item)
    return Explanation(
        asked,
        red.sent_lines(),
        red.permitted,
        red.got_lines(),
        red.problem,
        red.stderr,
        red.likely,
        *[""] * 4,
    )


def question_of(item: pytest.Item) -> str:
    """Return the requirement that item's name is, and which form of it."""
    name, _, form = item.name.removeprefix("test_").partition("[")
    return name.replace("_", " ") + (f" [{form}" if form else "")


def section_about(words: str, part: int) -> str:
    """Return where the chapter tells of the function that words advise to write; or ""."""
    if not (advice := ADVICE.search(words)):
        return ""
    anchor = section_of(PARTS[part].chapter, advice[1])
    return f"{PARTS[part].folder}/README.md#{anchor}" if anchor else CLAUSES[advice[2]].read


def command_with_make(id: str, part: int, server: str) -> str:
    """Return what make runs again: one clause, on the same target."""
    quoted = shlex.quote(server).replace("$", "$$")  # make reads a $ before the shell does
    tail = f" SERVER={quoted}" if server else ""
    return f"make test-part{part} CLAUSE={id}{tail}"


def command_with_pytest(id: str, part: int, server: str) -> str:
    """Return the same for whoever calls pytest."""
    tail = f" --part {part}" + (f" --server {shlex.quote(server)}" if server else "")
    return f".venv/bin/python -m pytest tests -k {id}{tail}"
