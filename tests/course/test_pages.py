"""What the pages say is so: links, commands, excerpts, the board they show."""

import re
import subprocess

import pytest

from tests.checker.clauses import CLAUSES
from tests.pages import anchors, blocks, pages, prose
from tests.parts import PARTS, ROOT

LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
PICTURE = re.compile(r"!\[([^\]]+)\]\(([^)\s]+)\)")
COMMAND = re.compile(r"(?:^|&& |; )make ([a-z][a-z0-9-]*)", re.MULTILINE)
HELP = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True).stdout
TARGETS = set(re.findall(r"^  ([a-z0-9-]+) +\S", HELP, re.MULTILINE))
EVERY = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
CHAPTERS = [part.chapter for part in PARTS.values()]
EACH = pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda path: path.parent.name)


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
    sources = [path.read_text(encoding="utf-8") for path in chapter.parent.glob("*.py")]
    excerpts = blocks(chapter, "python")
    assert excerpts
    for excerpt in excerpts:
        assert any(excerpt in source for source in sources), excerpt


@EVERY
def test_a_board_in_a_page_is_the_boards_own(page):
    for block in blocks(page, "text"):
        for id, title in re.findall(r"^  ([HWP][0-9]{2}) (?:ok|RED) +(.+?)  ", block, re.MULTILINE):
            assert CLAUSES[id].title == title


def test_every_target_of_make_says_what_it_does():
    said = subprocess.run(["make", "-pn", "help"], cwd=ROOT, capture_output=True, text=True).stdout
    phony = set(re.search(r"^\.PHONY: (.+)$", said, re.MULTILINE)[1].split())
    assert phony == TARGETS and len(TARGETS) > 30


def test_no_page_is_over_wide_in_its_commands():
    for page in pages():
        for block in blocks(page, "text"):
            assert max(map(len, block.splitlines())) <= 80, page
