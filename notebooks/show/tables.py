"""Tables, and things beside each other."""

import html
import textwrap
from itertools import zip_longest
from typing import NamedTuple

from .octets import CELL, CODE, WIDTH, View, markup, visible_lines
from .timelines import Drawing


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
                inside = f'<pre style="{CODE}">{markup(thing)}</pre>'
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

    def __repr__(self) -> str:
        return str(self)


def shorten(text: str, most: int = 40) -> str:
    """Return text, or its beginning and … if it is longer than most characters."""
    return text if len(text) <= most else text[: most - 1] + "…"


def side_by_side(**named: object) -> Columns:
    """Return named text, octets, views or drawings as columns; a_b is headed "a b"."""
    return Columns({name.replace("_", " "): thing for name, thing in named.items()})


class Table(NamedTuple):
    """Rows of text, or octets, under heads."""

    heads: list[str]
    rows: list[list[object]]

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
        every: list[list[object]] = [[*self.heads], *self.rows]
        rows = [[lines_of(cell) for cell in row] for row in every]
        wants = [
            max(len(line) for cell in column for line in cell) for column in zip(*rows, strict=True)
        ]
        most = WIDTH - 2 * (len(wants) - 1)
        while sum(wants) > most:
            wants[wants.index(max(wants))] -= 1
        lines = []
        for at, row in enumerate(rows):
            cells = [
                [
                    piece
                    for line in cell
                    for piece in textwrap.wrap(line, width, break_on_hyphens=False) or [""]
                ]
                for cell, width in zip(row, wants, strict=True)
            ]
            for line in zip_longest(*cells, fillvalue=""):
                texts = (f"{text:<{w}}" for text, w in zip(line, wants, strict=True))
                lines.append("  ".join(texts).rstrip())
            if at == 0:
                lines.append("  ".join("-" * w for w in wants))
        return "\n".join(lines)

    def __repr__(self) -> str:
        return str(self)


def lines_of(cell: object) -> list[str]:
    """Return the lines of a cell, at least one."""
    text = visible_lines(cell) if isinstance(cell, bytes) else str(cell)
    return text.split("\n")


def table(heads: list[str], rows: list[list[object]]) -> Table:
    """Return rows under heads; the first cell of a row is its name."""
    return Table(list(heads), [list(row) for row in rows])
