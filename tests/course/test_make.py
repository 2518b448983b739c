"""What make does on a machine that is not as it should be, and what it never touches."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.target import Target
from tests.parts import ROOT

SECONDS = 120.0  # a deadline, not an expectation


@pytest.fixture
def clone(tmp_path):
    """The course without .venv, as git would check it out."""
    for name in ("tests", "part1_single", "Makefile", "pyproject.toml"):
        if (ROOT / name).is_dir():
            ignore = shutil.ignore_patterns("__pycache__", "mine*.py")
            shutil.copytree(ROOT / name, tmp_path / name, ignore=ignore)
        else:
            shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def make(folder, *words: str) -> subprocess.CompletedProcess:
    """Return the ended run of make in folder; its output is text."""
    inherited = {key: value for key, value in os.environ.items() if not key.startswith("M")}
    return subprocess.run(
        ["make", *words], env=inherited, cwd=folder, capture_output=True, text=True, timeout=SECONDS
    )


def fake_python(folder, script: str) -> str:
    """Write a shell script that stands for an interpreter; return its path."""
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


def test_a_bare_make_lists_the_targets(clone):
    ended = make(clone)
    assert ended.returncode == 0
    assert re.search(r"^  serve-part1 +part 1 on http", ended.stdout, re.MULTILINE)


@pytest.mark.parametrize("target", ["serve-part1", "test-part1"])
def test_an_old_python_is_told_in_a_sentence(clone, target):
    old = fake_python(clone, 'case "$2" in *version_info*2\\]*) echo 3.9;; esac; exit 1')
    ended = make(clone, target, f"PYTHON={old}")
    assert ended.returncode != 0
    assert "Python 3.11 or later" in ended.stderr and "PYTHON=" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_no_python_is_told_in_a_sentence(clone):
    ended = make(clone, "test-part1", "PYTHON=no-such-python")
    assert ended.returncode != 0
    assert "There is no no-such-python here" in ended.stderr


def test_a_missing_venv_is_told_in_a_sentence(clone):
    bare = fake_python(
        clone, f'case "$2" in *ensurepip*) exit 1;; *) exec {sys.executable} "$@";; esac'
    )
    ended = make(clone, "test-part1", f"PYTHON={bare}")
    assert ended.returncode != 0
    assert "apt install python3-venv" in ended.stderr
    assert not (clone / ".venv").exists()


def test_serving_installs_nothing(clone):
    words = ["make", "-C", str(clone), "serve-part1", "PORT={port}", f"PYTHON={sys.executable}"]
    with Server(Target("make serve-part1", words, by_path=False)) as served:
        with ask(served, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") as talk:
            expect(talk, {200})
    assert not (clone / ".venv").exists()


def test_the_readers_own_server_is_served_once_there_is_one(clone):
    (clone / "part1_single" / "mine.py").write_text("print('mine')\n", encoding="utf-8")
    ended = make(clone, "serve-part1", f"PYTHON={sys.executable}")
    assert ended.stdout == "mine\n"
