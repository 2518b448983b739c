"""The grammar of HTTP/1.1 applied to octets: each gets the name of the part it belongs to."""

import re
from collections.abc import Callable

from .octets import View
from .parts import part

GRAMMAR = part(2)  # its patterns, parse_ and check_ functions judge what is well-formed
Piece = tuple[bytes, str, str]  # octets, name, and why if the name is "malformed"
Namer = Callable[[bytes], list[Piece]]  # what names the octets of a word, or of a line
Fields = list[tuple[bytes, bytes]]
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
    text = line.removesuffix(b"\n").removesuffix(b"\r")
    return text, line[len(text) :], next_line


def name_end(end: bytes, name: str = "CRLF") -> list[Piece]:
    """Return the end of a line: CRLF under its name, half of it as malformed."""
    if end == b"\r\n":
        return [(end, name, "")]
    return malformed(end, "LF alone; a line ends in CRLF" if end == b"\n" else "CR without LF")


def name_text(octets: bytes, name: str, why: str, allowed: re.Pattern[bytes] = TEXT) -> list[Piece]:
    """Return octets in runs: what is allowed under name, the rest malformed."""
    pieces, at = [], 0
    for run in allowed.finditer(octets):
        pieces += malformed(octets[at : run.start()], why)
        pieces.append((run[0], name, ""))
        at = run.end()
    return pieces + malformed(octets[at:], why)


def name_words(line: bytes, namers: list[Namer]) -> list[Piece]:
    """Return the words of a start-line, each by its namer, one SP between; more is malformed."""
    pieces, rest = [], line
    for place, namer in enumerate(namers):
        if place and rest.startswith(b" "):
            pieces.append((b" ", "SP", ""))
            rest = rest[1:]
        # A reason-phrase may have spaces in it, and at its start.
        spaces = b"" if namer is name_reason else rest[: len(rest) - len(rest.lstrip(b" \t"))]
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
    return name_text(word, "method", "not allowed in a token", GRAMMAR.TOKEN)


def name_target(word: bytes) -> list[Piece]:
    """Return the pieces of a request-target, in one of its forms."""
    try:
        GRAMMAR.check_target(b"GET" if word != b"*" else b"OPTIONS", word)
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


START_LINES: dict[str, list[Namer]] = {
    "request": [name_method, name_target, name_version],
    "response": [name_version, name_code, name_reason],
}


def name_field_line(line: bytes, fields: Fields) -> list[Piece]:
    """Return the pieces of a field line; a well-formed field is added to fields."""
    if line.startswith((b" ", b"\t")):
        return malformed(line, "a field line begins with its name, not with white space")
    name, colon, rest = line.partition(b":")
    if not colon:
        return malformed(line, "a field line has a colon")
    value = rest.strip(b" \t")
    before = rest[: len(rest) - len(rest.lstrip(b" \t"))]
    why = (
        "white space before the colon" if name.rstrip(b" \t") != name else "not allowed in a token"
    )
    pieces = name_text(name, "field-name", why, GRAMMAR.TOKEN) or malformed(colon, "no field-name")
    pieces += [(colon, "colon", "")] if name else []
    pieces += [(before, "OWS", "")] if before else []
    pieces += name_value(name.lower(), value, fields)
    after = rest[len(before) + len(value) :]
    return pieces + ([(after, "OWS", "")] if after else [])


def name_value(name: bytes, value: bytes, fields: Fields) -> list[Piece]:
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


def name_lines(octets: bytes, at: int, namer: Namer) -> tuple[list[Piece], int, str]:
    """Return the pieces of lines up to an empty one, where that ends, and what is missing."""
    pieces: list[Piece] = []
    while at < len(octets):
        line, end, at = cut_line(octets, at)
        if not line and end != b"\r":
            return pieces + name_end(end, "empty line"), at, ""
        pieces += namer(line) + name_end(end)
    return pieces, at, "the empty line has not come"


def name_content(
    octets: bytes, at: int, side: str, code: bytes, fields: Fields, to_head: bool
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
    fields: Fields = []
    more, at, missing = name_lines(octets, at, lambda line: name_field_line(line, fields))
    pieces += more
    if missing:
        return pieces, at, missing
    code = b"".join(word for word, name, _ in pieces if name == "status-code")
    content, at, missing = name_content(octets, at, side, code, fields, to_head)
    return pieces + content, at, missing


def wire(octets: bytes, side: str = "request", to_head: bool = False) -> View:
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
    reasons = {first: reason for first, _, _, reason in spans if reason}
    return View(octets, [span[:3] for span in spans], reasons, missing)
