"""Run a server unchanged, and write down when os.fork, os._exit and os.waitpid do their work.

    python -m notebooks.programs.record_processes RECORD SERVER.py [ARGUMENT ...]

The file RECORD gets a line for each: what, of which process, and when, on the clock that all
processes of a machine share. "exit 4711 103.25"
"""

import os
import runpy
import sys
import time
from typing import NoReturn


def record(path: str) -> None:
    """Put a function that records in front of each of the three."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    fork, end_process, wait = os.fork, os._exit, os.waitpid

    def write(event: str, pid: int, moment: float) -> None:
        # In one piece, since the children write to the same file.
        os.write(file, f"{event} {pid} {moment}\n".encode())

    def recorded_fork() -> int:
        begun = time.monotonic()
        if pid := fork():  # parent
            write("fork", pid, begun)
        return pid

    def recorded_exit(status: int) -> NoReturn:
        write("exit", os.getpid(), time.monotonic())
        end_process(status)

    def recorded_wait(pid: int, options: int, /) -> tuple[int, int]:
        found, status = wait(pid, options)
        if found:
            write("reap", found, time.monotonic())
        return found, status

    os.fork, os._exit, os.waitpid = recorded_fork, recorded_exit, recorded_wait


def main() -> None:
    """Record from here on, and become the server, which finds its own arguments and folder."""
    record(sys.argv[1])
    sys.argv = sys.argv[2:]
    sys.path[0] = os.path.dirname(sys.argv[0])
    runpy.run_path(sys.argv[0], run_name="__main__")


if __name__ == "__main__":
    main()
