"""What the clauses about workers need: servers with figures of their own, and who works there."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.checker.conversation import Conversation, ask
from tests.checker.expect import expect
from tests.checker.processes import (
    children,
    is_running,
    members,
    own_server,
    sockets,
    wait_until,
)
from tests.checker.server import SAID, Server, signal_group
from tests.checker.target import NOT_TAKEN, Figures, Target
from tests.checker.verdict import Red
from tests.contract.hosted import answer, json_of, request
from tests.contract.shared import SOON
from tests.parts import ROOT

PATIENT = Figures(
    client_timeout=30, keep_alive=30, timeout=30, graceful_timeout=30
)  # nothing runs out unless a test asks for it
LONG = 15.0  # seconds: for what is due within two or three, on a machine that is busy
PAUSE = 0.4  # seconds in which what must not happen would
OF_AGE_SECONDS = 1.2  # of life, after which a death is no failure to start
CLOSE = b"Connection: close\r\n"
EARS = (
    "fork() copies the listener too. listener.close() is the first thing that a child does: "
    "otherwise it still listens when the parent is gone, and nobody accepts."
)


def verdict(
    problem: str,
    permitted: str,
    likely: str,
    talks: Conversation | list[Conversation] | None = None,
) -> Red:
    """Return a verdict about processes, in one form."""
    return Red(problem, talks, permitted, likely)


def lacks_figure(reason: str) -> None:
    """Skip a test that asks about a figure; its clause counts as not run. reason is a clause."""
    pytest.skip(f"{NOT_TAKEN}{reason}")


@contextlib.contextmanager
def serving(
    server: Server,
    target: Target | None = None,
    environment: dict[str, str] | None = None,
    /,
    **named: int,
) -> Iterator[Server]:
    """Run a server of a test's own, with the figures that are named, once its workers work.

    target is another one to start, if not the server's. A figure that the command does not take
    ends the test: there is nothing to ask.
    """
    for name in named:
        if not server.target.takes(name):
            lacks_figure(f"the command has no {{{name}}}")
    figures = Figures(**{**PATIENT._asdict(), **named})
    with own_server(target or server.target, figures, environment) as own:
        if own.target.by_path:
            own.wait_for_output(SAID)  # which it says once all of them are ready
        if "workers" in named:
            wait_for_workers(own, own.figures.workers)
        yield own


def workers(server: Server) -> set[int]:
    """Return the pids of the processes that the master has started and that have not ended."""
    return {pid for pid in children(server.pid) if is_running(pid)}


def wait_for_workers(
    server: Server, count: int, but: set[int] | None = None, seconds: float = LONG
) -> set[int]:
    """Return the workers, once there are count and none of them is in but, or at the deadline."""
    gone = but or set()

    def are_there() -> bool:
        found = workers(server)
        return len(found) == count and not found & gone

    wait_until(are_there, seconds)
    return workers(server)


def wait_until_of_age(found: set[int]) -> None:
    """Return once each of the processes has lived for a second."""
    born = [psutil.Process(pid).create_time() for pid in found if is_running(pid)]
    left = max(born, default=0.0) + OF_AGE_SECONDS - time.time()
    if left > 0:
        time.sleep(min(left, OF_AGE_SECONDS))


def zombies(server: Server) -> list[int]:
    """Return the pids of the server's processes that nobody has waited for."""
    return [one.pid for one in members(server) if one.state == psutil.STATUS_ZOMBIE]


def process_of(server: Server) -> dict:
    """Return what the worker tells of itself that serves one request on a new connection."""
    talk, response = answer(server, request("process", CLOSE))
    return json_of(talk, response)


def said(server: Server, since: int = 0) -> str:
    """Return what the server wrote to stderr, without what the application told the test."""
    return re.sub(r"<token-[^>]*>", "", server.errors(since))


def wait_until_said(server: Server, wanted: str, since: int = 0, seconds: float = LONG) -> bool:
    """Return whether the pattern wanted comes to stand in what the server says."""
    return wait_until(lambda: re.search(wanted, said(server, since)), seconds)


def wait_until_taken(server: Server, number: int) -> None:
    """Return once the master has taken a signal that was sent to it, and had a moment for it."""
    bit = 1 << (number - 1)

    def is_pending() -> bool:
        try:
            status = Path(f"/proc/{server.pid}/status").read_text(encoding="ascii")
        except OSError:
            return False
        masks = re.findall("^(?:SigPnd|ShdPnd):\t([0-9a-f]+)$", status, re.MULTILINE)
        return any(int(mask, 16) & bit for mask in masks)

    wait_until(lambda: not is_pending(), SOON)
    time.sleep(PAUSE)


def is_free(server: Server) -> bool:
    """Return whether the server's port can be listened on, as a restart would."""
    family = socket.AF_INET6 if ":" in server.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((server.host, server.port))
            probe.listen()
        except OSError:
            return False
        return True


def check_free(own: Server, problem: str, likely: str = EARS, seconds: float = SOON) -> None:
    """Raise Red unless the port is free, soon."""
    if not wait_until(lambda: is_free(own), seconds):
        held = [one.pid for one in members(own) if holds_listener(one.pid, own.port)]
        reuse = "listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1) before bind()."
        raise verdict(problem, "a port that is free", likely if held else reuse)


def holds_listener(pid: int, port: int) -> bool:
    """Return whether pid holds the listener of that port."""
    return any(what == "the listener" for _, what in sockets(pid, port))


def wait_for_end(server: Server, seconds: float = LONG) -> int | None:
    """Return the exit status of the master once it has ended; None past the deadline."""
    assert server.process is not None
    process = server.process
    wait_until(lambda: process.poll() is not None, seconds)
    return process.returncode


def check_nobody_left(server: Server, what: str, likely: str, seconds: float = LONG) -> None:
    """Raise Red unless every process of the server has ended."""

    def anybody() -> bool:
        return signal_group(server.pid, 0) and any(
            one.state != psutil.STATUS_ZOMBIE for one in members(server)
        )

    if not wait_until(lambda: not anybody(), seconds):
        left = ", ".join(str(one.pid) for one in members(server))
        raise verdict(f"{what}, and processes are left: {left}.", "no process left", likely)


def check_no_traceback(server: Server, since: int = 0) -> None:
    """Raise Red if a server of the course has written a traceback."""
    words = said(server, since)
    if server.is_ours() and "Traceback" in words:
        likely = (
            "An exception came out where a signal was expected: KeyboardInterrupt for SIGINT, "
            "unless the signal is blocked, or has its default action."
        )
        noisy = verdict("A process ended with a traceback.", "silence", likely)
        noisy.stderr = words.strip().splitlines()[-1]
        raise noisy


def check_kept(server: Server, before: set[int], what: str, likely: str) -> None:
    """Raise Red unless the workers are the same as before."""
    if (now := workers(server)) != before:
        gone = ", ".join(map(str, sorted(before - now)))
        problem = f"{what}, and these workers are gone: {gone or 'none, but others came'}."
        raise verdict(problem, "the same workers as before", likely)


def check_serves(server: Server, likely: str, seconds: float = LONG) -> None:
    """Raise Red unless a new client is answered before the deadline."""
    with ask(server, request("process", CLOSE)) as talk:
        talk.wait(lambda: talk.received, seconds)
        likely_of = dict.fromkeys(("silent", "closed"), likely)
        expect(talk, {200}, likely=likely_of, words="200 for the next client")


class Service:
    """An application in a module of its own, in a folder of its own, that can be changed."""

    app = "service:application"

    def __init__(self, folder: Path) -> None:
        self.folder, self.path, self.changes = folder, folder / "service.py", 0
        self.births = folder / "births"  # a line for each process that has begun to load it
        self.switch = folder / "switch"
        self.write("1")

    def write(self, version: str, first: str = "") -> None:
        """Let the module tell version, after it has done what the source first says."""
        lines = [
            "import os, signal, threading, time",
            "from tests.apps import contract",
            "from tests.apps.contract import application",
            f"with open({str(self.births)!r}, 'a') as births:",
            "    births.write(f'{time.monotonic()}\\n')",
            f"SWITCH = {str(self.switch)!r}",
            first,
            f"contract.VERSION[0] = {version!r}",
        ]
        fresh = self.path.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.changes += 1  # what was compiled is found by the time in seconds
        os.utime(fresh, (time.time(), 1_000_000_000 + 10 * self.changes))
        fresh.replace(self.path)

    def born(self) -> list[float]:
        """Return when each process began to load the module, by the monotonic clock."""
        if not self.births.exists():
            return []
        return [float(line) for line in self.births.read_text(encoding="ascii").split()]

    @property
    def environment(self) -> dict[str, str]:
        """What lets a Python server find it."""
        return {"PYTHONPATH": os.pathsep.join([str(self.folder), str(ROOT)])}


@contextlib.contextmanager
def service() -> Iterator[Service]:
    """Hand out an application that can be changed while it is served."""
    with tempfile.TemporaryDirectory() as folder:
        yield Service(Path(folder))


def python_for(uid: int) -> str:
    """Return a Python that the user uid can run, "" if there is none."""
    for program in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        script = (
            f"import os, subprocess, sys; os.setgroups([]); os.setgid({uid}); os.setuid({uid}); "
            "sys.exit(subprocess.run([sys.argv[1], '-c', sys.argv[2]]).returncode)"
        )
        tried = "import sys; assert sys.version_info >= (3, 11); import tests.apps.contract"
        if not Path(program).exists():
            continue
        if run_quietly([sys.executable, "-I", "-c", script, program, tried]):
            return program
    return ""


def run_quietly(words: list[str]) -> bool:
    """Return whether a command succeeds; what it says is nobody's business."""
    return subprocess.run(words, cwd=ROOT, capture_output=True, timeout=60).returncode == 0


def kill_all(found: set[int], number: int = signal.SIGKILL) -> None:
    """Send a signal to each process."""
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
