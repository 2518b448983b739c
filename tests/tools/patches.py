"""Apply a diff whose hunks name the definition that they change: @@ read_line @@.

A hunk has no line numbers, so it applies wherever its definition stands. "imports" names what
stands above the first definition.
"""

import ast
import functools
import re

AIM = re.compile(r"--- (\S+)\n")
HUNK = re.compile(r"^@@ (\w+) @@\n", re.MULTILINE)


@functools.lru_cache(maxsize=64)
def definitions(source: str) -> dict[str, tuple[int, int]]:
    """Return the lines [first, last) of each definition at the top of source, from 0.

    Comments that stand directly above a definition are part of it. Raises SyntaxError.
    """
    lines, found = source.splitlines(), {}
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        else:
            continue
        first = node.lineno - 1
        while lines[first - 1].startswith("# ") and not lines[first - 1].startswith("# ---"):
            first -= 1
        for name in names:
            found[name] = first, node.end_lineno or first
    first_of_all = min((first for first, _ in found.values()), default=0)
    return {"imports": (0, first_of_all)} | found


def apply(diff: str, source: str) -> str:
    """Return source with every hunk of diff applied to the definition that it names.

    Raises ValueError where a hunk fits nowhere in it, or in more than one place.
    """
    aim = AIM.match(diff)
    parts = HUNK.split(diff)
    if len(parts) < 3:
        raise ValueError(f"No hunk begins with @@ NAME @@ here:\n{diff}")
    for name, hunk in zip(parts[1::2], parts[2::2], strict=True):
        lines = hunk.splitlines()
        old = [line[1:] for line in lines if not line.startswith("+")]
        new = [line[1:] for line in lines if not line.startswith("-")]
        places = [at for at in find_all(old, source.splitlines()) if touches(at, old, name, source)]
        if len(places) != 1:
            where = aim[1] if aim else "the file"
            advice = (
                "Give it more of the lines around it."
                if places
                else f"Write its unchanged lines as they are now in {where}."
            )
            raise ValueError(f"This hunk fits in {len(places)} places of {name}:\n{hunk}{advice}")
        text = source.splitlines()
        text[places[0] : places[0] + len(old)] = new
        source = "\n".join([*text, ""])
    return source


def find_all(wanted: list[str], lines: list[str]) -> list[int]:
    """Return every place at which the lines wanted stand in lines."""
    count = len(wanted)
    return [at for at in range(len(lines) - count + 1) if lines[at : at + count] == wanted]


def touches(at: int, old: list[str], name: str, source: str) -> bool:
    """Return whether the lines old, which begin at line at, share one with the definition name."""
    first, last = definitions(source).get(name, (0, 0))
    return at < last and first < at + len(old)
