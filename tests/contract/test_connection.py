"""H22 and H24 to H27: what is too long, and how a server lives, stops and starts again."""

import contextlib
import os
import random
import re
import select
import signal
import socket
import time

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import HOST, Conversation, ask
from tests.checker.expect import expect, expect_echo
from tests.checker.patience import ANSWER_SECONDS
from tests.checker.refusal import closed_unanswered
from tests.checker.server import Server, StartFailed, describe_exit
from tests.checker.verdict import Red
from tests.contract import hosted
from tests.contract.shared import (
    GET,
    MEBIBYTE,
    TOO_LONG,
    UNBOUNDED,
    ask_without_reading,
    cases,
    check_heard,
    check_not_smuggled,
    if_refused,
    soon,
)


def post(content: bytes) -> bytes:
    """Return a request with content."""
    return b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % len(content) + content


# ---- H22 -------------------------------------------------------------------------------

TRICKLE_SECONDS = 0.3
BEFORE = "Content-Length says how much will come: refuse before the content is read."

LINE = b"GET /" + b"a" * (20 * 1024) + b" HTTP/1.1\r\n" + HOST + b"\r\n"
SECTION = b"GET / HTTP/1.1\r\n" + HOST
ONE_FIELD = SECTION + b"X-Long: " + b"b" * (80 * 1024) + b"\r\n\r\n"
MANY_FIELDS = SECTION + b"".join(b"X-%d: 0123456789\r\n" % at for at in range(5000)) + b"\r\n"


@pytest.mark.waits(2.5)
@clause("H22")
@cases(
    {
        "request-line": [LINE],
        "request-line-in-pieces": [LINE[:9000], LINE[9000:18000], LINE[18000:]],
        "request-line-without-end": [b"GET /" + b"a" * MEBIBYTE],
        "method-without-end": [b"A" * MEBIBYTE],
        "one-field": [ONE_FIELD],
        "many-fields": [MANY_FIELDS],
        "field-without-end": [SECTION + b"X-Long: " + b"b" * MEBIBYTE],
        "field-name-without-end": [SECTION + b"X" * MEBIBYTE],
        "fields-without-end": [SECTION + b"X-Some: thing\r\n" * 70_000],
        "empty-lines-without-end": [b"\r\n" * (MEBIBYTE // 2)],
    }
)
def test_a_head_that_is_too_long_is_refused_and_the_client_hears_it(server, case):
    """A head that is too long is refused, and the refusal arrives while the client still sends."""
    with ask(server) as talk:
        check_heard(talk, case, UNBOUNDED)


def announce(size: int) -> bytes:
    """Return the head of a request with size octets of content."""
    return b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % size


@clause("H22")
@cases(
    {
        "by-one-octet": 10 * MEBIBYTE + 1,
        "11-mebibytes": 11 * MEBIBYTE,
        "100-gigabytes": 100 * 10**9,
        "beyond-64-bits": 10**30,
    }
)
def test_content_that_is_too_long_is_refused_before_it_is_read(server, case):
    """Content that is too long is refused as soon as the head announces it."""
    waits = []
    while not waits or (waits[-1] > soon(server) and len(waits) < 3):
        with ask(server) as talk:
            asked = time.monotonic()
            check_heard(talk, [announce(case)], BEFORE)
            waits.append(talk.heard - asked)
    if min(waits) > soon(server):
        raise Red(
            f"The refusal came {min(waits):.1f} s after the head, three times.",
            talk,
            "the refusal at once",
            BEFORE + " Answer first, then drop what comes.",
        )


@clause("H22")
@cases({"12-mebibytes": 12, "15-mebibytes": 15})
def test_the_refusal_reaches_a_client_that_is_still_sending(server, case):
    """A client that is still sending too much content receives the refusal."""
    with ask(server) as talk:
        check_heard(talk, [announce(case * MEBIBYTE), bytes(case * MEBIBYTE)], BEFORE)


@clause("H22")
def test_content_that_is_too_long_is_not_read_as_a_request(server):
    """Content that was refused as too long is never read as the next request."""
    check_not_smuggled(server, b"Content-Length: 99999999\r\n", TOO_LONG)


@clause("H22")
def test_a_refused_client_that_stays_does_not_hold_the_server(server):
    """A refused client that goes on sending holds up the next client for a few seconds at most."""
    with ask(server, announce(11 * MEBIBYTE)) as stays:
        if not closed_unanswered(stays):
            expect(stays, TOO_LONG, likely=BEFORE)
        with ask(server, GET) as talk:  # one client at a time: waits until the first is let go
            deadline = time.monotonic() + ANSWER_SECONDS
            while not talk.take(TRICKLE_SECONDS) and time.monotonic() < deadline:
                stays.push(b"x", listening=True)
            likely = (
                "After the refusal the server drops what the client still sends, until the "
                "client closes. This one sends an octet now and then, and never closes: "
                "give up after 2 s in all, not 2 s after each recv()."
            )
            if not talk.received:
                raise Red(
                    f"After {ANSWER_SECONDS:.0f} s the next client still waits.",
                    [stays, talk],
                    "200 for the next client",
                    likely,
                )
            expect(talk, {200}, likely={"silent": likely})


@clause("H22")
def test_an_answered_client_that_stays_does_not_hold_the_next(server):
    """The next client is answered at once, although an answered one has not closed yet."""
    waits = []
    while not waits or (waits[-1] > soon(server) and len(waits) < 3):
        with ask(server, GET) as first:
            if not expect(first, {200}).closes:
                return
            asked = time.monotonic()
            with ask(server, GET) as second:
                expect(second, {200})
                waits.append(time.monotonic() - asked)
    if min(waits) > soon(server):
        likely = (
            "After every answer the server waits for the client's end. Do that only where input "
            "may be unread, as after a refusal: it makes the next client wait."
        )
        raise Red(
            f"The next client waited {min(waits):.1f} s, three times.",
            [first, second],
            "200 at once, though the first client has not closed yet",
            likely,
        )


@clause("H22")
def test_what_is_within_the_limits_is_accepted(server):
    """A field section within the limit of 64 KiB is accepted."""
    fields = b"".join(b"X-%d: %s\r\n" % (at, b"v" * 500) for at in range(60))
    with ask(server, b"GET /hello HTTP/1.1\r\n" + HOST + fields + b"\r\n") as talk:
        expect_echo(talk, targets=("/hello",), likely=if_refused("The limit is 64 KiB."))


# ---- H24 -------------------------------------------------------------------------------

ALIVE = (
    "An exception on one connection must not end the server: one place around each "
    "connection catches what a client can cause (OSError), and the loop goes on."
)
EMPTY = "recv() returned b'', and the empty request was taken apart all the same (IndexError)."
STILL_BUSY = (
    "The server is still busy with a client that has gone, or that says no more: it waits for "
    "octets that will not come, or calls recv() again and again where it returns b''."
)
GONE = (
    "The client went away while the answer was sent: sendall() raises BrokenPipeError or "
    "ConnectionResetError. Expect them, close, and go on."
)


def check_next(server: Server, likely: str, clients_before: int = 1) -> None:
    """Raise Red unless the next client is answered, after so many that may have to be served."""
    try:
        talk = ask(server, GET)
    except OSError as error:
        reason = error.strerror or error
        raise Red(
            f"The next client could not connect: {reason}.", None, "200 for the next client", likely
        ) from None
    with talk:
        talk.clients_before = clients_before
        busy = STILL_BUSY if likely in (ALIVE, EMPTY, GONE) else likely
        expect(
            talk,
            {200},
            likely={"silent": busy, "closed": likely, "short": likely},
            words="200 for the next client",
        )


@pytest.mark.waits(2.4)
@clause("H24")
@pytest.mark.parametrize("times", [1, 20], ids=["once", "20-times"])
def test_connect_and_close(server, times):
    """The next client is answered after one that connects and closes without a word."""
    for _ in range(times):
        with ask(server):
            pass
    check_next(server, EMPTY, times)


@clause("H24")
def test_connect_and_half_close(server):
    """The next client is answered after one that shuts down its write side without a word."""
    with ask(server, half_close=True) as talk:
        talk.reads_end()
    check_next(server, EMPTY)


@clause("H24")
@cases(
    {
        "before-a-request": b"",
        "in-the-request-line": b"GET /he",
        "in-the-fields": b"GET /hello HTTP/1.1\r\nHost: 12",
        "in-the-content": post(b"x" * 5000)[:-100],
        "while-it-is-answered": GET,
    }
)
def test_a_reset_in_the_middle_of_the_request(server, case):
    """The next client is answered after one that breaks off its request with a reset."""
    for _ in range(3):
        with ask(server, *([case] if case else [])) as talk:
            talk.deliver()
            talk.reset()
    check_next(server, ALIVE, 3)


@clause("H24")
def test_a_close_in_the_middle_of_the_request(server):
    """The next client is answered after one that closes in the middle of its request."""
    for piece in (b"GET /he", b"GET /hello HTTP/1.1\r\nHo", post(b"x" * 5000)[:-100], b"\r\n"):
        with ask(server, piece) as talk:
            talk.deliver()
    check_next(server, ALIVE, 4)


@clause("H24")
def test_a_reset_in_the_middle_of_the_response(server):
    """The next client is answered after one that breaks off with a reset while it is answered."""
    with ask(server, post(bytes(4 * MEBIBYTE))) as talk:
        talk.wait(lambda: len(talk.received) > 1000)
        talk.reset()
    check_next(server, GONE)


@clause("H24")
def test_a_client_that_stops_reading_and_goes_away(server):
    """The next client is answered after one that stops reading and goes away."""
    with ask(server) as talk:
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        talk.send(post(bytes(4 * MEBIBYTE)), listening=False)
        talk.deliver()
    check_next(server, GONE)


@clause("H24")
def test_a_client_that_goes_away_without_a_look_at_the_answer(server):
    """The next client is answered after ten that leave before they read their answer."""
    for _ in range(10):
        with ask(server, GET):
            pass
    check_next(server, GONE, 10)


@clause("H24")
@pytest.mark.parametrize("seed", range(12), ids=lambda seed: f"seed-{seed}")
def test_random_octets(server, seed):
    """The next client is answered after one that sends random octets."""
    chance = random.Random(seed)
    octets = chance.randbytes(chance.choice([1, 2, 10, 100, 1000, 10_000]))
    octets += chance.choice([b"", b"\r\n", b"\r\n\r\n", b"\n\n"])
    with ask(server, octets, half_close=True) as talk:
        talk.reads_end()
    check_next(server, ALIVE)


@clause("H24")
def test_a_refused_client_that_stays_and_says_nothing(server):
    """The next client is answered, although a refused one stays connected and says nothing."""
    with ask(server, announce(11 * MEBIBYTE)) as stays:
        if stays.response() is None and not stays.ended:
            pytest.skip("not refused, which is the business of H22")
        likely = (
            "After the refusal the server waits for the client to close, and this one does "
            "not. settimeout() before each recv(), with what is left of 2 s."
        )
        check_next(server, likely)


# ---- H25 -------------------------------------------------------------------------------

SECRET = b"s3cret"
SECRETS = {
    "content": [post(b"password=s3cret")],
    "target": [b"GET /s3cret?s3cret HTTP/1.1\r\n" + HOST + b"\r\n"],
    "field": [b"GET / HTTP/1.1\r\n" + HOST + b"Cookie: s3cret\r\n\r\n"],
    "refused": [b"GET /s3cret HTTP/1.1\r\n" + HOST + b"X : s3cret\r\n\r\n"],
    "refused-content": [b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: s3cret\r\n\r\ns3cret"],
    "head": [b"HEAD /s3cret HTTP/1.1\r\n" + HOST + b"\r\n"],
    "long": [post(SECRET * 20_000)],
    "surplus": [GET + b"s3cret" * 10],
    "surplus-request": [post(b"hi") + b"GET /s3cret HTTP/1.1\r\n" + HOST + b"\r\n"],
    "unfinished": [post(b"s3cret" * 10)[:-3]],
    "expect": [
        b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\nX: s3cret\r\n"
        b"Content-Length: 6\r\n\r\n",
        b"s3cret",
    ],
}


@clause("H25")
@cases(SECRETS)
def test_nothing_of_one_request_shows_in_the_next_answer(server, case):
    """Nothing of one client's request shows in the answer to the next client."""
    likely = (
        "Something outlives the request: a global, an attribute of the server object, a "
        "default argument that is a list. Keep what belongs to a request in local variables."
    )
    for request in (GET, b"GET / HTTP/1.1\r\n\r\n"):
        with ask(server, *case, half_close=True) as first:
            first.wait(lambda: first.received)
            first.reads_end(0.5 if first.received else ANSWER_SECONDS)
        with ask(server, request) as talk:
            response = talk.response()  # whether it is the right one, other clauses ask
            if SECRET in talk.received:
                raise Red(
                    "This answer shows what another client sent.",
                    [first, talk],
                    "an answer to this request alone",
                    likely,
                    got_mark=SECRET,
                )
            if response and response.content.count(b"GET ") > 1:
                raise Red(
                    "The echo holds more than one request.",
                    [first, talk],
                    "an answer to this request alone",
                    likely,
                )


@clause("H25")
@cases(
    {
        "target": b"GET /%b HTTP/1.1\r\n" + HOST + b"\r\n",
        "field-of-the-same-target": b"GET / HTTP/1.1\r\n" + HOST + b"X-Name: %b\r\n\r\n",
    }
)
def test_two_clients_in_turn_see_only_their_own(server, case):
    """Two clients that ask in turn each see their own request only."""
    for number in range(6):
        name = b"client-%d" % (number % 2)
        request = case % name
        with ask(server, request) as talk:
            field = name if b"X-Name" in request else b""
            expect_echo(talk, targets=(request.split(b" ")[1].decode(),), field=field)
            if b"client-%d" % ((number + 1) % 2) in talk.received:
                raise Red(
                    "This answer shows what another client sent.",
                    talk,
                    "its own request",
                    "Something outlives the request: a cache of answers, say.",
                )


# ---- H26 -------------------------------------------------------------------------------


def check_line(server: Server, host: str) -> None:
    """Raise Red unless the line at the start is there, whole and true."""
    line = f"Serving HTTP on http://{host}:{server.port}"
    deadline = time.monotonic() + 2
    while line.encode() not in server.output() and time.monotonic() < deadline:
        time.sleep(0.01)  # it may listen a moment before it says so
    if line.encode() in server.output():
        return
    said = server.output()
    if not said.strip():
        likely = (
            "stdout that is not a terminal is written in blocks. Is there such a line, and is "
            "it flushed: print(..., flush=True)?"
        )
        raise Red("Nothing was printed while it ran.", None, line, likely)
    words = said.decode("utf-8", "replace").strip().split("\n")[0] or "nothing"
    likely = (
        "Print where you listen once you do: listener.getsockname() knows the real port, "
        "and an IPv6 address stands in brackets. (A server with words of its own is given "
        "as a command: SERVER='python3 my.py --port {port}'.)"
    )
    raise Red(f"It printed: {words}", None, line, likely)


@pytest.mark.waits(1.2)
@clause("H26")
def test_it_says_where_it_listens(server):
    """The server prints where it listens, as http://HOST:PORT, and flushes the line."""
    if not server.is_ours():
        pytest.skip("a server with words of its own")
    check_line(server, server.host)


@clause("H26")
def test_port_0_takes_a_free_port_and_names_it(server):
    """With port 0 the server takes a free port and prints its real number."""
    if not server.is_ours():
        pytest.skip("a server with words of its own")
    with Server(server.target, port=0) as other:
        check_line(other, other.host)
        check_next(other, ALIVE)


@clause("H26")
def test_ipv6_works_and_stands_in_brackets(server):
    """The server listens on ::1, and prints an IPv6 address in brackets."""
    if not server.is_ours() or "{host}" not in " ".join(server.target.words):
        pytest.skip("a server with words of its own")
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError:
        pytest.skip("this machine has no IPv6")
    with Server(server.target, host="::1") as other:
        check_line(other, "[::1]")
        check_next(other, ALIVE)


@clause("H26")
def test_a_taken_port_is_told_in_a_sentence(server):
    """A port that is taken ends the start with a sentence and a non-zero exit status."""
    if not server.is_ours():
        pytest.skip("a server with words of its own")
    words = "a sentence on stderr, and a non-zero exit status"
    with contextlib.closing(Server(server.target, port=server.port)) as second:
        second.launch()
        status = second.wait()
        said = second.errors() + second.output().decode("utf-8", "replace")
    if status is None:
        raise Red(
            "Two servers listen on one port.",
            None,
            words,
            "SO_REUSEPORT lets them share it; SO_REUSEADDR is what you want.",
        )
    if status == 0:
        raise Red("The exit status is 0.", None, words, "sys.exit('a sentence') exits with 1.")
    if "Traceback" in said or not said.strip():
        red = Red(
            "It ended with a traceback." if said.strip() else "It ended without a word.",
            None,
            words,
            "bind() raises OSError: catch it in main, and sys.exit() with a sentence.",
        )
        red.stderr = said.strip().split("\n")[-1]
        raise red
    check_next(server, "A second start disturbed the first.")


def ask_half(server: Server) -> Conversation:
    """Return a connection on which the server waits for the rest of a request."""
    talk = ask(server, b"GET /hello HTTP/1.1\r\nHo")
    talk.deliver()
    return talk


def ask_and_stay(server: Server) -> Conversation:
    """Return a connection that was answered, and that the client has not closed."""
    talk = ask(server, GET)
    expect(talk, {200})
    return talk


@pytest.mark.waits(9)
@clause("H26")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["sigint", "sigterm"])
@cases(
    {
        "idle": None,
        "while-it-waits": ask_half,
        "while-it-works": lambda server: ask_without_reading(server, post(bytes(8 * MEBIBYTE))),
        "after-an-answer": ask_and_stay,
    }
)
def test_a_signal_ends_it_and_the_port_is_free_at_once(server, case, number):
    """SIGINT and SIGTERM end the server quietly, and it starts again at once on the same port."""
    with case(server) if case else contextlib.nullcontext():
        begun = server.errors_size()
        status = server.stop(number)
        said = server.errors(begun)
        if status is None and case and not server.is_ours():
            server.kill()  # it lets its clients finish first, which is its good right
        elif status is None:
            raise Red(
                f"It goes on after {number.name}.",
                None,
                "to end",
                "A handler returns and the loop goes on, or an except catches "
                "KeyboardInterrupt or SystemExit (a bare except does).",
            )
        if server.is_ours() and "Traceback" in said:
            red = Red(
                f"It ended with {describe_exit(status)} and a traceback.",
                None,
                "to end without a traceback",
                "Ctrl-C raises KeyboardInterrupt wherever the program is, in its except "
                "branches too. signal.signal(SIGINT, SIG_DFL) ends it at once.",
            )
            red.stderr = said.strip().split("\n")[-1]
            raise red
        check_restart(server)


def check_restart(server: Server) -> None:
    """Start the server again on the port it had; raise Red unless it answers there."""
    likely = (
        "Connections of the first run are in TIME_WAIT and hold the port for a minute. "
        "listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) before bind() lets it listen."
    )
    try:
        server.start(same_port=True)
    except StartFailed as failed:
        red = Red("It did not start again on its port.", None, "to listen again at once", likely)
        red.stderr = failed.stderr.strip().split("\n")[-1]
        raise red from None
    check_next(server, ALIVE)


LINE_SECONDS = 2.0  # until the line at the start has come through the pipe
UNREAD = (
    "Whoever read what the server prints has gone (| head -1), so print() raises "
    "BrokenPipeError, and nothing catches it. It is an OSError, and no reason to stop serving. "
    "(Without flush=True it is raised later, when Python's buffer is full.)"
)
# Python keeps what is printed into a pipe, up to 8 KiB of text and as much again as octets.
KEPT_OCTETS = 2 * 8 * 1024
SHORT_ENOUGH = b"GET /%b HTTP/1.1\r\n" % (b"a" * 900) + HOST + b"\r\n"  # for one small recv()


def overfill_buffer(server: Server) -> None:
    """Ask so much that a server which prints what it reads can keep no more of it in a buffer."""
    for _ in range(KEPT_OCTETS // len(SHORT_ENOUGH) + 2):
        try:
            with ask(server, SHORT_ENOUGH) as talk:
                talk.response()
        except OSError:
            return  # it has ended, as the next client will find


@clause("H26")
def test_it_serves_on_when_nobody_reads_what_it_prints(server):
    """The server goes on serving when nobody reads what it prints any more."""
    if not server.is_ours():
        pytest.skip("a server with words of its own")
    failing, speaking = hosted.request("fail", how="raise"), hosted.request("errors", until="/")
    ends = os.pipe()
    with (
        open(ends[0], "rb") as reader,
        open(ends[1], "wb") as writer,
        Server(server.target, pipe=writer) as own,
    ):
        writer.close()  # else the pipe would stay open here
        select.select([reader], [], [], LINE_SECONDS)
        reader.close()
        check_next(own, UNREAD)
        check_next(own, UNREAD)  # what is printed of a request may follow its answer
        overfill_buffer(own)
        check_next(own, UNREAD)
        check_next(own, UNREAD)
        for octets, status in ((failing, 500), (speaking, 200)) if server.target.part > 1 else ():
            with ask(own, octets) as talk:
                expect(talk, {status}, likely=UNREAD)
            check_next(own, UNREAD)


# ---- H27 -------------------------------------------------------------------------------

RAW = b"\x1b]0;owned\x07\x1b[31mred\x08\x7f\0"
LOUD = {
    "content": post(RAW),
    "target": b"GET /" + RAW + b" HTTP/1.1\r\n" + HOST + b"\r\n",
    "field": b"GET / HTTP/1.1\r\n" + HOST + b"X-A: " + RAW + b"\r\n\r\n",
    "method": RAW + b" / HTTP/1.1\r\n" + HOST + b"\r\n",
    "garbage": RAW + b"\r\n\r\n",
    "c1": post(b"\x9b31m"),
    "c1-in-utf-8": post(b"\xc2\x9b31m"),
    "carriage-return": post(b"harmless\rFORGED"),
}


@pytest.mark.waits(0.4)
@clause("H27")
def test_control_characters_are_printed_visibly(server):
    """Control characters of a request are printed visibly, never as they came."""
    with Server(server.target, unbuffered=True) as own:
        begun = len(own.output()), len(own.error_output())
        for name, request in LOUD.items():
            with ask(own, request, half_close=True) as talk:
                talk.reads_end()
            check_printed_visibly(own, begun, name, talk)
        check_next(own, ALIVE)  # by now the last of them has been printed
        own.stop(signal.SIGINT)  # what stayed in a buffer of its own comes out now
        check_printed_visibly(own, begun, "all of them", talk)


FORGED = {
    "target": b"GET /x\nFORGED HTTP/1.1\r\n" + HOST + b"\r\n",
    "target-twice": b"GET /\nFORGED\nFORGED HTTP/1.1\r\n" + HOST + b"\r\n",
    "percent-encoded": b"GET /x%0AFORGED%0A?y=%0AFORGED HTTP/1.1\r\n" + HOST + b"\r\n",
    "method": b"GET\nFORGED / HTTP/1.1\r\n" + HOST + b"\r\n",
    "field": b"GET / HTTP/1.1\r\n" + HOST + b"User-Agent: x\nFORGED\r\n\r\n",
    "content": post(b"x\nFORGED\n"),
}


@clause("H27")
def test_nothing_of_a_request_begins_a_line_of_the_log(server):
    """Nothing that a client sends begins a line of the log."""
    # Part 1 prints whole requests, whose lines are what is to be seen. From part 2 on there is a
    # log, whose lines somebody counts, or searches for an address: they are the server's own.
    if server.target.part < 2:
        pytest.skip("part 1 prints requests line by line")
    with Server(server.target, unbuffered=True) as own:
        for octets in FORGED.values():
            with ask(own, octets, half_close=True) as talk:
                talk.reads_end()
            check_not_forged(own, talk)
        check_next(own, ALIVE)  # by now the last of them has been printed
        own.stop(signal.SIGINT)
        check_not_forged(own, talk)


def check_not_forged(server: Server, talk: Conversation) -> None:
    """Raise Red if a line that was printed begins with what a client sent."""
    printed = server.output() + b"\n" + server.error_output()
    if forged := re.search(rb"^[ \t]*FORGED.*$", printed, re.MULTILINE):
        raise Red(
            f"A line that was printed begins with {forged[0].decode('ascii', 'replace')!r}.",
            talk,
            "one line for one request, and a line end in it as \\n",
            "Part 1 shows a request line by line, and begins a new one after each \\n. In a log "
            "one request is one line, or a client can write the next one.",
        )


@clause("H27")
@cases({"exception": ("fail", {"how": "raise"}), "errors": ("errors", {"until": "/"})})
def test_what_the_application_says_is_printed_visibly(server, case):
    """Control characters that the application writes to stderr are printed visibly."""
    # Under this clause and not W05 or W15, since it is a client who speaks here as well: the
    # application hands on what it was asked for. PEP 3333 has nothing about it.
    if server.target.part < 2 or not server.is_ours():
        pytest.skip("ours from part 2 on; others may leave it to the application")
    route, query = case
    word = f"{RAW.decode('latin-1')}\x9b31m one\n\ttwo\u20ac"
    with Server(server.target, unbuffered=True) as own:
        begun = len(own.output()), len(own.error_output())
        with ask(own, hosted.request(route, token=word, end="1", **query)) as talk:
            expect(talk, {200, 500})
        check_next(own, ALIVE)
        own.stop(signal.SIGINT)
        check_printed_visibly(own, begun, "by the application", talk)
        if "two" in own.errors() and " one\n\ttwo" not in own.errors():
            raise Red(
                "The line end or the tab in the application's words is not there as it was.",
                talk,
                "\\x1b for each control but line ends and tabs, and the rest as it is",
                "Escape what is written where it leaves, in write(), one character for one: "
                "repr() of the whole would make one line of a traceback.",
            )


def check_printed_visibly(
    server: Server, begun: tuple[int, int], name: str, talk: Conversation
) -> None:
    """Raise Red if since begun a control character was printed as it came."""
    printed = server.output()[begun[0] :] + server.error_output()[begun[1] :]
    # Octets that are no UTF-8 come out as U+DC80 and up; terminals know C1 in either form.
    text = printed.decode("utf-8", "surrogateescape")
    worst = re.search("\x1b", text)  # CR alone looks harmless
    if raw := worst or re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\udc80-\udc9f]", text):
        likely = (
            "A client can write into your terminal: move the cursor, forge lines of a log, "
            "set its title. Escape before you print: repr(), or unicode_escape."
        )
        raise Red(
            f"The octet {ord(raw[0]) & 0xFF:#04x} was printed as it came ({name}).",
            talk,
            "printed visibly, as \\x1b or ␛, or not at all",
            likely,
        )
