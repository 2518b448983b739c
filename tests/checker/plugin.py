"""The pytest plugin of the contract: choose what runs, run it in lanes, gather the result."""

import concurrent.futures
import functools
import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.checker.advice import unwritten_functions
from tests.checker.board import Board, explanation_lines
from tests.checker.cause import find_cause, read_signatures
from tests.checker.clauses import CLAUSES, Clause, check_ids, parse_stage
from tests.checker.explain import (
    command_with_make,
    command_with_pytest,
    explain,
    explain_alone,
    question_in,
)
from tests.checker.result import ClauseResult, Explanation, OtherResult, Result, write_result
from tests.checker.runner import Runner, clause_of, in_lane
from tests.checker.target import NOT_TAKEN, UsageError, choose_target
from tests.checker.verdict import Red, draw
from tests.parts import PARTS
from tests.stages import groups_of

WORDS = {"passed": "kept", "failed": "broken", "skipped": "skipped"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that tests/checker/__main__.py passes on."""
    group = parser.getgroup("contract", "the contract and the server under test")
    group.addoption("--server", default="", help="a .py file, or a command with {port} in it")
    group.addoption("--part", type=int, default=max(PARTS), choices=list(PARTS))
    group.addoption("--finished", action="store_true", help="never take mine.py")
    group.addoption("--clause", default="", help="only these, as in H07 or H07,H08")
    group.addoption("--stage", default="", help="only the stages up to this one")
    group.addoption("--all-red", action="store_true", help="explain every red clause")
    group.addoption("--slow", action="store_true", help="also what takes minutes")
    group.addoption("--jobs", type=int, default=0, help="copies of the server to run")
    group.addoption("--board", action="store_true", help="print the board as it fills")
    group.addoption("--json", default="", help="write the result to this file")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and the check once the target is known."""
    config.addinivalue_line("markers", "clause(clause): the clause of the contract it proves")
    config.addinivalue_line("markers", "waits(seconds): about how long; the longest begin first")
    config.addinivalue_line("markers", "alone: starts servers of its own, and only those")
    config.addinivalue_line("markers", "finished: only for the finished server")
    config.addinivalue_line("markers", "slow: takes minutes; only with --slow")
    config.addinivalue_line("markers", "lesson: for the course's servers, not for SERVER=")
    try:
        check_json(config.getoption("--json"))
        config.pluginmanager.register(Check(config), "check")
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def check_json(text: str) -> None:
    """Raise UsageError, with a sentence, if text names a file that can't be written."""
    path = Path(text)
    if text and (path.is_dir() or not os.access(path if path.exists() else path.parent, os.W_OK)):
        raise UsageError(f"The result can't be written to {text}: --json takes the path of a file.")


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let -k H07 find the tests of a clause."""
    if clause := clause_of(item):
        item.extra_keyword_matches.add(clause.id)


def is_parts_own(nodeid: str) -> bool:
    """Return whether a test is one of a part's own, outside the contract."""
    return re.match("tests/part[0-9]/", nodeid) is not None


@pytest.fixture
def server() -> None:
    """Stand in for the server that the lane of a test hands to it (tests/checker/runner.py)."""


class Check:
    """One run: which tests, the runner that runs them, and what has come of each clause."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.part = config.getoption("--part")
        self.server = config.getoption("--server")
        self.live = config.getoption("--board")
        self.target = choose_target(self.part, self.server, config.getoption("--finished"))
        self.wanted = check_ids(config.getoption("--clause"), self.part)
        ids = [id for id in CLAUSES if PARTS[self.part].keeps(id)]
        self.groups = groups_of(self.part, ids)
        if text := config.getoption("--stage"):
            last = parse_stage(text, self.part)
            self.groups = [one for one in self.groups if not one.earlier][:last]
            self.wanted = self.wanted or [id for one in self.groups for id in one.clauses]
        ids = [id for one in self.groups for id in one.clauses]
        self.order = {id: place for place, id in enumerate(ids)}
        self.runner: Runner | None = None
        self.items: dict[str, list[str]] = {}  # the node ids of a clause's tests
        self.reported: dict[str, list[str]] = {}  # the outcomes that are known of them
        self.not_taken: dict[str, str] = {}  # why a clause can't be asked of this command line
        self.explained: dict[str, Explanation] = {}  # why a clause is red
        self.others: list[OtherResult] = []  # tests outside the contract that count

    @functools.cached_property
    def board(self) -> Board:
        """The board, on pytest's terminal."""
        terminal = self.config.pluginmanager.getplugin("terminalreporter")
        groups = [] if self.config.getoption("--clause") else self.groups
        return Board(terminal, self.target, groups, self.config.getoption("--all-red"))

    # ---- what runs -------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[pytest.Item]
    ) -> None:
        """Keep what goes with the target and the clauses asked for, in the board's order."""
        kept = [item for item in items if self.applies(item)]
        dropped = [item for item in items if item not in set(kept)]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
        places = {item: self.order[clause.id] for item in kept if (clause := clause_of(item))}
        items[:] = sorted(kept, key=lambda item: places.get(item, len(self.order)))

    def applies(self, item: pytest.Item) -> bool:
        """Return whether item is to run against this target."""
        clause = clause_of(item)
        if self.wanted and not (clause and clause.id in self.wanted):
            return False
        if clause:
            return PARTS[self.part].keeps(clause.id)
        own = re.fullmatch("part([0-9])", item.path.parent.name)
        if own and int(own[1]) != self.part:
            return False
        if item.get_closest_marker("slow") and not self.config.getoption("--slow"):
            return False
        if item.get_closest_marker("lesson"):
            return not self.server
        return not item.get_closest_marker("finished") or self.target.is_finished

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Say what is checked, and set the lanes off."""
        items = [item for item in session.items if in_lane(item)]
        if session.config.getoption("--collect-only") or not items:
            return
        for item in items:
            if clause := clause_of(item):
                self.items.setdefault(clause.id, []).append(item.nodeid)
        if self.live:
            self.board.print_header(of_the_course=not self.server)
        jobs = self.config.getoption("--jobs") or PARTS[self.part].jobs
        self.runner = Runner(self.target, items, max(1, jobs))
        self.runner.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Wait for the outcome of a test in a lane, instead of calling it here."""
        if not self.runner or pyfuncitem.nodeid not in self.runner.outcomes:
            return None
        outcome = self.runner.outcomes[pyfuncitem.nodeid]
        while not concurrent.futures.wait([outcome], timeout=0.5).done:
            if self.live and (clause := clause_of(pyfuncitem)):
                self.board.show_life(clause.id, clause.title)
        outcome.result()
        return True

    def pytest_sessionfinish(self) -> None:
        """End every server, and write the result where it is asked for."""
        if self.runner:
            self.runner.stop()
        if path := self.config.getoption("--json"):
            write_result(self.result(), Path(path))

    # ---- what comes of it ------------------------------------------------------------

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo[None]) -> Any:
        """Put the explanation in place of a traceback."""
        report = yield
        clause = clause_of(item)
        report.clause = clause.id if clause else ""
        if call.excinfo and isinstance(call.excinfo.value, Red):
            report.longrepr = "\n".join(self.explain(item, clause, call.excinfo.value))
        return report

    def explain(self, item: pytest.Item, clause: Clause | None, red: Red) -> list[str]:
        """Keep the explanation of a clause, if it is the first one; return it as lines."""
        if not clause:
            return draw(explain_alone(item, red))
        command = command_with_make if self.live else command_with_pytest
        why = explain(item, clause, red, self.target, command(clause.id, self.part, self.server))
        self.explained.setdefault(clause.id, why)
        about = clause_result(clause, "broken", 0.0, why)
        return explanation_lines(about, self.checked)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the outcomes of a clause, and print its line once all are there."""
        id = getattr(report, "clause", "")
        over = report.when == "call" or not report.passed
        if over and ((report.failed and id not in self.explained) or is_parts_own(report.nodeid)):
            self.others.append(OtherResult(report.nodeid, report.outcome, report.longreprtext))
        if not id or not over:
            return
        if report.skipped and isinstance(report.longrepr, tuple):  # (path, line, reason)
            _, lacks, what = report.longrepr[2].partition(NOT_TAKEN)
            if lacks:
                self.not_taken.setdefault(id, what)
        self.reported.setdefault(id, []).append(report.outcome)
        if self.live and len(self.reported[id]) == len(self.items[id]):
            self.board.add(self.clause_result(id), self.checked)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the reason why a module could not be read: --tb=no would swallow it."""
        if report.failed:
            self.others.append(OtherResult(report.nodeid, "failed", report.longreprtext))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Keep pytest's letters out of the board."""
        drawn = getattr(report, "clause", "") or is_parts_own(report.nodeid)
        if self.live and drawn and report.when == "call":
            return report.outcome, "", ""
        return None

    @property
    def checked(self) -> bool:
        """Whether the server answered at all."""
        return not (self.runner and self.runner.never_answered)

    def clause_result(self, id: str) -> ClauseResult:
        """Return what has come of a clause: broken by any test, kept by any that ran.

        One that asks for a figure that the command does not take is not run, whatever else held.
        """
        outcomes = self.reported[id]
        outcome = next(one for one in ("failed", "passed", "skipped") if one in outcomes)
        unasked = outcome == "skipped" and not self.checked
        unasked = unasked or (outcome != "failed" and id in self.not_taken)
        word = "not run" if unasked else WORDS[outcome]
        assert self.runner
        seconds = sum(self.runner.seconds.get(item, 0.0) for item in self.items[id])
        about = clause_result(CLAUSES[id], word, round(seconds, 6), self.explained.get(id))
        tried = {
            item: self.runner.forms[item] for item in self.items[id] if item in self.runner.forms
        }
        red = [describe_form(item) for item, held in tried.items() if not held]
        return about._replace(held=len(tried) - len(red), red=tuple(red))

    def result(self) -> Result:
        """Return what has come of all clauses, and of other tests."""
        clauses = [self.clause_result(id) for id in self.order if id in self.reported]
        result = Result(self.target.label, self.part, self.checked, clauses, self.others)
        unwritten = self.target.path and unwritten_functions(self.target.path)
        if unwritten or self.wanted:
            return result  # what is not written yet is no mistake; a part shows too little
        return result._replace(cause=find_cause(result, read_signatures()))

    def pytest_terminal_summary(self) -> None:
        """Print the total and the explanations; without --board, the board before them."""
        result = self.result()
        if not result.clauses:
            if self.live:
                self.board.print_others(result)
            return
        if not self.live:
            self.board.print_all(result)
        own = [other.outcome for other in result.others if is_parts_own(other.name)]
        if own and not (result.ids("broken") or result.ids("not run")):  # first things first
            self.board.print_own(own)
        self.board.print_total(result, whole=not self.wanted)
        if self.live:
            self.board.print_not_run(self.not_taken)
            self.board.print_reds(result)
            self.board.print_others(result)


def clause_result(
    clause: Clause, outcome: str, seconds: float, why: Explanation | None
) -> ClauseResult:
    """Return the result of a clause."""
    about = clause.id, clause.title, clause.section, clause.requirement
    return ClauseResult(*about, outcome, seconds, explanation=why)


def describe_form(nodeid: str) -> str:
    """Return a node id as a requirement and its form: "a folded line is refused [space]"."""
    return question_in(nodeid.rpartition("::")[2])
