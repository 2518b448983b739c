"""What notebook 4 looks at: who gets the next client, a reload, what an application costs."""

import collections
import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from typing import NamedTuple

from .clients import converse
from .looks import look
from .measurements import run_program
from .servers import LabServer


def shares_of(server: LabServer, clients: int, requests: int) -> list[int]:
    """Return how many of the requests each worker served, the busiest first."""
    exchanges = converse(server, [["/?0"] * (requests // clients)] * clients)
    counted = collections.Counter(one.nap.pid for one in exchanges if one.answer)
    return sorted((counted[pid] for pid in look(server).states), reverse=True)


@contextlib.contextmanager
def reload_after(server: LabServer, seconds: float) -> Iterator[None]:
    """Send SIGHUP to the master so many seconds after the block has begun."""
    timer = threading.Timer(seconds, os.kill, (server.pid, signal.SIGHUP))
    timer.start()
    try:
        yield
    finally:
        timer.join()


class LoadCost(NamedTuple):
    """What programs/load_costs.py reports: MiB of a master and its workers, all together.

    fresh is after the fork, used once each worker has looked at every object.
    """

    workers: int
    fresh: float
    used: float


def load_costs(when: str, counts: list[int]) -> list[LoadCost]:
    """Return what so many workers need; when is "before" or "after" the fork, for the loading."""
    words = [when, *map(str, counts)]
    return [LoadCost(**one) for one in json.loads(run_program("load_costs", *words))]
