"""What several clauses ask in the same way: parameters, checks, and words for what is likely."""

import socket
import time
from collections.abc import Mapping

import pytest

from tests.checker.conversation import HOST, Conversation, ask
from tests.checker.evidence import WHICH, Evidence, Word
from tests.checker.expect import expect
from tests.checker.refusal import check_refusal, closed_unanswered
from tests.checker.server import Server
from tests.checker.verdict import Red

GET = b"GET /hello HTTP/1.1\r\n" + HOST + b"\r\n"
MEBIBYTE = 1 << 20  # octets
SOON = 0.8  # seconds: what is sent in a row with the answer is here long before, in one of three
PAUSE_SECONDS = 1.3  # longer than the timeouts by which some servers notice that nothing comes
MOMENT_SECONDS = 0.3  # in which nothing may come of what is waited for
PAUSED = (
    "A pause was taken for the end of the request: a recv() with a timeout, or one that does "
    "not block. Only the octets say where a request ends, however long they take."
)
TOO_LONG = {400, 413, 414, 431}
UNBOUNDED = (
    "Nothing bounds what is read, so one client can fill the memory. Name a limit, and "
    "count while you read."
)
DESTROYED = (
    "The socket was closed with input unread. The kernel then resets the connection, "
    "and the reset can destroy the answer. Send; shutdown(SHUT_WR); read and drop for "
    "a while; close."
)
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
ENDLESS = (
    "recv() returned b'': no more will come. A loop that calls it again gets b'' for ever; refuse "
    "what is not complete, or close."
)
IGNORED = (
    "Without Content-Length the content was read as empty, and its octets as the next "
    "request. Look for Transfer-Encoding, in any spelling, before Content-Length."
)


def soon(server: Server) -> float:
    """Return SOON for this server: one that answers late is given that time here, too."""
    return SOON + server.patience.late


def cases(table: Mapping[str, object]) -> pytest.MarkDecorator:
    """Return the parameters of a test, named by the keys of table."""
    return pytest.mark.parametrize("case", table.values(), ids=table)


def if_refused(words: str) -> dict[str, Word]:
    """Return what is likely where something permitted is refused, or seen as something else."""
    seen: dict[str, Word] = dict.fromkeys(("target", "field", "content"), words)
    return seen | {"refused": f"{WHICH} {words}"}


def say_of_chunks(evidence: Evidence) -> str:
    """Return what became of CHUNKS that a server took, by the end of its echo."""
    echo = bytes(evidence.talk.received)
    if echo.endswith(CHUNKS):
        return "The chunks were taken for the content as they came: their sizes are not part of it."
    if echo.endswith(CHUNKS[:5]):
        return "Content-Length was believed, although Transfer-Encoding stands beside it."
    if echo.endswith(b"\r\n\r\nhello"):
        return (
            "The chunks were decoded, and nothing else in Transfer-Encoding was looked at. It is a "
            "list: chunked has to be its only member, or the last one after codings you know."
        )
    return IGNORED


def ask_without_reading(server: Server, octets: bytes) -> Conversation:
    """Return a connection on which the server, asked with octets, sends what nobody reads."""
    talk = ask(server)
    talk.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    talk.send(octets, listening=False)
    talk.deliver()
    return talk


def check_not_early(talk: Conversation, likely: str) -> None:
    """Raise Red if the answer began before the last piece was sent."""
    if talk.came_after < len(talk.sent):
        raise Red(
            f"It came after piece {talk.came_after} of {len(talk.sent)}, before the request "
            "was complete.",
            talk,
            f"200, after piece {len(talk.sent)}",
            likely,
        )


def check_waits(talk: Conversation, rest: bytes) -> None:
    """Raise Red unless the server waits for rest, which is then sent."""
    if talk.take(PAUSE_SECONDS):
        raise Red(
            f"It did not wait {PAUSE_SECONDS} s for the rest.",
            talk,
            "200, once the rest has been sent",
            PAUSED,
        )
    talk.send(rest)


def chunked_request(fields: bytes, content: bytes = CHUNKS, version: bytes = b"HTTP/1.1") -> bytes:
    """Return a request with those fields and chunks."""
    return b"POST /form " + version + b"\r\n" + HOST + fields + b"\r\n" + content


def check_not_smuggled(server: Server, fields: bytes, permitted: set[int]) -> None:
    """Raise Red if what follows a refused head, and may be its content, is answered."""
    smuggled = b"GET /smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
    head = b"POST / HTTP/1.1\r\n" + HOST + fields + b"\r\n"
    with ask(server, head + smuggled, half_close=True) as talk:
        if closed_unanswered(talk):
            return
        response = expect(talk, permitted, sent_mark=fields)
        talk.reads_end()
        second = talk.response()
        if second and b"/smuggled" in second.content:
            raise Red(
                f"After the {response.status}, what may be content was answered as a request.",
                talk,
                "a refusal, and then the end of the connection",
                "Nobody can say how long a refused request is, so close the connection: "
                "otherwise its content is read as the next request (RFC 9112 §11.2, smuggling).",
                got_mark=(second.start, second.start + 12),
            )


def check_heard(
    talk: Conversation, pieces: list[bytes], likely: str, permitted: set[int] = TOO_LONG
) -> None:
    """Send pieces without a look at what comes back; raise Red unless a refusal is heard."""
    before = time.time()
    for piece in pieces:
        talk.send(piece, listening=False)
    broken = talk.ended == "reset"  # a send failed
    talk.ended = ""
    if closed_unanswered(talk):
        return
    words = "413, 414 or 431 (or 400), whole, without a reset; or the end of the connection"
    response = expect(
        talk,
        permitted,
        words=words,
        likely={"silent": likely, "accepted": likely, "short": DESTROYED},
    )
    if broken or (response.closes and talk.reads_end() == "reset"):
        talk.ended = "reset"
        raise Red(
            "The connection was reset under a client that was sending.", talk, words, DESTROYED
        )
    check_refusal(talk, response, before)
