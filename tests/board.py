"""The pytest plugin of the contract: choose the target, show the board, explain what is red."""

import concurrent.futures
import re
import shlex
from pathlib import Path

import pytest

from tests.advice import next_function, section_of, unwritten
from tests.clauses import CLAUSES
from tests.harness import Target, UsageError, parse_target
from tests.judge import WIDTH, Red
from tests.runner import Runner, clause_of, in_lane
from tests.starters import fault
from tests.visible import rows, wrap

ROOT = Path(__file__).parent.parent
PARTS = {1: "part1_single", 2: "part2_wsgi", 3: "part3_forking"}
LETTERS = {1: "H", 2: "HW", 3: "HWP"}
APP = "tests.apps.contract:application"  # what {app} stands for
SECTION_WIDTH = 25  # columns of the board
MARKS = {"passed": "ok ", "failed": "RED", "skipped": "-- "}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options that the Makefile passes on."""
    group = parser.getgroup("contract", "the contract and the server under test")
    group.addoption("--server", default="", help="a .py file, or a command with {port} in it")
    group.addoption("--part", type=int, default=max(PARTS), choices=list(PARTS))
    group.addoption("--finished", action="store_true", help="never take mine.py")
    group.addoption("--clause", default="", help="only these, as in H07 or H07,H08")
    group.addoption("--all-red", action="store_true", help="explain every red clause")
    group.addoption("--slow", action="store_true", help="also what takes minutes")
    group.addoption("--jobs", type=int, default=8, help="copies of the server to run")
    group.addoption("--board", action="store_true", help="print the board as it fills")


def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and the board once the target is known."""
    config.addinivalue_line("markers", "clause(clause): the clause of the contract it proves")
    config.addinivalue_line("markers", "finished: only for the finished server")
    config.addinivalue_line("markers", "slow: takes minutes; only with --slow")
    config.addinivalue_line("markers", "lesson: for the course's servers, not for SERVER=")
    try:
        config.pluginmanager.register(Board(config), "board")
    except UsageError as error:
        raise pytest.UsageError(str(error)) from None


def pytest_itemcollected(item: pytest.Item) -> None:
    """Let -k H07 find the tests of a clause."""
    if clause := clause_of(item):
        item.extra_keyword_matches.add(clause.id)


def choose_target(config: pytest.Config) -> Target:
    """Return the server under test: --server, else mine.py, else the finished one."""
    part = config.getoption("--part")
    if text := config.getoption("--server"):
        return parse_target(text, APP if part > 1 else "")._replace(part=part)
    folder = PARTS[part]
    mine = ROOT / folder / "mine.py"
    name = "mine.py" if mine.is_file() and not config.getoption("--finished") else "server.py"
    target = parse_target(shlex.quote(str(ROOT / folder / name)), APP if part > 1 else "")
    if words := fault(ROOT / folder / name):
        raise UsageError(f"{folder}/{words}")
    return target._replace(label=f"{folder}/{name}", part=part)


def asked(item: pytest.Item) -> str:
    """Return the requirement that item's name is, and which form of it."""
    name, _, form = item.name.removeprefix("test_").partition("[")
    return name.replace("_", " ") + (f" [{form}" if form else "")


def brief(section: str, width: int = SECTION_WIDTH) -> str:
    """Return as many of the sections as width has room for."""
    parts = re.split(r"(?<=[,;]) ", section)
    while len(" ".join(parts)) > width:
        parts.pop()
    return " ".join(parts).rstrip(",;") or f"{section[: width - 1]}…"


def is_parts_own(nodeid: str) -> bool:
    """Return whether a test is one of a part's own, outside the contract."""
    return re.match("tests/part[0-9]/", nodeid) is not None


@pytest.fixture
def server():
    """Stand in for the server that the lane of a test hands to it (tests/runner.py)."""


class Board:
    """Starts the runner, and turns its outcomes into lines for the reader."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.part = config.getoption("--part")
        self.live = config.getoption("--board")
        self.target = choose_target(config)
        self.wanted = re.findall(r"[^\s,]+", config.getoption("--clause").upper())
        for id in self.wanted:
            if id not in CLAUSES:
                raise UsageError(f"There is no clause {id}: CLAUSE=H07,H08; see tests/CONTRACT.md.")
            if id[0] not in LETTERS[self.part]:
                first = min(part for part in LETTERS if id[0] in LETTERS[part])
                words = f"{id} is a clause of part {first}: make test-part{first} CLAUSE={id}."
                raise UsageError(words)
        self.runner: Runner | None = None
        self.left: dict[str, int] = {}  # items of a clause that are still to be reported
        self.marks: dict[str, str] = {}  # the outcome of a clause, as far as it is known
        self.reds: dict[str, Red] = {}  # the first red form of a clause
        self.red_items: dict[str, pytest.Item] = {}
        self.others: list[tuple[str, str]] = []  # failed tests outside the contract
        self.own: list[str] = []  # the outcomes of the part's own tests

    # ---- what runs -------------------------------------------------------------------

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, config, items: list[pytest.Item]) -> None:
        """Keep what goes with the target and the clauses asked for, in the contract's order."""
        kept = [item for item in items if self.applies(item)]
        dropped = [item for item in items if item not in set(kept)]
        if dropped:
            config.hook.pytest_deselected(items=dropped)
        order = {id: number for number, id in enumerate(CLAUSES)}
        kept.sort(key=lambda item: order[clause_of(item).id] if clause_of(item) else len(order))
        items[:] = kept

    def applies(self, item: pytest.Item) -> bool:
        """Return whether item is to run against this target."""
        clause = clause_of(item)
        if self.wanted and not (clause and clause.id in self.wanted):
            return False
        if clause:
            return clause.id[0] in LETTERS[self.part]
        own = re.fullmatch("part([0-9])", item.path.parent.name)
        if own and int(own[1]) != self.part:
            return False
        if item.get_closest_marker("slow") and not self.config.getoption("--slow"):
            return False
        if item.get_closest_marker("lesson"):
            return not self.config.getoption("--server")
        return not item.get_closest_marker("finished") or self.target.label.endswith("server.py")

    def pytest_runtestloop(self, session: pytest.Session) -> None:
        """Say what is checked, and set the lanes off."""
        items = [item for item in session.items if in_lane(item)]
        if session.config.getoption("--collect-only") or not items:
            return
        for clause in filter(None, map(clause_of, items)):
            self.left[clause.id] = self.left.get(clause.id, 0) + 1
        if self.live:
            self.print_header()
        self.runner = Runner(self.target, items, max(1, self.config.getoption("--jobs")))
        self.runner.start()

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool | None:
        """Wait for the outcome of a test in a lane in place of calling it here."""
        if not self.runner or pyfuncitem.nodeid not in self.runner.outcomes:
            return None
        outcome = self.runner.outcomes[pyfuncitem.nodeid]
        while not concurrent.futures.wait([outcome], timeout=0.5).done:
            if clause := clause_of(pyfuncitem):
                self.show_life(clause.id)
        outcome.result()
        return True

    def pytest_sessionfinish(self) -> None:
        """End every server."""
        if self.runner:
            self.runner.stop()

    # ---- what is shown ---------------------------------------------------------------

    @property
    def terminal(self):
        """The terminal reporter, which knows about colour and capture."""
        return self.config.pluginmanager.getplugin("terminalreporter")

    def print_header(self) -> None:
        """Say which server is checked, and how to check another."""
        self.terminal.write_line(f"Checking {self.target.label} (make test-part{self.part}).")
        if not self.config.getoption("--server"):
            self.terminal.write_line(
                f"Another server: make test-part{self.part} SERVER=path/to/your.py"
            )
        if self.target.label.endswith("/mine.py"):
            self.terminal.write_line("It is your own; delete it to come back to server.py.")
        self.terminal.write_line("")

    def show_life(self, id: str) -> None:
        """Show on a terminal which clause is waited for; the board's line will replace it."""
        if self.live and self.terminal.isatty:
            self.terminal.rewrite(f"  {id} ... {CLAUSES[id].title}", erase=True)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: pytest.CallInfo):
        """Put the diagnosis in place of a traceback."""
        report = yield
        if call.excinfo and isinstance(call.excinfo.value, Red):
            clause = clause_of(item)
            if clause:
                self.reds.setdefault(clause.id, call.excinfo.value)
                self.red_items.setdefault(clause.id, item)
            report.longrepr = "\n".join(self.explain(item, call.excinfo.value))
        report.clause = clause_of(item).id if clause_of(item) else ""
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add up the outcomes of a clause, and print its line once all are there."""
        if not report.clause and report.when == "call" and is_parts_own(report.nodeid):
            self.own.append(report.outcome)
        if report.failed and report.clause not in self.reds:
            self.others.append((report.nodeid, report.longreprtext))
        if not report.clause or (report.when != "call" and not report.failed):
            return
        id = report.clause
        ranks = list(MARKS)
        worse = "failed" if report.failed else report.outcome
        if id not in self.marks or self.marks[id] == "skipped" or worse == "failed":
            self.marks[id] = worse if worse in ranks else "failed"
        self.left[id] -= report.when == "call"
        if self.live and self.left[id] == 0:
            if self.terminal.isatty:
                self.terminal.rewrite("", erase=True)
            self.print_row(id)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Keep the reason why a module could not be read: --tb=no would swallow it."""
        if report.failed:
            self.others.append((report.nodeid, report.longreprtext))

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport):
        """Keep pytest's letters out of the board."""
        drawn = getattr(report, "clause", "") or is_parts_own(report.nodeid)
        if self.live and drawn and report.when == "call":
            return report.outcome, "", ""
        return None

    def print_row(self, id: str) -> None:
        """Print the line of one clause."""
        clause, outcome = CLAUSES[id], self.marks[id]
        mark = "not run" if self.runner.never_answered and outcome == "skipped" else MARKS[outcome]
        colour = {"failed": {"red": True}, "passed": {"green": True}}.get(outcome, {})
        self.terminal.write(f"  {id} ")
        wide = 7 if self.runner.never_answered else 3
        self.terminal.write(f"{mark:<{wide}}", **colour)
        section = brief(clause.section, SECTION_WIDTH + 3 - wide)
        self.terminal.write_line(f" {clause.title:<44} {section}")

    def pytest_terminal_summary(self) -> None:
        """Print the total and the explanations; without --board, the board before them."""
        if not self.runner or not self.marks:
            if self.live:
                self.print_others()
            return
        if not self.live:
            self.terminal.section(f"the contract: {self.target.label}")
            for id in sorted(self.marks, key=list(CLAUSES).index):
                self.print_row(id)
        self.print_own()
        self.print_total()
        if self.live:
            self.print_reds()
            self.print_others()

    def print_own(self) -> None:
        """Print one line for the part's own tests."""
        failed = self.own.count("failed")
        if self.own and not self.runner.never_answered:
            self.terminal.write("  own ")
            self.terminal.write("RED" if failed else "ok ", red=bool(failed), green=not failed)
            count = f"{failed} of " * bool(failed) + f"{len(self.own)} tests"
            self.terminal.write_line(
                f" what part {self.part} promises beside the contract ({count})"
            )

    def print_others(self) -> None:
        """Explain the first failed test outside the contract, once the contract is kept."""
        if self.reds and not self.config.getoption("--all-red"):
            return
        for number, (name, text) in enumerate(self.others):
            if number == 0 or not self.marks or self.config.getoption("--all-red"):
                self.terminal.write_line(f"{name}\n\n  {text.strip()}\n")

    def print_total(self) -> None:
        """Print how many clauses the target keeps."""
        kept = sum(outcome == "passed" for outcome in self.marks.values())
        self.terminal.write_line("")
        if self.runner.never_answered:
            self.terminal.write_line(f"{self.target.label} could not be checked.")
            return
        self.terminal.write_line(
            f"{self.target.label} keeps {kept} of {len(self.marks)} "
            f"clause{'s' * (len(self.marks) != 1)} of the contract."
        )
        if kept == len(self.marks):
            self.print_next()

    def print_next(self) -> None:
        """Say what to do with a server of the reader's own that keeps everything."""
        if not self.target.label.endswith("/mine.py") or self.wanted:
            return
        if left := unwritten(Path(self.target.words[1])):
            text = f"Still unwritten in it: {', '.join(left)}. (Take the line "
            text += '"# unwritten" out where it is written.)'
            for line in wrap(text, 80):
                self.terminal.write_line(line)
            return
        after = f"Next: {PARTS[self.part + 1]}/README.md." if self.part + 1 in PARTS else ""
        text = f"Compare it with the finished one: make diff-mine PART={self.part}. {after}"
        for line in wrap(text.strip(), 80):
            self.terminal.write_line(line)

    def print_reds(self) -> None:
        """Explain the first red clause, and name the others; explain all if asked to."""
        ids = self.in_order_of_cause()
        for number, id in enumerate(ids):
            if number and not self.config.getoption("--all-red"):
                break
            self.terminal.write_line("")
            for line in self.explain(self.red_items[id], self.reds[id]):
                self.terminal.write_line(line)
        others = ids[1:]
        if others and not self.config.getoption("--all-red"):
            self.terminal.write_line("")
            text = f"Also red: {', '.join(others)} (ALL=1 explains every one)."
            for line in wrap(text, 78):
                self.terminal.write_line(line)
        self.terminal.write_line("")

    def in_order_of_cause(self) -> list[str]:
        """Return the red clauses, the one to explain first in front.

        What is wrong with processes shows in other clauses too. Where plain requests are
        answered, the clause about processes says more.
        """
        if any(self.marks.get(id) == "failed" for id in ("H01", "H02", "H03", "H07", "W01")):
            return list(self.reds)
        return sorted(self.reds, key=lambda id: id[0] != "P")

    def explain(self, item: pytest.Item, red: Red) -> list[str]:
        """Return the diagnosis with its heading, where to read, and how to run it again."""
        clause = clause_of(item)
        if not clause:
            return red.lines()
        heading = wrap(f"{clause.id}  {clause.requirement}", 75)
        lines = [heading[0], *(f"     {line}" for line in heading[1:])]
        lines += [f"     ({clause.section})", "", *rows("asked", wrap(asked(item), WIDTH))]
        words = self.next_function(clause.id, red)
        if self.runner.never_answered:
            lines = ["The server could not be checked.", ""]
            if words:
                text = (
                    "It stops at a function that is not written yet. Write it, and the rest runs."
                )
                lines = [text, ""]
        if words:
            lines += rows("next", wrap(words.removeprefix("Next, "), WIDTH))
            red.likely = "" if words in red.stderr else red.likely
        lines += red.lines()
        lines.append(f"  read       {self.told(words) or red.read or clause.read}")
        lines.append(f"  hint       make hint CLAUSE={clause.id}")
        lines.append(f"  again      {self.again(clause.id)}")
        return lines

    def next_function(self, id: str, red: Red) -> str:
        """Return what to write next, in a file that grows out of a starter; else ""."""
        path = Path(self.target.words[1]) if self.target.by_path else None
        return next_function(path, id, red.stderr) if path and path.is_file() else ""

    def told(self, words: str) -> str:
        """Return where the chapter tells of the function that words advise to write; or ""."""
        if not (advice := re.search(r"write (\w+): ([HWP][0-9]{2}) needs it", words)):
            return ""
        page = f"{PARTS[self.part]}/README.md"
        anchor = section_of(ROOT / page, advice[1])
        return f"{page}#{anchor}" if anchor else CLAUSES[advice[2]].read

    def again(self, id: str) -> str:
        """Return the command that runs one clause again on the same target."""
        server = self.config.getoption("--server")
        if self.live:
            tail = f" SERVER={shlex.quote(server)}" if server else ""
            return f"make test-part{self.part} CLAUSE={id}{tail}"
        tail = f" --part {self.part}" + (f" --server {shlex.quote(server)}" if server else "")
        return f".venv/bin/python -m pytest tests -k {id}{tail}"
