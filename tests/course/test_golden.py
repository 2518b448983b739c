"""The words of telling failures, as the reader sees them: golden/NAME.txt.

GOLDEN=write writes them anew; then read each as a beginner.
"""

import os
import re
from pathlib import Path

import pytest

from tests.course.selfcheck import run_check, without_forms, without_ids
from tests.parts import ROOT
from tests.tools.gallery import gallery, write

FOLDER = Path(__file__).parent / "golden"
TELLING = [
    "part1/H07_one_recv",
    "part1/H02_lf_alone",
    "part1/H20_int_knows_numbers",
    "part1/H21_chunked_is_not_for_us",
    "part1/H05_date_of_the_start",
    "part3/P01_wait_for_child",
    "part3/P03_reap_once",
    "part3/P04_parent_keeps",
    "part3/P08_fork_uncaught",
    "part3/P10_no_flush_child",
    "part4/L03_not_replaced",
    "part4/L04_timer_beats",
    "part4/L05_beats_between_requests",
    "part4/L07_reads_after_accept",
    "part4/L08_starts_anew",
    "part4/L12_stray_408",
    "part4/L14_kills",
    "part4/L18_holds_inherited",
]
# What differs from run to run, and stands for itself.
MASKS = [
    (r"(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), [0-9]{2} \w{3} [0-9]{4} [0-9:]{8} GMT", "DATE"),
    (r"127\.0\.0\.1:[0-9]+", "127.0.0.1:PORT"),
    (r"(?<=pid )[0-9]+|(?<=worker )[0-9]+", "PID"),
    (r"(?<=processes are left: )[0-9,\s]+", "PIDS"),
    (r"(?<=to )[0-9]{5}\b", "PORT"),
    (r"[0-9]+ of 128", "N of 128"),
    (r"\b[0-9.]+ m?s\b", "TIME"),
    (r"(drop\s+)+", "drop "),
    (r"[0-9]+ of 26 chunks", "N of 26 chunks"),
    (r"(?:[0-9]+ (?:failed|passed|skipped|deselected),? )+in [0-9.]+s( \([0-9:]+\))?", "COUNTS"),
    (r"token-[0-9]+", "token-N"),
    (r"descriptor [0-9]+", "descriptor N"),
    (r"line\s+[0-9]+", "line N"),
]


def mask(text: str, path: str) -> str:
    """Return text without what differs from run to run; white space as one space."""
    text = without_forms(text.replace(path, "SERVER").replace(str(ROOT), "ROOT"))
    for pattern, word in MASKS:
        text = re.sub(pattern, word, text)
    return text


@pytest.mark.parametrize("id", TELLING, ids=without_ids)
def test_the_words_are_those_that_were_read(id, tmp_path):
    mistake = gallery()[id]
    path = str(write(mistake, tmp_path / "server.py"))
    clauses = ["--clause", mistake.caught_by]
    ended = run_check(mistake.part, "--server", path, *clauses)
    got = mask(ended.stdout, path)
    golden = FOLDER / f"{id.replace('/', '_')}.txt"
    if os.environ.get("GOLDEN") == "write":
        FOLDER.mkdir(exist_ok=True)
        golden.write_text(got, encoding="utf-8")
    assert got.split() == golden.read_text(encoding="utf-8").split(), got
    assert max(map(len, got.splitlines())) <= 80


def test_each_file_is_of_one_of_them():
    assert {path.stem for path in FOLDER.glob("*.txt")} == {id.replace("/", "_") for id in TELLING}
