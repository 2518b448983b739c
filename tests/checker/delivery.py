"""Know when the server under test has read what was sent, so that pieces stay pieces.

Octets sent in a row wait in the kernel and come out of one recv(). A piece counts as
delivered when the kernel holds none of it any more at the server's end.
"""

import re
import socket
import struct
import sys
import time
from collections.abc import Callable
from pathlib import Path

BLIND_SECONDS = 0.02  # for the server to have read a piece, where the kernel does not tell

SOCK_DIAG = 4  # linux/netlink.h: NETLINK_SOCK_DIAG
BY_FAMILY = 20  # linux/sock_diag.h: SOCK_DIAG_BY_FAMILY
REQUEST = 1  # linux/netlink.h: NLM_F_REQUEST
ANY_COOKIE = 0xFFFFFFFF

End = tuple[str, int]  # of a connection: address and port


def count_unread(client: socket.socket) -> int | None:
    """Return how many octets of client's the server has not read yet.

    None where the system does not tell, or the server's end is gone.
    """
    if not sys.platform.startswith("linux"):
        return None
    here, there = client.getsockname()[:2], client.getpeername()[:2]
    try:
        unread = ask_kernel(client.family, there, here)
        unsent = ask_kernel(client.family, here, there)
    except OSError:
        return count_unread_in_proc(here[1], there[1])
    return None if unread is None or unsent is None else unread[0] + unsent[1]


def ask_kernel(family: int, here: End, there: End) -> tuple[int, int] | None:
    """Return (rx_queue, tx_queue) of the TCP socket bound to here and connected to there.

    None if there is no such socket. sock_diag(7): the figures of /proc/net/tcp, for one
    socket and in microseconds. Raises OSError where netlink is closed to us.
    """
    ends = b"".join(socket.inet_pton(family, end[0]).ljust(16, b"\0") for end in (here, there))
    socket_id = struct.pack("!HH", here[1], there[1]) + ends
    socket_id += struct.pack("=III", 0, ANY_COOKIE, ANY_COOKIE)
    body = struct.pack("=BBBBI", family, socket.IPPROTO_TCP, 0, 0, 0xFFFFFFFF) + socket_id
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, SOCK_DIAG) as netlink:
        netlink.send(struct.pack("=IHHII", 16 + len(body), BY_FAMILY, REQUEST, 1, 0) + body)
        answer = netlink.recv(8192)
    if struct.unpack_from("=H", answer, 4)[0] != BY_FAMILY:
        return None
    unread, unsent = struct.unpack_from("=II", answer, 16 + 4 + 48 + 4)  # after the id, expires
    return unread, unsent


def count_unread_in_proc(client_port: int, server_port: int) -> int | None:
    """Return the same from /proc/net/tcp and tcp6; None if the server's end is not there."""
    queues = r":%04X \S+:%04X \S+ ([0-9A-F]{8}):([0-9A-F]{8})"
    for name in ("tcp", "tcp6"):
        try:
            table = Path("/proc/net", name).read_text()
        except OSError:
            continue
        if read := re.search(queues % (server_port, client_port), table):
            sent = re.search(queues % (client_port, server_port), table)
            return int(read[2], 16) + (int(sent[1], 16) if sent else 0)
    return None


def wait_until_read(
    client: socket.socket, seconds: float, answered: Callable[[float], bool]
) -> None:
    """Return once the server has read all that client sent.

    Returns early when answered(pause) says that something came back or the connection
    ended; past the deadline, or where nobody can tell, after a pause.
    """
    deadline = time.monotonic() + seconds
    while not answered(0.0002):
        try:
            left = count_unread(client)
        except OSError:
            return  # the connection is gone
        if left == 0:
            return
        if left is None or time.monotonic() > deadline:
            answered(BLIND_SECONDS)
            return
