"""What our part 1 chooses where the contract leaves a choice; not for other servers."""

import socket
import subprocess
import sys

import pytest

from tests.checker.conversation import HOST, ask
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.parts import PARTS

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]

PROGRAM = str(PARTS[1].server)
POST = b"POST / HTTP/1.1\r\n" + HOST
STATUSES = {
    "two-spaces": (400, b"GET  / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "tab": (400, b"GET\t/ HTTP/1.1\r\n" + HOST + b"\r\n"),
    "connect": (501, b"CONNECT a.example:443 HTTP/1.1\r\n" + HOST + b"\r\n"),
    "http-2": (505, b"GET / HTTP/2.0\r\n" + HOST + b"\r\n"),
    "http-0.9-spelled-out": (505, b"GET / HTTP/0.9\r\n" + HOST + b"\r\n"),
    "no-version": (400, b"GET / HTTP/x\r\n" + HOST + b"\r\n"),
    "http-1.2": (200, b"GET / HTTP/1.2\r\n" + HOST + b"\r\n"),
    "http-1.2-without-host": (400, b"GET / HTTP/1.2\r\n\r\n"),
    "8000-empty-lines-first": (200, b"\r\n" * 8000 + b"GET / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "8193-empty-lines-first": (414, b"\r\n" * 8193),
    "empty-line-first": (200, b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST + b"\r\n"),
    "fold": (400, b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n b\r\n\r\n"),
    "escape-in-a-value": (400, b"GET / HTTP/1.1\r\n" + HOST + b"X: \x1b\r\n\r\n"),
    "equal-lengths": (400, POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\nhi"),
    "equal-lengths-in-one": (400, POST + b"Content-Length: 2, 2\r\n\r\nhi"),
    "5000-digits": (413, POST + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"),
    "chunked": (501, POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    "gzip-chunked": (501, POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    "gzip": (400, POST + b"Transfer-Encoding: gzip\r\n\r\n"),
    "chunked-and-length": (400, POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n"),
    "chunked-in-http-1.0": (400, b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
}


@pytest.mark.parametrize(("status", "request_octets"), STATUSES.values(), ids=STATUSES)
def test_the_status_that_we_chose(server, status, request_octets):
    with ask(server, request_octets) as talk:
        assert expect(talk, {status}).closes


@pytest.mark.parametrize(
    ("words", "request_octets"),
    [
        ("CRLF", b"GET / HTTP/1.1\nHost: a\n\n"),
        ("CRLF", b"GET / HTTP/1.1\r\nHost: a\r\n\n"),
        ("use http://", b"\x16\x03\x01\x00\x31\x01\x00\x00\x2d\x03\x03"),
        ("part 2 does", STATUSES["chunked"][1]),
        ("Host", b"GET / HTTP/1.1\r\n\r\n"),
    ],
    ids=["lf", "lf-at-the-end", "tls", "chunked", "no-host"],
)
def test_a_refusal_says_in_a_sentence_what_to_do(server, words, request_octets):
    with ask(server, request_octets) as talk:
        assert words in expect(talk, {400, 501}).content.decode("ascii")


@pytest.mark.parametrize("kind", ["request-line", "field-section", "content"])
def test_the_limits_are_exact(server, kind):
    def request(over: int) -> bytes:
        if kind == "request-line":
            line = b"GET /" + b"a" * (16 * 1024 - len(b"GET / HTTP/1.1") + over) + b" HTTP/1.1\r\n"
            return line + HOST + b"\r\n"
        if kind == "field-section":
            field = b"X: " + b"a" * (64 * 1024 - len(HOST) - len(b"X: \r\n") + over) + b"\r\n"
            return b"GET / HTTP/1.1\r\n" + HOST + field + b"\r\n"
        size = 10 * 1024 * 1024 + over
        return POST + b"Content-Length: %d\r\n\r\n" % size + (bytes(size) if not over else b"")

    refusal = {"request-line": 414, "field-section": 431, "content": 413}[kind]
    with ask(server, request(0)) as talk:
        expect(talk, {200})
    with ask(server, request(1)) as talk:
        expect(talk, {refusal})


def test_a_refused_head_has_no_content(server):
    with ask(server, b"HEAD / HTTP/1.1\r\n\r\n") as talk:
        response = expect(talk, {400}, method="HEAD")
        assert talk.reads_end() == "closed"
        assert len(talk.received) == response.end


def test_expectations_that_can_not_be_met_get_the_final_status_at_once(server):
    with ask(server, POST + b"Expect: 100-continue\r\nContent-Length: 99999999\r\n\r\n") as talk:
        assert talk.response("POST", interim=True).status == 413


@pytest.mark.parametrize("value", [b"100-Continue", b"a, 100-continue", b"100-continue,"])
def test_the_expectation_is_found_in_a_list(server, value):
    with ask(server, POST + b"Content-Length: 2\r\nExpect: %s\r\n\r\n" % value) as talk:
        assert talk.response("POST", interim=True).status == 100
        talk.send(b"hi")
        expect(talk, {200}, method="POST")


def test_octets_that_come_during_the_answer_do_not_destroy_it(server):
    size = 10 << 20  # more than the kernel holds on its way, so that the server waits in sendall
    with ask(server) as talk:
        talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 14)
        talk.send(POST + b"Content-Length: %d\r\n\r\n" % size, bytes(size), listening=False)
        talk.wait(lambda: talk.received)
        talk.push(b"\r\n", listening=False)
        expect(talk, {200}, method="POST")


def test_what_was_received_is_printed_with_every_octet_visible():
    with Server(parse_target(PROGRAM)) as own:
        request = POST + b"Content-Length: 256\r\n\r\n" + bytes(range(256))
        with ask(own, request) as talk:
            expect(talk, {200})
            talk.reads_end()
        with ask(own, b"GET /refused\x1b\r\n") as talk:
            expect(talk, {400})
            talk.half_close()
            talk.reads_end()
        printed = own.wait_for_output(b"refused\\x1b\\r\\n").decode("ascii")
    assert "POST / HTTP/1.1\\r\\n\nHost: 127.0.0.1\\r\\n\n" in printed
    assert r"\x07\x08\t" in printed and r"\x9b" in printed
    assert "GET /refused\\x1b\\r\\n" in printed


def run(*arguments: str) -> subprocess.CompletedProcess:
    """Run the server where it has to end by itself."""
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments], capture_output=True, text=True, timeout=30
    )


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--port", "99999"], "65535"),
        (["--port", "http"], "'http'"),
        (["--port=-1"], "65535"),
        (["--port", "٨٠"], "65535"),
        (["--host", "no-such-host.invalid"], "no-such-host.invalid"),
        (["--host", "a..b"], "a..b"),
        (["--host", "192.0.2.1"], "192.0.2.1"),
    ],
    ids=["large", "name", "negative", "arabic", "unknown-host", "no-name", "not-here"],
)
def test_a_wrong_command_line_is_told_in_a_sentence(arguments, word):
    ended = run(*arguments)
    assert ended.returncode != 0
    assert word in ended.stderr
    assert ended.stderr.count("\n") == 1 and ended.stdout == ""


def test_a_taken_port_is_told_in_a_sentence():
    with Server(parse_target(PROGRAM)) as first:
        ended = run("--port", str(first.port))
    assert ended.returncode != 0
    assert str(first.port) in ended.stderr and ended.stderr.count("\n") == 1
