"""The pages of the course: their headings, links, commands and excerpts."""

import re
from pathlib import Path

from tests.parts import ROOT

FENCE = re.compile(r"^```(\w*)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Return every page of the course, without what tools put there."""
    tools = re.compile(r"\.(?!github$)|node_modules$|build$")
    return sorted(
        path
        for path in ROOT.rglob("*.md")
        if not any(tools.match(part) for part in path.relative_to(ROOT).parts)
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


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading, the first of that name on its page."""
    plain = re.sub(r"\[(.+?)\]\(.+?\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def section_of(page: Path, name: str) -> str:
    """Return the anchor of the section of page that shows name first; "" if none does.

    name is that of a function, or of a method as Class.name.
    """
    text = page.read_text(encoding="utf-8")
    shown = re.search(rf"^ *def {re.escape(name.rpartition('.')[2])}\(", text, re.MULTILINE)
    headings = re.findall(r"^##+ (.+)$", text[: shown.start()], re.MULTILINE) if shown else []
    return slug(headings[-1]) if headings else ""
