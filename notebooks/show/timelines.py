"""Bars over time, one for each connection or process, as SVG."""

import html
import zlib
from typing import NamedTuple

MARKS = ("connect", "fork", "handle", "answer", "exit", "reap")
PHASES = ("waiting", "handling", "ending", "zombie")
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

    def __repr__(self) -> str:
        return str(self)


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
    if phase != "zombie" or width < 16 or height < 12:
        return bar
    middle = x + width / 2
    return (
        f'{bar}<rect x="{middle - 7:.1f}" y="{y + 1:.1f}" width="14" height="{height - 2:.1f}"'
        f' fill="#fff"/><text x="{middle:.1f}" y="{y + height / 2 + 5:.1f}"'
        f' text-anchor="middle" font-size="14" font-weight="bold" {FONT}>Z</text>'
    )


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


def svg_row(
    row: Row, until: float, left: float, scale: float, y: float, high: float, key: str
) -> str:
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
    times = ", ".join(f"{name} {row.marks[name]:.3f} s" for name in MARKS if name in row.marks)
    return f"<g><title>{html.escape(f'{row.label}: {times}')}</title>{''.join(out)}</g>"


def svg_legend(rows: list[Row], until: float, y: float, key: str) -> tuple[str, float]:
    """Return the legend of what occurs in rows, and the height that it takes."""
    bars = {phase for row in rows for phase, *_ in phases(row.marks, until)}
    signs = {name for row in rows for name in row.marks} - {"handle"}
    words = {"zombie": "zombie (Z)", "ending": "answered, not ended"}
    entries = [(name, True) for name in PHASES if name in bars]
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
    one = (
        '<pattern id="{0}" width="{1}" height="{1}" patternUnits="userSpaceOnUse" '
        'patternTransform="rotate({2})"><rect width="{1}" height="{1}" fill="{3}"/>'
        '<path d="M0 0V{1}" stroke="#111" stroke-width="{4}"/></pattern>'
    )
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
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {CANVAS} {bottom + 52:.0f}" '
        f'width="{CANVAS}" height="{bottom + 52:.0f}" role="img" aria-label="{label}">'
    )
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
