"""What notebook 3 measures: how long requests take, what silence and forks cost."""

import json
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from tests.checker.processes import wait_until
from tests.parts import ROOT

from .clients import Exchange, answers, converse, get, hold_silent
from .looks import Look, memory, wait_until_steady, watch
from .servers import LabServer, serve

LEAST_REQUESTS = 16  # of all clients together; fewer say little
LEAVES_ZOMBIES = ("nobody reaps", "one wait for each signal")  # to wait for them is in vain
PROGRAM_SECONDS = 50.0  # a deadline for a program that runs by itself


def latency_of(name: str, counts: list[int], target: str) -> list[tuple[int, float]]:
    """Return (clients, median ms) of a server whose clients ask for target again and again."""
    server, points = serve(name), []
    get(server, target)  # what is done once
    for count in counts:
        each = max(2, LEAST_REQUESTS // count)
        exchanges = converse(server, [[target] * each] * count)
        median = statistics.median(one.seconds for one in exchanges)
        points.append((count, median * 1000))
    server.kill()
    return points


def burst(
    server: LabServer, count: int = 128, seconds: float = 1.0
) -> tuple[list[Exchange], list[Look]]:
    """Send so many requests that end together; return the exchanges and what was seen."""
    linger = 0.3 if server.name in LEAVES_ZOMBIES else 2.0
    with watch(server) as looks:
        moment = time.monotonic() + seconds
        exchanges = converse(server, [[f"/?until={moment}"]] * count, patience=0.7)
        wait_until(lambda: set(looks[-1].states.values()) <= {"zombie"})
        wait_until(lambda: not looks[-1].states, linger)
    return exchanges, looks


class Silence(NamedTuple):
    """A server while so many clients are silent: its MiB, and whether it answers one who asks.

    resident is what ps says of its processes, added up; own is what they share with nobody, None
    where the system does not tell.
    """

    clients: int
    resident: float
    own: float | None
    answered: bool


def memory_of(name: str, counts: list[int]) -> list[Silence]:
    """Return what a server needs beside so many silent clients."""
    server, found = serve(name), []
    get(server)  # what is done once
    for count in counts:
        with hold_silent(server, count):
            wait_until_steady(server)
            found.append(Silence(count, *memory(server), answers(server)))
    server.kill()
    return found


class ForkCost(NamedTuple):
    """What programs/fork_costs.py reports: a process of size MiB forks, and waits for the end.

    least and median are in ms; idle and busy are [MiB shared, MiB of its own] of a child that does
    nothing and of one that looks at each object, None where the system does not tell.
    """

    size: float
    least: float
    median: float
    idle: list[float] | None
    busy: list[float] | None


def fork_costs(millions: list[float]) -> list[ForkCost]:
    """Return what a fork costs a process with so many million objects."""
    return [ForkCost(**one) for one in json.loads(run_program("fork_costs", *map(str, millions)))]


def run_program(name: str, *arguments: str) -> str:
    """Run one of notebooks/programs as a process of its own, and return what it printed."""
    words = [sys.executable, "-m", f"notebooks.programs.{name}", *arguments]
    ended = subprocess.run(
        words, cwd=ROOT, capture_output=True, check=True, timeout=PROGRAM_SECONDS, text=True
    )
    return ended.stdout
