"""What is seen of a running server: its children and their states, descriptors, memory."""

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import psutil

from notebooks.show import Row
from tests.checker.processes import descriptors, other_members, wait_until

from .clients import Exchange
from .servers import LabServer

LOOK_SECONDS = 0.02  # between two looks
STEADY_LOOKS = 6  # that have seen the same, and then nothing more is expected
MIB = 2**20


class Look(NamedTuple):
    """What was seen at one moment: the states of the children by pid, the parent's descriptors."""

    seconds: float
    states: dict[int, str]
    descriptors: int

    @property
    def zombies(self) -> int:
        """How many children have ended, and nobody has asked."""
        return list(self.states.values()).count("zombie")


def look(server: LabServer) -> Look:
    """Look at a server's first process, and at all others of its session."""
    states = {member.pid: member.state for member in other_members(server, {server.pid})}
    return Look(time.monotonic(), states, descriptors(server.pid))


def zombies_of(server: LabServer) -> list[int]:
    """Return the pids of a server's zombies."""
    return [pid for pid, state in look(server).states.items() if state == "zombie"]


@contextlib.contextmanager
def watch(server: LabServer) -> Iterator[list[Look]]:
    """Look at a server again and again, until the block ends; the list grows."""
    looks, over = [look(server)], threading.Event()

    def look_on() -> None:
        while not over.wait(LOOK_SECONDS):
            looks.append(look(server))

    thread = threading.Thread(target=look_on)
    thread.start()
    try:
        yield looks
    finally:
        over.set()
        thread.join()


def lives_of(server: LabServer) -> dict[int, dict[str, float]]:
    """Return {pid: {"fork": ..., "exit": ..., "reap": ...}} of a server that is recorded."""
    found: dict[int, dict[str, float]] = {}
    if server.record and server.record.exists():
        for line in server.record.read_text("ascii").splitlines():
            event, pid, moment = line.split()
            found.setdefault(int(pid), {})[event] = float(moment)
    return found


def rows_of(server: LabServer, exchanges: list[Exchange], events: str = "fork") -> list[Row]:
    """Return a row of a timeline for each exchange; 0 is when the first of them began.

    events are those of the record that are wanted, of "fork exit reap".
    """
    lives, begun, rows = lives_of(server), exchanges[0].connect, []
    for number, one in enumerate(exchanges, 1):
        marks = {"connect": one.connect, "handle": one.nap.begin}
        if one.answer is not None:
            marks["answer"] = one.answer
        life = lives.get(one.nap.pid, {})
        marks |= {event: life[event] for event in events.split() if event in life}
        seconds = {name: max(0.0, moment - begun) for name, moment in marks.items()}
        rows.append(Row(str(number), seconds))
    return rows


def wait_until_steady(server: LabServer) -> None:
    """Return once some looks have counted the same: whatever will be accepted has been."""
    counts: list[int] = []

    def is_steady() -> bool:
        counts.append(count_resources(server))
        return counts[-STEADY_LOOKS:] == [counts[-1]] * STEADY_LOOKS

    wait_until(is_steady)


def count_resources(server: LabServer) -> int:
    """Return how many children, threads and descriptors a server has, added up."""
    threads: int = psutil.Process(server.pid).num_threads()
    return len(other_members(server, {server.pid})) + threads + descriptors(server.pid)


def memory(server: LabServer) -> tuple[float, float | None]:
    """Return MiB of all the server's processes: resident sizes added up, and what is their own.

    The second is None where the system does not tell, as macOS to anyone but root.
    """
    resident, own, is_known = 0, 0, True
    for pid in [server.pid, *(member.pid for member in other_members(server, {server.pid}))]:
        try:
            process = psutil.Process(pid)
            resident += process.memory_info().rss
            own += process.memory_full_info().uss
        except psutil.AccessDenied:
            is_known = False
        except psutil.NoSuchProcess:
            pass  # it went while we looked
    return resident / MIB, own / MIB if is_known else None
