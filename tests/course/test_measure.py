"""What measures a server says in a sentence why it can't."""

import subprocess
import sys

import pytest

from tests.measure.cost import OTHERS
from tests.measure.soak import GROWTH_BYTES, Holdings, is_as_before
from tests.parts import ROOT


def run(*words: str) -> subprocess.CompletedProcess:
    """Return the ended run of python -m with these words."""
    command = [sys.executable, "-m", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("module", ["fuzz", "load", "lifecycle", "soak"])
@pytest.mark.parametrize(
    ("server", "sentence"),
    [("nope.py", "There is no file nope.py."), ("false {port}", "exit status 1")],
    ids=["no-file", "ends"],
)
def test_a_server_that_is_not_there_is_told_in_a_sentence(module, server, sentence):
    ended = run(f"tests.measure.{module}", "--server", server)
    assert ended.returncode == 1 and sentence in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.slow
def test_the_cost_of_a_request_is_measured_on_each_server():
    ended = run("tests.measure.cost", "--requests", "60", "--rounds", "1")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    for name in ("part 3", *OTHERS):
        assert ended.stdout.count(f"\n  {name} ") == 2  # with either application


@pytest.mark.slow
def test_part_4_loses_no_request_in_reloads_and_stops_and_bad_company_leaves_nothing():
    few = ("--reloads", "2", "--stops", "2", "--clients", "8", "--seconds", "8")
    ended = run("tests.measure.lifecycle", *few)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 reloads, 2 done" in ended.stdout and "2 stops, exit statuses {0}" in ended.stdout


@pytest.mark.slow
@pytest.mark.parametrize("part", ["3", "4"])
def test_a_short_soak_loses_only_what_was_killed_and_leaves_nothing(part):
    ended = run("tests.measure.soak", "--part", part, "--minutes", "0.15")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "may be: fine" in ended.stdout and "as before" in ended.stdout


@pytest.mark.parametrize(
    "change",
    [{"processes": 4}, {"zombies": 1}, {"descriptors": 7}, {"memory": GROWTH_BYTES}],
    ids=lambda change: next(iter(change)),
)
def test_a_soak_notices_what_is_left_behind(change):
    before = Holdings(processes=3, zombies=0, descriptors=6, memory=0)
    assert is_as_before(before, before)
    assert not is_as_before(before._replace(**change), before)
