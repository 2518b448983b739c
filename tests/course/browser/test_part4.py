"""The rollout page: what a browser that asks all the time sees of a kill, a hang and a reload."""

import os
import shlex
import signal
import sys

import pytest

from tests.checker.processes import wait_until
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.parts import ROOT

SERVER = (
    f"{shlex.quote(sys.executable)} {shlex.quote(str(ROOT))}/part4_workers/server.py "
    "part4_workers.rollout:app --host {host} --port {port} --workers 2 --timeout 5"
)
SECONDS = 30.0  # a deadline, not an expectation


@pytest.fixture
def opened(page):
    """The page, opened, with answers on it."""
    with Server(parse_target(SERVER)) as server:
        page.goto(f"http://127.0.0.1:{server.port}")
        assert wait_until(lambda: told(page, "answers") > 20, SECONDS)
        yield page


def told(page, name: str) -> int:
    """Return one of the numbers below the buttons."""
    return int(page.eval_on_selector("#total", f"node => node.dataset.{name} ?? 0"))


def answering(page) -> set[str]:
    """Return the pids that have a column with a bar of the last second."""
    return set(
        page.evaluate(
            "() => [...workers].filter(([, one]) => one.answers.length &&"
            " performance.now() - one.answers.at(-1).at < 1000).map(([pid]) => String(pid))"
        )
    )


def column_ends(page, button: str) -> bool:
    """Press a button; return whether a column ends while others get answers."""
    before, answers = answering(page), told(page, "answers")
    page.click(button)
    return wait_until(
        lambda: before - answering(page) and told(page, "answers") > answers + 100, SECONDS
    )


def test_the_column_of_a_killed_worker_ends_and_others_go_on(opened):
    assert column_ends(opened, "#die")
    assert told(opened, "failures") <= 6  # the connections that the worker held


def test_the_column_of_a_worker_that_hangs_ends_and_others_go_on(opened):
    assert column_ends(opened, "#hang")


def test_a_reload_changes_every_column_and_loses_no_answer(opened):
    before = answering(opened)
    assert before
    os.kill(told(opened, "master"), signal.SIGHUP)
    assert wait_until(lambda: (now := answering(opened)) and not now & before, SECONDS)
    assert told(opened, "failures") == 0
