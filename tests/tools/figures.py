"""Draw the figures of chapter 1 as SVG: python -m tests.tools.figures.

Dark on a white sheet of their own, so that they read the same in a light and in a dark theme;
what is told apart is told apart by words, lines and hatching, never by colour.
"""

import html
from itertools import pairwise
from pathlib import Path

from tests.parts import PARTS

FOLDER = PARTS[1].path / "figures"
INK, GREY = "#111", "#666"
SANS, MONO = "sans-serif", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace"
HATCH = (
    '<defs><pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" '
    'patternTransform="rotate(45)"><rect width="6" height="6" fill="#fff"/>'
    f'<line x1="0" y1="0" x2="0" y2="6" stroke="{INK}" stroke-width="2"/></pattern>'
    '<marker id="tip" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
    f'orient="auto-start-reverse"><path d="M0 0L10 5L0 10z" fill="{INK}"/></marker></defs>'
)

# What ss prints in the chapter while nc is silent and two curls wait.
LISTENER = ("2", "128")  # Recv-Q, Send-Q
CONNECTIONS = (
    ("nc", "56222", "0"),
    ("curl …/second", "56234", "84"),
    ("curl …/third", "56240", "83"),
)

REQUEST = b"GET /hello HTTP/1.1\r\nHost: a\r\n\r\n"
CUTS = (
    ("all at once", ()),
    ("inside a word", (23,)),
    ("inside CRLF, and once more", (20, 29)),
)

INNER = b"GET /admin HTTP/1.1\r\nHost: a\r\n\r\n"
SMUGGLED = (
    b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n"
    b"%x\r\n%b\r\n0\r\n\r\n"
) % (len(INNER), INNER)


def sheet(width: int, height: int, says: str, *parts: str) -> str:
    """Return a figure: a white sheet with parts on it, and a text for those who can't see it."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">\n'
        f"<title>{html.escape(says)}</title>\n{HATCH}\n"
        f'<rect x="0.5" y="0.5" width="{width - 1}" height="{height - 1}" rx="6" fill="#fff" '
        f'stroke="{GREY}"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def text(
    x: float,
    y: float,
    words: str,
    size: int = 14,
    anchor: str = "start",
    font: str = SANS,
    bold: bool = False,
) -> str:
    """Return words, with their baseline at y."""
    weight = ' font-weight="bold"' if bold else ""
    return (
        f'<text x="{x:g}" y="{y:g}" font-family="{font}" font-size="{size}" fill="{INK}" '
        f'text-anchor="{anchor}" xml:space="preserve"{weight}>{html.escape(words)}</text>'
    )


def box(
    x: float, y: float, width: float, height: float, fill: str = "#fff", dashed: bool = False
) -> str:
    """Return a rectangle."""
    dashes = ' stroke-dasharray="5 4"' if dashed else ""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="3" fill="{fill}" '
        f'stroke="{INK}"{dashes}/>'
    )


def line(*points: tuple[float, float], tip: bool = False) -> str:
    """Return a line through points, with an arrowhead at its end or without."""
    path = " ".join(f"{x:g},{y:g}" for x, y in points)
    head = ' marker-end="url(#tip)"' if tip else ""
    return f'<polyline points="{path}" fill="none" stroke="{INK}" stroke-width="1.5"{head}/>'


def draw_queue() -> str:
    """Return the listener with its queue, what each connection holds, and the descriptors."""
    parts = [
        text(85, 30, "clients", 15, "middle", bold=True),
        box(180, 44, 350, 306, dashed=True),
        text(355, 30, "the kernel", 15, "middle", bold=True),
        box(610, 44, 190, 306, dashed=True),
        text(705, 30, "your program", 15, "middle", bold=True),
        box(196, 60, 318, 56),
        text(206, 82, "LISTEN  127.0.0.1:8888", 14, font=MONO),
        text(206, 104, f"Recv-Q {LISTENER[0]:3} Send-Q {LISTENER[1]}", 14, font=MONO, bold=True),
        text(206, 140, "accepted", 13),
        text(206, 214, f"the queue: {LISTENER[0]} wait, {LISTENER[1]} may", 13),
    ]
    for (client, port, octets), y in zip(CONNECTIONS, (148, 222, 284), strict=True):
        full = octets != "0"
        parts += [
            box(14, y, 120, 44),
            text(74, y + 19, client, 13, "middle", MONO),
            text(74, y + 36, f":{port}", 12, "middle", MONO),
            line((134, y + 22), (194, y + 22), tip=True),
            box(196, y, 318, 44),
            text(206, y + 19, f"ESTAB  :8888 – :{port}", 13, font=MONO),
            text(206, y + 37, f"Recv-Q {octets}", 13, font=MONO, bold=True),
            box(404, y + 8, 100, 28),
            *([box(404, y + 8, 84, 28, "url(#hatch)")] if full else []),
        ]
    rows = [
        ("0", "stdin"),
        ("1", "stdout"),
        ("2", "stderr"),
        ("3", "listener"),
        ("4", "connection"),
    ]
    parts.append(text(626, 68, "descriptors", 13))
    for (number, name), y in zip(rows, (80, 110, 140, 190, 230), strict=True):
        parts += [
            box(626, y, 28, 26),
            text(640, y + 18, number, 14, "middle", MONO, bold=True),
            text(662, y + 18, name, 14),
        ]
    parts += [
        line((624, 203), (560, 203), (560, 88), (516, 88), tip=True),
        line((624, 243), (576, 243), (576, 170), (516, 170), tip=True),
        text(626, 300, "connection.recv(1024)", 12, font=MONO),
        text(626, 318, "sleeps until nc", 13),
        text(626, 336, "says something", 13),
    ]
    says = (
        "A listener with two connections in its queue. The accepted connection, descriptor 4, is "
        "empty; the two in the queue hold 84 and 83 octets and have no descriptor yet."
    )
    return sheet(814, 366, says, *parts)


def cell_of(octet: int) -> str:
    """Return how an octet is shown in its cell."""
    return {13: r"\r", 10: r"\n"}.get(octet, chr(octet))


def draw_cuts() -> str:
    """Return one row of octets, and what recv() returns of it for three ways of cutting it."""
    wide, left, parts = 22, 48, []
    for (name, cuts), top in zip(CUTS, (26, 132, 238), strict=True):
        parts.append(text(left, top, name, 14, bold=True))
        ends = [0, *cuts, len(REQUEST)]
        for at, octet in enumerate(REQUEST):
            gap = 6 * sum(cut <= at for cut in cuts)
            x, control = left + wide * at + gap, octet in b"\r\n"
            parts += [
                box(x, top + 10, wide, 28, "#ddd" if control else "#fff"),
                text(x + wide / 2, top + 29, cell_of(octet), 12 if control else 14, "middle", MONO),
            ]
        for number, (begin, end) in enumerate(pairwise(ends)):
            x, right = left + wide * begin + 6 * number, left + wide * end + 6 * number
            y = top + 46
            parts += [
                line((x + 2, y), (x + 2, y + 8), (right - 2, y + 8), (right - 2, y)),
                text(
                    (x + right) / 2,
                    y + 26,
                    f"recv() {number + 1}: {end - begin} octets",
                    13,
                    "middle",
                ),
            ]
    says = (
        f"The {len(REQUEST)} octets of one request, returned by one recv(), by two that are cut "
        "inside the word Host, and by three of which the first ends between CR and LF."
    )
    return sheet(left * 2 + wide * len(REQUEST) + 12, 336, says, *parts)


def draw_smuggling() -> str:
    """Return the octets of one connection, divided by a proxy and by the server behind it."""
    rows = SMUGGLED.split(b"\r\n")[:-1]
    top, tall, left, right = 62, 30, 262, 560
    parts = [
        text(130, 28, "the proxy goes by", 14, "middle", bold=True),
        text(130, 46, "Transfer-Encoding", 14, "middle", MONO),
        text(411, 28, "what came", 14, "middle", bold=True),
        text(690, 28, "the server goes by", 14, "middle", bold=True),
        text(690, 46, "Content-Length", 14, "middle", MONO),
        box(left, top, right - left, tall * len(rows)),
    ]
    for number, row in enumerate(rows):
        y = top + tall * number
        inner = 6 <= number <= 8
        parts.append(box(left, y, right - left, tall, "#ddd" if inner else "#fff"))
        parts.append(text(left + 10, y + 20, row.decode("ascii") + r"\r\n", 14, font=MONO))
    proxy = [
        (0, 5, "head", ""),
        (5, 10, f"a chunk of 0x{len(INNER):x}", f"= {len(INNER)} octets"),
        (10, 12, "the last chunk", ""),
    ]
    server = [
        (0, 5, "head", ""),
        (5, 6, "content, 4 octets", ""),
        (6, 9, "another request:", "GET /admin"),
        (9, 12, "and the start", "of a third"),
    ]
    for (begin, end, first, second), side in [
        *((one, "proxy") for one in proxy),
        *((one, "server") for one in server),
    ]:
        y, bottom = top + tall * begin + 3, top + tall * end - 3
        edge, out = (left - 6, left - 16) if side == "proxy" else (right + 6, right + 16)
        at, anchor = (left - 26, "end") if side == "proxy" else (right + 26, "start")
        middle = (y + bottom) / 2
        parts.append(line((edge, y), (out, y), (out, bottom), (edge, bottom)))
        if second:
            parts += [
                text(at, middle - 3, first, 14, anchor),
                text(at, middle + 15, second, 14, anchor),
            ]
        else:
            parts.append(text(at, middle + 5, first, 14, anchor))
    foot = top + tall * len(rows) + 28
    parts += [
        text(130, foot, "one request: POST /", 14, "middle", bold=True),
        text(690, foot, "two requests, and a bit", 14, "middle", bold=True),
    ]
    says = (
        "The same octets twice. The proxy goes by Transfer-Encoding and sees one POST whose "
        "content is a chunk of 32 octets. The server goes by Content-Length, takes 4 octets as "
        "content, and what follows as another request, GET /admin."
    )
    return sheet(822, foot + 18, says, *parts)


FIGURES = {"queue.svg": draw_queue, "cuts.svg": draw_cuts, "smuggling.svg": draw_smuggling}


def write(folder: Path = FOLDER) -> None:
    """Write every figure into folder."""
    folder.mkdir(exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    write()
