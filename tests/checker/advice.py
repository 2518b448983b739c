"""What to write next, for a file that grows out of a starter (tests/tools/starters.py)."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from tests.parts import CLAUSE_ID
from tests.stages import stage_of, stages_of

UNWRITTEN = re.compile(rf"^ +(?:pass  )?# unwritten: ({CLAUSE_ID}(?:, {CLAUSE_ID})*)")


class Advice(NamedTuple):
    """A function to write, and a clause that needs it."""

    function: str
    clause: str

    def __str__(self) -> str:
        return f"write {self.function}: {self.clause} needs it."


def unwritten_functions(path: Path) -> dict[str, list[str]]:
    """Return what is to be written in path, in its order, with the clauses that need it.

    A method is Class.name. Nothing where path does not parse.
    """
    text = path.read_text(encoding="utf-8-sig", errors="replace")
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return {}
    lines, found = text.splitlines(), {}
    for name, node in functions_of(tree.body):
        for line in lines[node.lineno - 1 : node.end_lineno]:
            if mark := UNWRITTEN.match(line):
                found[name] = mark[1].split(", ")
    return found


def functions_of(body: list[ast.stmt], within: str = "") -> list[tuple[str, ast.FunctionDef]]:
    """Return (name, node) of each function of a module or class, and of each method."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.append((within + node.name, node))
        elif isinstance(node, ast.ClassDef):
            found += functions_of(node.body, f"{node.name}.")
    return found


def next_function(path: Path, part: int, clause: str) -> Advice | None:
    """Return what to write first for a red clause; None where it has all been written.

    That is the first function, in the order of the stages, of the clause's stage or an earlier
    one. A clause that an earlier part turned green is for none of them to mend.
    """
    left = unwritten_functions(path) if stage_of(part, clause) else {}
    for stage in stages_of(part):
        for name in stage.functions:
            if name in left:
                needs = clause if clause in left[name] else left[name][0]
                return Advice(name, needs)
        if clause in stage.clauses:
            return None
    return None
