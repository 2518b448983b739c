"""Every mistake of the gallery is caught by the clause that its head names, with its words.

FULL=1 runs every clause, and asserts that only those the head names turn red.
"""

import concurrent.futures
import os
import re
from pathlib import Path

import pytest

from tests.course.selfcheck import Checked, run_check
from tests.parts import ROOT
from tests.tools.gallery import Mistake, gallery, write

# Checks side by side, each of a few clauses. Those of part 4 wait most of their time.
AT_ONCE, WAITING_AT_ONCE = 3, 4
FULL = bool(os.environ.get("FULL"))
# What stays green beside the mistake; quick ones, of every kind.
OTHERS = {
    1: ["H01", "H04", "H09", "H13", "H18", "H20", "H27", "H02", "H11", "H17", "H14"],
    2: ["H01", "H18", "W02", "W07", "W17", "H09", "W03", "W09", "H13", "W01", "H20"],
    3: ["H01", "H18", "W02", "W07", "P12", "W17", "H09", "W03", "W13", "H13", "H20"],
    4: ["H01", "W02", "W07", "W17", "W03", "H13"],
}
GALLERY = gallery()


def beside(mistake: Mistake) -> list[str]:
    """Return five clauses that the mistake leaves alone."""
    named = {mistake.caught_by, *mistake.also_red}
    others = OTHERS[min(mistake.part, max(OTHERS))]
    return [id for id in others if id not in named][:5]


def check(mistake: Mistake, folder: Path) -> Checked:
    """Return the ended check of the server that has made the mistake."""
    path = write(mistake, folder / mistake.id.replace("/", "_") / "server.py")
    clauses = [] if FULL else ["--clause", ",".join([mistake.caught_by, *beside(mistake)])]
    return run_check(mistake.part, "--server", str(path), "--jobs=4", *clauses)


@pytest.fixture(scope="module")
def checks(request, tmp_path_factory):
    """The outcome of every check that was asked for, by the mistake's id, as a future."""
    folder = tmp_path_factory.mktemp("gallery")
    wanted = [item.callspec.params["id"] for item in request.session.items if is_wanted(item)]
    pool, waiting = (concurrent.futures.ThreadPoolExecutor(n) for n in (AT_ONCE, WAITING_AT_ONCE))
    with pool, waiting:
        yield {
            id: (waiting if GALLERY[id].part == 4 else pool).submit(check, GALLERY[id], folder)
            for id in wanted
        }


def is_wanted(item: pytest.Item) -> bool:
    """Return whether item checks one of the gallery."""
    return item.path.name == "test_gallery.py" and hasattr(item, "callspec")


@pytest.mark.slow
@pytest.mark.parametrize("id", GALLERY)
def test_a_mistake_turns_its_clause_red_and_says_why(checks, id):
    mistake, ended = GALLERY[id], checks[id].result()
    found, named = ended.red, {mistake.caught_by, *mistake.also_red}
    assert mistake.caught_by in found, ended.stdout
    assert found <= named if FULL else found == {mistake.caught_by}, ended.stdout
    assert ended.status == 1
    explained = ended.stdout[ended.stdout.index(f"\n{mistake.caught_by}  ") :] if not FULL else ""
    said = " ".join(explained.split())  # wherever the lines break
    assert FULL or mistake.says in said, ended.stdout


def test_every_file_that_a_head_names_is_there():
    for mistake in GALLERY.values():
        for name in re.findall(
            r"\b(?:tests|part\d_\w+)/[\w/]+\.\w+", mistake.serve + mistake.attempt
        ):
            assert (ROOT / name).is_file(), f"{mistake.id}: {name}"
