"""Octets as text and as HTML: controls made visible, messages with the names of their parts."""

import html
import re
import textwrap
from itertools import pairwise, zip_longest
from typing import NamedTuple

from .parts import part

WIDTH = 100  # columns of every plain form

# ␀ to ␟ and ␡ for controls; beyond ASCII as part 1 prints it: \xe9.
GLYPHS = {octet: chr(0x2400 + octet) for octet in range(32)} | {0x7F: "␡"}
GLYPHS |= {octet: part(1).format_visible(bytes([octet])) for octet in range(128, 256)}
LONG = 400  # octets of one part, then its middle is left out
COLOURS = {
    **dict.fromkeys(["method", "status-code"], "#b9d7f5"),
    **dict.fromkeys(["request-target", "reason-phrase"], "#c9ebc4"),
    **dict.fromkeys(["field-name", "trailer", "chunk-ext"], "#e3d3f3"),
    **dict.fromkeys(["content", "chunk-data"], "#c5ecec"),
    **dict.fromkeys(["chunk-size", "last-chunk"], "#fbd3a6"),
    "HTTP-version": "#dde3ea",
    "field-value": "#fdf0b8",
    "malformed": "#ffffff",
}
PLAIN = "#ececec"  # SP, OWS, colon, CRLF, empty line
CHIP = "color:#111;border:1px solid #888;border-radius:3px;padding:0 1px;background:"
BAD = "color:#111;outline:3px solid #c00;outline-offset:-1px;padding:0 3px;margin:0 2px;background:"
CELL = (
    "text-align:left;vertical-align:top;color:#111;background:#fff;border:1px solid #ccc;"
    "padding:2px 6px;font-size:13px;"
)
LABELS = CELL + "min-width:24em;line-height:1.7;"
CODE = (
    "white-space:pre-wrap;overflow-wrap:anywhere;color:#111;background:none;font-size:13px;"
    "line-height:1.7;padding:0"
)


# In HTML small letters stand for the pictures, which not every font has.
NAMES = [
    "NUL", "SOH", "STX", "ETX", "EOT", "ENQ", "ACK", "BEL", "BS", "HT", "LF", "VT", "FF", "CR",
    "SO", "SI", "DLE", "DC1", "DC2", "DC3", "DC4", "NAK", "SYN", "ETB", "CAN", "EM", "SUB",
    "ESC", "FS", "GS", "RS", "US", "SP", "DEL",
]  # fmt: skip
SMALL = '<sub style="font-size:9px;vertical-align:baseline;padding:0 1px">{}</sub>'
LETTERS = {0x2400 + at: SMALL.format(name) for at, name in enumerate(NAMES)}


def style_of(name: str, in_one_line: bool) -> str:
    """Return the style of a box around a part of that name."""
    box = BAD if name == "malformed" else CHIP
    return f"{box}{COLOURS.get(name, PLAIN)}{';white-space:nowrap' if in_one_line else ''}"


def markup(thing: object) -> str:
    """Return text, or octets, as HTML: ␍ and the others as letters, ⟦this⟧ marked and bold."""
    text = html.escape(visible_lines(thing) if isinstance(thing, bytes) else str(thing))
    if "⟦" in text:
        text = text.replace("⟦", "<mark><b>⟦").replace("⟧", "⟧</b></mark>")
        text = f"<code>{text}</code>"
    return text.translate(LETTERS).replace("\n", "<br>")


def visible_lines(octets: bytes) -> str:
    """Return octets as text, controls as pictures, a new line after each LF; or "nothing"."""
    return visible(octets).replace("␊", "␊\n").removesuffix("\n") or "nothing"


def visible(octets: bytes, name: str = "") -> str:
    """Return octets as text, controls as pictures; SP as ␠ where it is a part of its own."""
    text = octets.decode("latin-1").translate(GLYPHS)
    return text.replace(" ", "␠") if name in ("SP", "OWS", "malformed") else text


class View(NamedTuple):
    """Octets and spans (start, end, name) that cover them; why: reasons by start."""

    octets: bytes
    spans: list[tuple[int, int, str]]
    why: dict[int, str]
    missing: str

    def lines(self) -> list[list[tuple[int, int, str]]]:
        """Return the spans line by line; content is cut after each LF, and its middle left out."""
        lines: list[list[tuple[int, int, str]]] = [[]]
        for start, end, name in self.spans:
            for first, last in cut_rows(self.octets, start, end):
                lines[-1].append((first, last, name))
                if self.octets[first:last].endswith(b"\n"):
                    lines.append([])
            if name in ("content", "chunk-data") and lines[-1]:
                lines.append([])
        return [line for line in lines if line]

    def names(self, line: list[tuple[int, int, str]]) -> list[str]:
        """Return the names of a line's parts, in order; content with its size, once."""
        sizes = {start: end - start for start, end, _ in self.spans}
        names = []
        for start, _, name in line:
            size = sizes.get(start)
            amount = f"{size} octet{'s' * (size > 1)}" if size else "more of it"
            names.append(f"{name} ({amount})" if name in ("content", "chunk-data") else name)
        return names

    def remarks(self) -> list[str]:
        """Return a sentence for each malformed span, and for what is missing."""
        remarks = [
            f"malformed: octet{f's {start} to {end - 1}' if end - start > 1 else f' {start}'}, "
            f"{visible(self.octets[start : min(end, start + 16)], name)}"
            f"{'…' if end - start > 16 else ''}: {self.why[start]}"
            for start, end, name in self.spans
            if name == "malformed"
        ]
        return [*remarks, *([f"missing: {self.missing}"] if self.missing else [])]

    def shown(self, start: int, end: int, name: str) -> str:
        """Return the text of octets[start:end], its middle left out if it is long."""
        if end - start <= LONG:
            return visible(self.octets[start:end], name)
        head, tail = self.octets[start : start + LONG // 2], self.octets[end - LONG // 4 : end]
        left_out = end - start - len(head) - len(tail)
        return f"{visible(head, name)} … {left_out} octets … {visible(tail, name)}"

    def _html_octets(self, line: list[tuple[int, int, str]]) -> str:
        """Return the octets of a line as HTML, a box around each part."""
        boxes = []
        for start, end, name in line:
            text = markup(self.shown(start, end, name))
            where = f"octet {start}" if end - start == 1 else f"octets {start} to {end - 1}"
            style = style_of(name, in_one_line=name == "CRLF")
            # <b> survives where style attributes are taken out.
            text = f"<b>{text}</b>" if name == "malformed" else text
            boxes.append(f'<span style="{style}" title="{name}: {where}">{text}</span>')
        return f'<code style="{CODE}">{"".join(boxes)}</code>'

    def _html_names(self, line: list[tuple[int, int, str]]) -> str:
        """Return the names of a line's parts as HTML, in their order."""
        names = []
        for (_, _, kind), name in zip(line, self.names(line), strict=True):
            style = style_of(kind, in_one_line=True)
            text = f"<b>{name}</b>" if name == "malformed" else name
            names.append(f'<span style="{style}">{text}</span>')
        return " ".join(names)

    def _repr_html_(self, labels: bool = True) -> str:
        """Return a table, a row for each line; labels adds offsets and the names of the parts."""
        rows = []
        for line in self.lines():
            cells = [f'<td align="left" style="{CELL}">{self._html_octets(line)}</td>']
            if labels:
                cells.insert(0, f'<td align="right" style="{CELL}">{line[0][0]}</td>')
                cells.append(f'<td align="left" style="{LABELS}">{self._html_names(line)}</td>')
            rows.append(f"<tr>{''.join(cells)}</tr>")
        for remark in self.remarks():
            cell = f'<td colspan="{3 if labels else 1}" align="left" style="{CELL}">'
            rows.append(f"<tr>{cell}<b>▲ {markup(remark)}</b></td></tr>")
        heads = ["octet", "on the wire", "its parts, in order"] if labels else []
        head = "".join(f'<th align="left" style="{CELL}">{text}</th>' for text in heads)
        head = f"<thead><tr>{head}</tr></thead>" if head else ""
        style = "border-collapse:collapse;margin:4px 0;table-layout:auto"
        return f'<table style="{style}">{head}<tbody>{"".join(rows)}</tbody></table>'

    def __str__(self) -> str:
        """Return the plain form: offset, octets, names; ^ below what is malformed."""
        lines = []
        for line in self.lines():
            cells = [
                (c, name == "malformed") for a, b, name in line for c in self.shown(a, b, name)
            ]
            texts = wrap_cells(cells, 44)
            names = textwrap.wrap(" ".join(self.names(line)), 47, break_on_hyphens=False)
            for at, (text, label) in enumerate(zip_longest(texts, names, fillvalue="")):
                offset = "" if at else line[0][0]
                lines.append(f"{offset:>5}  {text:<44}  {label}".rstrip())
        for remark in self.remarks():
            lines += textwrap.wrap(f"^ {remark}", WIDTH - 7, initial_indent=" " * 7,
                                   subsequent_indent=" " * 9)  # fmt: skip
        return "\n".join(lines)

    def __repr__(self) -> str:  # what IPython shows where there is no HTML
        return str(self)


def cut_rows(octets: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Return octets[start:end] as ranges that end after each LF, or as one if it is long."""
    if end - start > LONG:
        return [(start, end)]
    ends = [match.end() for match in re.compile(rb"\n").finditer(octets, start, end)]
    cuts = [start, *(cut for cut in ends if cut < end), end]
    return list(pairwise(cuts))


def wrap_cells(cells: list[tuple[str, bool]], width: int) -> list[str]:
    """Return characters in rows of width; below a row with marked ones, a row of ^."""
    rows = []
    for at in range(0, len(cells), width):
        row = cells[at : at + width]
        rows.append("".join(text for text, _ in row))
        if any(marked for _, marked in row):
            rows.append("".join("^" if marked else " " for _, marked in row).rstrip())
    return rows


def hexdump(octets: bytes, width: int = 16) -> str:
    """Return octets as lines: offset, hexadecimal, and the printable ASCII, "." for the rest."""
    lines = []
    for at in range(0, len(octets), width):
        row = octets[at : at + width]
        printable = "".join(chr(octet) if 32 <= octet < 127 else "." for octet in row)
        lines.append(f"{at:08x}  {row.hex(' '):<{3 * width - 1}}  |{printable}|")
    return "\n".join(lines)
