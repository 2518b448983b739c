"""Each starter is red as intended, and filled with the finished bodies it is the server."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.course.complete import BUILT
from tests.course.selfcheck import run_check
from tests.pages import anchors, section_of
from tests.parts import PARTS, ROOT
from tests.tools import starters

EACH = pytest.mark.parametrize("part", BUILT)
LEFT = re.compile(r"^Still unwritten in it: (\w+)\.", re.MULTILINE)
ADVICE = re.compile(r"^  next +write (\w+): ", re.MULTILINE)


def finished(part: int) -> str:
    """Return the text of a part's server."""
    return PARTS[part].server.read_text(encoding="utf-8")


def unwritten(part: int) -> set[str]:
    """Return the functions whose body is to be written."""
    return set(starters.unwritten_bodies(part)) | ({starters.FLAGGED} if part == 3 else set())


@EACH
def test_the_starter_is_the_server_without_its_bodies(part):
    path = PARTS[part].path / "starter.py"
    assert path.is_file() and path.read_text(encoding="utf-8") == starters.starter_text(part), (
        "python -m tests.tools.starters"
    )


@EACH
def test_filled_with_the_finished_bodies_it_is_the_server(part):
    text = starters.starter_text(part)
    assert text != finished(part)
    for name in unwritten(part):
        text = starters.replace_body(text, name, starters.body_of(finished(part), name))
    assert text == finished(part)


@EACH
def test_the_advice_points_to_the_section_that_shows_the_function(part):
    page = PARTS[part].chapter
    sections = {name: section_of(page, name) for name in unwritten(part)}
    assert set(sections.values()) - {""} <= anchors(page)
    grown = {"parse_transfer_encoding", "serve_request", "format_environ"}  # shown as changes
    assert {name for name, anchor in sections.items() if not anchor} <= grown


@pytest.mark.parametrize(
    ("part", "first"), [(1, "serve_connection"), (2, "serve_request"), (3, "serve_forever")]
)
def test_the_first_advice_is_the_right_first_thing(part, first):
    path = PARTS[part].path / "starter.py"
    clauses = {1: "H01", 2: "W01", 3: "P01"}[part]
    ended = run_check(part, "--server", str(path), "--clause", clauses)
    assert ended.status == 1 and ADVICE.findall(ended.stdout) == [first], ended.stdout


@pytest.mark.skipif(not os.environ.get("FULL"), reason="takes minutes: FULL=1")
@EACH
def test_the_advice_leads_from_the_starter_to_green(part, tmp_path):
    text, left, path = starters.starter_text(part), unwritten(part), tmp_path / "mine.py"
    while left:
        path.write_text(text, encoding="utf-8")
        ended = run_check(part, "--server", str(path))
        found = ADVICE.findall(ended.stdout) or LEFT.findall(ended.stdout) or [ended.stdout]
        (name,) = found
        assert name in left, ended.stdout
        text = starters.replace_body(text, name, starters.body_of(finished(part), name))
        left.remove(name)
    assert text == finished(part)


@pytest.fixture
def clone(tmp_path):
    """What make start-part1 needs of the course."""
    tools = ("tests/tools/start.py", "tests/tools/terminal.py")
    for name in ("tests/parts.py", *tools, "part1_single/starter.py"):
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
