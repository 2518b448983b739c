"""What the chapters use nc for, where it is missing: open a connection, send stdin, print the rest.

    alias nc='python3 -m tests.tools.nc'

Like OpenBSD's, it stays until both sides have ended: stdin, and what the server sends.
"""

import argparse
import os
import socket
import sys
import threading

STAND_IN = "alias nc='python3 -m tests.tools.nc'"


def send_stdin(connection: socket.socket, shut_down: bool) -> None:
    """Send all of stdin; then, if asked to, say that no more will follow."""
    try:
        while octets := os.read(sys.stdin.fileno(), 1 << 16):
            connection.sendall(octets)
        if shut_down:
            connection.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # the other side has gone; what it said before is printed all the same


def print_answer(connection: socket.socket) -> bool:
    """Write what comes to stdout; return whether it came to its end."""
    try:
        while octets := connection.recv(1 << 16):
            os.write(sys.stdout.fileno(), octets)
    except OSError:  # a timeout, a reset, or a reader of ours who has gone
        return False
    return True


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(prog="nc", description=__doc__.partition("\n")[0])
    parser.add_argument("-N", action="store_true", help="shut down at the end of stdin")
    parser.add_argument("-w", type=float, metavar="SECONDS", help="leave after such a silence")
    parser.add_argument("-z", action="store_true", help="connect, and leave at once")
    parser.add_argument("host")
    parser.add_argument("port", type=int)
    asked = parser.parse_args()
    try:
        connection = socket.create_connection((asked.host, asked.port), asked.w)
    except OSError as error:
        sys.exit(f"nc: no connection to {asked.host} port {asked.port}: {error.strerror or error}")
    with connection:
        if not asked.z:
            sending = threading.Thread(target=send_stdin, args=(connection, asked.N), daemon=True)
            sending.start()
            if print_answer(connection):
                sending.join()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
