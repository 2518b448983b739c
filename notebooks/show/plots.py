"""Plots by matplotlib, as PNG; curves differ by colour, dashes and marker, any of which will do."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from .octets import WIDTH

if TYPE_CHECKING:  # only who draws a plot needs matplotlib
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Points = Sequence[tuple[float, float]]
LINES: list[tuple[str, Any, str]] = [  # colour, dashes and marker
    ("#0b4f8a", "-", "o"),
    ("#b3470b", "--", "s"),
    ("#1b7340", "-.", "^"),
    ("#6b2f8a", ":", "D"),
    ("#333333", (0, (5, 1, 1, 1, 1, 1)), "v"),
    ("#8a6d00", (0, (1, 1)), "P"),
]
FEW = 8  # up to here each point has its marker; of more, about so many have one


class Look(Protocol):
    """What was seen of a server at one moment: the states of its children, by process id."""

    @property
    def seconds(self) -> float: ...
    @property
    def states(self) -> dict[int, str]: ...
    @property
    def zombies(self) -> int: ...


class Cost(Protocol):
    """What a fork costs a process of size MiB: milliseconds, and the memory of a child.

    idle and busy are (MiB shared, MiB of its own) of a child that does nothing and of one that
    looks at each object, None where it is not known.
    """

    @property
    def size(self) -> float: ...
    @property
    def least(self) -> float: ...
    @property
    def median(self) -> float: ...
    @property
    def idle(self) -> Sequence[float] | None: ...
    @property
    def busy(self) -> Sequence[float] | None: ...


class Plot:
    """A figure of matplotlib as PNG, and text that says the same."""

    def __init__(self, figure: Figure, text: str) -> None:
        octets = io.BytesIO()
        figure.savefig(octets, format="png", dpi=110, metadata={"Software": None})
        self.png, self.text = octets.getvalue(), text

    def _repr_png_(self) -> bytes:
        return self.png

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return str(self)


def panels(count: int = 1, height: float = 4.0, **options: Any) -> tuple[Figure, list[Axes]]:
    """Return a figure, and so many axes side by side; it is in no window, and in no output."""
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    rcParams.update({"font.size": 13, "axes.spines.top": False, "axes.spines.right": False})
    figure = Figure(figsize=(9.5, height), layout="constrained")
    return figure, list(figure.subplots(1, count, squeeze=False, **options)[0])


def describe_points(title: str, series: Mapping[str, Points]) -> str:
    """Return the first points of each curve as lines of text."""
    lines = [title] * bool(title)
    for name, points in series.items():
        pairs = ", ".join(f"({x:g}, {y:g})" for x, y in points[:40])
        lines += textwrap.wrap(f"{name}: {pairs}{' …' * (len(points) > 40)}", WIDTH)
    return "\n".join(lines)


def draw_line(panel: Axes, points: Points, at: int, name: str) -> None:
    """Draw points in the style number at."""
    colour, dashes, marker = LINES[at % len(LINES)]
    panel.plot(
        *zip(*points, strict=True), color=colour, linestyle=dashes, linewidth=2.2, label=name,
        marker=marker, markersize=7, markevery=max(1, len(points) // FEW),
    )  # fmt: skip


def curves(
    series: Mapping[str, Points],
    title: str = "",
    x: str = "",
    y: str = "",
    log: bool = False,
) -> Plot:
    """Return a plot of points (x, y) by name; x and y also name the axes; log: both by doubling."""
    from matplotlib.ticker import LogLocator

    figure, (panel,) = panels(height=4.6)
    for at, (name, points) in enumerate(series.items()):
        draw_line(panel, points, at, name)
    panel.set_title(title, fontsize=14)
    panel.set_xlabel(x)
    panel.set_ylabel(y)
    if log:
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        ticks = sorted({one for points in series.values() for one, _ in points})
        panel.set_xticks(ticks, [f"{one:g}" for one in ticks])
        panel.minorticks_off()
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        panel.set_ylim(0, None)
    panel.grid(alpha=0.3)
    if len(series) > 1:
        figure.legend(loc="outside right upper", fontsize=12, handlelength=3.5)
    return Plot(figure, describe_points(title, series))


def children(watched: Mapping[str, Sequence[Look]]) -> Plot:
    """Return a plot of each server's children over time: hatched zombies, above them the others."""
    figure, beside = panels(len(watched), 4.2, sharey=True)
    lines = []
    for panel, (name, looks) in zip(beside, watched.items(), strict=True):
        moments = [one.seconds - looks[0].seconds for one in looks]
        zombies = [one.zombies for one in looks]
        every = [len(one.states) for one in looks]
        panel.fill_between(
            moments, zombies, every, step="post", color="#a9c9e8", linewidth=0, label="at work"
        )
        panel.fill_between(
            moments, 0, zombies, step="post", facecolor="#f3d9c8", edgecolor="#8a2f00",
            hatch="////", linewidth=0, label="zombies",
        )  # fmt: skip
        panel.step(moments, zombies, where="post", color="#8a2f00", linewidth=2)
        panel.set_title("\n".join([*textwrap.wrap(name, 16), f"{zombies[-1]} left"]), fontsize=13)
        panel.set_xlabel("seconds")
        panel.set_ylim(0, None)
        lines.append(f"{name}: at most {max(every)} children, {zombies[-1]} zombies left")
    beside[0].set_ylabel("children of the server")
    figure.legend(*beside[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return Plot(figure, "\n".join(lines))


def forks(costs: Sequence[Cost]) -> Plot:
    """Return two plots over the size of the process that forks: its time, the child's memory."""
    known = [(one.size, one.idle[1], one.busy[1]) for one in costs if one.idle and one.busy]
    figure, beside = panels(2 if known else 1)
    times = {
        "least of 20": [(one.size, one.least) for one in costs],
        "median of 20": [(one.size, one.median) for one in costs],
    }
    own = {
        "does nothing": [(size, idle) for size, idle, _ in known],
        "looks at each object": [(size, busy) for size, _, busy in known],
    }
    titles = {"fork, end, and wait: ms": times}
    if known:
        titles["MiB of its own, a child that"] = own
    for panel, (title, series) in zip(beside, titles.items(), strict=True):
        for at, (name, points) in enumerate(series.items()):
            draw_line(panel, points, at, name)
        panel.set_title(title, fontsize=13)
        panel.set_xlabel("MiB of the process that forks")
        panel.set_ylim(0, None)
        panel.legend(loc="upper left", fontsize=12)
        panel.grid(alpha=0.3)
    return Plot(
        figure, "\n".join(describe_points(title, series) for title, series in titles.items())
    )


def grid(
    cases: Mapping[str, Mapping[str, Points]], x: str = "", y: str = "", top: float | None = None
) -> Plot:
    """Return plots in two columns, each of points (x, y) by name, on the same axes by doubling.

    top is as far as was measured: a dotted line, and what lies on it may be more.
    """
    from matplotlib import rcParams
    from matplotlib.figure import Figure

    rcParams.update({"font.size": 13, "axes.spines.top": False, "axes.spines.right": False})
    rows = (len(cases) + 1) // 2
    figure = Figure(figsize=(9.5, 3.1 * rows + 0.8), layout="constrained")
    every = list(figure.subplots(rows, 2, squeeze=False, sharex=True, sharey=True).flat)
    for at, (panel, (title, series)) in enumerate(zip(every, cases.items(), strict=False)):
        for style, (name, points) in enumerate(series.items()):
            draw_line(panel, points, style, name)
        if top:
            panel.axhline(top, color="#555", linestyle=":", linewidth=1.5)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log")
        ticks = sorted({one for points in series.values() for one, _ in points})
        panel.set_xticks(ticks, [f"{one:g}" for one in ticks])
        panel.minorticks_off()
        panel.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        panel.set_title(title, fontsize=13)
        panel.grid(alpha=0.3)
        if at >= 2 * rows - 2:
            panel.set_xlabel(x)
        if at % 2 == 0:
            panel.set_ylabel(y)
    figure.legend(
        *every[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, handlelength=3.5
    )
    return Plot(figure, "\n".join(describe_points(title, one) for title, one in cases.items()))


def shares(counts: Mapping[str, Sequence[int]]) -> Plot:
    """Return a plot for each name: a bar for each worker, as high as what it served."""
    figure, beside = panels(len(counts), 3.8, sharey=True)
    for panel, (name, served) in zip(beside, counts.items(), strict=True):
        places = range(1, len(served) + 1)
        bars = panel.bar(places, served, color="#a9c9e8", edgecolor="#0b4f8a", width=0.7)
        panel.bar_label(bars, fontsize=11)
        panel.margins(y=0.12)
        panel.set_title("\n".join(textwrap.wrap(name, 16)), fontsize=13)
        panel.set_xticks(list(places))
        panel.set_xlabel("worker")
    beside[0].set_ylabel("requests")
    return Plot(figure, "\n".join(f"{name}: {list(one)}" for name, one in counts.items()))


def generations(
    bars: Sequence[tuple[int, int, float, float]], events: Mapping[str, float], title: str = ""
) -> Plot:
    """Return a row for each worker over time, a bar for each request, a line for each event.

    A bar is (generation, worker, begin, end), times in seconds; generations alternate in hatching.
    """
    figure, (panel,) = panels(height=3.8)
    rows = sorted({bar[:2] for bar in bars}, key=lambda row: (row[0], row[1]))
    for at, (number, worker) in enumerate(rows):
        spans = [(begin, end - begin) for *who, begin, end in bars if who == [number, worker]]
        second = number % 2 == 0
        panel.broken_barh(
            spans, (at - 0.35, 0.7), facecolor="#f3d9c8" if second else "#a9c9e8",
            edgecolor="#8a2f00" if second else "#0b4f8a", linewidth=0.6,
            hatch="////" if second else "",
        )  # fmt: skip
    for name, moment in events.items():
        panel.axvline(moment, color="#111", linestyle="--", linewidth=1.8)
        panel.text(moment, -0.55, f" {name}", va="bottom", fontsize=12)
    labels = [f"generation {number}\nworker {worker}" for number, worker in rows]
    panel.set_yticks(range(len(rows)), labels, fontsize=12)
    panel.set_ylim(len(rows) - 0.5, -1.0)
    panel.set_xlabel("seconds")
    panel.set_title(title, fontsize=14)
    lines = [title] * bool(title)
    for number, worker in rows:
        mine = [bar for bar in bars if bar[:2] == (number, worker)]
        first, last = min(bar[2] for bar in mine), max(bar[3] for bar in mine)
        lines.append(
            f"generation {number}, worker {worker}: {len(mine)} answers, "
            f"from {first:.2f} to {last:.2f} s"
        )
    lines += [f"{name}: {moment:.2f} s" for name, moment in events.items()]
    return Plot(figure, "\n".join(lines))
