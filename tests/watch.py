"""Run the check again whenever the server under test is saved, and say what has changed.

python -m tests.watch 2 [--server PATH] [--clause H07]
"""

import argparse
import contextlib
import queue
import re
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import watchfiles

from tests.clauses import CLAUSES
from tests.starters import FOLDERS, ROOT, fault

ROW = re.compile(r"^  ([HWP][0-9]{2}) (ok|RED|--|not run)", re.MULTILINE)
KEYS = "Type Enter to run again, a and Enter to have every red clause explained,\n"
KEYS += "q and Enter to quit."


def check(part: int, options: list[str]) -> dict[str, str]:
    """Run the check, print what it prints, and return "ok" or "RED" by clause."""
    words = ["--quiet", "--board", "--tb=no", "-rN", "--capture=sys", f"--part={part}", *options]
    running = subprocess.Popen(
        [sys.executable, "-u", "-m", "pytest", *words, "tests/contract", f"tests/part{part}"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert running.stdout
    text = ""
    with running:
        for line in running.stdout:
            print(line, end="", flush=True)
            text += line
    return dict(ROW.findall(text))


def difference(before: dict[str, str], after: dict[str, str]) -> str:
    """Return "H07, H08 green now, H10 red now", or that nothing changed."""
    changes = []
    for outcome, colour in (("ok", "green"), ("RED", "red")):
        new = [id for id in after if id in before and before[id] != after[id] == outcome]
        if new:
            changes.append(f"{', '.join(new)} {colour} now")
    return ", ".join(changes) or "no clause has changed its colour"


def listen_for_saves(path: Path, events: queue.SimpleQueue) -> None:
    """Put "saved" into events whenever path changes, for ever."""
    for changes in watchfiles.watch(path.parent, recursive=False, debounce=200):
        if any(Path(name).name == path.name for _, name in changes):
            events.put("saved")


def listen_for_keys(events: queue.SimpleQueue) -> None:
    """Put each line that is typed into events; "q" at the end of the input."""
    for line in sys.stdin:
        events.put(line.strip() or "again")
    events.put("q")


def main() -> None:
    """Check, wait, and check again, until the reader has enough."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", type=int, choices=list(FOLDERS))
    parser.add_argument("--server", default="")
    parser.add_argument("--clause", default="")
    arguments = parser.parse_args()
    mine = ROOT / FOLDERS[arguments.part] / "mine.py"
    path = Path(arguments.server).resolve() if arguments.server else mine
    if not path.is_file() and path == mine:
        sys.exit(f"There is no {path.name} yet: make start-part{arguments.part} makes one.")
    if not path.is_file():
        sys.exit(f"There is no file {arguments.server}.")
    for clause in re.findall(r"[^\s,]+", arguments.clause.upper()):
        if clause not in CLAUSES:
            sys.exit(f"There is no clause {clause}: CLAUSE=H07,H08; see tests/CONTRACT.md.")
    options = ["--server", str(path)] if arguments.server else []
    options += ["--clause", arguments.clause] if arguments.clause else []
    events: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=listen_for_saves, args=(path, events), daemon=True).start()
    threading.Thread(target=listen_for_keys, args=(events,), daemon=True).start()
    keys = KEYS if sys.stdin.isatty() else "Ctrl-C: quit."
    before: dict[str, str] = {}
    event = "again"
    while event != "q":
        more = ["--all-red"] if event == "a" else []
        words = fault(path) if path.exists() else f"{path.name} is gone; waiting until it is back."
        if words:
            print(f"\n{words}", flush=True)
        else:
            after = check(arguments.part, [*options, *more])
            if before:
                text = f"Since the last run: {difference(before, after)}."
                print(textwrap.fill(text, 80))
            before = after
        print(f"\nWatching {path.name}: save it, and it is checked again.\n{keys}", flush=True)
        event = events.get()
        with contextlib.suppress(queue.Empty):  # an editor saves in several steps
            while event == "saved":
                event = events.get_nowait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        pass
