"""What a fork costs a process, by the number of objects that it holds.

    python -m notebooks.programs.fork_costs MILLIONS ...

Prints a JSON list with a record for each number: size in MiB; least and median of FORKS forks,
in ms; idle and busy, each [MiB shared, MiB of its own] of a child that does nothing and of one
that looks at each object, null where the system does not tell.
"""

import json
import os
import statistics
import sys

import psutil

from part3_forking.fork_cost import child_memory, fork_and_wait, look_at

FORKS = 20  # the least of them counts: what disturbs a measurement only adds to it
Cost = dict[str, float | tuple[float, float] | None]


def measure(millions: float) -> Cost:
    """Return what it costs this process to fork, while it holds so many million objects."""
    objects = [str(number) for number in range(int(millions * 1_000_000))]
    times = [fork_and_wait() for _ in range(FORKS)]
    found: Cost = {
        "size": psutil.Process().memory_info().rss / 2**20,
        "least": min(times),
        "median": statistics.median(times),
        "idle": None,
        "busy": None,
    }
    if os.path.exists("/proc/self/smaps_rollup"):
        found["idle"] = child_memory(lambda: None)
        found["busy"] = child_memory(lambda: look_at(objects))
    return found


if __name__ == "__main__":
    print(json.dumps([measure(float(word)) for word in sys.argv[1:]]))
