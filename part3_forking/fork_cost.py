"""What a fork costs on this machine, for a small process and for larger ones.

    python3 part3_forking/fork_cost.py

Needs no server. The memory of a child is known on Linux only (/proc/self/smaps_rollup).
"""

import os
import re
import statistics
import time
from collections.abc import Callable
from functools import partial

FORKS = 30  # for each size; the median counts
KIBIBYTE = 1024


def fork_and_wait(task: Callable[[], object] | None = None) -> float:
    """Fork a child that does task and ends; return the milliseconds until it is waited for."""
    begun = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            if task:
                task()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    return (time.perf_counter() - begun) * 1000


def memory() -> tuple[float, float]:
    """Return the MiB of this process that it shares with others, and that are its own."""
    with open("/proc/self/smaps_rollup", encoding="ascii") as table:
        found = {name: int(kib) for name, kib in re.findall(r"(\w+): +([0-9]+) kB", table.read())}
    shared = found["Shared_Clean"] + found["Shared_Dirty"]
    return shared / KIBIBYTE, (found["Private_Clean"] + found["Private_Dirty"]) / KIBIBYTE


def child_memory(task: Callable[[], object]) -> tuple[float, float]:
    """Return the same for a child that has done task."""
    receiver, sender = os.pipe()

    def tell() -> None:
        task()
        os.write(sender, "{} {}".format(*memory()).encode())

    fork_and_wait(tell)
    os.close(sender)
    with open(receiver, "rb") as pipe:
        shared, private = map(float, pipe.read().split())
    return shared, private


def look_at(objects: list[str]) -> None:
    """Look at each object, and change none."""
    for one in objects:
        len(one)


def main() -> None:
    """Print a line for each size of the process that forks."""
    print("objects in the    fork, end,    a child that does    a child that looks")
    print("process           and wait      nothing: its own     at each object: its own")
    for millions in (0, 1, 4):
        ballast = [str(number) for number in range(millions * 1_000_000)]
        milliseconds = statistics.median(fork_and_wait() for _ in range(FORKS))
        memory = ""
        if os.path.exists("/proc/self/smaps_rollup"):
            _, idle = child_memory(lambda: None)
            _, busy = child_memory(partial(look_at, ballast))
            memory = f"{idle:15.0f} MiB {busy:20.0f} MiB"
        print(f"{millions} million {milliseconds:13.1f} ms{memory}")


if __name__ == "__main__":
    main()
