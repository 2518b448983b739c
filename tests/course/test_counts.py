"""How many clauses and mistakes there are: what a page says is what there is."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.checker.clauses import CLAUSES
from tests.pages import pages
from tests.parts import LETTERS, PARTS, ROOT, first_part_with
from tests.tools.gallery import gallery

TEENS = ["thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
ONES = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
WORDS = {
    "twelve": 12,
    **{word: number for number, word in enumerate(TEENS, 13)},
    **{ten: 10 * number for number, ten in enumerate(TENS, 2)},
    **{
        f"{ten}-{one}": 10 * number + at
        for number, ten in enumerate(TENS, 2)
        for at, one in enumerate(ONES, 1)
    },
}
# A dozen or more. Fewer are a few at hand, as in "two clauses".
COUNT = "(1[2-9]|[2-9][0-9]|[1-9][0-9]{2,}|" + "|".join(sorted(WORDS, key=len, reverse=True)) + ")"
OF_ALL = re.compile(rf"\b(?:[0-9]+) of {COUNT}\b(?! of)")
ABOUT_CLAUSES = re.compile(r"clause|keep|kept|make test-part")
NEAR = 60  # characters before and after "28 of 46" in which such a word stands
OF_CHAPTER = re.compile(rf"\b{COUNT} (?:clauses )?of chapter ([1-9])\b")
SOME = re.compile(rf"(?<![0-9] of )\b{COUNT}(?: [a-z]+)? (clauses|mistakes)\b(?! of chapter)", re.I)

ALL = {number: sum(id[0] in part.letters for id in CLAUSES) for number, part in PARTS.items()}
OWN = {
    number: sum(first_part_with(id[0]) == part for id in CLAUSES) for number, part in PARTS.items()
}
OF_GALLERY = {number: sum(one.part == number for one in gallery().values()) for number in PARTS}


class Count(NamedTuple):
    """A count on a page: the words, the number, and the numbers that would be true."""

    words: str
    number: int
    due: set[int]


def number_of(text: str) -> int:
    """Return the number that digits or a word say."""
    return WORDS.get(text.lower()) or int(text)


def counts(text: str, part: int = 0) -> Iterator[Count]:
    """Yield each count in text; part is that of the chapter, 0 for a page of another kind."""
    text = " ".join(text.split())
    for match in OF_ALL.finditer(text):
        if ABOUT_CLAUSES.search(text[max(0, match.start() - NEAR) : match.end() + NEAR]):
            due = {ALL[part]} if part else {*ALL.values()}
            yield Count(match[0], number_of(match[1]), due)
    for match in OF_CHAPTER.finditer(text):
        yield Count(match[0], number_of(match[1]), {OWN[int(match[2])]})
    for match in SOME.finditer(text):
        yield Count(match[0], number_of(match[1]), numbers_of(match[2].lower(), part))


def numbers_of(kind: str, part: int) -> set[int]:
    """Return how many clauses or mistakes there are: in part, or in any part if it is 0."""
    tables = (ALL, OWN) if kind == "clauses" else (OF_GALLERY,)
    found = {table[number] for table in tables for number in ([part] if part else PARTS)}
    return found | ({sum(OF_GALLERY.values())} if kind == "mistakes" else set())


def texts() -> dict[str, str]:
    """Return the text of every page, and the prose of every notebook, by path."""
    found = {path: path.read_text(encoding="utf-8") for path in pages()}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        found[path] = "\n".join("".join(cell["source"]) for cell in cells)
    return {str(path.relative_to(ROOT)): text for path, text in found.items()}


TEXTS = texts()


def part_of(path: str) -> int:
    """Return the part whose chapter, or solutions, the page at path is; 0 for another page."""
    folder = Path(path).parts[0]
    return next((number for number, part in PARTS.items() if part.folder == folder), 0)


@pytest.mark.parametrize("path", TEXTS)
def test_every_count_on_a_page_is_true(path):
    said = [
        f"{path} says {count.words!r}; now it is {' or '.join(map(str, sorted(count.due)))}."
        for count in counts(TEXTS[path], part_of(path))
        if count.number not in count.due
    ]
    if said:
        pytest.fail("\n  ".join(said), pytrace=False)


def test_the_counts_that_we_know_of_are_found():
    found = [count.words for path in TEXTS for count in counts(TEXTS[path], part_of(path))]
    assert len(found) >= 12, found


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("A check with {} clauses tells you.", ALL[1]),
        ("All {} clauses\nare green", ALL[1]),
        ("It keeps 3 of {} clauses, and", ALL[1]),
        ("gunicorn kept about 28 of {} when we ran it", ALL[2]),
        ("`make test-part3` says 58 of {}. Point it", ALL[3]),
        ("the {} of chapter 2", OWN[2]),
        ("the {} clauses of chapter 1", OWN[1]),
        ("and {} clauses about processes", OWN[3]),
        ("a gallery of {} mistakes", sum(OF_GALLERY.values())),
        ("{} wrong mistakes of part 1", OF_GALLERY[1]),
    ],
)
def test_a_count_is_read_and_told_from_the_truth(text, number):
    (right,) = counts(text.format(number))
    assert right.number == number and number in right.due
    (wrong,) = counts(text.format(number + 100))
    assert wrong.number == number + 100 and wrong.number not in wrong.due


def test_a_chapter_counts_its_own_clauses():
    (count,) = counts(f"keeps 3 of {ALL[1]}", part=2)
    assert count.due == {ALL[2]}
    (count,) = counts(f"{ALL[1]} clauses", part=2)
    assert count.due == {ALL[2], OWN[2]}


@pytest.mark.parametrize(("word", "number"), [("twelve", 12), ("Forty-six", 46), ("ninety", 90)])
def test_a_number_in_words_is_read(word, number):
    (count,) = counts(f"{word} clauses")
    assert count.number == number


@pytest.mark.parametrize("text", ["two clauses", "2 of 18 keys", "Sixteen clients", "the 12 clues"])
def test_what_is_no_count_of_ours_is_left_alone(text):
    assert not list(counts(text))


STARTERS = [f"{part.folder}/starter.py" for part in PARTS.values()]


@pytest.mark.parametrize(
    "path", ["tests/tools/starters.py", *filter(lambda name: (ROOT / name).is_file(), STARTERS)]
)
def test_a_starter_names_the_clauses_to_the_last(path):
    text = (ROOT / path).read_text(encoding="utf-8")
    for letter, last in re.findall(rf"unwritten: ([{LETTERS}])01 to (\w+)", text):
        assert last == [id for id in CLAUSES if id[0] == letter][-1], (
            f"{path} says {letter}01 to {last}: there are more clauses now."
        )
