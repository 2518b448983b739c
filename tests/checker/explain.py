"""What a reader is told about a red clause, put together from the verdict and the clause."""

import inspect
import shlex

import pytest

from tests.checker.advice import Advice, advise
from tests.checker.clauses import CLAUSES, Clause
from tests.checker.result import Explanation
from tests.checker.target import Target
from tests.checker.verdict import Red
from tests.pages import section_of
from tests.parts import PARTS


def explain(item: pytest.Item, clause: Clause, red: Red, target: Target, again: str) -> Explanation:
    """Return why clause is red, as item found it; again is the command that runs it again."""
    path, advice = target.path, None
    if path and path.is_file():
        advice = advise(path, target.part, clause.id, target.is_mine)
    return explain_alone(item, red)._replace(
        next=str(advice or ""),
        read=section_about(advice, target.part) or red.read or clause.read,
        hint=f"make hint CLAUSE={clause.id}",
        again=again,
    )


def explain_alone(item: pytest.Item, red: Red) -> Explanation:
    """Return the same for a test outside the contract, which has no clause to point to."""
    return Explanation(
        asked=sentence_of(item),
        sent=red.sent_lines(),
        permitted=red.permitted,
        got=red.got_lines(),
        problem=red.problem,
        stderr=red.stderr,
        likely=red.likely,
        next="",
        read="",
        hint="",
        again="",
        test=question_in(item.name),
    )


def sentence_of(item: pytest.Item) -> str:
    """Return the requirement that item's test asks, and which form of it.

    That is the first line of its docstring; without one, its name.
    """
    words = inspect.getdoc(item.obj) if isinstance(item, pytest.Function) else ""
    asked = question_in(item.name)
    if not words:
        return asked
    _, gap, form = asked.partition(" [")
    return words.splitlines()[0] + gap + form


def question_in(name: str) -> str:
    """Return a test's name in words, and which form of it."""
    name, _, form = name.removeprefix("test_").partition("[")
    return name.replace("_", " ") + (f" [{form}" if form else "")


def section_about(advice: Advice | None, part: int) -> str:
    """Return where the chapter tells of the function that is to be written; "" for none."""
    if not advice:
        return ""
    anchor = section_of(PARTS[part].chapter, advice.function)
    page = f"{PARTS[part].folder}/README.md"
    return f"{page}#{anchor}" if anchor else CLAUSES[advice.clause].read


def command_with_make(id: str, part: int, server: str) -> str:
    """Return what make runs again: one clause, on the same target."""
    quoted = shlex.quote(server).replace("$", "$$")  # make reads a $ before the shell does
    tail = f" SERVER={quoted}" if server else ""
    return f"make test-part{part} CLAUSE={id}{tail}"


def command_with_pytest(id: str, part: int, server: str) -> str:
    """Return the same for whoever calls pytest."""
    tail = f" --part {part}" + (f" --server {shlex.quote(server)}" if server else "")
    return f".venv/bin/python -m pytest tests -k {id}{tail}"
