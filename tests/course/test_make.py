"""What make does where things are not as they should be, and what it never touches."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.checker.advice import next_function
from tests.checker.conversation import ask
from tests.checker.expect import expect
from tests.checker.server import Server
from tests.checker.target import Target, why_unreadable
from tests.course.selfcheck import copy_course, without_forms, without_ids
from tests.parts import PARTS, ROOT, name_parts
from tests.tools.gallery import gallery
from tests.tools.progress import in_order_of_place
from tests.tools.quiz import NO_RIDDLES, riddles

SECONDS = 120.0  # a deadline, not an expectation
NAME = 'my course\'s "ü" 100%$HOME [1]'  # of a folder
BREAKS_OUT = "a'; touch x; '\"; touch x; \"$(touch x)`touch x`"
REQUIREMENTS = ROOT / "tests" / "requirements"
# What a make that runs these tests hands down: MAKEFLAGS, and the names that the Makefile exports.
EXPORTED = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "FULL", "HOST", "PORT", "PYTHON"}
EXPORTED |= {"ALL", "APP", "CLAUSE", "COUNT", "FORCE", "LEVEL", "M", "PART", "SEED", "SERVER"}
EXPORTED |= {"TELL"}
SETS = sorted(path.stem for path in REQUIREMENTS.glob("*.in"))


@pytest.fixture
def clone(tmp_path):
    """The course without .venv."""
    return copy_course(tmp_path)


@pytest.fixture(scope="module")
def odd_folder(tmp_path_factory):
    """The course in a folder with a name, and with our .venv, from which nothing is missing."""
    folder = copy_course(tmp_path_factory.mktemp("odd") / NAME)
    (folder / ".venv").mkdir()
    for path in Path(sys.prefix).iterdir():
        if path.suffix != ".done":
            (folder / ".venv" / path.name).symlink_to(path)
    for name in SETS:
        shutil.copy(REQUIREMENTS / f"{name}.txt", folder / ".venv" / f"{name}.done")
    return folder


def make(
    folder: Path, *words: str, cwd: str | Path | None = None, input: str = "", **environment: str
) -> subprocess.CompletedProcess:
    """Return the ended run of make in folder; its output is text."""
    inherited = {key: value for key, value in os.environ.items() if key not in EXPORTED}
    return subprocess.run(
        ["make", "-C", str(folder), "--no-print-directory", *words],
        env=inherited | environment,
        cwd=cwd or folder,
        input=input,
        capture_output=True,
        encoding="utf-8",
        timeout=SECONDS,
    )


def for_make(text: str) -> str:
    """Return text as a value that make takes to the letter."""
    return text.replace("$", "$$")


def fake_python(folder, script: str) -> str:
    """Write a shell script that stands for an interpreter; return its path, for make."""
    path = folder / "fake-python"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return for_make(str(path))


def serve(folder: Path, *words: str) -> Server:
    """Return a server that make starts in folder."""
    command = ["make", "-C", str(folder), *words, "PORT={port}"]
    return Server(Target(f"make {words[0]}", command, by_path=False))


PLAIN = b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
OUR_PYTHON = f"PYTHON={for_make(sys.executable)}"


def test_a_bare_make_lists_the_targets(clone):
    ended = make(clone)
    assert ended.returncode == 0
    assert re.search(r"^  serve-part1 +part 1 on http", ended.stdout, re.MULTILINE)
    columns = {re.match(r"  \S+ +", line).end() for line in ended.stdout.splitlines()[1:]}
    assert len(columns) == 1 and max(map(len, ended.stdout.splitlines())) <= 80, ended.stdout


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
        clone,
        f'case "$2" in *ensurepip*) exit 1;; *) exec {shlex.quote(sys.executable)} "$@";; esac',
    )
    ended = make(clone, "test-part1", f"PYTHON={bare}")
    assert ended.returncode != 0
    assert "apt install python3-venv" in ended.stderr
    assert not (clone / ".venv").exists()


def test_serving_installs_nothing(clone):
    with serve(clone, "serve-part1", OUR_PYTHON) as served, ask(served, PLAIN) as talk:
        expect(talk, {200})
    assert not (clone / ".venv").exists()


def test_the_readers_own_server_is_served_once_there_is_one(clone):
    (clone / "part1_single" / "mine.py").write_text("print('mine')\n", encoding="utf-8")
    ended = make(clone, "serve-part1", OUR_PYTHON)
    assert ended.stdout == "mine\n"


# ---- .venv -------------------------------------------------------------------------------


def pins(path: Path) -> dict[str, str]:
    """Return the version of each package that a file of requirements names."""
    return dict(re.findall(r"^([\w.-]+)==(\S+)", path.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_pinned_with_hashes_to_what_all_takes(name):
    text = (REQUIREMENTS / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.split(r"\n(?=\S)", text.partition("make requirements\n")[2])
    assert entries and all("==" in entry and "--hash=sha256:" in entry for entry in entries)
    assert "://" not in text
    every, found = pins(REQUIREMENTS / "all.txt"), pins(REQUIREMENTS / f"{name}.txt")
    assert {each: every.get(each, version) for each, version in found.items()} == found
    wanted = (REQUIREMENTS / f"{name}.in").read_text(encoding="utf-8")
    assert set(re.findall(r"^[a-z][\w-]*", wanted, re.MULTILINE)) <= set(found)


def venv_of(folder: Path, script: str) -> None:
    """Let .venv/bin/python be a shell script that answers python -m pip with script."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    python = folder / ".venv" / "bin" / "python"
    python.write_text(f'#!/bin/sh\ncase "$2" in pip) {script};; esac\n', encoding="utf-8")
    python.chmod(0o755)


def test_where_pip_fails_it_is_told_in_a_sentence_and_asked_again(clone):
    venv_of(clone, "echo no route to host >&2; exit 1")
    done = clone / ".venv" / "check.done"
    done.write_text("of another day\n", encoding="utf-8")
    for _ in range(2):
        ended = make(clone, "test-part1")
        assert ended.returncode != 0 and "no route to host" in ended.stderr
        assert "pip could not install tests/requirements/check.txt" in ended.stderr
        assert not done.exists()


def test_what_came_with_the_set_of_all_is_not_installed_again(clone):
    venv_of(clone, "echo installing >&2; exit 1")
    shutil.copy(REQUIREMENTS / "all.txt", clone / ".venv" / "all.done")
    for target in ("test-part1", "watch-part2", "test"):
        assert make(clone, target).returncode == 0
    assert "pip could not install tests/requirements/lint.txt" in make(clone, "lint").stderr


# ---- what the reader types ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("hint CLAUSE", "There is no clause"),
        ("hint CLAUSE=H01 LEVEL", "LEVEL is 1 (a question), 2"),
        ("diff-mine PART", f"PART is {name_parts()}."),
        ("quiz PART", f"For which part? make quiz PART={name_parts()}."),
        ("quiz PART=1 PORT", "PORT is a number from 0 to 65535"),
        ("doctor PORT", "PORT is a number from 0 to 65535"),
        ("serve-part1 PORT", "--port takes a number from 0 to 65535"),
        ("serve-part1 HOST", "Cannot listen on"),
        ("serve-part2 APP", "MODULE:CALLABLE"),
        ("broken M", "There is no mistake"),
        ("broken M=part1/H07_one_recv PORT", "PORT is a number from 0 to 65535"),
        ("test-part1 CLAUSE", "There is no clause"),
        ("test-part1 SERVER", "SERVER must say where the port goes"),
        ("watch-part1 SERVER", "There is no file"),
        ("fuzz COUNT", "argument --count: invalid int value"),
        ("fuzz PART", "argument --part: invalid"),
        ("fuzz SEED", "argument --seed: invalid int value"),
        ("fuzz SERVER", "SERVER must say where the port goes"),
        ("test-part1 PYTHON", "There is no a'; touch x"),
    ],
    ids=without_ids,
)
def test_no_sign_in_a_value_breaks_out_of_it(odd_folder, words, sentence):
    ended = make(odd_folder, *f"{words}={for_make(BREAKS_OUT)}".split(" ", words.count(" ")))
    assert ended.returncode != 0
    assert sentence in ended.stderr + ended.stdout and "Traceback" not in ended.stderr
    assert not (odd_folder / "x").exists()


def test_a_quote_that_does_not_end_is_told_in_a_sentence(odd_folder):
    ended = make(odd_folder, "test-part1", "SERVER=python3 'my.py --port {port}")
    assert ended.returncode != 0 and "SERVER has a quote that does not end" in ended.stderr


def test_the_environment_has_no_say(clone):
    python = fake_python(clone, 'case "$1" in -c) ;; *) echo "$@";; esac')
    said = {"HOST": "0.0.0.0", "PORT": "1", "PART": "3", "ALL": "1", "APP": "x:y", "LEVEL": "3"}
    served = make(clone, "serve-part1", f"PYTHON={python}", **said)
    assert served.stdout == "part1_single/server.py --host 127.0.0.1 --port 8888\n"
    hint = make(clone, "hint", "CLAUSE=H07", OUR_PYTHON, **said)
    assert hint.stdout.startswith("H07, hint 1 of 3")
    assert "no part1_single/mine.py yet" in make(clone, "diff-mine", OUR_PYTHON, **said).stderr


# ---- a folder with a name, a terminal without signs, a file from elsewhere -----------------

COMMANDS = {
    "test-part1 CLAUSE=H01,H26": "part1_single/server.py keeps 2 of 2 clauses of the contract",
    "test-part2 CLAUSE=H01,W01": "part2_wsgi/server.py keeps 2 of 2 clauses of the contract",
    "test-part3 CLAUSE=H01,P10": "part3_forking/server.py keeps 2 of 2 clauses of the contract",
    "hint CLAUSE=P09 LEVEL=3": "P09, hint 3 of 3",
    "broken M=part3/P03_reap_once": "The broken server is build/part3/P03_reap_once.py",
    "broken M=part3/P03_reap_once TELL=1": "-        while os.waitpid(-1, os.WNOHANG)",
    "broken M=part3/P03_reap_once PORT=9000": "waterfall:app --port 9000\n",
    "mistakes": "make broken M=part3/NAME",
    "diff-part2": "From part1_single/server.py to part2_wsgi/server.py",
    "diff-part3": "From part2_wsgi/server.py to part3_forking/server.py",
    "diff-part4": "From part3_forking/server.py to part4_workers/server.py",
    "fuzz COUNT=200": "The server serves on",
    "doctor PORT=0": "The course can run here",
    "help": "serve-part1",
}


@pytest.mark.parametrize("words", COMMANDS, ids=without_ids)
def test_the_name_of_the_folder_does_not_matter(odd_folder, words):
    ended = make(odd_folder, *words.split(), cwd="/")
    assert ended.returncode == 0 and COMMANDS[words] in ended.stdout, ended.stdout + ended.stderr


@pytest.mark.parametrize(
    "words", [*(f"serve-part{part}" for part in PARTS), "quiz PART=1", "quiz PART=4"]
)
def test_the_name_of_the_folder_does_not_matter_to_a_server(odd_folder, words):
    with serve(odd_folder, *words.split()) as served, ask(served, PLAIN) as talk:
        assert talk.response()


def test_a_quiz_asks_only_for_what_its_server_shows():
    assert {one.name for one in gallery().values()} >= NO_RIDDLES
    for part in PARTS:
        asked = riddles(part)
        assert len(asked) >= 10
        assert not [one.id for one in asked if one.caught_by == "L23"]  # it takes --user


def test_the_name_of_the_folder_does_not_matter_to_the_readers_own(tmp_path, odd_folder):
    folder = tmp_path / NAME
    shutil.copytree(odd_folder, folder, symlinks=True)
    assert "is yours" in make(folder, "start-part1").stdout
    assert "+ the finished server's" in make(folder, "diff-mine").stdout
    assert "write format_head (H02)" in make(folder, "progress").stdout
    watched = make(folder, "watch-part1", "CLAUSE=H02", input="q\n")
    assert "Watching mine.py" in watched.stdout, watched.stdout + watched.stderr
    assert "write format_head: H02 needs it" in watched.stdout


def test_progress_installs_what_the_begun_parts_need(clone):
    assert "venv.sh check " in make(clone, "-n", "progress").stdout
    for part, needs in ((1, "check"), (2, "flask")):
        (clone / PARTS[part].folder / "mine.py").touch()
        assert f"venv.sh {needs} " in make(clone, "-n", "progress").stdout


@pytest.mark.parametrize(
    ("begun", "order"), [([], [1, 2, 3]), ([2], [2, 3, 1]), ([1, 3], [3, 1, 2])], ids=str
)
def test_progress_names_the_step_where_the_reader_is(begun, order):
    assert [part for part in in_order_of_place(begun) if part <= 3] == order


def test_a_server_of_any_name_can_be_checked_and_again(odd_folder):
    path = odd_folder / "part1_single" / "it's $HOME.py"
    shutil.copy(odd_folder / "part1_single" / "naive.py", path)
    ended = make(odd_folder, "test-part1", "SERVER=part1_single/it's $$HOME.py", "CLAUSE=H02")
    command = re.search(r"^  again +(make .+)$", ended.stdout, re.MULTILINE)[1]
    assert "H02 RED" in ended.stdout
    again = make(odd_folder, *shlex.split(command)[1:])
    boards = [without_forms(run.stdout).rpartition(" in ")[0] for run in (ended, again)]
    assert boards[0] and boards[0] == boards[1]


POOR = pytest.mark.parametrize(  # terminals
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "POSIX", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
    ],
    ids=lambda environment: " ".join(map("=".join, environment.items())),
)


@POOR
@pytest.mark.parametrize(
    "words",
    [
        "diff-part2",
        "hint CLAUSE=H08 LEVEL=2",
        "broken M=part2/W02_query_decoded",
        "diff-mine",
        "doctor PORT=0",
    ],
    ids=without_ids,
)
def test_a_terminal_of_few_signs_is_printed_to(odd_folder, words, environment):
    ended = make(odd_folder, *words.split(), **environment)
    missing = words == "diff-mine" and "There is no part1_single/mine.py yet" in ended.stderr
    assert ended.returncode == 0 or missing, ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.fixture(scope="module")
def curly(tmp_path_factory, odd_folder):
    """The course with a mine.py in which an editor has put quotes that Python does not know."""
    folder = tmp_path_factory.mktemp("curly") / "course"
    shutil.copytree(odd_folder, folder, symlinks=True)
    (folder / "part1_single" / "mine.py").write_text("x = “a”\n", encoding="utf-8")
    return folder


@POOR
@pytest.mark.parametrize("words", ["progress", "watch-part1"])
def test_a_terminal_of_few_signs_is_told_of_a_file_that_does_not_parse(curly, words, environment):
    ended = make(curly, *words.split(), input="q\n", **environment)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    assert "mine.py does not parse in line 1" in ended.stdout


def write_as_windows(text: str, path: Path) -> None:
    """Write what an editor on Windows makes of text: a BOM, and CR LF."""
    path.write_bytes(b"\xef\xbb\xbf" + text.encode().replace(b"\n", b"\r\n"))


def test_a_file_from_windows_is_checked_and_compared(clone, odd_folder):
    (clone / ".venv").symlink_to(odd_folder / ".venv")
    write_as_windows(PARTS[1].server.read_text("utf-8"), clone / "part1_single" / "mine.py")
    ended = make(clone, "test-part1", "CLAUSE=H01")
    assert "part1_single/mine.py keeps 1 of 1 clause" in ended.stdout
    assert "is identical to the finished server" in make(clone, "diff-mine").stdout


def test_a_file_from_windows_is_advised_on(tmp_path):
    path = tmp_path / "mine.py"
    write_as_windows("def format_head():\n    pass  # unwritten: H02\n", path)
    assert str(next_function(path, 1, "H02")) == "write format_head: H02 needs it."


def test_a_file_that_python_warns_about_can_be_run_all_the_same(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text('DIGITS = "\\d"\n', encoding="utf-8")
    assert why_unreadable(path) == ""
