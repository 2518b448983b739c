"""Each clause has three hints, and the first two leave the answer's code to the third."""

import re
import subprocess
import sys

import pytest

from tests.checker.clauses import CLAUSES
from tests.parts import PARTS, ROOT
from tests.tools.hint import hints

SERVERS = "".join(part.server.read_text() for part in PARTS.values())
LONG = 25  # a piece of code, not only a name


def test_each_clause_has_all_three():
    assert list(hints()) == list(CLAUSES)
    for id, levels in hints().items():
        assert list(levels) == [1, 2, 3] and all(levels.values()), id


def test_the_first_is_a_question():
    for id, levels in hints().items():
        assert levels[1].rstrip().endswith("?"), id


def test_the_first_two_do_not_contain_the_answers_code():
    for id, levels in hints().items():
        for level in (1, 2):
            assert "```" not in levels[level], id
            for piece in re.findall(r"`([^`]+)`", levels[level]):
                code = " ".join(piece.split())
                assert len(code) <= LONG or code not in SERVERS, f"{id}: {code}"


def test_the_third_has_code():
    for id, levels in hints().items():
        assert "```python" in levels[3], id


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        (["P03"], 0, "hint 1 of 3"),
        (["p03", "2"], 0, "LEVEL=3"),
        (["P03", "3"], 0, "nearly the code"),
        ([], 1, "Which clause?"),
        (["P99"], 1, "There is no clause P99"),
        (["P03", "4"], 1, "LEVEL is 1"),
    ],
    ids=["first", "second", "third", "none", "unknown", "level"],
)
def test_a_hint_is_asked_for(words, status, told):
    command = [sys.executable, "-m", "tests.tools.hint", *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == status and told in ended.stdout + ended.stderr
    assert max(map(len, ended.stdout.splitlines() or [""])) <= 80
