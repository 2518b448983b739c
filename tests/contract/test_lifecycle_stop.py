"""L14 to L18 and L22: SIGTERM, Ctrl-C, and a master that dies."""

import concurrent.futures
import contextlib
import os
import signal
import time

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import HOST, Conversation, ask
from tests.checker.expect import expect
from tests.checker.processes import is_running, members, wait_until
from tests.checker.server import Server
from tests.checker.target import Target
from tests.contract.hosted import answer, gate, request, token, wait_for_words
from tests.contract.shared import GET, cases
from tests.contract.workers import (
    CLOSE,
    LONG,
    PAUSE,
    check_free,
    check_no_traceback,
    check_nobody_left,
    check_serves,
    kill_all,
    serving,
    verdict,
    wait_for_end,
    wait_until_of_age,
    wait_until_taken,
    workers,
)

pytestmark = pytest.mark.alone

IN_A_HANDLER = (
    "Something ended where it stood: sys.exit() in a handler, or a worker that was killed. On "
    "SIGTERM the master tells its workers to leave, and each of them leaves when it is done."
)
STAYS = (
    "Who waits has to hear of the end too: put what says so (a pipe, say) into the selector, "
    "and close what is silent or idle when it speaks."
)
STATUS = (
    "0 says that all was done, anything else that something was given up. Look at how each "
    "worker ended before you say so."
)


def terminate(own: Server) -> None:
    """Send SIGTERM to the master alone, as an init system does."""
    assert own.process is not None
    own.process.send_signal(signal.SIGTERM)


def check_ended_well(own: Server, what: str) -> None:
    """Raise Red unless the server ends with status 0, nobody left, and the port is free."""
    status = wait_for_end(own)
    if status is None:
        raise verdict(f"{what}, and the master goes on.", "to end", STAYS)
    if status != 0:
        problem = f"{what}, all was answered, and it ended with {own.describe_end()}."
        raise verdict(problem, "exit status 0", STATUS)
    check_nobody_left(own, what, STAYS)
    check_free(own, f"{what}, and the port is taken.", seconds=LONG)
    check_no_traceback(own)


# ---- L14 -------------------------------------------------------------------------------

NO_CLOSE = (
    "The head of this answer was made after SIGTERM, and does not say close: the client thinks "
    "that it may ask again. Look whether the end has been said when you format a head."
)


@pytest.mark.waits(4)
@clause("L14")
@cases({"kept": b"", "closing": CLOSE})
def test_requests_in_flight_are_answered_whole(server, case):
    """Both workers are in the application when SIGTERM comes: both clients are answered, whole."""
    word = token()
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack, gate() as until:
        octets = request("wait", case, token=word, until=str(until))
        talks = [stack.enter_context(ask(own, octets)) for _ in range(2)]
        wait_for_words(own, word, 2)
        terminate(own)
        wait_until_taken(own, signal.SIGTERM)
        until.touch()
        for talk in talks:
            likely = dict.fromkeys(("closed", "short", "silent"), IN_A_HANDLER)
            response = expect(talk, {200}, likely=likely)
            if not response.closes:
                raise verdict("The answer does not say close.", "Connection: close", NO_CLOSE, talk)
            if not talk.reads_end():
                raise verdict("The connection is open.", "its end", STAYS, talk)
        check_ended_well(own, "SIGTERM came")


@pytest.mark.waits(4)
@clause("L14")
def test_an_answer_that_streams_is_sent_to_its_end(server):
    """The head has left and half of the content too when SIGTERM comes: the rest follows."""
    with serving(server, workers=2) as own, gate() as until:
        with ask(own, request("stream", until=str(until))) as talk:
            talk.wait(lambda: b"first" in talk.received)
            terminate(own)
            wait_until_taken(own, signal.SIGTERM)
            until.touch()
            response = expect(talk, {200}, likely=dict.fromkeys(("short", "closed"), IN_A_HANDLER))
            if b"second" not in response.content:
                problem = "The second half of the answer is missing."
                raise verdict(problem, "first second", IN_A_HANDLER, talk)
            if not talk.reads_end():
                raise verdict("The connection is open.", "its end", STAYS, talk)
        check_ended_well(own, "SIGTERM came")


@pytest.mark.waits(4)
@clause("L14")
def test_content_that_was_on_its_way_is_received(server):
    """Half of the content has come when SIGTERM comes: the other half is read, and answered."""
    head = b"POST /hello HTTP/1.1\r\n" + HOST + b"Content-Length: 8\r\n\r\nhalf"
    with serving(server, workers=2) as own, ask(own, head) as talk:
        talk.take(PAUSE)
        terminate(own)
        wait_until_taken(own, signal.SIGTERM)
        talk.send(b"half")
        response = expect(talk, {200}, likely=dict.fromkeys(("closed", "short"), IN_A_HANDLER))
        if not response.closes:
            raise verdict("The answer does not say close.", "Connection: close", NO_CLOSE, talk)
        check_ended_well(own, "SIGTERM came")


@pytest.mark.waits(3)
@clause("L14")
def test_idle_and_silent_connections_end(server):
    """Nothing is in flight: idle and silent connections end, and so does the server, with 0."""
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack:
        talks = [stack.enter_context(ask(own, GET)) for _ in range(6)]
        for talk in talks:
            expect(talk, {200})
        talks += [stack.enter_context(ask(own)) for _ in range(6)]
        talks[-1].take(PAUSE)
        terminate(own)
        for talk in talks:
            talk.wait(lambda talk=talk: talk.ended, LONG)
            if not talk.ended:
                problem = (
                    f"SIGTERM came {LONG:.0f} s ago, and a connection on which nothing "
                    "was asked is still open."
                )
                raise verdict(problem, "its end within 3 s", STAYS, talk)
            if talk.received[talk.read_to :]:
                likely = "Nobody asked: there is nothing to answer. Close, and say nothing."
                raise verdict("Something was sent that nobody asked for.", "its end", likely, talk)
        check_ended_well(own, "SIGTERM came")


@pytest.mark.waits(3)
@clause("L14")
def test_idle_connections_end_while_another_worker_is_busy(server):
    """One worker is in the application; the idle connection of the other one ends before it is."""
    word = token()
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack, gate() as until:
        busy = stack.enter_context(ask(own, request("wait", token=word, until=str(until))))
        wait_for_words(own, word)
        idle = stack.enter_context(ask(own, request("process")))
        kept = not expect(idle, {200}).closes
        terminate(own)
        if kept and not idle.reads_end(LONG):
            problem = "An idle connection is open while another worker is busy."
            raise verdict(problem, "its end within 3 s", STAYS, idle)
        until.touch()
        expect(busy, {200}, likely=dict.fromkeys(("closed", "short", "silent"), IN_A_HANDLER))
        check_ended_well(own, "SIGTERM came")


@pytest.mark.waits(3)
@clause("L14")
def test_with_nobody_there_it_ends_at_once(server):
    """Nobody is connected: SIGTERM ends it with status 0, and nobody is left."""
    with serving(server, workers=2) as own:
        answer(own, request("process", CLOSE))
        terminate(own)
        check_ended_well(own, "SIGTERM came")


# ---- L15 -------------------------------------------------------------------------------

QUEUE = (
    "They had connected and asked, and stood in the kernel's queue. close() on a listener "
    "resets whoever stands there: accept and serve until there is nobody left, then close."
)


@pytest.mark.waits(5)
@clause("L15")
@cases({"one-behind-one": (1, 1), "five-behind-two": (2, 5), "fifty-behind-two": (2, 50)})
def test_who_stood_in_the_queue_is_answered(server, case):
    """All workers are busy, clients have asked and wait; SIGTERM comes: each is answered."""
    count, more = case
    word = token()
    with serving(server, workers=count) as own, contextlib.ExitStack() as stack, gate() as until:
        octets = request("wait", token=word, until=str(until))
        talks = [stack.enter_context(ask(own, octets)) for _ in range(count)]
        wait_for_words(own, word, count)
        queued = [stack.enter_context(ask(own, request("process"))) for _ in range(more)]
        terminate(own)
        wait_until_taken(own, signal.SIGTERM)
        until.touch()
        for talk in talks:
            expect(talk, {200}, likely=IN_A_HANDLER)
        for talk in queued:
            likely = dict.fromkeys(("closed", "silent", "short"), QUEUE)
            expect(talk, {200}, likely=likely, words="200 for each who had asked")
        check_ended_well(own, "SIGTERM came")


@pytest.mark.waits(5)
@clause("L15")
def test_who_stood_in_the_queue_is_answered_where_workers_are_free_at_once(server):
    """Clients ask while the group is stopped, and SIGTERM comes first when it goes on."""
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack:
        answer(own, request("process", CLOSE))
        os.killpg(own.pid, signal.SIGSTOP)
        queued = [stack.enter_context(ask(own)) for _ in range(10)]
        for talk in queued:
            talk.send(request("process"), listening=False)
        terminate(own)
        os.killpg(own.pid, signal.SIGCONT)
        for talk in queued:
            likely = dict.fromkeys(("closed", "silent", "short"), QUEUE)
            expect(talk, {200}, likely=likely, words="200 for each who had asked")
        check_ended_well(own, "SIGTERM came")


# ---- L16 -------------------------------------------------------------------------------

FORGOTTEN = (
    "The listener was open, so the kernel accepted this client for somebody, and nobody came. "
    "Close it in every process, and before that take what the kernel has queued."
)


def connect_late(own: Server, stack: contextlib.ExitStack) -> Conversation | None:
    """Return a conversation that asks; None if the connection is refused."""
    try:
        return stack.enter_context(ask(own, request("process")))
    except OSError:
        return None


@pytest.mark.waits(5)
@clause("L16")
@cases({"all-busy": 2, "one-busy": 1})
def test_who_comes_late_is_refused_or_answered(server, case):
    """Clients come after SIGTERM while a worker is busy: refused, or answered whole."""
    word = token()
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack, gate() as until:
        octets = request("wait", token=word, until=str(until))
        talks = [stack.enter_context(ask(own, octets)) for _ in range(case)]
        wait_for_words(own, word, case)
        terminate(own)
        wait_until_taken(own, signal.SIGTERM)
        late = []
        for _ in range(5):
            late.append(connect_late(own, stack))
            time.sleep(PAUSE / 4)
        until.touch()
        for talk in talks:
            expect(talk, {200}, likely=IN_A_HANDLER)
        for talk in filter(None, late):
            words = "a connection that is refused, or a whole answer (200, or 503)"
            likely = dict.fromkeys(("closed", "silent", "short"), FORGOTTEN)
            expect(talk, {200, 503}, likely=likely, words=words)
        check_ended_well(own, "SIGTERM came")
        if connect_late(own, stack):
            problem = "The server has ended, and a connection could be made."
            raise verdict(problem, "a connection that is refused", FORGOTTEN)


@pytest.mark.waits(5)
@clause("L16")
def test_who_comes_when_the_queue_was_taken_is_refused_or_answered(server):
    """A worker has left with one from the queue; who comes now is refused, or answered whole."""
    first, second = token(), token()
    with serving(server, workers=1) as own, contextlib.ExitStack() as stack:
        until, later = stack.enter_context(gate()), stack.enter_context(gate())
        octets = request("wait", token=first, until=str(until))
        busy = stack.enter_context(ask(own, octets))
        wait_for_words(own, first)
        soon = stack.enter_context(ask(own, request("process")))
        octets = request("wait", token=second, until=str(later))
        queued = stack.enter_context(ask(own, octets))
        terminate(own)
        wait_until_taken(own, signal.SIGTERM)
        until.touch()
        expect(busy, {200}, likely=IN_A_HANDLER)
        expect(soon, {200}, likely=dict.fromkeys(("closed", "silent", "short"), QUEUE))
        wait_for_words(own, second)
        late = [connect_late(own, stack) for _ in range(3)]
        later.touch()
        expect(queued, {200}, likely=dict.fromkeys(("closed", "silent", "short"), QUEUE))
        for talk in filter(None, late):
            words = "a connection that is refused, or a whole answer (200, or 503)"
            likely = dict.fromkeys(("closed", "silent", "short"), FORGOTTEN)
            expect(talk, {200, 503}, likely=likely, words=words)


# ---- L17 -------------------------------------------------------------------------------

NO_GRACE_END = (
    "A stuck application keeps the old version alive. After --graceful-timeout the master "
    "ends what is left with SIGKILL, and exits with a status that is not 0."
)
SECOND = "Whoever asks twice is in a hurry: on a second signal kill what is left, and end."
LEFT_BEHIND = (
    "Ctrl-C goes to every process of the group. A worker that catches it, or ignores it, must "
    "hear of the end in another way, and at once."
)


@contextlib.contextmanager
def stuck_server(server: Server, **figures: int):
    """Hand out a server of two workers with an application in one that does not come back."""
    word = token()
    with serving(server, workers=2, **figures) as own:
        octets = request("hang", token=word, how="sleep")
        with ask(own, octets) as talk:
            wait_for_words(own, word)
            yield own, talk


@pytest.mark.waits(6)
@clause("L17")
@cases({"sleep": "sleep", "loop-in-c": "loop-in-c", "stopped": "stopped"})
def test_what_is_not_done_in_time_is_killed(server, case):
    """An application does not come back: after the grace it is killed, and the status says so."""
    word = token()
    with serving(server, workers=2, graceful_timeout=1) as own:
        with ask(own, request("hang", token=word, how=case)) as talk:
            wait_for_words(own, word)
            terminate(own)
            status = wait_for_end(own)
            if status is None:
                problem = f"The grace is 1 s, and {LONG:.0f} s later the master is there."
                raise verdict(problem, "to end", NO_GRACE_END, talk)
            if status == 0:
                problem = "A request was given up, and the exit status is 0."
                raise verdict(problem, "another status", STATUS, talk)
        check_nobody_left(own, "The grace is over", NO_GRACE_END)
        check_free(own, "The grace is over, and the port is taken.", seconds=LONG)


@pytest.mark.waits(5)
@clause("L17")
@cases({"sigterm": signal.SIGTERM, "sigint": signal.SIGINT})
def test_a_second_signal_ends_it_at_once(server, case):
    """SIGTERM, and before the grace of 30 s is over a second signal: it ends at once."""
    with stuck_server(server) as (own, talk):
        terminate(own)
        wait_until_taken(own, signal.SIGTERM)
        if not own.is_alive():
            raise verdict("It ended on the first SIGTERM.", "to wait", IN_A_HANDLER, talk)
        os.kill(own.pid, case)
        if wait_for_end(own) is None:
            problem = f"{case.name} came after SIGTERM, and {LONG:.0f} s later it is there."
            raise verdict(problem, "to end at once", SECOND, talk)
        check_nobody_left(own, f"SIGTERM and then {case.name} came", SECOND)


@pytest.mark.waits(4)
@clause("L17")
@cases({"idle": False, "with-a-stuck-application": True})
def test_ctrl_c_leaves_nobody_behind(server, case):
    """SIGINT goes to the whole group: it ends at once, nobody is left, without a traceback."""
    started = stuck_server(server) if case else serving(server, workers=2)
    with started as given:
        own = given[0] if isinstance(given, tuple) else given
        os.killpg(own.pid, signal.SIGINT)
        if wait_for_end(own) is None:
            raise verdict(f"{LONG:.0f} s after Ctrl-C it is there.", "to end", LEFT_BEHIND)
        check_nobody_left(own, "Ctrl-C was typed", LEFT_BEHIND)
        check_free(own, "Ctrl-C was typed, and the port is taken.", seconds=LONG)
        check_no_traceback(own)


# ---- L18 -------------------------------------------------------------------------------

ORPHANS = (
    "The master is gone, and its workers go on. Each watches the reading end of a pipe: "
    "end of file comes once the last process that holds the writing end has gone. fork() gives "
    "each worker a copy of the writing end too, which it has to close."
)
INHERITED_PIPE = (
    "The master is gone and a worker waits on: does a sibling hold a copy of the writing end, "
    "because it was forked later? Each worker closes it first."
)


@pytest.mark.waits(4)
@clause("L18")
@cases({"nobody": 0, "silent-and-idle": 3})
def test_idle_workers_go_when_the_master_has_died(server, case):
    """The master is killed: its idle workers are gone soon, and the port is free."""
    with serving(server, workers=3) as own, contextlib.ExitStack() as stack:
        for _ in range(case):
            stack.enter_context(ask(own))
            expect(stack.enter_context(ask(own, GET)), {200})
        check_serves(own, ORPHANS)
        os.kill(own.pid, signal.SIGKILL)
        wait_for_end(own)
        check_nobody_left(own, "The master was killed", ORPHANS)
        check_free(own, "The master was killed, and the port is taken.", ORPHANS, seconds=LONG)


@pytest.mark.waits(4)
@clause("L18")
def test_also_those_who_were_forked_later_go(server):
    """A worker was replaced before the master is killed: all are gone soon."""
    with serving(server, workers=3) as own:
        found = workers(own)
        wait_until_of_age(found)
        kill_all({min(found)})
        wait_until(lambda: len(workers(own)) == 3 and min(found) not in workers(own), LONG)
        check_serves(own, ORPHANS)
        os.kill(own.pid, signal.SIGKILL)
        wait_for_end(own)
        check_nobody_left(own, "A worker was replaced, the master killed", INHERITED_PIPE)


@pytest.mark.waits(5)
@clause("L18")
def test_a_busy_worker_finishes_its_request_first(server):
    """The master is killed while an application runs: it is answered, and then all are gone."""
    word = token()
    with serving(server, workers=2) as own, gate() as until:
        with ask(own, request("wait", token=word, until=str(until))) as talk:
            wait_for_words(own, word)
            os.kill(own.pid, signal.SIGKILL)
            wait_for_end(own)
            wait_until(lambda: len([one for one in members(own)]) == 1, 4.0)
            until.touch()
            likely = "A worker ended in the middle of its request because the master was gone."
            expect(talk, {200}, likely=likely)
        check_nobody_left(own, "The master was killed, the request answered", ORPHANS)
        check_free(own, "The master was killed, and the port is taken.", ORPHANS, seconds=LONG)


# ---- L22 -------------------------------------------------------------------------------

SIGNAL_LOST = (
    "SIGTERM came in an instant when nobody was looking: between a fork and the line that "
    "replaces the inherited handler, or inside another handler. Block the signals before the "
    "first fork, and take them one by one with sigwait()."
)
AT_ONCE = 4  # servers side by side


def light(server: Server) -> Target:
    """Return the server's target with an application that is loaded in an instant."""
    return server.target._replace(app="tests.apps.echo:application")


def end_in_an_instant(server: Server, what: str, delay: float) -> str:
    """Start a server, let something happen, send SIGTERM; return what is wrong then, or ""."""
    with serving(server, light(server), workers=2) as own:
        if what == "a-death":
            wait_until_of_age(workers(own))
            kill_all({max(workers(own), default=0)} - {0})
        elif what == "a-reload":
            os.kill(own.pid, signal.SIGHUP)
        time.sleep(delay)
        terminate(own)
        if wait_for_end(own, LONG) is None:
            return f"{delay * 1000:.0f} ms after {what} SIGTERM came, and the master goes on."
        if not wait_until(lambda: not any(is_running(one.pid) for one in members(own)), LONG):
            return f"{delay * 1000:.0f} ms after {what} SIGTERM came, and a worker goes on."
        return ""


def end_at_the_start(server: Server, _: str, delay: float) -> str:
    """The same for the instant in which the first workers are forked."""
    with Server(server.target, figures=server.figures._replace(workers=4)) as own:
        time.sleep(delay)
        terminate(own)
        if wait_for_end(own, LONG) is None:
            return f"{delay * 1000:.0f} ms after it listened SIGTERM came, and it goes on."
        if not wait_until(lambda: not any(is_running(one.pid) for one in members(own)), LONG):
            return f"{delay * 1000:.0f} ms after it listened SIGTERM came; a worker goes on."
        return ""


def check_every_time(server: Server, what: str, rounds: int) -> None:
    """Raise Red unless SIGTERM ends each of so many servers, after delays of up to 50 ms."""
    end = end_at_the_start if what == "the-start" else end_in_an_instant
    delays = [0.05 * (number / rounds) ** 2 for number in range(rounds)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        wrong = [*filter(None, pool.map(lambda delay: end(server, what, delay), delays))]
    if wrong:
        problem = f"{len(wrong)} of {rounds} times: {wrong[0]}"
        raise verdict(problem, "its end, every time", SIGNAL_LOST)


@pytest.mark.waits(14)
@clause("L22")
@cases({"a-death": "a-death", "a-reload": "a-reload", "the-start": "the-start"})
def test_sigterm_in_the_same_instant_ends_it(server, case):
    """SIGTERM comes 0 to 50 ms after a death, a reload or the start, and ends it every time."""
    check_every_time(server, case, 12)


@pytest.mark.waits(5)
@clause("L22")
def test_a_burst_of_all_signals_ends_it(server):
    """SIGCHLD, SIGHUP and SIGTERM come together, while workers die: it ends."""
    with serving(server, light(server), workers=2) as own:
        wait_until_of_age(workers(own))
        kill_all(workers(own))
        for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM):
            os.kill(own.pid, number)
        if wait_for_end(own, LONG) is None:
            raise verdict("SIGTERM came among others, and it goes on.", "to end", SIGNAL_LOST)
        check_nobody_left(own, "SIGTERM came among others", SIGNAL_LOST)
