"""The wrong servers on chapter 3's road are wrong, each in the clause that the text names."""

import re

import pytest

from tests.course.selfcheck import run_check
from tests.pages import blocks
from tests.parts import ROOT
from tests.tools.patches import apply

FOLDER = ROOT / "part3_forking"
ROAD = {
    "wait-for-the-child": "P01",
    "parent-keeps-the-connection": "P04",
    "child-keeps-the-listener": "P04",
    "no-exit": "P07",
    "nobody-reaps": "P03",
    "one-wait-for-each-signal": "P03",
    "handler-inherited": "P09",
    "no-flush-in-the-child": "P10",
    "no-flush-before-the-fork": "P10",
}


def test_the_road_has_these_steps_and_each_names_its_clause():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert len(blocks(FOLDER / "README.md", "diff")) == len(ROAD)
    rest = text
    for id in ROAD.values():
        rest = rest.partition("```diff")[2]
        assert re.search(rf"\b{id}\b", rest)


@pytest.mark.slow
@pytest.mark.parametrize("name", ROAD)
def test_a_step_turns_its_clause_red(tmp_path, name):
    diff = blocks(FOLDER / "README.md", "diff")[list(ROAD).index(name)]
    path = tmp_path / "mine.py"
    path.write_text(apply(diff, (FOLDER / "server.py").read_text(encoding="utf-8")))
    ended = run_check(3, "--server", str(path), "--clause", ROAD[name])
    assert ended.red == {ROAD[name]} and ended.status != 0, ended.stdout
