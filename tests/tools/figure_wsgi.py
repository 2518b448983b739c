"""The figure of chapter 2: who calls whom in WSGI, and the moment when the head leaves.

python -m tests.tools.figure_wsgi writes part2_wsgi/figures/who-calls-whom.svg

It brings its own white ground, so that it can be read on light pages and dark ones. What a line
means is in its shape and not in a colour: the figure's last line says which is which.
"""

from xml.sax.saxutils import escape

from tests.parts import PARTS

PATH = PARTS[2].path / "figures" / "who-calls-whom.svg"
WIDTH, TOP, STEP = 860, 88, 40
CLIENT, SERVER, APPLICATION = 110, 400, 740  # where the three stand
PEOPLE = {CLIENT: "client", SERVER: "your server", APPLICATION: "application"}

# (from, to, kind, what is said); where both are the server it is a note.
STEPS = [
    (CLIENT, SERVER, "wire", "GET /report HTTP/1.1 …"),
    (SERVER, APPLICATION, "call", "application(environ, start)"),
    (APPLICATION, SERVER, "call", 'start("200 OK", fields)'),
    (SERVER, APPLICATION, "back", "write"),
    (APPLICATION, SERVER, "back", "an iterable"),
    (SERVER, APPLICATION, "call", "next(iterable)"),
    (APPLICATION, SERVER, "back", 'b""'),
    (SERVER, APPLICATION, "call", "next(iterable)"),
    (APPLICATION, SERVER, "back", 'b"one"'),
    (SERVER, CLIENT, "wire", 'head + b"one"'),
    (SERVER, APPLICATION, "call", "next(iterable)"),
    (APPLICATION, SERVER, "back", 'b"two"'),
    (SERVER, CLIENT, "wire", 'b"two"'),
    (SERVER, APPLICATION, "call", "next(iterable)"),
    (APPLICATION, SERVER, "back", "StopIteration"),
    (SERVER, APPLICATION, "call", "iterable.close()"),
    (SERVER, CLIENT, "wire", "end of the connection"),
]
LEAVES = 9  # the step with which the head leaves
BEFORE = [
    "Nothing has left.",
    "Called again with exc_info,",
    "start replaces the head;",
    "a failure becomes a 500.",
]
AFTER = [
    "The head has left.",
    "start raises the original error;",
    "a failure ends the connection,",
    "and the client counts.",
]

LEGEND = "thick: over the wire · solid: a call · dashed: what comes back"

STYLE = """\
text { font: 15px system-ui, sans-serif; fill: #111 }
.code { font: 14px ui-monospace, monospace }
.name { font-weight: bold; text-anchor: middle }
.middle { text-anchor: middle }
.life { stroke: #777; stroke-width: 1 }
.call { stroke: #111; stroke-width: 1.5 }
.back { stroke: #111; stroke-width: 1.5; stroke-dasharray: 6 4 }
.wire { stroke: #111; stroke-width: 4 }
.moment { stroke: #111; stroke-width: 1.5; stroke-dasharray: 2 4 }
.side { stroke: #111; stroke-width: 1.5; fill: none }"""


def figure() -> str:
    """Return the figure as SVG."""
    bottom = y_of(len(STEPS))
    lives = [line("life", x, TOP - 26, x, bottom) for x in PEOPLE]
    names = [text(x, TOP - 36, name, "name") for x, name in PEOPLE.items()]
    moment = y_of(LEAVES) - STEP // 2 - 4
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 32}"'
            ' role="img">',
            f"<style>\n{STYLE}\n</style>",
            f'<rect width="{WIDTH}" height="{bottom + 32}" rx="8" fill="#fff"/>',
            *lives,
            *names,
            *[row for number, step in enumerate(STEPS) for row in arrow(y_of(number), *step)],
            line("moment", 20, moment, WIDTH - 20, moment),
            text((SERVER + APPLICATION) // 2, moment + 24, "here the head leaves", "name"),
            *beside(y_of(0) + 26, moment - 12, BEFORE),
            *beside(y_of(LEAVES + 3) + 22, y_of(len(STEPS) - 1) - 26, AFTER),
            text(WIDTH // 2, bottom + 16, LEGEND, "middle"),
            "</svg>\n",
        ]
    )


def y_of(number: int) -> int:
    """Return how far down a step is."""
    return TOP + STEP * number + 10


def arrow(y: int, start: int, end: int, kind: str, said: str) -> list[str]:
    """Return one step: a line with its head, and what is said above it."""
    back = 1 if start < end else -1
    points = f"{end},{y} {end - 11 * back},{y - 6} {end - 11 * back},{y + 6}"
    return [
        line(kind, start, y, end - 9 * back, y),
        f'<polygon points="{points}" fill="#111"/>',
        text((start + end) // 2, y - 8, said, "code middle"),
    ]


def beside(above: int, below: int, lines: list[str]) -> list[str]:
    """Return a bracket from above to below, with lines of text in the middle of it."""
    first = (above + below) // 2 - 10 * (len(lines) - 1) + 5
    return [
        f'<path class="side" d="M {CLIENT + 22} {above} h -8 V {below} h 8" />',
        *[text(CLIENT + 28, first + 20 * at, one) for at, one in enumerate(lines)],
    ]


def line(kind: str, x1: int, y1: int, x2: int, y2: int) -> str:
    """Return a line."""
    return f'<line class="{kind}" x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}"/>'


def text(x: int, y: int, said: str, kind: str = "") -> str:
    """Return a text."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{x}" y="{y}">{escape(said)}</text>'


if __name__ == "__main__":
    PATH.write_text(figure(), encoding="utf-8")
