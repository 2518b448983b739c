"""Run a Python server unchanged in a world that is slightly worse, on demand.

python meddle.py WHAT PATH SCRIPT [ARGUMENT ...]

no-fork: while the file PATH exists, os.fork() fails, with the error that it names (EAGAIN).
print: each accept() is followed by a line in stdout's buffer, as a log would put there.
atexit: a line is to be printed at the end, as a library that cleans up might register.
no-os-fork: os.fork is missing, as on Windows.
"""

import atexit
import errno
import os
import runpy
import socket
import sys
from typing import Any


def let_fork_fail(path: str) -> None:
    """Let os.fork() raise an OSError while there is a file at path, as at the limit."""
    fork = os.fork

    def fork_or_not() -> int:
        if os.path.exists(path):
            with open(path, encoding="ascii") as file:
                number = getattr(errno, file.read().strip() or "EAGAIN")
            raise OSError(number, os.strerror(number))  # Python makes it BlockingIOError if due
        return fork()

    os.fork = fork_or_not


def print_after_accept() -> None:
    """Let each accept() leave a line in the buffer of stdout."""
    accept = socket.socket.accept

    def accept_and_print(listener: socket.socket) -> tuple[socket.socket, Any]:
        accepted = accept(listener)
        sys.stdout.write(f"<accepted {accepted[1][1]}>\n")
        return accepted

    # For every socket of the server, whoever made it: the class itself is changed.
    socket.socket.accept = accept_and_print  # type: ignore[method-assign, assignment]


what, path, script = sys.argv[1:4]
sys.argv = sys.argv[3:]
sys.path[0] = os.path.dirname(os.path.abspath(script))
if what == "no-fork":
    let_fork_fail(path)
elif what == "print":
    print_after_accept()
elif what == "atexit":
    atexit.register(print, f"<the end of {os.getpid()}>")
else:
    del os.fork
runpy.run_path(script, run_name="__main__")
