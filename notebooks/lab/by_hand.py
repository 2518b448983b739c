"""For notebook 2: a server's functions at one end of a connection, and we at the other."""

import contextlib
import io
import socket
from collections.abc import Callable
from typing import Any, TypeVar

Returned = TypeVar("Returned")


def catch(function: Callable[..., Returned], *arguments: Any) -> tuple[Returned, bytes, str]:
    """Call function(connection, ...) at one end of a connection, for an answer of some kilobytes.

    Returns (what it returned, the octets that came out at the other end, the last line it
    wrote to stderr).
    """
    client, connection = socket.socketpair()
    with client, contextlib.redirect_stderr(io.StringIO()) as errors:
        with connection:
            returned = function(connection, *arguments)
        octets = b"".join(iter(lambda: client.recv(65536), b""))
    return returned, octets, (errors.getvalue().splitlines() or [""])[-1]


def call_without_client(function: Callable[..., Returned], *arguments: Any) -> Returned:
    """Call function(connection, ...) at one end of a connection whose other end is closed."""
    client, connection = socket.socketpair()
    client.close()
    with connection:
        return function(connection, *arguments)


def octets_waiting(client: socket.socket) -> bytes:
    """Return the octets that have come to client and are not yet read; b"" if none have."""
    client.setblocking(False)
    try:
        return client.recv(65536)
    except BlockingIOError:
        return b""
