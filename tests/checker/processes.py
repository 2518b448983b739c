"""The processes of a server under test: which there are, in which state, and what they hold."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import psutil

from tests.checker.evidence import hear_stderr, see_busy
from tests.checker.patience import ANSWER_SECONDS
from tests.checker.server import Server
from tests.checker.target import Figures, Target
from tests.checker.verdict import Red

MEDDLE = Path(__file__).with_name("meddle.py")


class Member(NamedTuple):
    """A process as it was seen: state as ps says it, "zombie" for one nobody waited for."""

    pid: int
    parent: int
    state: str


def members(server: Server) -> list[Member]:
    """Return the server's first process, all that descend from it, and all of its session.

    Zombies too; the session has those whose own parent is gone.
    """
    found, known = [], {server.pid}
    known.update(pid for pid in psutil.pids() if session_of(pid) == server.pid)
    if len(known) == 1:  # nobody else there: the tree, which takes ten times as long
        with contextlib.suppress(psutil.Error):
            tree = psutil.Process(server.pid).children(recursive=True)
            known.update(process.pid for process in tree)
    for pid in sorted(known):
        with contextlib.suppress(psutil.Error):  # it went while we looked
            process = psutil.Process(pid)
            found.append(Member(pid, process.ppid(), process.status()))
    return found


def session_of(pid: int) -> int:
    """Return the id of the session that pid belongs to; 0 if it is gone or not ours to see."""
    try:
        return os.getsid(pid)
    except OSError:
        return 0


@contextlib.contextmanager
def own_server(
    target: Target, figures: Figures = Figures(), environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run a server for one test; a verdict about it carries its own words from stderr."""
    with Server(target, figures=figures, environment=environment) as server:
        try:
            yield server
        except Red as reason:
            see_busy(reason)
            hear_stderr(reason, server, 0)
            raise


def other_members(server: Server, known: set[int]) -> list[Member]:
    """Return the members whose pid is not known."""
    return [member for member in members(server) if member.pid not in known]


def children(pid: int) -> list[int]:
    """Return the pids of the children of pid, zombies too."""
    try:
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:  # no Linux, or no such process
        try:
            return [child.pid for child in psutil.Process(pid).children()]
        except psutil.Error:
            return []


def is_running(pid: int) -> bool:
    """Return whether pid is a process that is no zombie."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def pids(server: Server) -> set[int]:
    """Return the pids of all members."""
    return {member.pid for member in members(server)}


def wait_until(condition: Callable[[], object], seconds: float = ANSWER_SECONDS) -> bool:
    """Return whether condition() becomes true before the deadline."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def sockets(pid: int, port: int) -> list[tuple[int, str]]:
    """Return (descriptor, what it is) of the TCP sockets of that port that pid holds."""
    try:
        held = psutil.Process(pid).net_connections(kind="tcp")
    except psutil.Error:
        return []
    return [
        (one.fd, "the listener" if one.status == psutil.CONN_LISTEN else f"to {one.raddr.port}")
        for one in held
        if one.laddr and one.laddr.port == port and (one.raddr or one.status == psutil.CONN_LISTEN)
    ]


def acceptor(server: Server) -> int:
    """Return the pid of the first member that holds the listener."""
    for member in members(server):
        if any(what == "the listener" for _, what in sockets(member.pid, server.port)):
            return member.pid
    return server.pid


def descriptors(pid: int) -> int:
    """Return how many descriptors pid has open; 0 if it is gone."""
    try:
        return psutil.Process(pid).num_fds()
    except psutil.Error:
        return 0


def describe_members(found: list[Member], most: int = 5) -> str:
    """Return "pid 4711 zombie, pid 4712 sleeping, ..."."""
    words = [f"pid {member.pid} {member.state}" for member in found[:most]]
    return ", ".join(words) + (", …" if len(found) > most else "")


def meddling_target(target: Target, what: str, path: str = "-") -> Target | None:
    """Return target with meddle.py in between; None where it runs no Python script."""
    words = target.words
    if len(words) < 2 or "python" not in Path(words[0]).name or not words[1].endswith(".py"):
        return None
    return target._replace(words=[words[0], str(MEDDLE), what, path, *words[1:]])
