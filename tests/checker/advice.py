"""What to write next, for a file that grows out of a starter (tests/tools/starters.py)."""

import ast
import re
from pathlib import Path
from typing import NamedTuple

from tests.parts import CLAUSE_ID, PARTS
from tests.stages import functions_of as functions_of_part
from tests.stages import stage_of, stages_of

UNWRITTEN = re.compile(rf"^ +(?:pass  )?# unwritten: ({CLAUSE_ID}(?:, {CLAUSE_ID})*)")


class Advice(NamedTuple):
    """A function to write, or one to call that is written, and a clause that needs it."""

    function: str
    clause: str
    is_written: bool = False

    def __str__(self) -> str:
        if self.is_written:
            return f"{self.function} is written, but nothing calls it."
        return f"write {self.function}: {self.clause} needs it."


def unwritten_functions(path: Path) -> dict[str, list[str]]:
    """Return what is to be written in path, in its order, with the clauses that need it.

    A method is Class.name. Nothing where path does not parse.
    """
    text = read(path)
    lines, found = text.splitlines(), {}
    for name, node in functions_of(parse(text).body):
        for line in lines[node.lineno - 1 : node.end_lineno]:
            if mark := UNWRITTEN.match(line):
                found[name] = mark[1].split(", ")
    return found


def parse(text: str) -> ast.Module:
    """Return the tree of a program; an empty one where it does not parse."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def functions_of(body: list[ast.stmt], within: str = "") -> list[tuple[str, ast.FunctionDef]]:
    """Return (name, node) of each function of a module or class, and of each method."""
    found = []
    for node in body:
        if isinstance(node, ast.FunctionDef):
            found.append((within + node.name, node))
        elif isinstance(node, ast.ClassDef):
            found += functions_of(node.body, f"{node.name}.")
    return found


def untouched_functions(path: Path, part: int) -> dict[str, list[str]]:
    """Return what is to be written, as unwritten_functions does, and still stands as it began.

    A body that is written may keep the mark, which is a comment: nobody is sent there again.
    """
    starter, own = (
        {name: statements(node) for name, node in functions_of(parse(read(file)).body)}
        for file in (PARTS[part].path / "starter.py", path)
    )
    return {
        name: clauses
        for name, clauses in unwritten_functions(path).items()
        if own[name] in ("Pass()", starter.get(name))
    }


def statements(node: ast.FunctionDef) -> str:
    """Return what a function does, without its docstring: the same for the same statements."""
    body = node.body[1:] if ast.get_docstring(node) is not None else node.body
    return "\n".join(ast.dump(one) for one in body)


def read(path: Path) -> str:
    """Return the text of a program, whatever its octets are."""
    return path.read_text(encoding="utf-8-sig", errors="replace")


def next_function(path: Path, part: int, clause: str) -> Advice | None:
    """Return what to write first for a red clause; None where it has all been written.

    That is the first function, in the order of the stages, of the clause's stage or an earlier
    one. A clause that an earlier part turned green is for none of them to mend.
    """
    left = untouched_functions(path, part) if stage_of(part, clause) else {}
    for stage in stages_of(part):
        for name in stage.functions:
            if name in left:
                needs = clause if clause in left[name] else left[name][0]
                return Advice(name, needs)
        if clause in stage.clauses:
            return None
    return None


def is_named(tree: ast.Module, name: str, own: ast.FunctionDef) -> bool:
    """Return whether name stands anywhere in tree but in own, its function."""
    inside = set(ast.walk(own))
    _, dot, method = name.rpartition(".")
    for node in ast.walk(tree):
        if node in inside:
            continue
        if dot and isinstance(node, ast.Attribute) and node.attr == method:
            return True
        if not dot and isinstance(node, ast.Name) and node.id == name:
            return True
    return False


def uncalled_function(path: Path, part: int, clause: str) -> Advice | None:
    """Return what is written for a red clause, or its stage, and called by nobody; None for none.

    The starter says which clause needs which function.
    """
    needs, stage = unwritten_functions(PARTS[part].path / "starter.py"), stage_of(part, clause)
    tree = parse(read(path))
    written = dict(functions_of(tree.body))
    for name in functions_of_part(part):
        concerned = clause in needs.get(name, []) or (stage and name in stage.functions)
        if concerned and name in written and not is_named(tree, name, written[name]):
            return Advice(name, clause, is_written=True)
    return None


def advise(path: Path, part: int, clause: str, is_mine: bool) -> Advice | None:
    """Return what to do first for a red clause: write a function, or call one; None for neither.

    Only in the reader's own file is a function that nobody calls likely to be forgotten.
    """
    advice = next_function(path, part, clause)
    return advice or (uncalled_function(path, part, clause) if is_mine else None)
