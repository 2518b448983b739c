"""The road: from each starter the advice leads to green, and never through the dark."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.checker.advice import unwritten_functions
from tests.checker.result import Result
from tests.course.complete import BUILT
from tests.course.selfcheck import run_check
from tests.parts import PARTS, ROOT
from tests.stages import STAGES, functions_of
from tests.tools import starters

EACH = pytest.mark.parametrize("part", BUILT)
WITHOUT_A_WIN = 3  # functions that may be written before a clause turns green


def finished(part: int) -> str:
    """Return the text of a part's server."""
    return PARTS[part].server.read_text(encoding="utf-8")


@EACH
def test_the_starter_is_the_server_without_its_bodies(part):
    path = PARTS[part].path / "starter.py"
    assert path.read_text(encoding="utf-8") == starters.starter_text(part), (
        "python -m tests.tools.starters"
    )
    assert set(unwritten_functions(path)) == set(functions_of(part))


@EACH
def test_filled_with_the_finished_bodies_it_is_the_server(part):
    text = starters.starter_text(part)
    assert text != finished(part)
    for name in functions_of(part):
        text = starters.replace_body(text, name, starters.body_of(finished(part), name))
    assert text == finished(part)


@EACH
def test_stages_are_in_the_order_of_the_file_and_each_clause_has_one(part):
    names = [name for name, _ in starters.functions(finished(part))]
    last = -1
    for stage in STAGES[part]:  # the methods of a class stand together, whatever their stage
        places = [names.index(name) for name in stage.functions if "." not in name]
        assert all(place > last for place in places), stage.heading
        last = max(places, default=last)
    clauses = [clause for stage in STAGES[part] for clause in stage.clauses]
    assert len(clauses) == len(set(clauses))
    assert [stage.number for stage in STAGES[part]] == [*range(1, len(STAGES[part]) + 1)]
    for stage in STAGES[part]:
        assert stage.difficulty in ("easy", "moderate", "hard") and stage.minutes > 0


def unfinished(result: Result) -> set[str]:
    """Return the clauses that are not kept."""
    return {clause.id for clause in result.clauses if clause.outcome != "kept"}


@pytest.mark.slow
@EACH
def test_the_advice_leads_from_the_starter_to_green_and_never_through_the_dark(part, tmp_path):
    text, path, done = starters.starter_text(part), tmp_path / "mine.py", []
    before: set[str] = set()
    since_a_win, table = 0, []
    while True:
        path.write_text(text, encoding="utf-8")
        ended = run_check(part, "--server", str(path))
        assert ended.result, ended.stdout + ended.stderr
        if ended.result.kept < len(before):  # what falls must fall twice: other tests run beside us
            ended = run_check(part, "--server", str(path))
            assert ended.result, ended.stdout + ended.stderr
        kept = set(ended.result.ids("kept"))
        table.append(
            f"{done[-1] if done else 'the starter':24} {len(kept)} {sorted(kept - before)}"
        )
        assert not ended.result.ids("not run"), table
        assert len(kept) >= len(before), table
        since_a_win = 0 if kept - before else since_a_win + 1
        assert since_a_win <= WITHOUT_A_WIN, table
        before = kept
        if not unfinished(ended.result):
            break
        (advised,) = re.findall(r"^  next +write ([\w.]+): ", ended.stdout, re.MULTILINE) or [""]
        assert advised, ended.stdout
        assert advised not in done, table
        text = starters.replace_body(text, advised, starters.body_of(finished(part), advised))
        done.append(advised)
    print("\n".join(table))
    left = [name for name in functions_of(part) if name not in done]
    for name in left:  # a finished body that no clause has asked for
        text = starters.replace_body(text, name, starters.body_of(finished(part), name))
    assert text == finished(part)
    assert done == [name for name in functions_of(part) if name in done], done
    assert len(left) <= 2, left


STARTS = [
    *("tests/parts.py", "tests/tools/start.py", "tests/tools/terminal.py"),
    "part1_single/starter.py",
]


@pytest.fixture
def clone(tmp_path):
    """What make start-part1 needs of the course."""
    for name in STARTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


def start(folder, *words: str) -> subprocess.CompletedProcess:
    """Return the ended run of what make start-part1 runs."""
    command = [sys.executable, "-m", "tests.tools.start", "1", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60)


def test_start_never_overwrites_and_force_keeps_the_old_one(clone):
    assert start(clone).returncode == 0
    mine = clone / "part1_single" / "mine.py"
    mine.write_text("# hours of work\n")
    refused = start(clone)
    assert refused.returncode == 1 and "FORCE=1" in refused.stderr
    assert "Traceback" not in refused.stderr and mine.read_text() == "# hours of work\n"
    for number in (1, 2):
        assert start(clone, "force").returncode == 0
        kept = mine.with_name(f"mine.{number}.py")
        assert kept.read_text() == (
            "# hours of work\n" if number == 1 else starters.starter_text(1)
        )
    assert mine.read_text() == starters.starter_text(1)
