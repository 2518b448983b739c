"""One TCP connection to a server under test: what was sent, what came back, and when.

Nothing here judges. The response is read leniently (LF for CRLF, odd status-lines), so
that a test sees past mistakes that are another clause's business.
"""

import re
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

from tests.checker.delivery import wait_until_read
from tests.checker.patience import ANSWER_SECONDS, END_SECONDS, Patience

LISTEN_SECONDS = 0.05  # without an octet; then what has come is looked at again
WAITS = 5  # for the rest of an answer, as long as more of it comes
PIECE_SECONDS = 2.0  # until a piece has been read; then the next is sent all the same
LINES = re.compile(rb"\r?\n")
BUSY_SHARE = 0.05  # of the time, on a processor: more, and a server does not wait for octets
HEAD_END = re.compile(rb"\r?\n\r?\n")

HOST = b"Host: 127.0.0.1\r\n"  # the field line that every request of HTTP/1.1 needs

Octets = bytes | bytearray
T = TypeVar("T")


class Response(NamedTuple):
    """A response as a forgiving client reads it; offsets count from the first octet sent.

    status is None where no three digits stand in the first line. framing is "length",
    "chunked", "close" or "none" (HEAD, 204, 304). whole says whether its end has come.
    """

    head: bytes
    status: int | None
    fields: list[tuple[str, str]]
    content: bytes
    framing: str
    whole: bool
    start: int
    end: int

    def values(self, name: str) -> list[str]:
        """Return the values of every field of that name, in order."""
        return [value for key, value in self.fields if key == name.lower()]

    def tokens(self, name: str) -> list[str]:
        """Return the members of a field whose value is a list of tokens, in lower case."""
        return [token.strip().lower() for token in ",".join(self.values(name)).split(",")]

    @property
    def closes(self) -> bool:
        """Whether it says, or its framing implies, that the connection ends after it."""
        old = self.head.startswith(b"HTTP/1.0") and "keep-alive" not in self.tokens("connection")
        return "close" in self.tokens("connection") or self.framing == "close" or old


def parse_response(octets: Octets, start: int, method: str, ended: bool) -> Response | None:
    """Return the response that begins at octets[start:]; None while its head is not whole.

    ended says that nothing more will come, and then what there is counts as the head.
    """
    end_of_head = HEAD_END.search(octets, start)
    if not end_of_head and not (ended and len(octets) > start):
        return None
    stop = end_of_head.end() if end_of_head else len(octets)
    head = bytes(octets[start:stop])
    first, *lines = LINES.split(head)
    digits = re.search(rb"(?:^|[ \t])([0-9]{3})(?:[ \t]|$)", first)
    status = int(digits[1]) if digits else None
    parts = [line.decode("latin-1").partition(":") for line in lines]
    fields = [(name.strip().lower(), value.strip()) for name, colon, value in parts if colon]
    content, framing, whole, end = parse_content(octets, stop, method, status, fields, ended)
    whole = whole and bool(end_of_head)
    return Response(head, status, fields, content, framing, whole, start, end)


def parse_content(
    octets: Octets,
    start: int,
    method: str,
    status: int | None,
    fields: list[tuple[str, str]],
    ended: bool,
) -> tuple[bytes, str, bool, int]:
    """Return (content, framing, whole, end) of the content at octets[start:]. RFC 9112 §6.3."""
    known = dict(fields)
    if method == "HEAD" or status in (204, 304) or (status and status < 200):
        return b"", "none", True, start
    if "chunked" in known.get("transfer-encoding", "").lower():
        return parse_chunked(octets, start)
    if length := re.match("[0-9]{1,12}$", known.get("content-length", "")):
        end = start + int(length[0])
        return bytes(octets[start:end]), "length", len(octets) >= end, min(end, len(octets))
    return bytes(octets[start:]), "close", ended, len(octets)


CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")
TRAILER = re.compile(rb"(?:[^\r\n]+\r\n)*\r\n")


def parse_chunked(octets: Octets, start: int) -> tuple[bytes, str, bool, int]:
    """Return the same for chunked content. RFC 9112 §7.1."""
    pieces: list[Octets] = []
    while size := CHUNK_SIZE.match(octets, start):
        length, start = int(size[1], 16), size.end()
        if length == 0:
            trailer = TRAILER.match(octets, start)
            end = trailer.end() if trailer else len(octets)
            return b"".join(pieces), "chunked", bool(trailer), end
        pieces.append(octets[start : start + length])
        start += length + 2
    return b"".join(pieces), "chunked", False, len(octets)


class Conversation:
    """A connection to (host, port); a context manager that closes it."""

    def __init__(
        self,
        host: str,
        port: int,
        patience: Patience | None = None,
        work: Callable[[], float] | None = None,
    ) -> None:
        """patience is the server's, shared by its connections; a new one where none is given.

        work returns for how many seconds the server has had a processor.
        """
        self.patience = patience or Patience()
        self.work = work or (lambda: 0.0)
        self.busy = False  # whether the server worked while an answer was waited for in vain
        self.clients_before = 0  # who have to be served first, as far as is known
        self.sent: list[bytes] = []  # the pieces
        self.received = bytearray()
        self.came_after = 0  # how many pieces had been sent when the first octet came back
        self.ended = ""  # "closed", "reset", or "" while the server keeps it open
        self.ended_after = 0.0  # seconds from the last octet that came to the end
        self.heard = time.monotonic()  # when the last octet came
        self.half_closed = False
        self.waited = 0.0  # seconds that ran out without what was waited for
        self.read_to = 0  # where the next response begins
        self.parse_at = 0  # octets that must have come before it is worth looking again
        self.socket = socket.create_connection((host, port), ANSWER_SECONDS)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *pieces: bytes, listening: bool = True) -> None:
        """Send pieces; each but the last is delivered (read by the server) before the next.

        listening=False does not read meanwhile, as a client does that only then asks.
        """
        for number, piece in enumerate(pieces):
            if self.sent:
                self.deliver()
            self.sent.append(piece)
            self.push(piece, listening)
            if number < len(pieces) - 1:
                self.deliver()

    def push(self, piece: bytes, listening: bool) -> None:
        """Hand piece to the kernel, taking in what comes back while it has no room."""
        deadline = time.monotonic() + ANSWER_SECONDS
        view = memoryview(piece)
        while view and self.ended != "reset":
            reads = [self.socket] if listening and not self.ended else []
            readable, writable, _ = select.select(reads, [self.socket], [], 0.05)
            if readable:
                self.take()
            if writable:
                try:
                    view = view[self.socket.send(view) :]
                except BlockingIOError:
                    pass
                except OSError:
                    self.ended = self.ended or "reset"
                    return
            if time.monotonic() > deadline:
                self.waited = ANSWER_SECONDS
                return

    def deliver(self) -> None:
        """Return once the server has read what was sent, or has answered."""
        before = len(self.received)
        if not self.ended:
            wait_until_read(self.socket, PIECE_SECONDS, lambda pause: self.hears(before, pause))

    def hears(self, before: int, pause: float) -> bool:
        """Take what comes within pause; return whether there is news since before."""
        self.take(pause)
        return bool(self.ended) or len(self.received) > before

    def take(self, seconds: float = 0.0) -> bool:
        """Receive once, waiting at most seconds; return whether anything happened."""
        if self.ended or not select.select([self.socket], [], [], seconds)[0]:
            return False
        try:
            octets = self.socket.recv(1 << 20)
        except BlockingIOError:
            return False
        except OSError:
            self.ended = "reset"
            self.ended_after = time.monotonic() - self.heard
            return True
        if not octets:
            self.ended = "closed"
            self.ended_after = time.monotonic() - self.heard
        elif not self.received:
            self.came_after = len(self.sent)
        self.heard = time.monotonic()
        self.received += octets
        return True

    def half_close(self) -> None:
        """Say that no more will be sent, and go on reading."""
        self.half_closed = True
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server has ended the connection already

    def wait(self, done: Callable[[], T], seconds: float = ANSWER_SECONDS) -> T | None:
        """Return the first true done(); None once it can't come any more, or not in time."""
        deadline = time.monotonic() + seconds
        while not (result := done()):
            if self.ended:
                return None
            left = deadline - time.monotonic()
            if left <= 0:
                self.waited = seconds
                return None
            if not self.take(min(left, LISTEN_SECONDS)):
                self.parse_at = 0  # nothing comes for a moment: perhaps it is whole
        return result

    def response(self, method: str = "GET", interim: bool = False) -> Response | None:
        """Read the next response as far as it comes; None if nothing like one does.

        Responses of 1xx are passed over, unless interim asks for them.
        """
        while True:
            seconds = self.patience.for_answer() + self.clients_before * self.patience.late
            self.wait_until_begun(method, seconds)
            self.wait_until_whole(method, seconds)
            response = self.parse_next(method, whole=False)
            if not response:
                self.patience.silences += not (self.ended or self.received)
                return None
            self.read_to = response.end
            if interim or not response.status or not 100 <= response.status < 200:
                return response

    def wait_until_begun(self, method: str, seconds: float) -> None:
        """Wait for the head of a response; where none comes, note what the server does meanwhile.

        That is looked at in the second half of the time: by then a request has been worked on.
        """
        waited, half = self.waited, seconds / 2
        if self.wait(lambda: self.parse_next(method, whole=False), half) or self.ended:
            return
        self.waited, before = 0.0, self.work()
        self.wait(lambda: self.parse_next(method, whole=False), half)
        self.busy = self.waited > 0 and self.work() - before > BUSY_SHARE * half
        self.waited = seconds if self.waited else waited

    def wait_until_whole(self, method: str, seconds: float) -> None:
        """Wait for the rest of a response; where only the end tells, as long as for an end."""
        response = self.parse_next(method, whole=False)
        if not response or response.whole:
            return
        if response.framing != "close":
            for _ in range(WAITS):
                before = len(self.received)
                if self.wait(lambda: self.parse_next(method, whole=True), seconds):
                    return
                if self.ended or len(self.received) == before:
                    return  # nothing more is under way
            return
        quiet = self.patience.for_end(announced=True)  # since the last octet: more may be under way
        self.wait(lambda: self.ended or time.monotonic() - self.heard > quiet, seconds)
        self.waited = 0.0 if self.ended else min(quiet, seconds)
        self.patience.note_end(bool(self.ended), announced=True)

    def parse_next(self, method: str, whole: bool) -> Response | None:
        """Return the next response from what has come; whole asks for all of it."""
        if whole and not self.ended and len(self.received) < self.parse_at:
            return None  # to parse 32 MiB anew with every packet would take minutes
        self.parse_at = len(self.received) * 5 // 4 if len(self.received) > 1 << 20 else 0
        response = parse_response(self.received, self.read_to, method, bool(self.ended))
        return response if response and (response.whole or not whole) else None

    def reads_end(self, seconds: float | None = None) -> str:
        """Wait for the server to end the connection; return "closed", "reset" or "".

        Without seconds it waits as long as the server deserves.
        """
        announced = self.has_announced_end()
        longest = self.patience.for_end(announced)
        waited = longest if seconds is None else min(seconds, longest)
        self.wait(lambda: self.ended, waited)
        if self.ended or waited >= END_SECONDS:
            self.patience.note_end(bool(self.ended), announced)
        return self.ended

    def has_announced_end(self) -> bool:
        """Return whether the first answer that came, or began to come, says that it is the last."""
        first = parse_response(self.received, 0, "GET", bool(self.ended))
        return bool(first and first.closes)

    def reset(self) -> None:
        """Break the connection off: the server's end gets a reset instead of an end."""
        linger = struct.pack("ii", 1, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.socket.close()


class Address(Protocol):
    """Whatever listens somewhere, as a Server does."""

    host: str
    port: int


def ask(server: Address, *pieces: bytes, half_close: bool = False) -> Conversation:
    """Return a connection on which the pieces were sent; close it after use (it is a context)."""
    patience, work = getattr(server, "patience", None), getattr(server, "cpu_seconds", None)
    talk = Conversation(server.host, server.port, patience, work)
    talk.send(*pieces)
    if half_close:
        talk.half_close()
    return talk
