"""Each clause and each mistake has all its pieces, and what is missing is told in a sentence."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.checker.clauses import CLAUSES, IN_SHORT_COLUMNS, read_clauses
from tests.course.complete import (
    about_changes,
    about_hints,
    about_mistakes,
    about_rows,
    about_starters,
    about_tests,
    what_is_missing,
)
from tests.parts import PARTS, ROOT
from tests.tools.changes import CHANGED, GONE
from tests.tools.gallery import KEYS
from tests.tools.mistakes import NAME_COLUMNS, TITLE_COLUMNS

PAGE, HINTS = "tests/CONTRACT.md", "tests/tools/hints.md"
CONTENT = "tests/contract/test_content.py"
SERVER = "part1_single/server.py"
ONE = "part1_single/mistakes/H08_a_request_is_text.patch"
LINK = "[Listen](../part1_single/README.md#listen)"


MISSING = what_is_missing()


def test_nothing_is_missing():
    if MISSING:
        pytest.fail("\n  ".join(MISSING), pytrace=False)


def unknown(sentences: Iterable[str]) -> list[str]:
    """Return the sentences that are not about the course as it is."""
    return [sentence for sentence in sentences if sentence not in MISSING]


def test_the_page_for_contributors_has_the_keys_and_the_limits():
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    keys = re.findall(r"^\| `([A-Z][a-z-]+)` \|", text, re.MULTILINE)
    assert sorted(keys) == sorted(KEYS)
    for limit in (IN_SHORT_COLUMNS, NAME_COLUMNS, TITLE_COLUMNS):
        assert f"at most {limit} characters" in text


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of what a clause and a mistake consist of."""
    for name in (PAGE, HINTS):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copytree(ROOT / "tests" / "contract", tmp_path / "tests" / "contract")
    for number, part in PARTS.items():
        own = ("server.py", "README.md", "SOLUTIONS.md", "starter.py", "mistakes")
        for name in (*(f"{part.folder}/{name}" for name in own), f"tests/part{number}"):
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, tmp_path / name)
            elif (ROOT / name).is_file():  # a new part may lack it, and is told so
                (tmp_path / name).parent.mkdir(exist_ok=True)
                shutil.copy(ROOT / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize(
    "name",
    ["part1_single/README.md", "part2_wsgi/starter.py", SERVER, "tests/part3/test_choices.py"],
)
def test_a_file_that_a_part_lacks_is_told(copy, name):
    (copy / name).unlink()
    number = re.search("[0-9]", name)[0]
    assert unknown(what_is_missing(copy))[0].startswith(f"Part {number} has no {name}")


def change(root: Path, name: str, old: str, new: str) -> None:
    """Replace old, which stands once in a file, by new."""
    text = (root / name).read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {name}"
    (root / name).write_text(text.replace(old, new), encoding="utf-8")


def row(id: str, short: str = "short", server: str = "does", section: str = "§1") -> str:
    """Return a row of the contract, which is put before the table of the WSGI contract."""
    return f"| {id} | {short} | {server} | {section} | | {LINK} |\n"


NEXT = f"H{sum(id[0] == 'H' for id in CLAUSES) + 1:02}"  # the id that a new clause would have
LATER = f"{NEXT[0]}{int(NEXT[1:]) + 1:02}"
WSGI = "\n## The WSGI contract"


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (row("X01"), "the row of X01 is not read"),
        (row(NEXT).replace(" |\n", "\n"), f"the row of {NEXT} is not read"),
        (row(LATER), f"{LATER} stands where {NEXT} is due"),
        (row(NEXT, short=""), f"the row of {NEXT} says nothing below 'in short'"),
        (row(NEXT, server=""), f"the row of {NEXT} says nothing below 'the server…'"),
        (row(NEXT, section=""), f"the row of {NEXT} says nothing below 'section'"),
        (row(NEXT, short="x" * 43), f"{NEXT} is 43 characters long below 'in short'"),
        (row(NEXT).replace("#listen", "#hear"), "#hear, and there is no such section"),
    ],
    ids=["letter", "end", "gap", "title", "requirement", "section", "long", "link"],
)
def test_a_row_that_does_not_fit_is_told(copy, new, words):
    change(copy, PAGE, WSGI, new + WSGI)
    (said,) = unknown(about_rows(copy, read_clauses(copy / PAGE)))
    assert words in said


@pytest.mark.parametrize(
    ("new", "words"),
    [
        (row(NEXT) * 2, f"two rows for {NEXT}"),
        (row(NEXT).replace("| |", "|"), f"the row of {NEXT} has 5 cells, not 6"),
        (row(NEXT).replace(LINK, "Listen"), f"the row of {NEXT} does not end in a link"),
    ],
    ids=["twice", "cells", "no-link"],
)
def test_a_row_that_cannot_be_read_is_told(copy, new, words):
    change(copy, PAGE, WSGI, new + WSGI)
    (said,) = unknown(what_is_missing(copy))
    assert words in said


@pytest.mark.parametrize(
    "above",
    ["\n", "\n### Tracing\n\n", "\n| id | in short |\n", "\n|---|---|\n"],
    ids=["after-an-empty-line", "below-a-heading", "without-dashes", "without-a-head"],
)
def test_a_row_that_stands_in_no_table_is_told(copy, above):
    change(copy, PAGE, WSGI, above + row(NEXT) + WSGI)
    (said,) = unknown(about_rows(copy, read_clauses(copy / PAGE)))
    assert said.startswith(f"CONTRACT.md: the row of {NEXT} stands in no table. ")


def test_a_row_in_a_table_of_its_own_is_in_one(copy):
    head = "\n### Tracing\n\n| id | in short | the server… |\n|---|:--|---|\n"
    change(copy, PAGE, WSGI, head + row(NEXT) + WSGI)
    assert unknown(about_rows(copy, read_clauses(copy / PAGE))) == []


def test_a_new_row_alone_lacks_its_reason_its_test_its_hints_and_its_mistake(copy):
    change(copy, PAGE, WSGI, row(NEXT) + WSGI)
    assert unknown(what_is_missing(copy)) == [
        f"part1_single/README.md never names {NEXT}: say why it is there, in bold, in the section "
        "that its row links to.",
        f'{NEXT} has no test: write one in tests/contract, below @clause("{NEXT}").',
        f"{NEXT} has no hints: add ## {NEXT} and three of them to tests/tools/hints.md.",
        f"{NEXT} has no mistake: add part1_single/mistakes/{NEXT}_….patch.",
    ]


@pytest.mark.parametrize(
    ("above", "words"),
    [
        ("", "test_new proves 0 clauses"),
        ('@clause("H08")\n@clause("H09")\n', "test_new proves 2 clauses"),
        ('@clause("H99")\n', "test_new proves H99, which has no row in CONTRACT.md"),
    ],
    ids=["none", "two", "unknown"],
)
def test_a_test_that_proves_not_one_clause_is_told(copy, above, words):
    path = copy / CONTENT
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n\n{above}def test_new(server):\n    pass\n", encoding="utf-8")
    (said,) = unknown(about_tests(copy, CLAUSES))
    assert said.startswith("test_content.py: ") and words in said


FIRST = "1. Read the first line that your server sends, octet by octet."
THIRD = "3. The first line of every answer, in `format_head`, before the field lines:"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("## H02\n", "", "H02 has no hints"),
        ("## H02\n", "## H02\n\n1. What?\n\n## H99\n", "H02 needs three hints"),
        (FIRST, FIRST.replace("1.", "4."), "H01 needs three hints"),
        ("what ends the line?", "what ends the line.", "hint 1 of H01 is no question"),
        (FIRST, f"{FIRST} `listener.bind((host, port))`?", ""),
        (FIRST, f"{FIRST} `Content-Type: text/plain; charset=x`", ""),
        (f"{THIRD}\n\n   ```python", f"{THIRD}\n\n   ```text", "hint 3 of H01 has no code"),
        ("## H03\n", "## H99\n", "hints.md has hints for H99, which has no row"),
        ("## H02\n", "## H04\n", "## H04 stands where ## H03 is due"),
    ],
    ids=["none", "one", "number", "question", "short", "foreign", "code", "unknown", "order"],
)
def test_hints_that_do_not_fit_are_told(copy, old, new, words):
    change(copy, HINTS, old, new)
    said = unknown(about_hints(copy, CLAUSES))
    assert any(words in one for one in said) if words else said == []


def test_a_hint_that_tells_the_answer_is_told(copy):
    code = 'lines = [f"HTTP/1.1 {status}", '
    assert code in (ROOT / SERVER).read_text(encoding="utf-8")
    change(copy, HINTS, FIRST, f'{FIRST} `{code}*(f"{{name}}`')
    (said,) = unknown(about_hints(copy, CLAUSES))
    assert "hint 1 of H01 tells 'lines = [" in said


@pytest.fixture
def lone_mistake(copy) -> Path:
    """The copy with one mistake in it."""
    for part in PARTS.values():
        for path in (copy / part.folder / "mistakes").glob("*.patch"):
            if path != copy / ONE:
                path.unlink()
    return copy


def said_of_mistakes(root: Path) -> list[str]:
    """Return what is said about the mistakes that are there."""
    return [one for one in about_mistakes(root, CLAUSES) if "has no mistake: add" not in one]


WIDE = "What happens: " + "x" * 80


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Caught-by: H08\n", "", "its head has no line Caught-by"),
        ("Says: ", "Say: ", "its head has the line 'Say: "),
        ("Says: ", "Says: \nTry: ", "its head has no line Says"),
        ("Try: ", "Serve: ", "its head has no line Try"),
        ("Caught-by: H08", "Caught-by: H09", "its name begins with the clause that catches it"),
        ("Caught-by: H08", "Caught-by: H99", "its head names H99, which has no row"),
        ("Caught-by: H08", "Caught-by: W01", "W01, which begins to hold in part2_wsgi"),
        ("Try: ", "Also-red: H99\nTry: ", "its head names H99, which has no row"),
        ("Try: ", "Also-red: P01\nTry: ", "P01, which begins to hold in part3_forking"),
        ("Try: ", "Also-red: H08\nTry: ", "Also-red names H08, which Caught-by says"),
        ("A request is text\n", "x" * 47 + "\n", "the title, has 47 characters"),
        ("What happens: ", "What comes: ", "it lacks What happens:"),
        ("What happens: ", "What happens:\nWhat happens: ", "they stand in another order"),
        ("What happens: ", WIDE, "a line of its story is longer than 80 columns"),
        ("--- part1_single/server.py", "--- part2_wsgi/server.py", "its diff does not begin with"),
        ("@@ format_echo @@", "@@ main @@", "This hunk fits in 0 places of main"),
        ("@@ format_echo @@", "@@ -1,2 +1,2 @@", "No hunk begins with @@ NAME @@"),
        ("+    text = ", "+    text == = ", "with its diff part1_single/server.py does not parse"),
    ],
    ids=[
        "no-catcher",
        "no-such-key",
        "says-nothing",
        "nothing-to-try",
        "name",
        "no-such-clause",
        "clause-of-a-later-part",
        "also-red-unknown",
        "also-red-of-a-later-part",
        "also-red-is-the-catcher",
        "long-title",
        "story-lacks-a-paragraph",
        "story-out-of-order",
        "story-too-wide",
        "diff-of-another-file",
        "hunk-does-not-apply",
        "hunk-with-line-numbers",
        "does-not-parse",
    ],
)
def test_a_mistake_that_does_not_fit_is_told(lone_mistake, old, new, words):
    assert said_of_mistakes(lone_mistake) == []
    change(lone_mistake, ONE, old, new)
    said = said_of_mistakes(lone_mistake)
    assert said and all(one.startswith("part1/H08_a_request_is_text: ") for one in said)
    assert any(words in one for one in said), said


@pytest.mark.parametrize(
    ("name", "line", "advice"),
    [
        ("format_echo", "as it was", f"Write its unchanged lines as they are now in {SERVER}."),
        ("format_head", "", "Give it more of the lines around it."),
    ],
    ids=["nowhere", "in-two-places"],
)
def test_a_hunk_that_does_not_apply_says_what_to_do(lone_mistake, name, line, advice):
    if not line:  # a line that is there twice
        path = lone_mistake / SERVER
        text = path.read_text(encoding="utf-8")
        head = text.index("\ndef format_head(")
        path.write_text(f"{text[:head]}\n\n\ndef format_head():\n    a = 1\n    a = 1\n", "utf-8")
        line = "    a = 1"
    text, _, _ = (lone_mistake / ONE).read_text(encoding="utf-8").partition("@@ ")
    (lone_mistake / ONE).write_text(f"{text}@@ {name} @@\n {line}\n+    b = 1\n", "utf-8")
    (said,) = said_of_mistakes(lone_mistake)
    assert said.endswith(f"\n+    b = 1\n{advice}")


def test_a_mistake_that_changes_nothing_or_has_a_long_name_is_told(lone_mistake):
    text = (lone_mistake / ONE).read_text(encoding="utf-8")
    lines = [line.replace("-    ", "     ", 1) for line in text.splitlines() if line[:1] != "+"]
    lines.insert(lines.index("--- part1_single/server.py") + 1, "+++ part1_single/server.py")
    (lone_mistake / ONE).unlink()
    path = (lone_mistake / ONE).with_name(f"H08_{'x' * 27}.patch")
    path.write_text("\n".join([*lines, ""]), encoding="utf-8")
    assert [one.partition(": ")[2] for one in said_of_mistakes(lone_mistake)] == [
        "its name has 31 characters; make mistakes has room for 30.",
        "its diff changes nothing in part1_single/server.py.",
    ]


def test_a_clause_without_a_mistake_is_told(lone_mistake):
    said = list(about_mistakes(lone_mistake, CLAUSES))
    assert len(said) == len(CLAUSES) - 1
    assert "P03 has no mistake: add part3_forking/mistakes/P03_….patch." in said


@pytest.mark.parametrize(
    ("path", "old", "new", "words"),
    [
        (
            "part2_wsgi/server.py",
            "def parse_request_line(",
            "# to the letter\ndef parse_request_line(",
            "parse_request_line differs between part1_single/server.py and part2_wsgi/server.py: "
            "copy it, or say why in tests/tools/changes.py.",
        ),
        (
            "part3_forking/server.py",
            "def parse_request_line(",
            "def parse_request_lines(",
            "parse_request_line is in part2_wsgi/server.py and not in part3_forking/server.py: "
            "say why in tests/tools/changes.py.",
        ),
        (
            "part2_wsgi/server.py",
            "def format_environ(",
            "def format_echo():\n    pass\n\n\ndef format_environ(",
            "tests/tools/changes.py says that format_echo is gone from part2_wsgi/server.py, and "
            "it is not.",
        ),
    ],
    ids=["changed", "gone", "not-gone"],
)
def test_a_part_that_differs_from_the_one_before_is_told(copy, path, old, new, words):
    change(copy, path, old, new)
    assert words in unknown(about_changes(copy, CLAUSES))


def test_a_change_that_is_none_is_told(copy):
    last = max(CHANGED)
    server = f"{PARTS[last].folder}/server.py"
    shutil.copy(copy / PARTS[last - 1].folder / "server.py", copy / server)
    said = unknown(about_changes(copy, CLAUSES))
    assert len(said) == len(CHANGED[last]) + len(GONE[last]) and said[0] == (
        f"tests/tools/changes.py says that {server} changes {min(CHANGED[last])}, and it does not."
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "def main() -> None:\n",
            "def main() -> int:\n",
            "part1_single/starter.py is not what its server gives: run "
            "`.venv/bin/python -m tests.tools.starters`.",
        ),
        (
            "def format_head(",
            "def format_heads(",
            "tests/tools/starters.py has a body for format_head, which part1_single/server.py "
            "lacks.",
        ),
        ("import argparse\n", "import (\n", "part1_single/server.py does not parse in line "),
    ],
    ids=["another-server", "a-function-renamed", "does-not-parse"],
)
def test_a_starter_that_is_not_its_servers_is_told(copy, old, new, words):
    change(copy, SERVER, old, new)
    (said,) = unknown(about_starters(copy, CLAUSES))
    assert said.startswith(words)
    assert said in what_is_missing(copy)
