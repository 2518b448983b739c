"""What our part 3 chooses, and what it does beside the contract; not for other servers."""

import subprocess
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.processes import MEDDLE, meddling_target, wait_until
from tests.checker.server import Server
from tests.checker.target import parse_target
from tests.contract.hosted import gate, request, token, wait_for_words
from tests.parts import CONTRACT_APPLICATION, PARTS

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]

PROGRAM = str(PARTS[3].server)


def test_without_fork_it_says_so_and_names_wsl():
    ended = subprocess.run(
        [sys.executable, str(MEDDLE), "no-os-fork", "-", PROGRAM, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "os.fork" in ended.stderr and "WSL" in ended.stderr


def test_it_warns_of_nothing(server):
    with ask(server, request("process")) as talk:
        expect(talk, {200})
    assert "Warning" not in server.errors()


def test_what_is_registered_for_the_end_of_the_server_no_child_does():
    with Server(meddling_target(parse_target(PROGRAM, CONTRACT_APPLICATION), "atexit")) as own:
        for _ in range(3):
            with ask(own, request("process")) as talk:
                expect(talk, {200})
        assert wait_until(lambda: not psutil.Process(own.pid).children())
        assert b"<the end of " not in own.output()


def test_a_503_is_in_the_log():
    with tempfile.TemporaryDirectory() as folder:
        switch = Path(folder, "no-fork")
        with Server(
            meddling_target(parse_target(PROGRAM, CONTRACT_APPLICATION), "no-fork", str(switch))
        ) as own:
            switch.touch()
            with ask(own) as talk:
                assert expect(talk, {503}).content == b""
            assert wait_until(lambda: "127.0.0.1 no process for it: " in own.errors())


def test_the_access_log_has_one_line_for_each_request_also_from_many():
    with Server(parse_target(PROGRAM, CONTRACT_APPLICATION)) as own:
        word = token()
        with gate() as until:
            octets = request("wait", token=word, until=str(until))
            talks = [ask(own, octets) for _ in range(20)]
            wait_for_words(own, word, 20)
            until.touch()
            for talk in talks:
                expect(talk, {200})
                talk.socket.close()
        assert wait_until(lambda: own.errors().count(" 200 6 ") == 20)
        lines = [line for line in own.errors().splitlines() if "GET" in line]
        assert all(line.startswith("127.0.0.1 ") and line.endswith(" ms") for line in lines)


def test_the_parent_does_not_grow(server):
    parent = psutil.Process(server.pid)
    for number in range(150):
        with ask(server, request("process")) as talk:
            expect(talk, {200})
        if number == 50:
            before = parent.memory_info().rss
    assert parent.memory_info().rss - before < 1 << 20


def test_the_child_has_no_socket_but_its_own(server):
    word = token()
    with gate() as until:
        with ask(server, request("wait", token=word, until=str(until))) as talk:
            wait_for_words(server, word)
            (child,) = psutil.Process(server.pid).children()
            held = [one for one in child.net_connections(kind="tcp") if one.fd >= 0]
            assert [one.raddr.port for one in held] == [talk.socket.getsockname()[1]]
