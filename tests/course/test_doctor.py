"""The doctor: a line for each thing, advice where it is not well, and an exit status."""

import os
import socket
import subprocess
import sys

from tests.board import ROOT

DOCTOR = str(ROOT / "tests" / "doctor.py")


def consult(**environment: str) -> subprocess.CompletedProcess:
    """Return the ended run of the doctor."""
    return subprocess.run(
        [sys.executable, DOCTOR],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_machine_that_runs_this_is_well_enough():
    ended = consult()
    assert ended.returncode == 0, ended.stdout
    assert "The course can run here" in ended.stdout
    assert len(ended.stdout.splitlines()) == 12
    assert max(map(len, ended.stdout.splitlines())) <= 100


def test_who_holds_the_port_is_named():
    with socket.socket() as holder:
        try:
            holder.bind(("127.0.0.1", 8888))
            holder.listen()
        except OSError:
            pass  # somebody else does, which is as good
        ended = consult()
    line = next(line for line in ended.stdout.splitlines() if "port 8888" in line)
    assert line.startswith("  --  port 8888  is taken by ") and "PORT=8889" in line
    assert ended.returncode == 0


def test_missing_tools_are_named_with_their_packages(tmp_path):
    ended = consult(PATH=str(tmp_path))
    line = next(line for line in ended.stdout.splitlines() if " tools " in line)
    assert "curl" in line and "netcat-openbsd" in line
