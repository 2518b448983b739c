"""Clients that keep others waiting, and how long one that asks is kept."""

import contextlib
import statistics
import time
from collections.abc import Iterator

from tests.checker.conversation import Address, ask
from tests.checker.processes import wait_until

from .clients import answers, get, request_for
from .servers import serve

WORK_SECONDS = 0.02  # what the answer to bursty and killed clients takes
PATIENCE = 0.6  # seconds after which a client that asks gives up
ROUNDS = 3  # for the median; one where nobody was answered
WORK = request_for(f"/?{WORK_SECONDS}")
SAYS = {
    "silent": b"",
    "slow": b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Lo",  # and then nothing more
    "bursty": WORK,
    "killed": WORK,
}


@contextlib.contextmanager
def trouble(server: Address, kind: str, count: int) -> Iterator[None]:
    """Let so many clients of a kind of SAYS connect and say it, until the block ends.

    Those that are killed are gone at once. As of any process that ends, the kernel closes their
    connections.
    """
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(ask(server, *filter(None, [SAYS[kind]])))
        if kind == "killed":
            stack.pop_all().close()
        yield


def seconds_for(server: Address) -> float:
    """Return how long a client waits for the shortest answer; PATIENCE if it gives up."""
    begun = time.monotonic()
    with contextlib.suppress(TimeoutError):
        get(server, "/?0", PATIENCE)
    return min(time.monotonic() - begun, PATIENCE)


def kept_waiting(name: str, kind: str, counts: list[int]) -> list[tuple[int, float]]:
    """Return (clients, median ms) of a server: what one waits beside so many of a kind."""
    server, points = serve(name), []
    for count in counts:
        rounds: list[float] = []
        while len(rounds) < ROUNDS and PATIENCE not in rounds:
            wait_until(lambda: answers(server))
            with trouble(server, kind, count):
                rounds.append(seconds_for(server))
            time.sleep(WORK_SECONDS * count)  # what was asked for takes no longer than that
        points.append((count, max(rounds) if PATIENCE in rounds else statistics.median(rounds)))
    server.kill()
    return [(count, seconds * 1000) for count, seconds in points]
