"""What our part 4 chooses, and what it does beside the contract; not for other servers."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time

import psutil
import pytest

from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.processes import MEDDLE, wait_until
from tests.checker.server import SAID, Server
from tests.checker.target import Target, choose_target
from tests.contract.hosted import gate, request
from tests.contract.shared import GET, cases
from tests.contract.workers import CLOSE, PATIENT, wait_for_workers, wait_until_said
from tests.parts import PARTS, ROOT

pytestmark = [pytest.mark.finished, pytest.mark.waits(1.4)]

PROGRAM = str(PARTS[4].server)
NOBODY = 65534
# main() of the server, run by who is not root, as far as it can tell.
WITHOUT_ROOT = f"""
import os, runpy, sys
main = runpy.run_path(sys.argv[1], run_name="server")["main"]
os.geteuid = lambda: {NOBODY}
del sys.argv[1]
main()
"""


def ours() -> Target:
    """Return the finished server of part 4."""
    return choose_target(4, finished=True)


def run(*words: str, program: tuple[str, ...] = (PROGRAM,)) -> subprocess.CompletedProcess:
    """Return the ended run of a server that is not to start."""
    return subprocess.run(
        [sys.executable, *program, *words, "--port", "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_without_fork_it_says_so_and_names_wsl():
    ended = run(program=(str(MEDDLE), "no-os-fork", "-", PROGRAM))
    assert ended.returncode == 1 and ended.stdout == ""
    assert ended.stderr.count("\n") == 1
    assert "os.fork" in ended.stderr and "WSL" in ended.stderr


@cases(
    {
        "no-worker": ("--workers 0", "--workers takes a number from 1 on"),
        "no-patience": ("--client-timeout 0", "--client-timeout takes more than 0 seconds"),
        "no-time": ("--timeout 0", "--timeout takes more than 0 seconds"),
        "less-than-none": ("--keep-alive=-1", "argument --keep-alive: invalid"),
        "no-number": ("--graceful-timeout soon", "argument --graceful-timeout: invalid"),
        "an-exponent": ("--timeout 1e9", "argument --timeout: invalid"),
    }
)
def test_a_figure_that_makes_no_sense_is_refused_with_a_sentence(case):
    options, sentence = case
    ended = run(*options.split())
    assert ended.returncode == 2 and ended.stdout == ""
    assert sentence in ended.stderr and "Traceback" not in ended.stderr


def refused_user(ended: subprocess.CompletedProcess, sentence: str) -> bool:
    """Return whether a run ended with status 2 and that line alone."""
    return (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"{sentence}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root is asked for a user")
@cases(
    {
        "unknown": ("no-such-user", "There is no user 'no-such-user'."),
        "root": ("root", "root has the power that --user is to give up."),
    }
)
def test_a_user_who_cannot_be_taken_on_is_refused_with_a_sentence(case):
    name, sentence = case
    assert refused_user(run("--user", name), sentence)


def test_who_is_not_root_takes_on_nobodys_rights():
    ended = run("--user", "nobody", program=("-c", WITHOUT_ROOT, PROGRAM))
    sentence = "Only root can take on the rights of another user: no --user, then."
    assert refused_user(ended, sentence)


@cases({"a-path": False, "abstract": True})
def test_systemd_is_told_once_it_serves(case):
    if case and sys.platform != "linux":
        pytest.skip("only Linux has names of sockets that are not in the file system")
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as messages,
    ):
        path = f"{folder}/notify"
        messages.bind(f"\0{path}" if case else path)
        messages.settimeout(30)
        environment = {"NOTIFY_SOCKET": f"@{path}" if case else path}
        with Server(ours(), figures=PATIENT, environment=environment) as own:
            assert messages.recv(100) == b"READY=1"
            with ask(own, request("process", CLOSE)) as talk:
                expect(talk, {200})


def test_it_warns_of_nothing(server):
    with ask(server, request("process")) as talk:
        expect(talk, {200})
    assert "Warning" not in server.errors()


def test_a_kept_connection_is_told_nothing_and_one_that_ends_is_told_close(server):
    for fields, due in ((b"", []), (CLOSE, ["close"])):
        with ask(server, request("process", fields)) as talk:
            assert expect(talk, {200}).values("connection") == due


def test_a_client_who_is_too_slow_is_told_so():
    with Server(ours(), figures=PATIENT._replace(client_timeout=1)) as own:
        with ask(own, GET[:9]) as talk:
            assert b"takes too long" in expect(talk, {408}).content


def test_the_access_log_is_for_who_asks_for_it():
    for options, lines in (("", 0), ("--access-log", 2)):
        target = ours()._replace(words=[*ours().words, *options.split()])
        with Server(target, figures=PATIENT) as own:
            for _ in range(2):
                with ask(own, request("process", CLOSE)) as talk:
                    expect(talk, {200})
                    talk.reads_end()
            assert wait_until(lambda n=lines, own=own: own.errors().count("GET /w/process") == n)
            logged = [line for line in own.errors().splitlines() if "GET" in line]
            assert all(one.startswith("127.0.0.1 ") and one.endswith(" ms") for one in logged)


def test_the_master_says_which_generation_serves():
    with Server(ours(), figures=PATIENT) as own:
        own.wait_for_output(SAID)
        old = wait_for_workers(own, 2)
        os.kill(own.pid, signal.SIGHUP)
        new = wait_for_workers(own, 2, but=old)
        assert wait_until_said(own, r"master: generation 2 serves: workers \d+, \d+\n")
        assert all(str(pid) in own.errors() for pid in new)
        assert own.output().count(SAID) == 1


def test_the_master_says_how_a_worker_ended():
    with Server(ours(), figures=PATIENT) as own:
        own.wait_for_output(SAID)
        pid = min(wait_for_workers(own, 2))
        os.kill(pid, signal.SIGKILL)
        assert wait_until_said(own, rf"master: worker {pid} ended: Killed \(signal 9\)\n")


def test_a_worker_has_no_children_and_the_master_no_connection(server):
    with ask(server, request("process")) as talk:
        expect(talk, {200})
        master = psutil.Process(server.pid)
        assert all(not one.children() for one in master.children())
        states = [one.status for one in master.net_connections(kind="tcp")]
        assert states == [psutil.CONN_LISTEN]


def test_without_an_application_it_answers_with_environ():
    words = [word for word in ours().words if word != "{app}"]
    assert len(words) == len(ours().words) - 1
    with Server(ours()._replace(words=words), figures=PATIENT) as own:
        with ask(own, GET) as talk:
            assert b"\nPATH_INFO = '/hello'\n" in expect(talk, {200}).content


def test_all_that_was_asked_in_one_piece_is_answered_though_the_client_says_no_more():
    with Server(ours()) as server, ask(server) as talk:
        talk.send(GET * 5)
        talk.half_close()
        for _ in range(5):
            assert not expect(talk, {200}).closes
        talk.reads_end()
        assert talk.ended


@pytest.mark.slow  # it waits for longer than --keep-alive
def test_who_asked_twice_at_once_is_answered_however_long_another_is_served():
    figures = PATIENT._replace(workers=1, keep_alive=1)
    with contextlib.ExitStack() as stack:
        until, later = stack.enter_context(gate()), stack.enter_context(gate())
        server = stack.enter_context(Server(ours(), figures=figures))
        twice, slow, busy = (stack.enter_context(ask(server, GET)) for _ in range(3))
        for talk in (twice, slow, busy):
            expect(talk, {200})
        busy.send(request("wait", until=str(until)))
        time.sleep(0.1)  # the worker serves busy, and finds these two together
        twice.send(GET * 2)
        slow.send(request("wait", until=str(later)))
        until.touch()
        expect(busy, {200})
        expect(twice, {200})
        time.sleep(2)
        later.touch()
        expect(slow, {200})
        expect(twice, {200})
