"""The doctor: a line for each thing, advice where it is not well, and an exit status."""

import os
import re
import socket
import subprocess
import sys

from tests.parts import ROOT


def consult(port: int = 0, **environment: str) -> subprocess.CompletedProcess:
    """Return the ended run of the doctor; port 0 is always free."""
    return subprocess.run(
        [sys.executable, "-m", "tests.tools.doctor", str(port)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_machine_that_runs_this_is_well_enough():
    ended = consult()
    assert ended.returncode == 0, ended.stdout
    assert "The course can run here" in ended.stdout
    assert len(re.findall("^  (?:ok|--)  ", ended.stdout, re.MULTILINE)) == 10
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_who_holds_the_port_is_named():
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ended = consult(port)
    words = " ".join(ended.stdout.split())
    assert f"-- port {port} is taken by " in words and f"PORT={port + 1}" in words
    assert f"pid {os.getpid()} (" in words
    assert ended.returncode == 0 and max(map(len, ended.stdout.splitlines())) <= 80


def test_missing_tools_are_named_with_their_packages(tmp_path):
    ended = consult(PATH=str(tmp_path))
    words = " ".join(ended.stdout.split())
    assert re.search(r"-- tools .*curl.*netcat-openbsd", words)
