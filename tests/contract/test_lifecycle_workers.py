"""L01 to L06: workers that stay, are replaced when they die, and are ended when they hang."""

import contextlib
import os
import re
import signal
import time

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import Conversation, ask
from tests.checker.expect import expect
from tests.checker.processes import is_running, wait_until
from tests.checker.server import Server
from tests.contract.hosted import gate, json_of, request, token, wait_for_words
from tests.contract.shared import cases
from tests.contract.workers import (
    CLOSE,
    LONG,
    PAUSE,
    check_kept,
    check_serves,
    kill_all,
    process_of,
    said,
    serving,
    verdict,
    wait_for_workers,
    wait_until_of_age,
    wait_until_said,
    workers,
    zombies,
)

pytestmark = pytest.mark.alone

# ---- L01 -------------------------------------------------------------------------------

HELD_BACK = (
    "A worker took a client in while it still had one to serve, and a second worker is idle. "
    "Accept one client, read what it asks, serve it, and only then look for the next."
)
REFUSED = (
    "Who comes while every worker is busy waits in the kernel's queue: do not accept what you "
    "cannot serve yet, and do not turn it away."
)
ROUNDS = 6


def ask_to_wait(own: Server, stack: contextlib.ExitStack, word: str, until: object) -> Conversation:
    """Return a conversation whose application waits at the gate."""
    return stack.enter_context(ask(own, request("wait", CLOSE, token=word, until=str(until))))


def check_inside(own: Server, word: str, count: int, talks: list[Conversation]) -> None:
    """Raise Red unless count applications are inside."""
    if (inside := len(wait_for_words(own, word, count))) < count:
        problem = f"{inside} of {count} applications were inside, and none had answered yet."
        permitted = f"{count} applications inside at once, one in each of {count} workers"
        raise verdict(problem, permitted, HELD_BACK, talks[-1])


@pytest.mark.waits(4)
@clause("L01")
@cases({"one": 1, "two": 2, "four": 4})
def test_as_many_applications_run_at_once_as_there_are_workers(server, case):
    """N clients ask as they connect, N workers are free, and N applications are inside at once."""
    with serving(server, workers=case) as own:
        for _ in range(ROUNDS):
            with contextlib.ExitStack() as stack, gate() as until:
                word = token()
                talks = [ask_to_wait(own, stack, word, until) for _ in range(case)]
                check_inside(own, word, case, talks)
                until.touch()
                for talk in talks:
                    expect(talk, {200})


@clause("L01")
def test_a_second_client_is_served_while_the_first_one_is(server):
    """A client asks while one of two workers is busy: the other one serves it, every time."""
    with serving(server, workers=2) as own:
        for _ in range(ROUNDS):
            with contextlib.ExitStack() as stack, gate() as until:
                word = token()
                talks = [ask_to_wait(own, stack, word, until)]
                check_inside(own, word, 1, talks)
                talks.append(ask_to_wait(own, stack, word, until))
                check_inside(own, word, 2, talks)
                until.touch()
                for talk in talks:
                    expect(talk, {200})


@clause("L01")
def test_who_finds_every_worker_busy_waits_and_is_answered(server):
    """Ten clients more than there are workers ask: they wait, and each is answered in the end."""
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack, gate() as until:
        word = token()
        talks = [ask_to_wait(own, stack, word, until) for _ in range(2)]
        check_inside(own, word, 2, talks)
        talks += [ask_to_wait(own, stack, word, until) for _ in range(10)]
        talks[2].take(PAUSE)
        if talks[2].ended or talks[2].received:
            problem = "Every worker is busy, and the next client was not left to wait."
            raise verdict(problem, "200, once a worker is free", REFUSED, talks[2])
        until.touch()
        for talk in talks:
            likely = dict.fromkeys(("silent", "closed", "refused"), REFUSED)
            expect(talk, {200}, likely=likely, words="200 for every client")


# ---- L02 -------------------------------------------------------------------------------

NEW_PROCESS = (
    "A process served that is none of the workers. Fork once, at the start: a worker serves "
    "one client after the other, and lives on."
)
FORGETS = (
    "A worker is the same process from one request to the next, and so a module's variables "
    "keep what was put there. This one forgot: was it forked for the request?"
)


@pytest.mark.waits(3)
@clause("L02")
def test_the_same_processes_serve_again_and_again(server):
    """Over 200 requests, the pids are those of the N workers, and a module's counter grows."""
    with serving(server, workers=2) as own:
        counts: dict[int, int] = {}
        for _ in range(200):
            with ask(own, request("process", CLOSE)) as talk:
                report = json_of(talk, expect(talk, {200}))
            pid, served = report["pid"], report["served"]
            counts[pid] = counts.get(pid, 0) + 1
            if len(counts) > 2:
                problem = f"{len(counts)} processes have served {sum(counts.values())} requests."
                raise verdict(problem, "pids of the 2 workers only", NEW_PROCESS, talk)
            if served != counts[pid]:
                problem = f"Process {pid} has served {counts[pid]} requests and counts {served}."
                raise verdict(problem, f"served: {counts[pid]}", FORGETS, talk)


UNHARMED = {
    "an-exception": request("fail", CLOSE, how="raise"),
    "a-system-exit": request("fail", CLOSE, how="exit"),
    "a-late-exception": request("fail-late", CLOSE),
    "a-refusal": b"x\r\n\r\n",
    "half-a-request": b"GET / HTTP/1.1\r\nHost",
    "nothing": b"",
}


@clause("L02")
@cases(UNHARMED)
def test_a_worker_survives_what_a_request_does(server, case):
    """After a request that fails, the workers are the ones that there were."""
    with serving(server, workers=2) as own:
        before = workers(own)
        for _ in range(3):
            with ask(own, *([case] if case else []), half_close=True) as talk:
                talk.reads_end()
        check_serves(own, "One request took the worker down.")
        likely = "An exception climbed out of the worker's loop: catch it around each request."
        check_kept(own, before, "Three requests failed", likely)


# ---- L03 -------------------------------------------------------------------------------

NOT_REPLACED = (
    "A worker has died and nobody took its place. The master waits for its children in a "
    "loop, waitpid(-1, WNOHANG) until there is none left, and forks until there are N again: "
    "one SIGCHLD can stand for many deaths."
)
NOT_WAITED_FOR = (
    "The dead worker is a zombie: the master has forked anew and did not wait for the old one."
)


def check_replaced(own: Server, count: int, gone: set[int], what: str) -> None:
    """Raise Red unless there are count workers again, none of them in gone, and no zombie."""
    found = wait_for_workers(own, count, but=gone)
    if not own.is_alive():
        own.wait()
        problem = f"{what}, and the server ended with {own.describe_end()}."
        raise verdict(problem, f"{count} workers again", NOT_REPLACED)
    if len(found) != count or found & gone:
        left = len(found - gone)
        are = "is 1 worker" if left == 1 else f"are {left} workers"
        problem = f"{what}, and {LONG:.0f} s later there {are}."
        raise verdict(problem, f"{count} workers again", NOT_REPLACED)
    if not wait_until(lambda: not zombies(own), LONG):
        problem = f"{what}, and it is still a zombie: {zombies(own)}."
        raise verdict(problem, "no zombie", NOT_WAITED_FOR)
    check_serves(own, NOT_REPLACED)


@pytest.mark.waits(14)
@clause("L03")
@cases({"one": 1, "both-at-once": 2, "four-at-once": 4})
def test_workers_that_are_killed_are_replaced(server, case):
    """Workers that were killed are waited for and replaced, three times in a row."""
    count = max(case, 2)
    with serving(server, workers=count) as own:
        for _ in range(3):
            found = workers(own)
            wait_until_of_age(found)
            killed = set(sorted(found)[:case])
            kill_all(killed)
            check_replaced(own, count, killed, f"{case} of {count} workers were killed")


@pytest.mark.waits(4)
@clause("L03")
@cases({"os-exit": "os-exit", "sigkill": "SIGKILL", "sigsegv": "SIGSEGV"})
def test_a_worker_that_dies_takes_only_its_client_with_it(server, case):
    """The client of a worker that dies sees the end; the one beside it is answered."""
    with serving(server, workers=2) as own, contextlib.ExitStack() as stack:
        until, later = stack.enter_context(gate()), stack.enter_context(gate())
        first, second = token(), token()
        octets = request("die", CLOSE, token=first, until=str(until), how=case)
        dies = stack.enter_context(ask(own, octets))
        pid = int(wait_for_words(own, first)[0].removeprefix("pid "))
        lives = ask_to_wait(own, stack, second, later)
        check_inside(own, second, 1, [lives])
        wait_until_of_age({pid})
        until.touch()
        if not dies.reads_end():
            likely = "Somebody else holds a copy of this connection: the master, or a sibling."
            problem = "The worker is dead, and the connection of its client is open."
            raise verdict(problem, "the end of the connection, at once", likely, dies)
        check_replaced(own, 2, {pid}, "A worker died")
        later.touch()
        expect(lives, {200}, likely="The death of one worker was felt by the client of another.")


@clause("L03")
def test_an_exit_in_a_place_that_escapes_leaves_n_workers(server):
    """SystemExit out of close(): the worker lives on, or another one takes its place."""
    with serving(server, workers=2) as own:
        wait_until_of_age(workers(own))
        with ask(own, request("raise-in-close", CLOSE)) as talk:
            talk.reads_end()
        check_replaced(own, 2, set(), "close() raised SystemExit")


# ---- L04 -------------------------------------------------------------------------------

STANDS = (
    "The application hangs and its worker is left alone. Let the worker note each piece of "
    "progress where the master can see it, let the master look once per tick, and SIGKILL the "
    "one that has noted nothing for --timeout seconds. A thread or a timer that beats is no "
    "progress: it goes on while the application hangs."
)
WHERE = (
    "Before you kill it, ask it: faulthandler writes the Python stack to stderr on a signal, "
    "in C and with no step of Python, so that it works in a loop too (SIGCONT for one that "
    "was stopped)."
)
HANGS = ("loop", "sleep", "lock", "read", "loop-in-c", "stopped")


@pytest.mark.waits(16)
@clause("L04")
@cases(
    {how: (how, "head") for how in HANGS}
    | {"stream": ("sleep", "chunk"), "close": ("sleep", "close")}
)
def test_a_worker_that_hangs_is_ended(server, case):
    """A worker that makes no progress for --timeout is ended; stderr says which, and where."""
    how, where = case
    word = token()
    with serving(server, workers=2, timeout=1) as own:
        with ask(own, request("hang", CLOSE, token=word, how=how, where=where)) as talk:
            pid = int(wait_for_words(own, word)[0].removeprefix("pid "))
            talk.wait(lambda: talk.ended, LONG)
            if not wait_until(lambda: not is_running(pid), LONG if talk.ended else 1.0):
                problem = f"The application hangs, and its worker (pid {pid}) is still there."
                raise verdict(problem, "the end of the worker after 1 s or 2", STANDS, talk)
            if not talk.ended:
                problem = "The worker is gone, and the connection of its client is open."
                raise verdict(problem, "the end of the connection", STANDS, talk)
            response = talk.response()
            looks_whole = response and response.whole and response.framing != "close"
            if looks_whole and (response.status or 0) < 500 and where != "close":
                problem = "The application never came back, and the client got a whole answer."
                raise verdict(
                    problem, "the end of the connection (or a 5xx: 502, 504)", STANDS, talk
                )
        wait_for_workers(own, 2, but={pid})
        check_serves(own, STANDS)
        if not wait_until_said(own, rf"\b{pid}\b"):
            raise verdict(f"stderr does not name the worker {pid}.", f"its pid, {pid}", WHERE, talk)
        if own.is_ours() and not re.search("in (stand_still|hang)", said(own)):
            problem = "stderr does not say where the Python of the worker stood."
            raise verdict(problem, "the stack, with the function that hangs", WHERE, talk)


@pytest.mark.waits(6)
@clause("L04")
def test_all_workers_may_hang_at_once(server):
    """Every worker hangs: all are ended, and the client who waited meanwhile is answered."""
    word = token()
    with serving(server, workers=2, timeout=1) as own, contextlib.ExitStack() as stack:
        octets = request("hang", CLOSE, token=word, how="sleep")
        for _ in range(2):
            stack.enter_context(ask(own, octets))
        hung = {int(one.removeprefix("pid ")) for one in wait_for_words(own, word, 2)}
        check_serves(own, STANDS)
        found = wait_for_workers(own, 2, but=hung)
        if found & hung:
            problem = f"Of two that hang, {len(found & hung)} are still there."
            raise verdict(problem, "none of them", STANDS)


# ---- L05 -------------------------------------------------------------------------------

SLOW_IS_NOT_HUNG = (
    "Progress is every octet that comes, every chunk that goes and every turn of the loop, "
    "not only the end of a request. Note it at each of them."
)
WAITING_IS_NOT_HUNG = (
    "A worker that waits for clients does what it is there for. Let its wait time out, well "
    "before the master looks, and note that as progress."
)
WAITING_FOR_ONE = (
    "How long a client may take, --client-timeout says. Until then its worker waits in short "
    "pieces, and notes each of them as progress: it is not the one that hangs."
)
TIMEOUT = 2  # seconds: some servers look at their workers once a second
DROPS, DROP_SECONDS = 26, 0.25  # more than three times that


@pytest.mark.waits(15)
@clause("L05")
@cases({"iterated": "", "written": "1"})
def test_an_answer_that_takes_long_is_sent_whole(server, case):
    """An answer streamed for three times --timeout, a chunk every quarter second, arrives whole."""
    with serving(server, workers=2, timeout=TIMEOUT) as own:
        before = workers(own)
        octets = request("drip", CLOSE, count=str(DROPS), pause=str(DROP_SECONDS), write=case)
        with ask(own, octets) as talk:
            talk.wait(lambda: talk.ended, LONG + DROPS * DROP_SECONDS)
            likely = dict.fromkeys(("closed", "short", "silent"), SLOW_IS_NOT_HUNG)
            response = expect(talk, {200}, likely=likely)
            if response.content.count(b"drop ") != DROPS:
                problem = f"{response.content.count(b'drop ')} of {DROPS} chunks came."
                raise verdict(problem, f"all {DROPS} chunks", SLOW_IS_NOT_HUNG, talk)
        check_kept(own, before, "It streamed an answer", SLOW_IS_NOT_HUNG)


@pytest.mark.waits(15)
@clause("L05")
@cases({"with-length": False, "chunked": True})
def test_an_upload_that_takes_long_arrives_whole(server, case):
    """Content that comes for three times --timeout, 8 KiB every quarter second, arrives whole."""
    with serving(server, workers=2, timeout=TIMEOUT) as own:
        before, piece = workers(own), b"x" * 8192
        framing = b"Transfer-Encoding: chunked" if case else b"Content-Length: %d" % (DROPS * 8192)
        with ask(own, request("/upload", CLOSE + framing + b"\r\n", method="POST")) as talk:
            for _ in range(DROPS):
                time.sleep(DROP_SECONDS)
                talk.send(b"2000\r\n%b\r\n" % piece if case else piece, listening=False)
            if case:
                talk.send(b"0\r\n\r\n")
            likely = dict.fromkeys(("closed", "short", "silent", "refused"), SLOW_IS_NOT_HUNG)
            response = expect(talk, {200}, likely=likely)
            if not response.content.endswith(piece) or response.content.count(b"x") < DROPS * 8192:
                problem = "Not all of the content arrived."
                raise verdict(problem, f"{DROPS * 8192} octets", SLOW_IS_NOT_HUNG, talk)
        check_kept(own, before, "It received an upload", SLOW_IS_NOT_HUNG)


@pytest.mark.waits(10)
@clause("L05")
def test_a_worker_that_waits_for_clients_is_not_hung(server):
    """Nobody asks for three times --timeout, and the workers are the same as before."""
    with serving(server, workers=2, timeout=TIMEOUT) as own:
        check_serves(own, WAITING_IS_NOT_HUNG)
        before = workers(own)
        wait_until(lambda: workers(own) != before, 3 * TIMEOUT)
        check_kept(own, before, "Nobody asked for a while", WAITING_IS_NOT_HUNG)
        check_serves(own, WAITING_IS_NOT_HUNG)


IN_THE_MIDDLE = {
    "of-a-head": (b"GET /hello HTTP/1.1\r\n", b"Host: a\r\nConnection: close\r\n\r\n"),
    "of-content": (
        b"POST /hello HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab",
        b"cd",
    ),
}


@pytest.mark.waits(13)
@clause("L05")
@cases(IN_THE_MIDDLE)
def test_a_worker_that_waits_for_its_client_is_not_hung(server, case):
    """A client pauses for longer than --timeout but within --client-timeout, and is answered."""
    first, rest = case
    if not server.target.takes("client_timeout"):
        pytest.skip("how long it waits for a client is its own business")
    with serving(server, workers=2, timeout=TIMEOUT) as own:
        before = workers(own)
        with ask(own, first) as talk:
            wait_until(lambda: talk.take() or workers(own) != before, 2.5 * TIMEOUT)
            talk.send(rest)
            likely = dict.fromkeys(("closed", "silent", "refused"), WAITING_FOR_ONE)
            expect(talk, {200}, likely=likely)
        check_kept(own, before, "A client paused", WAITING_FOR_ONE)


# ---- L06 -------------------------------------------------------------------------------

PAUSE_OF_ALL = 5.5  # seconds, nearly three times the timeout
CLOCK_RAN = (
    "While everybody was stopped the clock ran, and then it showed that nobody had done "
    "anything. Count ticks of the master instead of seconds: a pause of everybody is one tick."
)


def stop_everybody(own: Server, seconds: float) -> None:
    """Stop the server's whole group for that time, as a laptop does whose lid is closed."""
    os.killpg(own.pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.killpg(own.pid, signal.SIGCONT)


@pytest.mark.waits(8)
@clause("L06")
def test_a_pause_of_everybody_ends_nobody(server):
    """The group is stopped for three times --timeout and goes on: the pids are the same."""
    with serving(server, workers=2, timeout=TIMEOUT) as own:
        check_serves(own, CLOCK_RAN)
        before = workers(own)
        stop_everybody(own, PAUSE_OF_ALL)
        wait_until(lambda: workers(own) != before, 1.5 * TIMEOUT)
        check_kept(own, before, f"The group was stopped for {PAUSE_OF_ALL} s", CLOCK_RAN)
        check_serves(own, CLOCK_RAN)


@pytest.mark.waits(19)
@clause("L06")
@cases({"in-the-application": "wait", "in-the-answer": "stream"})
def test_a_request_survives_a_pause_of_everybody(server, case):
    """The group is stopped while a request is in flight: it is answered whole afterwards."""
    word = token()
    with serving(server, workers=2, timeout=TIMEOUT) as own, gate() as until:
        before = workers(own)
        with ask(own, request(case, CLOSE, token=word, until=str(until))) as talk:
            if case == "wait":
                wait_for_words(own, word)
            else:
                talk.wait(lambda: b"first" in talk.received)
            os.killpg(own.pid, signal.SIGSTOP)
            time.sleep(PAUSE_OF_ALL)
            until.touch()
            os.killpg(own.pid, signal.SIGCONT)
            likely = dict.fromkeys(("closed", "short", "silent"), CLOCK_RAN)
            expect(talk, {200}, likely=likely)
        wait_until(lambda: workers(own) != before, 1.5 * TIMEOUT)
        check_kept(own, before, f"The group was stopped for {PAUSE_OF_ALL} s", CLOCK_RAN)
        process_of(own)
