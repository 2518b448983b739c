"""Show octets in a terminal: control characters as pictures, the offending place marked."""

import sys
import textwrap

SEGMENT = 56  # columns of one line of the message before its middle is left out
Cell = tuple[str, bool]  # an octet as it is shown, and whether it is marked
NAMES = {0x0A: r"\n", 0x0D: r"\r", 0x09: r"\t"}


def can_write_pictures() -> bool:
    """Return whether stdout can write the control pictures of Unicode."""
    try:
        "␍␊…".encode(sys.__stdout__.encoding if sys.__stdout__ else "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def glyph(octet: int) -> str:
    """Return octet as it is shown: ␍ and ␊ for CR and LF, \\xe9 beyond ASCII."""
    if 0x20 <= octet < 0x7F:
        return chr(octet)
    if octet >= 0x80 or not can_write_pictures():
        return NAMES.get(octet, f"\\x{octet:02x}")
    return "␡" if octet == 0x7F else chr(0x2400 + octet)


def dots() -> str:
    """Return the sign for what is left out."""
    return "…" if can_write_pictures() else "..."


def segment_cells(octets: bytes, first: int, mark: tuple[int, int]) -> list[Cell]:
    """Return a cell for each octet, the middle left out where it is long.

    first is the offset of octets[0] in the message, mark a range of such offsets.
    """
    marked = [mark[0] <= first + at < mark[1] for at in range(len(octets))]
    cells = [(glyph(octet), hit) for octet, hit in zip(octets, marked, strict=True)]
    if sum(len(text) for text, _ in cells) <= SEGMENT:
        return cells
    ranges = [(0, 24), (len(cells) - 12, len(cells))]
    if any(marked):
        at = marked.index(True)
        ranges.append((at - 8, at + 12))
    kept = sorted({at for low, high in ranges for at in range(max(low, 0), min(high, len(cells)))})
    shown: list[Cell] = []
    for place, at in enumerate(kept):
        if place and at != kept[place - 1] + 1:
            shown.append((dots(), False))
        shown.append(cells[at])
    return shown


def show(octets: bytes, width: int, mark: tuple[int, int] = (-1, -1), most: int = 6) -> list[str]:
    """Return octets in at most about most lines of width columns, ^^^ below what is marked.

    Lines of the message stand side by side as far as they fit; a gap of one space follows
    each LF. mark is a range of offsets in octets.
    """
    segments: list[list[Cell]] = []
    start = 0
    for line in octets.split(b"\n"):
        whole = octets[start : start + len(line) + 1]
        if whole:
            segments.append(segment_cells(whole, start, mark))
        start += len(whole)
    rows: list[list[Cell]] = []
    row: list[Cell] = []
    for cells in segments:
        used = sum(len(text) for text, _ in row)
        if row and used + 1 + sum(len(text) for text, _ in cells) > width:
            rows.append(row)
            row = []
        row = [*row, *([(" ", False)] if row else []), *cells]
    rows.append(row)
    return shorten(rows, most)


def shorten(rows: list[list[Cell]], most: int) -> list[str]:
    """Return rows as text lines, those in the middle left out beyond most, never a marked one."""
    keep = [
        at < most - 2 or at == len(rows) - 1 or any(hit for _, hit in row)
        for at, row in enumerate(rows)
    ]
    lines: list[str] = []
    for at, row in enumerate(rows):
        if not keep[at]:
            if keep[at - 1]:
                lines.append(dots())
            continue
        text = "".join(text for text, _ in row)
        carets = "".join(("^" if hit else " ") * len(text) for text, hit in row).rstrip()
        lines += [text, carets] if carets else [text]
    return lines


def rows(label: str, lines: list[str]) -> list[str]:
    """Return lines indented as one entry of a diagnosis, label before the first."""
    return [f"  {label if not at else '':<10} {line}".rstrip() for at, line in enumerate(lines)]


def wrap(text: str, width: int) -> list[str]:
    """Return text in lines of at most width columns, words kept whole."""
    return textwrap.wrap(text, width, break_long_words=False, break_on_hyphens=False)
