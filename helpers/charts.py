"""One description of a chart, drawn twice: by matplotlib in print, as SVG on the book's pages.

A chapter says once what a chart holds (`Chart`, `Line`, `Axis`). `Chart.draw` draws it on axes;
`ByGrid` writes the charts of many grids into a page, where ``book/_static/grids.js`` draws those
of the grid that a reader chooses. Both draw the same points.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from helpers.figures import COLORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike

__all__ = ["Axis", "ByGrid", "Chart", "Line", "Picture", "stretches"]

_DASHES = {"": "-", "dashed": "--", "dotted": ":"}
_MARKS = ("o", "s", "^", "D", "v", "P")
_DIGITS = 4  # of a value on a page: more than a screen can show


@dataclass(frozen=True, eq=False)
class Axis:
    """One axis of a chart.

    Parameters
    ----------
    label : str
        Quantity and unit.
    low, high : float
        Its ends; ``low < high``, and ``low > 0`` on a logarithmic axis.
    ticks : mapping of float to str, optional
        Where it has ticks, and what they say; by default round numbers.
    log : bool
        Whether it is logarithmic.

    Raises
    ------
    ValueError
        If its ends are out of order.
    """

    label: str
    low: float
    high: float
    ticks: Mapping[float, str] = field(default_factory=dict)
    log: bool = False

    def __post_init__(self) -> None:
        if not (0 if self.log else -np.inf) < self.low < self.high < np.inf:
            least = "0 < low < high" if self.log else "low < high"
            raise ValueError(f"axis {self.label!r} from {self.low:g} to {self.high:g}: {least}.")

    @classmethod
    def over(cls, label: str, *values: ArrayLike, room: float = 0.06) -> Axis:
        """Return the axis that holds zero and all values, with some room beyond them."""
        every = np.concatenate(
            [np.ravel(np.asarray(one, float)) for one in values] or [np.zeros(1)]
        )
        low, high = min(0.0, float(every.min())), max(0.0, float(every.max()))
        more = room * (high - low or 1.0)
        return cls(label, low - more if low else low, high + more if high or not low else high)


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a chart.

    Parameters
    ----------
    name : str
        What it shows.
    x, y : array_like, shape (n,)
        Its points, in the units of the axes; NaN for a point that is missing.
    color : str
        A meaning of `helpers.figures.COLORS`.
    low, high : array_like, shape (n,), optional
        Ends of an interval around each point.
    dash : {"", "dashed", "dotted"}
        How it is drawn; the same colour may stand for one thing in several forms.
    steps : bool
        Whether each value holds up to the next x; there are no marks then.

    Raises
    ------
    ValueError
        If there is no such colour, or points and interval do not match.
    """

    name: str
    x: ArrayLike
    y: ArrayLike
    color: str
    low: ArrayLike = ()
    high: ArrayLike = ()
    dash: Literal["", "dashed", "dotted"] = ""
    steps: bool = False

    def __post_init__(self) -> None:
        if self.color not in COLORS:
            raise ValueError(f"line {self.name!r}: color {self.color!r} is no name of COLORS.")
        lengths = {len(np.atleast_1d(values)) for values in (self.x, self.y)}
        ends = {len(np.atleast_1d(values)) for values in (self.low, self.high)}
        if len(lengths) > 1 or ends not in ({0}, lengths):
            raise ValueError(
                f"line {self.name!r}: x and y must be as long as each other, low and high as long "
                "as they are or empty."
            )


@dataclass(frozen=True, eq=False)
class Chart:
    """Lines over two axes.

    Parameters
    ----------
    title : str
        What it shows, in a few words.
    x, y : Axis
        Its axes.
    lines : sequence of Line
        At least one.
    shaded : iterable of (float, float)
        Stretches of x that are shaded in the colour of clean hours.
    shaded_as : str
        What the shade means.
    level : float, optional
        A height that is marked by a thin line.
    """

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line]
    shaded: Sequence[tuple[float, float]] = ()
    shaded_as: str = ""
    level: float | None = None

    def draw(self, ax: Axes) -> None:
        """Draw it on axes of matplotlib."""
        for left, right in self.shaded:
            ax.axvspan(left, right, color=COLORS["green"], alpha=0.18, linewidth=0)
        if self.level is not None:
            ax.axhline(self.level, color=COLORS["baseline"], linewidth=1)
        for number, line in enumerate(self.lines):
            color, x, y = COLORS[line.color], np.asarray(line.x, float), np.asarray(line.y, float)
            if len(np.atleast_1d(line.low)):
                ax.fill_between(x, line.low, line.high, color=color, alpha=0.15, linewidth=0)
            look: dict[str, Any] = {"color": color, "linestyle": _DASHES[line.dash]}
            if line.steps:
                ax.step(x, y, where="post", label=line.name, **look)
            else:
                mark: dict[str, Any] = {"marker": _MARKS[number % len(_MARKS)], "markersize": 4}
                ax.plot(x, y, label=line.name, **look, **mark)
        for axis, which in ((self.x, "x"), (self.y, "y")):
            if axis.log:
                getattr(ax, f"set_{which}scale")("log")
            getattr(ax, f"set_{which}lim")(axis.low, axis.high)
            if axis.ticks:
                getattr(ax, f"set_{which}ticks")(list(axis.ticks), list(axis.ticks.values()))
                getattr(ax, f"{which}axis").minorticks_off()
        ax.set(title=self.title, xlabel=self.x.label, ylabel=self.y.label)

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain types for JSON, values to four digits."""
        return {
            "title": self.title,
            "x": _axis(self.x),
            "y": _axis(self.y),
            "lines": [_line(line) for line in self.lines],
            "shaded": [[_short(left), _short(right)] for left, right in self.shaded],
            "shaded_as": self.shaded_as,
            "level": self.level,
        }


@dataclass(frozen=True, eq=False)
class Picture:
    """Charts that one figure of a page holds.

    Parameters
    ----------
    name : str
        The figure's name on the page, such as ``fig:grid-weeks``.
    charts : sequence of Chart
        What it holds.
    said : str
        What they show, in one or two sentences.
    """

    name: str
    charts: Sequence[Chart]
    said: str


class ByGrid:
    """Pictures of many grids: a page shows those of the grid that its reader chooses.

    Parameters
    ----------
    pictures : mapping of str to sequence of Picture
        By zone; the same figures for each.
    places : mapping of str to str
        What each zone is called.
    chosen : str
        The zone that the page's own figures show.
    said : mapping of str to str
        One sentence on each zone, told when it is chosen.

    Raises
    ------
    ValueError
        If zones do not have the same figures, or names or sentences are missing.
    """

    def __init__(
        self,
        pictures: Mapping[str, Sequence[Picture]],
        places: Mapping[str, str],
        chosen: str,
        said: Mapping[str, str],
    ) -> None:
        figures = {tuple(picture.name for picture in own) for own in pictures.values()}
        if len(figures) != 1:
            raise ValueError(f"grids have different figures: {sorted(figures)}.")
        for what, known in (("places", places), ("said", said), ("pictures", pictures)):
            missing = [zone for zone in (*pictures, chosen) if zone not in known]
            if missing:
                there = ", ".join(map(repr, known))
                raise ValueError(f"{what} has no {missing[0]!r}: there are {there}.")
        self.pictures, self.places, self.chosen, self.said = pictures, places, chosen, said

    def as_dict(self) -> dict[str, Any]:
        """Return everything the page shows, as plain types for JSON."""
        used = {
            line.color
            for own in self.pictures.values()
            for picture in own
            for chart in picture.charts
            for line in chart.lines
        }
        return {
            "chosen": self.chosen,
            "colors": {name: COLORS[name] for name in sorted(used | {"green"})},
            "zones": {
                zone: {
                    "place": self.places[zone],
                    "said": self.said[zone],
                    "pictures": [
                        {
                            "name": picture.name,
                            "said": picture.said,
                            "charts": [chart.as_dict() for chart in picture.charts],
                        }
                        for picture in own
                    ],
                }
                for zone, own in self.pictures.items()
            },
        }

    def __repr__(self) -> str:
        figures = len(next(iter(self.pictures.values())))
        return (
            f"{figures} figures for each of {len(self.pictures)} grids; "
            f"on the book's page a reader chooses one, here they show {self.places[self.chosen]}."
        )

    def _repr_html_(self) -> str:
        # No "<" in the data: it could end the element that holds them, or open another.
        told = json.dumps(self.as_dict(), allow_nan=False, separators=(",", ":"))
        options = "".join(
            f'<option value="{escape(zone)}"{" selected" * (zone == self.chosen)}>'
            f"{escape(self.places[zone])} ({escape(zone)})</option>"
            for zone in sorted(self.pictures, key=lambda zone: self.places[zone])
        )
        return _PAGE.format(
            options=options,
            place=escape(self.places[self.chosen]),
            data=told.replace("<", "\\u003c"),
        )


def stretches(where: ArrayLike, edges: ArrayLike | None = None) -> list[tuple[float, float]]:
    """Return from where to where a step function holds.

    Parameters
    ----------
    where : array_like of bool, shape (n,)
        Whether it holds in each step.
    edges : array_like, shape (n + 1,), optional
        The borders of the steps; by default 0, 1, ..., n.
    """
    holds = np.concatenate([[False], np.asarray(where, bool), [False]])
    ends = np.flatnonzero(holds[1:] != holds[:-1])
    borders = np.arange(holds.size - 1) if edges is None else np.asarray(edges, float)
    return [(float(borders[a]), float(borders[b])) for a, b in ends.reshape(-1, 2)]


def _short(value: float) -> float | None:
    """Return a number to four digits, None for one that is missing."""
    return None if np.isnan(value) else float(f"{value:.{_DIGITS}g}")


def _numbers(values: ArrayLike) -> list[float | None]:
    return [_short(value) for value in np.asarray(values, float)]


def _axis(axis: Axis) -> dict[str, Any]:
    told = {"label": axis.label, "low": _short(axis.low), "high": _short(axis.high)}
    return told | {"log": axis.log, "ticks": [[x, text] for x, text in axis.ticks.items()]}


def _line(line: Line) -> dict[str, Any]:
    values: Iterable[tuple[str, ArrayLike]] = (
        ("x", line.x),
        ("y", line.y),
        ("low", line.low),
        ("high", line.high),
    )
    look = {"name": line.name, "color": line.color, "dash": line.dash, "steps": line.steps}
    return dict(chain(look.items(), ((name, _numbers(given)) for name, given in values)))


_PAGE = """<div class="grids">
<form class="grids-choose" hidden onsubmit="return false" aria-label="Choose a grid">
<label>Grid <select name="zone">{options}</select></label>
<p class="grids-said" role="status"></p>
</form>
<noscript><p>The figures show {place}; choosing another grid needs JavaScript.</p></noscript>
<script type="application/json" class="grids-data">{data}</script>
<script src="_static/chart.js" defer></script>
<script src="_static/grids.js" defer></script>
</div>"""
