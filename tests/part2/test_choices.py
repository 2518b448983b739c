"""What our part 2 chooses, and what it does beside the contract; not for other servers."""

import subprocess
import sys

import psutil
import pytest

from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.contract.hosted import gate, request, token
from tests.contract.shared import MEBIBYTE
from tests.parts import PARTS, ROOT

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]

PROGRAM = str(PARTS[2].server)


def run(*arguments: str, folder=None) -> subprocess.CompletedProcess:
    """Run the server where it has to end by itself."""
    return subprocess.run(
        [sys.executable, PROGRAM, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hello", "MODULE:CALLABLE"),
        (":application", "MODULE:CALLABLE"),
        ("no_such_module:application", "There is no module no_such_module"),
        ("hello:no_such_name", "no_such_name"),
        ("hello:__doc__", "can't be called"),
        ("hello:application()", "hello:application() raised TypeError"),
    ],
    ids=["no-colon", "no-module", "not-found", "no-name", "not-callable", "factory-fails"],
)
def test_an_application_that_can_not_be_loaded_is_told_in_a_sentence(name, words):
    ended = run(name, "--port", "0")
    assert ended.returncode == 2 and ended.stdout == ""
    assert words in ended.stderr.splitlines()[-1]
    assert ("Traceback" in ended.stderr) == (name == "hello:application()")


def test_the_traceback_of_a_module_that_fails_is_its_own():
    ended = run("tests.apps.broken:application", "--port", "0", folder=ROOT)
    assert ended.returncode == 2
    assert "import no_such_library" in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("There is no module no_such_library")


def test_a_factory_is_called_for_its_application():
    target = parse_target(PROGRAM, "tests.apps.factory:make()")
    with Server(target) as server, ask(server, request("/")) as talk:
        assert expect(talk, {200}).content == b"made\n"


def test_without_an_application_a_small_one_serves():
    with Server(parse_target(PROGRAM)) as server, ask(server, request("/a?b")) as talk:
        assert b"PATH_INFO = '/a'" in expect(talk, {200}).content


def test_hello_is_served_from_beside_the_server():
    with Server(parse_target(PROGRAM, "hello:application")) as server:
        with ask(server, request("/x").replace(b"/x", b"/x?Ada")) as talk:
            assert expect(talk, {200}).content == b"Hello, Ada! You asked for /x.\n"


def test_each_request_gets_one_line_in_the_log():
    with Server(parse_target(PROGRAM, "hello:application")) as server:
        for octets in (request("/a"), b"GET /\x1b[31m HTTP/1.1\r\n\r\n", b""):
            with ask(server, octets, half_close=True) as talk:
                talk.reads_end()
        with ask(server, request("/last")) as talk:
            expect(talk, {200})
            talk.reads_end()
        server.stop()
        lines = server.errors().splitlines()
    assert lines[0].startswith('127.0.0.1 "GET /a HTTP/1.1" 200 ') and lines[0].endswith(" ms")
    assert lines[1].startswith('127.0.0.1 "GET /\\x1b[31m HTTP/1.1" 400 ')
    assert len(lines) in (2, 3)  # the last may not have been written when the signal came


def test_a_large_answer_leaves_in_constant_memory():
    with Server(parse_target(PROGRAM, "tests.apps.contract:application")) as server:
        with ask(server, request("/")) as talk:
            expect(talk, {200})
        process = psutil.Process(server.pid)
        before = peak = process.memory_info().rss
        with ask(server, request("large", chunks="512")) as talk:
            while talk.wait(lambda: talk.take(1)) and not talk.ended:
                peak = max(peak, process.memory_info().rss)
        assert len(talk.received) > 32 * MEBIBYTE
        assert peak - before < 16 * MEBIBYTE


def test_an_8_mebibyte_upload_arrives_whole(server):
    content = bytes(range(256)) * (8 * MEBIBYTE // 256)
    with ask(server, request("/", b"", content, "POST")) as talk:
        assert expect(talk, {200}, method="POST").content.endswith(b"\r\n\r\n" + content)


def test_half_a_line_of_errors_is_there_without_a_flush(server):
    word = token()
    with gate() as until, ask(server, request("errors", token=word, until=str(until))) as talk:
        assert talk.wait(lambda: talk.take(0.01) or f"<{word} half" in server.errors())
        assert not talk.received
        until.touch()
        expect(talk, {200})


def test_writing_no_octets_does_not_send_the_head(server):
    with ask(server, request("write-nothing")) as talk:  # PEP 3333 lets the first write() send it
        expect(talk, {500})


def test_proxy_connection_is_not_the_applications_to_say(server):
    with ask(server, request("bad", which="proxy-connection")) as talk:
        expect(talk, {500})
    assert "Proxy-Connection" in server.errors()


def test_what_falls_short_is_told_on_stderr(server):
    with ask(server, request("length", announced="50", sent="hello")) as talk:
        talk.reads_end()
    with ask(server, request("/")) as talk:
        expect(talk, {200})
    assert "The application sent 45 octets too few." in server.errors()
