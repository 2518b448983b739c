"""H07, H18 and H19: the field lines, and the empty line that ends the head."""

import re

import pytest

from tests.checker.clauses import clause
from tests.checker.conversation import HOST, ask
from tests.checker.evidence import WHICH, Evidence
from tests.checker.expect import GENERAL, check_echo, expect_echo
from tests.checker.refusal import refuse
from tests.checker.verdict import Red
from tests.contract.cuts import (
    cut_after,
    cut_before_the_last,
    cut_inside_line_ends,
    cut_into_octets,
    cut_three_ways,
)
from tests.contract.shared import PAUSED, cases, check_not_early, check_waits, if_refused

LINE = b"GET /hello HTTP/1.1\r\n"
GET = LINE + HOST + b"X-Last: z9\r\n\r\n"
COOKIE = LINE + HOST + b"Cookie: " + b"a" * 1100 + b"\r\nX-Last: z9\r\n\r\n"
LONGER = LINE + HOST + (b"Cookie: " + b"b" * 3000 + b"\r\n") * 3 + b"X-Last: z9\r\n\r\n"

# ---- H07 -------------------------------------------------------------------------------

ONE_RECV = (
    "One recv() was taken for the whole request. recv() returns what has arrived so far; "
    "only the empty line says that the head is complete."
)


def how_the_head_was_read(evidence: Evidence) -> str:
    """Return what is likely where a head was misread, by how many pieces it came in."""
    if len(evidence.talk.sent) > 1:
        return ONE_RECV
    return WHICH if (evidence.status or 0) >= 400 else GENERAL


WAITS_ON = (
    "The server still waits, though the empty line has come. Look for it in all that was received "
    "so far: the last recv() may have brought only a part of it."
)
HEAD = dict.fromkeys(
    ("closed", "short", "refused", "other", "target", "field", "content"), how_the_head_was_read
) | {"silent": WAITS_ON}
TOO_SMALL = dict.fromkeys(
    ("closed", "refused", "other", "target", "field", "content"),
    "recv(1024) returns 1024 octets at most. Call it until the empty line is there.",
)


@pytest.mark.waits(2)
@clause("H07")
@cases(
    cut_three_ways(GET)
    | {
        "before-the-last-octet": cut_before_the_last(GET, 1),
        "inside-the-empty-line": cut_before_the_last(GET, 2),
        "before-the-empty-line": cut_before_the_last(GET, 3),
        "inside-crlfcrlf": cut_before_the_last(GET, 4),
        "after-the-request-line": cut_after(GET, LINE),
        "inside-the-method": cut_after(GET, b"GE"),
        "inside-a-field-name": cut_after(GET, b"X-La"),
        "after-host": cut_after(GET, HOST),
        "no-fields-but-host": cut_three_ways(LINE + HOST + b"\r\n")["cut-inside-line-ends"],
    }
)
def test_the_head_is_read_however_it_is_cut(server, case):
    """The head is read to its empty line, whatever pieces it arrives in."""
    with ask(server, *case) as talk:
        if talk.received:
            check_not_early(talk, ONE_RECV)
        field = b"z9" if b"z9" in b"".join(case) else b""
        expect_echo(talk, targets=("/hello",), field=field, likely=HEAD)
        check_not_early(talk, ONE_RECV)


@clause("H07")
def test_a_pause_does_not_end_the_head(server):
    """A pause in the head does not end it: the server waits for the rest."""
    with ask(server, GET[:-20]) as talk:
        check_waits(talk, GET[-20:])
        expect_echo(talk, targets=("/hello",), field=b"z9", likely=PAUSED)


FULL = (
    "It waits for more when recv() has filled its buffer. Only the empty line says that the "
    "head is complete; a full buffer says nothing."
)


@clause("H07")
@pytest.mark.parametrize("size", [1024, 2048, 4096, 8192])
def test_a_request_as_long_as_a_buffer_is_read(server, size):
    """A request exactly as long as a common buffer is answered without more input."""
    left = size - len(LINE + HOST + b"\r\n")
    fields = b"".join(b"X-Long: " + b"a" * 246 + b"\r\n" for _ in range(left // 256 - 1))
    fields += b"X-Last: " + b"z" * (left - len(fields) - 10) + b"\r\n"
    octets = LINE + HOST + fields + b"\r\n"
    assert len(octets) == size
    with ask(server, octets) as talk:
        expect_echo(talk, targets=("/hello",), likely={"silent": FULL})


@clause("H07")
@cases(
    {
        "1100-octets": [COOKIE],
        "1100-octets-in-two": [COOKIE[:1100], COOKIE[1100:]],
        "9000-octets": [LONGER],
        "9000-octets-in-three": [LONGER[:1024], LONGER[1024:8192], LONGER[8192:]],
        "1024-octets-then-the-rest": [COOKIE[:1024], COOKIE[1024:]],
        "4096-octets-then-the-rest": [LONGER[:4096], LONGER[4096:]],
    }
)
def test_a_head_longer_than_one_buffer_is_read(server, case):
    """A head longer than one buffer is read to its end."""
    with ask(server, *case) as talk:
        if talk.received:
            check_not_early(talk, ONE_RECV)
        expect_echo(talk, targets=("/hello",), field=b"z9", likely=TOO_SMALL)


# ---- H18 -------------------------------------------------------------------------------

WELL_FORMED = [
    b"example.com",
    b"example.com:8080",
    b"127.0.0.1:80",
    b"[::1]",
    b"[2001:db8::1]:8080",
    b"EXAMPLE.com",
    b"a_b-c.example",
    b"example.com:",
    b"xn--bcher-kva.example",
    b"%65xample.com",
]
MALFORMED = {
    "space": b"a b",
    "slash": b"example.com/path",
    "url": b"http://example.com",
    "userinfo": b"user@example.com",
    "port-not-digits": b"example.com:http",
    "negative-port": b"example.com:-80",
    "two-ports": b"example.com:80:80",
    "ipv6-without-brackets": b"::1",
    "bracket-not-closed": b"[::1",
    "bracket-not-opened": b"::1]",
    "not-an-ipv6-address": b"[hello]",
    "two-gaps-in-ipv6": b"[1::2::3]",
    "port-after-no-colon": b"[::1]80",
    "query": b"example.com?x",
    "fragment": b"example.com#x",
    "backslash": b"example.com\\x",
    "not-ascii": "bücher.example".encode(),
    "angle-brackets": b"<example.com>",
    "two-in-one": b"a.example, b.example",
    "percent-alone": b"example%.com",
    "quotes": b'"example.com"',
}
MUST = (
    "RFC 9112 §3.2: a server MUST answer with 400 any HTTP/1.1 request without Host, and "
    "any request with more than one, or with one that is not a host. "
)


@clause("H18")
@cases(
    {
        "host": LINE + b"X-Other: 1\r\n\r\n",
        "any-field": LINE + b"\r\n",
        "host-in-the-content": b"POST / HTTP/1.1\r\nContent-Length: 17\r\n\r\nHost: 127.0.0.1\r\n",
        "host-of-an-absolute-form": b"GET http://127.0.0.1/ HTTP/1.1\r\nX: 1\r\n\r\n",
        "host-but-x-host": LINE + b"X-Host: 127.0.0.1\r\n\r\n",
    }
)
def test_http_1_1_without_host_is_refused(server, case):
    """An HTTP/1.1 request without Host is refused with 400."""
    refuse(server, case, {400}, likely=MUST + "Nothing in the code asks for Host.")


@clause("H18")
@cases(
    {
        "two-hosts": b"Host: a.example\r\nHost: b.example\r\n",
        "the-same-twice": b"Host: a.example\r\nHost: a.example\r\n",
        "apart": b"Host: a.example\r\nX-Between: 1\r\nHost: b.example\r\n",
        "other-case": b"Host: a.example\r\nhOST: b.example\r\n",
        "one-empty": b"Host: a.example\r\nHost:\r\n",
        "empty-first": b"Host:\r\nHost: a.example\r\n",
    }
)
def test_more_than_one_host_is_refused(server, case):
    """A request with more than one Host is refused with 400."""
    refuse(
        server,
        LINE + case + b"\r\n",
        {400},
        mark=case,
        likely=MUST + "In a dict the last field wins, and the first is forgotten.",
    )


@clause("H18")
def test_http_1_2_without_host_is_refused_as_http_1_1_is(server):
    """An HTTP/1.2 request without Host is refused with 400, as HTTP/1.1 is (or with 505)."""
    refuse(
        server,
        b"GET /hello HTTP/1.2\r\n\r\n",
        {400, 505},
        mark=b"HTTP/1.2",
        words="400 (or 505)",
        likely="Host is asked of HTTP/1.1 alone; a later minor version is processed as 1.1.",
    )


@clause("H18")
def test_two_hosts_in_http_1_0_are_refused(server):
    """An HTTP/1.0 request with two Host fields is refused with 400."""
    fields = b"Host: a.example\r\nHost: b.example\r\n"
    refuse(server, b"GET / HTTP/1.0\r\n" + fields + b"\r\n", {400}, mark=fields, likely=MUST)


@clause("H18")
@cases(MALFORMED)
def test_a_malformed_host_is_refused(server, case):
    """A Host that is not a host with an optional port is refused with 400."""
    refuse(
        server,
        LINE + b"Host: " + case + b"\r\n\r\n",
        {400},
        mark=case,
        likely=MUST + 'Host is uri-host [":" port]: match it as a whole.',
    )


@clause("H18")
@pytest.mark.parametrize("host", WELL_FORMED, ids=lambda host: host.decode())
def test_a_well_formed_host_is_accepted(server, host):
    """A well-formed Host is accepted."""
    with ask(server, LINE + b"Host: " + host + b"\r\n\r\n") as talk:
        likely = if_refused("This is a host as RFC 3986 §3.2.2 defines it.")
        expect_echo(talk, field=host, likely=likely)


@clause("H18")
@cases(
    {
        "empty": b"Host:\r\n",
        "empty-with-space": b"Host: \r\n",
        "lower-case-name": b"host: 127.0.0.1\r\n",
        "upper-case-name": b"HOST: 127.0.0.1\r\n",
        "no-space": b"Host:127.0.0.1\r\n",
        "white-space-around": b"Host: \t 127.0.0.1 \t\r\n",
        "not-the-first-field": b"X-First: 1\r\nHost: 127.0.0.1\r\n",
    }
)
def test_host_is_found_however_it_is_written(server, case):
    """Host is found in upper or lower case, in any place, and may be empty."""
    with ask(server, LINE + case + b"\r\n") as talk:
        likely = (
            "Names are compared without regard to case, white space around a value is not "
            "part of it, and an empty Host is well-formed."
        )
        expect_echo(talk, targets=("/hello",), likely=if_refused(likely))


# ---- H19 -------------------------------------------------------------------------------

BAD_FIELDS = {
    "space-before-the-colon": b"X-A : 1",
    "tab-before-the-colon": b"X-A\t: 1",
    "no-colon": b"X-A",
    "no-colon-but-words": b"this is no field",
    "empty-name": b": 1",
    "colon-alone": b":",
    "space-in-the-name": b"X A: 1",
    "parentheses-in-the-name": b"X(A): 1",
    "slash-in-the-name": b"X/A: 1",
    "brackets-in-the-name": b"X[A]: 1",
    "quotes-in-the-name": b'"X": 1',
    "equals-in-the-name": b"X=A: 1",
    "name-not-ascii": "Xé: 1".encode(),
    "name-latin-1": b"X\xe9: 1",
    "nul-in-the-name": b"X\0A: 1",
    "control-in-the-name": b"X\x01A: 1",
    "del-in-the-name": b"X\x7fA: 1",
}
NAME = (
    "partition(':') and strip() accept anything. Match the whole line: a token, the colon at "
    "once, then the value; a recipient that strips can be made to see another field."
)


@clause("H19")
@cases(BAD_FIELDS)
def test_a_field_line_without_a_proper_name_is_refused(server, case):
    """A field line whose name is not a token with the colon right after it is refused with 400."""
    refuse(server, LINE + HOST + case + b"\r\n\r\n", {400}, mark=case, likely=NAME)


@clause("H19")
@cases({name: BAD_FIELDS[name] for name in ("space-before-the-colon", "no-colon", "empty-name")})
def test_a_field_line_is_refused_in_any_place_and_however_cut(server, case):
    """A malformed field line is refused with 400 as the first one, and octet by octet."""
    refuse(server, LINE + case + b"\r\n" + HOST + b"\r\n", {400}, mark=case, likely=NAME)
    refuse(server, cut_into_octets(LINE + HOST + case + b"\r\n\r\n"), {400}, mark=case, likely=NAME)


FOLD = (
    "A line that begins with white space used to continue the one before (obs-fold). "
    "RFC 9112 §5.2: refuse it with 400, or replace the fold by spaces."
)


@clause("H19")
@cases(
    {
        "space": b"X-A: one\r\n two",
        "tab": b"X-A: one\r\n\ttwo",
        "looks-like-a-field": b"X-A: one\r\n X-B: two",
        "empty-continuation": b"X-A: one\r\n \r\nX-C: two",
    }
)
def test_a_folded_field_line_is_refused(server, case):
    """A folded field line is refused with 400, or the fold is replaced by spaces."""

    def check_unfolded(talk, response):
        if re.search(rb"\r?\n[ \t]", response.content):
            raise Red("The fold was passed on.", talk, "400, or spaces for the fold", FOLD)
        joined = rb"one *\r\n" if b" \r\n" in case else rb"one[ \t]+(X-B: )?two"
        if not re.search(joined, response.content):
            raise Red("The two lines were not joined.", talk, "400, or spaces for the fold", FOLD)

    refuse(
        server,
        LINE + HOST + case + b"\r\n\r\n",
        {400, 200},
        mark=case,
        likely=FOLD,
        words="400 (or the fold replaced by spaces)",
        accepted=check_unfolded,
    )


@clause("H19")
@cases({"space": b" X-A: 1", "tab": b"\tX-A: 1", "space-alone": b" ", "space-host": b" Host: b"})
def test_white_space_before_the_first_field_is_refused(server, case):
    """A line of white space before the first field is refused with 400, or dropped."""
    likely = (
        "RFC 9112 §2.2: white space between the request-line and the first field is "
        "refused, or the line is dropped; it is never read as a field."
    )

    def check_dropped(talk, response):
        if case.strip() and case.strip() in response.content:
            raise Red("The line was passed on.", talk, "400, or the line dropped", likely)

    refuse(
        server,
        LINE + case + b"\r\n" + HOST + b"\r\n",
        {400, 200},
        mark=case,
        likely=likely,
        words="400 (or the line dropped)",
        accepted=check_dropped,
    )


@clause("H19")
@cases(
    {
        "cr": b"X-A: a\rb",
        "nul": b"X-A: a\0b",
        "cr-first": b"X-A:\rb",
        "nul-last": b"X-A: a\0",
        "cr-and-a-field": b"X-A: a\rX-B: b",
        "cr-before-the-end": b"X-A: a\r",
    }
)
def test_cr_and_nul_in_a_value_are_refused(server, case):
    """CR and NUL in a field value are refused with 400, or each replaced by a space."""
    likely = (
        "RFC 9110 §5.5: CR, LF and NUL in a value are dangerous, since others end lines "
        "or strings there. Refuse with 400, or replace each by a space."
    )

    def check_replaced(talk, response):
        if re.search(rb"\r(?!\n)|\0", response.content.partition(b"\r\n\r\n")[0]):
            raise Red("The octet was passed on.", talk, "400, or SP in its place", likely)

    refuse(
        server,
        LINE + HOST + case + b"\r\n\r\n",
        {400, 200},
        mark=case,
        likely=likely,
        words="400 (or SP in its place)",
        accepted=check_replaced,
    )


@clause("H19")
@cases(
    {
        "escape": b"X-A: a\x1b[31mb",
        "bell": b"X-A: \x07",
        "del": b"X-A: a\x7fb",
        "vertical-tab": b"X-A: a\x0bb",
        "form-feed": b"X-A: a\x0cb",
        "backspace": b"X-A: a\x08",
    }
)
def test_other_controls_in_a_value_are_refused_or_passed_on(server, case):
    """Other control characters in a field value are refused with 400, or passed on."""

    def check_passed_on(talk, response):
        check_echo(talk, response, targets=("/hello",))

    refuse(
        server,
        LINE + HOST + case + b"\r\n\r\n",
        {400, 200},
        mark=case,
        words="400 (or the control passed on)",
        accepted=check_passed_on,
    )


BARE_LF = (
    "Someone is typing, or a script has the line ends of an editor. A server that looks "
    "for CRLF alone waits for ever: look for LF, then see whether CR stands before it."
)


@clause("H19")
@cases(
    {
        "every-line": b"GET /hello HTTP/1.1\nHost: 127.0.0.1\n\n",
        "request-line": b"GET /hello HTTP/1.1\nHost: 127.0.0.1\r\n\r\n",
        "field-line": b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\nX-A: 1\r\n\r\n",
        "empty-line": b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\n\n",
        "last-field-and-empty-line": b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\n\n",
        "octet-by-octet": cut_into_octets(b"GET /hello HTTP/1.1\nHost: 127.0.0.1\n\n"),
    }
)
def test_a_line_that_ends_in_lf_alone_is_never_left_waiting(server, case):
    """A line that ends in LF alone is answered at once: with 400, or as if it ended in CRLF."""

    def check_read_as_a_line_end(talk, response):
        check_echo(talk, response, targets=("/hello",), likely=BARE_LF)

    pieces = case if isinstance(case, list) else [case]
    lone = re.search(rb"[^\r]\n", b"".join(pieces) if len(pieces) == 1 else b"")
    refuse(
        server,
        pieces,
        {400, 200},
        mark=lone[0] if lone else b"",
        likely={"silent": BARE_LF},
        words="400 at once (or LF taken as a line end)",
        accepted=check_read_as_a_line_end,
        says="CRLF|CR LF|line end",
    )


# The beginning of a TLS 1.2 ClientHello: record 22, handshake 1. RFC 5246 §7.4.1.2
CLIENT_HELLO = b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03" + b"\xa5" * 32
CLIENT_HELLO += b"\x00\x00\x04\x13\x01\x00\xff\x01\x00"


@clause("H19")
@cases({"whole": [CLIENT_HELLO], "octet-by-octet": cut_into_octets(CLIENT_HELLO)})
def test_tls_is_refused_at_once(server, case):
    """A client that speaks TLS is refused with 400 at once."""
    likely = (
        "A browser that was given https:// sends this, and then waits. There is no line "
        "end in it: look at the first octet, 0x16, before you look for lines."
    )
    try:
        refuse(server, case, {400}, mark=b"\x16", likely={"silent": likely, "closed": likely})
    except Red as red:
        red.read = "part1_single/README.md#read-to-the-empty-line"
        raise


@clause("H19")
@cases(
    {
        "obs-text": b"X-A: caf\xe9",
        "utf-8": "X-A: Zoë €".encode(),
        "tab-inside": b"X-A: a\tb",
        "empty": b"X-A:",
        "colons": b"X-A: a:b::c",
        "no-space": b"X-A:b",
        "odd-name": b"!#$%&'*+-.^_`|~: b",
        "quotes": b'X-A: "a b", c;d=e',
    }
)
def test_a_field_line_that_only_looks_odd_is_accepted(server, case):
    """A well-formed field line is accepted, however odd it looks."""
    with ask(server, LINE + HOST + case + b"\r\nX-Last: z9\r\n\r\n") as talk:
        expect_echo(
            talk,
            targets=("/hello",),
            field=b"z9",
            likely=if_refused(
                "It is a well-formed field line: RFC 9110 §5.5 permits HTAB and octets from 0x80."
            ),
        )


@clause("H19")
def test_a_head_cut_inside_its_line_ends_is_no_lf_alone(server):
    """A CRLF that arrives in two pieces counts as CRLF, not as LF alone."""
    with ask(server, *cut_inside_line_ends(LINE + HOST + b"\r\n")) as talk:
        expect_echo(
            talk,
            targets=("/hello",),
            likely="The CR came in an earlier recv() than "
            "its LF: look at what was received so far, not at the last piece.",
        )
