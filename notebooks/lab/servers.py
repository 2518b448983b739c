"""Servers by name: those of the course, some with one patch, and others to compare them with."""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

from tests.checker.processes import Member, members, wait_until
from tests.checker.server import SAID, Server, StartFailed
from tests.checker.target import Target
from tests.pages import blocks
from tests.parts import PARTS
from tests.tools.gallery import gallery, write
from tests.tools.patches import apply

from .whose import server_file

NAP = "notebooks.programs.napping:nap"
MISTAKES = {  # each is part 3 with one patch
    "nobody reaps": "part3/P03_nobody_reaps",
    "one wait for each signal": "part3/P03_reap_once",
    "parent keeps its copy": "part3/P04_parent_keeps",
    "parent keeps all": "part3/P04_parent_keeps_list",
    "a thread for each": "part3/P12_threads",
}
OTHERS = {  # what follows "python -m"
    "naive answerer": ["notebooks.programs.naive_answerer"],
    "loop": ["notebooks.programs.loop", "{port}"],
    "wsgiref": ["notebooks.programs.wsgiref_server", "{app}", "{port}"],
    "gunicorn": ["gunicorn", "--bind", "127.0.0.1:{port}", "{app}"],
    "waitress": ["waitress", "--listen=127.0.0.1:{port}", "{app}"],
}

FOLDER = Path(tempfile.mkdtemp(prefix="lab-"))  # patched servers, and records of processes
running: list["LabServer"] = []


class LabServer(Server):
    """A server that runs; record is where its processes are written down, None for nowhere."""

    def __init__(self, target: Target, record: Path | None = None) -> None:
        super().__init__(target, port=0)
        self.record = record

    @property
    def name(self) -> str:
        """What it was asked for by."""
        return self.target.label


def serve(name: str, application: str = NAP, record: bool = False) -> LabServer:
    """Start the server of that name, and return it once it listens.

    record writes down its forks, exits and waits (programs/record_processes.py).
    """
    words = command(name)
    path = FOLDER / f"record-{len(running)}" if record else None
    if path:
        recorder = ["-m", "notebooks.programs.record_processes", str(path)]
        words = [words[0], *recorder, *words[1:]]
    server = LabServer(Target(name, words, by_path=False, app=application), path)
    running.append(server)
    try:
        server.start()
        if name.startswith("part 4"):
            server.wait_for_output(SAID)  # it listens before its workers are ready
    except StartFailed as failed:
        failed.add_note(failed.stderr)
        raise
    return server


def command(name: str) -> list[str]:
    """Return the words that start the server of that name, with {app} and {port} in them.

    Options may follow the name: "part 4 --workers 2".
    """
    if name in OTHERS:
        return [sys.executable, "-m", *OTHERS[name]]
    name, dashes, options = name.partition(" --")
    hosts = [] if name.endswith("part 1") else ["{app}"]
    words = [sys.executable, str(program(name)), *hosts, "--port", "{port}"]
    return [*words, *f"{dashes}{options}".split()]


def program(name: str) -> Path:
    """Return the file of a part's server, or of a copy of part 3's with one patch.

    "part 1" is the reader's own if there is one (whose.py), "finished part 1" never is.
    """
    if name.startswith("finished part "):
        return PARTS[int(name[-1])].server
    if name.startswith("part "):  # and a number
        return server_file(int(name.removeprefix("part ")))
    path = FOLDER / f"{name.replace(' ', '_')}.py"
    if name == "pre-forked":
        diff = blocks(PARTS[3].path / "SOLUTIONS.md", "diff")[4]  # exercise 5
        path.write_text(apply(diff, PARTS[3].server.read_text("utf-8")), encoding="utf-8")
        return path
    return write(gallery()[MISTAKES[name]], path)


def survivors() -> list[Member]:
    """Return the processes of all servers that still live; zombies do not."""
    found = [member for server in running for member in members(server)]
    return [member for member in found if member.state != "zombie"]


def end_all() -> int:
    """End all servers; return how many processes of theirs are still there some moments later."""
    for server in running:
        server.kill()
    wait_until(lambda: not survivors())
    count = len(survivors())
    for server in running:
        server.close()
    running.clear()
    return count


@atexit.register
def leave_nothing() -> None:
    """End what still runs, in case nobody came to the last cell, and remove FOLDER."""
    end_all()
    shutil.rmtree(FOLDER, ignore_errors=True)
