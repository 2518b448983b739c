"""L07 to L13: clients that are silent, slow or idle, and connections that are kept."""

import contextlib
import time
from collections.abc import Iterator

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import HOST, Conversation, Response, ask
from tests.checker.expect import expect, expect_echo
from tests.checker.processes import wait_until
from tests.checker.refusal import check_refusal
from tests.checker.server import Server
from tests.checker.verdict import Red
from tests.contract.hosted import json_of, request, token, wait_for_words
from tests.contract.shared import GET, ask_without_reading, cases
from tests.contract.workers import (
    CLOSE,
    LONG,
    check_serves,
    serving,
    verdict,
)

pytestmark = pytest.mark.alone

PATIENCE = 2  # seconds, as --client-timeout
OVERDUE = PATIENCE + 8.0  # by then what should be cut off is, on a machine that is busy
CUT = "408 (Request Timeout), or the end of the connection"


def check_cut_off(talk: Conversation, begun: float, likely: str) -> None:
    """Raise Red unless the server says 408, or ends the connection, and not too early."""
    before = time.time() - 1
    talk.wait(lambda: talk.ended, max(0.0, begun + OVERDUE - time.monotonic()))
    took = time.monotonic() - begun
    if not talk.ended and not talk.received[talk.read_to :]:
        problem = f"{took:.0f} s after the first octet the client is still waited for."
        raise verdict(problem, CUT, likely, talk)
    if talk.received[talk.read_to :]:
        response = expect(talk, {408}, words=CUT, likely=likely)
        check_refusal(talk, response, before)
        talk.reads_end()
    if not talk.ended:
        raise verdict("The connection is still open.", CUT, likely, talk)
    if took < PATIENCE / 2:
        problem = f"It was cut off after {took:.1f} s, and --client-timeout is {PATIENCE} s."
        raise verdict(problem, f"{CUT}, when the time is over", likely, talk)


def drip(talk: Conversation, octets: bytes, pause: float) -> None:
    """Send octets one by one, with a pause before each, until something comes back."""
    for octet in octets:
        if talk.take(pause) or talk.ended:
            return
        talk.send(bytes([octet]), listening=False)


# ---- L07 -------------------------------------------------------------------------------

READS_TOO_SOON = (
    "A worker accepts a connection and waits in recv() for what its client will say. Let one "
    "selector wait for all of them, and read where something has come."
)
SILENT_STAY = (
    "Nobody closes them. A selector waits for what comes; what does not come needs a deadline: "
    "note when each connection was accepted, and look through them at each turn."
)
CROWD = 300


def still_open(talks: list[Conversation]) -> list[Conversation]:
    """Return those that the server has not ended, after a look at each."""
    for talk in talks:
        while talk.take():
            pass
    return [talk for talk in talks if not talk.ended]


@pytest.mark.waits(9)
@clause("L07")
def test_300_silent_clients_hold_nobody_and_are_closed(server):
    """While 300 clients say nothing, the next one is answered at once, and the 300 are closed."""
    with serving(server, client_timeout=PATIENCE) as own, contextlib.ExitStack() as stack:
        check_serves(own, READS_TOO_SOON)
        silent = [stack.enter_context(ask(own)) for _ in range(CROWD)]
        for _ in range(4):
            check_serves(own, READS_TOO_SOON, seconds=PATIENCE)
        wait_until(lambda: not still_open(silent), OVERDUE)
        if left := still_open(silent):
            problem = f"{len(left)} of {CROWD} silent connections are open, {OVERDUE:.0f} s later."
            raise verdict(problem, "their end after the client timeout", SILENT_STAY, left[0])
        for talk in silent:
            if talk.received:
                expect(talk, {408}, words="nothing, or 408", likely=SILENT_STAY)
        check_serves(own, SILENT_STAY)


@pytest.mark.waits(3)
@clause("L07")
def test_silent_clients_are_not_closed_for_company(server):
    """More silent clients than workers wait; each that asks within the timeout is answered."""
    with serving(server) as own, contextlib.ExitStack() as stack:
        silent = [stack.enter_context(ask(own)) for _ in range(8)]
        check_serves(own, READS_TOO_SOON)
        for talk in silent:
            talk.send(request("process", CLOSE))
            expect(talk, {200}, likely=READS_TOO_SOON)


# ---- L08 -------------------------------------------------------------------------------

STARTS_ANEW = (
    "Each octet starts the time anew: settimeout() bounds one recv(), not the sum of them. "
    "Note when the head has to be whole, and wait only for what is left until then."
)
SLOW_HEAD = b"GET /hello HTTP/1.1\r\nX-Slow: " + b"a" * 100 + b"\r\n"


@pytest.mark.waits(10)
@clause("L08")
@cases({"fast": 0.1, "each-half-timeout": PATIENCE / 2})
def test_a_head_that_drips_is_cut_off_in_time(server, case):
    """An octet of the head comes now and then: 408, or the end, once the client timeout is over."""
    with serving(server, client_timeout=PATIENCE) as own, ask(own) as talk:
        begun = time.monotonic()
        drip(talk, SLOW_HEAD, case)
        check_cut_off(talk, begun, STARTS_ANEW)
        check_serves(own, STARTS_ANEW)


@pytest.mark.waits(9)
@clause("L08")
def test_a_head_that_stops_in_the_middle_is_cut_off(server):
    """Half a head and then nothing: 408, or the end, once the client timeout is over."""
    with serving(server, client_timeout=PATIENCE) as own, ask(own) as talk:
        begun = time.monotonic()
        talk.send(GET[:-4])
        check_cut_off(talk, begun, "Nothing bounds the wait for the rest of a head.")


@pytest.mark.waits(10)
@clause("L08")
def test_the_head_of_a_second_request_has_the_same_deadline(server):
    """On a kept connection the second head drips: it is cut off as the first one would be."""
    with serving(server, client_timeout=PATIENCE) as own, ask(own, GET) as talk:
        if expect(talk, {200}).closes:
            return  # there is no second request
        begun = time.monotonic()
        drip(talk, SLOW_HEAD, 0.1)
        likely = "The deadline is set where a connection is accepted, and not for each request."
        check_cut_off(talk, begun, likely)


@pytest.mark.waits(3)
@clause("L08")
def test_a_head_that_is_slow_but_in_time_is_read(server):
    """A head in many pieces that is whole before its deadline is answered."""
    with serving(server) as own:
        with ask(own) as talk:
            drip(talk, GET[:40], 0.03)
            talk.send(GET[40:])
            expect(talk, {200}, likely="The head was cut off before its deadline.")


# ---- L09 -------------------------------------------------------------------------------

NO_RATE = (
    "Content that crawls is waited for as long as it likes. Give the client a number of "
    "seconds that waiting spends and octets earn: 1 KiB, one second."
)
ONE_DEADLINE = (
    "The deadline of the head holds for the content too, or is never moved on. Content may "
    "take as long as it needs as long as it keeps moving."
)
POST = b"POST /hello HTTP/1.1\r\n" + HOST + CLOSE
CRAWLS = {
    "with-length": POST + b"Content-Length: 5000\r\n\r\n",
    "chunked": POST + b"Transfer-Encoding: chunked\r\n\r\n1388\r\n",
}


@pytest.mark.waits(10)
@clause("L09")
@cases(CRAWLS)
def test_content_that_crawls_is_cut_off(server, case):
    """An octet of content a second: 408, or the end, when the client timeout is over."""
    with serving(server, client_timeout=PATIENCE) as own, ask(own, case) as talk:
        begun = time.monotonic()
        drip(talk, b"x" * 20, 0.9)
        check_cut_off(talk, begun, NO_RATE)
        check_serves(own, NO_RATE)


@pytest.mark.waits(9)
@clause("L09")
@cases(CRAWLS)
def test_content_that_never_comes_is_cut_off(server, case):
    """A head that promises content, and none comes: 408, or the end."""
    with serving(server, client_timeout=PATIENCE) as own, ask(own, case) as talk:
        check_cut_off(talk, time.monotonic(), NO_RATE)


@pytest.mark.waits(9)
@clause("L09")
@cases({"with-length": False, "chunked": True})
def test_content_that_keeps_moving_may_take_longer(server, case):
    """Content at 64 KiB a second is read to its end, for three times the client timeout."""
    pieces, piece = 24, b"x" * 16_384
    framing = b"Transfer-Encoding: chunked" if case else b"Content-Length: %d" % (pieces * 16_384)
    with serving(server, client_timeout=PATIENCE) as own:
        with ask(own, POST + framing + b"\r\n\r\n") as talk:
            for _ in range(pieces):
                talk.take(0.25)
                if talk.ended or talk.received:
                    break
                talk.send(b"4000\r\n%b\r\n" % piece if case else piece, listening=False)
            if case and not talk.received:
                talk.send(b"0\r\n\r\n")
            likely = dict.fromkeys(("closed", "short", "refused", "silent"), ONE_DEADLINE)
            expect(talk, {200}, likely=likely)


# ---- L10 -------------------------------------------------------------------------------

SENDS_FOR_EVER = (
    "sendall() waits as long as the client likes. Send what the kernel takes, wait for more "
    "room until the client's patience is used up, and then give up."
)
NOT_CLOSED = (
    "The answer was given up, and the iterable was not closed: whoever leaves the loop leaves "
    "through close(), as at the end."
)
CUT_SHORT = (
    "A client that reads steadily was cut off: the limit is on what stands still, and not on "
    "how long an answer takes as a whole."
)


@pytest.mark.waits(10)
@clause("L10")
@cases({"one": 1, "more-than-workers": 3})
def test_a_client_that_does_not_read_holds_no_worker_for_long(server, case):
    """Clients ask for more than the kernel holds and do not read: the next one is answered."""
    word = token()
    octets = request("close", CLOSE, token=word, how="endless", until="/")
    with serving(server, client_timeout=PATIENCE) as own, contextlib.ExitStack() as stack:
        talks = [stack.enter_context(ask_without_reading(own, octets)) for _ in range(case)]
        check_serves(own, SENDS_FOR_EVER, seconds=OVERDUE + case * PATIENCE)

        def closed() -> int:
            return len([one for one in wait_for_words(own, word, 0) if one == "closed"])

        if not wait_until(lambda: closed() >= case, OVERDUE + case * PATIENCE):
            problem = f"close() was called for {closed()} of {case} answers that nobody reads."
            likely = NOT_CLOSED if closed() else SENDS_FOR_EVER
            raise verdict(problem, "close(), after the client timeout", likely, talks[0])
        if closed() > case:
            raise verdict("close() was called twice.", "once", NOT_CLOSED, talks[0])


@pytest.mark.waits(8)
@clause("L10")
def test_a_client_that_reads_steadily_gets_it_all(server):
    """A client that reads 32 MiB steadily gets them, for three times the client timeout."""
    with serving(server, client_timeout=PATIENCE) as own:
        with ask(own, request("large", CLOSE)) as talk:
            for _ in range(26):  # for five seconds, three times the client timeout
                talk.take(0.2)
                time.sleep(0.2)
                if talk.ended:
                    break
            likely = dict.fromkeys(("short", "closed", "silent"), CUT_SHORT)
            response = expect(talk, {200}, likely=likely)
            if len(response.content) != 32 << 20:
                problem = f"{len(response.content)} octets came, of {32 << 20}."
                raise verdict(problem, "all of them", CUT_SHORT)


# ---- L11 -------------------------------------------------------------------------------

OUT_OF_ORDER = (
    "What stands behind a request in the same packet belongs to the next one: keep it with the "
    "connection, and look there before you wait for more to come."
)
LEFTOVER = (
    "Content that the application did not read stands in front of the next request. Read and "
    "drop it after the answer, or close the connection."
)
STATE = (
    "Something of the first request is still there. Begin each request with nothing: fields, "
    "content, deadline and answer."
)
AFTER_CLOSE = (
    "It said, or was told, that the connection ends, and answered again: then close is only a "
    "word. After the answer leave the loop."
)


def get(path: str, fields: bytes = b"") -> bytes:
    """Return a request for path."""
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + fields + b"\r\n"


def answers(talk: Conversation, targets: list[str], likely: str) -> Iterator[Response]:
    """Yield the echo for each of targets, up to one that says close; raise Red for another."""
    for target in targets:
        words = f"200, and the echo of GET {target}"
        response = expect_echo(talk, targets=(target,), likely=likely, words=words)
        yield response
        if response.closes:
            check_nothing_more(talk, likely)
            return


def check_nothing_more(talk: Conversation, likely: str) -> None:
    """Raise Red if anything comes after the last answer."""
    talk.reads_end()
    if talk.received[talk.read_to :]:
        mark = (talk.read_to, talk.read_to + 12)
        problem = "Something came after the answer that ends the connection."
        raise Red(problem, talk, "nothing more", likely, got_mark=mark)


@pytest.mark.waits(2)
@clause("L11")
@cases({"one-after-the-other": False, "in-one-piece": True})
def test_requests_on_one_connection_are_answered_in_order(server, case):
    """Five requests on one connection, sent at once or one by one, are answered in order."""
    with serving(server) as own, ask(own) as talk:
        targets = [f"/number/{number}" for number in range(5)]
        if case:
            talk.send(b"".join(map(get, targets)))
            list(answers(talk, targets, OUT_OF_ORDER))
            return
        for target in targets:
            talk.send(get(target))
            [response] = answers(talk, [target], OUT_OF_ORDER)
            if response.closes:
                return


@clause("L11")
def test_a_second_request_may_come_in_two_halves(server):
    """The first packet has a request and half of another, the second packet the other half."""
    with serving(server) as own:
        second = get("/second")
        with ask(own, get("/first") + second[:12]) as talk:
            first = expect_echo(talk, targets=("/first",), likely=OUT_OF_ORDER)
            if not first.closes:
                talk.send(second[12:])
                list(answers(talk, ["/second"], OUT_OF_ORDER))


SMUGGLED = get("/smuggled")
UNREAD = {
    "with-length": b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED), SMUGGLED),
    "chunked": b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n"
    % (len(SMUGGLED), SMUGGLED),
    "large": b"Content-Length: %d\r\n\r\n%b" % (len(SMUGGLED) * 3000, SMUGGLED * 3000),
}


@clause("L11")
@cases(UNREAD)
def test_content_that_was_left_unread_is_no_request(server, case):
    """The application reads none of the content, which looks like a request: it is not one."""
    with serving(server) as own, ask(own) as talk:
        talk.send(b"POST /w/process HTTP/1.1\r\n" + HOST + case + get("/second"))
        first = expect(talk, {200}, likely=LEFTOVER)
        json_of(talk, first)
        if first.closes:
            check_nothing_more(talk, LEFTOVER)
        elif talk.response() is not None:
            talk.read_to = first.end
            list(answers(talk, ["/second"], LEFTOVER))
        elif not talk.ended:
            raise verdict("The second request has no answer.", "its answer", LEFTOVER, talk)


@clause("L11")
def test_content_that_comes_after_the_answer_is_no_request(server):
    """The application answers before the content has come: it is not taken for a request."""
    with serving(server) as own, ask(own) as talk:
        head = b"POST /w/process HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n"
        talk.send(head % len(SMUGGLED))
        first = talk.wait(lambda: talk.parse_next("GET", whole=True), 1.0)
        talk.send(SMUGGLED + get("/second"))
        first = expect(talk, {200}, likely=LEFTOVER)
        second = None if first.closes else talk.response()
        if first.closes:
            check_nothing_more(talk, LEFTOVER)
        elif second and b"/smuggled" in second.content:
            problem = "The content of the first request was answered as a request."
            raise verdict(problem, "the answer to /second, or the end", LEFTOVER, talk)


ENDS = {
    "close": get("/first", CLOSE),
    "close-in-capitals": get("/first", b"Connection: CLOSE\r\n"),
    "close-in-a-list": get("/first", b"Connection: x-a, close\r\n"),
    "http-1.0": b"GET /first HTTP/1.0\r\n\r\n",
    "http-1.0-close": b"GET /first HTTP/1.0\r\nConnection: close\r\n\r\n",
}


@clause("L11")
@cases(ENDS)
def test_after_the_last_request_nothing_more_is_answered(server, case):
    """A request says that it is the last one, and another one follows: only one answer comes."""
    with serving(server) as own, ask(own, case + get("/second")) as talk:
        expect_echo(talk, targets=("/first",), likely=AFTER_CLOSE)
        check_nothing_more(talk, AFTER_CLOSE)
        if not talk.ended:
            problem = "The client said close, and the connection is open."
            raise verdict(problem, "the end of the connection", AFTER_CLOSE, talk)


REFUSED = {
    "a-malformed-line": b"GET  /first HTTP/1.1\r\n" + HOST + b"\r\n",
    "no-host": b"GET /first HTTP/1.1\r\n\r\n",
    "a-length-of-no-digits": b"GET /first HTTP/1.1\r\n" + HOST + b"Content-Length: +5\r\n\r\n",
    "an-unknown-coding": b"POST / HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: x\r\n\r\n",
}


@clause("L11")
@cases(REFUSED)
def test_after_a_refusal_nothing_more_is_answered(server, case):
    """A request is refused on a connection that had been kept: what follows is not answered."""
    with serving(server) as own, ask(own, get("/kept")) as talk:
        if expect_echo(talk, targets=("/kept",)).closes:
            return
        talk.send(case + get("/second"))
        refused = talk.response()
        if refused and 200 <= (refused.status or 0) < 400:
            pytest.skip("it was not refused, which is another clause's business")
        check_nothing_more(talk, AFTER_CLOSE)


@clause("L11")
def test_nothing_of_one_request_is_left_in_the_next(server):
    """A request with content, fields and a query; then one without: nothing of it is there."""
    first = b"POST /first?a=1 HTTP/1.1\r\n" + HOST + b"X-First: here\r\nCookie: a=1\r\n"
    first += b"Content-Type: text/x-first\r\nContent-Length: 5\r\n\r\nhello"
    with serving(server) as own, ask(own, first) as talk:
        if expect_echo(talk, method="POST", content=b"hello").closes:
            return
        talk.send(get("/second"))
        second = expect_echo(talk, targets=("/second",), likely=STATE)
        for word in (b"X-First", b"Cookie", b"x-first", b"Content-Length: 5", b"a=1"):
            if word.lower() in second.content.lower():
                problem = f"{word.decode()} of the first request is in the second."
                raise Red(problem, talk, "the second request alone", STATE, got_mark=word)


KINDS = {
    "head": (request("/hello", method="HEAD"), "HEAD"),
    "no-content": (request("status", status="204 No Content"), "GET"),
    "not-modified": (request("status", status="304 Not Modified"), "GET"),
    "a-500": (request("fail", how="raise"), "GET"),
    "a-stream": (request("drip", count="3", pause="0.01"), "GET"),
    "expect": (
        b"POST /hello HTTP/1.1\r\n" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\nhi",
        "GET",
    ),
}


@clause("L11")
@cases(KINDS)
def test_the_next_answer_begins_where_the_last_one_ended(server, case):
    """After an answer of any kind, the next answer on the connection is read as what it is."""
    octets, method = case
    with serving(server) as own, ask(own, octets + get("/second")) as talk:
        first = talk.response(method)
        if first and first.closes:
            check_nothing_more(talk, AFTER_CLOSE)
        else:
            list(answers(talk, ["/second"], OUT_OF_ORDER))


# ---- L12 -------------------------------------------------------------------------------

STRAY = (
    "A request that never began has no timeout to be told of. The client may take a 408 for "
    "the answer to the request that it is about to send: close, and say nothing."
)
NEVER_CLOSED = "An idle connection has a deadline too: note when it fell idle."
TOO_EARLY = (
    "An idle connection is not a silent one: the client timeout counts from the first octet of "
    "a request, --keep-alive between two of them."
)


@contextlib.contextmanager
def idle_connection(server: Server, **figures: int) -> Iterator[tuple[Server, Conversation]]:
    """Hand out a connection that was answered, and is kept."""
    with serving(server, **figures) as own, ask(own, GET) as talk:
        if expect(talk, {200}).closes:
            pytest.skip("it keeps no connection, so none is idle")
        yield own, talk


@pytest.mark.waits(9)
@clause("L12")
def test_an_idle_connection_is_closed_without_a_word(server):
    """Nobody asks again: the connection ends when the time is over, and no octet comes before."""
    with idle_connection(server, keep_alive=1) as (_, talk):
        talk.wait(lambda: talk.ended, LONG)
        if talk.received[talk.read_to :]:
            mark = (talk.read_to, talk.read_to + 12)
            problem = "Something was sent that nobody asked for."
            raise Red(problem, talk, "the end of the connection, no octet", STRAY, got_mark=mark)
        if not talk.ended:
            problem = f"--keep-alive is 1 s, and after {LONG:.0f} s the connection is open."
            raise verdict(problem, "its end", NEVER_CLOSED, talk)


@pytest.mark.waits(9)
@clause("L12")
def test_an_idle_connection_is_closed_without_a_word_again(server):
    """The same after three requests on the connection: each begins the time anew."""
    with idle_connection(server, keep_alive=2) as (_, talk):
        for _ in range(3):
            talk.take(0.9)
            talk.send(GET)
            likely = "The time of the first request was not begun anew by the second one."
            expect(talk, {200}, likely=dict.fromkeys(("closed", "silent"), likely))
        talk.wait(lambda: talk.ended, LONG)
        if talk.received[talk.read_to :] or not talk.ended:
            likely = NEVER_CLOSED if not talk.ended else STRAY
            raise verdict("It did not end without a word.", "its end, no octet", likely, talk)


@pytest.mark.waits(5)
@clause("L12")
def test_an_idle_connection_is_kept_as_long_as_it_said(server):
    """Within --keep-alive, though long after --client-timeout, a second request is answered."""
    if not server.target.takes("client_timeout"):
        figures = {"keep_alive": 30}
    else:
        figures = {"keep_alive": 30, "client_timeout": 1}
    with idle_connection(server, **figures) as (_, talk):
        talk.take(3.0)
        talk.send(GET)
        expect(talk, {200}, likely=dict.fromkeys(("closed", "refused", "short"), TOO_EARLY))


@pytest.mark.waits(9)
@clause("L12")
def test_the_time_of_silence_is_not_that_of_an_idle_connection(server):
    """An idle connection ends after --keep-alive, shorter than --client-timeout or not."""
    with idle_connection(server, keep_alive=1) as (_, talk):
        talk.wait(lambda: talk.ended, LONG)
        if not talk.ended:
            raise verdict("It is open.", "its end after 1 s", NEVER_CLOSED, talk)


@clause("L12")
def test_a_keep_alive_of_zero_keeps_none(server):
    """With --keep-alive 0 the first answer says close, and the connection ends."""
    with idle_connection(server, keep_alive=30):
        pass  # else to keep none is no merit of the figure
    with serving(server, keep_alive=0) as own, ask(own, GET + GET) as talk:
        response = expect(talk, {200})
        if not response.closes:
            likely = "0 is a figure like any other, and false: is it taken for one not given?"
            raise verdict("The answer does not say close.", "Connection: close", likely, talk)
        check_nothing_more(talk, AFTER_CLOSE)


# ---- L13 -------------------------------------------------------------------------------

IDLE_HOLDS = (
    "A worker waits for one idle client, and the others wait with it. After an answer put the "
    "connection back where all are waited for: the selector."
)


@pytest.mark.waits(4)
@clause("L13")
@cases({"one-worker": 1, "two-workers": 2})
def test_idle_connections_hold_nobody(server, case):
    """With 100 idle connections per worker, a new client is answered at once, and an old one."""
    with serving(server, workers=case) as own, contextlib.ExitStack() as stack:
        idle = []
        for _ in range(100 * case):
            talk = stack.enter_context(ask(own, GET))
            likely = dict.fromkeys(("silent", "closed"), IDLE_HOLDS)
            response = expect(talk, {200}, likely=likely, words="200, beside idle connections")
            idle.append((talk, response.closes))
        check_serves(own, IDLE_HOLDS)
        for talk, closes in (idle[0], idle[len(idle) // 2], idle[-1]):
            talk.take()
            if closes or talk.ended:
                continue
            talk.send(GET)
            likely = dict.fromkeys(("silent",), IDLE_HOLDS)
            if not talk.response() and talk.ended:
                continue  # it was closed while it was idle
            talk.read_to = talk.received.rfind(b"HTTP/1.1 ")
            expect(talk, {200}, likely=likely, words="200 for an old client too")
        check_serves(own, IDLE_HOLDS)
