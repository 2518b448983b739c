"""H08 to H10, H15, H20, H21 and H23: where the content begins and ends."""

import random

import pytest

from tests.checker.checks import SECOND
from tests.checker.clauses import clause
from tests.checker.conversation import HOST, Conversation, ask
from tests.checker.evidence import Evidence, Word, say_of_content
from tests.checker.expect import LIKELY, check_echo, expect, expect_echo
from tests.checker.refusal import closed_unanswered, refuse
from tests.checker.verdict import Red
from tests.contract.cuts import cut_after, cut_before_the_last, cut_into_octets, cut_three_ways
from tests.contract.shared import (
    ENDLESS,
    cases,
    check_not_early,
    check_not_smuggled,
    check_waits,
    chunked_request,
    if_refused,
    say_of_chunks,
)

EVERY_OCTET = bytes(range(256))
RANDOM_MEBIBYTE = random.Random(8).randbytes(1 << 20)


def post(content: bytes, method: bytes = b"POST") -> bytes:
    """Return a request with content."""
    return (
        method
        + b" /form HTTP/1.1\r\n"
        + HOST
        + b"Content-Length: %d\r\n\r\n" % len(content)
        + content
    )


# ---- H08 -------------------------------------------------------------------------------

PACKET = (
    "The content was taken from what came with the head. Count: read until "
    "Content-Length octets are there, and no more."
)
WAITS_ON = (
    "The server still waits, though all has come: for more than Content-Length octets, or for an "
    "end of the input that the client does not send. Count what came with the head, too."
)
READING: dict[str, Word] = {"content": say_of_content, "silent": WAITS_ON, "closed": PACKET}

HELLO = post(b"hello=1")
SHORT_FIELDS = b"x:y\r\n" * 12_000  # takes a server some milliseconds to parse
TRIES = 10  # on a busy machine the content may come when the head has been parsed


@pytest.mark.waits(2.2)
@clause("H08")
@cases(
    cut_three_ways(HELLO)
    | {
        "head-then-content": cut_after(HELLO, b"\r\n\r\n"),
        "inside-the-content": cut_before_the_last(HELLO, 3),
        "before-the-last-octet": cut_before_the_last(HELLO, 1),
        "inside-crlfcrlf": cut_before_the_last(HELLO, len(b"hello=1") + 1),
        "head-content-rest": [HELLO[:-7], HELLO[-7:-4], HELLO[-4:]],
    }
)
def test_the_content_is_read_however_it_is_cut(server, case):
    """The content is read to its last octet, whatever pieces it arrives in."""
    with ask(server, *case) as talk:
        if talk.received:
            check_not_early(talk, PACKET)
        expect_echo(talk, method="POST", content=b"hello=1", likely=READING)


@clause("H08")
def test_content_that_comes_while_the_head_is_parsed_is_read_from_its_first_octet(server):
    """Content that comes while the server still parses the head is read from its first octet."""
    head, content = cut_after(HELLO, b"\r\n\r\n")
    likely = (
        "Was an octet taken, to see whether content has come? recv(1, socket.MSG_PEEK) looks, and "
        "leaves it there."
    )
    why = READING | {"silent": likely, "content": likely}
    for _ in range(TRIES):
        with ask(server, head[:-2] + SHORT_FIELDS + head[-2:], content) as talk:
            expect_echo(talk, method="POST", content=b"hello=1", statuses={400, 431}, likely=why)


@clause("H08")
def test_a_pause_does_not_end_the_content(server):
    """A pause in the content does not end it: the server waits for the rest."""
    with ask(server, HELLO[:-3]) as talk:
        check_waits(talk, HELLO[-3:])
        expect_echo(talk, method="POST", content=b"hello=1", likely=READING)


@clause("H08")
@cases(
    {
        "every-octet": EVERY_OCTET,
        "empty-lines": b"\r\n\r\n\r\n",
        "line-ends-at-both-ends": b"\r\n hello \r\n",
        "looks-like-a-request": b"GET / HTTP/1.1\r\nHost: b\r\n\r\n",
        "utf-8": "Grüße €".encode(),
        "not-utf-8": b"\xff\xfe\xe9",
        "nul": b"\0\0\0",
        "bare-line-ends": b"a\nb\rc\r\n",
        "white-space": b"  \t ",
        "one-octet": b"x",
        "none": b"",
        "5000-octets": b"0123456789" * 500,
    }
)
def test_the_content_is_unchanged(server, case):
    """The content is read as it was sent, octet for octet."""
    with ask(server, post(case)) as talk:
        expect_echo(talk, method="POST", content=case, likely=READING)
    with ask(server, *cut_after(post(case), b"\r\n\r\n")) as talk:
        expect_echo(talk, method="POST", content=case, likely=READING)


@clause("H08")
@pytest.mark.parametrize(
    "method", [b"PUT", b"PATCH", b"DELETE", b"GET"], ids=lambda name: name.decode()
)
def test_the_content_is_read_whatever_the_method(server, method):
    """The content is read whatever the method is."""
    with ask(server, *cut_after(post(b"hello", method), b"\r\n\r\n")) as talk:
        expect_echo(talk, method=method.decode(), content=b"hello", likely=READING)


@clause("H08")
@cases(
    {
        "lower-case-name": b"content-length: 5\r\n",
        "upper-case-name": b"CONTENT-LENGTH: 5\r\n",
        "no-space": b"Content-Length:5\r\n",
        "white-space-around": b"Content-Length: \t 5 \t\r\n",
        "leading-zeros": b"Content-Length: 0005\r\n",
    }
)
def test_content_length_is_found_however_it_is_written(server, case):
    """Content-Length counts in upper or lower case, and with any white space around its value."""
    with ask(server, b"POST /form HTTP/1.1\r\n" + HOST + case + b"\r\n", b"hello") as talk:
        likely = (
            "Field names are compared without regard to case; white space around the value "
            "is not part of it."
        )
        found = READING | if_refused(likely) | {"silent": likely}
        expect_echo(talk, method="POST", content=b"hello", likely=found)


@clause("H08")
@cases(
    {
        "whole": [post(RANDOM_MEBIBYTE)],
        "head-first": cut_after(post(RANDOM_MEBIBYTE), b"\r\n\r\n"),
        "in-three": [
            post(RANDOM_MEBIBYTE)[:5000],
            post(RANDOM_MEBIBYTE)[5000:70_000],
            post(RANDOM_MEBIBYTE)[70_000:],
        ],
    }
)
def test_a_mebibyte_arrives_whole(server, case):
    """A mebibyte of content arrives whole."""
    with ask(server, *case) as talk:
        expect_echo(talk, method="POST", content=RANDOM_MEBIBYTE, likely=READING)


# ---- H09 -------------------------------------------------------------------------------


@clause("H09")
@cases(
    {
        "get": [b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"],
        "octet-by-octet": cut_into_octets(b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"),
        "post": [HELLO],
        "post-in-two": cut_after(HELLO, b"\r\n\r\n"),
        "http-1.0": [b"GET /hello HTTP/1.0\r\n\r\n"],
    }
)
def test_a_client_that_half_closes_is_answered(server, case):
    """A client that shuts down its write side after its request still gets its answer."""
    with ask(server, *case, half_close=True) as talk:
        likely = (
            "recv() returning b'' says that the client sends no more. It may still read: "
            "nc and scripts shut down their write side like this. Answer what is complete."
        )
        likely = dict.fromkeys(("silent", "closed", "short", "other"), likely)
        likely["refused"] = "Is it refused without the half-close, too? Then see H14."
        content = b"hello=1" if case[0].startswith(b"POST") else b""
        method = "POST" if content else "GET"
        expect_echo(talk, method=method, content=content, likely=likely)


# ---- H10 -------------------------------------------------------------------------------


def what_followed(evidence: Evidence) -> str:
    """Return what is likely where the content is not that of the first request."""
    too_much = len(evidence.seen) > len(evidence.due)
    return SURPLUS if too_much else say_of_content(evidence)


FIRST = b"GET /first HTTP/1.1\r\n" + HOST + b"\r\n"
SURPLUS = (
    "Everything that recv() returned was taken for the request. Its end is known: the "
    "empty line, and Content-Length octets after it. What follows is not part of it."
)
FOLLOWED = dict.fromkeys(("refused", "other", "target", "closed"), SURPLUS) | {
    "content": what_followed
}


@clause("H10")
@cases(
    {
        "two-requests": (FIRST, SECOND),
        "three-requests": (FIRST, SECOND + SECOND),
        "post-and-get": (post(b"hello"), SECOND),
        "empty-post-and-get": (post(b""), SECOND),
        "get-with-content-and-get": (post(b"hello", b"GET"), SECOND),
        "crlf": (post(b"hello"), b"\r\n"),
        "octets": (post(b"hello"), b"surplus"),
        "octets-after-get": (FIRST, b"surplus"),
        "half-a-request": (FIRST, b"GET /second HT"),
        "a-whole-page": (FIRST, b"surplus " * 2000),
    }
)
def test_what_follows_a_request_is_not_part_of_it(server, case):
    """Octets that follow a request are not taken for a part of it."""
    first, surplus = case
    with ask(server, first + surplus) as talk:
        check_first_of_two(talk, first, surplus)


@clause("H10")
def test_what_follows_does_not_destroy_the_answer(server):
    """Octets that follow a request do not let a reset destroy its answer."""
    with ask(server) as talk:  # a client that sends all it has before it reads
        talk.send(FIRST + b"surplus " * (1 << 15), listening=False)
        likely = (
            "The answer was sent, and the connection closed with input unread: the reset "
            "destroys what is still on its way. shutdown(SHUT_WR), read and drop, close."
        )
        response = expect_echo(talk, likely={"closed": likely, "short": likely})
        if response.closes and talk.reads_end() == "reset":
            raise Red(
                "The answer was followed by a reset.", talk, "the end, without a reset", likely
            )


@clause("H10")
def test_what_follows_is_not_part_of_it_octet_by_octet(server):
    """Octets that follow a request are not part of it, also where they come one by one."""
    request = post(b"hi")
    with ask(server, *cut_into_octets(request), SECOND) as talk:
        check_first_of_two(talk, request, SECOND)


def check_first_of_two(talk, first: bytes, surplus: bytes) -> None:
    """Raise Red unless first is answered whole, and surplus as what it is or not at all."""
    method = first.split(b" ")[0].decode()
    words = "200 with the echo of the first request alone; then the close, or the second answer"
    content = first.partition(b"\r\n\r\n")[2]
    target = first.split(b" ")[1].decode()
    response = expect_echo(
        talk, method=method, targets=(target,), content=content, words=words, likely=FOLLOWED
    )
    if response.closes:
        talk.reads_end()
        return
    if surplus.startswith(SECOND):
        expect_echo(talk, targets=("/second",), words=words, likely=FOLLOWED)
    elif surplus.startswith(b"surplus"):
        talk.half_close()
        if not talk.reads_end() and talk.response() is None:
            raise Red("The octets that follow keep it waiting.", talk, words, SURPLUS)


# ---- H15 -------------------------------------------------------------------------------

WAITING = (
    "The client sends its content once it has read 100 Continue; curl waits a second, "
    "others for ever. Send that line before you wait for content."
)


def left_waiting(talk: Conversation, words: str, mark: bytes) -> Red:
    """Return the verdict on a server that says nothing to a client that asks before it sends."""
    likely = LIKELY["closed"] if talk.ended else WAITING
    return Red("The client was left waiting.", talk, words, likely, mark)


def request_that_expects(version: bytes, field: bytes = b"Expect: 100-continue\r\n") -> list[bytes]:
    """Return the head and the content of a request that asks before it sends."""
    head = b"POST /form " + version + b"\r\n" + HOST + field + b"Content-Length: 5\r\n\r\n"
    return [head, b"hello"]


@clause("H15")
@cases(
    {
        "as-usual": b"Expect: 100-continue\r\n",
        "other-case": b"EXPECT: 100-Continue\r\n",
        "no-space": b"Expect:100-continue\r\n",
    }
)
def test_the_client_hears_before_it_sends_its_content(server, case):
    """A client that sends Expect: 100-continue hears 100 or its answer before it sends content."""
    head, content = request_that_expects(b"HTTP/1.1", case)
    words = "HTTP/1.1 100 Continue and an empty line, or the final status, before any content"
    with ask(server, head) as talk:
        interim = talk.response("POST", interim=True)
        if interim is None or interim.status is None:
            raise left_waiting(talk, words, case)
        if interim.status != 100:
            return  # a final status: the client need not send its content
        line, *lines = interim.head.split(b"\r\n")
        if not line.startswith(b"HTTP/1.1 100 ") or lines[-2:] != [b"", b""]:
            likely = "100 Continue is a response like any other: a status-line and an empty line."
            raise Red("This is not a whole response.", talk, words, likely)
        if {"content-length", "transfer-encoding"} & set(dict(interim.fields)):
            likely = "RFC 9110 §8.6: no Content-Length in a 1xx; it has no content."
            raise Red("100 Continue frames a content.", talk, words, likely)
        talk.send(content)
        expect_echo(talk, method="POST", content=content, likely=READING)


@clause("H15")
def test_the_client_hears_before_it_sends_whatever_the_method(server):
    """Expect: 100-continue is answered whatever the method is."""
    head, content = request_that_expects(b"HTTP/1.1")
    with ask(server, head.replace(b"POST", b"PUT")) as talk:
        interim = talk.response("PUT", interim=True)
        if interim is None:
            words = "100 Continue, or the final status, before any content"
            raise left_waiting(talk, words, b"PUT")
        if interim.status == 100:
            talk.send(content)
            expect_echo(talk, method="PUT", content=content, likely=READING)


@clause("H15")
def test_content_that_comes_with_the_head_is_read(server):
    """Content that arrives together with Expect: 100-continue is read."""
    with ask(server, b"".join(request_that_expects(b"HTTP/1.1"))) as talk:
        expect_echo(talk, method="POST", content=b"hello", likely=READING)


@clause("H15")
@cases(
    {
        "two-pieces": request_that_expects(b"HTTP/1.0"),
        "whole": [b"".join(request_that_expects(b"HTTP/1.0"))],
    }
)
def test_a_client_of_http_1_0_never_gets_100(server, case):
    """A client of HTTP/1.0 never gets 100 Continue."""
    with ask(server, *case) as talk:
        first = talk.response("POST", interim=True)
        if first and first.status and first.status < 200:
            likely = (
                "RFC 9110 §10.1.1: HTTP/1.0 has no 1xx; its client takes this for the "
                "answer. Look at the version before you send 100."
            )
            raise Red("An HTTP/1.0 client got 100 Continue.", talk, "200 alone", likely)
        talk.read_to = 0
        expect_echo(talk, method="POST", content=b"hello", likely=READING)


# ---- H20 -------------------------------------------------------------------------------

BAD_LENGTHS = {
    "plus": b"+5",
    "minus": b"-5",
    "minus-one": b"-1",
    "minus-zero": b"-0",
    "hexadecimal": b"0x5",
    "underscore": b"0_5",
    "underscore-inside": b"1_0",
    "space-inside": b"5 5",
    "tab-inside": b"5\t5",
    "fraction": b"5.0",
    "exponent": b"5e0",
    "letters": b"five",
    "letter-after": b"5a",
    "superscript": b"\xb2",
    "superscript-utf-8": "²".encode(),
    "arabic-digit": "٥".encode(),
    "full-width-digit": "５".encode(),
    "empty": b"",
    "quoted": b'"5"',
    "semicolon": b"5;a=b",
    "comma-alone": b",",
    "no-break-space": b"\xa05",
}
NO_NUMBER = (
    "int() takes +5, 1_0 and digits of other scripts, and isdigit() takes ². RFC 9110 "
    "§8.6: 1*DIGIT. Match the octets 0 to 9 first, then call int(). (White space is SP and "
    "HTAB: bare strip() takes away more.)"
)
NOT_INT = dict.fromkeys(("accepted", "other", "closed"), NO_NUMBER)


@clause("H20")
@cases(BAD_LENGTHS)
def test_a_content_length_that_is_not_digits_is_refused(server, case):
    """A Content-Length that is anything but digits is refused with 400."""
    request = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + case + b"\r\n\r\nhello"
    refuse(server, request, {400}, mark=b"Content-Length: " + case, likely=NOT_INT)


@clause("H20")
@cases({"plus": b"+5", "minus": b"-1", "empty": b""})
def test_a_content_length_is_refused_before_the_content_comes(server, case):
    """A bad Content-Length is refused at the end of the head, before any content comes."""
    head = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + case + b"\r\n\r\n"
    refuse(server, cut_into_octets(head), {400}, mark=b"Content-Length: " + case, likely=NOT_INT)


@clause("H20")
def test_a_content_length_that_is_not_digits_is_refused_for_get_too(server):
    """A Content-Length that is not digits is refused with GET, too."""
    request = b"GET / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n"
    refuse(server, request, {400}, mark=b"Content-Length: x", likely=NOT_INT)


TWO = (
    "Two lengths are two messages: one reader stops where another goes on (request "
    "smuggling). In a dict the last field wins. Look at all of them."
)


@clause("H20")
@cases(
    {
        "two-lines": b"Content-Length: 5\r\nContent-Length: 6\r\n",
        "shorter-second": b"Content-Length: 5\r\nContent-Length: 0\r\n",
        "one-line": b"Content-Length: 5, 6\r\n",
        "second-is-none": b"Content-Length: 5\r\nContent-Length: x\r\n",
        "second-is-empty": b"Content-Length: 5\r\nContent-Length:\r\n",
        "other-case": b"Content-Length: 5\r\ncontent-length: 3\r\n",
        "apart": b"Content-Length: 5\r\nX-A: 1\r\nContent-Length: 2\r\n",
    }
)
def test_differing_content_lengths_are_refused(server, case):
    """Content-Lengths that differ are refused with 400."""
    request = b"POST / HTTP/1.1\r\n" + HOST + case + b"\r\nhello!"
    refuse(server, request, {400}, mark=case, likely=TWO)


@clause("H20")
@cases(
    {
        "two-lines": b"Content-Length: 5\r\nContent-Length: 5\r\n",
        "one-line": b"Content-Length: 5, 5\r\n",
    }
)
def test_identical_content_lengths_are_refused_or_read_as_one(server, case):
    """Identical Content-Lengths are refused with 400, or read as one."""

    def check_read_as_one(talk, response):
        check_echo(talk, response, method="POST", content=b"hello", likely=TWO)

    request = b"POST / HTTP/1.1\r\n" + HOST + case + b"\r\nhello"
    refuse(
        server,
        request,
        {400, 200},
        mark=case,
        likely=TWO,
        words="400 (or read as one)",
        accepted=check_read_as_one,
    )


@clause("H20")
@cases(
    {
        "no-number": b"Content-Length: x\r\n",
        "plus": b"Content-Length: +45\r\n",
        "differing": b"Content-Length: 45\r\nContent-Length: 0\r\n",
    }
)
def test_what_follows_a_refused_length_is_no_request(server, case):
    """What follows a refused Content-Length is never read as the next request."""
    check_not_smuggled(server, case, {400})


@clause("H20")
@cases({"zeros": b"0" * 20 + b"12", "many-zeros": b"0" * 5000 + b"12", "one-zero": b"012"})
def test_leading_zeros_are_digits(server, case):
    """Leading zeros in Content-Length are accepted, however many."""
    content = b"hello, world"
    request = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + case + b"\r\n\r\n" + content
    with ask(server, request) as talk:
        likely = (
            "RFC 9110 §8.6: 1*DIGIT, however many. int() fails above 4,300 digits; take "
            "the leading zeros off first. They are decimal digits, not octal ones."
        )
        expect_echo(talk, method="POST", content=content, likely=if_refused(likely))


@clause("H20")
def test_5000_digits_are_refused(server):
    """A Content-Length of 5,000 digits is refused with 413 or 400."""
    request = b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"
    likely = "int() raises ValueError above 4,300 digits (since Python 3.11). Count them first."
    refuse(server, request, {413, 400}, likely={"closed": likely, "other": likely})


# ---- H21 -------------------------------------------------------------------------------

BY_CHUNKS: dict[str, Word] = {"accepted": say_of_chunks, "content": say_of_chunks}


def check_decoded(talk, response) -> None:
    """Raise Red unless an answer of 200 has the decoded content."""
    check_echo(
        talk,
        response,
        method="POST",
        content=b"hello",
        words="501 (or 411, or 200 with the decoded content)",
        likely=BY_CHUNKS,
    )


@pytest.mark.waits(1)
@clause("H21")
@cases(
    {
        "chunked": b"Transfer-Encoding: chunked\r\n",
        "other-case": b"transfer-encoding: CHUNKED\r\n",
        "no-space": b"Transfer-Encoding:chunked\r\n",
        "white-space-around": b"Transfer-Encoding: \t chunked \t\r\n",
    }
)
def test_chunked_is_decoded_or_named_as_missing(server, case):
    """Chunked content is decoded, or the request is refused with 501 or 411."""
    refuse(
        server,
        chunked_request(case),
        {501, 411, 200},
        mark=case,
        likely=BY_CHUNKS,
        words="501 (or 411, or 200 with the decoded content)",
        accepted=check_decoded,
    )


@clause("H21")
@cases(
    {
        "first": b"Transfer-Encoding: ,chunked\r\n",
        "last": b"Transfer-Encoding: chunked,\r\n",
        "around": b"Transfer-Encoding: , \t,, chunked , ,\r\n",
        "line-before": b"Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n",
        "line-after": b"Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n",
    }
)
def test_empty_elements_of_the_list_are_passed_over(server, case):
    """Empty elements in the list of transfer codings are passed over."""
    empty = (
        "The list was divided at its commas, and nothing counted as a coding. RFC 9110 "
        "§5.6.1.2: a recipient MUST parse and ignore empty elements of a list."
    )
    refuse(
        server,
        chunked_request(case),
        {501, 411, 200},
        mark=case,
        likely=BY_CHUNKS | {"other": empty, "refused": empty},
        words="501 (or 411, or 200 with the decoded content), as for chunked alone",
        accepted=check_decoded,
    )


@clause("H21")
def test_chunked_is_never_left_waiting_for_chunks(server):
    """A chunked request that arrives octet by octet is decoded or refused, never left waiting."""
    request = chunked_request(b"Transfer-Encoding: chunked\r\n")
    refuse(
        server,
        cut_into_octets(request),
        {501, 411, 200},
        likely=BY_CHUNKS,
        accepted=check_decoded,
        words="501 (or 411, or 200 with the decoded content)",
    )


@clause("H21")
@cases(
    {
        "gzip": b"Transfer-Encoding: gzip\r\n",
        "identity": b"Transfer-Encoding: identity\r\n",
        "chunked-then-gzip": b"Transfer-Encoding: chunked, gzip\r\n",
        "chunked-then-identity": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "gzip-then-chunked": b"Transfer-Encoding: gzip, chunked\r\n",
        "in-two-lines": b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n",
        "misspelled": b"Transfer-Encoding: xchunked\r\n",
        "chunked-twice": b"Transfer-Encoding: chunked, chunked\r\n",
        "quoted": b'Transfer-Encoding: "chunked"\r\n',
        "semicolon": b"Transfer-Encoding: chunked;q=1\r\n",
        "two-words": b"Transfer-Encoding: chunked gzip\r\n",
        "empty": b"Transfer-Encoding:\r\n",
        "empty-elements": b"Transfer-Encoding: , ,\r\n",
        "empty-in-two-lines": b"Transfer-Encoding:\r\nTransfer-Encoding: ,\r\n",
    }
)
def test_codings_that_are_not_known_are_refused(server, case):
    """Transfer codings other than chunked alone are refused with 400 or 501."""
    refuse(
        server,
        chunked_request(case),
        {400, 501, 411},
        mark=case,
        likely=BY_CHUNKS,
        words="400 or 501",
    )


@clause("H21")
@cases(
    {
        "length-first": b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "length-last": b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "length-zero": b"Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "length-of-the-chunks": b"Content-Length: 15\r\nTransfer-Encoding: chunked\r\n",
    }
)
def test_chunked_beside_content_length_is_refused_or_decoded_then_closed(server, case):
    """Chunked beside Content-Length is refused, or decoded and the connection closed."""

    def check_decoded_then_closed(talk, response):
        check_decoded(talk, response)
        if not response.closes:
            raise Red(
                "The connection is kept.",
                talk,
                "400; or decoded, and then closed",
                "RFC 9112 §6.1: close after it, since someone else may have read another length.",
            )

    refuse(
        server,
        chunked_request(case),
        {400, 501, 411, 200},
        mark=case,
        likely=BY_CHUNKS,
        words="400 (or 501, 411; or decoded, then closed)",
        accepted=check_decoded_then_closed,
    )


@clause("H21")
def test_chunked_in_http_1_0_is_refused(server):
    """Chunked content in an HTTP/1.0 request is refused, or decoded; it is never ignored."""
    # RFC 9112 §6.1: framing is faulty in an HTTP/1.0 message; decoded and closed is right too.
    request = chunked_request(b"Transfer-Encoding: chunked\r\n", version=b"HTTP/1.0")
    refuse(
        server,
        request,
        {400, 501, 411, 200},
        mark=b"Transfer-Encoding: chunked",
        likely=BY_CHUNKS,
        words="400 (or 501, 411; or decoded, then closed)",
        accepted=check_decoded,
    )


@clause("H21")
@cases(
    {
        "gzip": b"Transfer-Encoding: gzip\r\n",
        "not-last": b"Transfer-Encoding: chunked, gzip\r\n",
        "empty-elements": b"Transfer-Encoding: ,\r\n",
    }
)
def test_what_follows_a_refused_coding_is_no_request(server, case):
    """What follows a refused transfer coding is never read as the next request."""
    check_not_smuggled(server, case, {400, 501, 411})


# ---- H23 -------------------------------------------------------------------------------

HALF = (
    "What had come when the input ended was taken for all of it. recv() returning b'' "
    "before the request is complete means: refuse it, or close."
)

UNFINISHED = {
    "request-line": b"GET /hel",
    "line-without-crlf": b"GET /hello HTTP/1.1",
    "cr-alone": b"GET /hello HTTP/1.1\r",
    "no-fields": b"GET /hello HTTP/1.1\r\n",
    "field-line": b"GET /hello HTTP/1.1\r\nHost: 127",
    "no-empty-line": b"GET /hello HTTP/1.1\r\n" + HOST,
    "half-an-empty-line": b"GET /hello HTTP/1.1\r\n" + HOST + b"\r",
    "one-octet-missing": HELLO[:-1],
    "no-content": HELLO[: -len(b"hello=1")],
    "half-of-the-content": post(b"x" * 5000)[:-2500],
    "expect": request_that_expects(b"HTTP/1.1")[0] + b"he",
}


@pytest.mark.waits(0.8)
@clause("H23")
@pytest.mark.parametrize(
    "cut", [lambda request: [request], cut_into_octets], ids=["whole", "octets"]
)
@pytest.mark.parametrize("request_octets", UNFINISHED.values(), ids=UNFINISHED)
def test_a_request_that_ends_early_is_never_answered_2xx(server, request_octets, cut):
    """A request that ends before it is complete is refused with 400, or the connection closed."""
    if len(request_octets) > 1000 and cut is cut_into_octets:
        cut = lambda request: cut_before_the_last(request, 1000)  # noqa: E731
    with ask(server, *cut(request_octets), half_close=True) as talk:
        if closed_unanswered(talk):
            return
        expect(
            talk,
            {400, 408},
            likely={"accepted": HALF, "silent": ENDLESS},
            words="400 (or 408), or the end of the connection",
        )
