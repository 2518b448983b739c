"""A part that has been put into the tables, and nowhere else yet: what it lacks is told."""

import re
import shutil
import subprocess
import sys

import pytest

from tests.course.selfcheck import change
from tests.parts import PARTS, ROOT

# As pytest reports it; a diff may show a server that expects it.
RAISED = re.compile(r"^\s*E +(KeyError|FileNotFoundError)\b", re.MULTILINE)


@pytest.mark.slow  # it runs the tests of all pieces, twice
def test_a_part_that_is_only_in_the_tables_is_told_of_in_sentences(tmp_path):
    course = tmp_path / "course"
    ignore = shutil.ignore_patterns(".git", ".venv", "build", "__pycache__", "mine*.py")
    shutil.copytree(ROOT, course, ignore=ignore)
    (course / ".venv").symlink_to(sys.prefix)
    last, line = PARTS[max(PARTS)], f"PART_{max(PARTS)} := "
    number = last.number + 1
    row = f'Part({number}, "part{number}_new", "{last.letters}Q", "app:app", "flask"),\n'
    end_of_table = "    )\n}\nLETTERS"
    for name, old, new in (
        ("tests/parts.py", end_of_table, f"        {row}{end_of_table}"),
        ("Makefile", line, f"PART_{number} := part{number}_new flask app:app\n{line}"),
    ):
        change(course / name, (old, new), source=course / name)
    words = [sys.executable, "-m", "tests.course", "pieces"]
    ended = subprocess.run(words, cwd=course, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    for name in ("server.py", "README.md", "SOLUTIONS.md", "starter.py"):
        assert f"Part {number} has no part{number}_new/{name}" in ended.stdout
    assert not RAISED.search(ended.stdout), ended.stdout
    # With a server, it is compared, and asked for the rest.
    shutil.copytree(last.path, course / f"part{number}_new", ignore=ignore)
    ended = subprocess.run(words, cwd=course, capture_output=True, text=True, timeout=120)
    assert not RAISED.search(ended.stdout), ended.stdout
    options = [f"--server={last.server}", "--clause=H01"]
    words = [sys.executable, "-m", "tests.checker", str(number), *options]
    ended = subprocess.run(words, cwd=course, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stdout + ended.stderr
