"""Run the clauses side by side, each against its own copy of the server under test.

pytest collects and reports; the bodies of the tests of clauses and parts run here, in a few
lanes. A lane takes one clause after the other and stops it at its first red form (a module
of a part's own tests is run to its end). A server that died, or that a test found wanting,
is replaced before the lane goes on.
"""

import queue
import re
import threading
import time
import traceback
from concurrent.futures import Future
from pathlib import Path
from typing import TypeGuard

import pytest

from tests.checker.clauses import CLAUSES, Clause
from tests.checker.conversation import ask
from tests.checker.evidence import hear_stderr, see_busy
from tests.checker.expect import LIKELY
from tests.checker.patience import LATE_SECONDS, Patience
from tests.checker.server import Server, StartFailed
from tests.checker.stderr import gist_of
from tests.checker.target import Target
from tests.checker.verdict import Red

FORMS_SECONDS = 3.0  # for the other forms of a clause, once one is red
STARTS = 8  # copies of the server that may start at the same time
# Of a server that answers late: it is waited for, so that many can be waited for side by side.
LANES_WHERE_LATE = 5  # as many for each lane that --jobs asks for
FORMS_WHERE_LATE = 4  # of a clause that are run one after the other
UNANSWERED = (
    "Does it read until recv() returns nothing? A client keeps the connection open and waits for "
    "you: stop at the empty line. Otherwise: accept() a connection, recv() the request, sendall() "
    "an answer, close()."
)
PLAINEST = b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Runner:
    """The lanes for one target and the outcome of every item, by node id."""

    def __init__(self, target: Target, items: list[pytest.Function], jobs: int) -> None:
        self.target, self.jobs = target._replace(patience=Patience()), jobs
        self.outcomes: dict[str, Future[None]] = {item.nodeid: Future() for item in items}
        self.groups: dict[str, list[pytest.Function]] = {}  # see group_of()
        for item in items:
            self.groups.setdefault(group_of(item), []).append(item)
        self.todo: queue.SimpleQueue[list[pytest.Function]] = queue.SimpleQueue()
        self.until: dict[str, float] = {}  # of a clause with a red form: when to try no more
        self.starting = threading.BoundedSemaphore(STARTS)
        self.seconds: dict[str, float] = {}  # that an item took, by node id
        self.forms: dict[str, bool] = {}  # whether an item held, as far as it was run
        self.lanes: list[threading.Thread] = []
        self.stopped = threading.Event()
        self.never_answered = False

    def seconds_of_waiting(self, id: str) -> float:
        """Return for how many seconds a group says that it waits for the clock or for processes."""
        marks = [mark for item in self.groups[id] for mark in item.iter_markers("waits")]
        return max((float(mark.args[0]) for mark in marks), default=0.0)

    def start(self) -> None:
        """Try the plainest request; then run all clauses, or none if it got no answer."""
        first = Server(self.target)
        try:
            first.start()
            late = self.measure_lateness(first)
        except (Red, StartFailed, OSError) as reason:
            self.give_up(as_red(reason, first, 0))
            first.close()
            return
        first.patience.late = late
        jobs = self.jobs * LANES_WHERE_LATE if late else self.jobs
        count = min(jobs, self.fill_queue(FORMS_WHERE_LATE if late else len(self.outcomes)))
        for server in [first, *(Server(self.target) for _ in range(count - 1))]:
            lane = threading.Thread(target=self.run_lane, args=(server,), daemon=True)
            self.lanes.append(lane)
            lane.start()

    def fill_queue(self, most: int) -> int:
        """Queue the forms of each group, at most so many together; return how many pieces."""
        for id in sorted(self.groups, key=self.seconds_of_waiting, reverse=True):
            items = self.groups[id]
            for at in range(0, len(items), most):
                self.todo.put(items[at : at + most])
        return self.todo.qsize()

    def measure_lateness(self, server: Server) -> float:
        """Return the seconds that the plainest answer takes, each of three times; 0.0 if few."""
        waits: list[float] = []
        while not waits or (waits[-1] > LATE_SECONDS and len(waits) < 3):
            begun = time.monotonic()
            self.check_plainest(server)
            waits.append(time.monotonic() - begun)
        return min(waits) if min(waits) > LATE_SECONDS else 0.0

    def check_plainest(self, server: Server) -> None:
        """Raise Red if the plainest request gets nothing that looks like an answer."""
        with ask(server, PLAINEST) as talk:
            if not talk.response() and not talk.received:
                raise Red(
                    "The plainest request got no answer, so nothing else was tried.",
                    talk,
                    "any answer at all",
                    LIKELY["closed"] if talk.ended else UNANSWERED,
                )

    def give_up(self, red: Red) -> None:
        """Let the first item be red with the one reason, and all others not run."""
        self.never_answered = True
        for number, outcome in enumerate(self.outcomes.values()):
            outcome.set_exception(pytest.skip.Exception("not run") if number else red)

    def run_lane(self, server: Server) -> None:
        """Take groups until none is left."""
        try:
            while not self.stopped.is_set():
                self.run_group(self.todo.get_nowait(), server)
        except queue.Empty:
            pass
        finally:
            server.close()

    def run_group(self, items: list[pytest.Function], server: Server) -> None:
        """Run the forms of one clause up to the first red one, or a module."""
        clause = clause_of(items[0])
        for number, item in enumerate(items):
            outcome = self.outcomes[item.nodeid]
            if clause and clause.id in self.until:
                if time.monotonic() < self.until[clause.id]:
                    self.try_form(item, server)
                outcome.set_exception(pytest.skip.Exception("an earlier form is red"))
                continue
            begun = time.monotonic()
            try:
                self.run_item(item, server, last=number == len(items) - 1)
                self.seconds[item.nodeid] = time.monotonic() - begun
                self.forms[item.nodeid] = True
                outcome.set_result(None)
            except pytest.skip.Exception as skipped:
                outcome.set_exception(skipped)
            except Exception as reason:  # a fault of the suite's own must not stop the lane
                self.seconds[item.nodeid] = time.monotonic() - begun
                self.forms[item.nodeid] = False
                outcome.set_exception(reason)
                server.kill()
                if clause:
                    self.until.setdefault(clause.id, time.monotonic() + FORMS_SECONDS)

    def try_form(self, item: pytest.Function, server: Server) -> None:
        """Note whether a further form of a red clause holds: how much is wrong tells what is."""
        try:
            self.run_item(item, server, last=False)
            self.forms[item.nodeid] = True
        except pytest.skip.Exception:
            pass
        except Exception:
            self.forms[item.nodeid] = False
            server.kill()

    def run_item(self, item: pytest.Function, server: Server, last: bool) -> None:
        """Run one test body; raise Red if it or the server's end says so.

        Where the check itself fails, it tries once more: the machine may have refused it something.
        """
        for is_last_try in (False, True):
            try:
                self.run_body(item, server, last)
                return
            except (AssertionError, pytest.skip.Exception):
                raise  # a verdict
            except Exception as fault:
                if is_last_try:
                    raise fault_of_ours(fault) from fault
                server.kill()

    def run_body(self, item: pytest.Function, server: Server, last: bool) -> None:
        """Run one test body, once."""
        alone = item.get_closest_marker("alone")
        if not alone and not server.is_alive():
            try:
                with self.starting:
                    server.start()
            except StartFailed as failed:
                raise as_red(failed, server, 0) from None
        begun = server.errors_size()
        arguments = dict(item.callspec.params) if hasattr(item, "callspec") else {}
        if "server" in item.fixturenames:
            arguments["server"] = server
        try:
            item.obj(**arguments)
            if not alone and (last or not server.is_alive()):
                self.check_alive(server)
        except (Red, StartFailed, ConnectionError, TimeoutError) as reason:
            raise as_red(reason, server, begun) from None

    def check_alive(self, server: Server) -> None:
        """Raise Red unless the server answers the plainest request."""
        with ask(server, PLAINEST) as talk:
            if talk.response() is None and not talk.received:
                raise Red(
                    "After these requests the server answers no more.",
                    talk,
                    "an answer, as before",
                    "The server still runs, busy with one of these requests: is there a loop, or a "
                    "wait, that nothing ends?"
                    if server.is_alive()
                    else "One of these requests ended the server: stderr may tell how.",
                )

    def stop(self) -> None:
        """Let the lanes end after the clause at hand, and wait for them."""
        self.stopped.set()
        for lane in self.lanes:
            lane.join()


def as_red(reason: Red | StartFailed | OSError, server: Server, begun: int) -> Red:
    """Return reason as Red, with what the server wrote to stderr since position begun."""
    if isinstance(reason, StartFailed):
        red = Red(
            str(reason),
            None,
            "to start, and to listen on the port that the command line names",
            "What it wrote is shown as stderr. If that is missing: does the program listen on the "
            "port that it is given, as in server.py --host 127.0.0.1 --port 8888?",
        )
        red.stderr = gist_of(reason.stderr)
        red.read = "part1_single/README.md#listen"
        return red
    if isinstance(reason, OSError):
        red = Red(
            f"No connection could be made: {reason.strerror or reason}.",
            None,
            "a connection, as before",
            "One request took the server down. An exception on one connection must not end "
            "it: catch what a client can cause, OSError, around each connection, and go on.",
        )
    else:
        red = reason
    # Where nothing came, or nobody could connect, the server may be about to end.
    gone = not red.talks or not all(talk.received for talk in red.talks)
    ended = server.process and (server.ends_soon() if gone else not server.is_alive())
    see_busy(red)
    hear_stderr(red, server, begun)
    if ended and "server ended" not in red.problem:
        red.problem = f"{red.problem} The server has ended, with {server.describe_end()}."
    return red


def fault_of_ours(fault: Exception) -> Red:
    """Return what the check itself has failed with, as a verdict that does not blame the server."""
    frame = traceback.extract_tb(fault.__traceback__)[-1]
    where = f"{Path(frame.filename).name}, line {frame.lineno}"
    return Red(
        f"The check itself failed, twice: {type(fault).__name__}: {fault} ({where}).",
        likely="This is a fault of the check or of the machine, whatever your server does. If it "
        "stays when you run it again, report it.",
    )


def in_lane(item: pytest.Item) -> TypeGuard[pytest.Function]:
    """Return whether item runs in a lane: the tests of clauses, and of parts."""
    where = re.fullmatch("contract|part[0-9]", item.path.parent.name)
    return where is not None and isinstance(item, pytest.Function)


def group_of(item: pytest.Function) -> str:
    """Return what item runs together with, in one lane: its clause, or its module.

    Tests that wait for servers of their own wait side by side.
    """
    clause = clause_of(item)
    if clause and item.get_closest_marker("alone"):
        return f"{clause.id} {item.originalname}"
    return clause.id if clause else item.path.stem


def clause_of(item: pytest.Item) -> Clause | None:
    """Return the clause that item proves; None for tests outside the contract."""
    mark = item.get_closest_marker("clause")
    return CLAUSES[mark.args[0].id] if mark else None
