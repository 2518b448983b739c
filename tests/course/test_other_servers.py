"""The check as a tool: what tests/README.md says of its result, and of other servers, is so."""

import importlib.metadata
import json
import re
import shutil

import pytest

from tests.checker.clauses import CLAUSES
from tests.checker.result import ClauseResult, Explanation, OtherResult, Result
from tests.course.counts import GUNICORN, NODE
from tests.course.selfcheck import run_check
from tests.pages import blocks
from tests.parts import PARTS, ROOT

PAGE = ROOT / "tests" / "README.md"
TEXT = " ".join(PAGE.read_text(encoding="utf-8").split())
needs_node = pytest.mark.skipif(not shutil.which("node"), reason="there is no node")


def even_out(one: dict, other: dict) -> None:
    """Take from two results what differs from run to run: seconds, and forms that only one tried.

    One after the other is tried, as many as there is time for.
    """
    for pair in zip(one["clauses"], other["clauses"], strict=True):
        most = min(len(clause["red"]) for clause in pair)
        for clause in pair:
            clause["seconds"], clause["red"] = 0.0, clause["red"][:most]


def test_the_example_is_a_real_result(tmp_path):
    (example,) = blocks(PAGE, "json")
    path = tmp_path / "result.json"
    server = "part1_single/naive.py"
    assert f"--server {server} --clause H02 --json " in TEXT
    run_check(1, "--server", server, "--clause", "H02", "--json", str(path))
    real = json.loads(path.read_text(encoding="utf-8"))
    shown = json.loads(example)
    even_out(shown, real)
    assert shown == real and all(clause["red"] for clause in shown["clauses"])


def test_every_field_is_explained_and_no_other():
    tables = re.split(r"\n\| field \| meaning \|\n\|---\|---\|\n", PAGE.read_text(encoding="utf-8"))
    explained = [
        re.findall(r"^\| `(\w+)` \| \S", rows.partition("\n\n")[0], re.M) for rows in tables
    ]
    (example,) = blocks(PAGE, "json")
    clause = [name for name in ClauseResult._fields if name != "explanation"]
    due = [list(json.loads(example)), clause, list(Explanation._fields), list(OtherResult._fields)]
    assert explained[1:] == due
    assert set(Result._fields) <= set(due[0])


def check_complete(result: Result, part: int) -> None:
    """Assert that every clause of the part is there, and that whatever is red is explained."""
    assert result.checked and result.part == part
    due = [id for id in CLAUSES if PARTS[part].keeps(id)]
    assert sorted(clause.id for clause in result.clauses) == sorted(due)
    for clause in result.clauses:
        assert clause.outcome in ("kept", "broken", "skipped"), clause.id
        assert clause.seconds > 0 or clause.outcome == "skipped", clause.id
        assert bool(clause.explanation) == (clause.outcome == "broken"), clause.id
        if why := clause.explanation:
            needed = (why.asked, why.permitted, why.problem, why.likely, why.read, why.again)
            assert all(needed) and len(why.sent) == len(why.got), clause.id


@needs_node
@pytest.mark.parametrize(
    "clauses",
    [pytest.param("H01,H07,H18", id="some"), pytest.param("", id="all", marks=pytest.mark.slow)],
)
def test_a_server_in_javascript_keeps_all_but_the_clause_that_the_page_names(clauses):
    assert f"--server '{NODE}'" in TEXT
    said = re.search(r"It keeps ([0-9]+) of ([0-9]+) clauses\. We left the red one, (\w+),", TEXT)
    assert said
    options = ["--clause", clauses] if clauses else []
    ended = run_check(1, "--server", NODE, *options)
    assert ended.status == 1 and ended.result
    assert ended.red == {said[3]}, ended.stdout
    assert "[1::2::3]" in TEXT and "[1::2::3]" in ended.stdout
    if not clauses:
        assert [str(ended.result.kept), str(len(ended.result.clauses))] == [said[1], said[2]]
        check_complete(ended.result, 1)


@needs_node
def test_a_server_in_javascript_that_keeps_what_is_asked_ends_the_check_with_0():
    ended = run_check(1, "--server", NODE, "--clause", "H01,H26")
    assert ended.status == 0, ended.stdout


@pytest.mark.slow
def test_gunicorn_keeps_as_many_clauses_as_the_page_says():
    if not (ROOT / ".venv" / "bin" / "gunicorn").exists():
        pytest.skip("make test-notebooks installs gunicorn")
    assert f"--server '{GUNICORN}'" in TEXT
    said = re.search(r"gunicorn ([0-9.]+) keeps ([0-9]+) of ([0-9]+) clauses\. (\w+) of", TEXT)
    assert said
    if importlib.metadata.version("gunicorn") != said[1]:
        pytest.skip(f"the page tells of gunicorn {said[1]}")
    ended = run_check(2, "--server", GUNICORN)
    assert ended.status == 1 and ended.result
    assert [str(ended.result.kept), str(len(ended.result.clauses))] == [said[2], said[3]]
    check_complete(ended.result, 2)
    assert {"H12", "H18", "H22", "H23", "W06", "W17"} <= ended.red
    reasons = [ended.result.clause(id).explanation for id in sorted(ended.red)]
    assert said[4] == "Seven"
    assert sum(why is not None and why.problem == "There is no Date." for why in reasons) == 7
