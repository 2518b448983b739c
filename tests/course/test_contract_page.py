"""The page, the board and the suite list the same clauses."""

import re

from tests.checker.clauses import CLAUSES
from tests.pages import anchors
from tests.parts import ROOT

TEST = re.compile(r"^((?:@.*\n(?:[ )\]}].*\n|\n)*)*)def (test_\w+)", re.MULTILINE)
MARK = re.compile(r'^@clause\("([HWP][0-9]{2})"\)$', re.MULTILINE)


def suite_by_clause() -> dict[str, list[str]]:
    """Return the names of the tests in tests/contract by the clause they prove."""
    found: dict[str, list[str]] = {}
    for path in sorted((ROOT / "tests" / "contract").glob("test_*.py")):
        for decorators, name in TEST.findall(path.read_text(encoding="utf-8")):
            ids = MARK.findall(decorators)
            assert len(ids) == 1, f"{path.name}: {name} proves {ids or 'no clause'}"
            found.setdefault(ids[0], []).append(name)
    return found


def test_the_page_lists_the_clauses_in_order():
    due = [f"H{number:02}" for number in range(1, 28)]
    due += [f"W{number:02}" for number in range(1, 20)]
    due += [f"P{number:02}" for number in range(1, 13)]
    assert list(CLAUSES) == due


def test_every_clause_has_a_test_and_every_test_one_clause():
    assert sorted(suite_by_clause()) == sorted(CLAUSES)


def test_every_clause_says_what_where_and_in_few_words():
    for clause in CLAUSES.values():
        assert clause.requirement and clause.section and len(clause.title) <= 42, clause.id


def test_every_clause_names_a_section_of_a_chapter_that_exists():
    for clause in CLAUSES.values():
        path, _, anchor = clause.read.partition("#")
        assert anchor in anchors(ROOT / path), f"{clause.id}: {clause.read}"
