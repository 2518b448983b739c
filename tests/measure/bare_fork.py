"""The least that a server can do that forks: a fixed answer to everyone, for tests/measure/cost.py.

    python -m tests.measure.bare_fork MODULE:CALLABLE PORT

It imports what part 3 imports, and the application too, for a fork costs more in a larger process.
"""

import importlib
import os
import signal
import socket
import sys

from tests.parts import PARTS


def reap(signum: int, frame: object) -> None:
    """Reap every child that has ended."""
    try:
        while os.waitpid(-1, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        pass


def main() -> None:
    """Answer on the port, for ever."""
    importlib.import_module(f"{PARTS[3].folder}.server")
    importlib.import_module(sys.argv[1].partition(":")[0])
    signal.signal(signal.SIGCHLD, reap)
    listener = socket.create_server(("127.0.0.1", int(sys.argv[2])), backlog=128)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:  # child
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
            os._exit(0)
        connection.close()  # parent


if __name__ == "__main__":
    main()
