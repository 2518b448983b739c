"""The pages of the course: their headings, links, commands and excerpts."""

import re
from pathlib import Path

from tests.advice import slug
from tests.board import ROOT

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return every page of the course, without what tools put there."""
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(part.startswith((".", "node_modules")) for part in path.relative_to(ROOT).parts)
    )


def prose(path: Path) -> str:
    """Return the text of a page without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def blocks(path: Path, language: str) -> list[str]:
    """Return the fenced blocks of a page in one language."""
    text = path.read_text(encoding="utf-8")
    return [block for name, block in FENCE.findall(text) if name == language]


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", prose(path), re.MULTILINE)
    found: set[str] = set()
    for heading in headings:
        name, count = slug(heading), 1
        while name in found:
            name, count = f"{name}-{count}", count + 1
        found.add(name)
    return found
