"""What a clause, a mistake or a part still lacks, as sentences for whoever adds one.

.github/CONTRIBUTING.md names the pieces; each function here looks at one kind of them, below root.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.checker.clauses import IN_SHORT_COLUMNS, Clause, read_clauses
from tests.pages import anchors
from tests.parts import LETTERS, PARTS, ROOT, Part, first_part_with
from tests.tools.changes import CHANGED, GONE, sources
from tests.tools.gallery import Mistake, read
from tests.tools.hint import hints
from tests.tools.mistakes import NAME_COLUMNS, TITLE_COLUMNS
from tests.tools.patches import apply
from tests.tools.starters import starter_text

BUILT = [number for number, part in PARTS.items() if part.server.is_file()]
WIDTH = 80  # columns of a story
HEAD, DASHES = re.compile(r"\| *id *\|"), re.compile(r"\|[-| :]+\|$")
ROW = re.compile(r"^\| *([A-Z][0-9]+) *\|", re.MULTILINE)
STORY = ["What one thinks:", "What happens:", "What a user notices:"]


def what_is_missing(root: Path = ROOT) -> list[str]:
    """Return a sentence for each piece that is missing or does not fit."""
    try:
        clauses = read_clauses(root / "tests" / "CONTRACT.md")
    except ValueError as error:
        return [str(error)]
    kinds = (
        about_parts,
        about_rows,
        about_chapters,
        about_tests,
        about_hints,
        about_mistakes,
        about_changes,
        about_starters,
    )
    return [sentence for kind in kinds for sentence in kind(root, clauses)]


def about_parts(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield which files a part lacks."""
    for number, part in PARTS.items():
        own = f"tests/part{number}"
        for name in (
            *(f"{part.folder}/{name}" for name in ("server.py", "README.md", "SOLUTIONS.md")),
            *(f"{own}/{name}" for name in ("__init__.py", "test_choices.py", "test_weaknesses.py")),
        ):
            if not (root / name).is_file():
                yield f"Part {number} has no {name}."
        if not (root / part.folder / "starter.py").is_file():
            yield (
                f"Part {number} has no {part.folder}/starter.py: "
                "python -m tests.tools.starters writes it."
            )


def about_rows(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield what is wrong with the rows of CONTRACT.md."""
    page = (root / "tests" / "CONTRACT.md").read_text(encoding="utf-8")
    for id in rows_without_a_table(page):
        yield (
            f"CONTRACT.md: the row of {id} stands in no table. Put it directly below the last row "
            "of one, or copy the two lines | id |… and |---|… from above."
        )
    for id in ROW.findall(page):
        if id not in clauses:
            yield (
                f"CONTRACT.md: the row of {id} is not read. An id is one of {', '.join(LETTERS)} "
                "and two digits, and its row ends in |."
            )
    counts = [sum(id[0] == letter for id in clauses) for letter in LETTERS]
    due = [
        f"{letter}{number:02}"
        for letter, count in zip(LETTERS, counts, strict=True)
        for number in range(1, count + 1)
    ]
    for id, wanted in zip(clauses, due, strict=True):
        if id != wanted:
            yield (
                f"CONTRACT.md: {id} stands where {wanted} is due. Ids stand in order and have no "
                "gaps; a new clause is the last of its letter."
            )
            break
    for clause in clauses.values():
        yield from about_row(root, clause)


def rows_without_a_table(page: str) -> Iterator[str]:
    """Yield the id of each row that no head of a table stands above, or an empty line between."""
    for lines in re.split(r"\n(?!\|)", page):
        table = [line for line in lines.splitlines() if line.startswith("|")]
        if table and not (HEAD.match(table[0]) and table[1:2] and DASHES.match(table[1])):
            yield from ROW.findall("\n".join(table))


def about_row(root: Path, clause: Clause) -> Iterator[str]:
    """Yield what is wrong with one row."""
    cells = {"in short": clause.title, "section": clause.section}
    cells["the server…"] = "" if clause.requirement.endswith(" .") else clause.requirement
    for name, cell in cells.items():
        if not cell:
            yield f"CONTRACT.md: the row of {clause.id} says nothing below {name!r}."
    if len(clause.title) > IN_SHORT_COLUMNS:
        yield (
            f"CONTRACT.md: {clause.id} is {len(clause.title)} characters long below 'in short'; "
            f"the board has room for {IN_SHORT_COLUMNS}."
        )
    path, _, anchor = clause.read.partition("#")
    if not (root / path).is_file() or anchor not in anchors(root / path):
        yield (
            f"CONTRACT.md: {clause.id} is to be read in {clause.read}, and there is no such "
            "section."
        )


def about_chapters(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield which clauses the chapter that their row links to never names."""
    for id, clause in clauses.items():
        path = clause.read.partition("#")[0]
        if not (root / path).is_file():
            continue  # about_row() says so
        if not re.search(rf"\b{id}\b", (root / path).read_text(encoding="utf-8")):
            yield (
                f"{path} never names {id}: say why it is there, in bold, in the section that its "
                "row links to."
            )


def about_tests(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield what is wrong with the tests in tests/contract."""
    proven = set()
    for path in sorted((root / "tests" / "contract").glob("test_*.py")):
        for name, ids in clauses_of_tests(path).items():
            where = f"{path.name}: {name}"
            if len(ids) != 1:
                yield f'{where} proves {len(ids)} clauses: give it one @clause("H07").'
            for id in ids:
                if id not in clauses:
                    yield f"{where} proves {id}, which has no row in CONTRACT.md."
            proven.update(ids)
    for id in clauses:
        if id not in proven:
            yield f'{id} has no test: write one in tests/contract, below @clause("{id}").'


def clauses_of_tests(path: Path) -> dict[str, list[str]]:
    """Return the clauses that each test of a module is marked with."""
    found: dict[str, list[str]] = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            marks = [ast.unparse(mark) for mark in node.decorator_list]
            found[node.name] = re.findall(r"(?m)^clause\('(\w+)'\)$", "\n".join(marks))
    return found


def server_text(root: Path, part: Part) -> str:
    """Return the text of a part's server; "" where there is none, which about_parts() says."""
    path = root / part.folder / "server.py"
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def about_hints(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield what is wrong with tests/tools/hints.md."""
    found = hints(root / "tests" / "tools" / "hints.md")
    servers = "".join(server_text(root, part) for part in PARTS.values())
    for id in clauses:
        if id not in found:
            yield f"{id} has no hints: add ## {id} and three of them to tests/tools/hints.md."
        else:
            yield from about_hints_of(id, found[id], servers)
    for id in found:
        if id not in clauses:
            yield f"hints.md has hints for {id}, which has no row in CONTRACT.md."
    here = [id for id in found if id in clauses]
    for id, wanted in zip(here, [id for id in clauses if id in found], strict=True):
        if id != wanted:
            yield f"hints.md: ## {id} stands where ## {wanted} is due: in the contract's order."
            break


def about_hints_of(id: str, levels: dict[int, str], servers: str) -> Iterator[str]:
    """Yield what is wrong with the hints for one clause; servers is the text of all of them."""
    if [level for level, text in levels.items() if text] != [1, 2, 3]:
        yield f"hints.md: {id} needs three hints, which begin with 1., 2. and 3."
        return
    if not levels[1].endswith("?"):
        yield f"hints.md: hint 1 of {id} is no question: it ends without a question mark."
    if "```python" not in levels[3]:
        yield f"hints.md: hint 3 of {id} has no code: a block that begins with ```python."
    for level in (1, 2):
        pieces = [" ".join(piece.split()) for piece in re.findall(r"`([^`]+)`", levels[level])]
        copied = [piece for piece in pieces if len(piece) > 25 and piece in servers]
        if copied or "```" in levels[level]:
            code = copied[0] if copied else "a block of code"
            yield f"hints.md: hint {level} of {id} tells {code!r}, which is for hint 3."


def about_mistakes(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield what is wrong with the gallery, and which clauses it lacks."""
    caught = set()
    for number, part in PARTS.items():
        server = server_text(root, part)
        for path in sorted((root / part.folder / "mistakes").glob("*.patch")):
            try:
                mistake = read(path, number)
            except ValueError as error:
                yield str(error)
                continue
            caught.add((number, mistake.caught_by))
            for look in (about_head, about_story, about_diff):
                for sentence in look(mistake, clauses, server):
                    yield f"{mistake.id}: {sentence}"
    for id in clauses:
        part = first_part_with(id[0])
        if (part.number, id) not in caught:
            yield f"{id} has no mistake: add {part.folder}/mistakes/{id}_….patch."


def about_head(mistake: Mistake, clauses: dict[str, Clause], server: str) -> Iterator[str]:
    """Yield what is wrong with the name and the head of a mistake."""
    if not mistake.name.startswith(f"{mistake.caught_by}_"):
        yield f"its name begins with the clause that catches it: {mistake.caught_by}_…"
    if len(mistake.name) > NAME_COLUMNS:
        yield (
            f"its name has {len(mistake.name)} characters; make mistakes has room for "
            f"{NAME_COLUMNS}."
        )
    if not 0 < len(mistake.title) <= TITLE_COLUMNS:
        yield (
            f"its first line, the title, has {len(mistake.title)} characters; make mistakes has "
            f"room for {TITLE_COLUMNS}."
        )
    letters, named = PARTS[mistake.part].letters, (mistake.caught_by, *mistake.also_red)
    for id in named:
        if id not in clauses:
            yield f"its head names {id}, which has no row in CONTRACT.md."
        elif id[0] not in letters:
            part = first_part_with(id[0])
            yield f"its head names {id}, which begins to hold in {part.folder}: put it there."
    if mistake.caught_by in mistake.also_red:
        yield f"Also-red names {mistake.caught_by}, which Caught-by says."


def about_story(mistake: Mistake, clauses: dict[str, Clause], server: str) -> Iterator[str]:
    """Yield what is wrong with the story of a mistake."""
    found = re.findall(r"(?m)^What (?:one thinks|happens|a user notices):", mistake.story)
    if found != STORY:
        lacks = [start for start in STORY if start not in found]
        yield (
            f"its story has three paragraphs, which begin with {', '.join(STORY)} once each; "
            f"{f'it lacks {lacks[0]}' if lacks else 'they stand in another order'}"
        )
    if wide := [line for line in mistake.story.splitlines() if len(line) > WIDTH]:
        yield f"a line of its story is longer than {WIDTH} columns: {wide[0]}"


def about_diff(mistake: Mistake, clauses: dict[str, Clause], server: str) -> Iterator[str]:
    """Yield what is wrong with the diff of a mistake, for the server of its part."""
    aim = f"{PARTS[mistake.part].folder}/server.py"
    if not mistake.diff.startswith(f"--- {aim}\n+++ {aim}\n"):
        yield f"its diff does not begin with --- {aim} and +++ {aim}"
        return
    try:
        broken = apply(mistake.diff, server)
        compile(broken, aim, "exec")
    except SyntaxError as error:
        yield f"with its diff {aim} does not parse: {error}"
    except ValueError as error:
        yield f"its diff does not apply to {aim}. {error}"
    else:
        if broken == server:
            yield f"its diff changes nothing in {aim}."


def about_changes(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield what differs between a part and the one before, and is not in the table of changes."""
    servers = {number: root / part.folder / "server.py" for number, part in PARTS.items()}
    for part in list(PARTS)[1:]:
        paths = servers[part - 1], servers[part]
        if not all(path.is_file() for path in paths):
            continue  # about_parts() says so
        try:
            old, new = map(sources, paths)
        except SyntaxError:
            continue  # about_starters() says so
        before, after = (path.relative_to(root).as_posix() for path in paths)
        changed = {name for name in old.keys() & new.keys() if old[name] != new[name]}
        said, gone = CHANGED.get(part, {}), GONE.get(part, {})
        for name in sorted(changed - said.keys()):
            yield (
                f"{name} differs between {before} and {after}: copy it, or say why in "
                "tests/tools/changes.py."
            )
        for name in sorted(old.keys() - new.keys() - gone.keys()):
            yield f"{name} is in {before} and not in {after}: say why in tests/tools/changes.py."
        for name in sorted(said.keys() - changed):
            yield f"tests/tools/changes.py says that {after} changes {name}, and it does not."
        for name in sorted(gone.keys() - (old.keys() - new.keys())):
            yield f"tests/tools/changes.py says that {name} is gone from {after}, and it is not."


def about_starters(root: Path, clauses: dict[str, Clause]) -> Iterator[str]:
    """Yield which starter is not its part's server without the bodies."""
    for number, part in PARTS.items():
        starter, server = (f"{part.folder}/{name}" for name in ("starter.py", "server.py"))
        if not ((root / starter).is_file() and (root / server).is_file()):
            continue  # about_parts() says so
        try:
            due = starter_text(number, root)
        except SyntaxError as error:
            yield f"{server} does not parse in line {error.lineno}: {error.msg}."
            return  # so that no starter can be written from it, nor from a later one
        except KeyError as error:
            yield f"tests/tools/starters.py has a body for {error.args[0]}, which {server} lacks."
            continue
        if (root / starter).read_text(encoding="utf-8") != due:
            yield (
                f"{starter} is not what its server gives: run "
                "`.venv/bin/python -m tests.tools.starters`."
            )
