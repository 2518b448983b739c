"""What the self-check tells a reader whose server is wrong, in each way that it can be."""

import re
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

from tests.checker.board import name_red
from tests.checker.clauses import CLAUSES
from tests.checker.target import choose_target
from tests.course.selfcheck import (
    FINISHED,
    KEPT_BY_NAIVE,
    NAIVE,
    change,
    copy_course,
    run_check,
)
from tests.parts import PARTS, ROOT
from tests.stages import STAGES
from tests.tools.check import words_of_check

PART1 = [id for id in CLAUSES if id[0] in PARTS[1].letters]
BROKEN_BY_NAIVE = [id for id in PART1 if id not in KEPT_BY_NAIVE]
LISTEN = """\
import socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[-1])))
listener.listen(128)
while True:
    connection, _ = listener.accept()
"""


@pytest.fixture
def program(tmp_path):
    """Write a program; return its path."""

    def write(text: str) -> str:
        path = tmp_path / "program.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture(scope="module")
def naive():
    """The ended self-check of the naive server."""
    return run_check(1, "--server", NAIVE)


def test_the_naive_server_keeps_these_clauses_by_luck_and_breaks_the_others(naive):
    assert naive.status != 0
    assert set(naive.outcomes) - naive.red == set(KEPT_BY_NAIVE), "KEPT_BY_NAIVE in selfcheck.py"


def test_a_red_board_explains_the_first_clause_and_names_the_others(naive):
    said = naive.stdout
    for label in ("asked", "sent", "permitted", "got", "likely", "read", "again"):
        assert said.count(f"\n  {label} ") == 1, label
    assert "H02  CRLF ends each line" in said and "^" in said
    assert "make test-part1 CLAUSE=H02 SERVER=part1_single/naive.py" in said
    others = [id for id in STAGES[1][1].clauses if id != "H02"]
    later = [id for one in STAGES[1][2:] for id in one.clauses if id not in KEPT_BY_NAIVE]
    named = f"{', '.join(later[:5])} and {len(later) - 5} more"
    also = f"Also red: {', '.join(others)}; in other stages {named} (ALL=1"
    assert also in " ".join(said.split())
    assert f"keeps {len(KEPT_BY_NAIVE)} of {len(PART1)} clauses" in said


@pytest.mark.parametrize(
    ("near", "far", "words"),
    [
        (["H08"], [], "H08"),
        ([], ["H10"], "in other stages H10"),
        (["H08"], ["H10", "H13"], "H08; in other stages H10, H13"),
        ([], [*"ABCDEF"], "in other stages A, B, C, D, E and 1 more"),
    ],
    ids=["near", "one-elsewhere", "both", "many"],
)
def test_what_is_red_in_other_stages_is_named_up_to_five(near, far, words):
    assert name_red(near, far) == words


def test_every_diagnosis_is_complete_and_fits_in_80_columns():
    said = run_check(1, "--server", NAIVE, "--all").stdout
    for label in ("asked", "permitted", "got", "likely", "read", "hint", "again"):
        assert said.count(f"\n  {label} ") == len(BROKEN_BY_NAIVE), label
    assert [line for line in said.splitlines() if len(line) > 80] == []
    assert "Traceback" not in said and "\x1b" not in said


def run_pytest(*words: str) -> subprocess.CompletedProcess:
    """Return the ended run of plain pytest."""
    command = [sys.executable, "-m", "pytest", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)


def test_plain_pytest_gives_the_same_diagnosis():
    ended = run_pytest("--part=1", "--server", NAIVE, "-k", "H02", "tests/contract")
    assert ended.returncode != 0
    assert "Not every line ends in CRLF." in ended.stdout
    assert "python -m pytest tests -k H02 --part 1 --server part1_single/naive.py" in ended.stdout
    assert re.search(r"^  H02 RED", ended.stdout, re.MULTILINE)


def test_plain_pytest_prints_whole_rows():
    ended = run_pytest("--part=1", "--finished", "-k", "H01", "tests/contract")
    assert ended.returncode == 0
    row = rf"^  H01 ok  {re.escape(CLAUSES['H01'].title)} +\S"
    assert re.search(row, ended.stdout, re.MULTILINE), ended.stdout


def test_plain_pytest_finds_nothing_but_the_clause_by_its_id():
    ended = run_pytest("--collect-only", "--quiet", "-k", " or ".join(CLAUSES), "tests")
    found = [line for line in ended.stdout.splitlines() if "::" in line]
    assert found and [line for line in found if not line.startswith("tests/contract/")] == []


def test_the_finished_server_is_green_and_the_exit_status_says_so():
    ended = run_check(1, "--finished", "--clause", "H01,h07")
    assert ended.status == 0
    assert ended.outcomes == {"H01": "kept", "H07": "kept"}
    assert "keeps 2 of 2 clauses" in ended.stdout


def test_a_server_that_dies_at_start_is_reported_once_with_its_own_words(program):
    ended = run_check(1, "--server", program("import scket\n"))
    assert ended.status != 0
    assert ended.stdout.count("No module named 'scket'") == 1
    assert "program.py, line 1" in ended.stdout and "Traceback" not in ended.stdout
    assert list(ended.outcomes.values()) == ["broken"] + ["not run"] * (len(PART1) - 1)
    assert "could not be checked" in ended.stdout


def test_a_server_that_never_answers_is_told_so_once(program):
    ended = run_check(1, "--server", program(LISTEN + "    time.sleep(60)\n"))
    assert ended.status != 0
    assert "The plainest request got no answer" in ended.stdout
    assert list(ended.outcomes.values()) == ["broken"] + ["not run"] * (len(PART1) - 1)


def test_a_server_that_listens_elsewhere_is_told_where(program):
    elsewhere = LISTEN.replace("int(sys.argv[-1])", "0") + "    time.sleep(60)\n"
    said = run_check(1, "--server", program(elsewhere)).stdout
    assert "It was asked to listen on port" in said and "it listens on" in said


@pytest.mark.parametrize("how", ["os._exit(3)", "time.sleep(600)"], ids=["dies", "hangs"])
def test_a_server_that_fails_later_loses_only_the_clause_at_hand(tmp_path, how):
    path = change(
        tmp_path / "later.py",
        ("import argparse", "import os\nimport argparse"),
        ('    if method == b"CONNECT":\n', f'    if method == b"CONNECT":\n        {how}\n'),
    )
    ended = run_check(1, "--server", path)
    assert ended.red == {"H16"}
    assert ("exit status 3" in ended.stdout) == ("_exit" in how)


def test_stderr_of_a_death_stands_in_the_diagnosis(tmp_path):
    old, new = "        if not octets:\n", "        if not octets:\n            [][0]\n"
    path = change(tmp_path / "index.py", (old + "            raise", new + "            raise"))
    said = " ".join(run_check(1, "--server", path, "--clause", "H24").stdout.split())
    assert "IndexError: list index out of range (index.py, line" in said
    assert "in more)" in said and "has ended, with exit status 1" in said
    assert "likely IndexError was raised (index.py, line" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--server", "no-such.py"], "There is no file no-such.py"),
        (["--server", "python3 my.py"], "SERVER must say where the port goes"),
        (["--server", "no-such-command {port}"], "There is no command no-such-command"),
        (["--clause", "H99"], "There is no clause H99"),
        (["--clause", ","], "CLAUSE names no clause"),
        (["--json", "no-such-folder/x.json"], "can't be written to no-such-folder/x.json"),
        (["--json", "tests"], "can't be written to tests"),
    ],
    ids=["no-file", "no-port", "no-command", "no-clause", "comma", "no-folder", "folder"],
)
def test_a_wrong_request_to_the_check_is_told_in_a_sentence(options, sentence):
    ended = run_check(1, *options)
    assert ended.status == 2 and ended.result is None
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr + ended.stdout


def test_a_test_file_that_cannot_be_read_is_named_with_the_reason(tmp_path):
    copy_course(tmp_path)
    path = tmp_path / "tests" / "contract" / "test_unreadable.py"
    path.write_text("import no_such_module_anywhere\n", encoding="utf-8")
    run = run_check(1, root=tmp_path)
    assert run.status == 3
    assert "test_unreadable.py" in run.stdout
    assert "No module named 'no_such_module_anywhere'" in run.stdout


def test_ctrl_c_ends_the_check_with_the_status_that_shells_give_it():
    words = words_of_check(1, "--contract", "--finished")
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child may inherit SIG_IGN
    try:
        run = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    finally:
        signal.signal(signal.SIGINT, before)
    with run:
        assert run.stdout
        next(line for line in run.stdout if line.startswith("  H01 ok"))
        run.send_signal(signal.SIGINT)
        run.stdout.read()
    assert run.returncode == 130


def test_the_tests_of_the_course_can_be_chosen_by_name():
    def ended(name: str) -> subprocess.CompletedProcess:
        words = ["-m", "tests.course", "gallery", "--only", name]
        return subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True)

    one = ended("every_file_that_a_head_names")
    assert one.returncode == 0 and "1 passed" in one.stdout
    assert ended("no_test_of_that_name").returncode == 2


def test_any_command_with_a_port_can_be_the_target():
    command = f"{shlex.quote(str(FINISHED))} --host {{host}} --port {{port}}"
    ended = run_check(1, "--server", f"python3 {command}", "--clause", "H01,H26")
    assert ended.status == 0, ended.stdout


def test_the_readers_own_server_is_the_target_once_there_is_one(tmp_path):
    copy_course(tmp_path)
    shutil.copy(ROOT / NAIVE, tmp_path / "part1_single" / "mine.py")
    ended = run_check(1, "--clause", "H02", root=tmp_path)
    assert ended.status != 0
    assert ended.stdout.startswith("Checking part1_single/mine.py")
    assert "SERVER=" in ended.stdout.splitlines()[1]
    ended = run_check(1, "--clause", "H02", "--finished", root=tmp_path)
    assert ended.status == 0, ended.stdout
    (tmp_path / "part1_single" / "mine.py").write_text("x = (\n", encoding="utf-8")
    ended = run_check(1, "--clause", "H02", root=tmp_path)
    assert ended.status not in (0, 1)
    assert "part1_single/mine.py does not parse in line 1: '(' was never closed." in ended.stderr


@pytest.mark.parametrize("part", PARTS)
def test_without_the_finished_server_the_readers_own_is_checked(tmp_path, part):
    copy_course(tmp_path)
    folder = tmp_path / PARTS[part].folder
    (folder / "server.py").rename(folder / "mine.py")
    ended = run_check(part, "--clause", "H01", root=tmp_path, whole=True)
    assert ended.status == 0, ended.stdout
    assert ended.stdout.startswith(f"Checking {PARTS[part].folder}/mine.py")
    assert ended.outcomes == {"H01": "kept"}


@pytest.mark.parametrize("options", [[], ["--finished"]], ids=["own", "finished"])
def test_without_any_server_a_sentence_says_what_brings_one(tmp_path, options):
    copy_course(tmp_path)
    (tmp_path / "part1_single" / "server.py").unlink()
    ended = run_check(1, *options, root=tmp_path, whole=True)
    assert ended.status == 2 and "Traceback" not in ended.stdout + ended.stderr
    assert "git checkout part1_single/server.py brings it back" in ended.stderr


def test_another_server_of_that_name_is_not_the_finished_one(tmp_path):
    shutil.copy(FINISHED, tmp_path)
    assert choose_target(1, str(FINISHED)).is_finished
    assert not choose_target(1, str(tmp_path / "server.py")).is_finished
    assert not choose_target(3, str(FINISHED)).is_finished


def test_the_board_shows_the_clauses_of_the_page_in_its_order():
    said = run_check(1, "--finished").stdout
    rows = re.findall(r"^  (\w{3}) ok  (.+?)  +\S", said, re.MULTILINE)
    assert rows == [(id, CLAUSES[id].title) for stage in STAGES[1] for id in stage.clauses]
    headings = re.findall(r"^  (\d [^:\n]+)$", said, re.MULTILINE)
    assert headings == [stage.heading for stage in STAGES[1]]


def test_a_reader_who_has_seen_enough_gets_no_traceback():
    words = words_of_check(1, "--contract", "--server", NAIVE, "--all")
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as run:
        assert run.stdout and run.stderr
        run.stdout.readline()
        run.stdout.close()
        assert b"Traceback" not in run.stderr.read()
    assert run.returncode == 1
