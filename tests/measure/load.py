"""Part 3 under load: what is lost, and what is left.

    make load (or .venv/bin/python -m tests.measure.load --requests 10000 --at-once 200)

Three trials: many requests, after which no zombie, descriptor or memory may be left; silent
clients, who may keep nobody waiting; and random children killed, who may take nobody with them.
Exits with 1 if a trial fails. Works on any server that the check takes.
"""

import argparse
import concurrent.futures
import contextlib
import os
import random
import signal
import socket
import sys
import threading
import time

import psutil

from tests.checker.processes import acceptor, descriptors, other_members, wait_until
from tests.checker.server import Server, StartFailed
from tests.checker.target import UsageError, choose_target

REQUEST = b"GET /w/process HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
SECONDS = 60.0  # a deadline for each answer


def ask(port: int) -> str:
    """Return "answered", "broken" (the end came before the answer) or "refused"."""
    try:
        with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
            connection.sendall(REQUEST)
            octets = b""
            while more := connection.recv(65536):
                octets += more
    except ConnectionError:
        return "broken"
    if octets.startswith(b"HTTP/1.1 200 ") and b'"served"' in octets:
        return "answered"
    return "refused" if octets.startswith(b"HTTP/1.1 503") else "broken"


def ask_many(port: int, count: int, at_once: int) -> dict[str, int]:
    """Return how many of count requests fared how, at_once of them at a time."""
    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        fates = list(pool.map(ask, [port] * count))
    return {fate: fates.count(fate) for fate in ("answered", "broken", "refused")}


def survives_requests(server: Server, count: int, at_once: int) -> bool:
    """Return whether nothing is lost, and nothing is left."""
    parent = acceptor(server)
    ask_many(server.port, 200, at_once)  # what the first requests allocate once
    wait_until(lambda: not other_members(server, {parent}))
    before = descriptors(parent), psutil.Process(parent).memory_info().rss
    fates = ask_many(server.port, count, at_once)
    wait_until(lambda: not other_members(server, {parent}))
    left = other_members(server, {parent})
    after = descriptors(parent), psutil.Process(parent).memory_info().rss
    print(f"{count} requests, {at_once} at a time: {fates}")
    print(f"  children left: {len(left)}; descriptors {before[0]} before, {after[0]} after; ")
    print(f"  memory of the parent {before[1] >> 10} KiB before, {after[1] >> 10} KiB after")
    grown = after[1] - before[1] > 1 << 20
    return fates["answered"] == count and not left and before[0] == after[0] and not grown


def survives_silence(server: Server, count: int) -> bool:
    """Return whether a request is answered while count clients say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), SECONDS))
        fate = ask(server.port)
        children = len(other_members(server, {acceptor(server)}))
    print(f"{count} silent clients, {children} children: the next request was {fate}")
    return fate == "answered"


def survives_killings(server: Server, seconds: float, at_once: int) -> bool:
    """Return whether every request is answered but those whose child was killed."""
    parent, over = acceptor(server), threading.Event()
    killed = 0

    def keep_asking() -> list[str]:
        fates = []
        while not over.is_set():
            fates.append(ask(server.port))
        return fates

    with concurrent.futures.ThreadPoolExecutor(at_once) as pool:
        asking = [pool.submit(keep_asking) for _ in range(at_once)]
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            children = [one for one in other_members(server, {parent}) if one.state != "zombie"]
            if children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(random.choice(children).pid, signal.SIGKILL)
                    killed += 1
            time.sleep(0.02)
        over.set()
        fates = [fate for one in asking for fate in one.result()]
    broken = len(fates) - fates.count("answered")
    print(
        f"{seconds:.0f} s of random SIGKILL: {killed} sent, {len(fates)} requests, {broken} of them"
    )
    print(f"  not answered; the parent lives: {server.is_alive() and acceptor(server) == parent}")
    return server.is_alive() and broken <= killed and fates.count("answered") > 0


def main() -> None:
    """Run the three trials."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--server", default="")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--at-once", type=int, default=200)
    parser.add_argument("--silent", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=20.0)
    arguments = parser.parse_args()
    try:
        with Server(choose_target(3, arguments.server, finished=True)) as server:
            fine = [
                survives_requests(server, arguments.requests, arguments.at_once),
                survives_silence(server, arguments.silent),
                survives_killings(server, arguments.seconds, 8),
            ]
    except (UsageError, StartFailed) as error:
        sys.exit(str(error))
    sys.exit(not all(fine))


if __name__ == "__main__":
    main()
