"""What the pages say is so: links, commands, excerpts, the board they show."""

import re
import subprocess
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

import pytest

from tests.checker.clauses import CLAUSES
from tests.pages import FENCE, anchors, blocks, pages, prose
from tests.parts import CLAUSE_ID, PARTS, ROOT

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|&& |; )make ([a-z][a-z0-9-]*)", re.MULTILINE)
BOARD_ROW = re.compile(rf"^  ({CLAUSE_ID}) (?:ok|RED) +(.+?)  ", re.MULTILINE)
HELP = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
TARGETS = set(re.findall(r"^  ([a-z0-9-]+) +\S", HELP, re.MULTILINE))
EVERY = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
CHAPTERS = [path for part in PARTS.values() for path in sorted(part.path.glob("README*.md"))]
EACH = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: str(path.relative_to(ROOT)))


@EVERY
def test_every_link_inside_the_course_leads_somewhere(page):
    for link in LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        aim = (page.parent / path).resolve() if path else page
        assert aim.exists(), link
        assert not anchor or anchor in anchors(aim), link


@EVERY
def test_a_caption_names_no_seconds_that_its_picture_does_not_show(page):
    for caption, path in PICTURE.findall(prose(page)):
        picture = page.parent / path
        assert picture.is_file(), path
        for seconds in re.findall(r"([0-9.]+) seconds", caption):
            assert picture.suffix == ".svg", f"{path}: what a picture says is read from SVG only"
            assert f"in {seconds} s," in picture.read_text(encoding="utf-8"), caption


@EVERY
def test_every_make_command_exists(page):
    text = page.read_text(encoding="utf-8")
    commands = "\n".join(re.findall(r"`([^`\n]+)`", text) + blocks(page, "sh"))
    for name in COMMAND.findall(commands):
        assert name in TARGETS, f"make {name}"


@EVERY
def test_every_file_that_a_command_names_exists(page):
    for block in blocks(page, "sh"):
        for path in re.findall(r"(?<![\w/.])(?:part[0-9]_\w+|tests|notebooks)/[\w./]+", block):
            if not path.endswith("mine.py"):
                assert (ROOT / path).exists(), path


@EACH
def test_every_excerpt_is_the_files_own_text(chapter):
    paths = sorted(chapter.parent.glob("*.py"))
    sources = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in paths}
    excerpts = blocks(chapter, "python")
    assert excerpts
    said = [words for excerpt in excerpts if (words := excerpt_differs(excerpt, sources))]
    if said:
        page = chapter.relative_to(ROOT).as_posix()
        pytest.fail("\n  ".join(f"{page}: {words}" for words in said), pytrace=False)


def excerpt_differs(excerpt: str, sources: dict[str, str]) -> str:
    """Return where an excerpt first differs from the place most like it; "" if it is the same.

    sources has texts by the name of their file.
    """
    if any(excerpt in source for source in sources.values()):
        return ""
    lines = excerpt.splitlines()
    _, name, first = max(closest(lines, name, source) for name, source in sources.items())
    there = sources[name].splitlines()[first : first + len(lines)]
    number, here, line = next(
        (number, here, line)
        for number, (here, line) in enumerate(zip_longest(lines, there), first + 1)
        if here != line
    )
    return (
        f"the code that begins with {lines[0].strip()!r} has {here.strip()!r}, and {name} has "
        f"{(line or '').strip()!r} there, in line {number}."
    )


def closest(lines: list[str], name: str, source: str) -> tuple[tuple[int, ...], str, int]:
    """Return how like lines the place most like them is, the name, and its first line, from 0."""
    there = source.splitlines()
    matcher = SequenceMatcher(b=lines, autojunk=False)
    found = []
    for first in range(len(there)):
        place = there[first : first + len(lines)]
        matcher.set_seq1(place)
        same = [here == line for here, line in zip(lines, place, strict=False)]
        alike = sum(block.size for block in matcher.get_matching_blocks())
        # Where a line was put in, the lines before it say where that was.
        leading = [*same, False].index(False)
        found.append(((alike, leading, sum(same)), name, first))
    return max(found, default=((), name, 0))


SOURCES = {
    "a.py": "import os\n\n\ndef f(x):\n    y = x\n    z = y\n    return z\n",
    "b.py": "def g():\n    pass\n",
    "c.py": "def f(x):\n    w = x\n    pass\n",
}


@pytest.mark.parametrize(
    ("excerpt", "words"),
    [
        ("    y = x\n    z = y\n", ""),
        (
            "def f(x):\n    y = x\n    z = 1\n    return z\n",
            "'def f(x):' has 'z = 1', and a.py has 'z = y' there, in line 6.",
        ),
        (
            "def f(x):\n    z = y\n    return z\n",
            "'def f(x):' has 'z = y', and a.py has 'y = x' there, in line 5.",
        ),
        (
            "def f(y):\n    y = x\n    z = y\n",
            "'def f(y):' has 'def f(y):', and a.py has 'def f(x):' there, in line 4.",
        ),
        (
            "def f(x):\n    w = x\n    z = y\n    return z\n",
            "'def f(x):' has 'w = x', and a.py has 'y = x' there, in line 5.",
        ),
        (
            "def g():\n    pass\n    return\n",
            "'def g():' has 'return', and b.py has '' there, in line 3.",
        ),
    ],
    ids=["same", "another-line", "a-line-less", "first-line", "most-lines", "past-the-end"],
)
def test_an_excerpt_that_differs_is_told_with_its_first_line_that_does(excerpt, words):
    said = excerpt_differs(excerpt, SOURCES)
    assert said == (f"the code that begins with {words}" if words else "")


def translation_lacks(original: Path, translation: Path) -> str:
    """Return what a translation has otherwise than its original, in a sentence; "" if nothing."""
    texts = [path.read_text(encoding="utf-8") for path in (original, translation)]
    for one, other in zip_longest(*(FENCE.findall(text) for text in texts), fillvalue=("", "")):
        if one != other:
            found = (other[1] or one[1]).partition("\n")[0]
            return f"{translation.name} has not the blocks of {original.name}: see {found!r}."
    for path, aim, text in zip(
        (original, translation), (translation, original), texts, strict=True
    ):
        if f"]({aim.name})" not in text:
            return f"{path.name} has no link to {aim.name}."
    return ""


@pytest.mark.parametrize(
    ("original", "translation", "words"),
    [
        ("[de](README.de.md)\n```sh\na\n```\n", "[en](README.md)\n```sh\na\n```\n", ""),
        ("```sh\na\n```\n```sh\nb\n```\n", "```sh\na\n```\n", "README.md: see 'b'"),
        ("```sh\na\n```\n", "```sh\nc\n```\n", "has not the blocks of README.md: see 'c'"),
        ("[de](README.de.md)", "", "README.de.md has no link to README.md"),
        ("", "[en](README.md)", "README.md has no link to README.de.md"),
    ],
    ids=["right", "a-block-less", "another-block", "no-link-back", "no-link"],
)
def test_a_translation_that_differs_is_told(tmp_path, original, translation, words):
    paths = tmp_path / "README.md", tmp_path / "README.de.md"
    for path, text in zip(paths, (original, translation), strict=True):
        path.write_text(text, encoding="utf-8")
    said = translation_lacks(*paths)
    assert words in said and bool(words) == bool(said)


@EACH
def test_a_translation_has_the_blocks_of_its_original(chapter):
    if chapter.name != "README.md":
        said = translation_lacks(chapter.with_name("README.md"), chapter)
        assert not said, said


@EVERY
def test_a_board_in_a_page_is_the_boards_own(page):
    for block in blocks(page, "text"):
        for id, title in BOARD_ROW.findall(block):
            assert CLAUSES[id].title == title


def test_every_target_of_make_says_what_it_does():
    said = subprocess.run(["make", "-pn", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    phony = set(re.search(r"^\.PHONY: (.+)$", said, re.MULTILINE)[1].split())
    assert phony == TARGETS and len(TARGETS) > 30


def test_no_page_is_over_wide_in_its_commands():
    for page in pages():
        for block in blocks(page, "text"):
            assert max(map(len, block.splitlines())) <= 80, page
