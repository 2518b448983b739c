"""What the notebooks measure with: the same work for all servers, and programs that are files."""

import ast
import re

import pytest

from notebooks import lab, programs
from notebooks.lab import whose
from tests.parts import PARTS, ROOT

FOLDER = ROOT / "notebooks"
MODULES = sorted(FOLDER.rglob("*.py"))
FOR_NOTEBOOKS = {"checker", "tools", "parts", "pages"}  # rooms of tests/ that they build on


@pytest.fixture
def serve():
    """Return lab.serve, and end what it started."""
    yield lab.serve
    assert lab.end_all() == 0


def read_imports(path) -> set[str]:
    """Return the full names that a module imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
    return found


@pytest.mark.parametrize("name", ["part 2", "part 3", "pre-forked", "a thread for each", "loop"])
def test_every_design_waits_as_long_as_it_is_asked_to_and_reports_it(serve, name):
    server = serve(name)
    (exchange,) = lab.converse(server, [["/?0.02"]])
    assert exchange.nap.end - exchange.nap.begin >= 0.02
    assert exchange.answer - exchange.connect >= 0.02
    assert exchange.nap.pid in {server.pid, *lab.look(server).states} or name == "part 3"


def test_the_readers_own_server_is_taken_where_there_is_one(tmp_path, monkeypatch):
    part = PARTS[1]._replace(folder=str(tmp_path))
    monkeypatch.setattr(whose, "PARTS", {1: part})
    monkeypatch.delenv("FINISHED", raising=False)
    assert whose.server_file(1) == part.server
    part.mine.touch()
    assert whose.server_file(1) == part.mine
    monkeypatch.setenv("FINISHED", "1")
    assert whose.server_file(1) == part.server


def test_the_lives_of_children_are_recorded_from_fork_to_reap(serve):
    server = serve("part 3", record=True)
    exchanges = lab.converse(server, [["/?0"]] * 3)
    assert lab.wait_until(lambda: not lab.look(server).states)
    lives = lab.lives_of(server)
    for one in exchanges:
        life = lives[one.nap.pid]
        assert life["fork"] <= one.nap.begin <= one.nap.end <= life["exit"] <= life["reap"]


def test_a_client_that_never_sees_the_end_is_reported_too(serve):
    exchanges = lab.converse(serve("parent keeps all"), [["/"]] * 2, patience=0.2)
    assert [bool(one.answer) for one in exchanges] == [True, True]
    assert [one.end for one in exchanges] == [None, None]


def test_a_server_that_does_not_start_says_why(serve):
    with pytest.raises(Exception, match="ended at once") as failed:
        serve("wsgiref", "no_such_module:app")
    assert "no_such_module" in "".join(failed.value.__notes__)


def test_the_list_of_programs_is_whole():
    names = {path.stem for path in (FOLDER / "programs").glob("*.py")} - {"__init__"}
    listed = re.findall(r"^    (\w+(?:, \w+)*)  ", programs.__doc__, re.MULTILINE)
    assert {name for line in listed for name in line.split(", ")} == names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(FOLDER)))
def test_no_program_hides_in_a_string(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.search(r"^(import|from) \w+", node.value, re.MULTILINE), node.value


def test_imports_between_notebooks_and_tests_run_one_way():
    for path in MODULES:
        rooms = {name.split(".")[1] for name in read_imports(path) if name.startswith("tests.")}
        assert rooms <= FOR_NOTEBOOKS, path
    for path in (ROOT / "tests").rglob("*.py"):
        if "course" not in path.parts:
            assert not any(name.split(".")[0] == "notebooks" for name in read_imports(path)), path


def test_options_follow_the_name_of_a_server(serve):
    server = serve("part 4 --workers 3")
    assert len(lab.look(server).states) == 3
    assert sum(lab.shares_of(server, 2, 12)) == 12


@pytest.mark.parametrize("kind", ["silent", "slow", "bursty", "killed"])
def test_who_is_kept_waiting_by_one_difficult_client(serve, kind):
    ((count, ms),) = lab.kept_waiting("part 2", kind, [1])
    assert count == 1
    assert (ms == 600) == (kind in ("silent", "slow"))
    assert ms > 10


def test_a_reload_comes_after_so_many_seconds(serve):
    server = serve("part 4 --workers 2")
    old = set(lab.look(server).states)
    with lab.reload_after(server, 0.1):
        assert lab.answers(server)
    assert lab.wait_until(lambda: len(now := set(lab.look(server).states)) == 2 and not now & old)


def test_an_application_is_shared_until_it_is_looked_at():
    (before,), (after,) = (lab.load_costs(when, [2]) for when in ("before", "after"))
    assert before.fresh < after.fresh and before.fresh < before.used
