"""One style for every figure, one meaning a colour through the whole book.

The colours are those of Okabe and Ito's set, told apart by readers with any common form of
colour blindness (Okabe, Ito 2008, 'Color Universal Design'). Call `use_style` once at the top
of a chapter; take colours by their meaning from `COLORS`.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from helpers.extras import extra

if TYPE_CHECKING:
    import pandas as pd
    import plotly.graph_objects as go
    from matplotlib.axes import Axes
    from matplotlib.collections import PolyCollection
    from matplotlib.image import AxesImage
    from numpy.typing import ArrayLike, NDArray

    from helpers.schedule.intervals import Schedule

__all__ = [
    "COLORS",
    "WIDE",
    "OfflineChart",
    "dated_steps",
    "duration_axis",
    "ecdf",
    "estimate",
    "gantt",
    "heatmap",
    "interactive_gantt",
    "label_line",
    "paler",
    "power_under_carbon",
    "repeats",
    "say",
    "schedule",
    "spans",
    "stacked_steps",
    "step_means",
    "use_style",
]


class Estimate(Protocol):
    """A value with its interval."""

    @property
    def value(self) -> float: ...
    @property
    def low(self) -> float: ...
    @property
    def high(self) -> float: ...


#: Figure size [inch] of a full-width figure; text stays readable when shown 400 px wide.
WIDE = (7.2, 3.6)

#: Colour by meaning. Each meaning keeps its colour in every chapter.
COLORS: Mapping[str, str] = MappingProxyType(
    {
        # intensity
        "average": "#0072B2",
        "marginal": "#D55E00",
        "forecast": "#CC79A7",
        "green": "#009E73",
        # jobs and their states
        "jobs": "#0072B2",
        "completed": "#009E73",
        "failed": "#D55E00",
        "cancelled": "#E69F00",
        "timeout": "#CC79A7",
        "partial": "#56B4E9",
        # what a machine does
        "work": "#0072B2",
        "startup": "#E69F00",
        "end": "#56B4E9",
        "idle": "#999999",
        "busy": "#56B4E9",
        "booting": "#E69F00",
        "shutting_down": "#CC79A7",
        "off": "#DDDDDD",
        # what jobs do that wait
        "queued": "#D55E00",
        "suspended": "#E69F00",
        "best_effort": "#CC79A7",
        # policies of a cluster
        "fifo": "#555555",
        "shortest_first": "#E69F00",
        "easy": "#0072B2",
        "conservative": "#56B4E9",
        "round_robin": "#CC79A7",
        "feedback": "#D55E00",
        "carbon": "#009E73",
        "as_logged": "#000000",
        # comparisons
        "baseline": "#555555",
        "model": "#D55E00",
        "rest": "#BBBBBB",
        # what stands beside jobs: how they were submitted, what they weigh, another log
        "batches": "#009E73",
        "core_hours": "#D55E00",
        "second": "#E69F00",
    }
)

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.labelcolor": "#222222",
    "axes.labelsize": 10.5,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.dpi": 150,
    "figure.facecolor": "white",
    "figure.figsize": WIDE,
    "font.family": "DejaVu Sans",
    "font.size": 10.5,
    "grid.color": "#E3E3E3",
    "grid.linewidth": 0.7,
    "image.cmap": "cividis",
    "legend.fontsize": 9.5,
    "legend.frameon": False,
    "lines.linewidth": 1.7,
    "pdf.fonttype": 42,
    "svg.hashsalt": "clean-hours",
    "xtick.color": "#444444",
    "ytick.color": "#444444",
}


def use_style() -> None:
    """Set the book's style for all figures drawn from here on in this process."""
    import matplotlib as mpl
    from cycler import cycler

    order = ("average", "marginal", "green", "timeout", "cancelled", "partial", "baseline")
    mpl.rcParams.update(_STYLE)
    mpl.rcParams["axes.prop_cycle"] = cycler(color=[COLORS[name] for name in order])


def ecdf(ax: Axes, values: ArrayLike, *, weights: ArrayLike | None = None, **line: Any) -> Axes:
    """Draw the share of values (or of their weights) at or below x.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : array_like, shape (n,)
        Finite numbers, in the unit of the x axis.
    weights : array_like, shape (n,), optional
        Non-negative weight of each value, for example its core-hours [h].
    **line
        Passed to ``Axes.step`` (colour, label, ...).

    Returns
    -------
    Axes
        The same axes.

    Raises
    ------
    ValueError
        If there are no values or one of them is not finite: select them before.
    """
    x = np.asarray(values, dtype=float)
    if x.size == 0 or not np.isfinite(x).all():
        bad = int(x.size - np.isfinite(x).sum())
        raise ValueError(
            f"ecdf needs finite values, got {x.size} of which {bad} are not: "
            "drop and count them before."
        )
    w = np.ones_like(x) if weights is None else np.asarray(weights, dtype=float)
    order = np.argsort(x, kind="stable")
    share = np.cumsum(w[order]) / w.sum()
    # One point a distinct value: what lies between equal values is no information.
    last = np.append(np.diff(x[order]) > 0, True)
    ax.step(x[order][last], share[last], where="post", **line)
    ax.set_ylim(0, 1.01)
    return ax


def label_line(ax: Axes, x: float, y: float, text: str, color: str, **kwargs: Any) -> None:
    """Write a line's name beside its end, in its colour, instead of a legend."""
    ax.annotate(
        text,
        (x, y),
        xytext=kwargs.pop("xytext", (4, 0)),
        textcoords="offset points",
        color=color,
        va=kwargs.pop("va", "center"),
        fontsize=kwargs.pop("fontsize", 9.5),
        annotation_clip=False,
        **kwargs,
    )


def heatmap(ax: Axes, values: ArrayLike, *, label: str, **mesh: Any) -> AxesImage:
    """Draw a matrix as coloured cells with a labelled colour bar.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : array_like, shape (rows, columns)
        The matrix; the first row is drawn at the top.
    label : str
        Quantity and unit of the values, for the colour bar.
    **mesh
        Passed to ``Axes.imshow``.

    Returns
    -------
    AxesImage
        The drawn cells.
    """
    ax.grid(False)
    image = ax.imshow(values, aspect=mesh.pop("aspect", "auto"), **mesh)
    ax.figure.colorbar(image, ax=ax, label=label, pad=0.02)
    return image


_DURATIONS = {
    "1 s": 1.0,
    "10 s": 10.0,
    "1 min": 60.0,
    "10 min": 600.0,
    "1 h": 3600.0,
    "6 h": 21_600.0,
    "1 d": 86_400.0,
    "1 week": 604_800.0,
}


def duration_axis(ax: Axes, axis: str = "x") -> None:
    """Make an axis of durations [s] logarithmic, with ticks at 1 s, 1 min, 1 h, 1 d, ...

    Parameters
    ----------
    ax : Axes
        Whose axis.
    axis : {"x", "y"}
        Which of its axes.

    Raises
    ------
    ValueError
        If `axis` is neither.
    """
    if axis not in ("x", "y"):
        raise ValueError(f"axis is {axis!r}: it must be 'x' or 'y'.")
    getattr(ax, f"set_{axis}scale")("log")
    getattr(ax, f"set_{axis}ticks")(list(_DURATIONS.values()), list(_DURATIONS))
    getattr(ax, f"{axis}axis").minorticks_off()


def spans(
    ax: Axes, borders: ArrayLike, kinds: Sequence[str], labels: Mapping[str, str] | None = None
) -> None:
    """Shade what lies between borders, each stretch in the colour of its kind.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    borders : array_like, shape (n + 1,)
        Increasing, in the unit of the x axis.
    kinds : sequence of str, length n
        Names of `COLORS`.
    labels : mapping of str to str, optional
        What a kind is called in the legend.
    """
    at = np.asarray(borders, float)
    for left, right, kind in zip(at[:-1], at[1:], kinds, strict=True):
        ax.axvspan(left, right, color=COLORS[kind], alpha=0.35, lw=0)
    for kind, text in (labels or {}).items():
        ax.fill_between([], [], color=COLORS[kind], alpha=0.5, lw=0, label=text)


def repeats(
    ax: Axes, values: ArrayLike, at: float, color: str, *, seed: int = 1, sideways: bool = False
) -> None:
    """Draw each repeat as a dot in a column (or, sideways, a row) at `at`, a little apart.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    values : array_like, shape (n,)
        One a repeat.
    at : float
        Where on the other axis.
    color : str
        Their colour.
    seed : int
        Of the distances, which mean nothing.
    sideways : bool
        Values on the x axis.
    """
    y = np.asarray(values, float)
    x = at + np.random.default_rng(seed).uniform(-0.15, 0.15, y.size)
    ax.plot(*((y, x) if sideways else (x, y)), "o", color=color, alpha=0.65, mec="white")


def estimate(
    ax: Axes,
    found: Estimate,
    at: float,
    *,
    color: str,
    marker: str = "o",
    dot: str | None = None,
    sideways: bool = False,
    **line: Any,
) -> None:
    """Draw an estimate as a dot on the line of its interval, upright or sideways.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    found : Estimate
        What has ``value``, ``low`` and ``high`` (`helpers.stats.Interval`).
    at : float
        Where on the other axis.
    color : str
        Of the line.
    marker : str
        Of the dot; empty for none.
    dot : str, optional
        Its colour, if another one.
    sideways : bool
        Values on the x axis.
    **line
        Passed to ``Axes.plot`` for the line (its width, its label, ...).
    """
    ends, where = [found.low, found.high], [at, at]
    ax.plot(*((ends, where) if sideways else (where, ends)), color=color, **({"lw": 2} | line))
    middle = (found.value, at) if sideways else (at, found.value)
    ax.plot(*middle, marker=marker, ls="", color=dot or color)


def say(ax: Axes, text: str) -> None:
    """Write in an empty panel why nothing is drawn in it."""
    ax.text(
        0.5, 0.5, text, transform=ax.transAxes, ha="center", va="center", color=COLORS["baseline"]
    )
    ax.set(xticks=[], yticks=[])


# --- one job over time --------------------------------------------------------------------


def schedule(ax: Axes, plan: Schedule) -> None:
    """Draw a schedule under its signal: what it does is shaded, over hours since its release.

    Here and not on the schedule, so that what decides needs no plots.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    plan : Schedule
        A schedule that knows its job, its signal and its window.

    Raises
    ------
    ValueError
        If it does not know them.
    """
    drawn = plan.cost.segments
    intensity, release_s = plan.intensity, plan.release_s
    if intensity is None or release_s is None:
        raise ValueError(
            "the schedule knows no release, so there is no hour 0: pass schedule.on(intensity, "
            "release)."
        )
    until_s = plan.deadline_s if plan.deadline_s is not None else float(plan.stop_s[-1])
    for part, alpha in (("startup", 0.8), ("work", 0.25), ("end", 0.5), ("save", 0.8)):
        color = COLORS.get(part, COLORS["startup"])  # saving is an overhead, as starting is
        for i in np.flatnonzero(drawn.part == drawn.code(part)):
            begin_h = (drawn.start_s[i] - release_s) / 3600
            end_h = begin_h + drawn.duration_s[i] / 3600
            ax.axvspan(begin_h, end_h, color=color, alpha=alpha, linewidth=0)
    window = intensity.window(release_s, until_s)
    hours = (window.edges_s - release_s) / 3600
    ax.stairs(window.intensity_g_per_kwh, hours, color=COLORS["baseline"], linewidth=1.7)
    ax.set(xlim=(0, hours[-1]), xlabel="hours since the release", ylabel="g/kWh")


# --- a cluster over time ------------------------------------------------------------------


def gantt(
    ax: Axes,
    runs: pd.DataFrame,
    blocks: pd.DataFrame,
    *,
    colors: str | Sequence[str] = COLORS["jobs"],
    labels: Sequence[str] | None = None,
    unit_s: float = 3600.0,
    **style: Any,
) -> PolyCollection:
    """Draw runs of jobs as rectangles: time to the right, cores upwards.

    Parameters
    ----------
    ax : Axes
        Where to draw. Its limits become those of what is drawn.
    runs : DataFrame, shape (n, ...)
        ``start_s`` and ``stop_s`` of each run [s].
    blocks : DataFrame
        One row a block of neighbouring cores: ``run`` (row of `runs`), ``first`` core, and
        how many ``cores``.
    colors : str or sequence of str, shape (n,)
        One colour, or that of each run.
    labels : sequence of str, shape (n,), optional
        What to write into the blocks of each run; an empty text writes nothing.
    unit_s : float
        Seconds in one unit of the time axis; 3600 for hours.
    **style
        Passed to ``PolyCollection`` (``linewidths``, ``alpha``, ...).

    Returns
    -------
    PolyCollection
        The rectangles, one a block.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    from matplotlib.collections import PolyCollection

    left, right, low, high, run = _rectangles(runs, blocks, unit_s)
    corners = np.stack([left, low, left, high, right, high, right, low], axis=1).reshape(-1, 4, 2)
    shades = colors if isinstance(colors, str) else [colors[i] for i in run]
    drawn = PolyCollection(
        corners,  # type: ignore[arg-type]  # a stack of corners is drawn faster than a list
        **{"facecolors": shades, "edgecolors": "white", "linewidths": 0.6, **style},
    )
    ax.add_collection(drawn)
    for i, number in enumerate(run.tolist()):
        if labels is None:
            break
        middle = ((left[i] + right[i]) / 2, (low[i] + high[i]) / 2)
        ax.text(*middle, labels[number], ha="center", va="center", color="white", clip_on=True)
    ax.set(xlim=(left.min(), right.max()), ylim=(low.min(), high.max()))
    ax.grid(False)
    return drawn


def paler(colors: Sequence[str], steps: ArrayLike) -> list[Any]:
    """Return colours made paler by so many steps of a quarter, 0 to 3, one a colour."""
    from matplotlib.colors import to_hex, to_rgb

    shades = {}
    for color in set(colors):
        for step in range(4):
            red, green, blue = (1 - (1 - 0.25 * step) * (1 - part) for part in to_rgb(color))
            shades[color, step] = to_hex((red, green, blue))
    return [shades[of] for of in zip(colors, np.asarray(steps).tolist(), strict=True)]


def _rectangles(
    runs: pd.DataFrame, blocks: pd.DataFrame, unit_s: float
) -> tuple[NDArray[np.float64], ...]:
    """Return left, right [units], lowest and highest core, and run of each block."""
    run = blocks["run"].to_numpy()
    if not run.size:
        raise ValueError("there are no blocks to draw: a chart needs at least one run.")
    left = runs["start_s"].to_numpy()[run] / unit_s
    right = runs["stop_s"].to_numpy()[run] / unit_s
    low = blocks["first"].to_numpy()
    return left, right, low, low + blocks["cores"].to_numpy(), run


def step_means(edges: ArrayLike, values: ArrayLike, coarser: ArrayLike) -> NDArray[np.float64]:
    """Return the means of a step function over coarser steps, exactly.

    Parameters
    ----------
    edges : array_like, shape (n + 1,)
        Increasing; step i holds on [edges[i], edges[i + 1]).
    values : array_like, shape (n,) or (n, k)
        One value a step, or k of them.
    coarser : array_like, shape (m + 1,)
        Increasing edges of the steps wanted, in the unit of `edges` and within them.

    Returns
    -------
    ndarray, shape (m,) or (m, k)
        Means weighted by time.

    Raises
    ------
    ValueError
        If `coarser` reaches beyond the step function: nothing is extrapolated.
    """
    x, y = np.asarray(edges, dtype=float), np.asarray(values, dtype=float)
    wanted = np.asarray(coarser, dtype=float)
    if wanted[0] < x[0] or wanted[-1] > x[-1]:
        raise ValueError(
            f"steps from {wanted[0]:g} to {wanted[-1]:g} reach beyond what is known, {x[0]:g} to "
            f"{x[-1]:g}: ask for less."
        )
    table = y.reshape(len(y), -1)
    area = np.vstack([np.zeros(table.shape[1]), np.cumsum(table * np.diff(x)[:, None], axis=0)])
    at = np.column_stack([np.interp(wanted, x, column) for column in area.T])
    return (np.diff(at, axis=0) / np.diff(wanted)[:, None]).reshape(-1, *y.shape[1:])


def dated_steps(
    ax: Axes, edges_s: ArrayLike, values: ArrayLike, shown_s: tuple[float, float], **style: Any
) -> None:
    """Draw a step function of epoch seconds over dates (UTC).

    Parameters
    ----------
    ax : matplotlib.axes.Axes
        Where; its axis shows the window and one tick a day.
    edges_s : array_like of float, shape (n + 1,)
        Where it steps, epoch seconds [s].
    values : array_like of float, shape (n,)
        Its values between them.
    shown_s : (float, float)
        Window shown, epoch seconds [s].
    **style
        As for `matplotlib.axes.Axes.stairs`.
    """
    import matplotlib.dates as mdates

    edges_s = np.asarray(edges_s)
    inside = (edges_s[1:] > shown_s[0]) & (edges_s[:-1] < shown_s[1])
    first, last = np.flatnonzero(inside)[[0, -1]]
    per_day = 86400.0  # matplotlib counts days from the epoch
    ax.stairs(np.asarray(values)[first : last + 1], edges_s[first : last + 2] / per_day, **style)
    ax.set_xlim(shown_s[0] / per_day, shown_s[1] / per_day)
    ax.xaxis.set_major_locator(mdates.DayLocator())
    ax.xaxis.set_major_formatter(mdates.DateFormatter("%d %b"))


def stacked_steps(
    ax: Axes,
    edges: ArrayLike,
    values: Mapping[str, ArrayLike],
    *,
    colors: Mapping[str, str] = COLORS,
    labels: Mapping[str, str] | None = None,
) -> None:
    """Draw step functions on top of each other as filled areas, the first at the bottom.

    Parameters
    ----------
    ax : Axes
        Where to draw.
    edges : array_like, shape (n + 1,)
        Increasing, in the unit of the x axis.
    values : mapping of str to array_like, shape (n,)
        By name, in order from below; a table works too. What is 0 throughout is left out.
    colors : mapping of str to str
        Colour of each name.
    labels : mapping of str to str, optional
        Names as readers see them; where there is none, the name without underscores.
    """
    edges = np.asarray(edges, dtype=float)
    below = np.zeros(len(edges) - 1)
    for name in values:
        layer = np.asarray(values[name], dtype=float)
        if not layer.any():
            continue
        label = (labels or {}).get(name, name.replace("_", " "))
        above = below + layer
        ax.stairs(above, edges, baseline=below, fill=True, color=colors[name], label=label)
        below = above
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, None)


def power_under_carbon(
    axes: Sequence[Axes],
    edges: ArrayLike,
    power_kw: Mapping[str, ArrayLike],
    intensity_edges: ArrayLike,
    intensity_g_per_kwh: ArrayLike,
    *,
    labels: Mapping[str, str] | None = None,
) -> None:
    """Draw carbon intensity in an upper panel and power by state, stacked, in those below.

    Parameters
    ----------
    axes : sequence of Axes, shape (2,)
        Upper and lower panel, with a common x axis.
    edges : array_like, shape (n + 1,)
        Edges of the steps of power, in the unit of the x axis.
    power_kw : mapping of str to array_like, shape (n,)
        Power by state [kW], in order from below.
    intensity_edges : array_like, shape (m + 1,)
        Edges of the steps of intensity, in the same unit.
    intensity_g_per_kwh : array_like, shape (m,)
        Carbon intensity [g CO2e/kWh].
    labels : mapping of str to str, optional
        As in `stacked_steps`.
    """
    upper, lower = axes
    edges = np.asarray(edges, dtype=float)
    upper.stairs(intensity_g_per_kwh, intensity_edges, baseline=None, color=COLORS["average"])
    stacked_steps(lower, edges, power_kw, labels=labels)
    inside = np.asarray(intensity_edges)[1:] > edges[0]
    inside &= np.asarray(intensity_edges)[:-1] < edges[-1]
    upper.set(ylabel="g/kWh", xlim=(edges[0], edges[-1]))
    upper.set_ylim(0, 1.08 * np.asarray(intensity_g_per_kwh)[inside].max())
    lower.set_ylabel("power, kW")


# --- charts that answer the pointer -------------------------------------------------------


_CHART_LAYOUT = {
    "template": "plotly_white",
    "margin": {"l": 60, "r": 10, "t": 40, "b": 80},
    "legend": {"orientation": "h", "x": 0, "y": -0.12, "yanchor": "top"},
    "yaxis": {"title": {"text": "core"}},
    "dragmode": "zoom",
    "hovermode": "closest",
}


# Ten parameters: what is drawn, and its words and sizes, which differ from chart to chart.
def interactive_gantt(
    runs: pd.DataFrame,
    blocks: pd.DataFrame,
    *,
    names: Sequence[object],
    what: str = "job",
    groups: Mapping[str, ArrayLike] | None = None,
    colors: Mapping[str, str] = COLORS,
    cores_per_line: int = 1,
    unit_s: float = 86400.0,
    unit: str = "days",
    height_px: int = 640,
) -> go.Figure:
    """Return a Gantt chart to zoom, pan and point at, quick with tens of thousands of jobs.

    Parameters
    ----------
    runs, blocks : DataFrame
        As in `gantt`.
    names : sequence, shape (n,)
        What to show of a run when its line is pointed at; numbers are stored more compactly.
    what : str
        What is named, written before the name.
    groups : mapping of str to array_like of bool, shape (n,), optional
        Runs of the same colour, and of one entry in the legend; a run in several groups is
        drawn in each, one in none is not. By default all are "jobs".
    colors : mapping of str to str
        Colour of each group.
    cores_per_line : int
        Blocks are cut where a multiple of this ends, and each piece is one line: the cores of
        a node for a cluster of nodes.
    unit_s, unit : float, str
        Seconds in a unit of the time axis, and its name.
    height_px : int
        Height of the chart.

    Returns
    -------
    plotly.graph_objects.Figure
        One trace a group: all its lines, one after the other with gaps, drawn by WebGL. Times are
        rounded to a ten-thousandth of a unit.

    Raises
    ------
    ValueError
        If there is nothing to draw.
    """
    go = extra("plotly.graph_objects")
    left, right, low, high, run = _cut_lines(runs, blocks, unit_s, cores_per_line)
    groups = {"jobs": np.ones(len(runs), dtype=bool)} if groups is None else groups
    rows = np.ceil(high.max() / cores_per_line) - np.floor(low.min() / cores_per_line)
    figure = go.Figure()
    for name, member in groups.items():
        of_group = np.flatnonzero(np.asarray(member, dtype=bool)[run])
        if not of_group.size:
            continue
        order = of_group[np.lexsort((left[of_group], low[of_group]))]
        middle, known = (low + high) / 2, np.asarray(names, dtype=object)[run]
        figure.add_scattergl(
            x=_with_gaps(np.round(left[order], 4), np.round(right[order], 4)),
            y=_with_gaps(middle[order], middle[order]),
            customdata=_with_gaps(known[order], known[order]),
            mode="lines",
            connectgaps=False,
            name=name.replace("_", " "),
            line={"color": colors[name], "width": max(1.5, 0.7 * (height_px - 110) / rows)},
            hovertemplate=what
            + " %{customdata}<br>%{x:.2f} "
            + unit
            + ", core %{y:.0f}<extra></extra>",
        )
    figure.update_layout(
        **_CHART_LAYOUT, height=height_px, xaxis={"title": {"text": f"time, {unit}"}}
    )
    return figure


def _cut_lines(
    runs: pd.DataFrame, blocks: pd.DataFrame, unit_s: float, per_line: int
) -> tuple[NDArray, ...]:
    """Return the blocks as `_rectangles` does, cut at multiples of so many cores."""
    left, right, low, high, run = _rectangles(runs, blocks, unit_s)
    pieces = ((high - 1) // per_line - low // per_line + 1).astype(np.intp)
    block = np.repeat(np.arange(run.size), pieces)
    place = np.arange(block.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    border = (low[block] // per_line + place) * per_line
    low, high = np.maximum(low[block], border), np.minimum(high[block], border + per_line)
    return left[block], right[block], low, high, run[block]


def _with_gaps(starts: NDArray, stops: NDArray) -> list:
    """Return start, stop, None, start, stop, None, ..."""
    points = np.full((len(starts), 3), None, dtype=object)
    points[:, 0], points[:, 1] = starts, stops
    return points.ravel().tolist()


_CHART = """<div class="offline-chart" data-chart="{data}" data-library="{library}">
<button type="button">Show the interactive chart: {label} ({size})</button>
<p role="status" aria-live="polite"></p>
<div role="img" aria-label="{alt}"></div>
<noscript><p>The chart needs JavaScript.</p></noscript>
</div>
<script>
(() => {{
  const box = document.currentScript.previousElementSibling;
  const [button, said, place] = box.children;
  const library = () => window.Plotly ? Promise.resolve() : new Promise((done, failed) => {{
    const script = document.createElement("script");
    script.src = box.dataset.library;
    script.onload = done;
    script.onerror = () => failed(new Error("its library is not beside this page"));
    document.head.append(script);
  }});
  const chart = async () => {{
    const packed = Uint8Array.from(atob(box.dataset.chart), (c) => c.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return JSON.parse(await new Response(stream).text());
  }};
  button.addEventListener("click", async () => {{
    button.disabled = true;
    said.textContent = "Loading ...";
    try {{
      const [figure] = await Promise.all([chart(), library()]);
      await Plotly.newPlot(place, figure.data, figure.layout, {{responsive: true, displaylogo: false}});
      said.textContent = "";
      button.remove();
    }} catch (error) {{
      said.textContent = "The chart cannot be shown here: " + error.message + ".";
      button.disabled = false;
    }}
  }});
}})();
</script>
"""


@dataclass(frozen=True)
class OfflineChart:
    """An interactive chart in a page of the book, drawn when a reader asks for it.

    What is stored is the chart's data, compressed. Plotly's library (several MB) is loaded
    from beside the page, and nothing from elsewhere, when the button is pressed.

    Parameters
    ----------
    figure : plotly.graph_objects.Figure
        The chart. In a notebook ``chart.figure.show()`` shows it at once.
    label : str
        What it shows, in a few words, for the button.
    alt : str
        The same for readers who do not see it.
    library : str
        Address of the library, relative to the page.
    """

    figure: go.Figure
    label: str
    alt: str
    library: str = "_static/plotly/plotly.min.js"

    def packed(self) -> str:
        """Return data and layout as JSON, deflated, in base64."""
        text = self.figure.to_json(engine="json").encode("utf-8")
        return base64.b64encode(zlib.compress(text, 9)).decode("ascii")

    def _repr_html_(self) -> str:
        data = self.packed()
        return _CHART.format(
            data=data,
            library=escape(self.library),
            label=escape(self.label),
            size=f"{len(data) / 1e6 + 4.8:.1f} MB",
            alt=escape(self.alt),
        )

    def __repr__(self) -> str:
        return f"interactive chart, in the book's pages: {self.label}"
