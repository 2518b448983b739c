"""What workers need whose application is loaded before the fork, or after it, as JSON.

    python -m notebooks.programs.load_costs before|after WORKERS [WORKERS ...]

Each process reports its share: memory that three processes have in common counts as a third for
each. (Where the system does not tell the share, as macOS, it reports what is its own.)
"""

import json
import os
import sys
from typing import TypedDict

import psutil

OBJECTS = 400_000  # of the application: some 25 MiB of strings
MIB = 2**20


class Cost(TypedDict):
    """MiB of a master and its workers, all together: after the fork, and after some work."""

    workers: int
    fresh: float
    used: float


def load() -> list[str]:
    """Return an application's data."""
    return [str(number) for number in range(OBJECTS)]


def work(data: list[str]) -> int:
    """Look at each object, and change none."""
    return sum(len(one) for one in data)


def share() -> float:
    """Return the MiB of this process, with its share of what it has in common with others."""
    info = psutil.Process().memory_full_info()
    return float(getattr(info, "pss", info.uss)) / MIB


def serve(data: list[str], asked: int, told: int) -> None:
    """Answer each octet: l look at the memory, w do the work."""
    while octet := os.read(asked, 1):
        answer = share() if octet == b"l" else float(work(data))
        os.write(told, f"{answer}\n".encode("ascii"))


class Worker:
    """A process that serves, and the pipes to and from it; holds are the pipes of the others."""

    def __init__(self, data: list[str], holds: "list[Worker]") -> None:
        asked, self.ask = os.pipe()
        self.told, told = os.pipe()
        self.pid = os.fork()
        if not self.pid:  # child
            try:
                for fd in (self.ask, self.told, *(one.ask for one in holds)):
                    os.close(fd)
                serve(data or load(), asked, told)
            finally:
                os._exit(0)
        os.close(asked)  # parent
        os.close(told)

    def answer(self, octet: bytes) -> float:
        """Send an octet, and return the number that comes back."""
        os.write(self.ask, octet)
        return float(os.read(self.told, 64))

    def end(self) -> None:
        """Close the pipe, on which the worker ends, and wait for that."""
        os.close(self.ask)
        os.close(self.told)
        os.waitpid(self.pid, 0)


def measure(when: str, count: int) -> Cost:
    """Return the cost of so many workers; they have loaded, worked and are ended."""
    data = load() if when == "before" else []
    workers: list[Worker] = []
    for _ in range(count):
        workers.append(Worker(data, workers))
    for worker in workers:
        worker.answer(b"l")  # what is done once
    fresh = share() + sum(worker.answer(b"l") for worker in workers)
    for worker in workers:
        worker.answer(b"w")
    used = share() + sum(worker.answer(b"l") for worker in workers)
    for worker in workers:
        worker.end()
    return {"workers": count, "fresh": fresh, "used": used}


def main() -> None:
    """Measure one number of workers after the other, and print the costs."""
    when, *counts = sys.argv[1:]
    print(json.dumps([measure(when, int(count)) for count in counts]))


if __name__ == "__main__":
    main()
