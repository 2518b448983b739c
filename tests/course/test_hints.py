"""A hint is asked for by clause and level; what the hints must have, test_complete.py asks."""

import subprocess
import sys

import pytest

from tests.parts import ROOT


@pytest.mark.parametrize(
    ("words", "status", "sentence"),
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
def test_a_hint_is_asked_for(words, status, sentence):
    command = [sys.executable, "-m", "tests.tools.hint", *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == status and sentence in ended.stdout + ended.stderr
    assert max(map(len, ended.stdout.splitlines() or [""])) <= 80
