"""What a request costs in CPU time: part 3, the library's server of its design, and a bare fork.

    make cost (or .venv/bin/python -m tests.measure.cost --requests 400 --rounds 3)

All three fork for each connection and host the same application. The time is that of the
whole process tree, user and system, children that were reaped included, for each request.
Rounds alternate between the servers, and the least of each counts: what disturbs a
measurement only ever adds to it.
"""

import argparse
import socket
import sys
import time

import psutil

from tests.checker.server import Server
from tests.checker.target import Target
from tests.parts import PARTS

REQUEST = b"GET /?name HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
APPLICATIONS = {"plain": "part2_wsgi.hello:application", "Flask": "tests.apps.one_route:app"}
DEADLINE_SECONDS = 30.0
OTHERS = {"ForkingMixIn": "tests.measure.forking_mixin", "bare fork": "tests.measure.bare_fork"}


def targets(app: str) -> dict[str, Target]:
    """Return the three servers by name, hosting app."""
    ours = [sys.executable, str(PARTS[3].server), app, "--port", "{port}"]
    found = {"part 3": Target("part 3", ours, False, app)}
    for name, module in OTHERS.items():
        found[name] = Target(name, [sys.executable, "-m", module, app, "{port}"], False, app)
    return found


def cpu_seconds(process: psutil.Process) -> float:
    """Return the CPU time of process and of all children it has reaped so far."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while process.children() and time.monotonic() < deadline:
        time.sleep(0.05)
    times = process.cpu_times()
    return times.user + times.system + times.children_user + times.children_system


def ask(port: int) -> None:
    """Send one request and read the answer to its end."""
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as connection:
        connection.sendall(REQUEST)
        octets = b""
        while more := connection.recv(65536):
            octets += more
    if b" 200 OK\r\n" not in octets[:20]:
        raise ValueError(f"not answered with 200: {octets[:80]!r}")


def measure(target: Target, requests: int) -> float:
    """Return the CPU seconds of one request, on average over so many."""
    with Server(target) as server:
        for _ in range(5):
            ask(server.port)
        process = psutil.Process(server.pid)
        before = cpu_seconds(process)
        for _ in range(requests):
            ask(server.port)
        return (cpu_seconds(process) - before) / requests


def main() -> None:
    """Print the table for each application."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print("Measuring the CPU time of a request; about a minute ...", flush=True)
    for kind, app in APPLICATIONS.items():
        least: dict[str, float] = {}
        for _ in range(arguments.rounds):
            for name, target in targets(app).items():
                seconds = measure(target, arguments.requests)
                least[name] = min(seconds, least.get(name, seconds))
        print(f"\n{kind:14}     ms   part 3 takes")
        for name, seconds in least.items():
            print(f"  {name:14} {seconds * 1000:4.2f}   {least['part 3'] / seconds:.2f} of it")
    print("\nBare fork: accept, fork, a fixed answer, exit; less than that no fork can cost.")


if __name__ == "__main__":
    main()
