"""P01 to P12: what the processes of a server do, seen from outside."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import HOST, Conversation, ask
from tests.checker.evidence import Evidence, say_of_status
from tests.checker.expect import expect
from tests.checker.patience import ANSWER_SECONDS
from tests.checker.processes import (
    Member,
    acceptor,
    describe_members,
    descriptors,
    is_running,
    meddling_target,
    members,
    other_members,
    own_server,
    pids,
    sockets,
    wait_until,
)
from tests.checker.refusal import check_refusal
from tests.checker.server import SAID, Server
from tests.checker.stderr import gist_of
from tests.checker.verdict import Red
from tests.contract.hosted import answer, gate, json_of, request, token, wait_for_words
from tests.contract.shared import GET, PAUSE_SECONDS, SOON, ask_without_reading, cases, soon
from tests.contract.workers import (
    CLOSE,
    EARS,
    check_free,
    check_serves,
    kill_all,
    serving,
    verdict,
    wait_for_workers,
    wait_until_of_age,
    workers,
)
from tests.parts import PARTS, ROOT

TOGETHER = 16  # clients that are served at once
BURST = 128  # clients that end at once, as many as the backlog holds
GONE_SECONDS = 5.0  # until children have ended and are waited for: ours may linger for 2 of them


@contextlib.contextmanager
def crowd(server: Server, count: int) -> Iterator[list[Conversation]]:
    """Have count applications run at once, as far as the server lets them, then release them.

    Hands out the conversations once they have run; each has its answer by then, or is late.
    """
    word = token()
    with contextlib.ExitStack() as stack, gate() as until:
        octets = request("wait", CLOSE, token=word, until=str(until))
        talks = [stack.enter_context(ask(server, octets)) for _ in range(count)]
        wait_for_words(server, word, at_once(server, count))
        until.touch()
        for talk in talks:  # 503: a server may limit how many it serves at once
            expect(talk, {200, 503}, words="200 (or 503 from a server that has a limit)")
        yield talks


def has_workers(server: Server) -> bool:
    """Return whether a few processes serve one client after the other, as in part 4."""
    return "L" in PARTS[server.target.part].letters


def at_once(server: Server, count: int = TOGETHER) -> int:
    """Return how many of count clients the server has to serve at once."""
    return min(count, server.figures.workers) if has_workers(server) else count


def wait_until_ended(
    server: Server, known: set[int], seconds: float = GONE_SECONDS
) -> list[Member]:
    """Return the children that have not ended once all should have."""

    def find_left() -> list[Member]:
        return [one for one in other_members(server, known) if one.state != psutil.STATUS_ZOMBIE]

    wait_until(lambda: not find_left(), seconds)
    return find_left()


def wait_until_idle(own: Server) -> None:
    """Return once the children of earlier connections have ended; workers stay."""
    if not has_workers(own):
        wait_until_ended(own, {acceptor(own), own.pid})


def wait_until_reaped(server: Server, known: set[int]) -> list[Member]:
    """Return the children that are there in any state once all should have been waited for."""
    wait_until(lambda: not other_members(server, known), GONE_SECONDS)
    return other_members(server, known)


# ---- P01 -------------------------------------------------------------------------------

ALONE = (
    "The server serves one request after the other: others wait in the backlog, which looks "
    "like being served until the first one takes long. Does the parent wait for its child "
    "(os.wait, os.waitpid without WNOHANG) before it accepts again? Fork, and go on."
)

SOME = "There is a limit, or a pool of processes, or some are served by the process that accepts."


def why_none_is_inside(talk: Conversation) -> str:
    """Return what is likely where no application runs, by what came instead."""
    talk.take(PAUSE_SECONDS)
    response = talk.parse_next("GET", whole=False)
    if response:
        return say_of_status(Evidence(talk, response.status), INSTEAD)
    return "The connection ended unanswered." if talk.ended else NONE_INSIDE


INSTEAD = "The server answered, instead of calling the application that it was given."
NONE_INSIDE = (
    "Not one application was called, and no answer came: does the server read the request to its "
    "empty line, and then call the application?"
)


@clause("P01")
def test_slow_requests_are_served_at_once(server):
    """Sixteen slow requests are served at once, each by an application of its own."""
    word = token()
    with contextlib.ExitStack() as stack, gate() as until:
        count = at_once(server)
        octets = request("wait", token=word, until=str(until))
        talks = [stack.enter_context(ask(server, octets)) for _ in range(count)]
        inside = len(wait_for_words(server, word, count))
        until.touch()
        if inside < count:
            raise verdict(
                f"{inside} of {count} applications were inside when all had been asked for, "
                f"and none had answered yet.",
                f"{count} applications inside at once, for {count} clients",
                ALONE if inside == 1 else SOME if inside else why_none_is_inside(talks[0]),
                talks[0],
            )
        for talk in talks:
            expect(talk, {200}, words="200 for every client")


# ---- P02 -------------------------------------------------------------------------------

KEPT_WAITING = (
    "The process that accepts must not read, write or wait for a client: all of "
    "that belongs in the child."
)

BLOCKS = (
    "When the first child had ended, the parent waited for the others: waitpid() without "
    "WNOHANG blocks until one of them ends, and they wait for their clients."
)


def ask_and_stay(server: Server) -> Conversation:
    """Return a connection that was answered, and that the client keeps open."""
    talk = ask(server, GET)
    expect(talk, {200})
    return talk


@pytest.mark.waits(5.5)
@clause("P02")
@cases(
    {
        "silent": ask,
        "slow": lambda server: ask(server, GET[:25]),
        "slow-with-content": lambda server: ask(
            server, b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\nhal"
        ),
        "stuck": lambda server: ask_without_reading(server, request("large")),
        "idle": ask_and_stay,
    }
)
def test_a_client_that_takes_long_keeps_no_other_waiting(server, case):
    """The next client is answered at once, however long three others take."""
    if has_workers(server) and case not in (ask, ask_and_stay):
        pytest.skip("in the middle of a request a client holds one worker: L08 to L10")
    wait_until(lambda: len(members(server)) <= 1, 1.0)  # no signal of an earlier child is due
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(case(server)).deliver()
        if not has_workers(server):
            wait_until(lambda: len(members(server)) > 3, 1.0)  # each of the three has its process
        known, waits = pids(server), []
        for number in range(3):  # the end of one is a signal to the parent, before the next
            begun = time.monotonic()
            with ask(server, GET) as talk:
                likely = dict.fromkeys(("silent", "closed"), BLOCKS if number else KEPT_WAITING)
                expect(talk, {200}, likely=likely, words="200 at once for the next client")
            waits.append(time.monotonic() - begun)
            wait_until_ended(server, known)
        if min(waits) > soon(server):
            problem = f"The next client waited {min(waits):.1f} s, three times."
            raise verdict(problem, "200 at once for the next client", KEPT_WAITING, talk)


# ---- P03 -------------------------------------------------------------------------------

NOBODY = (
    "Nobody waits for the children. The kernel keeps the pid and the status of each until "
    "its parent asks: os.waitpid(-1, os.WNOHANG) in a handler for SIGCHLD."
)
ONCE = (
    "SIGCHLD is not queued: one signal can stand for many children. Wait in a loop, until "
    "waitpid(-1, os.WNOHANG) returns (0, 0) or raises ChildProcessError."
)


@pytest.mark.waits(4)
@clause("P03")
@cases({"one-after-the-other": 1, "a-burst-of-128": BURST})
def test_no_zombie_is_left(server, case):
    """Every child that has ended is waited for, with no further connection."""
    count, first = case, []
    for _ in range(3):  # one signal in a thousand comes in the instant before accept() sleeps
        known = pids(server)
        with crowd(server, count) as talks:
            left = wait_until_reaped(server, known)
        if not left:
            return
        first = first or left
    left = first
    zombies = [member for member in left if member.state == psutil.STATUS_ZOMBIE]
    whom = f"{len(zombies)} of {count} children were" if count > 1 else "The one child was"
    problem = (
        f"{whom} never waited for, with no further connection, three times in a row: "
        f"{describe_members(zombies)}."
    )
    if not zombies:
        problem = f"{len(left)} of {count} children are still there: {describe_members(left)}."
    likely = ONCE if count > 1 else NOBODY
    if not zombies:
        likely = "A child that has served its connection ends: os._exit() in a finally."
    found = verdict(problem, f"no child left, of {count} that ended at once", likely, talks[0])
    found.read = "part3_forking/README.md#one-signal-for-many" if likely == ONCE else ""
    raise found


@clause("P03")
def test_no_zombie_is_left_of_those_who_were_refused_or_left(server):
    """Children are waited for also where the client was refused, or left early."""
    known = pids(server)
    for octets in (b"", b"x\r\n\r\n", GET[:20]):
        with ask(server, *([octets] if octets else []), half_close=True) as talk:
            talk.reads_end()
    if left := wait_until_reaped(server, known):
        problem = f"{len(left)} of 3 children are still there: {describe_members(left)}."
        raise verdict(problem, "no child left, whatever the client did", NOBODY, talk)


# ---- P04 -------------------------------------------------------------------------------

COPY = (
    "fork() copies every descriptor. The kernel ends a connection when the last copy is "
    "closed, so the parent must close its own, at once after the fork."
)


@clause("P04")
def test_the_parent_keeps_no_connection(server):
    """The parent closes its copy of every connection that it hands to a child."""
    with own_server(server.target) as own:
        parent = acceptor(own)
        before = descriptors(parent)
        with contextlib.ExitStack() as stack:
            talks = [stack.enter_context(ask(own, GET)) for _ in range(20)]
            for talk in talks:
                talk.wait(lambda talk=talk: b"\r\n\r\n" in talk.received)
            wait_until_ended(own, {parent})
            wait_until(lambda: descriptors(parent) <= before, GONE_SECONDS)
            held = [what for what in sockets(parent, own.port) if what[1] != "the listener"]
            after = descriptors(parent)
            if held:
                fd, what = held[0]
                problem = (
                    f"The parent (pid {parent}) still holds {len(held)} of 20 connections "
                    f"when all children are gone: descriptor {fd} {what}, and so on."
                )
                permitted = (
                    "the end of the connection when the child is done; the parent "
                    f"with its {before} descriptors"
                )
                raise verdict(problem, permitted, COPY, talks[-1])
        wait_until(lambda: descriptors(parent) <= before + 1, 1.0)
        with crowd(own, BURST):
            pass
        wait_until(lambda: descriptors(parent) <= after, GONE_SECONDS)
        if (end := descriptors(parent)) > after:
            problem = (
                f"The parent (pid {parent}) had {after} descriptors before a burst of "
                f"{BURST}, and has {end} after it."
            )
            likely = COPY
            if not [what for what in sockets(parent, own.port) if what[1] != "the listener"]:
                likely = (
                    "They are not connections. Something is opened for each child, such as a pipe, "
                    "and never closed."
                )
            raise verdict(problem, f"{after} descriptors, as before", likely)


@clause("P04")
def test_a_sibling_holds_no_connection(server):
    """A child holds its own connection only, none of another client."""
    first, second = token(), token()
    with gate() as until, gate() as later:
        with contextlib.ExitStack() as stack:
            octets = request("wait", CLOSE, token=first, until=str(until))
            talk = stack.enter_context(ask(server, octets))
            wait_for_words(server, first)
            octets = request("wait", token=second, until=str(later))
            stack.enter_context(ask(server, octets))
            wait_for_words(server, second)
            until.touch()
            expect(talk, {200})
            if talk.response() is None and not talk.reads_end():
                problem = "The child is done, and the connection is open while another child works."
                likely = (
                    "The parent still had this connection when it forked for the next client, "
                    "who holds a copy now. Close it right after the fork, not later."
                )
                raise verdict(problem, "the end of the connection, at once", likely, talk)


@clause("P04")
def test_the_child_holds_no_listener(server):
    """A child does not hold the listener, and the port is free once the parent is gone."""
    if has_workers(server):
        pytest.skip("a worker accepts: that it goes when the master has gone, asks L18")
    word = token()
    with own_server(server.target) as own, gate() as until:
        known = pids(own)
        with ask(own, request("wait", token=word, until=str(until))) as talk:
            wait_for_words(own, word)
            for member in other_members(own, known):
                for fd, what in sockets(member.pid, own.port):
                    if what == "the listener":
                        problem = (
                            f"The child (pid {member.pid}) holds the listener, as descriptor {fd}."
                        )
                        raise verdict(problem, "a child with its connection only", EARS, talk)
            for pid in known:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            own.wait()
            problem = "The parent is gone, a child still works, and the port is taken."
            check_free(own, problem)


# ---- P05 -------------------------------------------------------------------------------

DEATHS = {
    "os-exit": "os-exit",
    "sigkill": "SIGKILL",
    "sigsegv": "SIGSEGV",
    "sigterm": "SIGTERM",
    "sigabrt": "SIGABRT",
}
TOOK_DOWN = (
    "The application ran in the process that accepts: one request took the server down. "
    "It belongs in a child."
)
OF_A_DEATH = (
    "A child died of a signal or with a status, and the parent ended, or "
    "stopped accepting for a while: look at what its handler does with what waitpid() returns."
)
STILL_OPEN = (
    "The kernel closes what a dead process held, but somebody else has a copy of this "
    "connection: the parent, or a sibling that was forked meanwhile."
)


@pytest.mark.waits(11)
@clause("P05")
@cases({f"{name}{late}": (how, late) for name, how in DEATHS.items() for late in ("", "-late")})
def test_a_child_may_die_and_its_client_hears_at_once(server, case):
    """When a child dies, its client sees the end of the connection at once."""
    how, late = case
    if has_workers(server):
        if how in ("SIGTERM", "SIGABRT"):
            pytest.skip("what these mean to a worker is between it and its master")
        wait_until_of_age(set(wait_for_workers(server, server.figures.workers)))
    word, parent = token(), acceptor(server)
    waits: list[float] = []
    while not waits or (waits[-1] > SOON and len(waits) < 3):
        with gate() as until:
            octets = request("die", token=word, until=str(until), how=how, late=late)
            with ask(server, octets) as talk:
                wait_for_words(server, word, len(waits) + 1)
                until.touch()
                begun = time.monotonic()
                ended = talk.reads_end()
                waits.append(time.monotonic() - begun)
        pid = int(wait_for_words(server, word, len(waits))[-1].removeprefix("pid "))
        if not ended:
            problem = "The child is dead, and the connection is still open."
            likely = STILL_OPEN
            if is_running(pid):
                problem = f"The connection is open, and the child (pid {pid}) is still there."
                likely = "It did not die: it inherited the parent's handler of that signal."
            raise verdict(problem, "the end of the connection, at once", likely, talk)
    if min(waits) > SOON:
        problem = f"The client saw the end {min(waits):.1f} s after the death, three times."
        raise verdict(problem, "the end of the connection, at once", STILL_OPEN, talk)
    check_goes_on(server, parent, TOOK_DOWN if pid == parent else OF_A_DEATH)


@clause("P05")
def test_an_exception_ends_one_request_only(server):
    """An exception in the application ends one request, and the server goes on."""
    parent = acceptor(server)
    for how in ("raise", "exit", "interrupt", "generator-exit"):
        with ask(server, request("fail", how=how)) as talk:
            talk.reads_end()
        check_goes_on(server, parent, TOOK_DOWN)


@clause("P05")
def test_a_child_that_is_killed_from_outside_takes_nobody_with_it(server):
    """When one child is killed, the other finishes its answer and the server goes on."""
    parent, word = acceptor(server), token()
    with gate() as until:
        octets = request("wait", token=word, until=str(until))
        with ask(server, octets) as first, ask(server, octets) as second:
            wait_for_words(server, word, 2)
            children = other_members(server, {parent, server.pid})
            children = [member for member in children if member.state != psutil.STATUS_ZOMBIE]
            if len(children) < 2:
                problem = f"Two requests run, and there are {len(children)} children."
                raise verdict(problem, "two children", ALONE, first)
            os.kill(children[0].pid, signal.SIGKILL)
            wait_until(lambda: first.take(0.05) or second.take(0.05), ANSWER_SECONDS)
            until.touch()
            whole = [talk.response() for talk in (first, second)]
            if sum(bool(one and one.status == 200) for one in whole) != 1:
                problem = f"One of two children (pid {children[0].pid}) was killed."
                permitted = "200 for one client, the end of the connection for the other"
                raise verdict(problem, permitted, STILL_OPEN, [first, second])
    check_goes_on(server, parent, TOOK_DOWN)


def check_goes_on(server: Server, parent: int, likely: str) -> None:
    """Raise Red unless the same process accepts on."""
    if not server.is_alive():
        server.wait()
        problem = f"The server ended, with {server.describe_end()}."
        raise verdict(problem, "a server that goes on", likely)
    permitted = "200 for the next client"
    try:
        next_talk = ask(server, GET)
    except OSError as error:
        problem = f"No connection could be made any more: {error.strerror or error}."
        raise verdict(problem, permitted, likely) from None
    with next_talk as talk:
        expect(talk, {200}, likely=dict.fromkeys(("silent", "closed"), likely), words=permitted)
    if acceptor(server) != parent:
        problem = f"Process {parent} listened before, process {acceptor(server)} does now."
        raise verdict(problem, "the same process as before", likely, talk)


# ---- P06 -------------------------------------------------------------------------------

STORM = (
    "The handler raised. Where there is no child at all, waitpid() raises ChildProcessError: "
    "expect it. An exception in a handler "
    "surfaces wherever the program was at that moment."
)

STUCK = (
    "The handler waits: os.wait(), or waitpid() without WNOHANG, returns when a child ends, and "
    "none has."
)


def send_signals(pid: int, count: int) -> None:
    """Send SIGCHLD to pid, count times."""
    with contextlib.suppress(ProcessLookupError):
        for _ in range(count):
            os.kill(pid, signal.SIGCHLD)


@clause("P06")
def test_a_signal_without_a_child_changes_nothing(server):
    """A SIGCHLD without a child to wait for changes nothing."""
    with own_server(server.target) as own:  # what is left of another clause might be reaped here
        parent = acceptor(own)
        for _ in range(5):
            wait_until_idle(own)
            send_signals(parent, 20)
            check_goes_on(own, parent, STORM)


@clause("P06")
def test_a_storm_changes_nothing(server):
    """A storm of SIGCHLD changes nothing for the clients that are served meanwhile."""
    with own_server(server.target) as own:  # a zombie of another clause would satisfy a wait()
        parent, word = acceptor(own), token()
        with contextlib.ExitStack() as stack, gate() as until:
            octets = request("wait", token=word, until=str(until))
            count = at_once(own)
            talks = [stack.enter_context(ask(own, octets))]
            wait_for_words(own, word)
            for _ in range(count - 1):
                send_signals(parent, 20)
                talks.append(stack.enter_context(ask(own, octets)))
            if (inside := len(wait_for_words(own, word, count))) < count:
                problem = f"Under a storm of SIGCHLD, {inside} of {count} applications were inside."
                raise verdict(problem, f"{count} inside at once", STUCK, talks[-1])
            send_signals(parent, 200)
            until.touch()
            for talk in talks:
                send_signals(parent, 5)
                expect(talk, {200}, likely=dict.fromkeys(("silent", "closed"), STORM))
        check_goes_on(own, parent, STORM)


# ---- P07 -------------------------------------------------------------------------------

FELL_BACK = (
    "After its connection a child must not return from where it was forked: what comes "
    "after is the parent's loop. try: serve; finally: os._exit(). An exception skips an "
    "os._exit() that is not in a finally, and sys.exit() raises one, too."
)
ENDINGS = {
    "answered": request("/"),
    "refused": b"x\r\n\r\n",
    "closed-unasked": b"",
    "half-a-request": GET[:20],
    "raised": request("fail", how="raise"),
    "raised-system-exit": request("fail", how="exit"),
    "raised-keyboard-interrupt": request("fail", how="interrupt"),
    "raised-generator-exit": request("fail", how="generator-exit"),
    "raised-os-error": request("fail", how="os-error"),
    "raised-late": request("fail-late"),
    "raised-in-close": request("raise-in-close"),
    "wrong-iterable": request("fail", how="number"),
}


def why_child_stays(held: list[str]) -> str:
    """Return what is likely where a child is still there, by the sockets that it holds."""
    if held and "the listener" not in held:
        return (
            "The child still holds its connection: it waits for the client, which has gone, or "
            "said that no more comes. recv() returns b'' then: end the child."
        )
    return FELL_BACK


@pytest.mark.waits(6)
@clause("P07")
@cases(ENDINGS)
def test_a_child_is_gone_after_its_connection(server, case):
    """A child is gone after its connection, however that ended."""
    known = pids(server)
    with ask(server, *([case] if case else []), half_close=not case.endswith(b"\r\n\r\n")) as talk:
        talk.wait(lambda: talk.ended, SOON)
        left = wait_until_ended(server, known)
    if left:
        holds = sockets(left[0].pid, server.port)
        held = f", and holds {holds[0][1]}" if holds else ""
        problem = f"The child (pid {left[0].pid}, {left[0].state}) is still there{held}."
        likely = why_child_stays([what for _, what in holds])
        raise verdict(problem, "a child that is gone after one connection", likely, talk)
    with ask(server, GET) as talk:
        expect(talk, {200}, words="200 for the next client", likely=TOOK_DOWN)


@clause("P07")
def test_a_child_that_has_answered_ends_quietly(server):
    """A child that has answered ends without a traceback."""
    if not server.is_ours():
        pytest.skip("a server with words of its own")
    known, begun = pids(server), len(server.errors())
    with ask(server, GET) as talk:
        expect(talk, {200})
        talk.reads_end(SOON)
    wait_until_ended(server, known)
    if "Traceback" in server.errors(begun):
        problem = "The request was answered, and then the child ended with a traceback."
        noisy = verdict(problem, "the end of the child, without a word", FELL_BACK, talk)
        noisy.stderr = server.errors().strip().splitlines()[-1]
        raise noisy


@clause("P07")
def test_a_client_that_breaks_off_leaves_no_child(server):
    """No child is left of a client that breaks off."""
    known = pids(server)
    for octets in (
        GET,
        request("large"),
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 9\r\n\r\n",
    ):
        with ask(server) as talk:
            talk.send(octets, listening=False)
            talk.deliver()
            talk.reset()
    left = wait_until_ended(server, known)
    if left:
        problem = f"The clients have gone, and children are still there: {describe_members(left)}."
        raise verdict(problem, "no child left", FELL_BACK)


# ---- P08 -------------------------------------------------------------------------------

NO_FORK = (
    "fork() fails where the system has no process left (BlockingIOError, an OSError). "
    "Expect it around os.fork(): answer 503 from the parent, close, and accept on."
)
GO_ON = (
    "The client was told, and then the parent went on as after a fork that worked. There is no "
    "child and no pid (UnboundLocalError): after the 503, continue with the next client."
)
AT_ONCE = (
    "The parent must not wait: not for the request, which may never come, and not for room "
    "to send. setblocking(False), send 503, shutdown, drop what has come, close."
)


SERVED_ALL_THE_SAME = (
    "The process that accepts served the client itself, and others wait meanwhile: where fork() "
    "fails, the parent says 503, and does not serve."
)


@contextlib.contextmanager
def server_without_fork(server: Server) -> Iterator[tuple[Server, Path]]:
    """Run the server with an os.fork that fails while the file exists that is handed out."""
    if has_workers(server):
        pytest.skip("it forks for no client")
    with tempfile.TemporaryDirectory() as folder:
        switch = Path(folder, "no-fork")
        target = meddling_target(server.target, "no-fork", str(switch))
        if target is None:
            pytest.skip("no Python script: there is no way to let its fork fail")
        with own_server(target) as own:
            yield own, switch


def check_unavailable(own: Server, *pieces: bytes, listening: bool = True) -> None:
    """Raise Red unless a client is told 503, at once, whatever it has sent."""
    waits: list[float] = []
    while not waits or (waits[-1] > soon(own) and len(waits) < 3):
        before, begun = time.time(), time.monotonic()
        try:
            talk = ask(own)
        except OSError:
            problem = "fork() failed, and now no connection can be made."
            raise verdict(problem, "503, and a server that goes on", NO_FORK) from None
        with talk:
            if pieces:
                talk.send(*pieces, listening=listening)
            heard = talk.ended
            talk.ended = ""  # what has come before a reset can still be read
            response = talk.response()
            waits.append(time.monotonic() - begun)
            # Where nothing came, the server may be about to end: its connections go first.
            if not own.is_alive() or (not response and own.ends_soon()):
                own.wait()
                problem = f"fork() failed, and the server ended with {own.describe_end()}."
                likely = GO_ON if response else NO_FORK
                raise verdict(problem, "503, and a server that goes on", likely, talk)
            if not response:
                talk.ended = talk.ended or heard
                problem = "fork() failed, and the client was not told."
                likely = NO_FORK if talk.ended else AT_ONCE
                raise verdict(problem, "503, a complete answer", likely, talk)
            expect_503(talk, response, before)
    if min(waits) > soon(own):
        problem = f"The answer came after {min(waits):.1f} s, three times."
        raise verdict(problem, "503 at once", AT_ONCE, talk)


def expect_503(talk: Conversation, response, before: float) -> None:
    """Raise Red unless response is a complete 503 that keeps H01 to H05."""
    if response.status != 503:
        problem = f"fork() failed, and the answer is {response.status}."
        likely = SERVED_ALL_THE_SAME if response.status == 200 else NO_FORK
        raise verdict(problem, "503 (Service Unavailable)", likely, talk)
    talk.read_to = response.start
    expect(talk, {503}, likely={"short": "Less content came than Content-Length says."})
    check_refusal(talk, response, before)


@pytest.mark.waits(4.5)
@clause("P08")
@cases(
    {
        "that-says-nothing": [],
        "that-asks": [GET],
        "that-sends-half-a-request": [GET[:20]],
        "that-sends-a-lot": [
            b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 4194304\r\n\r\n" + bytes(1 << 22)
        ],
    }
)
def test_without_a_process_a_client_is_told(server, case):
    """Where fork() fails, the client is told 503 at once, whatever it has sent."""
    with server_without_fork(server) as (own, switch):
        answer(own, GET)
        switch.write_text("EAGAIN", encoding="ascii")
        check_unavailable(own, *case, listening=False)
        switch.unlink()
        answer(own, GET, NO_FORK)


@clause("P08")
def test_without_memory_for_a_process_a_client_is_told(server):
    """Where fork() fails for the very first client, it is told 503, and the next one is served."""
    with server_without_fork(server) as (own, switch):
        switch.write_text("ENOMEM", encoding="ascii")
        check_unavailable(own, GET)
        switch.unlink()
        answer(own, GET, GO_ON)


@clause("P08")
def test_a_client_that_has_gone_meanwhile_changes_nothing(server):
    """The server goes on where fork() fails and the client has gone meanwhile."""
    with server_without_fork(server) as (own, switch):
        answer(own, GET)
        parent = acceptor(own)
        wait_until_ended(own, {parent, own.pid})
        switch.touch()
        os.kill(parent, signal.SIGSTOP)
        try:
            with ask(own, GET) as talk:
                talk.reset()
        finally:
            os.kill(parent, signal.SIGCONT)
        likely = "The client was gone when it was answered: expect OSError there, and accept on. "
        check_unavailable(own, GET)
        switch.unlink()
        answer(own, GET, likely + NO_FORK)


@clause("P08")
def test_clients_without_a_process_neither_wait_nor_stay(server):
    """Where fork() fails, the parent keeps none of the connections, and none waits."""
    with server_without_fork(server) as (own, switch):
        answer(own, GET)
        parent = acceptor(own)
        wait_until_ended(own, {parent, own.pid})
        switch.touch()
        with contextlib.ExitStack() as stack:
            silent = [stack.enter_context(ask(own)) for _ in range(20)]
            check_unavailable(own, GET)
            for talk in silent:
                talk.wait(lambda talk=talk: talk.received or talk.ended)

            def find_held() -> list:
                return [one for one in sockets(parent, own.port) if one[1] != "the listener"]

            wait_until(lambda: not find_held(), GONE_SECONDS)
            if find_held():
                problem = (
                    f"The parent still holds {len(find_held())} of 21 connections that it had no "
                    "process for."
                )
                likely = "Close the connection where fork() failed, too. " + AT_ONCE
                raise verdict(problem, "none", likely, silent[0])
        switch.unlink()
        for _ in range(3):
            answer(own, GET, NO_FORK)


@clause("P08")
def test_those_who_are_served_are_served_on(server):
    """A client that has its child is served to the end while fork() fails for others."""
    word = token()
    with server_without_fork(server) as (own, switch), gate() as until:
        with ask(own, request("wait", token=word, until=str(until))) as running:
            wait_for_words(own, word)
            switch.touch()
            check_unavailable(own, GET)
            until.touch()
            expect(running, {200}, likely=NO_FORK)


UNUSED_UID = 64_321
ENOUGH = 6  # processes of one user, for a server that serves one client


def command_as_nobody(words: list[str], limit: int | None = None) -> list[str]:
    """Return words run by a user that nobody is, with a limit of processes if asked for."""
    limits = f"resource.setrlimit(resource.RLIMIT_NPROC, ({limit}, {limit})); " if limit else ""
    script = (
        f"import os, resource, sys; {limits}"
        f"os.setgroups([]); os.setgid({UNUSED_UID}); os.setuid({UNUSED_UID}); "
        "os.execvp(sys.argv[1], sys.argv[1:])"
    )
    return [sys.executable, "-I", "-c", script, *words]


SERVES_ON = (
    "fork() failed while a worker was to be replaced. Expect an OSError there: the workers that "
    "are there serve on, and the next tick tries again."
)


@clause("P08")
@pytest.mark.waits(5)
@cases({"eagain": "EAGAIN", "enomem": "ENOMEM"})
def test_where_no_worker_can_be_forked_those_that_are_there_serve_on(server, case):
    """A worker dies and fork() fails: the others serve, and there are N again once it works."""
    if not has_workers(server):
        pytest.skip("it has a process for each client")
    with tempfile.TemporaryDirectory() as folder:
        switch = Path(folder, "no-fork")
        target = meddling_target(server.target, "no-fork", str(switch))
        if target is None:
            pytest.skip("no Python script: there is no way to let its fork fail")
        with serving(server, target, workers=3) as own:
            found = workers(own)
            wait_until_of_age(found)
            switch.write_text(case, encoding="ascii")
            kill_all({max(found)})
            wait_until(lambda: max(found) not in workers(own))
            for _ in range(4):
                check_serves(own, SERVES_ON)
            wait_until(lambda: not own.is_alive(), SOON)
            check_serves(own, SERVES_ON)
            switch.unlink()
            again = wait_for_workers(own, 3)
            if len(again) != 3:
                problem = f"fork() works again, and there are {len(again)} workers."
                raise verdict(problem, "3 workers", SERVES_ON)
            if min(found) not in again:
                problem = "A worker that was there when fork() failed has ended."
                raise verdict(problem, "the same worker", SERVES_ON)
            check_serves(own, SERVES_ON)


@clause("P08")
def test_at_the_limit_of_processes_a_client_is_told(server):
    """At the real limit of processes the client is told 503, and the server goes on."""
    if has_workers(server):
        pytest.skip("it forks for no client")
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root can be another user, and no limit binds root itself")
    if any(one.info["uids"].real == UNUSED_UID for one in psutil.process_iter(["uids"])):
        pytest.skip("somebody uses the uid")
    first = server.target.words[0]
    tried = command_as_nobody([first if "python" in Path(first).name else sys.executable, "-c"])
    tried.append("import tests.apps.contract, wsgiref.validate")
    if subprocess.run(tried, cwd=ROOT, capture_output=True, timeout=60).returncode:
        pytest.skip("another user can't run this interpreter, or can't read the course")
    target = server.target._replace(words=command_as_nobody(server.target.words, ENOUGH))
    with own_server(target) as own, contextlib.ExitStack() as others:
        answer(own, GET)
        for _ in range(ENOUGH):
            other = others.enter_context(subprocess.Popen(command_as_nobody(["sleep", "60"])))
            others.callback(other.kill)
        wait_until(lambda: processes_of(UNUSED_UID) > ENOUGH)
        check_unavailable(own, GET)
        check_unavailable(own)
        others.close()
        answer(own, GET, NO_FORK)


def processes_of(uid: int) -> int:
    """Return how many processes that user has."""
    return sum(one.info["uids"].real == uid for one in psutil.process_iter(["uids"]))


# ---- P09 -------------------------------------------------------------------------------

STOLEN = (
    "The child inherited the parent's handler, which waits for any child and so took the "
    "status away. The first thing in a child: signal.signal(SIGCHLD, SIG_DFL). (And "
    "SIG_IGN, in parent or child, throws every status away.)"
)


@clause("P09")
@cases({name: name for name in ("run", "long-gone", "system", "fork")})
def test_the_application_reads_the_status_of_its_own_children(server, case):
    """The application reads the true exit status of the processes that it starts itself."""
    talk, response = answer(server, request("children", how=case), STOLEN)
    if response.content != b"7":
        problem = (
            "The application ran a child that exits with 7, and was told "
            f"{response.content.decode('latin-1')}."
        )
        raise Red(problem, talk, "7", STOLEN, got_mark=response.content)


@clause("P09")
def test_no_signal_is_blocked_in_the_application(server):
    """No signal is blocked while the application runs."""
    talk, response = answer(server, request("mask"))
    if response.content:
        likely = (
            "A child inherits the mask, and so do the application's own children: whoever "
            "blocks a signal around fork() unblocks it in both processes."
        )
        problem = f"Blocked in the child: {response.content.decode('latin-1')}."
        raise Red(problem, talk, "no signal blocked", likely, got_mark=response.content)


# ---- P10 -------------------------------------------------------------------------------

LOST = "os._exit() does not flush: what is left in a buffer is lost. Flush stdout and stderr first."
TWICE = "fork() copies the buffers too, and both processes write them out. Flush before the fork."


def check_once(server: Server, words: list[str], likely_twice: str, what: str) -> None:
    """Raise Red unless each word stands in stdout exactly once."""
    wait_until(lambda: all(word.encode() in server.output() for word in words), GONE_SECONDS)
    for word in words:
        count = server.output().count(word.encode())
        if count != 1:
            how = f"came out {count} times" if count else "never came out"
            problem = f"{what} {how}: {word}"
            raise verdict(problem, "once", likely_twice if count else LOST)


def check_printed_once(server: Server, words: list[str]) -> None:
    """Raise Red unless what the application printed with each of words comes out once."""
    kinds = [f"<{word} {what}>" for word in words for what in ("line", "half")]
    check_once(server, kinds, TWICE, "The application printed this line without flushing, and it")


@clause("P10")
def test_what_the_application_prints_comes_out_once(server):
    """What the application prints comes out exactly once."""
    words = [token() for _ in range(5)]
    for word in words:
        with ask(server, request("print", token=word)) as talk:
            expect(talk, {200})
            talk.reads_end(SOON)
    check_printed_once(server, words)


@clause("P10")
def test_what_a_failing_application_printed_comes_out_once(server):
    """What an application printed before it failed comes out exactly once."""
    word = token()
    with ask(server, request("print", token=word, fails="1")) as talk:
        talk.response()  # how much of an answer there is, W16 asks
        talk.reads_end(SOON)
    check_printed_once(server, [word])


@clause("P10")
def test_what_stood_in_the_buffer_of_the_parent_comes_out_once(server):
    """What stands in the parent's buffer at the fork comes out once."""
    target = meddling_target(server.target, "print")
    if target is None:
        pytest.skip("no Python script: there is no way to fill its buffer")
    with own_server(target) as own:
        words = []
        for _ in range(5):
            with ask(own, GET) as talk:
                words.append(f"<accepted {talk.socket.getsockname()[1]}>")
                expect(talk, {200})
        wait_until_idle(own)
        if not any(word.encode() in own.output() for word in words):
            own.stop(signal.SIGINT)
        for word in words[:-1]:  # the last may stand in the parent's buffer still
            if (count := own.output().count(word.encode())) > 1:
                problem = f"What the parent had in its buffer came out {count} times: "
                raise verdict(problem + word, "once", TWICE, talk)


@clause("P10")
def test_the_first_line_comes_out_once(server):
    """The line that the server prints at its start comes out once."""
    if not server.is_ours():
        pytest.skip("a server with words of its own")
    with own_server(server.target) as own:
        for _ in range(3):
            answer(own, GET)
        wait_until_idle(own)
        own.wait_for_output(SAID)  # one worker may answer before all are ready
        own.stop()
        check_once(own, ["Serving HTTP on"], TWICE, "The line of the start")


# ---- P11 -------------------------------------------------------------------------------

IN_THE_WAY = (
    "It goes on, or waits for its children. The default actions of SIGINT and SIGTERM "
    "end a process at once; a handler that returns, or an except that catches "
    "KeyboardInterrupt, does not."
)
NOISE = (
    "A terminal sends SIGINT to every process of the group, and in each child Python raises "
    "KeyboardInterrupt. signal.signal(SIGINT, SIG_DFL) in the parent, before any fork."
)


@contextlib.contextmanager
def server_at_work(server: Server) -> Iterator[tuple[Server, Path, list[Conversation]]]:
    """Run a server of its own with a child that works and one that waits for a request."""
    word = token()
    with own_server(server.target) as own, gate() as until:
        with ask(own, request("wait", token=word, until=str(until))) as works, ask(own) as silent:
            wait_for_words(own, word)
            wait_until(lambda: len(members(own)) > 2, SOON)
            yield own, until, [works, silent]


def check_ended(own: Server, name: str) -> None:
    """Raise Red unless the server ends at once, quietly, and its port is free."""
    status = own.wait()
    if status is None and not own.is_ours():
        pytest.skip("it lets its clients finish first, which is its good right")
    if status is None:
        raise verdict(f"It goes on after {name}, with children at work.", "to end", IN_THE_WAY)
    check_quiet(own)
    check_free(own, f"It ended on {name}, and the port is taken.")


def check_quiet(own: Server) -> None:
    """Raise Red if a process of a server of the course ended with a traceback."""
    if own.is_ours() and "Traceback" in own.errors():
        noise = NOISE if "KeyboardInterrupt" in own.errors() else "Its last line says what it was."
        noisy = verdict("A process ended with a traceback.", "silence", noise)
        noisy.stderr = gist_of(own.errors()[own.errors().rindex("Traceback") :])
        raise noisy


def check_group_gone(own: Server, children: list[int], what: str) -> None:
    """Raise Red unless every one of children has ended."""
    if not wait_until(lambda: not any(map(is_running, children)), GONE_SECONDS):
        left = ", ".join(str(pid) for pid in children if is_running(pid))
        likely = "A child that has served its connection ends with os._exit(), parent or not."
        raise verdict(f"{what}, and processes are left: {left}.", "no process left", likely)


@pytest.mark.waits(3.5)
@clause("P11")
def test_ctrl_c_ends_it_with_children_at_work(server):
    """Ctrl-C ends the server and its children, without a traceback."""
    with server_at_work(server) as (own, until, talks):
        children = [member.pid for member in other_members(own, {own.pid})]
        os.killpg(own.pid, signal.SIGINT)
        check_ended(own, "Ctrl-C")
        until.touch()
        for talk in talks:
            talk.half_close()
        check_group_gone(own, children, "Ctrl-C was typed, and the clients are done")
        check_quiet(own)


@clause("P11")
def test_on_sigterm_a_child_finishes_its_connection(server):
    """SIGTERM ends the parent at once, while its children finish their connections and go."""
    with server_at_work(server) as (own, until, (works, silent)):
        children = [member.pid for member in other_members(own, {own.pid})]
        own.process.send_signal(signal.SIGTERM)
        check_ended(own, "SIGTERM")
        wait_until(lambda: not any(map(is_running, children)), 0.3)  # some end when the parent has
        if not own.is_ours() and not any(map(is_running, children)):
            return  # it has other plans with its children
        until.touch()
        likely = "SIGTERM was sent to the parent alone: let its children finish."
        expect(works, {200}, likely=dict.fromkeys(("closed", "silent", "short"), likely))
        silent.half_close()
        check_group_gone(own, children, "The parent has ended, and the clients are done")
        check_quiet(own)


@clause("P11")
def test_idle_it_ends_at_once(server):
    """SIGINT and SIGTERM end an idle server at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with own_server(server.target) as own:
            answer(own, GET)
            wait_until_idle(own)
            own.process.send_signal(number)
            check_ended(own, number.name)


# ---- P12 -------------------------------------------------------------------------------

SERVED_BEFORE = (
    "The process that served this one had served before. fork() for each connection, and "
    "end the child after it: what a request changes in memory is gone with the process."
)
PARENTS = "The application ran in the process that accepts."


@clause("P12")
def test_each_request_has_its_own_process(server):
    """Each request is served by a process of its own that has served no other."""
    with own_server(server.target) as own:
        seen: dict[int, Conversation] = {}
        parent = acceptor(own)
        # More requests than processes: a pool hands them out in turn.
        while len(seen) < 8 or (len(seen) <= len(members(own)) and len(seen) < 100):
            talk, response = answer(own, request("process"))
            report = json_of(talk, response)
            if report["pid"] == parent:
                raise Red(f"Process {parent} accepts, and served.", talk, "a child", PARENTS)
            if report["pid"] in seen:
                problem = f"Process {report['pid']} served a second request."
                raise Red(problem, talk, "a process that has not served before", SERVED_BEFORE)
            if report["served"] != 1:
                problem = f"This process remembers {report['served']} requests."
                raise Red(problem, talk, 'served: 1 ("nothing of another request")', SERVED_BEFORE)
            seen[report["pid"]] = talk
