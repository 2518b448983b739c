"""The rooms of tests/: who imports whom, without a circle, and what is defined in one place."""

import ast
import os
import re
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from tests.pages import blocks
from tests.parts import LETTERS, PARTS, ROOT

# What each room may import beside itself. tests/README.md draws the same.
HELPERS = {
    "tests.contract.hosted",
    "tests.contract.cuts",
    "tests.contract.shared",
    "tests.contract.workers",
}
BASE = {"tests.parts", "tests.pages", "tests.stages"}


def has_tests(number: int) -> bool:
    """Return whether a part has tests of its own yet."""
    return (ROOT / "tests" / f"part{number}").is_dir()


MAY_IMPORT = {
    "parts": set(),
    "pages": {"tests.parts"},
    "stages": set(),
    "conftest": set(),
    "apps": set(),
    "checker": BASE,
    "contract": BASE | {"tests.checker", "tests.apps"},
    **{
        f"part{number}": BASE | {"tests.checker"} | HELPERS for number in PARTS if has_tests(number)
    },
    "tools": BASE | {"tests.checker"},
    "measure": BASE | {"tests.checker"},
    "course": BASE
    | HELPERS
    | {"tests.checker", "tests.tools", "tests.measure", "tests.apps", "notebooks"},
    "notebooks": BASE | {"tests.checker", "tests.tools"},
}


class Import(NamedTuple):
    """One import of our own: the module that has it, the line, and the module it is about."""

    module: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.target}"


def read_modules() -> dict[str, str]:
    """Return the source of every module of tests/ and notebooks/ by its dotted name."""
    found = {}
    for folder in ("tests", "notebooks"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
            found[name.removesuffix(".__init__")] = path.read_text(encoding="utf-8")
    return found


MODULES = read_modules()


def room_of(module: str) -> str:
    """Return the room of a module: checker, parts, part1, notebooks."""
    return "notebooks" if module.startswith("notebooks") else [*module.split("."), ""][1]


def imports(modules: dict[str, str]) -> Iterator[Import]:
    """Return every import among modules, those inside functions included."""
    for module, source in modules.items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                targets = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                of = source_of(node, module, modules)
                names = [f"{of}.{alias.name}" for alias in node.names]
                targets = [name if name in modules else of for name in names]
            else:
                continue
            for target in dict.fromkeys(targets):
                if target.partition(".")[0] in ("tests", "notebooks"):
                    yield Import(module, node.lineno, target)


def source_of(node: ast.ImportFrom, module: str, modules: dict[str, str]) -> str:
    """Return the module that module imports from, dots at its beginning resolved."""
    is_package = any(name.startswith(f"{module}.") for name in modules)
    climbs = node.level - is_package  # one dot is the package that the module is in
    above = module.split(".")[: -climbs or None] if node.level else []
    return ".".join([*above, *filter(None, [node.module])])


def wrong_ways(modules: dict[str, str]) -> list[str]:
    """Return a sentence for each import that leads where its room may not look."""
    said = []
    for one in imports(modules):
        room = room_of(one.module)
        permitted = MAY_IMPORT.get(room, set())
        if one.target.rpartition(".")[2].startswith("test_"):
            said.append(f"{one}: nothing is imported from a test_ module.")
        elif room_of(one.target) != room and not any(
            f"{one.target}.".startswith(f"{name}.") for name in permitted
        ):
            names = ", ".join(sorted(permitted)) or "nothing of the course"
            said.append(f"{one}: {room} may import {names}.")
    return said


def circles(modules: dict[str, str]) -> list[str]:
    """Return a sentence for each circle of imports that a walk along them closes."""
    below: dict[str, set[str]] = {module: set() for module in modules}
    for one in imports(modules):
        below[one.module].add(one.target)
    said: list[str] = []
    done: set[str] = set()

    def walk(path: list[str]) -> None:
        for target in sorted(below.get(path[-1], set()) - done):
            if target in path:
                circle = " → ".join([*path[path.index(target) :], target])
                said.append(f"These import each other in a circle: {circle}.")
            else:
                walk([*path, target])
        done.add(path[-1])

    for module in modules:
        if module not in done:
            walk([module])
    return said


def second_definitions(modules: dict[str, str]) -> list[str]:
    """Return a sentence for each place that says again what tests/parts.py says."""
    said = []
    for module, source in modules.items():
        if module == "tests.parts":
            continue
        for node in ast.walk(ast.parse(source)):
            if why := why_second(node):
                line = getattr(node, "lineno", 0)
                said.append(f"{module}, line {line}, {why} (tests/parts.py).")
    return said


def why_second(node: ast.AST) -> str:
    """Return which definition of tests/parts.py node repeats, and what to write; "" if none."""
    match node:
        case ast.Name(id="ROOT", ctx=ast.Store()):
            return "defines ROOT: import it"
        case ast.Attribute(attr="parent", value=ast.Attribute(attr="parent")):
            return "climbs with .parent.parent: begin at ROOT, or at PARTS[1].path"
        case ast.Subscript(value=ast.Attribute(attr="parents")):
            return "climbs with .parents[…]: begin at ROOT, or at PARTS[1].path"
        case ast.Constant(value=str(text)) if re.search(rf"\[[{LETTERS}]{{2,}}\]", text):
            return "writes the letters of the clauses out: use CLAUSE_ID or LETTERS"
        case ast.List() | ast.Tuple() | ast.Set() | ast.Dict():
            words = {one.value for one in elements(node) if isinstance(one, ast.Constant)}
            if len(words & set(LETTERS)) > 1:
                return "lists letters of clauses: use LETTERS, or PARTS[1].letters"
            if len(words & {part.folder for part in PARTS.values()}) > 1:
                return "lists folders of parts: use PARTS"
    return ""


def joined_texts(sources: dict[str, str]) -> list[str]:
    """Return a sentence for each text that is made longer by +=, by the name of the source."""
    return [
        f"{name}, line {node.lineno}, joins text by +=: write one literal in parentheses."
        for name, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add) and is_text(node.value)
    ]


def is_text(node: ast.expr) -> bool:
    """Return whether an expression can be seen to be text."""
    match node:
        case ast.JoinedStr() | ast.Constant(value=str()):
            return True
        case ast.BinOp(left=left, right=right):
            return is_text(left) or is_text(right)
        case ast.IfExp(body=body, orelse=orelse):
            return is_text(body) or is_text(orelse)
    return False


def elements(node: ast.List | ast.Tuple | ast.Set | ast.Dict) -> list[ast.expr]:
    """Return what stands in a literal: elements, or keys and values."""
    if isinstance(node, ast.Dict):
        return [one for one in (*node.keys, *node.values) if one]
    return node.elts


def fail_with(said: list[str]) -> None:
    """Fail with these sentences, if there are any."""
    if said:
        pytest.fail("\n  ".join(said), pytrace=False)


def test_imports_run_one_way():
    fail_with(wrong_ways(MODULES))


def test_there_is_no_circle_of_imports():
    fail_with(circles(MODULES))


def test_root_parts_and_letters_are_defined_once():
    fail_with(second_definitions(MODULES))


def octets_twice(modules: dict[str, str]) -> list[str]:
    """Return a sentence for each constant of octets that two modules of tests/ define alike."""
    said: list[str] = []
    seen: dict[tuple[str, str], str] = {}
    for module, source in modules.items():
        for node in ast.parse(source).body if module.startswith("tests.") else ():
            match node:
                case ast.Assign(targets=[ast.Name(id=name)], value=value) if any(
                    isinstance(part, ast.Constant) and isinstance(part.value, bytes)
                    for part in ast.walk(value)
                ):
                    first = seen.setdefault((name, ast.unparse(value)), module)
                    if first != module:
                        said.append(
                            f"{module}, line {node.lineno}, defines {name} as {first} does."
                        )
    return said


def test_octets_with_a_name_are_defined_once():
    fail_with(octets_twice(MODULES))


def test_octets_that_are_defined_twice_are_told():
    line = 'HOST = b"Host: 127.0.0.1"'
    assert octets_twice({"tests.a": line, "tests.b": f"\n{line}", "notebooks.c": line}) == [
        "tests.b, line 2, defines HOST as tests.a does."
    ]
    assert octets_twice({"tests.a": line, "tests.b": 'HOST = b"Host: b"'}) == []


def test_the_page_draws_the_same():
    page = ROOT / "tests" / "README.md"
    (picture,) = [block for block in blocks(page, "text") if "→" in block]
    drawn = {}
    for line in picture.splitlines():
        rooms, targets = (re.findall(r"[\w*]+", half) for half in line.split("→"))
        drawn |= {room: set(targets) for room in rooms}
    names = dict.fromkeys(HELPERS, "contract*")
    base = {"pages", "parts", "stages"}
    for room in set(MAY_IMPORT) - {"parts", "stages", "apps", "conftest"}:
        may = {names.get(name, name.removeprefix("tests.")) for name in MAY_IMPORT[room]}
        assert may == drawn[room] | (base if room != "pages" else set()), room


def test_no_text_is_joined_piece_by_piece():
    made = re.compile(r"(starter|mine.*)\.py")  # of a server; the reader's own
    servers = {
        str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
        for part in PARTS.values()
        for path in sorted(part.path.glob("*.py"))
        if not made.fullmatch(path.name)
    }
    fail_with(joined_texts(MODULES | servers))


@pytest.mark.parametrize("value", ["'a'", "f'{b}'", "'a' + b", "b + '.'", "('a' if b else c)"])
def test_a_text_that_is_joined_piece_by_piece_is_told(value):
    (said,) = joined_texts({"tests.course.x": f"text = ''\ntext += {value}"})
    assert said.startswith("tests.course.x, line 2, joins text by +=")


@pytest.mark.parametrize("value", ["b'a'", "1", "['a']", "rows('a', b)"])
def test_what_is_not_text_may_be_added_to(value):
    assert joined_texts({"tests.course.x": f"all += {value}"}) == []


def parts_of_makefile() -> dict[int, list[str]]:
    """Return the words of each PART_n, as make has read them."""
    # What a make above hands down is not for this one.
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("MAKE")}
    words = ["make", "--print-data-base", "--dry-run", "help"]
    ended = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)
    found = re.findall(r"^PART_([0-9]+) :?= *(.*)$", ended.stdout, re.MULTILINE)
    return {int(number): line.split() for number, line in found}


def test_the_makefile_has_the_parts_of_the_table():
    found = parts_of_makefile()
    due = {
        part.number: [part.folder, part.requirements, *filter(None, [part.application])]
        for part in PARTS.values()
    }
    fail_with(
        [
            f"Makefile: PART_{number} is {' '.join(found.get(number, ['missing']))!r}, and "
            f"tests/parts.py says {' '.join(due.get(number, ['nothing of it']))!r}."
            for number in sorted(found.keys() | due.keys())
            if found.get(number) != due.get(number)
        ]
    )


def test_every_room_has_its_line_in_the_table():
    assert {room_of(module) for module in MODULES} - {""} == set(MAY_IMPORT)


TINY = {
    "tests.parts": "",
    "tests.pages": "",
    "tests.contract.test_content": "",
    "tests.contract.shared": "",
    "tests.checker.board": "",
    "tests.tools.hint": "",
    "tests.course.selfcheck": "",
}


@pytest.mark.parametrize(
    ("module", "source", "words"),
    [
        ("tests.checker.x", "from tests.tools import hint", "checker may import tests.pages"),
        ("tests.tools.x", "from tests.course.selfcheck import change", "tools may import"),
        ("tests.measure.x", "import tests.tools.hint", "measure may import"),
        ("tests.contract.x", "from tests.tools.hint import hints", "contract may import"),
        ("tests.part1.x", "from tests.tools import hint", "part1 may import"),
        ("tests.apps.x", "from tests.parts import ROOT", "apps may import nothing of the course"),
        ("notebooks.x", "from tests.course import selfcheck", "notebooks may import"),
        ("tests.course.x", "from tests.contract.test_content import a", "from a test_ module"),
        ("tests.checker.x", "from ..tools import hint", "imports tests.tools.hint: checker may"),
        ("tests.checker.x", "from ..tools.hint import hints", "imports tests.tools.hint: checker"),
        ("tests.checker", "from ..tools import hint", "imports tests.tools.hint: checker may"),
        ("tests.course.x", "from ..contract.test_content import a", "from a test_ module"),
        ("tests.parts", "from . import pages", "tests.parts, line 1, imports tests.pages"),
        ("tests.parts", "def f():\n    import tests.pages", "tests.parts, line 2, imports"),
    ],
    ids=lambda text: text if text.startswith(("tests", "notebooks")) else "",
)
def test_an_import_the_wrong_way_is_told(module, source, words):
    (said,) = wrong_ways(TINY | {module: source})
    assert words in said


def test_a_circle_is_told():
    circle = {
        "tests.checker.a": "from tests.checker.b import x",
        "tests.checker.b": "from tests.checker import c",
        "tests.checker.c": "from .a import x",
    }
    assert circles(TINY) == []
    assert circles(TINY | circle) == [
        "These import each other in a circle: "
        "tests.checker.a → tests.checker.b → tests.checker.c → tests.checker.a."
    ]


FOLDERS = [part.folder for part in PARTS.values()]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("ROOT = 1", "defines ROOT: import it"),
        ("HERE = Path(__file__).parent.parent", "climbs with .parent.parent"),
        ("HERE = Path(__file__).parents[1]", "climbs with .parents[…]"),
        (f"ID = '[{LETTERS}][0-9]'", "writes the letters of the clauses out"),
        (f"ID = rf'[{LETTERS[:2]}]{{x}}'", "writes the letters of the clauses out"),
        (f"BY = {dict(enumerate(LETTERS, 1))}", "lists letters of clauses"),
        (f"ALL = {FOLDERS}", "lists folders of parts"),
        (f"ALL = {dict(enumerate(FOLDERS[:2]))}", "lists folders of parts"),
    ],
    ids=["root", "climb", "parents", "pattern", "f-string", "letters", "list", "dict"],
)
@pytest.mark.parametrize("module", ["tests.course.x", "notebooks.lab.x"])
def test_a_second_definition_is_told(module, source, words):
    (said,) = second_definitions({module: source})
    assert said.startswith(f"{module}, line 1, ") and words in said
