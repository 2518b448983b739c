"""What each part changes in the one before: the table, and the diff.

    python -m tests.tools.changes 2

A name that stands in two parts is the same source in both, comments included, or it is
here with the reason. The chapter of the later part walks through this table.
"""

import difflib
import sys
from pathlib import Path

from tests.parts import PARTS
from tests.tools.patches import definitions
from tests.tools.terminal import prepare_stdout

CHANGED = {
    2: {
        "serve_forever": "hands on the application, and who the client is",
        "serve_connection": "a line for the access log, instead of all that was received",
        "serve_request": "the application answers, instead of the echo",
        "send_refusal": "sends through Answer, so that the log knows the status",
        "read_request": "chunked content is read by read_chunks",
        "check_transfer_encoding": "chunked is decoded now: only other codings are refused",
        "VISIBLE": "one request, one line of the log: nothing begins a new one",
        "main": "an application on the command line; wsgi.errors without a buffer",
    },
    3: {
        "serve_forever": "a child for each connection, instead of one after the other",
        "format_environ": "other processes run the application too, and each runs it once",
        "main": "ends where there is no fork; reaps on SIGCHLD; warms up",
    },
    4: {
        "BACKLOG": "the queue holds whoever comes while every worker is busy",
        "serve_connection": "one request of a connection, which may then wait for the next one",
        "serve_request": "patience begins anew; the connection is kept if both sides agree",
        "send_response": "sends with patience, as all that leaves",
        "format_date": "the requests of one second share what the first of them has formatted",
        "format_environ": "the process that runs the application will run it again",
        "serve_application": "after an error the connection is not kept",
        "Answer": "knows whether the connection is kept, and says close only where it is not",
        "send_octets": "for as long as the client keeps reading, instead of however long it takes",
        "Incoming": "may wait among others, has patience, and forgets one request for the next",
        "read_request": "content has a patience of its own, once the head is here",
        "read_request_line": "the first octets have come before anybody reads",
        "send_continue": "sends with patience, as all that leaves",
        "main": "more to set on the command line; a master runs until a signal ends it",
    },
}
GONE = {
    2: {
        "format_echo": "the answer is the application's business now",
        "print_visible": "a line on stderr, which Errors makes visible, instead",
    },
    3: {},
    4: {
        "ACCEPT_SECONDS": "the master takes its signals one by one, so it need not look up",
        "serve_forever": "the workers accept, each for itself",
        "serve_in_child": "a worker stays: start_worker, and no fork for a connection",
        "reap_children": "a handler runs between two lines; Master.reap is called in one place",
        "send_unavailable": "where fork fails, the workers that are there serve on",
        "warm_up": "it made each fork cheaper, and forks are rare now",
    },
}


def sources(path: Path) -> dict[str, str]:
    """Return the source of every definition of a file by name, the comments above included."""
    text = path.read_text(encoding="utf-8")
    lines = text.splitlines()
    places = {name: place for name, place in definitions(text).items() if name != "imports"}
    return {name: "\n".join(lines[first:last]) for name, (first, last) in places.items()}


def main() -> None:
    """Print the table and the diff of the part that the command line names."""
    prepare_stdout()
    part = int(sys.argv[1])
    before, after = PARTS[part - 1].server, PARTS[part].server
    old, new = sources(before), sources(after)
    names = [f"{PARTS[number].folder}/server.py" for number in (part - 1, part)]
    changed, gone = CHANGED.get(part, {}), GONE.get(part, {})
    print(f"From {names[0]} to {names[1]}:\n")
    for name, reason in (changed | gone).items():
        print(f"  {'gone' if name in gone else 'changed':8} {name:24} {reason}")
    for name in new:
        if name not in old:
            print(f"  {'new':8} {name}")
    print(f"\n  {len(old.keys() & new.keys()) - len(changed)} definitions are the same.\n")
    a, b = (path.read_text(encoding="utf-8").splitlines() for path in (before, after))
    for line in difflib.unified_diff(a, b, names[0], names[1], lineterm="", n=1):
        print(line)


if __name__ == "__main__":
    main()
