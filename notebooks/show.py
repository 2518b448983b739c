"""Pictures for the notebooks: octets with their names, hex dumps, timelines, columns, curves.

    wire(octets, side)      every octet of a message in a named part of the grammar
    hexdump(octets)         offsets, hexadecimal, printable characters
    timeline(rows)          a bar for each connection or process
    curves(series)          lines with marks, by matplotlib
    side_by_side(a=..., b=...)  and table(heads, rows)

Each returns text that can be printed; IPython shows the coloured form of it. Nothing here needs
IPython, a running kernel or the network to be read.
"""

import functools
import html
import importlib.util
import io
import re
import sys
import textwrap
import zlib
from itertools import pairwise, zip_longest
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {1: "part1_single", 2: "part2_wsgi", 3: "part3_forking"}
WIDTH = 100  # columns of every plain form


@functools.cache
def part(number: int) -> ModuleType:
    """Return the finished server of part number as a module, imported by its path."""
    name = f"part{number}_server"
    spec = importlib.util.spec_from_file_location(name, ROOT / FOLDERS[number] / "server.py")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# ---- wire: names for octets --------------------------------------------------------

GRAMMAR = part(2)  # its patterns and parse_ functions judge what is well-formed
Piece = tuple[bytes, str, str]  # octets, name, and why if the name is "malformed"
TEXT = re.compile(rb"[\t -~\x80-\xff]+")  # of field values and reason phrases
# What a further message on the same connection begins with.
STARTS = {
    "request": re.compile(rb"(%b) [!-~]+ HTTP/[0-9]\.[0-9]\r?\n" % GRAMMAR.TOKEN.pattern),
    "response": re.compile(rb"HTTP/[0-9]\.[0-9] [0-9]{3}[ \r\n]"),
}


def malformed(octets: bytes, why: str) -> list[Piece]:
    """Return octets as one malformed piece, none if there are none."""
    return [(octets, "malformed", why)] if octets else []


def cut_line(octets: bytes, at: int) -> tuple[bytes, bytes, int]:
    """Return the line at octets[at:], its end, and where the next begins."""
    newline = octets.find(b"\n", at)
    next_line = newline + 1 or len(octets)
    line = octets[at:next_line]
    end = re.search(rb"\r?\n?\Z", line)[0]
    return line[: len(line) - len(end)], end, next_line


def name_end(end: bytes, name: str = "CRLF") -> list[Piece]:
    """Return the end of a line: CRLF under its name, half of it as malformed."""
    if end == b"\r\n":
        return [(end, name, "")]
    return malformed(end, "LF alone; a line ends in CRLF" if end == b"\n" else "CR without LF")


def name_text(octets: bytes, name: str, why: str, allowed: re.Pattern = TEXT) -> list[Piece]:
    """Return octets in runs: what is allowed under name, the rest malformed."""
    pieces, at = [], 0
    for run in allowed.finditer(octets):
        pieces += malformed(octets[at : run.start()], why)
        pieces.append((run[0], name, ""))
        at = run.end()
    return pieces + malformed(octets[at:], why)


def name_words(line: bytes, namers: list) -> list[Piece]:
    """Return the words of a start-line, each by its namer, one SP between; more is malformed."""
    pieces, rest = [], line
    for place, namer in enumerate(namers):
        if place and rest.startswith(b" "):
            pieces.append((b" ", "SP", ""))
            rest = rest[1:]
        # A reason-phrase may have spaces in it, and at its start.
        spaces = b"" if namer is name_reason else re.match(rb"[ \t]*", rest)[0]
        pieces += malformed(spaces, "white space where a word is due")
        rest = rest[len(spaces) :]
        word = rest if namer is name_reason else rest.split(b" ", 1)[0]
        pieces += namer(word)
        rest = rest[len(word) :]
    return pieces + malformed(rest, "the line should have ended before this")


def name_start_line(line: bytes, end: bytes, side: str) -> list[Piece]:
    """Return the pieces of a start-line and its end, which is malformed if words are missing."""
    pieces = name_words(line, START_LINES[side])
    if end and line.count(b" ") < 2:
        return pieces + malformed(end, "the line ends before it has three parts")
    return pieces + name_end(end)


def name_method(word: bytes) -> list[Piece]:
    """Return the pieces of a method: a token."""
    return name_text(word, "method", "no octet of a token", GRAMMAR.TOKEN)


def name_target(word: bytes) -> list[Piece]:
    """Return the pieces of a request-target, in one of its forms."""
    try:
        GRAMMAR.parse_target(b"GET" if word != b"*" else b"OPTIONS", word)
    except GRAMMAR.HTTPError as error:
        # The authority-form, which CONNECT alone has.                   RFC 9112 §3.2.3
        if not re.fullmatch(rb"[^/?#@:]+:[0-9]+", word):
            return malformed(word, error.reason.rstrip("."))
    return [(word, "request-target", "")]


def name_version(word: bytes) -> list[Piece]:
    """Return the piece of an HTTP-version."""
    if GRAMMAR.VERSION.fullmatch(word):
        return [(word, "HTTP-version", "")]
    return malformed(word, "the version reads HTTP/1.1")


def name_code(word: bytes) -> list[Piece]:
    """Return the piece of a status-code."""
    if re.fullmatch(rb"[0-9]{3}", word):
        return [(word, "status-code", "")]
    return malformed(word, "a status-code has three digits")


def name_reason(words: bytes) -> list[Piece]:
    """Return the pieces of a reason-phrase, which may be empty."""
    return name_text(words, "reason-phrase", "a control character")


START_LINES = {
    "request": [name_method, name_target, name_version],
    "response": [name_version, name_code, name_reason],
}


def name_field_line(line: bytes, fields: list[tuple[bytes, bytes]]) -> list[Piece]:
    """Return the pieces of a field line; a well-formed field is added to fields."""
    if line.startswith((b" ", b"\t")):
        return malformed(line, "a field line begins with its name, not with white space")
    name, colon, rest = line.partition(b":")
    if not colon:
        return malformed(line, "a field line has a colon")
    value = rest.strip(b" \t")
    before = rest[: len(rest) - len(rest.lstrip(b" \t"))]
    why = "white space before the colon" if name.rstrip(b" \t") != name else "no octet of a token"
    pieces = name_text(name, "field-name", why, GRAMMAR.TOKEN) or malformed(colon, "no field-name")
    pieces += [(colon, "colon", "")] if name else []
    pieces += [(before, "OWS", "")] if before else []
    pieces += name_value(name.lower(), value, fields)
    after = rest[len(before) + len(value) :]
    return pieces + ([(after, "OWS", "")] if after else [])


def name_value(name: bytes, value: bytes, fields: list[tuple[bytes, bytes]]) -> list[Piece]:
    """Return the pieces of a field-value; a well-formed field is added to fields."""
    if name == b"content-length" and not GRAMMAR.DIGITS.fullmatch(value):
        return malformed(value, "a length is digits alone")
    if name == b"content-length" and name in dict(fields):
        return malformed(value, "a second Content-Length")
    pieces = name_text(value, "field-value", "a control character")
    if all(kind != "malformed" for _, kind, _ in pieces):
        fields.append((name, value))
    return pieces


def name_chunks(octets: bytes, at: int) -> tuple[list[Piece], int, str]:
    """Return the pieces of chunked content, where it ends, and what is missing."""
    pieces: list[Piece] = []
    while at < len(octets):
        line, end, at = cut_line(octets, at)
        match = GRAMMAR.CHUNK_LINE.fullmatch(line)
        if not match:
            why = "a chunk begins with its size in hexadecimal digits"
            return pieces + malformed(line + end + octets[at:], why), len(octets), ""
        size = int(match[1], 16)
        name = "chunk-size" if size else "last-chunk"
        pieces.append((line[: match.end(1)], name, ""))
        pieces += [(line[match.end(1) :], "chunk-ext", "")] if match.end(1) < len(line) else []
        pieces += name_end(end)
        if not size:
            more, at, missing = name_lines(octets, at, lambda line: [(line, "trailer", "")])
            return pieces + more, at, missing
        data = octets[at : at + size]
        pieces += [(data, "chunk-data", "")] if data else []
        at += len(data)
        if len(data) < size:
            return pieces, at, f"{size} octets of chunk-data announced, {len(data)} came"
        line, end, at = cut_line(octets, at)
        pieces += malformed(line, "more octets than chunk-size says") + name_end(end)
    return pieces, at, "the last chunk (0) has not come"


def name_lines(octets: bytes, at: int, namer) -> tuple[list[Piece], int, str]:
    """Return the pieces of lines up to an empty one, where that ends, and what is missing."""
    pieces: list[Piece] = []
    while at < len(octets):
        line, end, at = cut_line(octets, at)
        if not line and end != b"\r":
            return pieces + name_end(end, "empty line"), at, ""
        pieces += namer(line) + name_end(end)
    return pieces, at, "the empty line has not come"


def name_content(
    octets: bytes, at: int, side: str, code: bytes, fields: list, to_head: bool
) -> tuple[list[Piece], int, str]:
    """Return the pieces of the content at octets[at:], its end, and what is missing."""
    bare = to_head or code.startswith(b"1") or code in (b"204", b"304")
    if not bare and GRAMMAR.parse_list(fields, b"transfer-encoding")[-1:] == [b"chunked"]:
        return name_chunks(octets, at)
    until_close = side == "response" and b"content-length" not in dict(fields)
    # int() fails above 4,300 digits, and nobody sends 10**18 octets.
    length = int(dict(fields).get(b"content-length", b"0").lstrip(b"0")[:18] or b"0")
    length = 0 if bare else len(octets) - at if until_close else length
    content = octets[at : at + length]
    missing = f"{length} octets of content announced, {len(content)} came"
    pieces = [(content, "content", "")] if content else []
    return pieces, at + len(content), missing if len(content) < length else ""


def name_message(octets: bytes, at: int, side: str, to_head: bool) -> tuple[list[Piece], int, str]:
    """Return the pieces of the message at octets[at:], where it ends, and what is missing."""
    pieces: list[Piece] = []
    while side == "request" and octets.startswith(b"\r\n", at):  # RFC 9112 §2.2
        pieces, at = [*pieces, (b"\r\n", "empty line", "")], at + 2
    line, end, at = cut_line(octets, at)
    pieces += name_start_line(line, end, side)
    fields: list[tuple[bytes, bytes]] = []
    more, at, missing = name_lines(octets, at, lambda line: name_field_line(line, fields))
    pieces += more
    if missing:
        return pieces, at, missing
    code = b"".join(word for word, name, _ in pieces if name == "status-code")
    content, at, missing = name_content(octets, at, side, code, fields, to_head)
    return pieces + content, at, missing


def wire(octets: bytes, side: str = "request", to_head: bool = False) -> "View":
    """Return a view of octets in which each belongs to a named part of the grammar.

    side is "request" or "response"; to_head says that a response answers HEAD. What follows a
    complete message is named as the next one if it begins like one, else as malformed.
    """
    octets = bytes(octets)
    pieces, at, missing = name_message(octets, 0, side, to_head)
    while at < len(octets) and not missing:
        if not STARTS[side].match(octets, at):
            pieces += malformed(octets[at:], "after the end of the message")
            break
        more, at, missing = name_message(octets, at, side, to_head)
        pieces += more
    spans, start = [], 0
    for part_of_it, name, why in pieces:
        spans.append((start, start + len(part_of_it), name, why))
        start += len(part_of_it)
    assert b"".join(piece[0] for piece in pieces) == octets
    why = {first: reason for first, _, _, reason in spans if reason}
    return View(octets, [span[:3] for span in spans], why, missing)


# ---- View: octets with their names, as HTML and as text ----------------------------

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
CELL = "text-align:left;vertical-align:top;color:#111;background:#fff;border:1px solid #ccc;"
CELL += "padding:2px 6px;font-size:13px;"
LABELS = CELL + "min-width:24em;line-height:1.7;"
CODE = "white-space:pre-wrap;overflow-wrap:anywhere;color:#111;background:none;font-size:13px;"
CODE += "line-height:1.7;padding:0"


# In HTML small letters stand for the pictures, which not every font has.
NAMES = "NUL SOH STX ETX EOT ENQ ACK BEL BS HT LF VT FF CR SO SI DLE DC1 DC2 DC3 DC4 NAK SYN ETB "
NAMES = [*(NAMES + "CAN EM SUB ESC FS GS RS US SP DEL").split()]
SMALL = '<sub style="font-size:9px;vertical-align:baseline;padding:0 1px">{}</sub>'
LETTERS = {0x2400 + at: SMALL.format(name) for at, name in enumerate(NAMES)}


def markup(text: object) -> str:
    """Return text as HTML, ␍ and the other pictures as small letters."""
    return html.escape(str(text)).translate(LETTERS)


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
        lines: list[list] = [[]]
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
            if name in ("content", "chunk-data"):
                name += f" ({size} octet{'s' * (size > 1)})" if size else " (more of it)"
            names.append(name)
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
            style = (BAD if name == "malformed" else CHIP) + COLOURS.get(name, PLAIN)
            # <b> survives where style attributes are taken out.
            text = f"<b>{text}</b>" if name == "malformed" else text
            boxes.append(f'<span style="{style}" title="{name}: {where}">{text}</span>')
        return f'<code style="{CODE}">{"".join(boxes)}</code>'

    def _html_names(self, line: list[tuple[int, int, str]]) -> str:
        """Return the names of a line's parts as HTML, in their order."""
        names = []
        for (_, _, kind), name in zip(line, self.names(line), strict=True):
            style = (BAD if kind == "malformed" else CHIP) + COLOURS.get(kind, PLAIN)
            style += ";white-space:nowrap"
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

    __repr__ = __str__  # what IPython shows where there is no HTML


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


# ---- timeline ----------------------------------------------------------------------

MARKS = ("connect", "fork", "handle", "answer", "exit", "reap")
FONT = 'font-family="sans-serif" fill="#111"'
CANVAS = 800  # units across
TALL = 24  # rows up to here have 28 units each; more share what these take


class Row(NamedTuple):
    """A connection or a process: marks are seconds by name, of MARKS."""

    label: str
    marks: dict[str, float]


class Drawing(NamedTuple):
    """A picture as SVG, and the text that says the same."""

    svg: str
    text: str

    def _repr_svg_(self) -> str:
        return self.svg

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


def phases(marks: dict[str, float], until: float) -> list[tuple[str, float, float, bool]]:
    """Return (phase, from, to, open) of a row; open: what ends it has not happened."""
    order = [
        ("waiting", ("connect",), ("fork", "handle", "answer", "exit")),
        ("handling", ("handle", "fork"), ("answer", "exit", "reap")),
        ("ending", ("answer",), ("exit",)),
        ("zombie", ("exit",), ("reap",)),
    ]
    found = []
    for phase, starts, ends in order:
        start = min((marks[name] for name in starts if name in marks), default=None)
        end = min((marks[name] for name in ends if name in marks), default=None)
        if start is None or (phase == "ending" and end is None):
            continue  # a server that does not fork answers, and no process ends
        found.append((phase, start, until if end is None else end, end is None))
    return found


def nice_step(span: float, most: int = 9) -> float:
    """Return 1, 2 or 5 times a power of ten, so that span has no more than most such steps."""
    power = 1e-9
    while True:
        for factor in (1, 2, 5):
            if span / (factor * power) <= most:
                return factor * power
        power *= 10


def svg_phase(phase: str, x: float, y: float, width: float, height: float, key: str) -> str:
    """Return a bar: waiting and zombie hatched, handling solid, ending empty."""
    fill = {"handling": "#2f6db3", "ending": "#fff"}.get(phase, f"url(#{phase}{key})")
    box = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}"'
    bar = f'<rect {box} fill="{fill}" stroke="#111" stroke-width="1"/>'
    if phase == "zombie" and width >= 16 and height >= 12:
        middle = x + width / 2
        bar += f'<rect x="{middle - 7:.1f}" y="{y + 1:.1f}" width="14" height="{height - 2:.1f}"'
        bar += f' fill="#fff"/><text x="{middle:.1f}" y="{y + height / 2 + 5:.1f}"'
        bar += f' text-anchor="middle" font-size="14" font-weight="bold" {FONT}>Z</text>'
    return bar


def svg_mark(name: str, x: float, y: float, size: float) -> str:
    """Return the sign of a mark at (x, y): ▲ fork, ● answer, × exit, ◆ reap, | the others."""
    s = round(size, 1)
    paths = {
        "fork": f"m{-s} {s}l{s} {-2 * s}l{s} {2 * s}Z",
        "reap": f"m{-s} 0l{s} {-s}l{s} {s}l{-s} {s}Z",
        "exit": f"m{-s} {-s}l{2 * s} {2 * s}m{-2 * s} 0l{2 * s} {-2 * s}",
    }
    if name == "answer":
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{s}" fill="#fff" stroke="#111"/>'
    path = f"M{x:.1f} {y:.1f}" + paths.get(name, f"m0 {-2 * s}v{4 * s}")
    fill = {"fork": "#fff", "reap": "#111"}.get(name, "none")
    width = 1 if name == "fork" else 2.5
    white = f'<path d="{path}" fill="none" stroke="#fff" stroke-width="5"/>'
    return (white if name == "exit" else "") + (
        f'<path d="{path}" fill="{fill}" stroke="#111" stroke-width="{width}"/>'
    )


def svg_row(row: Row, until: float, left: float, scale: float, y: float, high: float, key: str):
    """Return the bars and marks of a row whose top is y, as SVG."""
    out, middle, size = [], y + high / 2, min(5.0, high / 4)
    for phase, start, end, is_open in phases(row.marks, until):
        x, width = left + start * scale, (end - start) * scale
        out.append(svg_phase(phase, x, y + high * 0.2, width, high * 0.6, key))
        if is_open:
            arrow = f"M{x + width:.1f} {middle - 5:.1f}l7 5l-7 5Z"
            out.append(f'<path d="{arrow}" fill="#111"/>')
    out += [
        svg_mark(name, left + row.marks[name] * scale, middle, size)
        for name in MARKS
        if name in row.marks and name != "handle"
    ]
    told = ", ".join(f"{name} {row.marks[name]:.3f} s" for name in MARKS if name in row.marks)
    return f"<g><title>{html.escape(f'{row.label}: {told}')}</title>{''.join(out)}</g>"


def svg_legend(rows: list[Row], until: float, y: float, key: str) -> tuple[str, float]:
    """Return the legend of what occurs in rows, and the height that it takes."""
    bars = {phase for row in rows for phase, *_ in phases(row.marks, until)}
    signs = {name for row in rows for name in row.marks} - {"handle"}
    words = {"zombie": "zombie (Z)", "ending": "answered, not ended"}
    entries = [(name, True) for name in ("waiting", "handling", "ending", "zombie") if name in bars]
    entries += [(name, False) for name in MARKS if name in signs]
    out, x, height = [], 12.0, 26.0
    for name, is_bar in entries:
        word = words.get(name, name)
        wide = (36 if is_bar else 22) + 8.6 * len(word) + 12
        if x + wide > CANVAS:
            x, y, height = 12.0, y + 24, height + 24
        if is_bar:
            out.append(svg_phase(name, x, y - 12, 30, 15, key))
        else:
            out.append(svg_mark(name, x + 8, y - 5, 5))
        at = x + (36 if is_bar else 20)
        out.append(f'<text x="{at:.1f}" y="{y}" font-size="15" {FONT}>{word}</text>')
        x += wide
    return "".join(out), height


def svg_axis(until: float, left: float, scale: float, top: float, bottom: float) -> str:
    """Return the axis in seconds: lines behind the bars, numbers below."""
    step, out, count = nice_step(until), [], 0
    while count * step <= until * 1.0001:
        x = left + count * step * scale
        out.append(f'<path d="M{x:.1f} {top}V{bottom + 5}" stroke="#bbb" stroke-width="1"/>')
        text = f"{count * step:g}"
        out.append(
            f'<text x="{x:.1f}" y="{bottom + 22}" text-anchor="middle" font-size="15" {FONT}>'
            f"{text}</text>"
        )
        count += 1
    out.append(f'<path d="M{left} {bottom}H{CANVAS - 20}" stroke="#111" stroke-width="1.5"/>')
    out.append(
        f'<text x="{CANVAS - 20}" y="{bottom + 42}" text-anchor="end" font-size="15" {FONT}>'
        "seconds</text>"
    )
    return "".join(out)


def hatches(key: str) -> str:
    """Return the two patterns: light for waiting, dense for a zombie; key makes the ids unique."""
    one = '<pattern id="{0}" width="{1}" height="{1}" patternUnits="userSpaceOnUse" '
    one += 'patternTransform="rotate({2})"><rect width="{1}" height="{1}" fill="{3}"/>'
    one += '<path d="M0 0V{1}" stroke="#111" stroke-width="{4}"/></pattern>'
    waiting = one.format(f"waiting{key}", 10, 45, "#f3f3f3", 1.4)
    return f"<defs>{waiting}{one.format(f'zombie{key}', 5, -45, '#f6c4c4', 3)}</defs>"


def timeline(rows: list[Row], title: str = "", until: float | None = None) -> Drawing:
    """Return bars over seconds: waiting hatched, handling solid, a zombie hatched dense with Z.

    What has begun and not ended goes on to until (by default the last mark), with an arrow.
    """
    rows = [Row(*row) for row in rows]
    unknown = {name for row in rows for name in row.marks} - set(MARKS)
    if unknown:
        raise ValueError(f"no such mark: {', '.join(sorted(unknown))}; there are {MARKS}")
    last = max((time for row in rows for time in row.marks.values()), default=1.0)
    until = until or last * 1.03 or 1.0
    key = f"{zlib.crc32(repr((rows, title, until)).encode()):x}"
    left = 20 + 8.6 * max((len(row.label) for row in rows), default=0)
    scale = (CANVAS - 20 - left) / until
    legend, used = svg_legend(rows, until, 52 if title else 24, key)
    top = (40 if title else 12) + used
    high = 28.0 if len(rows) <= TALL else max(28.0 * TALL / len(rows), 6.0)
    every = 1 if high >= 17 else round(17 / high + 0.5)
    bottom = top + high * len(rows) + 4
    out = [f'<rect width="{CANVAS}" height="{bottom + 52}" fill="#fff"/>', hatches(key), legend]
    if title:
        out.append(f'<text x="12" y="24" font-size="18" font-weight="bold" {FONT}>')
        out.append(f"{html.escape(title)}</text>")
    out.append(svg_axis(until, left, scale, top, bottom))
    for at, row in enumerate(rows):
        y = top + at * high
        if at % every == 0:
            out.append(f'<text x="{left - 10}" y="{y + high / 2 + 5:.1f}" text-anchor="end" ')
            out.append(f'font-size="15" {FONT}>{html.escape(row.label)}</text>')
        out.append(svg_row(row, until, left, scale, y, high, key))
    label = html.escape(title or "timeline", quote=True)
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {bottom + 52:.0f}" '
    head += f'width="{CANVAS}" height="{bottom + 52:.0f}" role="img" aria-label="{label}">'
    return Drawing(f"{head}{''.join(out)}</svg>", timeline_text(rows, title))


def timeline_text(rows: list[Row], title: str) -> str:
    """Return the marks of rows as a table, in seconds."""
    names = [name for name in MARKS if any(name in row.marks for row in rows)]
    wide = max([len(row.label) for row in rows] + [7])
    lines = [title, f"{'seconds':<{wide}}" + "".join(f"{name:>10}" for name in names)]
    for row in rows:
        times = (f"{row.marks[name]:.3f}" if name in row.marks else "-" for name in names)
        lines.append(f"{row.label:<{wide}}" + "".join(f"{time:>10}" for time in times))
    return "\n".join(line for line in lines if line)


# ---- curves, columns ---------------------------------------------------------------


def curves(
    series: dict[str, list[tuple[float, float]]],
    title: str = "",
    x: str = "",
    y: str = "",
    log: str = "",
) -> Drawing:
    """Return a plot of points (x, y) by name, lines apart by marker and dash; log: "", "x", "xy".

    The text in it stays text.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    styles = [("o", "-"), ("s", "--"), ("^", ":"), ("D", "-."), ("x", "-"), ("v", "--")]
    settings = {"svg.fonttype": "none", "svg.hashsalt": title, "font.size": 13}
    with rc_context(settings | {"font.family": "sans-serif"}):
        figure = Figure(figsize=(8.5, 4.4), layout="constrained")
        axes = figure.add_subplot(title=title, xlabel=x, ylabel=y)
        for at, (name, points) in enumerate(series.items()):
            marker, dash = styles[at % len(styles)]
            axes.plot(*zip(*points, strict=True), dash, marker=marker, markersize=6, label=name)
        axes.set_xscale("log" if "x" in log else "linear")
        axes.set_yscale("log" if "y" in log else "linear")
        axes.grid(alpha=0.4)
        if len(series) > 1:
            axes.legend()
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    lines = [f"{name}: " + ", ".join(f"({a:g}, {b:g})" for a, b in points[:40])
             for name, points in series.items()]  # fmt: skip
    text = "\n".join(textwrap.fill(line, WIDTH) for line in [title, *lines] if line)
    return Drawing(svg[svg.index("<svg") :], text)


class Columns(NamedTuple):
    """Things beside each other, each under its name."""

    named: dict[str, object]

    def _repr_html_(self) -> str:
        """Return a table of one row; views have their names as labels where two stand there."""
        head, cells = [], []
        wide = f"{CELL}width:{100 // len(self.named)}%"
        for name, thing in self.named.items():
            head.append(f'<th align="left" style="{CELL}">{html.escape(name)}</th>')
            if isinstance(thing, View):
                inside = thing._repr_html_(labels=len(self.named) < 2)
            elif isinstance(thing, Drawing):
                inside = thing.svg
            elif hasattr(thing, "_repr_html_"):
                inside = thing._repr_html_()
            else:
                text = visible_lines(thing) if isinstance(thing, bytes) else str(thing)
                inside = f'<pre style="{CODE}">{markup(text)}</pre>'
            cells.append(f'<td align="left" valign="top" style="{wide}">{inside}</td>')
        rows = f"<tr>{''.join(head)}</tr><tr>{''.join(cells)}</tr>"
        return f'<table style="border-collapse:collapse">{rows}</table>'

    def __str__(self) -> str:
        """Return the columns as text; drawings below each other, for they do not wrap."""
        if any(isinstance(thing, Drawing) for thing in self.named.values()):
            return "\n\n".join(f"{name}\n{thing}" for name, thing in self.named.items())
        width = (WIDTH + 2) // len(self.named) - 2
        columns = []
        for name, thing in self.named.items():
            text = thing.octets if isinstance(thing, View) else thing
            text = visible_lines(text) if isinstance(text, bytes) else str(text)
            rows = [name[:width], "-" * width]
            for line in text.split("\n"):
                rows += [line[at : at + width] for at in range(0, len(line), width)] or [""]
            columns.append(rows)
        return "\n".join(
            "  ".join(f"{cell:<{width}}" for cell in row).rstrip()
            for row in zip_longest(*columns, fillvalue="")
        )

    __repr__ = __str__


def shorten(text: str, most: int = 40) -> str:
    """Return text, or its beginning and … if it is longer than most characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def visible_lines(octets: bytes) -> str:
    """Return octets as text, controls as pictures, a new line after each LF."""
    return visible(octets).replace("␊", "␊\n").removesuffix("\n")


def side_by_side(**named: object) -> Columns:
    """Return named text, octets, views or drawings as columns; a_b is headed "a b"."""
    return Columns({name.replace("_", " "): thing for name, thing in named.items()})


class Table(NamedTuple):
    """Rows of text under heads."""

    heads: list[str]
    rows: list[list[str]]

    def _repr_html_(self) -> str:
        """Return a table; the first cell of a row is its head."""
        head = "".join(f'<th align="left" style="{CELL}">{html.escape(h)}</th>' for h in self.heads)
        body = []
        for row in self.rows:
            cells = [f'<td align="left" style="{CELL}">{markup(cell)}</td>' for cell in row]
            cells[0] = cells[0].replace("<td", "<th").replace("</td", "</th")
            body.append(f"<tr>{''.join(cells)}</tr>")
        style = "border-collapse:collapse;margin:4px 0"
        return f'<table style="{style}"><thead><tr>{head}</tr></thead>{"".join(body)}</table>'

    def __str__(self) -> str:
        """Return the rows in columns of at most WIDTH together, long cells wrapped."""
        rows = [[str(cell) for cell in row] for row in [self.heads, *self.rows]]
        wants = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
        most = WIDTH - 2 * (len(wants) - 1)
        while sum(wants) > most:
            wants[wants.index(max(wants))] -= 1
        lines = []
        for at, row in enumerate(rows):
            cells = [
                textwrap.wrap(cell, width, break_on_hyphens=False)
                for cell, width in zip(row, wants, strict=True)
            ]
            for line in zip_longest(*cells, fillvalue=""):
                texts = (f"{text:<{w}}" for text, w in zip(line, wants, strict=True))
                lines.append("  ".join(texts).rstrip())
            if at == 0:
                lines.append("  ".join("-" * w for w in wants))
        return "\n".join(lines)

    __repr__ = __str__


def table(heads: list[str], rows: list[list[object]]) -> Table:
    """Return rows under heads; the first cell of a row is its name."""
    return Table(list(heads), [list(row) for row in rows])
