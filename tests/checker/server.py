"""Start any command as a server under test, watch it, and end it.

The server gets a process group of its own, a time zone that is not UTC (so that a Date in
local time shows), and no PYTHONUNBUFFERED (which would hide a missing flush). Its output
goes to files, so that it never waits for us to read.
"""

import contextlib
import errno
import os
import pwd
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, BinaryIO

import psutil

from tests.checker.patience import Patience
from tests.checker.target import Figures, Target, UsageError, search_path
from tests.parts import ROOT

START_SECONDS = 10.0  # until a server listens
LOOK_SECONDS = 0.05  # between two looks at who listens, which take long; sooner if it says so
ELSEWHERE_SECONDS = 3.0  # until a server that listens, but not where it was told to, is given up
STOP_SECONDS = 5.0  # until it has ended after a signal, before SIGKILL
DEATH_SECONDS = 1.5  # from the end of its connections to the end of a process that dies

SAID = b"Serving HTTP on http://"  # what every server of the course prints at its start
LAUNCHER = Path(__file__).with_name("launch.py")
TIME_ZONE = "<+0545>-05:45"  # POSIX form: needs no zone files
HIDES_FAULTS = ("PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE")


class StartFailed(Exception):
    """The server ended or did not listen; str() says what happened, stderr is its own."""

    def __init__(self, what: str, stderr: str = "") -> None:
        super().__init__(what)
        self.stderr = stderr


def target_environment() -> dict[str, str]:
    """Return the environment that every server under test gets."""
    kept = {name: value for name, value in os.environ.items() if name not in HIDES_FAULTS}
    return kept | {"TZ": TIME_ZONE, "PATH": search_path()}


def free_port(host: str) -> int:
    """Return a port that nobody holds, below the range that the kernel hands to clients.

    Nor a connection in TIME_WAIT: a server without SO_REUSEADDR could not listen there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for _ in range(100):
        port = random.randrange(20000, 32000)
        with socket.socket(family) as probe:
            try:
                probe.bind((host, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                continue
            return port
    raise UsageError("No free port was found between 20000 and 32000.")


def listening_ports(process: psutil.Process, descendants: bool) -> set[int]:
    """Return the ports that process, or its descendants too, listen on, without connecting."""
    ports = set()
    try:
        for member in [process, *(process.children(recursive=True) if descendants else [])]:
            for connection in member.net_connections(kind="tcp"):
                if connection.status == psutil.CONN_LISTEN:
                    ports.add(connection.laddr.port)
    except psutil.Error:
        pass  # a process that ended while it was looked at listens no longer
    return ports


class Server:
    """One run of a target: start(), talk to host and port, stop() or kill(), close().

    As a context manager it starts on entry and closes at the end.
    """

    def __init__(
        self,
        target: Target,
        host: str = "127.0.0.1",
        port: int | None = None,
        unbuffered: bool = False,
        pipe: BinaryIO | None = None,
        figures: Figures = Figures(),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        """port is passed to the command as it is; None picks a free one.

        unbuffered lets Python print at once, where what is printed counts, and not when.
        pipe takes what it prints, which output() and errors() then know nothing of. figures fill
        the places that the command has for them; environment is added to what every server gets.
        """
        self.target, self.host, self.asked, self.unbuffered = target, host, port, unbuffered
        self.patience = target.patience or Patience()
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.left: list[int] = []  # groups whose first process ended before others of them
        self.pipe = pipe
        self.figures, self.environment = figures, environment or {}
        self.stdout = tempfile.TemporaryFile()
        self.stderr = tempfile.TemporaryFile()

    def __enter__(self) -> "Server":
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process group, and what is left of earlier ones; forget the output."""
        self.kill()
        for group in self.left:
            signal_group(group)
        self.stdout.close()
        self.stderr.close()

    @property
    def pid(self) -> int:
        """The pid of the process that was launched last."""
        assert self.process is not None, "nothing was launched yet"
        return self.process.pid

    def launch(self, same_port: bool = False) -> None:
        """Start the command in a process group of its own; do not wait for anything."""
        if self.process and signal_group(self.process.pid, 0):
            self.left.append(self.process.pid)
        if not same_port:
            self.port = free_port(self.host) if self.asked is None else self.asked
        values = {"{host}": self.host, "{port}": str(self.port), "{app}": self.target.app}
        values |= {f"{{{name}}}": str(value) for name, value in self.figures._asdict().items()}
        values["{user}"] = self.figures.user or pwd.getpwuid(os.geteuid()).pw_name
        words = list(self.target.words)
        for name, value in values.items():
            words = [word.replace(name, value) for word in words]
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-S", str(LAUNCHER), *words],
            stdin=subprocess.DEVNULL,
            stdout=self.pipe or self.stdout,
            stderr=self.pipe or self.stderr,
            env={**target_environment(), **self.environment, **self.unbuffering()},
            cwd=ROOT if self.target.app else None,
            start_new_session=True,
        )

    def unbuffering(self) -> dict[str, str]:
        """Return what lets Python print at once, where that is asked for."""
        return {"PYTHONUNBUFFERED": "1"} if self.unbuffered else {}

    def start(self, same_port: bool = False) -> None:
        """Start the command and wait until it listens; again on same_port if it ran before.

        Raises StartFailed.
        """
        for tries in (3, 2, 1):
            self.launch(same_port)
            try:
                self.wait_until_listening()
                return
            except StartFailed as failed:
                self.kill()
                # Somebody else may have drawn the same free port in the same moment.
                taken = "address already in use" in failed.stderr.lower()
                if not taken or same_port or self.asked is not None or tries == 1:
                    raise

    def wait_until_listening(self) -> None:
        """Return once the port is listened on; with port 0, once any is. Raises StartFailed."""
        assert self.process is not None
        watched = psutil.Process(self.pid)
        begun = time.monotonic()
        ports: set[int] = set()
        due = LOOK_SECONDS
        while (elapsed := time.monotonic() - begun) < START_SECONDS:
            if elapsed >= due or SAID in self.output():
                # Most servers listen themselves; to look at every process takes long.
                ports = listening_ports(watched, descendants=elapsed > 0.5)
                due = time.monotonic() - begun + LOOK_SECONDS
            if self.port in ports or (self.port == 0 and ports):
                self.port = self.port or ports.pop()
                return
            if (status := self.process.poll()) is not None:
                raise StartFailed(f"It ended at once, with {describe_exit(status)}.", self.errors())
            if ports and elapsed > ELSEWHERE_SECONDS:
                break
            time.sleep(0.01)
        where = f"it listens on {min(ports)}" if ports else "it listens nowhere"
        raise StartFailed(
            f"It was asked to listen on port {self.port}; after {elapsed:.0f} s {where}.",
            self.errors(),
        )

    def is_alive(self) -> bool:
        """Return whether the process that was started still runs."""
        return self.process is not None and self.process.poll() is None

    def cpu_seconds(self) -> float:
        """Return for how long the process, and those that descend from it, had a processor."""
        used = 0.0
        with contextlib.suppress(psutil.Error):  # one that ended while it was looked at
            first = psutil.Process(self.pid)
            for process in [first, *first.children(recursive=True)]:
                times = process.cpu_times()
                used += times.user + times.system
        return used

    def is_ours(self) -> bool:
        """Return whether the words it says are the contract's business.

        They are for a .py file with the course's command line, and for what prints its line.
        """
        return self.target.by_path or SAID in self.output()

    def stop(self, number: int = signal.SIGTERM) -> int | None:
        """Send a signal to the process and return its exit status; None if it goes on."""
        assert self.process is not None
        if self.is_alive():
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int | None:
        """Return the exit status once the process has ended; None past the deadline."""
        assert self.process is not None
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            return None

    def describe_end(self) -> str:
        """Return how the process ended, as in "exit status 1"; for one that has."""
        assert self.process is not None and self.process.returncode is not None
        return describe_exit(self.process.returncode)

    def ends_soon(self) -> bool:
        """Return whether the process has ended or does so now: a connection goes first."""
        assert self.process is not None
        try:
            self.process.wait(DEATH_SECONDS)
        except subprocess.TimeoutExpired:
            return False
        return True

    def kill(self) -> None:
        """End the process group, whatever is left of it."""
        if self.process is None:
            return
        signal_group(self.process.pid)
        self.process.wait()

    def output(self) -> bytes:
        """Return what it has written to stdout so far."""
        return content_of(self.stdout)

    def wait_for_output(self, wanted: bytes) -> bytes:
        """Return the output once wanted is in it, or what there is past the deadline."""
        deadline = time.monotonic() + START_SECONDS
        while wanted not in self.output() and time.monotonic() < deadline:
            time.sleep(0.01)
        return self.output()

    def error_output(self) -> bytes:
        """Return what it has written to stderr so far."""
        return content_of(self.stderr)

    def errors(self, since: int = 0) -> str:
        """Return the same as text, from the octet since on."""
        return content_of(self.stderr, since).decode("utf-8", "backslashreplace")

    def errors_size(self) -> int:
        """Return how many octets it has written to stderr so far; reads none of them."""
        return os.fstat(self.stderr.fileno()).st_size


def signal_group(group: int, number: int = signal.SIGKILL) -> bool:
    """Send a signal to a process group; return whether there was anybody (0 only looks)."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False  # macOS answers EPERM for a group of zombies
    return True


def content_of(file: IO[bytes], start: int = 0) -> bytes:
    """Return the content of file from start on, and leave the position alone.

    The position is shared with the server, which writes there.
    """
    return os.pread(file.fileno(), max(0, os.fstat(file.fileno()).st_size - start), start)


def describe_exit(status: int) -> str:
    """Return "exit status 1", or "signal SIGSEGV" for a status below zero."""
    return f"exit status {status}" if status >= 0 else f"signal {signal.Signals(-status).name}"
