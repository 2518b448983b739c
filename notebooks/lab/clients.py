"""Clients: one that asks, many at once, and some that say nothing."""

import contextlib
import json
import selectors
import socket
import threading
import time
from collections.abc import Iterator
from typing import NamedTuple

from tests.checker.conversation import Address, ask, parse_response

TALK_SECONDS = 20.0  # a deadline for what is waited for

# ---- one -------------------------------------------------------------------------


def answer_to(server: Address, *pieces: bytes, seconds: float = TALK_SECONDS) -> bytes:
    """Send pieces, each once the one before is read; return all that comes back until the end.

    Raises TimeoutError.
    """
    with ask(server, *pieces) as talk:
        if not talk.reads_end(seconds):
            raise TimeoutError(f"{len(talk.received)} octets came, and no end.")
        return bytes(talk.received)


def get(server: Address, target: str = "/", seconds: float = TALK_SECONDS) -> bytes:
    """Return all octets that come back when target is asked for. Raises TimeoutError."""
    return answer_to(server, request_for(target), seconds=seconds)


def request_for(target: str) -> bytes:
    """Return a request for target, after whose answer the connection ends."""
    head = f"GET {target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
    return head.encode()


def answers(server: Address, seconds: float = 1.0) -> bool:
    """Return whether a request is answered within seconds."""
    try:
        return get(server, seconds=seconds).startswith(b"HTTP/1.1 200")
    except TimeoutError:
        return False


# ---- many ------------------------------------------------------------------------


class Nap(NamedTuple):
    """What programs/napping.py reports: which process waited, from when to when."""

    pid: int
    begin: float
    end: float


class Exchange(NamedTuple):
    """One request: when it began, was sent, had its whole answer, and saw the end; None: never."""

    connect: float
    sent: float
    answer: float | None
    end: float | None
    octets: bytes

    @property
    def nap(self) -> Nap:
        """What the application has reported."""
        return Nap(**json.loads(self.octets.partition(b"\r\n\r\n")[2]))

    @property
    def seconds(self) -> float:
        """From the connect to the end of the answer; TALK_SECONDS if it never came."""
        return self.end - self.connect if self.end else TALK_SECONDS


class Client:
    """A client in the middle of an exchange; targets are what it will ask for after that."""

    def __init__(self, port: int, target: str, targets: list[str]) -> None:
        self.port, self.targets = port, targets
        self.connect, self.sent = time.monotonic(), 0.0
        self.answer: float | None = None
        self.octets = b""
        self.request = request_for(target)
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def send(self) -> None:
        """Send the request, which is short enough to go at once."""
        self.socket.sendall(self.request)
        self.request, self.sent = b"", time.monotonic()

    def read(self) -> bool:
        """Take what has come; return whether the end has."""
        try:
            octets = self.socket.recv(65536)
        except ConnectionError:
            octets = b""
        self.octets += octets
        response = parse_response(self.octets, 0, "GET", ended=not octets)
        if self.answer is None and response and response.whole:
            self.answer = time.monotonic()
        return not octets

    def close(self, end: float | None) -> Exchange:
        """Close the connection, and return what is known; end is when the server did."""
        self.socket.close()
        return Exchange(self.connect, self.sent, self.answer, end, self.octets)


class Crowd:
    """Clients that are served at once, by one selector; done has their exchanges."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.done: list[Exchange] = []
        self.selector = selectors.DefaultSelector()
        self.heard = time.monotonic()  # when something came, or could be sent

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self.done += [client.close(None) for client in self.clients()]
        self.selector.close()

    def clients(self) -> list[Client]:
        """Return those in the middle of an exchange."""
        return [key.data for key in self.selector.get_map().values()]

    def begin(self, target: str, targets: list[str]) -> None:
        """Add a client that asks for target, and then for targets, one after the other."""
        client = Client(self.port, target, targets)
        self.selector.register(client.socket, selectors.EVENT_WRITE, client)

    def step(self, seconds: float) -> None:
        """Wait at most seconds until some clients can go on, and let them."""
        for key, _ in self.selector.select(seconds):
            self.advance(key.data)
            self.heard = time.monotonic()

    def advance(self, client: Client) -> None:
        """Let one client send, read, or begin with its next request."""
        if client.request:
            client.send()
            self.selector.modify(client.socket, selectors.EVENT_READ, client)
        elif client.read():
            self.selector.unregister(client.socket)
            self.done.append(client.close(time.monotonic()))
            if client.targets:
                self.begin(client.targets[0], client.targets[1:])

    def waits_in_vain(self, patience: float) -> bool:
        """Return whether all have their answers, and nothing has come for so many seconds."""
        silent = time.monotonic() > self.heard + patience
        return silent and all(client.answer for client in self.clients())


def converse(
    server: Address, queues: list[list[str]], every: float = 0.0, patience: float = TALK_SECONDS
) -> list[Exchange]:
    """Let each client ask for its targets one after the other, all clients at once.

    The clients begin every seconds apart. Returns the exchanges in the order of their
    beginnings; those too that had an answer, and then for patience seconds no end.
    """
    begun = time.monotonic()
    due = [(begun + number * every, queue) for number, queue in enumerate(queues)]
    with Crowd(server.port) as crowd:
        while (due or crowd.clients()) and time.monotonic() < begun + TALK_SECONDS:
            while due and due[0][0] <= time.monotonic():
                _, (target, *targets) = due.pop(0)
                crowd.begin(target, targets)
            crowd.step(0.005 if due else 0.2)
            if not due and crowd.waits_in_vain(patience):
                break
    return sorted(crowd.done, key=lambda one: one.connect)


# ---- silent ----------------------------------------------------------------------


@contextlib.contextmanager
def hold_silent(server: Address, count: int = 1, seconds: float | None = None) -> Iterator[None]:
    """Hold so many connections open, for so many seconds or the whole block, and say nothing."""
    with contextlib.ExitStack() as stack:
        for _ in range(count):
            stack.enter_context(ask(server))
        if seconds is None:
            yield
            return
        timer = threading.Timer(seconds, stack.pop_all().close)
        timer.start()
        yield
        timer.join()
