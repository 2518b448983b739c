"""Pictures for the notebooks: octets with their names, hex dumps, timelines, tables, plots.

    wire(octets, side)      every octet of a message in a named part of the grammar
    hexdump(octets)         offsets, hexadecimal, printable characters
    timeline(rows)          a bar for each connection or process
    side_by_side(a=..., b=...)  and table(heads, rows)
    origin_table(view, environ)     where each key of environ comes from
    curves(series), children(watched), forks(costs)     by matplotlib
    grid(panels), shares(counts), generations(bars)     the same, of workers
    part(number)            the finished server of a part, as a module

Each picture can be printed as text; IPython shows its coloured form. Nothing here needs
IPython, a running kernel or the network to be read.
"""

from .grammar import wire
from .octets import View, hexdump, visible
from .origins import origin_table, origins
from .parts import part
from .plots import Plot, children, curves, forks, generations, grid, shares
from .tables import Columns, Table, shorten, side_by_side, table
from .timelines import MARKS, Drawing, Row, phases, timeline

__all__ = [
    "MARKS",
    "Columns",
    "Drawing",
    "Plot",
    "Row",
    "Table",
    "View",
    "children",
    "curves",
    "forks",
    "generations",
    "grid",
    "hexdump",
    "origin_table",
    "origins",
    "part",
    "phases",
    "shares",
    "shorten",
    "side_by_side",
    "table",
    "timeline",
    "visible",
    "wire",
]
