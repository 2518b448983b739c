"""Part 4 under load: what is lost while workers come and go.

    make load PART=4 (or .venv/bin/python -m tests.measure.lifecycle --reloads 50 --stops 20)

Three trials: reloads and graceful stops, in which no request of a well-behaved client may be
lost; and bad company (clients that stall, reset, dribble and keep idle connections, and workers
killed at random), in which only requests in a killed worker may be. A well-behaved client asks
again on its connection until an answer says close, or asks on a new one each time.
Exits with 1 if a trial fails. Works on any server that the check of part 4 takes.
"""

import argparse
import contextlib
import functools
import http.client
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator

import psutil

from tests.checker.processes import wait_until
from tests.checker.server import Server, StartFailed
from tests.checker.target import UsageError, choose_target

PATH = "/w/process"
SECONDS = 60.0  # a deadline for each answer
HEAD = b"GET /w/process HTTP/1.1\r\nHost: 127.0.0.1\r\n"


class Crowd:
    """Well-behaved clients that ask all the time, and what became of their requests."""

    def __init__(self, port: int, count: int) -> None:
        self.port, self.count = port, count
        self.fates: Counter[str] = Counter()
        self.over = threading.Event()
        self.may_refuse = False  # whether the server stops, so that a refusal is its right

    @contextlib.contextmanager
    def asking(self) -> Iterator["Crowd"]:
        """Let half of the clients keep their connections, half not, as long as the body runs."""
        threads = [
            threading.Thread(target=self.ask_on, args=(number % 2 == 0,))
            for number in range(self.count)
        ]
        for thread in threads:
            thread.start()
        try:
            yield self
        finally:
            self.over.set()
            for thread in threads:
                thread.join()

    def ask_on(self, keeps: bool) -> None:
        """Ask until all is over, or the server refuses connections and may."""
        connection = None
        while not self.over.is_set():
            connection = connection or http.client.HTTPConnection("127.0.0.1", self.port, SECONDS)
            try:
                connection.request("GET", PATH, headers={} if keeps else {"Connection": "close"})
                answer = connection.getresponse()
                whole = answer.status == 200 and b'"served"' in answer.read()
                self.fates["answered" if whole else "wrong"] += 1
                if answer.will_close:
                    connection = None
            except ConnectionRefusedError:
                if self.may_refuse:
                    return
                self.fates["refused"] += 1
                connection = None
            except (OSError, http.client.HTTPException):
                self.fates["broken"] += 1
                connection = None

    def has_begun(self) -> bool:
        """Return whether there were more answers than there are clients."""
        return self.fates["answered"] > self.count

    @property
    def lost(self) -> int:
        """How many requests had no answer, or not the right one."""
        return self.fates.total() - self.fates["answered"]


def workers_of(server: Server) -> set[int]:
    """Return the pids of the master's children."""
    with contextlib.suppress(psutil.Error):
        return {one.pid for one in psutil.Process(server.pid).children()}
    return set()


def are_replaced(server: Server, old: set[int]) -> bool:
    """Return whether none of the old workers is left."""
    return not old & workers_of(server)


def exit_status(server: Server) -> int | None:
    """Return the exit status of a server that was told to end; None if it does not."""
    assert server.process is not None, "nothing was launched yet"
    with contextlib.suppress(subprocess.TimeoutExpired):
        return server.process.wait(SECONDS)
    return None


def survives_reloads(server: Server, count: int, clients: int) -> bool:
    """Return whether nothing is lost while the application is loaded anew count times."""
    done = 0
    with Crowd(server.port, clients).asking() as crowd:
        for _ in range(count):
            before = workers_of(server)
            os.kill(server.pid, signal.SIGHUP)
            done += wait_until(functools.partial(are_replaced, server, before), SECONDS)
    print(f"{count} reloads, {done} done, {clients} clients: {dict(crowd.fates)}")
    return done == count and not crowd.lost and crowd.fates["answered"] > count


def survives_stops(server: Server, count: int, clients: int) -> bool:
    """Return whether nothing is lost when the server is stopped and started count times."""
    fates: Counter[str] = Counter()
    statuses = []
    for _ in range(count):
        with Crowd(server.port, clients).asking() as crowd:
            wait_until(crowd.has_begun, SECONDS)
            crowd.may_refuse = True
            os.kill(server.pid, signal.SIGTERM)
            statuses.append(exit_status(server))
        fates += crowd.fates
        server.start()
    print(f"{count} stops, exit statuses {set(statuses)}, {clients} clients: {dict(fates)}")
    return set(statuses) == {0} and fates.total() == fates["answered"]


def stall(connection: socket.socket) -> None:
    """Say nothing."""


def reset(connection: socket.socket) -> None:
    """Ask, and break the connection at once."""
    connection.sendall(HEAD + b"\r\n")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def dribble(connection: socket.socket) -> None:
    """Begin a request, and never end it."""
    for octet in HEAD[:8]:
        connection.sendall(bytes([octet]))
        time.sleep(0.2)


def idle(connection: socket.socket) -> None:
    """Have one answer, and keep the connection."""
    connection.sendall(HEAD + b"\r\n")
    connection.recv(65536)


def keep_bad_company(
    port: int, over: threading.Event, does: Callable[[socket.socket], None]
) -> None:
    """Open connections and misbehave on them until over, 20 open at a time."""
    held: list[socket.socket] = []
    while not over.is_set():
        with contextlib.suppress(OSError):
            held.append(socket.create_connection(("127.0.0.1", port), 1.0))
            does(held[-1])
        for connection in held[:-20]:
            connection.close()
        held = held[-20:]
        time.sleep(0.02)
    for connection in held:
        connection.close()


def survives_bad_company(server: Server, seconds: float, clients: int) -> bool:
    """Return whether only requests in killed workers are lost, and nothing is left behind."""
    master, over, killed = psutil.Process(server.pid), threading.Event(), 0
    before = master.num_fds(), master.memory_info().rss
    company = [
        threading.Thread(target=keep_bad_company, args=(server.port, over, does))
        for does in (stall, reset, dribble, idle)
    ]
    for thread in company:
        thread.start()
    with Crowd(server.port, clients).asking() as crowd:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            time.sleep(random.uniform(1.0, 3.0))
            if workers := workers_of(server):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random.choice(sorted(workers)), signal.SIGKILL)
                    killed += 1
    over.set()
    for thread in company:
        thread.join()
    wait_until(lambda: master.num_fds() <= before[0], 10.0)
    after = master.num_fds(), master.memory_info().rss
    dead = [one for one in master.children() if one.status() == psutil.STATUS_ZOMBIE]
    print(f"{seconds:.0f} s of bad company, {killed} workers killed: {dict(crowd.fates)}")
    print(f"  zombies {len(dead)}; descriptors of the master {before[0]} before, {after[0]} after")
    print(f"  its memory {before[1] >> 10} KiB before, {after[1] >> 10} KiB after")
    # A worker has the connections of many clients, and each may lose the request it sends.
    fair = crowd.lost <= killed * clients and crowd.fates["answered"] > crowd.lost
    return fair and not dead and after[0] <= before[0] and after[1] - before[1] < 4 << 20


def main() -> None:
    """Run the three trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="")
    parser.add_argument("--reloads", type=int, default=50)
    parser.add_argument("--stops", type=int, default=20)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=120.0)
    arguments = parser.parse_args()
    try:
        with Server(choose_target(4, arguments.server, finished=True)) as server:
            fine = [
                survives_reloads(server, arguments.reloads, arguments.clients),
                survives_stops(server, arguments.stops, arguments.clients),
                survives_bad_company(server, arguments.seconds, arguments.clients),
            ]
    except (UsageError, StartFailed) as error:
        sys.exit(str(error))
    sys.exit(not all(fine))


if __name__ == "__main__":
    main()
