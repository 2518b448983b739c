"""The board: a line for each clause as it becomes known, then the total and the explanations."""

import re

import pytest

from tests.checker.advice import unwritten_functions
from tests.checker.clauses import IN_SHORT_COLUMNS
from tests.checker.result import Cause, ClauseResult, Result
from tests.checker.target import Target
from tests.checker.verdict import WIDTH, draw
from tests.checker.visible import rows, wrap
from tests.parts import PARTS
from tests.stages import Group

MUCH = 0.6  # of all signs that two servers show
NAMED = 5  # red clauses of other stages
SECTION_WIDTH = 25  # columns of the board
MARKS = {"kept": "ok", "broken": "RED", "skipped": "--", "not run": "not run"}
COLOURS = {"broken": {"red": True}, "kept": {"green": True}}


class Board:
    """Draws results on terminal, pytest's reporter, which knows about colour and capture.

    groups are the stages. Their rows are shown up to the first stage that is not green in full; a
    later one is a line. every shows all rows; without groups there are only rows.
    """

    def __init__(
        self,
        terminal: pytest.TerminalReporter,
        target: Target,
        groups: list[Group] | None = None,
        every: bool = False,
    ) -> None:
        self.terminal, self.target, self.every = terminal, target, every
        self.group_of = {id: group for group in groups or [] for id in group.clauses}
        self.done: dict[Group, list[ClauseResult]] = {}  # what is known of a stage
        self.is_open = True  # no stage so far has anything red

    def print_header(self, of_the_course: bool) -> None:
        """Say which server is checked; where it is one of the course's, how to check another."""
        write = self.terminal.write_line
        write(f"Checking {self.target.label} (make test-part{self.target.part}).")
        if of_the_course:
            write(f"Another server: make test-part{self.target.part} SERVER=path/to/your.py")
        if self.target.is_mine:
            write("It is your own; delete it to come back to server.py.")
        write("")

    def show_life(self, id: str, title: str) -> None:
        """Show on a terminal which clause is waited for; the board's line will replace it."""
        if self.terminal.isatty:
            self.terminal.rewrite(f"  {id} ... {title}", erase=True)

    def add(self, clause: ClauseResult, checked: bool = True) -> None:
        """Take the result of a clause, and print what can be said; False: it never answered."""
        if self.terminal.isatty:
            self.terminal.rewrite("", erase=True)
        group = self.group_of.get(clause.id)
        if not group:
            self.print_row(clause, checked)
            return
        done = self.done.setdefault(group, [])
        shown = self.every or (self.is_open and not group.earlier)
        if shown and not done:
            self.terminal.write_line(f"  {group.heading}")
        done.append(clause)
        if shown:
            self.print_row(clause, checked)
        if len(done) == len(group.clauses):
            self.end_group(group, done, checked, shown)

    def end_group(self, group: Group, done: list[ClauseResult], checked: bool, shown: bool) -> None:
        """Close a stage: with a line where its rows are not shown, or not all."""
        wrong = [clause for clause in done if clause.outcome in ("broken", "not run")]
        if not shown:
            kept = len(done) - len(wrong)
            self.terminal.write_line(f"  {group.heading}: {kept} of {len(done)}")
            if group.earlier and self.is_open:
                for clause in wrong:
                    self.print_row(clause, checked)
        self.is_open = self.is_open and not wrong

    def print_row(self, clause: ClauseResult, checked: bool = True) -> None:
        """Print the line of one clause; checked is False where the server never answered."""
        wide = 3 if checked else 7
        self.terminal.write(f"  {clause.id} ")
        mark = MARKS[clause.outcome]
        self.terminal.write(f"{mark:<{wide}}", **COLOURS.get(clause.outcome, {}))
        section = shorten_section(clause.section, SECTION_WIDTH + 3 - wide)
        self.terminal.write_line(f" {clause.title:<{IN_SHORT_COLUMNS + 2}} {section}")

    def print_all(self, result: Result) -> None:
        """Print the line of every clause, below a heading."""
        self.terminal.section(f"the contract: {self.target.label}")
        self.terminal.ensure_newline()  # else it comes after the first word of the first row
        for clause in result.clauses:
            self.add(clause, result.checked)

    def print_own(self, outcomes: list[str]) -> None:
        """Print one line for the part's own tests."""
        failed = outcomes.count("failed")
        self.terminal.write("  own ")
        self.terminal.write("RED" if failed else "ok ", red=bool(failed), green=not failed)
        count = f"{failed} of " * bool(failed) + f"{len(outcomes)} tests"
        self.terminal.write_line(
            f" what part {self.target.part} promises beside the contract ({count})"
        )

    def print_total(self, result: Result, whole: bool) -> None:
        """Print how many clauses the target keeps; if all of the whole list, what comes next."""
        self.terminal.write_line("")
        if not result.checked:
            self.terminal.write_line(f"{result.target} could not be checked.")
            return
        count = len(result.clauses)
        self.terminal.write_line(
            f"{result.target} keeps {result.kept} of {count} "
            f"clause{'s' * (count != 1)} of the contract."
        )
        if result.kept == count and whole and self.target.is_mine:
            self.print_next()

    def print_next(self) -> None:
        """Say what to do with a server of the reader's own that keeps everything."""
        assert self.target.path
        part = self.target.part
        if left := unwritten_functions(self.target.path):
            text = (
                f"Still unwritten in it: {', '.join(left)}. (Take the line "
                '"# unwritten" out where it is written.)'
            )
        else:
            after = f"Next: {PARTS[part + 1].folder}/README.md." if part + 1 in PARTS else ""
            text = f"Compare it with the finished one: make diff-mine PART={part}. {after}"
        for line in wrap(text.strip(), 80):
            self.terminal.write_line(line)

    def print_not_run(self, reasons: dict[str, str]) -> None:
        """Say of each clause that could not be asked which figure the command does not take."""
        for reason in dict.fromkeys(reasons.values()):
            ids = ", ".join(id for id, why in reasons.items() if why == reason)
            for line in wrap(f"Not run: {ids}, since {reason}.", 78):
                self.terminal.write_line(line)

    def print_reds(self, result: Result) -> None:
        """Explain the first red clause, and name the others; explain every one if asked to."""
        first, *others = in_order_of_cause(result) or [""]
        for id in [first, *others] if self.every else [first]:
            if id:
                self.terminal.write_line("")
                like = result.cause if result.cause and result.cause.clause == id else None
                for line in explanation_lines(result.clause(id), result.checked, like):
                    self.terminal.write_line(line)
        if others and not self.every:
            stage = self.group_of.get(first)
            near = [id for id in others if not stage or self.group_of[id] == stage]
            far = [id for id in others if id not in near]
            self.terminal.write_line("")
            for line in wrap(f"Also red: {name_red(near, far)} (ALL=1 explains every one).", 78):
                self.terminal.write_line(line)
        self.terminal.write_line("")

    def print_others(self, result: Result) -> None:
        """Explain the first failed test outside the contract, once the contract is kept."""
        if any(clause.explanation for clause in result.clauses) and not self.every:
            return
        failed = [other for other in result.others if other.outcome == "failed"]
        for other in failed if self.every or not result.clauses else failed[:1]:
            self.terminal.write_line(f"{other.name}\n\n  {other.text.strip()}\n")


def name_red(near: list[str], far: list[str]) -> str:
    """Return the red clauses: those of the stage that is explained, then some of the others."""
    more = len(far) - NAMED
    some = ", ".join(far[:NAMED]) + (f" and {more} more" if more > 0 else "")
    return "; ".join(filter(None, [", ".join(near), some and f"in other stages {some}"]))


def shorten_section(section: str, width: int) -> str:
    """Return as many of the sections as width has room for."""
    parts = re.split(r"(?<=[,;]) ", section)
    while len(" ".join(parts)) > width:
        parts.pop()
    return " ".join(parts).rstrip(",;") or f"{section[: width - 1]}…"


def in_order_of_cause(result: Result) -> list[str]:
    """Return the red clauses that can be explained, the one to explain first in front."""
    ids = [clause.id for clause in result.clauses if clause.explanation]
    first = result.cause.clause if result.cause else ""
    return sorted(ids, key=lambda id: id != first)


def explanation_lines(
    clause: ClauseResult, checked: bool = True, like: Cause | None = None
) -> list[str]:
    """Return the explanation of a red clause with its heading, where to read, how to run it again.

    checked is False where the server never answered. like is the mistake that it looks like.
    """
    why = clause.explanation
    assert why
    if checked:
        lines = [f"{clause.id}  {clause.title}", f"     ({clause.section})", ""]
        lines += rows("asked", wrap(why.asked, WIDTH))
        lines += rows("forms", wrap(describe_forms(clause), WIDTH))
    else:
        lines = ["The server could not be checked.", ""]
    lines += rows("next", wrap(why.next, WIDTH)) + draw(why)
    if like and like.mistake:
        lines += rows("like", wrap(describe_likeness(like), WIDTH))
    return [
        *lines,
        f"  read       {why.read}",
        f"  hint       {why.hint}",
        f"  again      {why.again}",
    ]


def describe_forms(clause: ClauseResult) -> str:
    """Return how many forms of a clause held, and which others were red; "" where one was tried."""
    asked = clause.explanation.test if clause.explanation else ""
    test = asked.partition(" [")[0]
    others = [form.removeprefix(f"{test} ") for form in clause.red if form != asked]
    tried = clause.held + len(clause.red)
    if tried < 2:
        return ""
    also = f"; red too: {', '.join(others[:3])}" if others else ""
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"{clause.held} of {tried} that were tried held{also}{more}"


def describe_likeness(like: Cause) -> str:
    """Return which mistake of the gallery a server looks like, and how much."""
    much = "much" if like.shared > MUCH else "somewhat"
    return f'This looks {much} like "{like.title}": make broken M={like.mistake} TELL=1 says why.'
