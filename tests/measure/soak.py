"""Parts 3 and 4 under mixed load for minutes: what is lost, and what is held, each second.

    make soak MINUTES=3 [PART=4] [SERVER=my.py]

Well-behaved clients ask all the time, beside others that stall, reset, dribble, send garbage and
keep idle connections; children and workers are killed at random. Part 4 is told to reload, too,
and its application hangs now and then. At the end the server must hold what it held at the start.
Exits with 1 if it does not, or if more was lost than was killed. Needs Linux.
"""

import argparse
import contextlib
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

import psutil

from tests.checker.processes import acceptor, members, wait_until
from tests.checker.server import Server, StartFailed
from tests.checker.target import Figures, UsageError, choose_target
from tests.measure.lifecycle import Crowd, dribble, idle, keep_bad_company, reset, stall

CLIENTS = 16
WARM_UP_SECONDS = 3.0  # what the first requests allocate once
CALM_SECONDS = 30.0  # until the last bad client is dismissed
REST_SECONDS = 2.5  # longer than a child waits for a client to close
GROWTH_BYTES = 4 << 20  # of memory: an allocator keeps some of what it once had
FIGURES = Figures(client_timeout=3, keep_alive=2, timeout=2, graceful_timeout=5)
HANG = b"GET /w/hang?how=sleep HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"


class Holdings(NamedTuple):
    """What the server holds: members and zombies; the parent's descriptors and octets."""

    processes: int
    zombies: int
    descriptors: int
    memory: int

    def __str__(self) -> str:
        return (
            f"{self.processes:4} processes {self.zombies:3} zombies"
            f" {self.descriptors:4} descriptors {self.memory >> 10:7} KiB"
        )


def holdings(server: Server, parent: int) -> Holdings:
    """Return what the server holds now. Raises psutil.Error if its parent is gone."""
    found, process = members(server), psutil.Process(parent)
    zombies = sum(member.state == psutil.STATUS_ZOMBIE for member in found)
    return Holdings(len(found), zombies, process.num_fds(), process.memory_info().rss)


def holdings_at_rest(server: Server, parent: int) -> Holdings:
    """Return what the server holds once no process comes or goes any more."""
    now, deadline = holdings(server, parent), time.monotonic() + CALM_SECONDS
    while True:
        before = now
        time.sleep(REST_SECONDS)
        now = holdings(server, parent)
        at_rest = now.processes == before.processes and not now.zombies
        if at_rest or time.monotonic() > deadline:
            return now


def send_garbage(connection: socket.socket) -> None:
    """Send what is no request, and read what comes back."""
    connection.sendall(random.randbytes(200) + b"\r\n\r\n")
    connection.settimeout(1.0)
    connection.recv(65536)


@contextlib.contextmanager
def bad_company(port: int) -> Iterator[None]:
    """Let each kind of bad client misbehave as long as the body runs."""
    over = threading.Event()
    threads = [
        threading.Thread(target=keep_bad_company, args=(port, over, does))
        for does in (stall, reset, dribble, send_garbage, idle)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        over.set()
        for thread in threads:
            thread.join()


class Trouble:
    """What is done to the server once a second, and how many processes it may have cost."""

    def __init__(self, server: Server, parent: int, part: int) -> None:
        self.server, self.parent, self.part = server, parent, part
        self.killed = self.reloads = self.hangs = 0
        self.hanging: list[socket.socket] = []

    def make(self, second: int) -> None:
        """Kill a child every other second; in part 4 reload and hang now and then, too."""
        if second % 2 == 0:
            self.kill_one()
        if self.part == 4 and second % 7 == 3:
            os.kill(self.server.pid, signal.SIGHUP)
            self.reloads += 1
        if self.part == 4 and second % 10 == 5:
            self.hang()

    def kill_one(self) -> None:
        """Kill a child of the parent, if there is one that runs."""
        running = [
            one.pid
            for one in members(self.server)
            if one.parent == self.parent and one.state != psutil.STATUS_ZOMBIE
        ]
        if running:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(running), signal.SIGKILL)
                self.killed += 1

    def hang(self) -> None:
        """Ask for what does not come; the master will kill the worker that is asked."""
        with contextlib.suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", self.server.port), 1.0)
            self.hanging.append(connection)
            connection.sendall(HANG)
            self.hangs += 1

    def end(self) -> None:
        """Close the connections on which the application hangs."""
        for connection in self.hanging:
            connection.close()


def soak(server: Server, part: int, seconds: float) -> bool:
    """Return whether the server lost no more than was killed, and holds what it held before."""
    parent = acceptor(server)
    with Crowd(server.port, CLIENTS).asking():
        time.sleep(WARM_UP_SECONDS)
    before = holdings_at_rest(server, parent)
    print(f"before  {before}", flush=True)
    crowd, trouble = Crowd(server.port, CLIENTS), Trouble(server, parent, part)
    with bad_company(server.port), crowd.asking():
        begun, second = time.monotonic(), 0
        while time.monotonic() < begun + seconds:
            time.sleep(1.0)
            second += 1
            trouble.make(second)
            print(f"{second:4} s  {holdings(server, parent)} {dict(crowd.fates)}", flush=True)
    trouble.end()
    wait_until(lambda: is_as_before(holdings(server, parent), before), CALM_SECONDS)
    after = holdings(server, parent)
    print(f"after   {after}")
    return give_verdict(crowd, trouble, is_as_before(after, before))


def is_as_before(now: Holdings, before: Holdings) -> bool:
    """Return whether nothing was left behind."""
    return (
        now.processes == before.processes
        and not now.zombies
        and now.descriptors <= before.descriptors
        and now.memory - before.memory < GROWTH_BYTES
    )


def give_verdict(crowd: Crowd, trouble: Trouble, calm: bool) -> bool:
    """Print the verdict and return it."""
    print(f"{trouble.killed} killed, {trouble.reloads} reloads, {trouble.hangs} hangs")
    ends = trouble.killed + trouble.hangs
    # A child has one client; a worker, or one that hangs, may have the requests of all.
    may_lose = ends * (CLIENTS if trouble.part == 4 else 1)
    fair = crowd.lost <= may_lose and crowd.fates["answered"] > crowd.lost
    print(f"{crowd.lost} lost, {may_lose} may be: {'fine' if fair else 'TOO MANY'}")
    print(f"what it holds at the end: {'as before' if calm else 'NOT AS BEFORE'}", flush=True)
    return fair and calm


def main() -> None:
    """Soak the parts that the command line names, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="")
    parser.add_argument("--part", type=int, choices=(3, 4), action="append")
    parser.add_argument("--minutes", type=float, default=3.0)
    arguments = parser.parse_args()
    fine = True
    for part in arguments.part or (3, 4):
        print(f"Part {part}, {arguments.minutes:g} minutes", flush=True)
        try:
            target = choose_target(part, arguments.server, finished=True)
            with Server(target, figures=FIGURES) as server:
                fine &= soak(server, part, arguments.minutes * 60)
        except (UsageError, StartFailed) as error:
            sys.exit(str(error))
        except psutil.NoSuchProcess:
            sys.exit("The server is gone.")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
