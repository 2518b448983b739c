"""H01 to H06: what an answer looks like on the wire."""

import re
import time

import pytest

from tests.checker.checks import (
    SECOND,
    check_date,
    check_framing,
    check_head,
    check_status_line,
    check_with_h11,
)
from tests.checker.clauses import clause
from tests.checker.conversation import HOST, Conversation, Response, ask
from tests.checker.evidence import WHICH, Evidence, say_of_status
from tests.checker.expect import LIKELY, expect, read_echo
from tests.checker.server import Server
from tests.checker.verdict import Red
from tests.contract.shared import soon

GET = b"GET /hello?x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
POST = b"POST /form HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n\r\nhello"
UTF8 = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Name: Zoë\r\nContent-Length: 9\r\n\r\nGrüße €"
OLD = b"GET /old HTTP/1.0\r\n\r\n"
NO_HOST = b"GET / HTTP/1.1\r\n\r\n"
NO_LINE = b"GARBAGE\r\n\r\n"
BAD_LENGTH = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n"
BAD_FIELD = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX : 1\r\n\r\n"
TOO_LARGE = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999999\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"

ANSWERED = {
    "get": GET,
    "post": POST,
    "not-ascii": UTF8.replace("9\r", f"{len('Grüße €'.encode())}\r").encode(),
    "no-content": b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n",
    "http-1.0": OLD,
}
REFUSED = {
    "refused-no-host": NO_HOST,
    "refused-no-request-line": NO_LINE,
    "refused-content-length": BAD_LENGTH,
    "refused-field-line": BAD_FIELD,
    "refused-too-large": TOO_LARGE,
    "refused-transfer-coding": CHUNKED,
}
OTHER_VERSIONS = {
    "http-1.2": GET.replace(b"1.1", b"1.2"),
    "http-2.0": GET.replace(b"1.1", b"2.0"),
    "http-9.9-without-host": b"GET / HTTP/9.9\r\n\r\n",
}
BOTH = ANSWERED | REFUSED
OTHERS = [OLD, *REFUSED.values(), *OTHER_VERSIONS.values()]  # that they are answered, is H14 to H22


def each_request(requests: dict[str, bytes]) -> pytest.MarkDecorator:
    """Return the parameters for a test of every request, with ids that read."""
    return pytest.mark.parametrize("request_octets", requests.values(), ids=requests)


def why_nothing_came(talk: Conversation) -> str:
    """Return what is likely where no answer came, by how the connection ended."""
    if talk.received:
        return "A head never ends: the empty line after the fields is missing."
    if talk.ended:
        return (
            "Every request gets an answer, also one that is refused: is there a path in your code "
            "that ends without sending one?"
        )
    return LIKELY["silent"]


def expect_any(talk: Conversation, method: str = "GET") -> Response:
    """Return any answer there is; silence and a bare close are this clause's business too."""
    response = talk.response(method)
    if response is None and not talk.received and b"".join(talk.sent) in OTHERS:
        pytest.skip("no answer at all, which is the business of another clause")
    if response is None:
        raise Red(
            "Nothing came that has a beginning and an end.",
            talk,
            "an answer",
            why_nothing_came(talk),
        )
    return response


# ---- H01 -------------------------------------------------------------------------------


@clause("H01")
@each_request(BOTH | {"head": GET.replace(b"GET", b"HEAD")} | OTHER_VERSIONS)
def test_the_answer_begins_with_a_status_line(server, request_octets):
    """The answer begins with a status-line, as in HTTP/1.1 200 OK."""
    with ask(server, request_octets) as talk:
        check_status_line(talk, expect_any(talk, request_octets.split(b" ")[0].decode()))


# ---- H02 -------------------------------------------------------------------------------


@clause("H02")
@each_request(BOTH | {"head": GET.replace(b"GET", b"HEAD")})
def test_the_head_is_lines_with_crlf_and_an_empty_line(server, request_octets):
    """Every line of the head ends in CRLF, and an empty line ends the head."""
    with ask(server, request_octets) as talk:
        method = request_octets.split(b" ")[0].decode()
        check_head(talk, talk.response(method) or expect_endless_head(talk))


def expect_endless_head(talk: Conversation) -> Response:
    """Return what came as a head that never ended; raise Red if nothing came."""
    if not talk.received:
        expect_any(talk)
    return Response(bytes(talk.received), None, [], b"", "close", False, 0, len(talk.received))


# ---- H03 -------------------------------------------------------------------------------


@clause("H03")
@each_request(BOTH)
def test_the_end_of_the_content_is_known(server, request_octets):
    """The client can tell where the content of the answer ends."""
    with ask(server, request_octets) as talk:
        check_framing(talk, expect_any(talk))


@clause("H03")
@pytest.mark.parametrize("size", [0, 1, 1000, 100_000], ids=lambda size: f"{size}-octets")
def test_the_length_is_right_for_every_size(server, size):
    """Content-Length is right for content of every size."""
    head = b"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %d\r\n\r\n" % size
    with ask(server, head + b"z" * size) as talk:
        check_framing(talk, expect_any(talk))


@clause("H03")
@each_request(BOTH)
def test_h11_reads_the_answer_as_well(server, request_octets):
    """The strict parser h11 reads the answer, and the same content."""
    with ask(server, request_octets) as talk:
        response = expect_any(talk, request_octets.split(b" ")[0].decode())
        if response.closes:
            talk.reads_end()
        check_with_h11(talk, response)


# ---- H04 -------------------------------------------------------------------------------


@clause("H04")
@each_request({name: octets for name, octets in BOTH.items() if b"HTTP/1.0" not in octets})
def test_the_connection_is_closed_or_kept_as_the_answer_says(server, request_octets):
    """The connection ends at once after Connection: close, and is kept without it."""
    with ask(server, request_octets) as talk:
        response = expect_any(talk)
        permitted = (
            "the end of the connection after Connection: close; without it, the next "
            "answer on the same connection"
        )
        if response.closes:
            check_end(server, request_octets, talk, permitted)
            return
        talk.send(SECOND)
        if talk.response() is None:
            raise Red(
                "The answer does not announce the end, and the next request got no answer.",
                talk,
                permitted,
                "HTTP/1.1 keeps connections open unless one side says Connection: close. "
                "Send that field if you close.",
            )


def check_end(server: Server, request: bytes, talk: Conversation, permitted: str) -> None:
    """Raise Red unless the connection ends, and at once in one of three tries."""
    if not talk.reads_end():
        likely = (
            "The answer was sent, and the socket stays open. close() it; nothing else may "
            "hold it (another reference, a child process)."
        )
        raise Red("The connection was not closed.", talk, permitted, likely)
    waits = [talk.ended_after]
    while waits[-1] > soon(server) and len(waits) < 3:
        with ask(server, request) as again:
            expect_any(again)
            again.reads_end()
            waits.append(again.ended_after)
    if min(waits) > soon(server):
        likely = (
            "Something waits or works between the last octet and close(). If you read on so "
            "that a reset does not destroy the answer: shutdown(SHUT_WR) first."
        )
        raise Red(
            f"The end came {min(waits):.1f} s after the answer, three times.",
            talk,
            "the end at once after Connection: close",
            likely,
        )


# status-line = HTTP-version SP status-code SP [ reason-phrase ]    RFC 9112 §4
STATUS_LINE = re.compile(rb"HTTP/1\.[01] [1-5][0-9]{2}[ \r\n]")
CLOSE = b"Connection: close\r\n\r\n"


@clause("H04")
@each_request(
    {
        "get": GET,
        "post": POST,
        "the-client-says-close": GET.removesuffix(b"\r\n") + CLOSE,
        "http-1.0": OLD,
        "refused": BAD_FIELD,
    }
)
def test_no_second_request_is_answered_after_connection_close(server, request_octets):
    """After Connection: close no second request on the connection is answered."""
    with ask(server, request_octets + SECOND) as talk:
        response = talk.response()
        if response is None:
            pytest.skip("no answer at all, which is the business of another clause")
        if not response.closes and not request_octets.endswith(CLOSE):
            return
        talk.reads_end()
        head_end = response.start + len(response.head)
        if second := STATUS_LINE.search(talk.received, head_end):
            who = "answer" if response.closes else "client"
            likely = (
                "The loop goes on with what the client had sent already. RFC 9112 §9.6: once one "
                "side has said close, nothing more is processed on the connection. The client "
                "sends its second request again elsewhere, and it is done twice."
            )
            raise Red(
                f"The {who} said Connection: close, and a second answer follows.",
                talk,
                "one answer, and then the end of the connection",
                likely,
                got_mark=second.span(),
            )


# ---- H05 -------------------------------------------------------------------------------


@pytest.mark.waits(1.8)
@clause("H05")
@each_request(BOTH)
def test_every_answer_has_the_date_of_now(server, request_octets):
    """Every answer has a Date in the form of IMF-fixdate, and it is now."""
    before = time.time()
    with ask(server, request_octets) as talk:
        response = expect_any(talk)
        if response.status and (response.status >= 500 and not response.values("date")):
            return  # RFC 9110 §6.6.1: MAY in 5xx
        check_date(talk, response, before)


@clause("H05")
def test_the_date_moves_on(server):
    """A later answer has a later Date."""
    with ask(server, GET) as first:
        earlier = check_date(first, expect_any(first), time.time() - 1)
    deadline = time.monotonic() + 4
    while time.monotonic() < deadline:
        time.sleep(0.3)  # the clock is what is waited for: Date has whole seconds
        with ask(server, GET) as talk:
            if check_date(talk, expect_any(talk), time.time() - 1) != earlier:
                return
    likely = "It was computed once, when the program started or a function was defined."
    raise Red(
        "Four seconds later the Date is still the same.",
        [first, talk],
        "a later Date",
        likely,
        got_mark=earlier.encode(),
    )


# ---- H06 -------------------------------------------------------------------------------


@clause("H06")
@pytest.mark.parametrize(
    "rest",
    [
        b" /hello?x=1 HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b" / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: " + b"a" * 2000 + b"\r\n\r\n",
        b" /old HTTP/1.0\r\n\r\n",
    ],
    ids=["query", "long", "http-1.0"],
)
def test_head_has_the_fields_of_get_and_no_content(server, rest):
    """HEAD gets the fields that GET gets, and no content."""
    with ask(server, b"GET" + rest) as by_get:
        got = expect_any(by_get)
        length = len(got.content)
    with ask(server, b"HEAD" + rest) as talk:
        response = expect(talk, {got.status or 200}, method="HEAD", words=f"{got.status}, as GET")
        permitted = f"{got.status}, no content; Content-Length: {length}, or none"
        if response.closes or b"HTTP/1.0" in rest:
            talk.reads_end()
        else:
            talk.send(SECOND)
            talk.wait(lambda: len(talk.received) > response.end)
        likely = (
            "The content is sent whatever the method is. Leave it out for HEAD, and "
            "leave Content-Length as it would be for GET."
        )
        if (response.status or 0) >= 400:
            refused = say_of_status(Evidence(talk, response.status), f"{WHICH}")
            likely = f"{refused} A refusal of HEAD has no content either."
        check_no_content(talk, response, permitted, likely)
        lengths = response.values("content-length")
        if lengths and [digits.lstrip("0") or "0" for digits in lengths] != [str(length)]:
            why = (
                "Content-Length: 0 would say that GET has no content."
                if lengths == ["0"]
                else "Here the length is that of HEAD's own echo, one octet longer than GET's."
                if lengths == [str(length + 1)]
                else "Compute the length as for GET."
            )
            likely = f"HEAD asks what GET would say. {why}"
            mark = b"Content-Length: " + lengths[0].encode()
            raise Red(
                f"GET has {length} octets of content.", talk, permitted, likely, got_mark=mark
            )


def check_no_content(talk: Conversation, response: Response, permitted: str, likely: str) -> None:
    """Raise Red if something follows the head that is not the head of another answer."""
    if bytes(talk.received[response.end : response.end + 5]) not in (b"", b"HTTP/"):
        place = (response.end, len(talk.received))
        raise Red("Content follows the head.", talk, permitted, likely, got_mark=place)


HEAD = b"HEAD / HTTP/1.1\r\n"
LONG_LINE = b"HEAD /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"
REFUSED_HEADS = {
    "no-host": HEAD + b"\r\n",
    "two-hosts": HEAD + HOST * 2 + b"\r\n",
    "field-line": HEAD + HOST + b"X : 1\r\n\r\n",
    "lf-alone": HEAD + b"Host: 127.0.0.1\n\r\n",
    "lf-alone-after-the-request-line": b"HEAD / HTTP/1.1\n" + HOST + b"\r\n",
    "content-length": HEAD + HOST + b"Content-Length: x\r\n\r\n",
    "too-large": HEAD + HOST + b"Content-Length: 99999999\r\n\r\n",
    "transfer-coding": HEAD + HOST + b"Transfer-Encoding: gzip\r\n\r\n",
    "chunk": HEAD + HOST + b"Transfer-Encoding: chunked\r\n\r\nx\r\n\r\n",
    "version": b"HEAD / HTTP/2.0\r\n" + HOST + b"\r\n",
    "line-too-long": LONG_LINE,
    "section-too-long": HEAD + HOST + b"X-Long: " + b"b" * (80 * 1024) + b"\r\n\r\n",
    "unfinished": HEAD + b"Ho",
}
MALFORMED_HEADS = {
    "no-version": b"HEAD /\r\n\r\n",
    "four-parts": b"HEAD /a /b HTTP/1.1\r\n" + HOST + b"\r\n",
    "relative-target": b"HEAD hello HTTP/1.1\r\n" + HOST + b"\r\n",
    "fragment": b"HEAD /a#b HTTP/1.1\r\n" + HOST + b"\r\n",
    "no-http": b"HEAD / HTTPS/1.1\r\n" + HOST + b"\r\n",
}
SILENT = (
    "A refusal says why in its content, and HEAD gets no content, refused or not (RFC 9110 "
    "§9.3.2). The method is known first: look at it also where the line is too long, or where an "
    "empty line came before it."
)


def check_refused_head(server: Server, request: bytes) -> None:
    """Raise Red if the answer to request, a HEAD that may be refused, has content.

    That it is refused, and with which status, is the business of other clauses.
    """
    with ask(server, request, half_close=True) as talk:
        response = talk.response("HEAD")
        if response is None or response.status is None:
            pytest.skip("no answer, which is the business of another clause")
        talk.reads_end()
        check_no_content(talk, response, "a refusal without content", SILENT)


@clause("H06")
@each_request(REFUSED_HEADS)
def test_head_that_is_refused_gets_no_content(server, request_octets):
    """A HEAD that is refused gets no content."""
    check_refused_head(server, request_octets)


@clause("H06")
@each_request(MALFORMED_HEADS)
def test_head_in_a_malformed_line_gets_no_content(server, request_octets):
    """A HEAD in a malformed request-line gets no content."""
    if not server.is_ours():
        pytest.skip("whoever cannot read the line need not have seen the method")
    check_refused_head(server, request_octets)


@clause("H06")
@each_request(
    {name: REFUSED_HEADS[name] for name in ("no-host", "version", "line-too-long", "unfinished")}
)
def test_head_that_is_refused_after_an_empty_line_gets_no_content(server, request_octets):
    """A HEAD that is refused after an empty line gets no content."""
    with ask(server, b"\r\n" + GET) as talk:
        if expect_any(talk).status != 200:
            pytest.skip("an empty line is refused here (H11), and the method was not read")
    check_refused_head(server, b"\r\n" + request_octets)


@clause("H06")
def test_get_after_head_still_has_its_content(server):
    """A GET that follows a HEAD gets its content."""
    with ask(server, b"HEAD / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as talk:
        expect(talk, {200}, method="HEAD")
    with ask(server, GET) as talk:
        read_echo(talk, expect(talk, {200}))
