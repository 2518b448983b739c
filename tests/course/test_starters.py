"""The road: from each starter the advice leads to green, and never through the dark."""

import functools
import shutil
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.checker.advice import unwritten_functions
from tests.checker.clauses import CLAUSES
from tests.course.complete import BUILT
from tests.course.walk import WALKED, Step, committed_rows, rows_of, walk
from tests.parts import PARTS, ROOT
from tests.stages import STAGES, Group, functions_of, groups_of, stage_of
from tests.tools import starters

EACH = pytest.mark.parametrize("part", BUILT)
EACH_WALKED = pytest.mark.parametrize("part", WALKED)
WITHOUT_A_WIN = 3  # functions, one of which turns a clause green
NOTHING = Group("nothing before", ())
# Clauses that are green when their stage begins, and why; the stage keeps them so.
GREEN_BEFORE = {
    (2, "H13"): "a whole http://host/path passes for a path, as it did in part 1",
    (2, "W04"): "no application can be asked for anything without wsgi.input",
    (2, "W16"): "the starter joins the chunks, so an application fails before anything has left",
    (2, "H21"): "part 1 answers chunks with 501, which is right until they can be read",
    (3, "P07"): "a starter's child that did not end would serve beside its parent",
}


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


def ids_of(part: int) -> list[str]:
    """Return the clauses that are asked of a part."""
    return [id for id in CLAUSES if id[0] in PARTS[part].letters]


def unfinished(step: Step) -> set[str]:
    """Return the clauses that are not kept."""
    return {*ids_of(step.part)} - step.kept


@functools.cache
def walked(part: int) -> list[Step]:
    """Return the walk of a part; its tests share one."""
    return walk(part)


@pytest.mark.slow
@EACH_WALKED
def test_no_board_on_the_way_is_dark_and_the_count_never_falls(part):
    rows = rows_of(walked(part))
    for before, after in pairwise(walked(part)):
        assert not after.ended.result.ids("not run"), rows
        assert len(after.kept) >= len(before.kept), rows
    assert not unfinished(walked(part)[-1]), rows


@pytest.mark.slow
@EACH_WALKED
def test_what_an_earlier_part_has_turned_green_stays_green(part):
    (earlier,) = [one for one in groups_of(part, ids_of(part)) if one.earlier] or [NOTHING]
    for step in walked(part):
        assert set(earlier.clauses) <= step.kept, rows_of(walked(part))


@pytest.mark.slow
@EACH_WALKED
def test_the_check_advises_the_next_function(part):
    steps = walked(part)
    for before, after in pairwise(steps):
        if unfinished(before):
            assert before.advised == after.function, before.ended.stdout
    left = [step for step in steps[:-1] if not unfinished(step)]
    assert len(left) <= 2, "more functions than that are asked for by no clause"


@pytest.mark.slow
@EACH_WALKED
def test_of_three_functions_one_turns_a_clause_green(part):
    since = 0
    for before, after in pairwise(walked(part)):
        since = 0 if after.kept - before.kept else since + 1
        assert since < WITHOUT_A_WIN, rows_of(walked(part))


@pytest.mark.slow
@EACH_WALKED
def test_a_stage_turns_its_clauses_green_and_no_others_and_they_stay_so(part):
    steps = walked(part)
    for stage in STAGES[part]:
        own = [number for number, step in enumerate(steps) if step.stage == stage.number]
        before, after = (steps[own[0] - 1], steps[own[-1]]) if own else (steps[0], steps[0])
        begun = before.kept if own else set()
        at_once = {id for id in stage.clauses if (part, id) in GREEN_BEFORE}
        assert begun & set(stage.clauses) == at_once, (stage.heading, rows_of(steps))
        if own:
            assert after.kept - begun == set(stage.clauses) - at_once, rows_of(steps)
            assert after.kept - begun, stage.heading
        for step in steps[own[-1] if own else 0 :]:
            assert set(stage.clauses) <= step.kept, (stage.heading, rows_of(steps))


@pytest.mark.slow
@EACH_WALKED
def test_the_page_has_the_table_of_the_walk(part):
    assert committed_rows(part) == rows_of(walked(part)), "python -m tests.course walk"


@EACH_WALKED
def test_the_table_of_the_walk_has_every_function_and_ends_in_green(part):
    cells = [[cell.strip() for cell in row.split("|")[2:5]] for row in committed_rows(part)]
    functions = [
        (f"{stage.number} {stage.title}", f"`{name}`")
        for stage in STAGES[part]
        for name in stage.functions
    ]
    assert [(stage, name) for stage, name, _ in cells] == [("", "the starter"), *functions]
    counts = [int(count) for _, _, count in cells]
    assert counts == sorted(counts) and counts[-1] == len(ids_of(part))


def test_what_is_green_before_its_stage_is_a_clause_of_a_stage():
    for part, id in GREEN_BEFORE:
        assert stage_of(part, id), f"part {part}: {id}"


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
