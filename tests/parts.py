"""The parts of the course: the one table of them, and where everything stands."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
CONTRACT_APPLICATION = "tests.apps.contract:application"  # what the check asks from part 2 on
LIFECYCLE_OPTIONS = (
    "--workers {workers} --client-timeout {client_timeout} --keep-alive {keep_alive} "
    "--timeout {timeout} --graceful-timeout {graceful_timeout}"
)


class Part(NamedTuple):
    """One part: its folder in ROOT, and what its server has to keep.

    letters are those of the clauses (CONTRACT.md). application is what `make serve-partN` hosts,
    MODULE:CALLABLE in the folder, "" for none. requirements names the set in tests/requirements
    that its check needs; the Makefile names the same. gives_way has the clauses of those letters
    that its design replaces, jobs how many copies of the server the check runs side by side.
    """

    number: int
    folder: str
    letters: str
    application: str
    requirements: str
    gives_way: tuple[str, ...] = ()
    jobs: int = 8

    def keeps(self, id: str) -> bool:
        """Return whether the clause of that id is one that its server has to keep."""
        return id[0] in self.letters and id not in self.gives_way

    @property
    def options(self) -> str:
        """The command line that a server of its shape takes beside --host and --port."""
        return LIFECYCLE_OPTIONS if "L" in self.letters else ""

    @property
    def path(self) -> Path:
        """The folder."""
        return ROOT / self.folder

    @property
    def server(self) -> Path:
        """The finished server."""
        return self.path / "server.py"

    @property
    def mine(self) -> Path:
        """The reader's own server, once there is one."""
        return self.path / "mine.py"

    @property
    def chapter(self) -> Path:
        """The page that tells of it."""
        return self.path / "README.md"

    @property
    def contract_application(self) -> str:
        """The application that the check lets the server host; "" where it hosts none."""
        return CONTRACT_APPLICATION if self.application else ""


PARTS = {
    part.number: part
    for part in (
        Part(1, "part1_single", "H", "", "check"),
        Part(2, "part2_wsgi", "HW", "flask_app:app", "flask"),
        Part(3, "part3_forking", "HWP", "waterfall:app", "flask"),
        Part(4, "part4_workers", "HWPL", "rollout:app", "flask", ("P07", "P11", "P12"), 16),
    )
}
LETTERS = max((part.letters for part in PARTS.values()), key=len)
CLAUSE_ID = rf"[{LETTERS}][0-9]{{2}}"  # a pattern: H07


def name_parts() -> str:
    """Return "1, 2 or 3", for a sentence."""
    *others, last = map(str, PARTS)
    return f"{', '.join(others)} or {last}"


def first_part_with(letter: str) -> Part:
    """Return the part in which the clauses of that letter begin to hold."""
    return next(part for part in PARTS.values() if letter in part.letters)
