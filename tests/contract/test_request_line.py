"""H11 to H14, H16 and H17: the first line of a request."""

from tests.checker.clauses import clause
from tests.checker.conversation import HOST, ask
from tests.checker.expect import check_echo, expect_echo
from tests.checker.refusal import refuse
from tests.contract.cuts import cut_into_octets, cut_three_ways
from tests.contract.shared import GET, cases, if_refused

REST = HOST + b"\r\n"  # of a head, after the line that a case is about


# ---- H11 -------------------------------------------------------------------------------


@clause("H11")
@cases(cut_three_ways(b"\r\n" + GET) | {"line-and-request": [b"\r\n", GET]})
def test_an_empty_line_before_the_request_line_is_ignored(server, case):
    """An empty line before the request-line is ignored, or the request refused with 400."""
    with ask(server, *case) as talk:
        likely = (
            "The first line was taken for the request-line, though it is empty. RFC 9112 "
            "§2.2: a server SHOULD ignore at least one empty line there; a 400 is right too."
        )
        words = "200, as without the empty line (or a refusal with 400)"
        why = if_refused(likely) | {"closed": likely}
        expect_echo(talk, targets=("/hello",), statuses={400}, words=words, likely=why)


# ---- H12 -------------------------------------------------------------------------------

LONG_TARGET = b"/" + b"a" * (8000 - len(b"GET / HTTP/1.1"))
LONG = b"GET " + LONG_TARGET + b" HTTP/1.1\r\n" + REST
MANY = b"GET /many HTTP/1.1\r\nHost: 127.0.0.1\r\n"
MANY += b"".join(b"X-Field-%d: value-%d\r\n" % (at, at) for at in range(99)) + b"\r\n"
QUERY = b"GET /?" + b"q" * (8000 - len(b"GET /? HTTP/1.1")) + b" HTTP/1.1\r\n" + REST
SMALL = "A limit is too low, or one recv() with a small buffer was taken for the request."


@clause("H12")
@cases(
    {
        "whole": ([LONG], LONG_TARGET),
        "in-16-pieces": ([LONG[at : at + 512] for at in range(0, len(LONG), 512)], LONG_TARGET),
        "long-query": ([QUERY], QUERY.split(b" ")[1]),
    }
)
def test_a_request_line_of_8000_octets_is_accepted(server, case):
    """A request-line of 8000 octets is accepted."""
    pieces, target = case
    with ask(server, *pieces) as talk:
        expect_echo(talk, targets=(target.decode(),), likely=SMALL)


@clause("H12")
def test_100_field_lines_are_accepted(server):
    """A request with 100 field lines is accepted."""
    with ask(server, MANY) as talk:
        expect_echo(talk, targets=("/many",), field=b"value-98", likely=SMALL)


# ---- H13 -------------------------------------------------------------------------------


@clause("H13")
@cases(
    {
        "http": (b"http://127.0.0.1/path?q=1", "/path?q=1"),
        "with-port": (b"http://127.0.0.1:8888/path", "/path"),
        "no-path": (b"http://127.0.0.1", "/"),
        "query-without-path": (b"http://127.0.0.1?q=1", "/?q=1"),
        "scheme-in-capitals": (b"HTTP://127.0.0.1/path", "/path"),
        "ipv6": (b"http://[::1]:8888/path", "/path"),
    }
)
def test_a_target_in_absolute_form_is_accepted(server, case):
    """A target in absolute-form, as in http://host/path, is accepted."""
    target, path = case
    with ask(server, b"GET " + target + b" HTTP/1.1\r\n" + REST) as talk:
        likely = (
            "Is a target accepted only with a slash in front? RFC 9112 §3.2.2: a server "
            "MUST accept the absolute-form, though clients send it only to proxies."
        )
        seen = (target.decode(), path, path.replace("/?", "?"))
        expect_echo(talk, targets=seen, likely=if_refused(likely))


@clause("H13")
@cases(
    {
        "options-asterisk": (b"OPTIONS", b"*"),
        "two-slashes": (b"GET", b"//a/b"),
        "many-slashes": (b"GET", b"///a//b?c=//d"),
        "slashes-and-colon": (b"GET", b"//host:80/b"),
        "url-in-the-path": (b"GET", b"/http://example.com/"),
    }
)
def test_a_target_that_only_looks_odd_is_accepted(server, case):
    """A target that only looks odd, as OPTIONS * or //a/b, is accepted and read as it is."""
    method, target = case
    with ask(server, method + b" " + target + b" HTTP/1.1\r\n" + REST) as talk:
        likely = (
            "Was the target handed to a URL parser? It takes //a for a host and * for "
            "nothing. In origin-form all of it is path and query; * goes with OPTIONS."
        )
        targets = (target.decode(), "") if target == b"*" else (target.decode(),)
        expect_echo(talk, method=method.decode(), targets=targets, likely=if_refused(likely))


@clause("H13")
@cases({"path": b"http:///path", "port": b"http://:80/path", "nothing": b"http://"})
def test_an_absolute_form_without_a_host_is_refused(server, case):
    """An http:// target without a host is refused with 400."""
    request = b"GET " + case + b" HTTP/1.1\r\n" + REST
    refuse(
        server,
        request,
        {400},
        mark=case,
        likely="RFC 9110 §4.2.1: an http URI with an empty host is invalid, and MUST be rejected.",
    )


# ---- H14 -------------------------------------------------------------------------------


@clause("H14")
@cases(cut_three_ways(b"GET /old HTTP/1.0\r\n\r\n") | {"host": [b"GET /old HTTP/1.0\r\n" + REST]})
def test_http_1_0_is_answered_without_host(server, case):
    """An HTTP/1.0 request is answered without Host."""
    with ask(server, *case) as talk:
        likely = (
            "Host came with HTTP/1.1; a client of HTTP/1.0 need not send it. Does the "
            "code compare the version with HTTP/1.1 alone?"
        )
        expect_echo(talk, targets=("/old",), likely=if_refused(likely))


@clause("H14")
def test_content_of_an_http_1_0_request_is_read(server):
    """The content of an HTTP/1.0 request is read."""
    with ask(server, b"POST /old HTTP/1.0\r\nContent-Length: 5\r\n\r\nhello") as talk:
        expect_echo(talk, method="POST", targets=("/old",), content=b"hello")


@clause("H14")
@cases({"1.2": b"HTTP/1.2", "1.9": b"HTTP/1.9"})
def test_a_later_minor_version_is_answered_as_http_1_1(server, case):
    """A later minor version, as HTTP/1.2, is answered as HTTP/1.1 is (or with 505)."""
    with ask(server, b"GET /new " + case + b"\r\n" + REST) as talk:
        likely = (
            "Is the version compared with HTTP/1.1 as a string? RFC 9110 §2.5: a higher "
            "minor version is to be processed as the highest that the server knows."
        )
        words = "200, as for HTTP/1.1 (or 505)"
        expect_echo(talk, targets=("/new",), statuses={505}, words=words, likely=if_refused(likely))


# ---- H16 -------------------------------------------------------------------------------

BAD_LINES = {
    "method-is-no-token": b"G(ET / HTTP/1.1",
    "method-with-a-colon": b"GET: / HTTP/1.1",
    "method-not-ascii": b"G\xc9T / HTTP/1.1",
    "method-quoted": b'"GET" / HTTP/1.1',
    "method-with-nul": b"GE\0T / HTTP/1.1",
    "nul-before-the-method": b"\0GET / HTTP/1.1",
    "control-before-the-method": b"\x01GET / HTTP/1.1",
    "separator-before-the-method": b"\x1cGET / HTTP/1.1",
    "escape-after-the-method": b"GET\x1b / HTTP/1.1",
    "separator-after-the-method": b"GET\x1c / HTTP/1.1",
    "no-method": b" / HTTP/1.1",
    "target-with-nul": b"GET /a\0b HTTP/1.1",
    "target-with-escape": b"GET /a\x1bb HTTP/1.1",
    "target-with-cr": b"GET /a\rb HTTP/1.1",
    "target-with-del": b"GET /a\x7fb HTTP/1.1",
    "relative-target": b"GET hello HTTP/1.1",
    "dot-target": b"GET ./hello HTTP/1.1",
    "query-alone": b"GET ?q=1 HTTP/1.1",
    "asterisk-without-options": b"GET * HTTP/1.1",
    "asterisk-and-more": b"OPTIONS *x HTTP/1.1",
    "authority-without-connect": b"GET 127.0.0.1:80 HTTP/1.1",
    "host-and-path": b"GET 127.0.0.1/path HTTP/1.1",
    "fragment": b"GET /a#b HTTP/1.1",
    "target-not-ascii": "GET /é HTTP/1.1".encode(),
    "target-latin-1": b"GET /\xe9 HTTP/1.1",
}
# Whoever divides these lines into parts may look at the version first, and find none.
MISCOUNTED_LINES = {
    "no-version": b"GET /",
    "http-0.9": b"GET /hello",
    "method-alone": b"GET",
    "four-parts": b"GET /a /b HTTP/1.1",
    "space-in-the-target": b"GET /a b HTTP/1.1",
    "words-after-the-version": b"GET / HTTP/1.1 and more",
    "two-versions": b"GET / HTTP/1.1 HTTP/1.1",
    "response-line": b"HTTP/1.1 200 OK",
}
# Runs of SP or HTAB may be read as one, and white space at the ends may be passed over.
SPACED_LINES = {
    "two-spaces": b"GET  / HTTP/1.1",
    "two-spaces-before-the-version": b"GET /  HTTP/1.1",
    "tab": b"GET\t/ HTTP/1.1",
    "trailing-space": b"GET / HTTP/1.1 ",
    "leading-space": b" GET / HTTP/1.1",
    "vertical-tab": b"GET\x0b/ HTTP/1.1",
    "form-feed": b"GET /\x0cHTTP/1.1",
    "bare-cr": b"GET / HTTP/1.1\r",
}
GRAMMAR = (
    "split() and a look at the parts is not a grammar: it also takes runs of white space, and "
    "passes on whatever the parts hold. Match the method as a token, the target by its form."
)


@clause("H16")
@cases(BAD_LINES)
def test_a_malformed_request_line_is_refused(server, case):
    """A malformed request-line is refused with 400."""
    refuse(
        server,
        case + b"\r\n" + REST,
        {400, 301},
        mark=case,
        likely=GRAMMAR,
        words="400 (or 301 to a repaired target)",
    )


@clause("H16")
@cases(MISCOUNTED_LINES)
def test_a_request_line_with_parts_missing_or_too_many_is_refused(server, case):
    """A request-line with parts missing, or too many, is refused with 400."""
    refuse(
        server,
        case + b"\r\n" + REST,
        {400, 301, 505},
        mark=case,
        likely=GRAMMAR,
        words="400 (or 301 to a repaired target, or 505)",
    )


@clause("H16")
@cases(SPACED_LINES)
def test_white_space_in_the_request_line_is_one_space(server, case):
    """White space other than one space is refused with 400, or read as one space."""
    refuse(
        server,
        case + b"\r\n" + REST,
        {400, 301, 505, 200},
        mark=case,
        likely=GRAMMAR,
        words="400 (or 505, or runs of white space read as one space)",
        accepted=check_plain_path,
    )


def check_plain_path(talk, response) -> None:
    """Raise Red unless the echo of a request-line with odd white space saw GET of /."""
    check_echo(talk, response, targets=("/",), likely=GRAMMAR)


@clause("H16")
@cases(
    {name: BAD_LINES[name] for name in ("target-with-nul", "relative-target")}
    | {"no-version": MISCOUNTED_LINES["no-version"]}
)
def test_a_malformed_request_line_is_refused_octet_by_octet(server, case):
    """A malformed request-line that arrives octet by octet is refused with 400."""
    refuse(
        server, cut_into_octets(case + b"\r\n" + REST), {400, 301, 505}, mark=case, likely=GRAMMAR
    )


@clause("H16")
@cases(
    {
        "authority": b"CONNECT 127.0.0.1:80 HTTP/1.1",
        "name": b"CONNECT example.com:443 HTTP/1.1",
    }
)
def test_connect_is_refused(server, case):
    """CONNECT is refused with 501."""
    refuse(
        server,
        case + b"\r\n" + REST,
        {501, 400, 405},
        mark=b"CONNECT",
        likely="CONNECT asks a proxy for a tunnel. A server that is not a proxy answers 501.",
        words="501 (or 400, 405)",
    )


@clause("H16")
@cases(
    {
        "percent-alone": b"/%zz",
        "pipe-and-braces": b"/a|b{c}?d=^`",
        "quotes": b'/"a"?b=\\"c\\"',
        "brackets": b"/[a]?b[]=c",
        "percent-encoded": b"/%C3%A9%00?%0d%0a",
        "punctuation": b"/!$&'()*+,;=:@-._~",
    }
)
def test_octets_that_browsers_send_are_passed_as_they_are(server, case):
    """Octets that browsers send in a target are passed on as they are."""
    with ask(server, b"GET " + case + b" HTTP/1.1\r\n" + REST) as talk:
        likely = (
            "The server does not repair a target: it passes on any octet from 0x21 to 0x7E "
            "except # as it is (policy), percent signs too."
        )
        expect_echo(talk, targets=(case.decode(),), likely=if_refused(likely))


# ---- H17 -------------------------------------------------------------------------------


@clause("H17")
@cases(
    {
        "http-2.0": b"HTTP/2.0",
        "http-3.0": b"HTTP/3.0",
        "http-0.9": b"HTTP/0.9",
        "lower-case": b"http/1.1",
        "mixed-case": b"Http/1.1",
        "no-minor": b"HTTP/1",
        "no-major": b"HTTP/.1",
        "dot-alone": b"HTTP/1.",
        "three-numbers": b"HTTP/1.1.1",
        "two-digits": b"HTTP/1.10",
        "two-digit-major": b"HTTP/11.1",
        "leading-zero": b"HTTP/01.1",
        "comma": b"HTTP/1,1",
        "another-protocol": b"HTTPS/1.1",
        "no-protocol": b"1.1",
        "plus": b"HTTP/+1.1",
        "minus": b"HTTP/-1.1",
        "letters": b"HTTP/a.b",
        "letter-after": b"HTTP/1.1x",
        "superscript": b"HTTP/1.\xb9",
    }
)
def test_a_version_that_is_none_or_another_major_one_is_refused(server, case):
    """What is not a version is refused with 400, and another major version with 505."""
    refuse(
        server,
        b"GET / " + case + b"\r\n" + REST,
        {400, 505},
        mark=case,
        likely="The version is HTTP/, a digit, a dot, a digit, in capitals and nothing "
        "more; only major version 1 is yours to answer.",
        words="400, or 505 for another major version (either is right)",
    )


@clause("H17")
def test_the_preface_of_http_2_is_refused(server):
    """The preface of HTTP/2 is refused with 505 or 400."""
    refuse(
        server,
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        {400, 505},
        mark=b"PRI * HTTP/2.0",
        likely="A client with prior knowledge of HTTP/2 greets so. Look at the version.",
    )
