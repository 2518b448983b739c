"""What `make broken` says to try shows the mistake: the finished server does otherwise. FULL=1."""

import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests.checker.server import free_port
from tests.contract.workers import python_for
from tests.parts import PARTS, ROOT
from tests.tools.gallery import BUILD, Mistake, gallery, serve_command, try_command, write

GALLERY = gallery()
SECONDS = 12.0  # then an attempt is over; some show that nothing comes
DATE = re.compile(r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
# What differs from run to run: pids and ports, durations, a fresh cookie, how curl gets on.
NOISE = [
    (r"(?m)^.*% Total.*\n|^.*Dload.*\n|^ *\d+ .*--:--:--.*$|\r", ""),
    (r"\b\d{4,}\b", "N"),
    (r"\d+ ms", "N ms"),
    (r"session=\S+", "session"),
    (r"0x[0-9a-f]+", "0x"),
]


def shell(command: str, **options) -> subprocess.Popen:
    """Start what a reader types, in a process group of its own."""
    stand_in = f'nc() {{ {shlex.quote(sys.executable)} -m tests.tools.nc "$@"; }}; '
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    return subprocess.Popen(
        ["bash", "-c", command if shutil.which("nc") else stand_in + command],
        cwd=ROOT,
        env=environment,
        start_new_session=True,
        text=True,
        errors="replace",
        **options,
    )


def end(process: subprocess.Popen) -> None:
    """End the process group of process."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def wait_for(port: int) -> None:
    """Return once somebody listens on port. Raises OSError."""
    deadline = time.monotonic() + SECONDS
    while True:
        with socket.socket() as probe:
            # To bind is to look without being a client, whom some of the mistakes remember.
            try:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
                probe.listen()
            except OSError:
                return
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.1)


def try_it(command: str, path) -> str:
    """Return what the second terminal shows, in which nobody types."""
    keyboard, nobody = os.pipe()
    with path.open("w") as file:
        asked = shell(command, stdin=keyboard, stdout=file, stderr=file)
        try:
            asked.wait(SECONDS)
            over = "(over)"
        except subprocess.TimeoutExpired:
            over = "(not over)"
        finally:
            end(asked)
            os.close(keyboard)
            os.close(nobody)
    return f"{path.read_text(errors='replace')}\n{over}"


def outcome(mistake: Mistake, path, folder) -> str:
    """Return what both terminals show, with the server at path."""
    port = free_port("127.0.0.1")
    log = folder / "log"
    with log.open("w") as file:
        server = shell(serve_command(mistake, path, port), stdout=file, stderr=file)
        try:
            wait_for(port)
            shown = try_it(try_command(mistake, path, port), folder / "shown")
            ended = server.poll() is not None
        finally:
            end(server)
    text = f"{shown}\n--\n{log.read_text(errors='replace')}\n{ended}"
    for number, date in enumerate(dict.fromkeys(DATE.findall(text))):
        text = text.replace(date, f"date {number}")
    for pattern, mask in NOISE:
        text = re.sub(pattern, mask, text)
    return text


def may_become_nobody() -> bool:
    """Return whether a server that we start can go on as nobody."""
    return os.geteuid() == 0 and python_for(pwd.getpwnam("nobody").pw_uid) == sys.executable


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("FULL"), reason="takes minutes: FULL=1")
@pytest.mark.parametrize("id", GALLERY)
def test_what_is_to_be_tried_shows_the_mistake(id, tmp_path):
    mistake = GALLERY[id]
    if "--user nobody" in mistake.serve and not may_become_nobody():
        pytest.skip("only root can give up root, and nobody has to be able to read this Python")
    path = write(mistake, BUILD / f"part{mistake.part}" / f"{mistake.name}.py")
    wrong = outcome(mistake, path, tmp_path)
    path.write_bytes(PARTS[mistake.part].server.read_bytes())
    right = outcome(mistake, path, tmp_path)
    path.unlink()
    assert wrong != right, f"both show:\n{right}"
