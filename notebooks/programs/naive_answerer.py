"""Answer with whatever octets the target asks for. Naive on purpose: no server should do this.

    python -m notebooks.programs.naive_answerer

GET /close/48690a is answered with the octets 48 69 0a, and the connection closed; /open/48690a
leaves it open. Any other target is answered with the octets of the request.
"""

import contextlib
import socket

SILENCE_SECONDS = 1.0  # after so much silence a request counts as complete
OPEN_SECONDS = 20.0  # that an open connection waits for its client to close


def target_for(octets: bytes, how: str = "close") -> str:
    """Return the target that is answered with octets."""
    return f"/{how}/{octets.hex()}"


def naive_read(connection: socket.socket) -> bytes:
    """Return a request: a GET ends with its empty line, any other by a second of silence."""
    received = b""
    connection.settimeout(SILENCE_SECONDS)
    with contextlib.suppress(TimeoutError):
        while not (received.startswith(b"GET ") and received.endswith(b"\r\n\r\n")):
            octets = connection.recv(65536)
            if not octets:
                break
            received += octets
    return received


def naive_answer(connection: socket.socket) -> None:
    """Read a request, and send what its target says."""
    received = naive_read(connection)
    how, _, answer = received.split(b" ")[1][1:].partition(b"/")
    echo = b"HTTP/1.1 200 OK\r\n\r\n" + received
    connection.sendall(bytes.fromhex(answer.decode()) if answer else echo)
    if how == b"open":
        connection.settimeout(OPEN_SECONDS)
        connection.recv(1)


def main() -> None:
    """Listen on a free port, say which, and answer one connection after the other."""
    listener = socket.create_server(("127.0.0.1", 0))
    print(f"Serving HTTP on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    while True:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError, IndexError):
            naive_answer(connection)


if __name__ == "__main__":
    main()
