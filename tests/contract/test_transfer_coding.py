"""H21 and H22 where chunks are decoded; a server that does not decode refuses them all."""

import pytest

from tests.checker.checks import SECOND
from tests.checker.clauses import clause
from tests.checker.conversation import ask
from tests.checker.evidence import Evidence, Word
from tests.checker.expect import check_echo, expect, expect_echo
from tests.checker.refusal import closed_unanswered, refuse
from tests.contract.cuts import cut_inside_line_ends, cut_into_octets
from tests.contract.shared import (
    ENDLESS,
    IGNORED,
    MEBIBYTE,
    TOO_LONG,
    UNBOUNDED,
    cases,
    check_heard,
    chunked_request,
)

FIELD = b"Transfer-Encoding: chunked\r\n"
LAST = b"0\r\n\r\n"
NOT_DECODED = {501, 411}
WORDS = "200 with the decoded content (or 501, 411: not decoded here)"
DECODE = (
    "A chunk is its size in hexadecimal digits of either case, perhaps an extension after a "
    "semicolon, CRLF, so many octets, CRLF. The chunk of size 0 is the last; after it come "
    "trailer fields, perhaps, and an empty line."
)

WELL_FORMED = {
    "one-chunk": (b"5\r\nhello\r\n" + LAST, b"hello"),
    "two-chunks": (b"2\r\nhe\r\n3\r\nllo\r\n" + LAST, b"hello"),
    "no-content": (LAST, b""),
    "upper-case": (b"A\r\n0123456789\r\n" + LAST, b"0123456789"),
    "lower-case": (b"a\r\n0123456789\r\n" + LAST, b"0123456789"),
    "two-digits": (b"10\r\n0123456789abcdef\r\n" + LAST, b"0123456789abcdef"),
    "leading-zeros": (b"0005\r\nhello\r\n000\r\n\r\n", b"hello"),
    "extension": (b"5;name=value\r\nhello\r\n0;last\r\n\r\n", b"hello"),
    "quoted-extension": (b'5;name="a;b"\r\nhello\r\n' + LAST, b"hello"),
    "quoted-pairs": (b'5;name="\\"\\\\;"\r\nhello\r\n' + LAST, b"hello"),
    "extensions": (b'5;a;b=c;d="";e=1\r\nhello\r\n' + LAST, b"hello"),
    "white-space-in-extensions": (b"5 ;\ta = \t b ; c\r\nhello\r\n" + LAST, b"hello"),
    "trailer-fields": (b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Other: 2\r\n\r\n", b"hello"),
    "line-ends-as-content": (b"6\r\n\r\n0\r\n\r\r\n" + LAST, b"\r\n0\r\n\r"),
}


def how_chunks_were_read(evidence: Evidence) -> str:
    """Return what is likely where the content is not what the chunks had in them."""
    if evidence.due and not evidence.seen:
        return IGNORED
    return DECODE


BY_CONTENT: dict[str, Word] = {
    "accepted": DECODE,
    "other": DECODE,
    "target": DECODE,
    "content": how_chunks_were_read,
}
BEHIND = (
    "What stands behind the last chunk belongs to the next request: keep it with the connection, "
    "and look there before you wait for more to come."
)


def accept_as(content: bytes):
    """Return a judge of an answer of 200: its echo has this content."""

    def judge(talk, response):
        check_echo(talk, response, method="POST", content=content, words=WORDS, likely=BY_CONTENT)

    return judge


@clause("H21")
@pytest.mark.parametrize(
    "cut",
    [lambda request: [request], cut_into_octets, cut_inside_line_ends],
    ids=["whole", "octet-by-octet", "cut-inside-line-ends"],
)
@cases(WELL_FORMED)
def test_chunks_are_decoded_however_they_are_cut(server, case, cut):
    """Chunks are decoded whatever pieces they arrive in, or refused with 501 or 411."""
    chunks, content = case
    refuse(
        server,
        cut(chunked_request(FIELD, chunks)),
        NOT_DECODED | {200},
        likely=BY_CONTENT,
        words=WORDS,
        accepted=accept_as(content),
    )


@clause("H21")
def test_what_follows_the_last_chunk_is_not_part_of_it(server):
    """What follows the last chunk is not part of the content."""

    def judge(talk, response):
        accept_as(b"hello")(talk, response)
        if not response.closes:
            expect_echo(talk, targets=("/second",), likely=BEHIND)

    request = chunked_request(FIELD, b"5\r\nhello\r\n" + LAST) + SECOND
    refuse(server, request, NOT_DECODED | {200}, likely=BY_CONTENT, words=WORDS, accepted=judge)


@clause("H21")
@cases(
    {
        "no-number": b"x\r\nhello\r\n" + LAST,
        "empty-size": b"\r\nhello\r\n" + LAST,
        "plus": b"+5\r\nhello\r\n" + LAST,
        "minus": b"-5\r\nhello\r\n" + LAST,
        "0x": b"0x5\r\nhello\r\n" + LAST,
        "underscore": b"0_5\r\nhello\r\n" + LAST,
        "superscript": b"\xb2\r\nhe\r\n" + LAST,
        "comma": b"5,5\r\nhello\r\n" + LAST,
        "too-few-octets": b"6\r\nhello\r\n" + LAST,
        "too-many-octets": b"4\r\nhello\r\n" + LAST,
        "no-crlf-after-the-octets": b"5\r\nhello" + LAST,
        "something-else-after-the-octets": b"5\r\nhelloXX" + LAST,
    }
)
def test_a_malformed_chunk_is_refused(server, case):
    """A malformed chunk is refused with 400."""
    likely = (
        "int(size, 16) takes +5, 0x5 and 1_0: match hexadecimal digits first. And look at "
        "the CRLF that must stand after the octets of a chunk; do not skip two octets."
    )
    refuse(
        server,
        chunked_request(FIELD, case) + LAST,
        NOT_DECODED | {400},
        mark=case,
        likely=likely,
        words="400 (or 501, 411: not decoded here)",
        half_close=True,
    )


@clause("H21")
@cases(
    {
        "no-name": b"5;\r\nhello\r\n" + LAST,
        "empty-name": b"5;=value\r\nhello\r\n" + LAST,
        "no-name-between": b"5;;a\r\nhello\r\n" + LAST,
        "no-value": b"5;name=\r\nhello\r\n" + LAST,
        "two-values": b"5;name=a=b\r\nhello\r\n" + LAST,
        "name-is-no-token": b"5;bad[=x\r\nhello\r\n" + LAST,
        "value-is-no-token": b"5;name=a b\r\nhello\r\n" + LAST,
        "quoted-name": b'5;"name"=x\r\nhello\r\n' + LAST,
        "quote-without-end": b'5;name="x\r\nhello\r\n' + LAST,
        "quoted-end": b'5;name="x\\"\r\nhello\r\n' + LAST,
        "octets-after-the-quote": b'5;name="x"y\r\nhello\r\n' + LAST,
        "control": b"5;name=\x01\r\nhello\r\n" + LAST,
        "white-space-at-the-end": b"5;name \r\nhello\r\n" + LAST,
        "of-the-last-chunk": b"5\r\nhello\r\n0;\r\n\r\n",
    }
)
def test_a_malformed_extension_is_refused(server, case):
    """A malformed chunk extension is refused with 400."""
    # Policy: RFC 9112 §7.1.1 has a grammar, and says of extensions that are not known to ignore
    # them. Who ignores whatever stands after the size has no reason to look at it.
    refuse(
        server,
        chunked_request(FIELD, case),
        NOT_DECODED | ({400} if server.is_ours() else {400, 200}),
        mark=case,
        words="400 (or 501, 411: not decoded here)",
        accepted=accept_as(b"hello"),
        likely="What follows the size was not looked at. It has to be ;name, ;name=token or "
        ';name="quoted"; anything else may be divided in another place than you think.',
    )


@clause("H21")
@cases({"17-digits": b"1" + b"0" * 15 + b"5", "beyond-64-bits": b"f" * 40})
def test_a_chunk_that_is_too_large_for_any_number_is_refused(server, case):
    """A chunk of a size that no machine could hold is refused at once."""
    refuse(
        server,
        chunked_request(FIELD, case + b"\r\nhello\r\n" + LAST),
        NOT_DECODED | TOO_LONG,
        mark=case,
        words="413 (or 400, or 501, 411: not decoded here)",
        may_close=True,
        likely="Compare the size with the limit before you wait for so many octets.",
    )


@clause("H22")
@cases({"many-chunks": 1 << 16, "large-chunks": MEBIBYTE})
def test_chunks_are_refused_as_soon_as_their_sum_is_too_long(server, case):
    """Chunks are refused as soon as their sum is over the limit of the content."""
    chunk = b"%x\r\n%b\r\n" % (case, bytes(case))
    with ask(server) as talk:
        pieces = [chunked_request(FIELD, b""), chunk * (11 * MEBIBYTE // case)]
        check_heard(talk, pieces, UNBOUNDED, TOO_LONG | NOT_DECODED)


@clause("H22")
@cases({"extension": b"5;" + b"a" * MEBIBYTE, "trailer": b"0\r\nX: " + b"a" * MEBIBYTE})
def test_what_stands_around_chunks_is_bounded_too(server, case):
    """A chunk extension and the trailer have a limit, too."""
    with ask(server) as talk:
        check_heard(talk, [chunked_request(FIELD, b""), case], UNBOUNDED, TOO_LONG | NOT_DECODED)


@clause("H22")
@cases(
    {
        "one-octet-chunks": b"1\r\nx\r\n" * 300_000,
        "extensions": (b"1;name=" + b"a" * 1000 + b"\r\nx\r\n") * 1000,
    }
)
def test_what_chunks_cost_beside_their_content_is_bounded(server, case):
    """What chunks have beside their content has a limit over all chunks together."""
    # The figure is policy; RFC 9112 §7.1.1 has it that a server ought to limit extensions.
    likely = (
        "Each line of a chunk is short, and nothing counts them: a few octets of content can cost "
        "any amount of work. Limit the sum of what is not content, over all chunks."
    )
    permitted = TOO_LONG | NOT_DECODED | (set() if server.is_ours() else {200})
    with ask(server) as talk:
        check_heard(talk, [chunked_request(FIELD, b""), case, LAST], likely, permitted)


@clause("H23")
@cases(
    {
        "inside-a-chunk": b"5\r\nhel",
        "after-a-chunk": b"5\r\nhello\r\n",
        "inside-the-last-chunk": b"5\r\nhello\r\n0\r\n",
        "inside-a-size": b"5\r\nhello\r\n1",
    }
)
def test_chunks_that_end_early_are_never_answered_2xx(server, case):
    """Chunks that end before the last one are refused with 400, or the connection closed."""
    with ask(server, chunked_request(FIELD, case), half_close=True) as talk:
        if not closed_unanswered(talk):
            likely = "Only the last chunk and the empty line after it say that this is all."
            expect(
                talk,
                NOT_DECODED | {400, 408},
                method="POST",
                likely={"accepted": likely, "silent": ENDLESS},
            )
