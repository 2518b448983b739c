"""Watch mode: it checks at every save, says what has changed, and what is wrong with the file."""

import queue
import subprocess
import sys
import threading

import pytest

from tests.course.selfcheck import FINISHED
from tests.parts import ROOT
from tests.tools.watch import difference

SECONDS = 60.0  # a deadline for each line, not an expectation


def test_the_difference_is_told_in_words():
    before = {"H07": "broken", "H10": "kept", "H11": "kept"}
    assert difference(before, {**before, "H07": "kept", "H10": "broken"}) == (
        "H07 green now, H10 red now"
    )
    assert difference(before, before) == "no clause has changed its colour"


def pass_on(stream, lines: queue.Queue) -> None:
    """Put each line of stream into lines, to its end."""
    for line in stream:
        lines.put(line)


@pytest.fixture
def watched(tmp_path):
    """A server, its watcher, and a queue of the lines that the watcher prints."""
    path = tmp_path / "mine.py"
    path.write_text(FINISHED.read_text(encoding="utf-8"), encoding="utf-8")
    words = ["-m", "tests.tools.watch", "1", "--server", str(path), "--clause", "H01"]
    lines: queue.Queue[str] = queue.Queue()
    with subprocess.Popen(
        [sys.executable, "-u", *words],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as running:
        reading = threading.Thread(target=pass_on, args=(running.stdout, lines))
        reading.start()
        yield path, lines
        running.kill()
        reading.join()


def wait_for(lines: queue.Queue, words: str) -> str:
    """Return the next line that has words in it."""
    while words not in (line := lines.get(timeout=SECONDS)):
        pass
    return line


def test_each_save_is_checked_and_a_broken_file_is_told(watched):
    path, lines = watched
    text = path.read_text(encoding="utf-8")
    wait_for(lines, "Watching mine.py")
    path.write_text(text.replace('f"HTTP/1.1 {status}"', 'f"HTTP 1.1 {status}"'))
    assert "H01 red now" in wait_for(lines, "Since the last run")
    wait_for(lines, "Watching mine.py")
    path.write_text("def broken(:\n")
    assert "mine.py does not parse in line 1" in wait_for(lines, "parse")
    wait_for(lines, "Watching mine.py")
    path.unlink()
    assert "is gone; waiting until it is back" in wait_for(lines, "gone")
    wait_for(lines, "Watching mine.py")
    path.write_text(text)
    assert "H01 green now" in wait_for(lines, "Since the last run")
