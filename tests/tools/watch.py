"""Run the check again whenever the server under test is saved, and say what has changed.

python -m tests.tools.watch 2 [--server PATH] [--clause H07] [--stage 3]
"""

import argparse
import contextlib
import queue
import sys
import textwrap
import threading
from pathlib import Path

import watchfiles

from tests.checker.clauses import check_ids, parse_stage
from tests.checker.target import UsageError, why_unreadable
from tests.parts import PARTS
from tests.stages import stages_of
from tests.tools.check import check_aloud
from tests.tools.terminal import replace_missing_signs

KEYS = (
    "Type Enter to run again, a and Enter to have every red clause explained,\nq and Enter to quit."
)


def difference(before: dict[str, str], after: dict[str, str]) -> str:
    """Return "H07, H08 green now, H10 red now", or that nothing changed."""
    changes = []
    for outcome, colour in (("kept", "green"), ("broken", "red")):
        new = [id for id in after if id in before and before[id] != after[id] == outcome]
        if new:
            changes.append(f"{', '.join(new)} {colour} now")
    return ", ".join(changes) or "no clause has changed its colour"


def finished_stages(part: int, before: dict[str, str], after: dict[str, str]) -> str:
    """Return " Stage 3, It reads, is green." for each that has become so; "" if none has."""
    sentences = []
    for stage in stages_of(part):
        was, now = ({seen.get(id) for id in stage.clauses} for seen in (before, after))
        if now == {"kept"} and was != now:
            sentences.append(f" Stage {stage.number}, {stage.title}, is green.")
    return "".join(sentences)


def listen_for_saves(path: Path, events: queue.SimpleQueue[str]) -> None:
    """Put "saved" into events whenever path changes, for ever."""
    for changes in watchfiles.watch(path.parent, recursive=False, debounce=200):
        if any(Path(name).name == path.name for _, name in changes):
            events.put("saved")


def listen_for_keys(events: queue.SimpleQueue[str]) -> None:
    """Put each line that is typed into events; "q" at the end of the input."""
    for line in sys.stdin:
        events.put(line.strip() or "again")
    events.put("q")


def main() -> None:
    """Check, wait, and check again, until the reader has enough."""
    replace_missing_signs()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("part", type=int, choices=list(PARTS))
    parser.add_argument("--server", default="")
    parser.add_argument("--clause", default="")
    parser.add_argument("--stage", default="")
    parser.add_argument("--all", action="store_true")
    arguments = parser.parse_args()
    mine = PARTS[arguments.part].mine
    path = Path(arguments.server).resolve() if arguments.server else mine
    if not path.is_file() and path == mine:
        sys.exit(f"There is no {path.name} yet: make start-part{arguments.part} makes one.")
    if not path.is_file():
        sys.exit(f"There is no file {arguments.server}.")
    try:
        check_ids(arguments.clause, arguments.part)
        if arguments.stage:
            parse_stage(arguments.stage, arguments.part)
    except UsageError as error:
        sys.exit(str(error))
    options = ["--server", str(path)] if arguments.server else []
    options += ["--clause", arguments.clause] if arguments.clause else []
    options += ["--stage", arguments.stage] if arguments.stage else []
    options += ["--all"] if arguments.all else []
    events: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=listen_for_saves, args=(path, events), daemon=True).start()
    threading.Thread(target=listen_for_keys, args=(events,), daemon=True).start()
    keys = KEYS if sys.stdin.isatty() else "Ctrl-C: quit."
    before: dict[str, str] = {}
    event = "again"
    while event != "q":
        more = ["--all"] if event == "a" else []
        words = (
            why_unreadable(path)
            if path.exists()
            else f"{path.name} is gone; waiting until it is back."
        )
        if words:
            print(f"\n{words}", flush=True)
        else:
            result = check_aloud(arguments.part, *options, *more)
            after = {one.id: one.outcome for one in result.clauses} if result else {}
            if before:
                stages = finished_stages(arguments.part, before, after)
                text = f"Since the last run: {difference(before, after)}.{stages}"
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
